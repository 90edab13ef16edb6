//! Images in memory, with their labels or their target values.

use std::fmt;

/// An image of more rows or columns is an error.
pub(super) const MOST_SIDE: usize = 1 << 12;

/// Images with their labels or their target values, in an order that is part of the data.
#[derive(Clone, PartialEq)]
pub struct Images {
    /// One image after the other, each \[channel\]\[row\]\[col\], 0 to 255.
    pub pixels: Vec<u8>,
    /// The class of each image; empty if the images have target values.
    pub labels: Vec<u8>,
    /// The target values of one image after the other; empty if the images have labels.
    pub values: Vec<f32>,
    /// Bytes of one image.
    pub(super) size: usize,
}

impl Images {
    /// `count` black images of class 0, to be filled.
    pub(super) fn blank(count: usize, size: usize) -> Self {
        Self { pixels: vec![0; count * size], labels: vec![0; count], values: vec![], size }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.pixels.len() / self.size.max(1)
    }

    /// The index of each image.
    pub(crate) fn indices(&self) -> Vec<u32> {
        (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).collect()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// Number of images of a class.
    pub fn count_of(&self, class: u8) -> usize {
        self.labels.iter().map(|label| usize::from(*label == class)).sum()
    }

    /// The pixels of image `index`, \[channel\]\[row\]\[col\].
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn image(&self, index: usize) -> &[u8] {
        &self.pixels[index * self.size..][..self.size]
    }

    /// The target values of image `index`, of which each image has `count`.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len), or the images have fewer values.
    pub fn values_of(&self, index: usize, count: usize) -> &[f32] {
        &self.values[index * count..][..count]
    }

    /// What identifies an image beside its pixels: its label, or its target values.
    pub(super) fn target_bytes(&self, index: usize) -> Vec<u8> {
        let count = self.values.len() / self.len().max(1);
        let values = self.values_of(index, count).iter().flat_map(|value| value.to_le_bytes());
        self.labels.get(index).copied().into_iter().chain(values).collect()
    }

    /// The images `chosen`, in that order.
    pub(super) fn select(&self, chosen: &[u32]) -> Self {
        let count = self.values.len() / self.len().max(1);
        let chosen = || chosen.iter().map(|index| *index as usize);
        Self {
            pixels: chosen().flat_map(|index| self.image(index)).copied().collect(),
            labels: chosen().filter_map(|index| self.labels.get(index)).copied().collect(),
            values: chosen().flat_map(|index| self.values_of(index, count)).copied().collect(),
            size: self.size,
        }
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
