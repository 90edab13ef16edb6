//! Data sets: labelled images of bytes, apart for training and test, and where they come from.
//! `open` takes what `--data` takes: `digits` (in the program), `cifar10` (imported before), or the path of files in CIFAR-10's or
//! MNIST's layout.
//! Pixels stay bytes here; who trains divides them by 255.

pub mod cifar;
pub mod digits;
mod error;
#[cfg(feature = "download")]
pub mod fetch;
mod idx;
mod import;
mod info;
mod layout;
mod pixels;

pub use error::Error;
pub use import::{Import, OFFICIAL_BYTES, OFFICIAL_MD5, OFFICIAL_SHA256, import};
pub use info::{Info, SplitInfo};
pub use pixels::{Pixels, Standard};

use crate::hexadecimal;
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};

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
    /// What [`open`] took on this machine.
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
    size: usize,
}

impl Dataset {
    /// Images of `shape`, which is channels, rows and columns.
    fn new(name: &str, shape: [usize; 3], classes: usize, train: Images, test: Images) -> Self {
        let [channels, rows, cols] = shape;
        let (name, spec) = (name.to_owned(), name.to_owned());
        let mut dataset = Self { name, channels, rows, cols, classes, train, test, checksum: String::new(), spec };
        dataset.checksum = dataset.digest();
        dataset
    }

    /// Three channels of 32 × 32 and ten classes, which is what every network of the report takes.
    fn of_report(name: &str, train: Images, test: Images) -> Self {
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
        hexadecimal(&hash.finalize())
    }
}

impl Images {
    /// `count` black images of class 0, to be filled.
    fn blank(count: usize, size: usize) -> Self {
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

    fn image_mut(&mut self, index: usize) -> &mut [u8] {
        &mut self.pixels[index * self.size..][..self.size]
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Images").field("len", &self.len()).field("size", &self.size).finish_non_exhaustive()
    }
}

/// Opens `digits`, `cifar10` (imported into [`data_dir`]), or a path: CIFAR-10's archive, or a folder with its six files, with
/// MNIST's four IDX files, or with a `layout.toml` that describes other files of CIFAR-10's kind.
///
/// # Errors
/// [`Error`], which names the file and what is wrong with it.
pub fn open(spec: &str) -> Result<Dataset, Error> {
    open_in(spec, &data_dir())
}

/// As [`open`], with the folder that imported data lies in.
///
/// # Errors
/// [`Error`], which names the file and what is wrong with it.
pub fn open_in(spec: &str, data_dir: &Path) -> Result<Dataset, Error> {
    let path = Path::new(spec);
    match spec {
        "digits" => Ok(digits::load()),
        "cifar10" => {
            let folder = import::imported(data_dir)
                .ok_or_else(|| Error::NotImported { folder: data_dir.join(cifar::FOLDER) })?;
            cifar::read_folder(&folder, "cifar10")
        }
        _ if path.exists() => {
            let spec = path.canonicalize().unwrap_or_else(|_| path.to_owned()).display().to_string();
            Ok(Dataset { spec, ..open_path(path, &name_of(path))? })
        }
        _ => Err(Error::Unknown { spec: spec.to_owned() }),
    }
}

fn open_path(path: &Path, name: &str) -> Result<Dataset, Error> {
    match path {
        _ if !path.is_dir() => cifar::read_archive(path, name),
        _ if path.join(layout::FILE).is_file() => layout::read_folder(path, name),
        _ if idx::is_here(path) => idx::read_folder(path, name),
        _ => cifar::read_folder(path, name),
    }
}

/// Where imported data lies: `$ASYMGRAD_DATA`, else `data` in the current folder.
pub fn data_dir() -> PathBuf {
    match std::env::var_os("ASYMGRAD_DATA") {
        Some(folder) if !folder.is_empty() => folder.into(),
        _ => "data".into(),
    }
}

/// The data set of a run that names none: `cifar10` if it has been imported, else `digits`.
pub fn default_name() -> &'static str {
    if import::imported(&data_dir()).is_some() { "cifar10" } else { "digits" }
}

/// A name for run folders: the last part of the path, without the archive's endings.
fn name_of(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = whole.file_name().map_or_else(|| "data".into(), |name| name.to_string_lossy());
    let stem = name.strip_suffix(".tar.gz").or_else(|| name.strip_suffix(".tgz")).unwrap_or(&name);
    stem.to_owned()
}
