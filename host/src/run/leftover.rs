//! Files in a run's folder that are nobody's work: what systems leave in any folder, and logs of the run itself.

use std::fs::DirEntry;

/// What file managers leave.
const NAMES: [&str; 4] = [".DS_Store", "Thumbs.db", "desktop.ini", ".directory"];
/// What network file systems make of a file that is removed while it is open, and macOS of what a disk cannot hold.
const STARTS: [&str; 3] = [".nfs", ".fuse_hidden", "._"];
/// What the output of a command is written into, by a shell, by `tee`, by `nohup` or by a scheduler.
const ENDINGS: [&str; 3] = [".log", ".out", ".err"];

/// Whether a file makes its folder no other's.
pub(super) fn is_harmless(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
    is_file
        && (NAMES.contains(&&*name)
            || STARTS.iter().any(|start| name.starts_with(start))
            || ENDINGS.iter().any(|ending| name.ends_with(ending))
            || is_own_output(entry))
}

/// Whether this process writes its standard output or its messages into the file.
#[cfg(unix)]
fn is_own_output(entry: &DirEntry) -> bool {
    use std::fs::{File, Metadata};
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;
    let Ok(found) = entry.metadata() else { return false };
    let is_found = |metadata: Metadata| (metadata.dev(), metadata.ino()) == (found.dev(), found.ino());
    let (out, err) = (std::io::stdout(), std::io::stderr());
    let of = |stream: std::os::fd::BorrowedFd<'_>| File::from(stream.try_clone_to_owned().ok()?).metadata().ok();
    [out.as_fd(), err.as_fd()].into_iter().filter_map(of).any(is_found)
}

#[cfg(not(unix))]
fn is_own_output(_: &DirEntry) -> bool {
    false
}
