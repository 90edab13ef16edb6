//! A trend: an experiment's distance to the true-gradient experiment of its table and loss, in the report and here.

use serde::Serialize;

use super::groups::{Group, SAME};
use super::paired::Paired;
use crate::experiment::{Experiment, Published};

/// An experiment's distance to the true gradient, there and here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// The true-gradient experiment.
    pub baseline: String,
    /// The report's distance in points.
    pub report: f64,
    /// The epochs of the report's two figures: the experiment's and the true gradient's.
    pub report_epochs: [u32; 2],
    /// Ours, the mean of `difference`.
    pub ours: f64,
    /// Ours, seed by seed, at the epochs of the report's figures, or up to the last epoch that both have.
    pub difference: Paired,
    /// Whether the mean distances are of one kind.
    pub verdict: Agreement,
    /// Whether the runs are evidence for that: comparable with the report's, and all of the interval is of one kind.
    pub decided: bool,
    /// Why they are not.
    pub undecided: Option<String>,
}

/// How two distances compare; each is worse, the same, or better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Agreement {
    /// Both are of one kind.
    Agrees,
    /// One is the same, the other is not.
    Differs,
    /// One is worse, the other better.
    Contradicts,
}

impl Agreement {
    /// One word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Differs => "differs",
            Self::Contradicts => "contradicts",
        }
    }

    /// Each distance is worse, the same, or better.
    fn of(report: f64, ours: f64) -> Self {
        let kind = |distance: f64| i8::from(distance >= SAME) - i8::from(distance <= -SAME);
        match kind(report) * kind(ours) {
            -1 => Self::Contradicts,
            _ if kind(report) == kind(ours) => Self::Agrees,
            _ => Self::Differs,
        }
    }
}

/// The distances to the true gradient; `None` for the true gradient itself, or without a run of it with the same seed.
///
/// The report has one figure of the true gradient, at the fewest epochs, so its figure at 200 epochs is compared with the true gradient
/// at 100, there and here.
pub(crate) fn trend(
    experiment: &Experiment,
    figure: Published,
    group: &Group,
    is_on_data: bool,
    table: &[&Experiment],
    groups: &[Group],
) -> Option<Trend> {
    let is_true = |experiment: &Experiment| !experiment.network.contains('(');
    let baseline = table.iter().find(|other| is_true(other) && other.loss == experiment.loss)?;
    if is_true(experiment) {
        return None;
    }
    let config = group.config()?;
    let twin = groups.iter().find(|twin| {
        twin.is_of(baseline) && twin.config().is_some_and(|c| c.data == config.data && c.class == config.class)
    })?;
    let same = baseline.published.iter().find(|other| other.epochs == figure.epochs);
    let theirs = same.or(baseline.published.first())?;
    let epochs = [figure.epochs, theirs.epochs];
    let report = figure.accuracy - theirs.accuracy;
    let difference = Paired::at(group, twin, epochs).or_else(|| Paired::of(group, twin, figure.epochs))?;
    let estimate = difference.difference?;
    let verdict = Agreement::of(report, estimate.mean);
    let leaves_open = || {
        let is_of_one_kind =
            estimate.interval.is_some_and(|ends| ends.map(|end| Agreement::of(report, end)) == [verdict; 2]);
        (!is_of_one_kind).then(|| "the interval is of more than one kind".to_owned())
    };
    let other_data = || (!is_on_data).then(|| format!("on {}", config.data.label()));
    let undecided = other_data().or_else(|| difference.undecided([group, twin], epochs)).or_else(leaves_open);
    Some(Trend {
        baseline: difference.to.clone(),
        report,
        report_epochs: epochs,
        ours: estimate.mean,
        difference,
        verdict,
        decided: undecided.is_none(),
        undecided,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_is_worse_the_same_or_better() {
        use Agreement::{Agrees, Contradicts, Differs};
        let verdicts = [(-5.9, -12.0), (-5.9, -1.0), (0.4, 1.9), (0.4, -3.0), (-5.0, 2.0), (3.0, 2.0)];
        let expected = [Agrees, Differs, Agrees, Differs, Contradicts, Agrees];
        assert_eq!(verdicts.map(|(there, here)| Agreement::of(there, here)), expected);
    }
}
