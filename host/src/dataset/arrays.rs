//! Data sets as arrays in one file, `NumPy`'s `.npz` or safetensors: `train_images`, `train_labels`, `test_images` and `test_labels`.
//!
//! Images are uint8 of shape [N, rows, cols], [N, rows, cols, channels] or [N, channels, rows, cols], where the channels are the one of
//! both axes that is at most 4. An array `shape` of channels, rows and cols decides where that says nothing, and of [N, features], which
//! are channel by channel. Labels are integers from 0 to 255 of shape [N] or [N, 1]; other arrays are ignored.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use zip::ZipArchive;

use super::array::{Array, Number, SHAPE, sides};
use super::{Dataset, Error, Images, npz};

/// An open file.
enum Source {
    Npz(npz::Archive),
    Safetensors(Vec<u8>),
}

/// Whether a file's name is that of such a file.
pub(super) fn is_file(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ["npz", "safetensors"].contains(&ending))
}

/// Reads the arrays of a file.
///
/// # Errors
/// [`Error`], which names the file, the array, what it holds and what is expected.
pub(super) fn read(file: &Path, name: &str) -> Result<Dataset, Error> {
    let mut source = Source::open(file)?;
    let wrong = |array: &str, problem| Error::Arrays { file: file.to_owned(), array: array.into(), problem };
    let found = source.read(SHAPE).map_err(|problem| wrong(SHAPE, problem))?;
    let given = found.map(|array| array.sizes()).transpose().map_err(|problem| wrong(SHAPE, problem))?;
    let mut read = |array: &str| {
        let found = source.read(array).map_err(|problem| wrong(array, problem))?;
        found.ok_or_else(|| {
            let names = list(&source.names());
            let problem = format!(
                "there is no such array, only {names}; save train_images, train_labels, test_images and test_labels"
            );
            wrong(array, problem)
        })
    };
    let mut part = |[images, labels]: [&str; 2]| {
        let (pixels, found) = (read(images)?, read(labels)?);
        let count = pixels.shape.first().copied().unwrap_or(0);
        let (shape, pixels) = pixels.images(given).map_err(|problem| wrong(images, problem))?;
        let labels_of = found.labels(count).map_err(|problem| wrong(labels, problem))?;
        Ok::<_, Error>((shape, Images { pixels, labels: labels_of, values: vec![], size: shape.iter().product() }))
    };
    let (shape, train) = part(["train_images", "train_labels"])?;
    let (of_test, test) = part(["test_images", "test_labels"])?;
    if of_test != shape {
        let problem =
            format!("its images are {}, those of train_images {}; they have to be equal", sides(of_test), sides(shape));
        return Err(wrong("test_images", problem));
    }
    let classes = train.labels.iter().chain(&test.labels).max().map_or(0, |most| usize::from(*most) + 1);
    Ok(Dataset::new(name, shape, classes, train, test))
}

impl Source {
    fn open(file: &Path) -> Result<Self, Error> {
        if file.extension().is_some_and(|ending| ending == "npz") {
            let opened = File::open(file).map_err(Error::io("open it", file))?;
            let archive = ZipArchive::new(BufReader::new(opened)).map_err(|error| Error::ArrayFile {
                file: file.to_owned(),
                reason: error.to_string(),
                writer: "numpy.savez",
            });
            return archive.map(Self::Npz);
        }
        let bytes = fs::read(file).map_err(Error::io("read it", file))?;
        match SafeTensors::deserialize(&bytes) {
            Ok(_) => Ok(Self::Safetensors(bytes)),
            Err(error) => Err(Error::ArrayFile {
                file: file.to_owned(),
                reason: error.to_string(),
                writer: "safetensors.numpy.save_file",
            }),
        }
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Npz(archive) => npz::names(archive),
            Self::Safetensors(bytes) => {
                let tensors = SafeTensors::deserialize(bytes);
                let mut names: Vec<String> =
                    tensors.map(|tensors| tensors.names().into_iter().map(Into::into).collect()).unwrap_or_default();
                names.sort_unstable();
                names
            }
        }
    }

    /// An array; `None` if the file has none of this name.
    fn read(&mut self, name: &str) -> Result<Option<Array>, String> {
        let array = match self {
            Self::Npz(archive) if !npz::names(archive).iter().any(|known| known == name) => return Ok(None),
            Self::Npz(archive) => npz::read(archive, name)?,
            Self::Safetensors(bytes) => {
                let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
                let Ok(view) = tensors.tensor(name) else { return Ok(None) };
                let (number, shape) = (number(view.dtype()), view.shape().to_vec());
                Array { number, shape, data: view.data().to_vec() }
            }
        };
        array.check_length().map(Some)
    }
}

/// The number of a safetensors file.
fn number(dtype: Dtype) -> Number {
    let is_signed = matches!(dtype, Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::I64);
    match dtype {
        Dtype::U8 | Dtype::I8 | Dtype::U16 | Dtype::I16 | Dtype::U32 | Dtype::I32 | Dtype::U64 | Dtype::I64 => {
            Number::Integer { bytes: dtype.bitsize() / 8, is_signed, is_big: false }
        }
        _ => Number::Other(format!("{dtype:?}")),
    }
}

/// The names of the arrays that a file has, or that it has none.
fn list(names: &[String]) -> String {
    if names.is_empty() { "none at all".into() } else { names.join(", ") }
}
