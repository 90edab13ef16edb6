//! Files that are whole or not there: written under another name, synced, and renamed into place.
//!
//! A process killed at any moment leaves the file as it was, and beside it at most a `.part` that the next write replaces.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The ending of a file that is being written.
pub(crate) const PART: &str = ".part";

/// Replaces `path` by what `fill` writes, or leaves it as it was.
pub(crate) fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let part = part_of(path);
    let written = write_synced(&part, fill).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // The first error is the one to report; on a full disk the part would keep others from writing.
        let _ = fs::remove_file(&part);
    }
    written?;
    sync_folder_of(path)
}

/// As [`write`] with all of the bytes at hand, for files that may be lost with the machine: whole or not there, but not synced.
pub(crate) fn write_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = part_of(path);
    fs::write(&part, bytes).and_then(|()| fs::rename(&part, path))
}

/// Removes `path` for good; it may be missing.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder_of(path),
    }
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(PART);
    name.into()
}

fn write_synced(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    fill(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Makes a rename durable: the name is the folder's, not the file's.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    // Windows cannot open a folder, and its renames need no such call.
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}
