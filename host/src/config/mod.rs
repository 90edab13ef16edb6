//! What a run is: all that its numbers depend on.
//!
//! - `command`: the command line that trains a configuration again
//! - `choices`: a configuration from what a user chooses, an experiment, and the defaults
//! - `fields`: the fields of `config.json`, and how two configurations differ
//! - `coefficients`: the coefficients of an optimizer
//! - `dataset_id`: the data set that a run is trained on
//! - `settings`: the settings of several runs as columns
//! - `schedule`: the learning rate by epoch

mod choices;
mod coefficients;
mod command;
mod dataset_id;
mod fields;
mod schedule;
mod settings;

pub use choices::Choices;
pub use coefficients::Coefficients;
pub use dataset_id::DatasetId;
pub use fields::{Config, name_of};
pub use schedule::{ParseScheduleError, Schedule};
pub use settings::{Settings, differing};
