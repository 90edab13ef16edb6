//! One step: a batch in front of the trainer, and the trainer to the end of the step.

use asymgrad_core::capabilities::ALL;
use asymgrad_core::{Score, StepError, Trainer};

use super::batches::Gather;
use crate::dataset::Images;
use crate::kernels::HostKernels;

/// A trainer on the host's kernels.
pub(crate) type HostTrainer<'a> = Trainer<'a, ALL, &'a HostKernels>;

/// Puts the images `chosen` and their labels in front of the trainer.
pub(crate) fn load(
    trainer: &mut HostTrainer<'_>,
    labels: &mut Vec<usize>,
    gather: &Gather,
    images: &Images,
    chosen: &[u32],
) -> Result<(), StepError> {
    gather.write(images, chosen, trainer.input(chosen.len())?);
    labels.clear();
    labels.extend(chosen.iter().map(|index| usize::from(images.labels[*index as usize])));
    Ok(())
}

/// Makes a whole step.
pub(crate) fn drive(trainer: &mut HostTrainer<'_>, labels: &[usize]) -> Result<Score, StepError> {
    trainer.start(labels)?;
    loop {
        if let std::task::Poll::Ready(score) = trainer.poll()? {
            return Ok(score);
        }
    }
}
