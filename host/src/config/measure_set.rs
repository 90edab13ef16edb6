//! Which measures of the signals a run takes.

use serde::{Deserialize, Serialize};

/// Which measures of the signals a run takes. No measure changes a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeasureSet {
    /// Angles, norm ratios and dead units: the time of two steps.
    #[default]
    Angles,
    /// Also ranks, cosines, saturation, and the curvature along the update: the time of six steps, and the weights and their gradients
    /// in memory.
    All,
}

impl MeasureSet {
    /// Both sets.
    pub const ALL: [Self; 2] = [Self::Angles, Self::All];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Angles => "angles",
            Self::All => "all",
        }
    }
}
