//! `config.json` in a run's folder: what the run is.

use std::fs;
use std::io;
use std::path::Path;

use super::error::Error;
use super::files::CONFIG;
use super::process::VERSION;
use crate::atomic;
use crate::config::Config;

/// Reads the `config.json` of a folder; `None` if there is none.
///
/// # Errors
/// If it cannot be read or is no configuration.
pub fn read_config(folder: &Path) -> Result<Option<Config>, Error> {
    let file = &folder.join(CONFIG);
    match fs::read(file) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::io("read", file)(error)),
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| Error::Damaged {
            file: file.to_owned(),
            problem: format!("no configuration that asymgrad {VERSION} can read: {error}"),
        }),
    }
}

/// Writes `config.json`, whole or not at all.
pub(crate) fn write_config(config: &Config, folder: &Path) -> Result<(), Error> {
    let file = &folder.join(CONFIG);
    atomic::write(file, |out| {
        serde_json::to_writer_pretty(&mut *out, config)?;
        out.write_all(b"\n")
    })
    .map_err(Error::io("write", file))
}

/// The configuration that the folder holds, if it holds one.
///
/// # Errors
/// If it is another run's.
pub fn stored_config(config: &Config, folder: &Path) -> Result<Option<Config>, Error> {
    let stored = read_config(folder)?;
    match stored.as_ref().map(|stored| stored.differences(config)).filter(|differences| !differences.is_empty()) {
        Some(differences) => Err(Error::OtherRun { folder: folder.to_owned(), differences }),
        None => Ok(stored),
    }
}
