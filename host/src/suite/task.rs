//! A training of a suite, and what became of it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::Config;
use crate::dataset::Dataset;
use crate::experiment::{Catalogue, Experiment, Published};
use crate::run::{self, Ending, Summary};
use crate::train::{AnomalyCounts, Outcome, Request};

/// A training, and what the report says about it.
#[derive(Clone, Debug)]
pub struct Task {
    /// How it is trained.
    pub request: Request,
    /// What tells it apart from others of its name beside the seed, such as `lr-0.001`; may be empty.
    pub varying: String,
    /// What it is trained on.
    pub dataset: Arc<Dataset>,
    /// What the report says of it; `None` for a network of the user's own.
    pub experiment: Option<Experiment>,
    /// The experiments that it may be compared with.
    pub catalogue: Arc<Catalogue>,
}

impl Task {
    /// Its name, what varies, and its seed: `DS0 lr-0.001 seed 2`.
    pub fn label(&self) -> String {
        let Config { name, seed, .. } = &self.request.config;
        let varying = if self.varying.is_empty() { String::new() } else { format!(" {}", self.varying) };
        format!("{name}{varying} seed {seed}")
    }

    /// The report's table; `None` for an extra experiment and a network of the user's own.
    pub fn table(&self) -> Option<u8> {
        self.experiment.as_ref()?.table
    }

    /// The test accuracies that the report publishes, by rising epochs.
    pub fn published(&self) -> &[Published] {
        self.experiment.as_ref().map_or(&[], |experiment| &experiment.published)
    }

    /// The multiplications of the whole training: what its time is estimated by.
    pub fn work(&self) -> f64 {
        let config = &self.request.config;
        let samples = config.goal(&self.dataset) as f64 * config.batch as f64;
        samples * config.network.architecture().multiplications() as f64
    }
}

/// A task and what became of it.
#[derive(Debug)]
pub struct TaskResult<'a> {
    /// The task.
    pub task: &'a Task,
    /// How it went, or why it failed.
    pub outcome: Result<Outcome, TaskError>,
}

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The run did not start, or could not continue.
    #[error(transparent)]
    Run(#[from] run::Error),
    /// The training panicked.
    #[error("{}: the training panicked, which is a bug of this program; please report it", folder.display())]
    Panicked {
        /// The run's folder.
        folder: PathBuf,
    },
}

impl TaskResult<'_> {
    /// Whether a signal stopped it.
    pub fn is_stopped(&self) -> bool {
        matches!(self.outcome, Ok(Outcome::Stopped { .. }))
    }

    /// Whether it has ended with a result, finished or diverged.
    pub fn has_result(&self) -> bool {
        self.summary().is_some()
    }

    /// The interval of its ROC-AUC, by the number of test images (Hanley and `McNeil` 1982).
    pub fn roc_auc_interval(&self) -> Option<[f64; 2]> {
        let counts = AnomalyCounts::of(&self.task.request.config, &self.task.dataset)?;
        Some(counts.interval(self.summary()?.last.test_roc_auc?))
    }

    /// Its result, if it has one.
    pub fn summary(&self) -> Option<Summary> {
        match self.outcome {
            Ok(Outcome::Ended(summary) | Outcome::EndedBefore(summary)) => Some(summary),
            _ => None,
        }
    }
}

/// `DS0 seed 1: finished after step 120 (epoch 10), test accuracy 88.89 %, test loss 0.4613, in runs/…`; a number that the run does not
/// have is left out.
impl fmt::Display for TaskResult<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { folder, .. } = &self.task.request;
        let (label, folder) = (self.task.label(), folder.display());
        let (summary, before) = match &self.outcome {
            Err(reason) => return write!(f, "error: {label}: {reason}"),
            Ok(Outcome::Stopped { step }) => {
                return write!(
                    f,
                    "{label}: stopped after step {step} with a checkpoint in {folder}: the same command continues"
                );
            }
            Ok(Outcome::Ended(summary)) => (summary, ""),
            Ok(Outcome::EndedBefore(summary)) => (summary, "before, "),
        };
        let status = match summary.status {
            Ending::Finished => "finished",
            Ending::Diverged => "diverged",
        };
        let (step, last) = (summary.step, &summary.last);
        write!(f, "{label}: {status} {before}after step {step} (epoch {}), ", last.epoch)?;
        last.test_accuracy.map_or(Ok(()), |accuracy| write!(f, "test accuracy {accuracy:.2} %, "))?;
        write!(f, "test loss {:.4}, ", last.test_loss)?;
        if let Some(area) = last.test_roc_auc {
            write!(f, "ROC-AUC {area:.4}")?;
            let interval = self.roc_auc_interval();
            interval.map_or(Ok(()), |[low, high]| write!(f, " [{low:.4}, {high:.4}]"))?;
            write!(f, ", ")?;
        }
        write!(f, "in {folder}")
    }
}
