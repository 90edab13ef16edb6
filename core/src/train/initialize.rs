//! What a training begins with: weights from a generator, feedback from a seed, and the warm-up of weight mirrors.

use rand_core::Rng;

use super::buffers::{State, layer_biases, layer_weights};
use super::error::{StepError, TrainerError};
use super::pass::has_mirror;
use super::trainer::Trainer;
use crate::capabilities::{self, ALL, enabled};
use crate::kernels::Kernels;
use crate::network::Storage;
use crate::network::feedback::{self, Feedback};
use crate::plan::{LayerCursor, LayerPlan};
use crate::random::{self, FeedbackSource, Initial, saturating_u32};
use crate::slices::range_mut;

impl<'m, const CAPS: u32, K: Kernels> Trainer<'m, CAPS, K> {
    /// Draws the weights from `generator` and the feedback from `seed`, with the distributions of
    /// [`Training::initial`](crate::Training::initial). Biases become 0, and the optimizer starts anew.
    ///
    /// Weights are drawn in the order of the state, without those in a table; feedback weight i of layer l is that of [`FeedbackSource`].
    pub fn initialize(&mut self, generator: &mut impl Rng, seed: u64) {
        self.restart();
        let network = self.network;
        let (weights, initial) = (self.training.initial_weights(), self.training.initial_feedback());
        let sizes = self.sizes();
        let state = State::new::<CAPS>(self.state, sizes);
        if enabled::<CAPS>(capabilities::SEEDED) && self.training.storage() == Storage::Seed {
            let offset = state.feedback.len().saturating_sub(Storage::SEED_LEN);
            feedback::write_seed(seed, range_mut(state.feedback, offset, Storage::SEED_LEN));
        }
        for plan in LayerCursor::<CAPS>::new(&network, &self.training) {
            if enabled::<CAPS>(capabilities::FROZEN) && plan.is_in_table() {
                continue;
            }
            let (fan_in, fan_out) = plan.fans();
            layer_biases(state.parameters, 0, &plan).fill(0.0);
            let weight = layer_weights(state.parameters, 0, &plan);
            if enabled::<CAPS>(capabilities::INITIAL) {
                weights.fill(weight, (fan_in, fan_out), generator);
            } else {
                random::fill_uniform(weight, random::glorot(fan_in, fan_out), generator);
            }
            let feedback = range_mut(state.feedback, plan.feedback_offset, plan.feedback_in_memory());
            let initial = if enabled::<CAPS>(capabilities::INITIAL) { initial } else { Initial::Glorot };
            fill_feedback::<CAPS>(&plan, initial, seed, feedback, weight);
        }
    }

    /// Draws the weights of layer `layer`, from 0, again, with a distribution of its own. Call it after [`Trainer::initialize`].
    ///
    /// Feedback that has the signs of the weights takes the new ones. A layer without weights in memory has none to draw.
    ///
    /// # Errors
    /// [`TrainerError::Coefficient`] if the distribution's coefficient is outside its range; the weights are then unchanged.
    pub fn draw_weights(
        &mut self,
        layer: usize,
        initial: Initial,
        generator: &mut impl Rng,
    ) -> Result<(), TrainerError> {
        if let Some(plan) = self.draw(layer, initial, layer_weights, generator)? {
            self.refresh_signs(&plan, None);
        }
        Ok(())
    }

    /// Draws the biases of layer `layer`, from 0, which [`Trainer::initialize`] sets to 0. Their fan-in and fan-out are those of the
    /// layer's weights.
    ///
    /// # Errors
    /// As [`Trainer::draw_weights`].
    pub fn draw_biases(
        &mut self,
        layer: usize,
        initial: Initial,
        generator: &mut impl Rng,
    ) -> Result<(), TrainerError> {
        self.draw(layer, initial, layer_biases, generator).map(drop)
    }

    /// Draws those values of a layer that `values` takes from the parameters. The plan of the layer; `None` if it has none in memory.
    fn draw(
        &mut self,
        layer: usize,
        initial: Initial,
        values: for<'a> fn(&'a mut [f32], usize, &LayerPlan<'_>) -> &'a mut [f32],
        generator: &mut impl Rng,
    ) -> Result<Option<LayerPlan<'m>>, TrainerError> {
        initial.check()?;
        let Some(plan) = self.plan_in_memory(layer) else { return Ok(None) };
        let sizes = self.sizes();
        let state = State::new::<CAPS>(self.state, sizes);
        initial.fill(values(state.parameters, 0, &plan), plan.fans(), generator);
        Ok(Some(plan))
    }

    /// Draws the feedback in memory of layer `layer`, from 0, again, from `seed`, with a distribution of its own. Call it after
    /// [`Trainer::initialize`].
    ///
    /// A layer under `(brSF)` draws new magnitudes in each step, with the distribution of [`Training::initial`](crate::Training::initial).
    ///
    /// # Errors
    /// As [`Trainer::draw_weights`].
    pub fn draw_feedback(&mut self, layer: usize, initial: Initial, seed: u64) -> Result<(), TrainerError> {
        initial.check()?;
        let Some(plan) = self.plan_in_memory(layer) else { return Ok(()) };
        let sizes = self.sizes();
        let state = State::new::<CAPS>(self.state, sizes);
        let feedback = range_mut(state.feedback, plan.feedback_offset, plan.feedback_in_memory());
        fill_feedback::<ALL>(&plan, initial, seed, feedback, layer_weights(state.parameters, 0, &plan));
        Ok(())
    }

    /// The plan of a layer whose parameters lie in memory.
    fn plan_in_memory(&self, layer: usize) -> Option<LayerPlan<'m>> {
        let plan = LayerCursor::<CAPS>::new(&self.network, &self.training).nth(layer)?;
        (!plan.is_in_table()).then_some(plan)
    }

    /// Runs `rounds` steps of all [weight mirrors](crate::feedback::weight_mirror), so that B resembles W before the first
    /// training step: 4 / η rounds leave e⁻⁴ = 2 % of the initial B. The samples of [`Trainer::input`] are overwritten.
    ///
    /// # Errors
    /// [`StepError::StepRunning`] while a step is running.
    pub fn warm_up_mirrors(&mut self, rounds: u32) -> Result<(), StepError> {
        (0..rounds).try_for_each(|round| self.warm_up_mirrors_once(round))
    }

    /// Round `round`, from 0, of [`Trainer::warm_up_mirrors`], for a caller that does something in between.
    ///
    /// # Errors
    /// As [`Trainer::warm_up_mirrors`].
    pub fn warm_up_mirrors_once(&mut self, round: u32) -> Result<(), StepError> {
        self.input(self.training.batch)?;
        let mut cursor = LayerCursor::<CAPS>::new(&self.network, &self.training);
        while cursor.advance() {
            if enabled::<CAPS>(capabilities::MIRROR) && has_mirror(&cursor.plan) {
                // Time values that no training step uses, so that the noise differs.
                self.mirror_step(&cursor.plan, u64::MAX - u64::from(round));
            }
        }
        self.samples = 0;
        Ok(())
    }
}

/// Fills a layer's feedback: value i is a function of the seed, the layer and i.
fn fill_feedback<const CAPS: u32>(
    plan: &LayerPlan<'_>,
    initial: Initial,
    seed: u64,
    feedback: &mut [f32],
    weight: &[f32],
) {
    if enabled::<CAPS>(capabilities::SIGN) && plan.layer.feedback == Feedback::UniformSign {
        let (fan_in, fan_out) = plan.feedback_fans();
        feedback.fill(initial.standard_deviation(fan_in, fan_out));
    } else {
        let source = FeedbackSource::of(initial, seed, saturating_u32(plan.index), plan.feedback_fans());
        for (index, b) in feedback.iter_mut().enumerate() {
            *b = source.draw::<CAPS>(saturating_u32(index));
        }
    }
    if enabled::<CAPS>(capabilities::SIGN) && plan.layer.feedback.has_weight_signs() {
        feedback::uniform_sign::copy_signs(feedback, weight);
    }
}
