//! The data sets of a command.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use asymgrad::config::{Choices, Config, Target};
use asymgrad::dataset::{self, Dataset, Standardization};

/// The data sets of a command's experiments, each opened once.
#[derive(Default)]
pub(super) struct OpenDatasets {
    open: HashMap<OsString, Arc<Dataset>>,
    /// Those with files of indices: of batches, and of test images.
    with_indices: HashMap<(OsString, Option<PathBuf>, Option<PathBuf>), Arc<Dataset>>,
    /// What standardises them, by checksum and training images.
    standards: HashMap<(String, Vec<u32>), Standardization>,
}

impl OpenDatasets {
    /// The data set that the command line chooses, else the experiment's own, else the default, with the files of indices of `choices`.
    pub(super) fn get(
        &mut self,
        chosen: Option<&OsStr>,
        own: Option<&str>,
        choices: &Choices,
    ) -> anyhow::Result<Arc<Dataset>> {
        let spec = chosen.or(own.map(OsStr::new)).unwrap_or_else(|| OsStr::new(dataset::DEFAULT));
        let whole = match self.open.entry(spec.to_owned()) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => entry.insert(Arc::new(dataset::open(spec)?)).clone(),
        };
        let Choices { batches, test_indices, .. } = choices;
        if batches.is_none() && test_indices.is_none() {
            return Ok(whole);
        }
        Ok(match self.with_indices.entry((spec.to_owned(), batches.clone(), test_indices.clone())) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => {
                entry.insert(Arc::new(whole.with_indices(batches.as_deref(), test_indices.as_deref())?)).clone()
            }
        })
    }

    /// A configuration with what `dataset` says: the target, the numbers that standardise it, the files of indices.
    pub(super) fn complete(
        &mut self,
        config: Config,
        choices: &Choices,
        dataset: &Dataset,
    ) -> Result<Config, dataset::Error> {
        let mut config = config.with_indices_of(dataset, choices.batch);
        config.target = target_on(dataset, choices.target);
        if choices.standardize {
            config.standard = Some(self.standard(dataset, config.split(dataset).0)?);
        }
        Ok(config)
    }

    /// What standardises the training images `chosen` of a data set, which takes a look at every pixel: once for all experiments.
    fn standard(&mut self, dataset: &Dataset, chosen: Vec<u32>) -> Result<Standardization, dataset::Error> {
        Ok(match self.standards.entry((dataset.checksum.clone(), chosen)) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => {
                let standard = Standardization::of(dataset, &entry.key().1)?;
                entry.insert(standard).clone()
            }
        })
    }
}

/// The target that is chosen, else what the data set has.
pub(super) fn target_on(dataset: &Dataset, chosen: Option<Target>) -> Target {
    chosen.unwrap_or(if dataset.values > 0 { Target::Values } else { Target::Class })
}
