//! The batch of a step in front of the trainer.

use asymgrad_core::Trainer;
use asymgrad_core::capabilities::ALL;

use super::batches::Gather;
use super::targets::BatchTargets;
use crate::dataset::Images;
use crate::kernels::HostKernels;
use crate::run::Error;

/// A trainer on the host's kernels.
pub(crate) type HostTrainer<'a> = Trainer<'a, ALL, &'a HostKernels>;

/// Puts the images `chosen` in front of the trainer, and their targets beside it.
///
/// # Errors
/// [`Error`] if a file of images cannot be read, or the network does not take them.
pub(crate) fn load(
    trainer: &mut HostTrainer<'_>,
    targets: &mut BatchTargets,
    gather: &mut Gather,
    images: &Images,
    chosen: &[u32],
) -> Result<(), Error> {
    gather.write(images, chosen, trainer.input(chosen.len())?)?;
    targets.fill(images, gather, chosen);
    Ok(())
}
