//! What a network is trained towards.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a network is trained towards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The class of each image.
    #[default]
    Class,
    /// The values that the data set has for each image: regression, or several labels of an image.
    Values,
    /// The network's own input, as an autoencoder reconstructs it.
    Input,
}

impl Target {
    /// All targets.
    pub const ALL: [Self; 3] = [Self::Class, Self::Values, Self::Input];

    /// The name on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Values => "values",
            Self::Input => "input",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that is no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the targets are class, values and input")]
pub struct ParseTargetError;

impl FromStr for Target {
    type Err = ParseTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|target| target.name() == text).ok_or(ParseTargetError)
    }
}
