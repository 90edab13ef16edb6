//! How a run went, as far as a claim asks for: its accuracy and its losses, or the epoch in which it diverged.

use std::fmt;
use std::path::Path;

use super::groups::{mean_of, span};
use super::metric::Metric;
use crate::config::{Config, DatasetId};
use crate::experiment::Experiment;
use crate::run::{self, EpochLine};

/// The epochs of a run that was trained as its experiment says, and long enough for a verdict.
pub(crate) struct History {
    pub(crate) name: String,
    lines: Vec<EpochLine>,
}

impl History {
    /// Reads a run's folder, or says why the run is no evidence.
    ///
    /// It takes `least` epochs, made or, if the loss diverged, asked for: no epoch could follow.
    pub(crate) fn read(experiment: &Experiment, folder: &Path, data: &DatasetId, least: u32) -> Result<Self, String> {
        let name = &experiment.name;
        let config = run::read_config(folder).map_err(|error| error.to_string())?;
        let config = config.ok_or_else(|| format!("{name} has not been trained here"))?;
        let like = Config { data: data.clone(), ..config.clone() };
        let wanted = Config::of_experiment_like(experiment, &like).map_err(|error| error.to_string())?;
        let differences = wanted.differences(&config);
        if let Some(difference) = differences.first() {
            return Err(format!("{name} was not trained as its experiment says ({difference})"));
        }
        if config.max_steps.is_some() {
            return Err(format!("--max-steps cut {name} short"));
        }
        let lines = run::read_epochs(folder).map_err(|error| error.to_string())?;
        let history = Self { name: name.clone(), lines };
        let made = if history.has_diverged() { config.epochs } else { history.epoch() };
        if made < least {
            return Err(format!("{name} has {made} of {least} epochs"));
        }
        Ok(history)
    }

    /// The last epoch.
    pub(crate) fn epoch(&self) -> u32 {
        self.lines.last().map_or(0, |line| line.epoch)
    }

    /// Whether a loss became infinite or NaN, which ends a run.
    pub(crate) fn has_diverged(&self) -> bool {
        self.lines.last().is_some_and(EpochLine::has_diverged)
    }

    /// How it went up to an epoch.
    pub(crate) fn up_to(mut self, epoch: u32) -> Result<Course, String> {
        self.lines.retain(|line| line.epoch <= epoch);
        let (Some(first), Some(last)) = (self.lines.first(), self.lines.last()) else {
            return Err(format!("{} lacks the lines of its first epochs", self.name));
        };
        if self.has_diverged() {
            return Ok(Course::Diverged { epoch: last.epoch });
        }
        let accuracy = mean_of(&self.lines, span(last.epoch), Metric::Accuracy).or(last.test_accuracy);
        let accuracy = accuracy.ok_or_else(|| format!("{} has no accuracy", self.name))?;
        Ok(Course::Whole { epoch: last.epoch, accuracy, first: first.train_loss, last: last.train_loss })
    }
}

/// How a run went that is long enough for a verdict.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Course {
    /// The loss became infinite or NaN.
    Diverged { epoch: u32 },
    /// The mean test accuracy of the last epochs, and the training losses of the first epoch and the last.
    Whole { epoch: u32, accuracy: f64, first: f64, last: f64 },
}

impl Course {
    /// `None` if it diverged.
    pub(crate) fn accuracy(self) -> Option<f64> {
        match self {
            Self::Diverged { .. } => None,
            Self::Whole { accuracy, .. } => Some(accuracy),
        }
    }
}

impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Diverged { epoch } => write!(f, "diverged in epoch {epoch}"),
            Self::Whole { epoch, accuracy, last, .. } => {
                let [from, epoch] = span(*epoch);
                let epochs = if from == epoch { format!("epoch {epoch}") } else { format!("epochs {from}–{epoch}") };
                write!(f, "{accuracy:.2} % in {epochs}, training loss {last:.4}")
            }
        }
    }
}
