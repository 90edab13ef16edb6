//! A run's folder, locked against a second process.
//!
//! Only files of these names are ever written or removed, so that `--fresh` cannot take anything else with it.

use std::fs;
use std::path::{Path, PathBuf};

use super::config_file::read_config;
use super::error::Error;
use super::events;
use super::files::{
    ANOMALIES, BEST, CHECKPOINT, CONFIG, CONFUSION, EPOCHS, FAILURE, LOCK, LOCK_HOLDER, METRICS, PROCESSES, RESULT,
    TIMING, WEIGHTS,
};
use super::leftover::is_harmless;
use super::lock::FolderLock;
use crate::atomic::{self, PART};

/// In the order in which `--fresh` removes them, after `TensorBoard`'s: without its configuration a folder is no run any more.
const FILES: [&str; 12] =
    [RESULT, CHECKPOINT, METRICS, EPOCHS, TIMING, PROCESSES, CONFUSION, ANOMALIES, FAILURE, WEIGHTS, BEST, CONFIG];

/// A run's folder, locked as long as this lives.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    lock: FolderLock,
}

impl RunFolder {
    /// Creates the folder if need be, locks it, and removes an earlier run if `fresh`.
    ///
    /// # Errors
    /// If it cannot be written, is locked, holds files but no run, or lies in another run's folder.
    pub fn open(path: &Path, fresh: bool) -> Result<Self, Error> {
        check_place(path)?;
        atomic::create_folder(path).map_err(Error::io("create", path))?;
        check_strangers(path, fresh)?;
        let folder = Self { path: path.to_owned(), lock: FolderLock::take(path)? };
        if fresh {
            for file in events::files(path) {
                atomic::remove(&file).map_err(Error::io("remove", &file))?;
            }
            for name in FILES {
                folder.remove(name)?;
            }
        }
        Ok(folder)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One of its files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Fails if another process has taken the folder over.
    pub(crate) fn check_lock(&self) -> Result<(), Error> {
        self.lock.check()
    }

    /// Removes one of its files, which may be missing.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        let file = self.file(name);
        atomic::remove(&file).map_err(Error::io("remove", &file))
    }
}

/// Fails if the folder lies in another run's, which are not searched for runs.
///
/// # Errors
/// [`Error::InsideRun`].
pub fn check_place(path: &Path) -> Result<(), Error> {
    let is_run = |folder: &&Path| matches!(read_config(folder), Ok(Some(_)));
    match path.ancestors().skip(1).find(is_run) {
        // One that was started there earlier resumes.
        Some(run) if !path.join(CONFIG).exists() => {
            Err(Error::InsideRun { folder: path.to_owned(), run: run.to_owned() })
        }
        _ => Ok(()),
    }
}

/// A folder without a configuration must hold nothing that is not a run's. It may be missing.
///
/// # Errors
/// [`Error::NotARun`] names the file that was found.
pub fn check_strangers(path: &Path, fresh: bool) -> Result<(), Error> {
    if path.join(CONFIG).exists() || matches!(path.try_exists(), Ok(false)) {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(Error::io("read", path))? {
        let entry = entry.map_err(Error::io("read", path))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A process killed at start-up leaves a lock, its record and parts; one that failed there says why.
        let leftover = [LOCK, LOCK_HOLDER, FAILURE].contains(&name.as_str()) || name.ends_with(PART);
        let ours = leftover || is_harmless(&entry) || fresh && FILES.contains(&name.as_str());
        if !ours {
            return Err(Error::NotARun { folder: path.to_owned(), found: name });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_other_things_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.tex"), "").unwrap();
        for fresh in [false, true] {
            let error = RunFolder::open(folder.path(), fresh).unwrap_err();
            assert!(matches!(error, Error::NotARun { found, .. } if found == "thesis.tex"));
        }
        assert!(!folder.path().join(LOCK).exists());
    }
}
