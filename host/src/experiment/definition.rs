//! An experiment: a network, how it is trained, and what the report says about it.

use asymgrad_core::Loss;
use serde::{Deserialize, Serialize};

use super::claim::Claim;
use super::options::Options;
use crate::{Network, ParseNetworkError};

/// Epochs of the table of feedback rules.
const RULES_EPOCHS: u32 = 25;

/// One experiment: a network, how it is trained where that differs from the defaults, and what the report says about it.
///
/// `None` means the default of a run; an option on the command line wins over both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Experiment {
    /// The experiment's name as in the report's tables, unique.
    pub name: String,
    /// The network in the report's notation.
    pub network: String,
    /// The name of the loss, such as `ce`.
    pub loss: String,
    /// The report's table, 1 to 4; `None` for an extra experiment.
    #[serde(default)]
    pub table: Option<u8>,
    /// The test accuracies that the report publishes, by rising epochs; empty for an extra experiment.
    #[serde(default)]
    pub published: Vec<Published>,
    /// Learning rate.
    #[serde(default)]
    pub lr: Option<f32>,
    /// Images of the validation split.
    #[serde(default)]
    pub validation: Option<usize>,
    /// Epochs; without them the fewest of a published figure, or those of `suite --rules`, 25, if it is in that table.
    #[serde(default)]
    pub epochs: Option<u32>,
    /// Whether the experiment is one of the table of feedback rules, `suite --rules`.
    #[serde(default)]
    pub rules: bool,
    /// The data set that the experiment is about.
    #[serde(default)]
    pub data: Option<String>,
    /// The file of the weights that the runs begin with.
    #[serde(default)]
    pub init: Option<String>,
    /// What a reader of the experiment should know.
    #[serde(default)]
    pub note: Option<String>,
    /// The sentence of the report that the experiment tests.
    #[serde(default)]
    pub claim: Option<Claim>,
    /// What else it states of the options of `run`: the optimizer, the batch, and so on.
    #[serde(flatten, skip_deserializing)]
    pub options: Options,
}

/// A test accuracy that the report publishes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Epochs of training.
    pub epochs: u32,
    /// Correct on the test set, in percent.
    pub accuracy: f64,
}

/// Why no run can be made of an experiment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// Its text names no network.
    #[error("experiment {experiment}: {cause}")]
    Network {
        /// The experiment's name.
        experiment: String,
        /// What is wrong with the text.
        cause: ParseNetworkError,
    },
    /// There is no such loss.
    #[error("experiment {experiment}: there is no loss `{loss}`; the losses are {}", Loss::ALL.map(Loss::name).join(", "))]
    Loss {
        /// The experiment's name.
        experiment: String,
        /// The loss that it names.
        loss: String,
    },
}

impl Experiment {
    /// Epochs in the table of feedback rules.
    pub fn rules_epochs(&self) -> u32 {
        self.epochs.unwrap_or(RULES_EPOCHS)
    }

    /// Epochs where neither the report nor a claim says how many: its own, or those of the table of rules.
    pub fn own_epochs(&self) -> Option<u32> {
        self.epochs.or(self.rules.then_some(RULES_EPOCHS))
    }

    /// The network that it names.
    ///
    /// # Errors
    /// [`ExperimentError::Network`].
    pub fn parsed_network(&self) -> Result<Network, ExperimentError> {
        self.network.parse().map_err(|cause| ExperimentError::Network { experiment: self.name.clone(), cause })
    }

    /// The loss that it names.
    ///
    /// # Errors
    /// [`ExperimentError::Loss`].
    pub fn parsed_loss(&self) -> Result<Loss, ExperimentError> {
        let known = Loss::ALL.into_iter().find(|loss| loss.name() == self.loss);
        known.ok_or_else(|| ExperimentError::Loss { experiment: self.name.clone(), loss: self.loss.clone() })
    }
}
