//! A step as a loop over slices: forward through all layers, the loss, then backward.
//!
//! Backward, each layer first computes its input gradient with the weights before the update; then its own gradient goes
//! straight into the optimizer.

use core::task::Poll;

use super::buffers::{layer_activations, targets_len};
use super::error::StepError;
use super::trainer::{Phase, Trainer};
use crate::capabilities::{self, enabled};
use crate::kernels::Kernels;
use crate::network::{Score, Storage, Targets};
use crate::plan::{LayerCursor, LayerPlan};
use crate::slices::{range, range_mut};

impl<const CAPS: u32, K: Kernels> Trainer<'_, CAPS, K> {
    /// Trains on some samples, given as `[sample][channel][row][col]`, and returns the score before the update.
    ///
    /// # Errors
    /// [`StepError`] if a length or a target is wrong, or a value or the loss is not finite; the weights are then unchanged.
    pub fn step<'t>(&mut self, inputs: &[f32], targets: impl Into<Targets<'t>>) -> Result<Score, StepError> {
        let targets = targets.into();
        self.load(inputs, self.samples_of(targets))?;
        self.start(targets)?;
        self.finish()
    }

    /// Polls until the step that [`Trainer::start`] began is complete, and returns the score before the update.
    ///
    /// # Errors
    /// As [`Trainer::poll`].
    pub fn finish(&mut self) -> Result<Score, StepError> {
        loop {
            if let Poll::Ready(score) = self.poll()? {
                return Ok(score);
            }
        }
    }

    /// Copies samples into the network's input.
    fn load(&mut self, inputs: &[f32], samples: usize) -> Result<(), StepError> {
        let shape = self.network.input();
        let expected = shape.features().saturating_mul(samples);
        if inputs.len() != expected {
            return Err(StepError::Inputs { expected, found: inputs.len() });
        }
        let columns = self.input(samples)?;
        shape.load(inputs, samples, columns);
        Ok(())
    }

    /// The network's input for `samples` samples, to be filled before [`Trainer::start`] or [`Trainer::evaluate`].
    ///
    /// Feature × sample: the samples of a feature are contiguous, and the features have the order of
    /// [`Shape::channels_last_index`](crate::Shape::channels_last_index). [`Trainer::step`] fills it from samples that lie
    /// one after the other.
    ///
    /// # Errors
    /// [`StepError::Samples`] if there are more samples than the batch, or none; [`StepError::StepRunning`] while a step
    /// is running.
    pub fn input(&mut self, samples: usize) -> Result<&mut [f32], StepError> {
        if self.phase != Phase::Idle {
            return Err(StepError::StepRunning);
        }
        if samples == 0 || samples > self.training.batch {
            return Err(StepError::Samples { most: self.training.batch, found: samples });
        }
        self.samples = samples;
        let len = self.network.input().features() * samples;
        let from = targets_len::<CAPS>(&self.training, self.network.classes());
        Ok(range_mut(self.work.forward, from, len))
    }

    /// Begins a step on the samples of [`Trainer::input`]; [`Trainer::poll`] runs it.
    ///
    /// # Errors
    /// [`StepError`] if no samples were loaded, one of their values is not finite, the targets are not those of as many samples,
    /// a class or value is outside its range, or the loss takes classes and the targets are values.
    pub fn start<'t>(&mut self, targets: impl Into<Targets<'t>>) -> Result<(), StepError> {
        self.start_targets(targets.into())
    }

    fn start_targets(&mut self, targets: Targets<'_>) -> Result<(), StepError> {
        if self.phase != Phase::Idle {
            return Err(StepError::StepRunning);
        }
        if self.samples == 0 {
            return Err(StepError::Samples { most: self.training.batch, found: 0 });
        }
        self.check_targets(targets)?;
        if enabled::<CAPS>(capabilities::TABLE) && self.table.is_empty() && self.misses_table() {
            return Err(StepError::NoTable);
        }
        self.check_input()?;
        self.store(targets);
        self.phase = Phase::Forward(0);
        Ok(())
    }

    /// Runs the next slice of the step: one layer in one direction, or the loss. Ready with the score after the last update,
    /// or at once if no step was started.
    ///
    /// A slice of a layer with w weights that are used p times each costs about 2·w·p·samples operations, at most
    /// [`Architecture::longest_slice`](crate::Architecture::longest_slice).
    ///
    /// # Errors
    /// [`StepError::NonFinite`] if the loss is not finite; the step ends there, before any update.
    #[inline(never)]
    pub fn poll(&mut self) -> Result<Poll<Score>, StepError> {
        let layer = match self.phase {
            Phase::Idle => return Ok(Poll::Ready(self.score())),
            Phase::Forward(layer) | Phase::Loss(layer) | Phase::Backward(layer) | Phase::Update(layer) => layer,
        };
        let mut plan = LayerPlan::before_first(&self.network, &self.training);
        if !plan.seek::<CAPS>(self.network.layers(), layer) {
            return Ok(Poll::Ready(self.score()));
        }
        let plan = &plan;
        self.phase = match self.phase {
            Phase::Forward(_) => {
                self.forward(plan);
                if plan.is_last { Phase::Loss(layer) } else { Phase::Forward(layer + 1) }
            }
            Phase::Loss(_) => {
                self.loss(plan);
                if !self.loss.is_finite() {
                    self.phase = Phase::Idle;
                    return Err(StepError::NonFinite(self.score()));
                }
                self.corrections.advance::<CAPS>(&self.training.optimizer);
                self.steps = self.steps.saturating_add(1);
                Phase::Backward(layer)
            }
            Phase::Backward(_) => {
                if plan.needs_input_gradient {
                    self.refresh_signs(plan, Some(self.steps));
                    self.input_gradient(plan, false);
                }
                Phase::Update(layer)
            }
            Phase::Update(_) | Phase::Idle => {
                self.update(plan);
                match layer.checked_sub(1) {
                    Some(before) if plan.needs_input_gradient => Phase::Backward(before),
                    _ => Phase::Idle,
                }
            }
        };
        Ok(if self.phase == Phase::Idle { Poll::Ready(self.score()) } else { Poll::Pending })
    }

    /// The score of the samples of [`Trainer::input`], without training on them.
    ///
    /// # Errors
    /// [`StepError`] as for [`Trainer::start`]. A loss that is not finite is a score like any other here.
    pub fn evaluate<'t>(&mut self, targets: impl Into<Targets<'t>>) -> Result<Score, StepError> {
        self.start_targets(targets.into())?;
        self.phase = Phase::Idle;
        let mut cursor = LayerCursor::<CAPS>::new(&self.network, &self.training);
        while cursor.advance() {
            self.forward(&cursor.plan);
        }
        self.loss(&cursor.plan);
        Ok(self.score())
    }

    /// The logits of some samples, given as `[sample][channel][row][col]`.
    ///
    /// The result is batch × classes, column-major: of n samples, the logit of class c for sample s is at c · n + s, see
    /// [`Predictor::predict`](crate::Predictor::predict). The samples overwrite those of [`Trainer::input`]. A value that
    /// is not finite is no error here, since no weight changes.
    ///
    /// # Errors
    /// [`StepError`] if there are no samples or too many, `inputs` is not a whole number of samples, or a step is running.
    pub fn predict(&mut self, inputs: &[f32]) -> Result<&[f32], StepError> {
        let samples = StepError::samples_of(self.network.input(), inputs.len(), self.training.batch)?;
        self.load(inputs, samples)?;
        let mut cursor = LayerCursor::<CAPS>::new(&self.network, &self.training);
        while cursor.advance() {
            self.forward(&cursor.plan);
        }
        let samples = self.samples();
        Ok(layer_activations::<CAPS>(self.work.forward, &self.training, &cursor.plan, samples).1)
    }

    /// Refuses an input that is not finite. The loss does not always show one: a sigmoid maps infinity to a finite value,
    /// while the weight gradient hᵀG is infinite.
    #[inline(never)]
    fn check_input(&self) -> Result<(), StepError> {
        const EXPONENT: u32 = 1 << 23;
        let (shape, samples) = (self.network.input(), self.samples());
        let from = targets_len::<CAPS>(&self.training, self.network.classes());
        let values = range(self.work.forward, from, shape.features() * samples);
        // Adding 1 to an exponent of all ones carries into the sign bit. There is no early exit, so that the loop vectorises.
        let carried = values.iter().fold(0, |carried, x| carried | (x.abs().to_bits() + EXPONENT));
        if carried >> 31 == 0 {
            return Ok(());
        }
        let found = values.iter().enumerate().find(|(_, x)| !x.is_finite());
        found.map_or(Ok(()), |(index, found)| {
            let samples = samples.max(1);
            let (sample, feature) = (index % samples, shape.channels_first_index(index / samples));
            Err(StepError::NonFiniteInput { sample, feature, found: *found })
        })
    }

    fn misses_table(&self) -> bool {
        self.training.storage == Storage::Table && self.network.fixed_feedback(&self.training) > 0
    }
}
