//! The values of options: one parser for each kind.

use std::ffi::OsStr;

use asymgrad_core::{Activation, Initial, Loss, Optimizer};
use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command};

use super::measure_set::MeasureSet;

/// Parses one of a few names, which completions know, too.
#[derive(Clone, Copy, Debug)]
pub struct Names<T: 'static> {
    /// What they are, such as `losses`.
    what: &'static str,
    all: &'static [T],
    name: fn(&T) -> &'static str,
}

/// The name of a loss.
pub const LOSSES: Names<Loss> = Names { what: "losses", all: &Loss::ALL, name: |loss| loss.name() };

/// The name of an optimizer.
pub const OPTIMIZERS: Names<Optimizer> = Names { what: "optimizers", all: &Optimizer::DEFAULTS, name: Optimizer::name };

/// The name of an activation.
pub const ACTIVATIONS: Names<Activation> = Names { what: "activations", all: &Activation::ALL, name: Activation::name };

/// The name of a set of measures.
pub const MEASURES: Names<MeasureSet> =
    Names { what: "sets of measures", all: &MeasureSet::ALL, name: |set| set.name() };

impl<T: Copy> Names<T> {
    fn find(&self, name: &str) -> Result<T, String> {
        let known = self.all.iter().find(|known| (self.name)(known) == name).copied();
        known.ok_or_else(|| {
            format!("the {} are {}", self.what, self.all.iter().map(self.name).collect::<Vec<_>>().join(", "))
        })
    }
}

impl<T: Copy + Send + Sync> TypedValueParser for Names<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let names = *self;
        (move |name: &str| names.find(name)).parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.all.iter().map(|known| PossibleValue::new((self.name)(known)))))
    }
}

/// A distribution of initial values, such as `normal:0.05`.
///
/// # Errors
/// Says what the distributions are.
pub fn initial(text: &str) -> Result<Initial, String> {
    let known = "the distributions are glorot, scaled:FACTOR, normal:DEVIATION, fan:GAIN, uniform:BOUND, uniform-fan-in:GAIN, \
                 uniform-fan-out:GAIN and zero";
    match text.split_once(':') {
        None if text == "glorot" => Ok(Initial::Glorot),
        None if text == "zero" => Ok(Initial::Zero),
        Some(("scaled", number)) => positive(number).map(Initial::Scaled),
        Some(("normal", number)) => positive(number).map(Initial::Normal),
        Some(("fan", number)) => positive(number).map(Initial::Fan),
        Some(("uniform", number)) => positive(number).map(Initial::Uniform),
        Some(("uniform-fan-in", number)) => positive(number).map(Initial::UniformFanIn),
        Some(("uniform-fan-out", number)) => positive(number).map(Initial::UniformFanOut),
        _ => Err(known.into()),
    }
}

/// `1..5`, both ends included.
///
/// # Errors
/// Says what a range is.
pub fn seed_range(text: &str) -> Result<(u64, u64), String> {
    let ends = text.split_once("..").and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    ends.filter(|(first, last)| first <= last && last - first < 1000).ok_or_else(|| {
        "it has to be two whole numbers, such as 1..5, the first one not above the last, at most a thousand seeds"
            .into()
    })
}

/// A finite number above 0.
///
/// # Errors
/// Says what the number has to be.
pub fn positive(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|number: &f32| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "it has to be a number above 0 and at most 3.4e38".into())
}

/// A finite number of at least 0.
///
/// # Errors
/// Says what the number has to be.
pub fn non_negative(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|number: &f32| *number >= 0.0 && number.is_finite());
    number.ok_or_else(|| "it has to be a number from 0 to 3.4e38".into())
}

/// A number from 0 to below 1.
///
/// # Errors
/// Says what the number has to be.
pub fn fraction(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|number: &f32| (0.0..1.0).contains(number));
    number.ok_or_else(|| "it has to be a number from 0 to below 1".into())
}

/// A whole number above 0.
///
/// # Errors
/// Says what the number has to be.
pub fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "it has to be a whole number above 0".into())
}

/// A name that can be a run's folder.
///
/// # Errors
/// Says what a name has.
pub fn run_name(name: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_alphanumeric() || "-_+.".contains(letter);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(format!("`{name}` cannot be a run's folder: a name has letters, digits and -_+."));
    }
    Ok(name.to_owned())
}
