//! Files that a user names to be written.

use std::path::Path;

use crate::atomic;
use crate::run::Error;

/// Writes a text file whole, or leaves it as it was. A device, a FIFO or an open descriptor is written into.
///
/// # Errors
/// If the system refuses; it names the file.
pub fn write_whole(file: &Path, text: &str) -> Result<(), Error> {
    atomic::write(file, |out| out.write_all(text.as_bytes())).map_err(Error::io("write", file))
}

/// Whether `path` leads to a device, a FIFO or an open descriptor of a process: outputs are written into it.
pub fn is_stream(path: &Path) -> bool {
    atomic::is_stream(path)
}
