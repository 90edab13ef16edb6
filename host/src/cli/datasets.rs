//! The data sets of a command.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use asymgrad::config::{Choices, Config, Target};
use asymgrad::dataset::{self, Dataset, Standardization};

/// The data sets of a command's experiments, each opened once.
#[derive(Default)]
pub(super) struct OpenDatasets {
    open: HashMap<OsString, Arc<Dataset>>,
    /// What standardises them, by checksum and training images.
    standards: HashMap<(String, Vec<u32>), Standardization>,
}

impl OpenDatasets {
    /// The data set that the command line chooses, else the experiment's own, else the default.
    pub(super) fn get(&mut self, chosen: Option<&OsStr>, own: Option<&str>) -> anyhow::Result<Arc<Dataset>> {
        let spec = chosen.or(own.map(OsStr::new)).unwrap_or_else(|| OsStr::new(dataset::DEFAULT));
        Ok(match self.open.entry(spec.to_owned()) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => entry.insert(Arc::new(dataset::open(spec)?)).clone(),
        })
    }

    /// Gives a configuration what it takes from its data: the target, and what the images are standardised by.
    pub(super) fn complete(&mut self, config: &mut Config, dataset: &Dataset, choices: &Choices) {
        config.target = target_on(dataset, choices.target);
        if choices.standardize {
            config.standard = Some(self.standard(dataset, config.split(dataset).0));
        }
    }

    /// What standardises the training images `chosen` of a data set, which takes a look at every pixel: once for all experiments.
    fn standard(&mut self, dataset: &Dataset, chosen: Vec<u32>) -> Standardization {
        let entry = self.standards.entry((dataset.checksum.clone(), chosen));
        let chosen = entry.key().1.clone();
        entry.or_insert_with(|| Standardization::of(dataset, &chosen)).clone()
    }
}

/// The target that is chosen, else what the data set has.
pub(super) fn target_on(dataset: &Dataset, chosen: Option<Target>) -> Target {
    chosen.unwrap_or(if dataset.values > 0 { Target::Values } else { Target::Class })
}
