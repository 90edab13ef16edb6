//! Why a run did not start or resume. Every message names the file or the value, and a hint.
//!
//! A message contains that of its cause, so the cause is no `source`: whoever prints an error with its sources prints it once.

use std::io;
use std::path::{Path, PathBuf};

use asymgrad_core::{StepError, TrainerError};

use crate::{dataset, tensors};

/// Why a run did not start or resume.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused.
    #[error("{}: cannot {action}: {cause}; {}", path.display(), hint(cause))]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
    /// Another process trains in the folder.
    #[error("{}: another process ({holder}) is running here; wait for it to end, or choose another folder with --out", folder.display())]
    Locked {
        /// The run's folder.
        folder: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// The folder holds a run that differs in more than what may change.
    #[error(
        "{}: this folder holds another run ({}); choose another folder with --out, or start over with --fresh",
        folder.display(), differences.join("; ")
    )]
    OtherRun {
        /// The run's folder.
        folder: PathBuf,
        /// One entry a field: `batch: 128 there, 64 asked for`.
        differences: Vec<String>,
    },
    /// The folder holds files, but no run.
    #[error("{}: the folder holds {found} but no config.json, so it is no run; choose another with --out", folder.display())]
    NotARun {
        /// The folder.
        folder: PathBuf,
        /// The first file found.
        found: String,
    },
    /// The folder lies in that of another run.
    #[error("{}: this lies in the folder of another run, {}, where `status` and `report` do not look for runs; choose another with --out", folder.display(), run.display())]
    InsideRun {
        /// The folder.
        folder: PathBuf,
        /// The other run's.
        run: PathBuf,
    },
    /// A file of the run cannot be read.
    #[error("{}: {problem}; restore the file, or start over with --fresh", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A folder that holds no run.
    #[error("{}: this is no run, for it holds no config.json; give the folder of one run, such as runs/digits/DS0/seed-1", folder.display())]
    NoRun {
        /// The folder.
        folder: PathBuf,
    },
    /// A run without a checkpoint to resume from.
    #[error("{}: there is no checkpoint: {why}", folder.display())]
    NoState {
        /// The folder.
        folder: PathBuf,
        /// Why, and what makes one.
        why: &'static str,
    },
    /// The run is already further than was asked for.
    #[error(
        "{}: the run has made {made} steps, {asked} are asked for; --epochs and --max-steps may only grow, \
         else choose another folder with --out, or start over with --fresh",
        folder.display()
    )]
    Past {
        /// The run's folder.
        folder: PathBuf,
        /// Steps made.
        made: u64,
        /// Steps asked for.
        asked: u64,
    },
    /// The checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The network does not take the data.
    #[error("the network takes {network}, the data set {name} holds {data}; change the network's `input`")]
    Input {
        /// The network's input.
        network: String,
        /// The data set's name.
        name: String,
        /// Its images.
        data: String,
    },
    /// The network has fewer outputs than the data has classes.
    #[error("the last layer has {outputs} outputs, the data set {name} has {classes} classes; end with dense{classes}")]
    Classes {
        /// Outputs of the network.
        outputs: usize,
        /// The data set's name.
        name: String,
        /// Its classes.
        classes: usize,
    },
    /// The targets do not suit the loss, the network or the data set.
    #[error("{problem}")]
    Targets {
        /// What does not go together, and what would.
        problem: String,
    },
    /// The validation split takes all training images.
    #[error(
        "a validation split of {validation} images leaves none to train on: the data set {name} has {images} training images; \
         choose a smaller --validation"
    )]
    Split {
        /// Images of the validation split.
        validation: usize,
        /// The data set's name.
        name: String,
        /// Its training images.
        images: usize,
    },
    /// More images are to be trained on than there are.
    #[error(
        "{asked} images to train on are more than the {} that the data set {name} has{}; choose a smaller --train-images",
        images - validation,
        if *validation > 0 { format!(" beside a validation split of {validation}") } else { String::new() }
    )]
    TrainImages {
        /// Images asked for.
        asked: usize,
        /// The data set's name.
        name: String,
        /// Its training images.
        images: usize,
        /// Those of the validation split.
        validation: usize,
    },
    /// The options that say which images are trained on do not go together.
    #[error("{problem}")]
    Sampling {
        /// What does not go together, and what would.
        problem: String,
    },
    /// A layer that an option names has no such initial values.
    #[error("{option} names layer {layer}: {problem}")]
    Initial {
        /// The option.
        option: &'static str,
        /// The layer's number among all layers, from 1.
        layer: usize,
        /// What is wrong, and which layers there are.
        problem: String,
    },
    /// The weights of the best epoch so far were not kept.
    #[error(
        "{}: the run has made its best epoch so far without --save-best, and its weights are gone; leave --save-best out, choose another \
         folder with --out, or start over with --fresh",
        folder.display()
    )]
    NoBest {
        /// The run's folder.
        folder: PathBuf,
    },
    /// The training does not fit into memory.
    #[error("the training needs {bytes} bytes of memory; choose a smaller --batch or network")]
    Memory {
        /// Bytes needed.
        bytes: usize,
    },
    /// The threads cannot be started.
    #[error(
        "cannot start {}: {reason}; choose fewer with --threads and --jobs, or allow this user more (`ulimit -u`)",
        if *threads == 1 { "a thread".to_owned() } else { format!("{threads} threads") }
    )]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// The system's answer.
        reason: String,
    },
    /// The training makes no sense.
    #[error("{0}; change the option and run again")]
    Trainer(TrainerError),
    /// A step makes no sense: the data does not suit the network.
    #[error("{0}; check the data set with `asymgrad data info`")]
    Step(StepError),
    /// A file of the data set cannot be read.
    #[error(transparent)]
    Dataset(#[from] dataset::Error),
    /// The weights cannot be read.
    #[error(transparent)]
    Weights(#[from] tensors::Error),
}

impl Error {
    /// For `map_err`: `action` on `path` failed.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { action, path, cause }
    }
}

impl From<TrainerError> for Error {
    fn from(error: TrainerError) -> Self {
        Self::Trainer(error)
    }
}

impl From<StepError> for Error {
    fn from(error: StepError) -> Self {
        Self::Step(error)
    }
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The system refused.
    #[error("{}: cannot read the checkpoint: {cause}; {}", file.display(), hint(cause))]
    Io {
        /// The checkpoint.
        file: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
    /// The file is not what was written.
    #[error(
        "{}: the checkpoint is damaged ({problem}) and was left as it is; restore the file from a backup, \
         or start over with --fresh",
        file.display()
    )]
    Damaged {
        /// The checkpoint.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file is sound, but of another run or program.
    #[error("{}: the checkpoint belongs to {found}; put it back where it was, or start over with --fresh", file.display())]
    Other {
        /// The checkpoint.
        file: PathBuf,
        /// What it belongs to.
        found: &'static str,
    },
}

/// What to do about a refusal of the system.
fn hint(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::IsADirectory => "give the path of a file",
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "a file is in the way; choose another path",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "free some space and run the same command again: it continues from the last checkpoint"
        }
        _ => "check the permissions, or choose another folder with --out",
    }
}
