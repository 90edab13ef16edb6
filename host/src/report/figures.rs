//! Figures as text, the same in every format.

use crate::analysis::{Ours, Paired};

/// A test accuracy, `47.06`, or a test loss, `0.0123`; or what kept it from being a number.
pub(crate) fn mean(ours: &Ours) -> String {
    ours.mean.map_or_else(|| "diverged".into(), |mean| format!("{mean:.0$}", ours.metric.digits()))
}

/// What epoch 0 is, which a run of `--epochs 0` has.
pub(crate) const AT_START: &str = "the weights before the first step";

/// `23–25`, `12`, `0 (the weights before the first step)`, or `–` if all runs diverged.
pub(crate) fn epochs(ours: &Ours) -> String {
    match ours.epochs {
        _ if ours.mean.is_none() => "–".into(),
        [_, 0] => format!("0 ({AT_START})"),
        [first, last] if first == last => last.to_string(),
        [first, last] => format!("{first}–{last}"),
    }
}

/// `46.10–48.02`, from two runs on.
pub(crate) fn interval(ours: &Ours) -> String {
    let digits = ours.metric.digits();
    ours.interval.map_or_else(String::new, |[low, high]| format!("{low:.digits$}–{high:.digits$}"))
}

/// A ROC-AUC with the interval that the number of test images gives it, `0.8123 [0.7811, 0.8435]`.
pub(crate) fn roc_auc(ours: &Ours) -> String {
    let Some(area) = ours.roc_auc else { return String::new() };
    let interval = ours.roc_auc_test_interval;
    format!("{area:.4}{}", interval.map_or_else(String::new, |[low, high]| format!(" [{low:.4}, {high:.4}]")))
}

/// The best epoch, `48.01`.
pub(crate) fn best(ours: &Ours) -> String {
    ours.best.map_or_else(String::new, |best| format!("{best:.0$}", ours.metric.digits()))
}

/// The difference to the true gradient, seed by seed.
pub(crate) fn paired(paired: Option<&Paired>) -> String {
    paired.map_or_else(String::new, |paired| format!("{} to {}", paired.text(), paired.to))
}

/// Text without the ends of lines, which would end a row, a heading or a list item of Markdown, or a comment of LaTeX.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
