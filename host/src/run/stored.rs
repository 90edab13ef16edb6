//! What a run's folder holds of it: its configuration, its state, and how it ended.

use std::fs;
use std::io;
use std::path::Path;

use super::checkpoint::Saved;
use super::error::Error;
use super::folder::{CHECKPOINT, CONFIG, RESULT};
use crate::config::Config;
use crate::kernels::Aligned;
use crate::train::{Request, Status, Summary, allocate};

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

/// How the run that is asked for ended before, if it has and is to make no further step; `goal` is the number of its steps.
///
/// # Errors
/// If it has made more steps, or is to be made longer and keeps nothing to go on from.
pub fn ended(request: &Request, goal: u64) -> Result<Option<Summary>, Error> {
    let folder = &request.folder;
    let Some(summary) = read_summary(folder)? else { return Ok(None) };
    if summary.step > goal && !request.longer_is_done {
        return Err(Error::Past { folder: folder.clone(), made: summary.step, asked: goal });
    }
    if summary.step >= goal || summary.status == Status::Diverged {
        return Ok(Some(summary));
    }
    // A row that is to keep none is trained again.
    if request.keep_weights && !folder.join(CHECKPOINT).exists() {
        let why = "the run has ended and keeps none, so it cannot be made longer; choose another folder with --out, or start \
                   over with --fresh";
        return Err(Error::NoState { folder: folder.clone(), why });
    }
    Ok(None)
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
