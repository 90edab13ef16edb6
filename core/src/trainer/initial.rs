//! What a training begins with: weights from a generator, feedback from a seed.

use rand_core::Rng;

use super::pass::is_mirror;
use super::regions::{State, biases_of, part, weights_of};
use super::{StepError, Trainer};
use crate::architecture::Site;
use crate::feedback::{self, Feedback, Storage, counter};
use crate::kernels::Kernels;
use crate::kinds::{self, has};
use crate::random::{self, FeedbackSource, Initial};

impl<const KINDS: u32, K: Kernels> Trainer<'_, KINDS, K> {
    /// Draws the weights from `generator` and the feedback from `seed`, as [`Training::initial`](crate::Training::initial)
    /// says; biases become 0 and the optimizer starts afresh.
    ///
    /// Weights are drawn in the order in which they lie; feedback weight i of layer l is [`FeedbackSource`]'s.
    pub fn initialize(&mut self, generator: &mut impl Rng, seed: u64) {
        self.restart();
        let network = self.network;
        let (weights, initial) = (self.training.weights, self.training.feedback);
        let sizes = self.sizes();
        let state = State::of::<KINDS>(self.state, sizes);
        if has::<KINDS>(kinds::DRAWN) && self.training.storage == Storage::Seed {
            let seeds = state.feedback.len().saturating_sub(Storage::SEED);
            feedback::write_seed(seed, part(state.feedback, seeds, Storage::SEED));
        }
        for site in network.sites_of(&self.training) {
            let (inputs, outputs) = site.fans();
            biases_of(state.parameters, 0, &site).fill(0.0);
            let weight = weights_of(state.parameters, 0, &site);
            match weights.half_width(inputs, outputs) {
                Some(a) if has::<KINDS>(kinds::INITIAL) => random::fill(weight, a, generator),
                None if has::<KINDS>(kinds::INITIAL) => {
                    random::fill_normal(weight, weights.deviation(inputs, outputs), generator);
                }
                _ => random::fill(weight, random::glorot(inputs, outputs), generator),
            }
            let feedback = part(state.feedback, site.feedback, site.feedback_weights());
            draw_feedback::<KINDS>(&site, initial, seed, feedback, weight);
        }
    }

    /// Shows every [weight mirror](crate::feedback::weight_mirror) noise `rounds` times, so that B resembles W before the
    /// first step: 4 / η rounds leave e⁻⁴ = 2 % of the drawn B. Takes the place of what [`Trainer::input`] held.
    ///
    /// # Errors
    /// [`StepError::UnderWay`] between two polls of a step.
    pub fn mirror(&mut self, rounds: u32) -> Result<(), StepError> {
        self.input(self.training.batch)?;
        for round in 0..rounds {
            let mut sites = self.network.sites_of(&self.training);
            while sites.advance() {
                if has::<KINDS>(kinds::MIRROR) && is_mirror(&sites.site) {
                    // Times that no step has.
                    self.reflect(&sites.site, u64::MAX - u64::from(round));
                }
            }
        }
        self.samples = 0;
        Ok(())
    }
}

/// A layer's feedback as its rule begins: number i is a function of the seed, the layer and i.
fn draw_feedback<const KINDS: u32>(site: &Site<'_>, initial: Initial, seed: u64, feedback: &mut [f32], weight: &[f32]) {
    let initial = if has::<KINDS>(kinds::INITIAL) { initial } else { Initial::Glorot };
    if has::<KINDS>(kinds::SIGN) && site.layer.feedback == Feedback::UniformSign {
        let (inputs, outputs) = site.feedback_fans();
        feedback.fill(initial.deviation(inputs, outputs));
    } else {
        let source = FeedbackSource::of(initial, seed, counter(site.index), site.feedback_fans());
        for (index, number) in feedback.iter_mut().enumerate() {
            *number = source.draw::<KINDS>(counter(index));
        }
    }
    if has::<KINDS>(kinds::SIGN) && site.layer.feedback.has_weights_signs() {
        feedback::uniform_sign::copy_signs(feedback, weight);
    }
}
