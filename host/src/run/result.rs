//! How a run ended: `result.json`, the last file that a run writes.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::files::RESULT;
use super::lines::EpochLine;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ending {
    /// It made all its steps.
    Finished,
    /// The loss of a batch, or of the validation or test images after the last step, was not finite: a result like any other.
    Diverged,
}

/// A run that has ended: `result.json`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How it ended.
    pub status: Ending,
    /// Steps made.
    pub step: u64,
    /// The last line of `epochs.jsonl`.
    pub last: EpochLine,
}

/// How the run in `folder` ended; `None` if it has not.
///
/// # Errors
/// If `result.json` cannot be read or is damaged.
pub fn read_summary(folder: &Path) -> Result<Option<Summary>, Error> {
    let file = &folder.join(RESULT);
    match fs::read(file) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        bytes => serde_json::from_slice(&bytes.map_err(Error::io("read", file))?)
            .map(Some)
            .map_err(|error| Error::Damaged { file: file.to_owned(), problem: format!("no result: {error}") }),
    }
}
