//! Where a run stands: done, running, crashed, stopped; known from its folder alone, without touching it.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::config::Config;
use crate::lossy;
use crate::run::{self, CONFIG, Error, FAILURE, LockHolder, TIMING};

/// Folders are not searched deeper.
const DEEPEST: usize = 6;

/// A heartbeat older than this, in seconds, on a host whose locks cannot be seen from here, is taken for a crash.
const SILENCE: u64 = 120;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It has no folder yet.
    Missing,
    /// It made all its steps.
    Finished,
    /// It ended because its loss became infinite or NaN: a result.
    Diverged,
    /// A process trains it.
    Running(Option<LockHolder>),
    /// The process that trained it ended without saying so: it was killed, or its host went down.
    Crashed(LockHolder),
    /// It failed, for this reason; the same command tries again.
    Failed(String),
    /// No process trains it, and it has not ended: the same command continues it.
    Stopped,
}

impl State {
    /// One word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Finished => "finished",
            Self::Diverged => "diverged",
            Self::Running(_) => "running",
            Self::Crashed(_) => "crashed",
            Self::Failed(_) => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Whether it has a result.
    pub const fn has_ended(&self) -> bool {
        matches!(self, Self::Finished | Self::Diverged)
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Where the run in `folder` stands.
///
/// # Errors
/// [`Error`] if its result is damaged.
pub fn state(folder: &Path) -> Result<State, Error> {
    if !folder.join(CONFIG).exists() {
        return Ok(State::Missing);
    }
    // A result comes last, and goes first when a run is made longer.
    if let Some(summary) = run::read_summary(folder)? {
        return Ok(if summary.status == run::Ending::Diverged { State::Diverged } else { State::Finished });
    }
    Ok(match (run::is_locked(folder), LockHolder::read(folder)) {
        (Some(true), holder) => State::Running(holder),
        (_, Some(holder)) if !holder.is_here() && run::now().abs_diff(holder.heartbeat) < SILENCE => {
            State::Running(Some(holder))
        }
        (_, Some(holder)) => State::Crashed(holder),
        (_, None) => fs::read_to_string(folder.join(FAILURE))
            .map_or(State::Stopped, |reason| State::Failed(reason.trim().to_owned())),
    })
}

/// A run, and how far it is.
#[derive(Debug, Serialize)]
pub struct RunStatus {
    /// Its name.
    pub name: String,
    /// Its data set.
    pub data: String,
    /// Its seed.
    pub seed: u64,
    /// Where it stands.
    pub state: State,
    /// Epochs made.
    pub epoch: u32,
    /// Epochs asked for.
    pub epochs: u32,
    /// Test accuracy after the last epoch, in percent.
    pub accuracy: Option<f64>,
    /// Time left at the pace of the last epoch, in seconds, if it has not ended.
    pub seconds_left: Option<f64>,
    /// The process that trains it, or crashed.
    #[serde(rename = "owner")]
    pub holder: Option<LockHolder>,
    /// Seconds since the last sign of life.
    pub silent: Option<u64>,
    /// Why it failed, or cannot be read.
    pub problem: Option<String>,
    /// Its folder.
    #[serde(serialize_with = "lossy::serialize")]
    pub folder: PathBuf,
    /// What it is, if that can be read.
    #[serde(skip)]
    pub config: Option<Config>,
}

/// How each run below `folder` stands.
///
/// # Errors
/// If the folder cannot be read.
pub fn survey(folder: &Path) -> Result<Vec<RunStatus>, Error> {
    fs::read_dir(folder).map_err(Error::io("read", folder))?;
    Ok(run_folders(folder).into_iter().map(status).collect())
}

fn status(folder: PathBuf) -> RunStatus {
    let config = run::read_config(&folder).ok().flatten();
    let state = state(&folder);
    let lines = run::read_epochs(&folder).unwrap_or_default();
    let (epoch, accuracy) = lines.last().map_or((0, None), |line| (line.epoch, line.test_accuracy));
    let epochs = config.as_ref().map_or(0, |config| config.epochs);
    let problem = match (&state, &config) {
        (Err(error), _) => Some(error.to_string()),
        (_, None) => run::read_config(&folder).err().map(|error| error.to_string()),
        (Ok(State::Failed(reason)), _) => Some(reason.clone()),
        _ => None,
    };
    let state = state.unwrap_or_else(|error| State::Failed(error.to_string()));
    let holder = LockHolder::read(&folder);
    RunStatus {
        name: config.as_ref().map_or_else(|| "?".into(), |config| config.name.clone()),
        data: config.as_ref().map_or_else(String::new, |config| config.data.name.clone()),
        seed: config.as_ref().map_or(0, |config| config.seed),
        epoch,
        epochs,
        accuracy,
        seconds_left: (!state.has_ended())
            .then(|| seconds_of_last_epoch(&folder).map(|seconds| seconds * f64::from(epochs.saturating_sub(epoch))))
            .flatten(),
        silent: holder.as_ref().map(|holder| run::now().saturating_sub(holder.heartbeat)),
        holder,
        state,
        problem,
        folder,
        config,
    }
}

fn seconds_of_last_epoch(folder: &Path) -> Option<f64> {
    let text = fs::read_to_string(folder.join(TIMING)).ok()?;
    let line: serde_json::Value = serde_json::from_str(text.lines().last()?).ok()?;
    Some(line["train_seconds"].as_f64()? + line["test_seconds"].as_f64()?)
}

/// The folders of all runs below a folder, in the order of their names; each run once, however many symbolic links lead to it.
pub fn run_folders(folder: &Path) -> Vec<PathBuf> {
    let mut search = Search::default();
    search.walk(folder, 0);
    // Links come last: a run has the path without links, if there is one.
    while let Some((link, depth)) = search.links.pop_front() {
        search.walk(&link, depth);
    }
    search.found.sort();
    search.found
}

#[derive(Default)]
struct Search {
    found: Vec<PathBuf>,
    /// The canonical paths of the folders seen.
    seen: HashSet<PathBuf>,
    /// Links to folders, with their depth, to follow after all folders.
    links: VecDeque<(PathBuf, usize)>,
}

impl Search {
    /// A run's folder holds no other run.
    fn walk(&mut self, folder: &Path, depth: usize) {
        // A folder that cannot be read holds nothing that could be shown.
        let Ok(canonical) = folder.canonicalize() else { return };
        if !self.seen.insert(canonical) {
            return;
        }
        if folder.join(CONFIG).is_file() {
            self.found.push(folder.to_owned());
            return;
        }
        let Ok(entries) = fs::read_dir(folder) else { return };
        if depth == DEEPEST {
            return;
        }
        let mut folders: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        folders.sort();
        for path in folders {
            if path.is_symlink() { self.links.push_back((path, depth + 1)) } else { self.walk(&path, depth + 1) }
        }
    }
}
