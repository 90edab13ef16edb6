//! A claim of the report's text as data: what it expects of an experiment's run, and when a run agrees or contradicts.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Twice the accuracy of guessing among ten classes, in percent: a network below it has learned nothing.
pub(crate) const NOTHING_LEARNED: f64 = 20.0;
/// At this accuracy in percent a network has clearly learned.
pub(crate) const LEARNED: f64 = 40.0;
/// A training loss above this is off the chart: guessing gives ln 10.
pub(crate) const OFF_THE_CHART: f64 = 10.0;

/// A claim of the report's text, and when a run says something about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The report's words.
    pub sentence: String,
    /// What the claim expects of the run.
    #[serde(rename = "measure")]
    pub expectation: Expectation,
    /// The least epochs for a verdict.
    pub epochs: u32,
}

/// What a claim expects of a run, in accuracy on the test set in percent; its text says when it agrees and when it contradicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "expect", rename_all = "lowercase", deny_unknown_fields)]
pub enum Expectation {
    /// The run reaches an accuracy.
    Works {
        /// It agrees from here.
        from: f64,
        /// It contradicts below.
        below: f64,
    },
    /// The run learns nothing.
    Fails,
    /// The run is better than another experiment's.
    Better {
        /// The other experiment.
        than: String,
        /// It agrees from so many points.
        by: f64,
    },
    /// The run is worse than another experiment's.
    Worse {
        /// The other experiment.
        than: String,
        /// It agrees from so many points.
        by: f64,
    },
    /// The loss leaves the chart.
    Intractable,
}

impl Expectation {
    /// In a few words: `worse than DS0`.
    pub fn summary(&self) -> String {
        match self {
            Self::Works { .. } => "works".into(),
            Self::Fails => "fails".into(),
            Self::Better { than, .. } => format!("better than {than}"),
            Self::Worse { than, .. } => format!("worse than {than}"),
            Self::Intractable => "loss grows".into(),
        }
    }

    /// The experiment that the run is compared with.
    pub fn than(&self) -> Option<&str> {
        match self {
            Self::Better { than, .. } | Self::Worse { than, .. } => Some(than),
            _ => None,
        }
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Works { from, below } => {
                write!(f, "agrees from {from} %; contradicts below {below} % or if the loss diverges")
            }
            Self::Fails => {
                write!(f, "agrees below {NOTHING_LEARNED} % or if the loss diverges; contradicts from {LEARNED} %")
            }
            Self::Better { than, by } => write!(
                f,
                "agrees from {by} points above {than}, or from {NOTHING_LEARNED} % if {than} diverges; contradicts if not \
                 above {than}, or if the loss diverges"
            ),
            Self::Worse { than, by } => write!(
                f,
                "agrees from {by} points below {than}, or if the loss diverges and that of {than} does not; contradicts if \
                 not below {than}"
            ),
            Self::Intractable => write!(
                f,
                "agrees if the training loss diverges, ends above {OFF_THE_CHART} or above that of epoch 1; contradicts if it \
                 ends below ln 10, the loss of guessing, with an accuracy from {LEARNED} %"
            ),
        }
    }
}
