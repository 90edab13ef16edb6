//! The values of options: one parser for each kind.

use asymgrad::config::MeasureSet;
use asymgrad_core::{Initial, Loss, Optimizer};

/// The name of an optimizer.
pub(super) fn optimizer(name: &str) -> Result<Optimizer, String> {
    let known = Optimizer::DEFAULTS.into_iter().find(|optimizer| optimizer.name() == name);
    known.ok_or_else(|| {
        format!("the optimizers are {}", Optimizer::DEFAULTS.map(|optimizer| optimizer.name()).join(", "))
    })
}

/// The name of a loss.
pub(super) fn loss(name: &str) -> Result<Loss, String> {
    let known = Loss::ALL.into_iter().find(|loss| loss.name() == name);
    known.ok_or_else(|| format!("the losses are {}", Loss::ALL.map(Loss::name).join(", ")))
}

/// `glorot`, `scaled:FACTOR`, `normal:DEVIATION` or `fan:GAIN`.
pub(super) fn initial(text: &str) -> Result<Initial, String> {
    let known = "the distributions are glorot, scaled:FACTOR, normal:DEVIATION and fan:GAIN";
    match text.split_once(':') {
        None if text == "glorot" => Ok(Initial::Glorot),
        Some(("scaled", number)) => positive(number).map(Initial::Scaled),
        Some(("normal", number)) => positive(number).map(Initial::Normal),
        Some(("fan", number)) => positive(number).map(Initial::Fan),
        _ => Err(known.into()),
    }
}

/// The name of a set of measures.
pub(super) fn measures(name: &str) -> Result<MeasureSet, String> {
    let known = MeasureSet::ALL.into_iter().find(|set| set.name() == name);
    known.ok_or_else(|| format!("the sets of measures are {}", MeasureSet::ALL.map(MeasureSet::name).join(", ")))
}

/// `1..5`, both ends included.
pub(super) fn seed_range(text: &str) -> Result<(u64, u64), String> {
    let ends = text.split_once("..").and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    ends.filter(|(first, last)| first <= last && last - first < 1000).ok_or_else(|| {
        "it has to be two whole numbers, such as 1..5, the first one not above the last, at most a thousand seeds"
            .into()
    })
}

/// A finite number above 0.
pub(super) fn positive(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|number: &f32| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "it has to be a number above 0".into())
}

/// A whole number above 0.
pub(super) fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "it has to be a whole number above 0".into())
}
