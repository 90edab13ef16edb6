//! Labelled images in memory.

use std::fmt;

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
