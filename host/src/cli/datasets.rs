//! The data sets of a command.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::sync::Arc;

use asymgrad::dataset::{self, Dataset, Standardization};

/// The data sets of a command's rows, each opened once.
pub(super) struct OpenDatasets<'a> {
    /// What the command line says; it wins over the row.
    chosen: Option<&'a OsStr>,
    open: HashMap<OsString, Arc<Dataset>>,
    /// What standardises them, by checksum.
    standards: HashMap<String, Standardization>,
    /// Whether the user knows that the default is not CIFAR-10.
    told: bool,
}

impl<'a> OpenDatasets<'a> {
    pub(super) fn new(chosen: Option<&'a OsStr>) -> Self {
        Self { chosen, open: HashMap::new(), standards: HashMap::new(), told: false }
    }

    pub(super) fn of_row(&mut self, row: Option<&str>) -> anyhow::Result<Arc<Dataset>> {
        let named = self.chosen.or(row.map(OsStr::new));
        let spec = named.unwrap_or_else(|| OsStr::new(dataset::default_name()));
        if named.is_none() && spec != "cifar10" && !self.told {
            self.told = true;
            let _ = writeln!(
                io::stderr(),
                "note: CIFAR-10 has not been imported, so this trains on the {}; see `asymgrad data fetch`",
                spec.display()
            );
        }
        Ok(match self.open.entry(spec.to_owned()) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => entry.insert(Arc::new(dataset::open(spec)?)).clone(),
        })
    }

    /// What standardises a data set, which takes a look at every pixel: once for all rows.
    pub(super) fn standard(&mut self, dataset: &Dataset) -> Standardization {
        self.standards.entry(dataset.checksum.clone()).or_insert_with(|| Standardization::of(dataset)).clone()
    }
}
