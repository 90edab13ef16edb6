//! Files of indices: which training images each step trains on, or which ones a run tests on.
//!
//! An array of integers in `NumPy`'s `.npy`, or in an `.npz` or `.safetensors` file as its only array or under the option's name. Indices
//! count from 0, in the order of the data set's training images.

use std::fs;
use std::path::{Path, PathBuf};
use std::slice::ChunksExact;

use sha2::{Digest, Sha256};

use super::array::Array;
use super::array_file::{self, Source};
use super::{Error, npz};

/// Training images of a data set by index, as a file says.
#[derive(Clone, Debug)]
pub struct IndexFile {
    /// The file.
    pub file: PathBuf,
    /// SHA-256 of the file in hexadecimal.
    pub checksum: String,
    /// The images, row by row.
    pub indices: Vec<u32>,
    /// Indices of a row.
    cols: usize,
}

/// The data set that indices are of: its name, and how many training images it has.
#[derive(Clone, Copy)]
pub(super) struct Counted<'a> {
    pub(super) data: &'a str,
    pub(super) images: usize,
}

impl IndexFile {
    /// The images of each step: integers of shape [steps, batch].
    ///
    /// # Errors
    /// [`Error`], which names the file, what it holds and what is expected.
    pub(super) fn batches(file: &Path, of: Counted<'_>) -> Result<Self, Error> {
        Self::read(file, "batches", of, |shape| match *shape {
            [_, batch] => Ok(batch),
            _ => Err("[steps, batch], a row of images for each step"),
        })
    }

    /// The images to test on: integers of shape [images].
    ///
    /// # Errors
    /// As [`IndexFile::batches`].
    pub(super) fn test_images(file: &Path, of: Counted<'_>) -> Result<Self, Error> {
        Self::read(file, "test_indices", of, |shape| match *shape {
            [images] => Ok(images),
            _ => Err("[images], one index for each image to test on"),
        })
    }

    /// Images of a row.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The images row by row.
    pub fn rows(&self) -> ChunksExact<'_, u32> {
        self.indices.chunks_exact(self.cols)
    }

    /// Reads the array; `cols` says how many indices a row of its shape has, or what the shape has to be.
    fn read(
        file: &Path,
        name: &str,
        of: Counted<'_>,
        cols: fn(&[usize]) -> Result<usize, &'static str>,
    ) -> Result<Self, Error> {
        let wrong = |problem| Error::Indices { file: file.to_owned(), problem };
        let bytes = fs::read(file).map_err(Error::io("read it", file))?;
        let array = read_array(file, &bytes, name)?;
        let (shape, number) = (&array.shape, array.number.name());
        let cols = cols(shape).map_err(|expected| {
            wrong(format!("its shape is {shape:?}, but it has to be integers of shape {expected}; reshape it"))
        })?;
        if shape.contains(&0) {
            return Err(wrong(format!("its shape is {shape:?}, so it names no image")));
        }
        let Some(integers) = array.integers() else {
            return Err(wrong(format!(
                "it holds {number}, but indices are integers; save `x.astype(numpy.int64)` of whole numbers"
            )));
        };
        let Counted { data, images } = of;
        let index = |(at, value): (usize, i128)| {
            let known = usize::try_from(value).ok().filter(|index| *index < images);
            known.and_then(|index| u32::try_from(index).ok()).ok_or_else(|| {
                let place = place(shape, at, cols);
                wrong(format!(
                    "{place} is {value}, but the data set {data} has {images} training images, which are 0 to {}",
                    images.saturating_sub(1)
                ))
            })
        };
        let indices = integers.enumerate().map(index).collect::<Result<Vec<_>, _>>()?;
        let file = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        Ok(Self { file, checksum: hex::encode(Sha256::digest(&bytes)), indices, cols })
    }
}

/// Where value `at` of an array lies, as the words of a message.
fn place(shape: &[usize], at: usize, cols: usize) -> String {
    if shape.len() == 1 { format!("index {at}") } else { format!("row {}, column {}", at / cols, at % cols) }
}

/// The array of a file that holds `bytes`: the one called `name`, else the only one.
fn read_array(file: &Path, bytes: &[u8], name: &str) -> Result<Array, Error> {
    let wrong = |problem| Error::Indices { file: file.to_owned(), problem };
    if file.extension().is_some_and(|ending| ending == "npy") {
        return npz::read_npy(bytes, "numpy.save").and_then(Array::check_length).map_err(wrong);
    }
    if !array_file::is_file(file) {
        return Err(wrong("a file of indices is an array of integers in .npy, .npz or .safetensors".into()));
    }
    let mut source = Source::open(file)?;
    let names = source.names();
    let chosen = match &names[..] {
        [only] => only,
        _ if names.iter().any(|known| known == name) => name,
        _ => {
            let found = array_file::list(&names);
            return Err(wrong(format!("it has the arrays {found}; save one array, or call it `{name}`")));
        }
    };
    let found = source.read(chosen).map_err(wrong)?;
    found.ok_or_else(|| wrong(format!("there is no array `{chosen}`")))
}
