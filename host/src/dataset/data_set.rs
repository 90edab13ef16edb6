//! A data set: training and test images, with their checksum.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::error::Error;
use super::images::Images;
use super::index_file::{Counted, IndexFile};
use super::known::Contents;

/// Images of one shape with labels or target values, with the test images kept apart.
#[derive(Debug, Clone)]
pub struct Dataset {
    /// `digits`, `cifar10`, or the name of the folder or archive it was read from.
    pub name: String,
    /// Channels of an image.
    pub channels: usize,
    /// Rows of an image.
    pub rows: usize,
    /// Columns of an image.
    pub cols: usize,
    /// Number of classes, which labels are below; 0 if the images have target values.
    pub classes: usize,
    /// Number of target values of each image; 0 if the images have labels.
    pub values: usize,
    /// The images to train on.
    pub train: Arc<Images>,
    /// The images to measure accuracy on.
    pub test: Arc<Images>,
    /// The training images of each step, if a file says which.
    pub batches: Option<Arc<IndexFile>>,
    /// The training images that `test` holds in place of the data set's own test images, if a file says which.
    pub test_indices: Option<Arc<IndexFile>>,
    /// SHA-256 over shape, labels, pixels and target values in hexadecimal: a run's identity, the same wherever the files lie.
    pub checksum: String,
    /// What the images are, whatever the name.
    pub contents: Contents,
    /// What [`open`](super::open) took on this machine.
    pub spec: OsString,
}

impl Dataset {
    /// Images of `shape`, which is channels, rows and columns.
    ///
    /// # Errors
    /// [`Error`] if a file of images cannot be read.
    pub(super) fn new(
        name: &str,
        shape: [usize; 3],
        classes: usize,
        train: Images,
        test: Images,
    ) -> Result<Self, Error> {
        let [channels, rows, cols] = shape;
        let (name, spec) = (name.to_owned(), name.into());
        let (checksum, contents) = (String::new(), Contents::Unknown);
        let values = train.values.len() / train.len().max(1);
        let (train, test, batches, test_indices) = (Arc::new(train), Arc::new(test), None, None);
        let mut dataset = Self {
            name,
            channels,
            rows,
            cols,
            classes,
            values,
            train,
            test,
            batches,
            test_indices,
            checksum,
            contents,
            spec,
        };
        dataset.checksum = dataset.digest()?;
        dataset.contents = Contents::of(&dataset.checksum, classes, &dataset.train, &dataset.test)?;
        dataset.check_unchanged()?;
        Ok(dataset)
    }

    /// Three channels of 32 × 32 and ten classes, which is what every network of the report takes.
    ///
    /// # Errors
    /// As [`Dataset::new`].
    pub(super) fn of_report(name: &str, train: Images, test: Images) -> Result<Self, Error> {
        Self::new(name, [3, 32, 32], 10, train, test)
    }

    /// This data set with the training images of each step as the file `batches` says, and with those of the file `test` in place of its
    /// test images. The checksum stays that of the data set.
    ///
    /// # Errors
    /// [`Error`], which names the file, the place in it and what was found there.
    pub fn with_indices(&self, batches: Option<&Path>, test: Option<&Path>) -> Result<Self, Error> {
        let (mut dataset, of) = (self.clone(), Counted { data: &self.name, images: self.train.len() });
        if let Some(file) = batches {
            dataset.batches = Some(Arc::new(IndexFile::batches(file, of)?));
        }
        if let Some(file) = test {
            let indices = IndexFile::test_images(file, of)?;
            dataset.test = Arc::new(self.train.select(&indices.indices)?);
            dataset.test_indices = Some(Arc::new(indices));
        }
        Ok(dataset)
    }

    /// The files that the images are read from have to be as they were when they were opened.
    ///
    /// # Errors
    /// [`Error::Changed`], or [`Error::Io`] if the system refuses.
    pub fn check_unchanged(&self) -> Result<(), Error> {
        self.train.check_unchanged()?;
        self.test.check_unchanged()
    }

    /// Bytes of one image.
    pub fn image_size(&self) -> usize {
        self.channels * self.rows * self.cols
    }

    fn digest(&self) -> Result<String, Error> {
        let mut hash = Sha256::new();
        // The numbers keep the parts apart: two data sets never hash the same bytes by cutting them elsewhere.
        let shape = [self.channels, self.rows, self.cols, self.classes, self.train.len(), self.test.len()];
        for number in shape {
            hash.update((number as u64).to_le_bytes());
        }
        for images in [&self.train, &self.test] {
            hash.update(&images.labels);
            for index in 0..images.len() {
                hash.update(images.image(index)?);
            }
        }
        for values in [&self.train.values, &self.test.values] {
            for value in values {
                hash.update(value.to_le_bytes());
            }
        }
        Ok(hex::encode(hash.finalize()))
    }
}
