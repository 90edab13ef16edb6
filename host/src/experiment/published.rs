//! The experiments of `data/published.toml`: runs that other groups published. `crate::published` reads the figures.

use super::definition::Experiment;
use super::reader::experiments_beside;

/// The file.
pub(crate) const PUBLISHED: &str = include_str!("../../data/published.toml");

/// Its experiments, in its order.
///
/// # Panics
/// Never in a build that passed its tests: the file is part of the program.
pub(crate) fn published() -> Vec<Experiment> {
    let experiments = experiments_beside(PUBLISHED, &["source", "record"]).expect("data/published.toml is well formed");
    experiments.into_iter().map(|located| located.experiment).collect()
}
