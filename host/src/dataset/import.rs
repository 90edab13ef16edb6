//! Unpacks CIFAR-10's archive into the data folder, checked on the way, so that `--data cifar10` finds it.
//! One streaming pass checks the structure, writes the six files and hashes the archive; a folder renamed into place makes the
//! result all or nothing. Whatever fails, and whenever the process is killed, an earlier import stays usable.

use super::Error;
use super::cifar::{FILES, FOLDER, visit_archive};
use crate::{atomic, lossy};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes of the official cifar-10-binary.tar.gz.
pub const OFFICIAL_BYTES: u64 = 170_052_171;
/// MD5 of the official archive, as its home page states it.
pub const OFFICIAL_MD5: &str = "c32a1d4ab5d03f1284b67883e8d87530";
/// SHA-256 of the official archive.
pub const OFFICIAL_SHA256: &str = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd";

/// A folder being filled; a name that ends so is ignored by git and overwritten by the next import.
const UNFINISHED: &str = "cifar-10-batches-bin.part";
/// The earlier import while the new one takes its place.
const PREVIOUS: &str = "cifar-10-batches-bin.previous.part";

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Import {
    /// The folder that now holds the six files.
    #[serde(serialize_with = "lossy::serialize")]
    pub folder: PathBuf,
    /// SHA-256 of the archive in hexadecimal.
    pub sha256: String,
    /// Whether it is the official archive, byte for byte.
    pub official: bool,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "50,000 training and 10,000 test images are in {}", self.folder.display())?;
        if self.official {
            write!(f, "The archive is the official one (SHA-256 {}).", self.sha256)
        } else {
            write!(
                f,
                "The archive is not the official one: its SHA-256 is {}, the official {OFFICIAL_SHA256}.\n\
                 Its structure is right; `asymgrad data info` says whether its images are CIFAR-10's, and in which order.",
                self.sha256
            )
        }
    }
}

/// Checks the archive `file` and unpacks its six files into `data_dir`, in place of an earlier import.
///
/// # Errors
/// [`Error`] if the archive is not as it should be or cannot be written; an earlier import is then untouched.
pub fn import(file: &Path, data_dir: &Path) -> Result<Import, Error> {
    let _lock = lock(data_dir)?;
    unpack(file, data_dir)
}

/// As [`import`], for a caller that holds the [`lock`].
pub(super) fn unpack(file: &Path, data_dir: &Path) -> Result<Import, Error> {
    let unfinished = data_dir.join(UNFINISHED);
    remove_folder(&unfinished)?;
    let result = fill(&unfinished, file).and_then(|sha256| {
        let folder = replace(data_dir, &unfinished)?;
        Ok(Import { folder, official: sha256 == OFFICIAL_SHA256, sha256 })
    });
    if result.is_err() {
        // The first error is the one to report.
        let _ = remove_folder(&unfinished);
    }
    result
}

/// The folder of the last complete import, if there is one.
///
/// A process that died between the two renames of [`replace`] left it under its other name.
pub(super) fn imported(data_dir: &Path) -> Option<PathBuf> {
    [FOLDER, PREVIOUS].into_iter().map(|name| data_dir.join(name)).find(|folder| folder.is_dir())
}

/// The lock of a data folder: a file that the holder has locked, and removes when it lets go.
pub(super) struct ImportLock {
    _file: File,
    path: PathBuf,
}

impl Drop for ImportLock {
    fn drop(&mut self) {
        // Still locked: whoever opened the file before sees in `is_at` that it is gone.
        let _ = fs::remove_file(&self.path);
    }
}

/// Keeps other processes from writing into `data_dir` until the returned lock is dropped.
pub(super) fn lock(data_dir: &Path) -> Result<ImportLock, Error> {
    atomic::create_folder(data_dir).map_err(Error::io("create the folder", data_dir))?;
    let path = data_dir.join("import.lock.part");
    loop {
        let file = File::create(&path).map_err(Error::io("create it", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Busy { folder: data_dir.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(Error::io("lock it", path)(source)),
        }
        // A process that has just ended may have removed the file between the two calls.
        if is_at(&file, &path) {
            return Ok(ImportLock { _file: file, path });
        }
    }
}

/// Whether `path` still leads to the open `file`.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let found = file.metadata().and_then(|opened| Ok((opened, fs::metadata(path)?)));
    found.is_ok_and(|(opened, named)| (opened.dev(), opened.ino()) == (named.dev(), named.ino()))
}

/// Elsewhere a file that is open keeps its name.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Writes the six files of the archive into the new `folder`, safely on disk; returns the archive's SHA-256.
fn fill(folder: &Path, archive: &Path) -> Result<String, Error> {
    let opened = File::open(archive).map_err(Error::io("open it", archive))?;
    let mut reader = Hashed { inner: opened, hash: Sha256::new() };
    fs::create_dir(folder).map_err(Error::io("create the folder", folder))?;
    let mut files = Vec::new();
    for path in FILES.map(|file| folder.join(file)) {
        files.push(BufWriter::new(File::create(&path).map_err(Error::io("create it", &path))?));
    }
    visit_archive(archive, &mut reader, |batch, _, record| {
        files[batch].write_all(record).map_err(Error::io("write it", folder.join(FILES[batch])))
    })?;
    io::copy(&mut reader, &mut io::sink()).map_err(Error::io("read it", archive))?;
    for (file, name) in files.into_iter().zip(FILES) {
        let synced = file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
        synced.map_err(Error::io("write it", folder.join(name)))?;
    }
    sync_folder(folder)?;
    Ok(hex::encode(reader.hash.finalize()))
}

/// Puts the finished folder where it belongs. A folder cannot be renamed over another, so the earlier one steps aside first.
fn replace(data_dir: &Path, finished: &Path) -> Result<PathBuf, Error> {
    let (folder, previous) = (data_dir.join(FOLDER), data_dir.join(PREVIOUS));
    if folder.exists() {
        remove_folder(&previous)?;
        fs::rename(&folder, &previous).map_err(Error::io("rename it", &folder))?;
    }
    if let Err(source) = fs::rename(finished, &folder) {
        // Back where it was; if that fails too, `imported` still finds it.
        let _ = fs::rename(&previous, &folder);
        return Err(Error::io("rename it", finished)(source));
    }
    sync_folder(data_dir)?;
    remove_folder(&previous)?;
    Ok(folder)
}

fn remove_folder(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::io("remove the folder", folder)(source)),
        _ => Ok(()),
    }
}

/// Makes the names in a folder safe, not only the contents of its files. Windows has no such call.
fn sync_folder(folder: &Path) -> Result<(), Error> {
    if cfg!(unix) {
        File::open(folder).and_then(|file| file.sync_all()).map_err(Error::io("write it", folder))?;
    }
    Ok(())
}

/// Hashes what passes through.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}
