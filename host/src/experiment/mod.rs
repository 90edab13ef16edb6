//! Experiments: those of the report, and those of a user's file.

mod catalogue;
mod report;

pub use catalogue::{Catalogue, CatalogueError, parse};
#[cfg(test)]
pub(crate) use report::find;
pub use report::{Experiment, Published, UnknownExperiment, all};
