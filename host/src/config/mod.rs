//! What a run is: all that its numbers depend on.
//!
//! - `command`: the command line that trains a configuration again
//! - `choices`: a configuration from what a user chooses, an experiment, and the defaults
//! - `fields`: the fields of `config.json`, and how two configurations differ
//! - `measure_set`: which measures are taken
//! - `dataset_id`: the data set that a run is trained on
//! - `schedule`: the learning rate by epoch; `target`: what the network is trained towards

mod choices;
mod command;
mod dataset_id;
mod fields;
mod measure_set;
mod schedule;
mod target;

pub use choices::Choices;
pub use dataset_id::DatasetId;
pub use fields::{Config, name_of};
pub use measure_set::MeasureSet;
pub use schedule::{ParseScheduleError, Schedule};
pub use target::{ParseTargetError, Target};
