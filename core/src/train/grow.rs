//! The state of a network in a trainer of the same network with more outputs.

use super::error::TrainerError;
use super::trainer::Trainer;
use crate::network::Architecture;
use crate::plan::Growth;

impl<const CAPS: u32, K> Trainer<'_, CAPS, K> {
    /// Copies the state of a trainer of `smaller`, the same network with fewer outputs, under the same training: for a class that is
    /// added after deployment.
    ///
    /// Weights, feedback and optimizer state of all other outputs stay what [`Trainer::initialize`] made them, so call it first. With
    /// the steps of the smaller trainer, call [`Trainer::resume`]. A snapshot is loaded by
    #[cfg_attr(
        feature = "embedded-storage",
        doc = "[`Snapshots::load_smaller`](crate::snapshot::Snapshots::load_smaller)."
    )]
    #[cfg_attr(
        not(feature = "embedded-storage"),
        doc = "`Snapshots::load_smaller`, with the feature `embedded-storage`."
    )]
    ///
    /// # Errors
    /// [`TrainerError::OtherNetwork`] if the networks differ in more than the number of outputs, or `smaller` has more;
    /// [`TrainerError::State`] if `state` is not as long as the state of `smaller`. Nothing is copied.
    pub fn grow_from(&mut self, smaller: &Architecture<'_>, state: &[f32]) -> Result<(), TrainerError> {
        let growth = Growth::new(*smaller, self.network, &self.training).ok_or(TrainerError::OtherNetwork)?;
        if state.len() != growth.len() {
            return Err(TrainerError::State { expected: growth.len(), found: state.len() });
        }
        growth.copy(0, state, self.state);
        Ok(())
    }
}
