//! How runs were trained, as a table of a paper states it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::runs::Run;
use crate::kernels::NumericMode;

/// How some runs that differ in the seed alone were trained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Protocol {
    /// Their seeds, those of diverged runs included.
    pub seeds: Vec<u64>,
    /// The most epochs that one of them was asked for.
    pub epochs: u32,
    /// Steps after which they ended, if that was before their epochs.
    pub max_steps: Option<u64>,
    /// Samples of a step.
    pub batch: usize,
    /// The optimizer.
    pub optimizer: &'static str,
    /// Its learning rate in the first epoch.
    pub rate: f32,
    /// Every option in which they differ from the defaults: `--loss hinge --clip 0.1`.
    pub settings: String,
    /// The numeric mode of the kernels.
    pub numeric_mode: NumericMode,
    /// The versions of the programs that trained them, with the commit that a release was built from.
    pub programs: BTreeSet<String>,
    /// SHA-256 over the images and labels of their data set.
    pub data_checksum: String,
}

impl Protocol {
    /// That of `runs`; `None` of none.
    pub(super) fn of(runs: &[&Run]) -> Option<Self> {
        let config = &runs.first()?.config;
        let mut seeds: Vec<u64> = runs.iter().map(|run| run.config.seed).collect();
        seeds.sort_unstable();
        Some(Self {
            seeds,
            epochs: runs.iter().map(|run| run.config.epochs).max().unwrap_or(config.epochs),
            max_steps: config.max_steps,
            batch: config.batch,
            optimizer: config.optimizer.name(),
            rate: config.optimizer.rate(),
            settings: config.without_measures().options().join(" "),
            numeric_mode: config.class,
            programs: runs.iter().flat_map(|run| &run.programs).cloned().collect(),
            data_checksum: config.data.checksum.clone(),
        })
    }
}
