//! Figures as text, the same in every format.

use crate::analysis::{Ours, Paired};

/// `47.06`, or what kept it from being a number.
pub(crate) fn accuracy(ours: &Ours) -> String {
    ours.mean.map_or_else(|| "diverged".into(), |mean| format!("{mean:.2}"))
}

/// `23–25`, or `12`.
pub(crate) fn epochs(ours: &Ours) -> String {
    let [first, last] = ours.epochs;
    if first == last { last.to_string() } else { format!("{first}–{last}") }
}

/// `46.10–48.02`, from two runs on.
pub(crate) fn interval(ours: &Ours) -> String {
    ours.interval.map_or_else(String::new, |[low, high]| format!("{low:.2}–{high:.2}"))
}

/// The best epoch, `48.01`.
pub(crate) fn best(ours: &Ours) -> String {
    ours.best.map_or_else(String::new, |best| format!("{best:.2}"))
}

/// The difference to the true gradient, seed by seed.
pub(crate) fn paired(paired: Option<&Paired>) -> String {
    paired.map_or_else(String::new, |paired| format!("{} to {}", paired.text(), paired.to))
}
