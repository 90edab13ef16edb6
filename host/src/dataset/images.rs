//! Labelled images in memory, and their checksum.

use std::fmt;

use sha2::{Digest, Sha256};

/// Labelled images of one shape, with the test images kept apart.
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
    /// Number of classes; labels are below it.
    pub classes: usize,
    /// The images to train on.
    pub train: Images,
    /// The images to measure accuracy on.
    pub test: Images,
    /// SHA-256 over shape, labels and pixels in hexadecimal: a run's identity, the same wherever the files lie.
    pub checksum: String,
    /// What [`open`](super::open) took on this machine.
    pub spec: String,
}

/// Images and their labels, in an order that is part of the data.
#[derive(Clone, PartialEq, Eq)]
pub struct Images {
    /// One image after the other, each \[channel\]\[row\]\[col\], 0 to 255.
    pub pixels: Vec<u8>,
    /// The class of each image.
    pub labels: Vec<u8>,
    /// Bytes of one image.
    pub(super) size: usize,
}

impl Dataset {
    /// Images of `shape`, which is channels, rows and columns.
    pub(super) fn new(name: &str, shape: [usize; 3], classes: usize, train: Images, test: Images) -> Self {
        let [channels, rows, cols] = shape;
        let (name, spec) = (name.to_owned(), name.to_owned());
        let mut dataset = Self { name, channels, rows, cols, classes, train, test, checksum: String::new(), spec };
        dataset.checksum = dataset.digest();
        dataset
    }

    /// Three channels of 32 × 32 and ten classes, which is what every network of the report takes.
    pub(super) fn of_report(name: &str, train: Images, test: Images) -> Self {
        Self::new(name, [3, 32, 32], 10, train, test)
    }

    /// Bytes of one image.
    pub fn image_size(&self) -> usize {
        self.channels * self.rows * self.cols
    }

    fn digest(&self) -> String {
        let mut hash = Sha256::new();
        // The numbers keep the parts apart: two data sets never hash the same bytes by cutting them elsewhere.
        let shape = [self.channels, self.rows, self.cols, self.classes, self.train.len(), self.test.len()];
        for number in shape {
            hash.update((number as u64).to_le_bytes());
        }
        for images in [&self.train, &self.test] {
            hash.update(&images.labels);
            hash.update(&images.pixels);
        }
        hex::encode(hash.finalize())
    }
}

impl Images {
    /// `count` black images of class 0, to be filled.
    pub(super) fn blank(count: usize, size: usize) -> Self {
        Self { pixels: vec![0; count * size], labels: vec![0; count], size }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The pixels of image `index`, \[channel\]\[row\]\[col\].
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn image(&self, index: usize) -> &[u8] {
        &self.pixels[index * self.size..][..self.size]
    }

    pub(super) fn image_mut(&mut self, index: usize) -> &mut [u8] {
        &mut self.pixels[index * self.size..][..self.size]
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Images").field("len", &self.len()).field("size", &self.size).finish_non_exhaustive()
    }
}
