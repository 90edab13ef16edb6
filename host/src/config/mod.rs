//! What a run is: all that its numbers depend on.
//!
//! - `command`: the command line that trains a configuration again
//! - `choices`: a configuration from what a user chooses, an experiment, and the defaults
//! - `fields`: the fields of `config.json`, and how two configurations differ
//! - `schedule`: the learning rate by epoch

mod choices;
mod command;
mod fields;
mod schedule;

pub use choices::Choices;
pub use fields::{Config, DatasetId, name_of};
pub use schedule::Schedule;
