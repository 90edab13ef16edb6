//! What a run is: all that its numbers depend on.
//!
//! - `command`: the command line that trains a configuration again
//! - `choices`: a configuration from what a user chooses, an experiment, and the defaults
//! - `fields`: the fields of `config.json`, and how two configurations differ
//! - `dataset_id`: the data set that a run is trained on
//! - `columns`: the settings of several runs as columns

mod choices;
mod columns;
mod command;
mod dataset_id;
mod fields;

pub use crate::settings::{
    Choices, Coefficients, Initials, MeasureSet, ParseScheduleError, ParseTargetError, Schedule, Target,
};
pub use columns::{Settings, differing};
pub(crate) use command::{after_spaces, seeds_option};
pub use dataset_id::DatasetId;
pub use fields::{Config, name_of};
