//! Experiments as data: those of the report, and those of a user's file.
//!
//! - `catalogue`: the experiments that a command knows, and the reader of a user's file
//! - `report`: the experiments of `data/experiments.toml`
//! - `published`: the experiments of `data/published.toml`
//! - `definition`: an experiment; `fields`: its own fields; `options`: those that are options of `run`; `reader`: both from TOML
//! - `claim`: the statement of the report that an experiment tests

mod catalogue;
mod claim;
mod definition;
mod fields;
mod options;
mod published;
mod reader;
mod report;

pub use catalogue::{Catalogue, parse};
pub use claim::{Claim, Expectation};
pub(crate) use claim::{LEARNED, NOTHING_LEARNED, OFF_THE_CHART};
pub use definition::{Experiment, ExperimentError, Published};
pub use options::Options;
pub(crate) use published::{PUBLISHED, published};
pub use reader::schema;
#[cfg(test)]
pub(crate) use report::find;
pub use report::{UnknownExperiment, all};
