//! The distributions of initial values: one for all layers, and others for some of them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use asymgrad_core::Initial;
use serde::{Deserialize, Serialize};

use super::values::initial;

/// The distributions of the initial weights, feedback or biases of a network, such as `glorot,3=normal:0.1`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Initials {
    /// The distribution of the layers that are not named.
    pub default: Initial,
    /// Those of other layers, by the layer's number among all layers, from 1.
    pub layers: BTreeMap<usize, Initial>,
}

impl Initials {
    /// One distribution for all layers.
    pub const fn all(default: Initial) -> Self {
        Self { default, layers: BTreeMap::new() }
    }

    /// The distribution of a layer, by its number from 1.
    pub fn of(&self, layer: usize) -> Initial {
        self.layers.get(&layer).copied().unwrap_or(self.default)
    }
}

impl fmt::Display for Initials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.default)?;
        self.layers.iter().try_for_each(|(layer, initial)| write!(f, ",{layer}={initial}"))
    }
}

impl FromStr for Initials {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut items = text.split(',');
        let first = items.next().unwrap_or_default();
        if first.contains('=') {
            return Err(format!(
                "`{first}` names a layer; the distribution of all other layers comes first, such as glorot,{text}"
            ));
        }
        let mut initials = Self::all(initial(first)?);
        for item in items {
            let of_layer = |(layer, text): (&str, _)| Some((layer.parse().ok().filter(|layer| *layer > 0)?, text));
            let Some((layer, text)) = item.split_once('=').and_then(of_layer) else {
                return Err(format!(
                    "`{item}` is no layer's distribution: after the first one, which is that of all other layers, each has its layer's \
                     number, from 1 on, before it, such as glorot,3=normal:0.1"
                ));
            };
            if initials.layers.insert(layer, initial(text)?).is_some() {
                return Err(format!("layer {layer} is named twice; leave one of them out"));
            }
        }
        Ok(initials)
    }
}

/// As `config.json` has it: one distribution as the core writes it, several as the text of the command line.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    One(Initial),
    Several(String),
}

impl From<Initials> for Written {
    fn from(initials: Initials) -> Self {
        if initials.layers.is_empty() { Self::One(initials.default) } else { Self::Several(initials.to_string()) }
    }
}

impl TryFrom<Written> for Initials {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::One(initial) => Ok(Self::all(initial)),
            Written::Several(text) => text.parse(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_read_from_what_is_written() {
        for (text, json) in [
            ("glorot", "\"glorot\""),
            ("zero", "\"zero\""),
            ("normal:0.5", "{\"normal\":0.5}"),
            ("uniform:0.25", "{\"uniform\":0.25}"),
            ("uniform-fan-in:1", "{\"uniform-fan-in\":1.0}"),
            ("uniform-fan-out:2", "{\"uniform-fan-out\":2.0}"),
            ("glorot,3=normal:0.5,4=zero", "\"glorot,3=normal:0.5,4=zero\""),
        ] {
            let initials: Initials = text.parse().unwrap();
            assert_eq!(initials.to_string(), text);
            assert_eq!(serde_json::to_string(&initials).unwrap(), json);
            assert_eq!(serde_json::from_str::<Initials>(json).unwrap(), initials);
        }
        let initials: Initials = "scaled:2,4=zero".parse().unwrap();
        assert_eq!([1, 4].map(|layer| initials.of(layer)), [Initial::Scaled(2.0), Initial::Zero]);
    }

    #[test]
    fn a_text_that_is_no_distribution_is_refused() {
        for (text, why) in [
            ("", "the distributions are"),
            ("zero:1", "the distributions are"),
            ("uniform-fan-in", "the distributions are"),
            ("uniform:0", "it has to be a number above 0"),
            (
                "3=zero",
                "`3=zero` names a layer; the distribution of all other layers comes first, such as glorot,3=zero",
            ),
            ("glorot,zero", "`zero` is no layer's distribution"),
            ("glorot,0=zero", "`0=zero` is no layer's distribution"),
            ("glorot,0=zero", "number, from 1 on"),
            ("glorot,2=zero,2=glorot", "layer 2 is named twice"),
        ] {
            let found = text.parse::<Initials>().unwrap_err();
            assert!(found.contains(why), "{text}: {found}");
        }
    }
}
