//! The batch of a step in front of the trainer.

use asymgrad_core::capabilities::ALL;
use asymgrad_core::{StepError, Trainer};

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
