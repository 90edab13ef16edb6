//! Data sets: labelled images of bytes, apart for training and test, and where they come from.
//! `open` takes what `--data` takes: `digits` (in the program), `cifar10` (imported before), `fashion-mnist`, or the path of files in
//! CIFAR-10's or MNIST's layout, or of arrays.
//!
//! - `digits`: the embedded data set; `cifar`, `idx`, `layout`, `arrays`: readers of files; `array_file`: a file of arrays, `npz`: `NumPy`'s, `array`: one
//!   array
//! - `index_file`: training images by index, in a file
//! - `fetch`, `import`: CIFAR-10 from its archive into the data folder
//! - `info`: counts and means; `pixels`: from bytes to the network's input
//! - `images`: images, in memory or in files (`record_file`); `cifar_format`: names and sizes of CIFAR-10's files; `error`

mod array;
mod array_file;
mod arrays;
pub mod cifar;
mod cifar_format;
mod data_set;
pub mod digits;
mod error;
#[cfg(feature = "download")]
pub mod fetch;
mod gzip;
mod idx;
mod images;
mod import;
mod index_file;
mod info;
mod known;
mod layout;
mod npz;
mod pixels;
mod record_file;
mod sniff;

pub use data_set::Dataset;
pub use error::Error;
pub use images::Images;
pub use import::{Import, OFFICIAL_BYTES, OFFICIAL_MD5, OFFICIAL_SHA256, import};
pub use index_file::IndexFile;
pub(crate) use info::moments;
pub use info::{Info, SplitInfo};
pub use known::{Contents, fingerprint};
pub use pixels::{Pixels, Standardization};

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Opens `digits`, `cifar10` (imported into [`data_dir`]), `fashion-mnist` (in [`data_dir`], or as Debian installs it), or a path:
/// CIFAR-10's archive, arrays in an `.npz` or `.safetensors`
/// file, or a folder with its six files, with
/// MNIST's four IDX files, or with a `layout.toml` that describes other files of CIFAR-10's kind.
///
/// # Errors
/// [`Error`], which names the file and what is wrong with it.
pub fn open(spec: impl AsRef<OsStr>) -> Result<Dataset, Error> {
    open_in(spec, &data_dir())
}

/// As [`open`], with the folder that imported data lies in.
///
/// # Errors
/// [`Error`], which names the file and what is wrong with it.
pub fn open_in(spec: impl AsRef<OsStr>, data_dir: &Path) -> Result<Dataset, Error> {
    let spec = spec.as_ref();
    let path = Path::new(spec);
    match spec.to_str() {
        Some("digits") => digits::load(),
        Some("cifar10") => {
            let folder = import::imported(data_dir)
                .ok_or_else(|| Error::NotImported { folder: data_dir.join(cifar::FOLDER) })?;
            cifar::read_folder(&folder, "cifar10")
        }
        Some(FASHION_MNIST) => {
            let folder = data_dir.join(FASHION_MNIST);
            let there = [folder.as_path(), Path::new(DEBIAN_FASHION_MNIST)].into_iter().find(|folder| folder.is_dir());
            match there {
                Some(there) => Ok(Dataset { spec: FASHION_MNIST.into(), ..open_path(there, FASHION_MNIST)? }),
                None => Err(Error::NoFashionMnist { folder }),
            }
        }
        _ if path.exists() => {
            let spec = path.canonicalize().unwrap_or_else(|_| path.to_owned()).into_os_string();
            Ok(Dataset { spec, ..open_path(path, &name_of(path))? })
        }
        _ => Err(Error::Unknown { spec: spec.to_string_lossy().into_owned() }),
    }
}

fn open_path(path: &Path, name: &str) -> Result<Dataset, Error> {
    if !path.is_dir() && array_file::is_file(path) {
        return arrays::read(path, name);
    }
    if !path.is_dir() {
        return idx::read_set_of(path, name)?.map_or_else(|| cifar::read_archive(path, name), Ok);
    }
    if path.join(layout::FILE).is_file() {
        return layout::read_folder(path, name);
    }
    let inner = path.join(cifar::FOLDER);
    let read_cifar = || cifar::read_folder(if inner.is_dir() { &inner } else { path }, name);
    idx::read_folder(path, name)?.map_or_else(read_cifar, Ok)
}

/// Where imported data lies: `$ASYMGRAD_DATA`, else `data` in the current folder.
pub fn data_dir() -> PathBuf {
    match std::env::var_os("ASYMGRAD_DATA") {
        Some(folder) if !folder.is_empty() => folder.into(),
        _ => "data".into(),
    }
}

/// The name of Fashion-MNIST, and of its folder in [`data_dir`].
const FASHION_MNIST: &str = "fashion-mnist";
/// Where Debian's package dataset-fashion-mnist has it.
const DEBIAN_FASHION_MNIST: &str = "/usr/share/datasets/fashion-mnist";

/// The data set of a run that names none: that of the report's experiments.
pub const DEFAULT: &str = "cifar10";

/// A name for run folders: the last part of the path, without the ending of an archive or a file of arrays.
fn name_of(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = whole.file_name().map_or_else(|| "data".into(), |name| name.to_string_lossy());
    let stem = [".tar.gz", ".tgz", ".npz", ".safetensors"].iter().find_map(|ending| name.strip_suffix(ending));
    stem.unwrap_or(&name).to_owned()
}
