//! Data sets: labelled images of bytes, apart for training and test, and where they come from.
//! `open` takes what `--data` takes: `digits` (in the program), `cifar10` (imported before), or the path of files in CIFAR-10's or
//! MNIST's layout.
//! Pixels stay bytes here; who trains divides them by 255.

pub mod cifar;
mod cifar_format;
mod data_set;
pub mod digits;
mod error;
#[cfg(feature = "download")]
pub mod fetch;
mod idx;
mod images;
mod import;
mod info;
mod known;
mod layout;
mod pixels;

pub use data_set::Dataset;
pub use error::Error;
pub use images::Images;
pub use import::{Import, OFFICIAL_BYTES, OFFICIAL_MD5, OFFICIAL_SHA256, import};
pub(crate) use info::moments;
pub use info::{Info, SplitInfo};
pub use known::{Contents, fingerprint};
pub use pixels::{Pixels, Standardization};

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Opens `digits`, `cifar10` (imported into [`data_dir`]), or a path: CIFAR-10's archive, or a folder with its six files, with
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
        Some("digits") => Ok(digits::load()),
        Some("cifar10") => {
            let folder = import::imported(data_dir)
                .ok_or_else(|| Error::NotImported { folder: data_dir.join(cifar::FOLDER) })?;
            cifar::read_folder(&folder, "cifar10")
        }
        _ if path.exists() => {
            let spec = path.canonicalize().unwrap_or_else(|_| path.to_owned()).into_os_string();
            Ok(Dataset { spec, ..open_path(path, &name_of(path))? })
        }
        _ => Err(Error::Unknown { spec: spec.to_string_lossy().into_owned() }),
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
