//! Images with their labels or their target values. The pixels lie in memory, or in files that are read when they are needed.

use std::borrow::Cow;
use std::fmt;

use rayon::prelude::*;

use super::Error;
use super::record_file::RecordFile;

/// An image of more rows or columns is an error.
pub(super) const MOST_SIDE: usize = 1 << 12;
/// Images that a thread reads at a time, at least.
const IMAGES_AT_ONCE: usize = 8;

/// Images with their labels or their target values, in an order that is part of the data.
pub struct Images {
    /// The class of each image; empty if the images have target values.
    pub labels: Vec<u8>,
    /// The target values of one image after the other; empty if the images have labels.
    pub values: Vec<f32>,
    pixels: Source,
    /// Bytes of one image.
    size: usize,
    count: usize,
}

/// Where the pixels are: one image after the other, each \[channel\]\[row\]\[col\], 0 to 255.
enum Source {
    Memory(Vec<u8>),
    /// In their order.
    Files(Vec<RecordFile>),
}

impl Images {
    /// Images of `size` bytes whose pixels lie in memory. Labels or values are empty.
    pub fn in_memory(size: usize, pixels: Vec<u8>, labels: Vec<u8>, values: Vec<f32>) -> Self {
        let count = pixels.len() / size.max(1);
        Self { labels, values, pixels: Source::Memory(pixels), size, count }
    }

    /// Images of `size` bytes whose pixels are read from files when they are needed, or now if these are small.
    ///
    /// # Errors
    /// [`Error`] if a file cannot be read.
    pub(super) fn in_files(size: usize, files: Vec<RecordFile>, labels: Vec<u8>) -> Result<Self, Error> {
        if !RecordFile::is_kept_open(&files) {
            let mut pixels = vec![];
            files.iter().try_for_each(|file| file.append_to(&mut pixels))?;
            files.iter().try_for_each(RecordFile::check_unchanged)?;
            return Ok(Self::in_memory(size, pixels, labels, vec![]));
        }
        let count = files.iter().map(RecordFile::len).sum();
        Ok(Self { labels, values: vec![], pixels: Source::Files(files), size, count })
    }

    /// Number of images.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no image.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of one image.
    pub const fn image_size(&self) -> usize {
        self.size
    }

    /// The index of each image.
    pub(crate) fn indices(&self) -> Vec<u32> {
        (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).collect()
    }

    /// Number of images of a class.
    pub fn count_of(&self, class: u8) -> usize {
        self.labels.iter().map(|label| usize::from(*label == class)).sum()
    }

    /// The pixels of image `index`, \[channel\]\[row\]\[col\].
    ///
    /// # Errors
    /// [`Error`] if the file that holds them cannot be read.
    ///
    /// # Panics
    /// If `index` is not below [`len`](Self::len).
    pub fn image(&self, index: usize) -> Result<Cow<'_, [u8]>, Error> {
        if let Source::Memory(pixels) = &self.pixels {
            return Ok(Cow::Borrowed(&pixels[index * self.size..][..self.size]));
        }
        let mut pixels = vec![0; self.size];
        self.read_image(index, &mut pixels)?;
        Ok(Cow::Owned(pixels))
    }

    /// Reads the pixels of the images `chosen` into `pixels`, one image after the other. Shared out among the threads of the pool that
    /// this is called in.
    ///
    /// # Errors
    /// [`Error`] if a file cannot be read.
    ///
    /// # Panics
    /// If an image does not exist.
    pub fn read(&self, chosen: &[u32], pixels: &mut Vec<u8>) -> Result<(), Error> {
        pixels.resize(chosen.len() * self.size, 0);
        let places = pixels.par_chunks_exact_mut(self.size.max(1)).with_min_len(IMAGES_AT_ONCE);
        places.zip(chosen).try_for_each(|(place, index)| self.read_image(*index as usize, place))
    }

    /// Reads image `index` into `place`, which is as long.
    fn read_image(&self, index: usize, place: &mut [u8]) -> Result<(), Error> {
        match &self.pixels {
            Source::Memory(pixels) => {
                place.copy_from_slice(&pixels[index * self.size..][..self.size]);
                Ok(())
            }
            Source::Files(files) => {
                let mut first = 0;
                for file in files {
                    if index - first < file.len() {
                        return file.read(index - first, place);
                    }
                    first += file.len();
                }
                panic!("image {index} of {}", self.count)
            }
        }
    }

    /// The files that the pixels are read from have to be as they were when they were opened.
    ///
    /// # Errors
    /// [`Error::Changed`], or [`Error::Io`] if the system refuses.
    pub fn check_unchanged(&self) -> Result<(), Error> {
        match &self.pixels {
            Source::Memory(_) => Ok(()),
            Source::Files(files) => files.iter().try_for_each(RecordFile::check_unchanged),
        }
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

    /// The images `chosen`, in that order, in memory.
    ///
    /// # Errors
    /// [`Error`] if a file cannot be read.
    ///
    /// # Panics
    /// If an image does not exist.
    pub fn select(&self, chosen: &[u32]) -> Result<Self, Error> {
        let count = self.values.len() / self.len().max(1);
        let mut pixels = vec![];
        self.read(chosen, &mut pixels)?;
        let chosen = || chosen.iter().map(|index| *index as usize);
        let labels = chosen().filter_map(|index| self.labels.get(index)).copied().collect();
        let values = chosen().flat_map(|index| self.values_of(index, count)).copied().collect();
        Ok(Self::in_memory(self.size, pixels, labels, values))
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Images").field("len", &self.len()).field("size", &self.size).finish_non_exhaustive()
    }
}
