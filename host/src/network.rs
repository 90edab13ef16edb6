//! A network that owns its layers: what files and command lines name.

use std::fmt;
use std::str::FromStr;

use asymgrad_core::{Activation, Architecture, Feedback, Layer, Padding, ParseError, Shape};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most layers a network's text may have.
const MOST_LAYERS: usize = 256;

/// A network; its text form is the report's notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    input: Shape,
    layers: Vec<Layer>,
}

impl Network {
    /// The network as the core takes it.
    pub fn architecture(&self) -> Architecture<'_> {
        Architecture::new(self.input, &self.layers)
    }

    /// What to say of a feedback rule that has no effect: no layer before the first one with weights takes an input gradient.
    pub fn rule_without_effect(&self) -> Option<String> {
        let first = self.layers.iter().find(|layer| layer.operation.has_weights())?;
        (first.feedback != Feedback::Symmetric).then(|| {
            format!("`{first}` is the first layer with weights: no layer before it takes its input gradient, so its rule has no effect")
        })
    }

    /// The layers that send an input gradient back: those with weights, but the first.
    pub(crate) fn senders(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(|layer| layer.operation.has_weights()).skip(1)
    }

    /// The same layers, all with the true gradient.
    #[must_use]
    pub fn without_feedback(&self) -> Self {
        let layers = self.layers.iter().map(|layer| layer.feedback(Feedback::default())).collect();
        Self { input: self.input, layers }
    }
}

/// Why a text names no network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}{}", nearest.map_or_else(String::new, |nearest| format!("; the nearest is `{nearest}`")))]
pub struct ParseNetworkError {
    /// What is wrong, and where in the text.
    pub problem: String,
    /// The layer, activation or rule that differs least from an unknown word.
    pub nearest: Option<&'static str>,
}

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut layers = vec![Layer::dense(1); MOST_LAYERS];
        let network = Architecture::parse(text, &mut layers)
            .map_err(|error| ParseNetworkError { problem: error.to_string(), nearest: nearest(&error) })?;
        Ok(Self { input: network.input(), layers: network.layers().to_vec() })
    }
}

/// The layer, activation or rule that differs least from a word of that kind which is none.
fn nearest(error: &ParseError<'_>) -> Option<&'static str> {
    let ParseError::Token { found, .. } = error else { return None };
    let letters = found.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let (word, words) = match found.chars().next()? {
        '(' => (*found, Feedback::ALL.map(Feedback::notation).to_vec()),
        '.' => {
            let padding = Padding::Valid.notation();
            (*found, Activation::ALL.map(Activation::notation).into_iter().chain([padding]).collect())
        }
        _ => (letters, vec!["dense", "conv", "untied", "maxpool", "avgpool", "globalavgpool"]),
    };
    if word.is_empty() || words.contains(&word) {
        return None;
    }
    words.into_iter().filter(|word| !word.is_empty()).min_by_key(|known| strsim::damerau_levenshtein(known, word))
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.architecture().fmt(f)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_on_the_first_layer_with_weights_has_no_effect() {
        let notice = |text: &str| text.parse::<Network>().unwrap().rule_without_effect();
        for text in ["input 3x8x8 - maxpool2x2/2 - dense9(R) - dense10", "input 64 - dense9(R) - dense10(DFA)"] {
            assert!(notice(text).is_some_and(|notice| notice.starts_with("`dense9(R)` is the first")), "{text}");
        }
        for text in ["input 64 - dense9 - dense10(R)", "input 64 - dense10"] {
            assert_eq!(notice(text), None, "{text}");
        }
    }

    #[test]
    fn an_unknown_word_is_named_with_the_nearest() {
        for (text, expected) in [
            ("input 64 - dens32 - dense10", "position 11, found `dens32`; the nearest is `dense`"),
            ("input 64 - Dense10", "position 11, found `Dense10`; the nearest is `dense`"),
            ("input 3x8x8 - maxpol3x3/2 - dense10", "found `maxpol3x3/2`; the nearest is `maxpool`"),
            ("input 64 - dense9.sigmod - dense10", "position 17, found `.sigmod`; the nearest is `.sigmoid`"),
            ("input 64 - dense9.tan(R) - dense10", "position 17, found `.tan`; the nearest is `.tanh`"),
            ("input 3x8x8 - conv3x3x2/2.vald - dense10", "position 25, found `.vald`; the nearest is `.valid`"),
            ("input 3x8x8 - globalavepool - dense10", "found `globalavepool`; the nearest is `globalavgpool`"),
            ("input 64 - dense9 - dense10(r)", "position 27, found `(r)`; the nearest is `(R)`"),
            ("input 64 - dense9 - dense10(FA)", "position 27, found `(FA)`; the nearest is `(DFA)`"),
            ("input 64 - dense9 - dense10(SF)", "position 27, found `(SF)`; the nearest is `(uSF)`"),
            ("input 64 - dense9 - dense10(DTRP)", "position 27, found `(DTRP)`; the nearest is `(DRTP)`"),
        ] {
            let error = text.parse::<Network>().unwrap_err().to_string();
            assert!(error.ends_with(expected), "{text}: {error}");
        }
        for text in ["input 64 - dense - dense10", "input 64 - dense9/2", "input 64 - ", "input 64 - dense0"] {
            let error = text.parse::<Network>().unwrap_err();
            assert_eq!(error.nearest, None, "{text}: {error}");
        }
    }
}
