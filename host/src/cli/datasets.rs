//! The data sets of a command.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use asymgrad::config::Target;
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

    /// What standardises the training images `chosen` of a data set, which takes a look at every pixel: once for all experiments.
    pub(super) fn standard(&mut self, dataset: &Dataset, chosen: Vec<u32>) -> Standardization {
        let entry = self.standards.entry((dataset.checksum.clone(), chosen));
        let chosen = entry.key().1.clone();
        entry.or_insert_with(|| Standardization::of(dataset, &chosen)).clone()
    }
}

/// The target that is chosen, else what the data set has.
pub(super) fn target_on(dataset: &Dataset, chosen: Option<Target>) -> Target {
    chosen.unwrap_or(if dataset.values > 0 { Target::Values } else { Target::Class })
}
