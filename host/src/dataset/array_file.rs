//! A file of arrays, `NumPy`'s `.npz` or safetensors.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use zip::ZipArchive;

use super::array::{Array, Number};
use super::{Error, npz};

/// An open file.
pub(super) enum Source {
    Npz(npz::Archive),
    Safetensors(Vec<u8>),
}

/// Whether a file's name is that of such a file.
pub(super) fn is_file(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ["npz", "safetensors"].contains(&ending))
}

impl Source {
    /// Opens it.
    pub(super) fn open(file: &Path) -> Result<Self, Error> {
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

    /// The names of its arrays, in order.
    pub(super) fn names(&self) -> Vec<String> {
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
    pub(super) fn read(&mut self, name: &str) -> Result<Option<Array>, String> {
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
pub(super) fn list(names: &[String]) -> String {
    if names.is_empty() { "none at all".into() } else { names.join(", ") }
}
