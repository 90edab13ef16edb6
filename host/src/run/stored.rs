//! What a run's folder holds of it: its configuration, its state, and how it ended.

use std::fs;
use std::io;
use std::path::Path;

use super::checkpoint::Saved;
use super::config::Config;
use super::error::Error;
use super::folder::{CHECKPOINT, CONFIG, RESULT};
use super::request::Summary;
use super::session::allocate;
use crate::kernels::Aligned;

/// The configuration that the folder holds, if it holds one.
///
/// # Errors
/// If it is another run's.
pub fn stored_config(config: &Config, folder: &Path) -> Result<Option<Config>, Error> {
    let stored = Config::read(&folder.join(CONFIG))?;
    match stored.as_ref().map(|stored| stored.differences(config)).filter(|differences| !differences.is_empty()) {
        Some(differences) => Err(Error::OtherRun { folder: folder.to_owned(), differences }),
        None => Ok(stored),
    }
}

/// The configuration of a run and its state as of the last checkpoint, for export.
///
/// # Errors
/// If the folder holds no run, or no checkpoint yet.
pub fn read_state(folder: &Path) -> Result<(Config, Aligned), Error> {
    let config = Config::read(&folder.join(CONFIG))?.ok_or_else(|| Error::NoRun { folder: folder.to_owned() })?;
    let saved = Saved::open(&folder.join(CHECKPOINT))?.ok_or_else(|| Error::NoState {
        folder: folder.to_owned(),
        why: if folder.join(RESULT).exists() {
            "the run has ended and keeps none, as a quick suite does of large networks; train it with `asymgrad run`"
        } else {
            "the run has not made one yet; it does within a minute of training"
        },
    })?;
    let mut state = allocate(saved.numbers())?;
    saved.read(&config.identity(), &mut state)?;
    Ok((config, state))
}

/// How the run in `folder` ended; `None` if it has not.
///
/// # Errors
/// If `result.json` cannot be read or is damaged.
pub fn read_summary(folder: &Path) -> Result<Option<Summary>, Error> {
    let file = &folder.join(RESULT);
    match fs::read(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        bytes => serde_json::from_slice(&bytes.map_err(Error::io("read", file))?)
            .map(Some)
            .map_err(|error| Error::Damaged { file: file.to_owned(), problem: format!("no result: {error}") }),
    }
}
