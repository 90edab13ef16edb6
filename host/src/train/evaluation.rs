//! Loss and accuracy of a network on images, as a run evaluates them after each epoch, and on a saved state.

use std::sync::atomic::{AtomicBool, Ordering};

use asymgrad_core::{Score, Trainer};
use serde::Serialize;

use super::anomaly::{AnomalyCounts, roc_auc};
use super::batches::Gather;
use super::logits::confusion_of;
use super::step::{HostTrainer, load};
use super::targets::BatchTargets;
use crate::config::{Config, Target};
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
    /// Correct of the test images, in percent; `None` if no prediction is right or wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_accuracy: Option<f64>,
    /// ROC-AUC of the reconstruction errors of the anomaly class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_roc_auc: Option<f64>,
    /// Its interval, by the number of test images (Hanley and `McNeil` 1982).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_roc_auc_interval: Option<[f64; 2]>,
    /// The test images.
    pub images: usize,
    /// The test images class by class; empty if a logit is not finite, or the target is not the class.
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
        let mut gather = Gather::new(network.input(), config.pixels(dataset));
        let (never, mut targets) = (AtomicBool::new(false), BatchTargets::new(config.target));
        let mut evaluated = |images: &Images, chosen: &[u32]| {
            let sums = sums_of(&mut trainer, &mut targets, &mut gather, images, chosen, &never)?;
            Ok::<_, Error>(sums.filter(|sums| sums.samples > 0).map(|sums| mean(&sums, config)))
        };
        let validation = evaluated(&dataset.train, &config.split(dataset).1)?;
        let (test_loss, test_accuracy) = evaluated(&dataset.test, &dataset.test.indices())?.unwrap_or((f64::NAN, None));
        let test_roc_auc = roc_auc(&mut trainer, config, dataset, &gather.pixels)?;
        let classes = class_scores(&mut trainer, config, dataset, &gather)?;
        dataset.check_unchanged()?;
        Ok(Evaluation {
            validation_loss: validation.map(|(loss, _)| loss),
            validation_accuracy: validation.and_then(|(_, accuracy)| accuracy),
            test_loss,
            test_accuracy,
            test_roc_auc,
            test_roc_auc_interval: AnomalyCounts::of(config, dataset)
                .and_then(|counts| Some(counts.interval(test_roc_auc?))),
            images: dataset.test.len(),
            classes,
        })
    })
}

/// The test images class by class; none if a logit is not finite, or the target is not the class.
fn class_scores(
    trainer: &mut HostTrainer<'_>,
    config: &Config,
    dataset: &Dataset,
    gather: &Gather,
) -> Result<Vec<ClassScore>, Error> {
    if config.target != Target::Class {
        return Ok(vec![]);
    }
    let counts = confusion_of(trainer, &dataset.test, &gather.pixels)?.unwrap_or_default();
    Ok(counts.iter().enumerate().map(|(class, row)| ClassScore::of(class, row)).collect())
}

impl ClassScore {
    /// `row` counts the images of the class by what the network takes them for.
    fn of(class: usize, row: &[u32]) -> Self {
        let (images, correct) = (row.iter().sum(), row.get(class).copied().unwrap_or(0));
        let accuracy = (images > 0).then(|| 100.0 * f64::from(correct) / f64::from(images));
        Self { class, images, correct, accuracy }
    }
}

/// The sums of loss and correct predictions over some images, in the trainer's batches; `None` if `stop` ended it.
pub(super) fn sums_of(
    trainer: &mut HostTrainer<'_>,
    targets: &mut BatchTargets,
    gather: &mut Gather,
    images: &Images,
    chosen: &[u32],
    stop: &AtomicBool,
) -> Result<Option<Sums>, Error> {
    let mut sums = Sums::default();
    for batch in chosen.chunks(trainer.training().batch()) {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        load(trainer, targets, gather, images, batch)?;
        add(&mut sums, &trainer.evaluate(targets.get())?);
    }
    Ok(Some(sums))
}

pub(super) fn add(sums: &mut Sums, score: &Score) {
    sums.loss += f64::from(score.loss) * score.samples as f64;
    sums.correct += score.correct.unwrap_or(0);
    sums.samples += score.samples;
}

/// Mean loss, and accuracy in percent if the run has one.
pub(super) fn mean(sums: &Sums, config: &Config) -> (f64, Option<f64>) {
    let samples = sums.samples as f64;
    (sums.loss / samples, config.has_accuracy().then(|| 100.0 * sums.correct as f64 / samples))
}
