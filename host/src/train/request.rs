//! What is asked of a run and what comes of it: the words between those who start runs, those who watch them and the loop.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::targets::check_targets;
use crate::config::Config;
use crate::dataset::Dataset;
use crate::kernels::InstructionSet;
use crate::run::{EpochLine, Error, Summary};

/// A run, where it lies, and how it is carried out; none of the latter changes a number.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Request {
    /// What the run is.
    pub config: Config,
    /// Its folder.
    pub folder: PathBuf,
    /// The file that the weights begin with, whose checksum the configuration holds.
    pub init: Option<PathBuf>,
    /// The kernels, of the configuration's class.
    pub kernels: InstructionSet,
    /// Threads.
    pub threads: usize,
    /// Whether to start over.
    pub fresh: bool,
    /// Steps between checkpoints, besides those that the clock makes.
    pub checkpoint_every: Option<u64>,
    /// Whether to write `TensorBoard`'s event file, too.
    pub tensorboard: bool,
    /// Whether a run that has ended beyond its goal is done; otherwise it is an error.
    pub longer_is_done: bool,
    /// Whether to keep the weights of the epoch with the best validation accuracy.
    pub save_best: bool,
    /// Whether the weights and the last checkpoint stay when the run has ended. Without them a larger goal begins anew.
    pub keep_weights: bool,
}

/// What follows the progress of a run.
pub trait Observer: Send {
    /// The weights begin with those of `file`, which lacks the tensors `drawn`: these are drawn from the seed.
    fn initialized(&mut self, _file: &Path, _drawn: &[String]) {}
    /// Before the first step of this process; `progress.step` are the steps made before.
    fn start(&mut self, _config: &Config, _progress: &TrainProgress) {}
    /// After warm-up round `round` of `rounds` of the weight mirrors, before the first step.
    fn warm_up(&mut self, _round: u32, _rounds: u32) {}
    /// After a step.
    fn step(&mut self, _progress: &TrainProgress) {}
    /// After an epoch and its evaluation.
    fn epoch(&mut self, _line: &EpochLine) {}
}

/// Watches nothing.
impl Observer for () {}

/// Where a run stands.
#[derive(Clone, Copy, Debug)]
pub struct TrainProgress {
    /// Steps made.
    pub step: u64,
    /// Steps of the whole run.
    pub goal: u64,
    /// The epoch at hand, from 1.
    pub epoch: u32,
    /// Epochs of the whole run.
    pub epochs: u32,
    /// Mean loss of the epoch so far.
    pub loss: f64,
    /// Accuracy of the epoch so far, in percent; `None` if predictions are neither right nor wrong.
    pub accuracy: Option<f64>,
    /// Images trained on in a second, evaluation left out.
    pub images_per_second: f64,
    /// Time left, at the pace so far.
    pub remaining: Duration,
}

/// What became of a call of [`train`](super::train).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The run has ended now.
    Ended(Summary),
    /// The run had ended before, and nothing was done.
    EndedBefore(Summary),
    /// It was stopped by a signal; a checkpoint lets it resume.
    Stopped {
        /// Steps made.
        step: u64,
    },
}

/// The network has to take the data's images, as they are or as plain vectors, and the loss its labels or values.
///
/// # Errors
/// [`Error`] that says what the network takes and what the data set holds.
pub fn check_fit(config: &Config, dataset: &Dataset) -> Result<(), Error> {
    let network = config.network.architecture();
    let input = network.input();
    let fits = if input.is_vector() {
        input.features() == dataset.image_size()
    } else {
        [input.channels(), input.rows(), input.cols()] == [dataset.channels, dataset.rows, dataset.cols]
    };
    if !fits {
        let data = format!("images of {}x{}x{}", dataset.channels, dataset.rows, dataset.cols);
        return Err(Error::Input { network: input.to_string(), name: dataset.name.clone(), data });
    }
    check_targets(config, dataset)
}

/// The validation split has to leave images to train on, and as many as are to be trained on.
///
/// # Errors
/// [`Error`] that says how many images it takes and how many there are.
pub fn check_split(config: &Config, dataset: &Dataset) -> Result<(), Error> {
    let (validation, name, images) = (config.validation, dataset.name.clone(), config.normal_images(dataset));
    if validation > 0 && config.train_images(dataset) == 0 {
        return Err(Error::Split { validation, name, images });
    }
    match config.train_images {
        Some(asked) if asked > config.train_images(dataset) => {
            Err(Error::TrainImages { asked, name, images, validation })
        }
        _ => Ok(()),
    }
}
