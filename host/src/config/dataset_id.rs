//! The data set of a run: its name, and the checksum that it is known by.

use serde::{Deserialize, Serialize};

use crate::dataset::{Contents, Dataset};
use crate::experiment::{Catalogue, Experiment};

/// A data set. Two are equal if their checksums are, whatever their names.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetId {
    /// Its name, a label.
    pub name: String,
    /// SHA-256 over its images and labels in the order of the files.
    pub checksum: String,
    /// What the images are, unless the checksum says so: see [`DatasetId::contents`].
    #[serde(default, skip_serializing_if = "is_unknown", rename = "contents")]
    found: Contents,
}

impl DatasetId {
    /// What the images are, whatever the name.
    pub fn contents(&self) -> Contents {
        match Contents::of_checksum(&self.checksum) {
            Contents::Unknown => self.found,
            known => known,
        }
    }

    /// The data set by its checksum alone: equal data sets are the same text.
    pub(crate) fn without_name(&self) -> Self {
        Self { checksum: self.checksum.clone(), ..Self::default() }
    }

    /// The name for a reader; it says so where the name promises other images.
    pub fn label(&self) -> String {
        match (self.name.as_str(), self.contents()) {
            ("cifar10", contents) if !contents.is_cifar10() => "cifar10, which is not CIFAR-10".into(),
            ("digits", contents) if contents != Contents::Digits => "digits, which is not the embedded data set".into(),
            (name, _) => name.into(),
        }
    }

    /// Whether this is the data set that the experiment is about: by its contents, CIFAR-10 unless the experiment names another.
    ///
    /// # Errors
    /// Says why the experiment's data set cannot be opened.
    pub fn is_of(&self, experiment: &Experiment, catalogue: &Catalogue) -> Result<bool, String> {
        match experiment.data.as_deref() {
            None | Some("cifar10") => Ok(self.contents().is_cifar10()),
            Some("digits") => Ok(self.contents() == Contents::Digits),
            Some("fashion-mnist") => Ok(self.contents() == Contents::FashionMnist),
            Some(path) => Ok(catalogue.checksum_of(path)? == self.checksum),
        }
    }
}

impl PartialEq for DatasetId {
    fn eq(&self, other: &Self) -> bool {
        self.checksum == other.checksum
    }
}

impl Eq for DatasetId {}

impl From<&Dataset> for DatasetId {
    fn from(dataset: &Dataset) -> Self {
        let (name, checksum) = (dataset.name.clone(), dataset.checksum.clone());
        let is_known = Contents::of_checksum(&checksum) != Contents::Unknown;
        Self { name, checksum, found: if is_known { Contents::Unknown } else { dataset.contents } }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_unknown(contents: &Contents) -> bool {
    *contents == Contents::Unknown
}
