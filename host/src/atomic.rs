//! Files that are whole or not there: written under another name, synced, and renamed into place.
//!
//! A process killed at any moment leaves the file as it was, and beside it at most a `.part` that the next write replaces.
//! A symbolic link stays a link: the file that it leads to is replaced. A device, a FIFO and an open descriptor (`/dev/stdout`) are
//! written into.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The ending of a file that is being written.
pub(crate) const PART: &str = ".part";

/// Symbolic links of a path, as many as Linux follows.
const MOST_LINKS: usize = 40;

/// Replaces the file at `path` by what `fill` writes, or leaves it as it was. An existing file keeps its permissions.
pub(crate) fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    match target(path)? {
        Target::Stream => write_into(path, fill),
        Target::File(file) => replace(&file, fill),
    }
}

/// As [`write()`] with all of the bytes at hand, for files that may be lost with the machine: whole or not there, but not synced.
pub(crate) fn write_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = part_of(path);
    fs::write(&part, bytes).and_then(|()| fs::rename(&part, path))
}

/// Creates a folder with those above it that are missing, whose names are not lost with the machine either.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
    let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    fs::create_dir_all(path)?;
    missing.into_iter().try_for_each(|folder| match sync_folder_of(folder) {
        // A folder that may be written but not listed.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    })
}

/// Removes `path` for good; it may be missing.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder_of(path),
    }
}

/// Whether `path` leads to a [`Target::Stream`].
pub(crate) fn is_stream(path: &Path) -> bool {
    matches!(target(path), Ok(Target::Stream))
}

/// What a path leads to.
enum Target {
    /// A regular file, or none yet, at this path without a link at its end.
    File(PathBuf),
    /// A device, a FIFO, or an open descriptor of a process: cannot be replaced, and is written into.
    Stream,
}

/// Follows symbolic links, the last of which may lead to a missing file.
fn target(path: &Path) -> io::Result<Target> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let metadata = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Target::File(path)),
            metadata => metadata?,
        };
        if metadata.is_dir() {
            return Err(ErrorKind::IsADirectory.into());
        }
        if metadata.is_file() {
            return Ok(Target::File(path));
        }
        // Linux' links to open descriptors look like paths, but the file behind one may have no name.
        if !metadata.is_symlink() || folder_of(&path).canonicalize()?.starts_with("/proc") {
            return Ok(Target::Stream);
        }
        let link = fs::read_link(&path)?;
        path = folder_of(&path).join(link);
    }
    Err(io::Error::other("too many symbolic links, or links in a circle"))
}

fn replace(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let part = part_of(path);
    let written = write_synced(&part, path, fill).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // The first error is the one to report; on a full disk the part would keep others from writing.
        let _ = fs::remove_file(&part);
    }
    written?;
    sync_folder_of(path)
}

/// Appends to a regular file behind a descriptor, as the shell's `>>` asks for; `>` has emptied the file.
fn write_into(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let is_file = fs::metadata(path)?.is_file();
    let mut file = BufWriter::new(File::options().append(is_file).write(true).open(path)?);
    fill(&mut file)?;
    file.flush()
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(PART);
    name.into()
}

/// Writes a new file with the permissions of `like`, if that exists.
fn write_synced(path: &Path, like: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    // Before the first byte: the output of a private file is never readable by others.
    if let Ok(metadata) = fs::metadata(like) {
        file.get_ref().set_permissions(metadata.permissions())?;
    }
    fill(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

/// Makes a rename durable: the name is the folder's, not the file's.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    // Windows cannot open a folder, and its renames need no such call.
    if cfg!(unix) {
        File::open(folder_of(path))?.sync_all()?;
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
