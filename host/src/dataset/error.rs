//! What can be wrong with a data set or its import, said so that the user knows what to do next.
//! Every message names the file, the place in it where there is one, and the value found there.
//! Downloads have errors of their own, in `fetch`.

use super::cifar_format::{FILES, FOLDER, RECORD, RECORDS};
use std::io;
use std::path::PathBuf;

/// Why a data set could not be opened or imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither a known name nor an existing path.
    #[error(
        "there is no data set `{spec}`, and no such file or folder: give `digits`, `cifar10`, `fashion-mnist`, the path of cifar-10-binary.tar.gz or of arrays in an .npz or .safetensors file, or a folder with CIFAR-10's \
         six .bin files, with MNIST's four IDX files, or with a layout.toml that describes other .bin files"
    )]
    Unknown {
        /// What was asked for.
        spec: String,
    },
    /// An IDX file is missing, or not what its header says.
    #[error("{}: {problem}", file.display())]
    Idx {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A folder does not hold one data set.
    #[error("{}: {problem}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What it holds, and what to do.
        problem: String,
    },
    /// A `layout.toml` makes no sense, or its files are not what it says.
    #[error("{}: {problem}", file.display())]
    Layout {
        /// The description, or a file that it names.
        file: PathBuf,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// A file of arrays cannot be read.
    #[error("{}: the file of arrays cannot be read ({reason}); write it with `{writer}`", file.display())]
    ArrayFile {
        /// The file.
        file: PathBuf,
        /// The error of the reader.
        reason: String,
        /// What writes such a file.
        writer: &'static str,
    },
    /// An array is missing, or not what the data set takes.
    #[error("{}: `{array}`: {problem}", file.display())]
    Arrays {
        /// The file.
        file: PathBuf,
        /// The array's name.
        array: String,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// A file of indices cannot be used.
    #[error("{}: {problem}", file.display())]
    Indices {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// CIFAR-10 was asked for by name before it was imported.
    #[error(
        "{}: CIFAR-10 has not been imported; run `asymgrad data fetch`, or `asymgrad data import FILE` with \
         cifar-10-binary.tar.gz, or train on `--data digits`",
        folder.display()
    )]
    NotImported {
        /// The folder that an import would fill.
        folder: PathBuf,
    },
    /// Fashion-MNIST was asked for by name where it is not.
    #[error(
        "{}: Fashion-MNIST is not there, nor in {}; install Debian's package dataset-fashion-mnist, or put the four IDX files of \
         https://github.com/zalandoresearch/fashion-mnist there",
        folder.display(), super::DEBIAN_FASHION_MNIST
    )]
    NoFashionMnist {
        /// The folder in which a user's copy is looked for.
        folder: PathBuf,
    },
    /// A folder lacks one of the six files.
    #[error(
        "{}: there is no {file}; the folder must hold {}, or MNIST's four IDX files, or a layout.toml that describes others",
        folder.display(), FILES.join(", ")
    )]
    MissingFile {
        /// The folder.
        folder: PathBuf,
        /// The file that is not there.
        file: &'static str,
    },
    /// A file ends before its last record.
    #[error(
        "{file}: {found} bytes, {} too few: {RECORDS} records of {RECORD} bytes belong here; \
         the file was cut short, get it again (`asymgrad data fetch`)",
        expected - found
    )]
    Short {
        /// The file.
        file: String,
        /// The length of a whole file in bytes.
        expected: u64,
        /// Its length in bytes.
        found: u64,
    },
    /// A file continues after its last record.
    #[error(
        "{file}: {found} bytes, {} trailing: {RECORDS} records of {RECORD} bytes belong here; \
         this is not a file of the CIFAR-10 binary version, get it again (`asymgrad data fetch`)",
        found - expected
    )]
    Trailing {
        /// The file.
        file: String,
        /// The length of a whole file in bytes.
        expected: u64,
        /// Its length in bytes.
        found: u64,
    },
    /// A label that is no class.
    #[error(
        "{file}: record {record} (byte {}) has label {label}, but labels are 0 to 9; \
         the file is damaged, get it again (`asymgrad data fetch`)",
        record * RECORD
    )]
    Label {
        /// The file.
        file: String,
        /// The record, counted from 0.
        record: usize,
        /// The label found.
        label: u8,
    },
    /// The archive is not compressed as it should be.
    #[error(
        "{}: not a gzip file; give cifar-10-binary.tar.gz as it was downloaded \
         (a folder with its six .bin files needs no import: `--data FOLDER`){}",
        file.display(),
        what.map(|what| format!("; {what}")).unwrap_or_default()
    )]
    NotGzip {
        /// The file.
        file: PathBuf,
        /// What it is, if its first bytes tell.
        what: Option<&'static str>,
    },
    /// The archive lacks a member.
    #[error("{}: there is no member {FOLDER}/{member}{}; give the binary version, cifar-10-binary.tar.gz",
        archive.display(), first.as_ref().map(|name| format!(" (its first is {name})")).unwrap_or_default())]
    MissingMember {
        /// The archive.
        archive: PathBuf,
        /// The file that is not in it.
        member: &'static str,
        /// What the archive begins with, which often tells what it is.
        first: Option<String>,
    },
    /// The archive holds a member twice, or as something else than a file.
    #[error("{}: member {FOLDER}/{member} {problem}; give cifar-10-binary.tar.gz as it was downloaded", archive.display())]
    Member {
        /// The archive.
        archive: PathBuf,
        /// The member.
        member: &'static str,
        /// `comes twice` or `is not a file`.
        problem: &'static str,
    },
    /// The archive's compression or structure is damaged.
    #[error("{}: the archive is damaged or cut short ({cause}); get it again (`asymgrad data fetch`)", archive.display())]
    Damaged {
        /// The archive.
        archive: PathBuf,
        /// The error of the reader.
        cause: io::Error,
    },
    /// Another process writes into the same data folder.
    #[error("{}: another import or download is running here; wait for it to end", folder.display())]
    Busy {
        /// The data folder.
        folder: PathBuf,
    },
    /// A folder, a device or a pipe in place of a file.
    #[error("{}: this is no file; images and values are read from regular files, give the path of one", path.display())]
    NoFile {
        /// Its path.
        path: PathBuf,
    },
    /// A file of images was written while it was in use.
    #[error(
        "{}: the file has changed since it was opened; restore it and run the same command again (a training continues from its last checkpoint)",
        file.display()
    )]
    Changed {
        /// The file.
        file: PathBuf,
    },
    /// The system refused.
    #[error("{}: cannot {action}: {cause}; {}", path.display(), hint(action, cause))]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
}

impl Error {
    /// For `map_err`: `action` on `path` failed.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Io { action, path, cause }
    }
}

fn hint(action: &str, cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::IsADirectory => "give the path of a file",
        io::ErrorKind::StorageFull => "free some space, or set ASYMGRAD_DATA to a folder on another disk",
        _ if action.starts_with("open") || action.starts_with("read") => {
            "check the permissions and the disk, or give another path"
        }
        _ => "check the permissions, or set ASYMGRAD_DATA to another folder",
    }
}
