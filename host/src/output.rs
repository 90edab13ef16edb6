//! Files that a user names to be written.

use std::path::Path;

use crate::atomic;
use crate::run::Error;

/// Writes a text file whole, or leaves it as it was.
///
/// # Errors
/// If the system refuses; it names the file.
pub fn write_whole(file: &Path, text: &str) -> Result<(), Error> {
    atomic::write(file, |out| out.write_all(text.as_bytes())).map_err(Error::io("write", file))
}
