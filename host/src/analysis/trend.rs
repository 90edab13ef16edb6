//! A trend: an experiment's distance to the true-gradient experiment of its table and loss, in the report and here.

use serde::Serialize;

use super::groups::{Group, Ours, SAME};
use crate::experiment::{Experiment, Published};

/// An experiment's distance to the true gradient, there and here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// The true-gradient experiment; the experiment itself if it is one.
    pub baseline: String,
    /// The report's distance in points.
    pub report: f64,
    /// Ours.
    pub ours: f64,
    /// Whether they are of one kind.
    pub verdict: Agreement,
    /// Whether the runs are evidence: comparable with the report's.
    pub decided: bool,
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

    fn of(report: f64, ours: f64) -> Self {
        let kind = |distance: f64| i8::from(distance >= SAME) - i8::from(distance <= -SAME);
        match kind(report) * kind(ours) {
            -1 => Self::Contradicts,
            _ if kind(report) == kind(ours) => Self::Agrees,
            _ => Self::Differs,
        }
    }
}

/// The distances to the true gradient at the same epochs; `None` for the true gradient itself, or without runs of it.
pub(crate) fn trend(
    experiment: &Experiment,
    figure: Published,
    group: &Group,
    ours: &Ours,
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
    // The true gradient has one figure, at the fewest epochs.
    let there = figure.accuracy - baseline.published.first()?.accuracy;
    let both = twin.ours(ours.epochs[1])?.epochs[1];
    let here = group.ours(both)?.mean? - twin.ours(both)?.mean?;
    let verdict = Agreement::of(there, here);
    Some(Trend { baseline: baseline.name.clone(), report: there, ours: here, verdict, decided: false })
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
