//! The trainer's state that a run's folder holds: weights, feedback and moments as of the last checkpoint.

use std::path::Path;

use asymgrad_core::Trainer;
use asymgrad_core::capabilities::ALL;

use super::checkpoint::CheckpointReader;
use super::config_file::read_config;
use super::error::Error;
use super::files::{CHECKPOINT, RESULT};
use crate::config::Config;
use crate::kernels::Aligned;

/// The configuration of a run and its state as of the last checkpoint, with the feedback that the next step would use, for export.
///
/// # Errors
/// If the folder holds no run, or no checkpoint yet.
pub fn read_state(folder: &Path) -> Result<(Config, Aligned), Error> {
    let config = read_config(folder)?.ok_or_else(|| Error::NoRun { folder: folder.to_owned() })?;
    let saved = CheckpointReader::open(&folder.join(CHECKPOINT))?.ok_or_else(|| Error::NoState {
        folder: folder.to_owned(),
        why: if folder.join(RESULT).exists() {
            "the run has ended and keeps none, as a quick suite does of large networks; train it with `asymgrad run`"
        } else {
            "the run has not made one yet; it does within a minute of training"
        },
    })?;
    let mut state = allocate(config.network.architecture().state(&config.training()))?;
    let at = saved.read(&config.identity(), &mut state)?;
    refresh_feedback(&config, at.step, &mut state)?;
    Ok((config, state))
}

/// Gives sign-concordant feedback the values that the step after `steps` steps would use.
fn refresh_feedback(config: &Config, steps: u64, state: &mut [f32]) -> Result<(), Error> {
    let network = config.network.architecture();
    if !network.layers().iter().any(|layer| layer.feedback.has_weight_signs()) {
        return Ok(());
    }
    let training = config.training_of(1);
    let mut memory = allocate(network.memory(&training))?;
    let mut trainer = Trainer::<ALL>::new(network, training, &mut memory)?;
    trainer.state_mut().copy_from_slice(state);
    trainer.resume(steps);
    trainer.refresh_feedback();
    state.copy_from_slice(trainer.state());
    Ok(())
}

/// Memory for so many numbers, or the error that says how much is missing.
pub(crate) fn allocate(numbers: usize) -> Result<Aligned, Error> {
    Aligned::try_zeros(numbers).map_err(|_| Error::Memory { bytes: numbers.saturating_mul(size_of::<f32>()) })
}
