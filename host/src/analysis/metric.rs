//! What runs are compared by: the test accuracy or, where predictions are neither right nor wrong, the test loss.

use std::cmp::Ordering;

use serde::Serialize;

use crate::config::Config;
use crate::run::EpochLine;

/// What runs are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Test accuracy in percent.
    Accuracy,
    /// Test loss.
    Loss,
}

impl Metric {
    /// That of a run.
    pub fn of(config: &Config) -> Self {
        if config.has_accuracy() { Self::Accuracy } else { Self::Loss }
    }

    /// Its number of an epoch; `None` if the epoch has none.
    pub(crate) fn value(self, line: &EpochLine) -> Option<f64> {
        match self {
            Self::Accuracy => line.test_accuracy,
            Self::Loss => Some(line.test_loss),
        }
    }

    /// Its largest number, beside a least one of 0.
    pub(crate) fn most(self) -> f64 {
        match self {
            Self::Accuracy => 100.0,
            Self::Loss => f64::INFINITY,
        }
    }

    /// Decimals of a number for a reader.
    pub(crate) fn digits(self) -> usize {
        match self {
            Self::Accuracy => 2,
            Self::Loss => 4,
        }
    }

    /// The order of two numbers, the better first; nothing comes last.
    pub(crate) fn order(self, a: Option<f64>, b: Option<f64>) -> Ordering {
        let worst = match self {
            Self::Accuracy => 0.0,
            Self::Loss => f64::INFINITY,
        };
        let [a, b] = [a, b].map(|number| number.unwrap_or(worst));
        match self {
            Self::Accuracy => b.total_cmp(&a),
            Self::Loss => a.total_cmp(&b),
        }
    }
}
