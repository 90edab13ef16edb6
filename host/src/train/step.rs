//! The batch of a step in front of the trainer.

use asymgrad_core::capabilities::ALL;
use asymgrad_core::{StepError, Trainer};

use super::batches::Gather;
use super::targets::BatchTargets;
use crate::dataset::Images;
use crate::kernels::HostKernels;

/// A trainer on the host's kernels.
pub(crate) type HostTrainer<'a> = Trainer<'a, ALL, &'a HostKernels>;

/// Puts the images `chosen` in front of the trainer, and their targets beside it.
pub(crate) fn load(
    trainer: &mut HostTrainer<'_>,
    targets: &mut BatchTargets,
    gather: &Gather,
    images: &Images,
    chosen: &[u32],
) -> Result<(), StepError> {
    gather.write(images, chosen, trainer.input(chosen.len())?);
    targets.fill(images, &gather.pixels, chosen);
    Ok(())
}
