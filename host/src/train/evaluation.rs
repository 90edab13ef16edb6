//! Loss and accuracy of a network on images, as a run evaluates them after each epoch, and on a saved state.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use asymgrad_core::{Score, Trainer};
use serde::Serialize;

use super::batches::Gather;
use super::logits::{confusion, logits};
use super::step::{HostTrainer, load};
use crate::config::Config;
use crate::dataset::{Dataset, Images};
use crate::kernels::{HostKernels, InstructionSet};
use crate::run::{Error, Sums, allocate};

/// What a network's weights are worth on the test images, and on the validation images.
#[derive(Debug, Serialize)]
pub struct Evaluation {
    /// Mean loss over the validation images; `None` without a validation split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// Correct of the validation images, in percent; `None` without a validation split.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_accuracy: Option<f64>,
    /// Mean loss over the test images.
    pub test_loss: f64,
    /// Correct of the test images, in percent.
    pub test_accuracy: f64,
    /// The test images.
    pub images: usize,
    /// The test images class by class; empty if a logit is not finite.
    pub classes: Vec<ClassScore>,
}

/// The test images of one class.
#[derive(Debug, Serialize)]
pub struct ClassScore {
    /// The class.
    pub class: usize,
    /// Its images.
    pub images: u32,
    /// Those that the network takes for it.
    pub correct: u32,
    /// The same in percent; `None` without images.
    pub accuracy: Option<f64>,
}

/// Evaluates a saved state as a run of this configuration does after an epoch, in batches of as many samples: the figures have the same
/// bits as those of the run's log, on any number of threads.
///
/// # Errors
/// [`Error`] if there is not enough memory, or the network does not take these images.
pub fn evaluate(config: &Config, state: &[f32], dataset: &Dataset, threads: usize) -> Result<Evaluation, Error> {
    let kernels = HostKernels::new(InstructionSet::of(config.class), threads)
        .map_err(|error| Error::Threads { threads, reason: error.to_string() })?;
    kernels.install(|| {
        let (network, training) = (config.network.architecture(), config.training_on(dataset));
        let mut memory = allocate(network.memory(&training))?;
        let mut trainer = Trainer::with_kernels(network, training, &mut memory, &kernels)?;
        trainer.state_mut().copy_from_slice(state);
        let gather = Gather::new(network.input(), config.pixels(dataset));
        let (never, mut labels) = (AtomicBool::new(false), vec![]);
        let mut evaluated = |images: &Images, chosen: Range<usize>| {
            let sums = sums_of(&mut trainer, &mut labels, &gather, images, chosen, config.batch, &never)?;
            Ok::<_, Error>(sums.filter(|sums| sums.samples > 0).map(|sums| mean(&sums)))
        };
        let validation = evaluated(&dataset.train, config.held_out(dataset))?;
        let test = evaluated(&dataset.test, 0..dataset.test.len())?;
        let (validation_loss, validation_accuracy) = validation.unzip();
        let (test_loss, test_accuracy) = test.unwrap_or((f64::NAN, f64::NAN));
        let found = logits(&mut trainer, &dataset.test, &gather.pixels)?;
        let is_finite = found.iter().all(|logit| logit.is_finite());
        let counts = is_finite.then(|| confusion(&found, &dataset.test.labels, network.classes()));
        let classes = counts.iter().flatten().enumerate().map(|(class, row)| ClassScore::of(class, row)).collect();
        let images = dataset.test.len();
        Ok(Evaluation { validation_loss, validation_accuracy, test_loss, test_accuracy, images, classes })
    })
}

impl ClassScore {
    /// `row` counts the images of the class by what the network takes them for.
    fn of(class: usize, row: &[u32]) -> Self {
        let (images, correct) = (row.iter().sum(), row.get(class).copied().unwrap_or(0));
        let accuracy = (images > 0).then(|| 100.0 * f64::from(correct) / f64::from(images));
        Self { class, images, correct, accuracy }
    }
}

/// The sums of loss and correct predictions over some images, in batches of `batch` samples; `None` if `stop` ended it.
pub(super) fn sums_of(
    trainer: &mut HostTrainer<'_>,
    labels: &mut Vec<usize>,
    gather: &Gather,
    images: &Images,
    chosen: Range<usize>,
    batch: usize,
    stop: &AtomicBool,
) -> Result<Option<Sums>, Error> {
    let chosen: Vec<u32> = (index(chosen.start)..index(chosen.end)).collect();
    let mut sums = Sums::default();
    for batch in chosen.chunks(batch) {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        load(trainer, labels, gather, images, batch)?;
        add(&mut sums, &trainer.evaluate(labels.as_slice())?);
    }
    Ok(Some(sums))
}

/// The index of an image.
pub(super) fn index(image: usize) -> u32 {
    u32::try_from(image).unwrap_or(u32::MAX)
}

pub(super) fn add(sums: &mut Sums, score: &Score) {
    sums.loss += f64::from(score.loss) * score.samples as f64;
    sums.correct += score.correct.unwrap_or(0);
    sums.samples += score.samples;
}

/// Mean loss, and accuracy in percent.
pub(super) fn mean(sums: &Sums) -> (f64, f64) {
    let samples = sums.samples as f64;
    (sums.loss / samples, 100.0 * sums.correct as f64 / samples)
}
