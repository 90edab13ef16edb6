//! [`Step`]: a step as a loop over slices, forward through all layers, the loss, then backward.
//!
//! Backward, each layer first computes its input gradient with the weights before the update; then its own gradient goes
//! straight into the optimizer.

use core::fmt;
use core::task::Poll;

use super::buffers::{layer_activations, targets_len};
use super::error::StepError;
use super::trainer::{Phase, Trainer};
use crate::arithmetic::Portable;
use crate::capabilities::{self, ALL, enabled};
use crate::kernels::Kernels;
use crate::network::{Score, Targets};
use crate::plan::{LayerCursor, LayerPlan};
use crate::slices::{range, range_mut};

/// A step that [`Trainer::start`] began, and that [`Step::poll`] makes slice by slice.
///
/// Dropping it does not end the step: some weights are updated and others are not, until [`Trainer::running_step`] gives it back
/// and it is polled to the end.
///
/// ```
/// # use asymgrad_core::{Architecture, Layer, Shape, StepError, Trainer, Training};
/// # use asymgrad_core::random::SplitMix;
/// # const NET: Architecture = Architecture::new(Shape::vector(2), &[Layer::dense(2)]);
/// # const TRAINING: Training = Training::new(1);
/// # let mut memory = [0.0; NET.memory(&TRAINING)];
/// # let mut trainer = Trainer::<{ NET.capabilities(&TRAINING) }>::new(NET, TRAINING, &mut memory)?;
/// # trainer.initialize(&mut SplitMix::new(1), 1);
/// trainer.input(1)?.copy_from_slice(&[0.5, 1.0]);
/// let mut step = trainer.start(&[1])?;
/// while step.poll()?.is_pending() {
///     // Other work, at most a slice late.
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a step does nothing until it is polled"]
pub struct Step<'t, 'm, const CAPS: u32 = ALL, K = Portable> {
    trainer: &'t mut Trainer<'m, CAPS, K>,
}

impl<const CAPS: u32, K> fmt::Debug for Step<'_, '_, CAPS, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step").field("trainer", &self.trainer).finish()
    }
}

impl<'m, const CAPS: u32, K: Kernels> Step<'_, 'm, CAPS, K> {
    /// Runs the next slice of the step: one layer in one direction, some of its rows if [`Training::slice`](crate::Training::slice) cuts
    /// it, or the loss. Ready with the score before the update, after the
    /// last slice and from then on.
    ///
    /// [`Architecture::longest_slice`](crate::Architecture::longest_slice) says how many instructions a slice takes on a Cortex-M4F at
    /// most.
    ///
    /// # Errors
    /// [`StepError::NonFinite`] if the loss is not finite; the step ends there, before any update.
    pub fn poll(&mut self) -> Result<Poll<Score>, StepError> {
        self.trainer.run_slice(&mut self.trainer.before_first())
    }

    /// Polls until the step is complete, and returns the score before the update.
    ///
    /// # Errors
    /// As [`Step::poll`].
    pub fn finish(self) -> Result<Score, StepError> {
        let mut plan = self.trainer.before_first();
        loop {
            if let Poll::Ready(score) = self.trainer.run_slice(&mut plan)? {
                return Ok(score);
            }
        }
    }

    /// The trainer, for instance to predict from its [parameters](Trainer::parameters) between two slices.
    pub fn trainer(&self) -> &Trainer<'m, CAPS, K> {
        self.trainer
    }
}

impl<'m, const CAPS: u32, K: Kernels> Trainer<'m, CAPS, K> {
    /// Trains on some samples, given as `[sample][channel][row][col]`, and returns the score before the update.
    ///
    /// # Errors
    /// [`StepError`] if a length or a target is wrong, or a value or the loss is not finite; the weights are then unchanged.
    pub fn step<'t>(&mut self, inputs: &[f32], targets: impl Into<Targets<'t>>) -> Result<Score, StepError> {
        let targets = targets.into();
        self.load(inputs, self.samples_of(targets))?;
        self.start(targets)?.finish()
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

    /// Begins a step on the samples of [`Trainer::input`].
    ///
    /// # Errors
    /// [`StepError`] if no samples were loaded, one of their values is not finite, the targets are not those of as many samples,
    /// a class or value is outside its range, or the loss takes classes and the targets are values.
    pub fn start<'t>(&mut self, targets: impl Into<Targets<'t>>) -> Result<Step<'_, 'm, CAPS, K>, StepError> {
        self.start_targets(targets.into())?;
        Ok(Step { trainer: self })
    }

    /// The step that was started and is not complete: to go on with it after its [`Step`] was dropped, for instance in a timer's
    /// handler that owns the trainer.
    pub fn running_step(&mut self) -> Option<Step<'_, 'm, CAPS, K>> {
        self.is_stepping().then_some(Step { trainer: self })
    }

    fn start_targets(&mut self, targets: Targets<'_>) -> Result<(), StepError> {
        if self.phase != Phase::Idle {
            return Err(StepError::StepRunning);
        }
        if self.samples == 0 {
            return Err(StepError::Samples { most: self.training.batch, found: 0 });
        }
        self.check_targets(targets)?;
        self.check_table()?;
        self.check_input()?;
        self.store(targets);
        self.phase = Phase::Forward(0);
        Ok(())
    }

    /// The plan from which [`Trainer::run_slice`] seeks a layer.
    #[inline(always)]
    fn before_first(&self) -> LayerPlan<'m> {
        LayerPlan::before_first(&self.network, &self.training)
    }

    /// [`Step::poll`]. `plan` is that of the slice before, or one before all layers.
    #[inline(never)]
    fn run_slice(&mut self, plan: &mut LayerPlan<'m>) -> Result<Poll<Score>, StepError> {
        let layer = match self.phase {
            Phase::Idle => return Ok(Poll::Ready(self.score())),
            Phase::Forward(layer) | Phase::Loss(layer) | Phase::Backward(layer) | Phase::Update(layer) => layer,
        };
        if plan.is_behind(layer) {
            *plan = self.before_first();
        }
        if !plan.seek::<CAPS>(self.network.layers(), layer) {
            return Ok(Poll::Ready(self.score()));
        }
        let plan = &*plan;
        self.phase = match self.phase {
            Phase::Forward(_) => {
                self.forward(plan, self.training.slice);
                if self.is_within_pass() {
                    Phase::Forward(layer)
                } else if plan.is_last {
                    Phase::Loss(layer)
                } else {
                    Phase::Forward(layer + 1)
                }
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
                    if !self.is_within_pass() {
                        self.refresh_signs(plan, Some(self.steps));
                    }
                    self.input_gradient(plan, false, self.training.slice);
                }
                if self.is_within_pass() { Phase::Backward(layer) } else { Phase::Update(layer) }
            }
            Phase::Update(_) | Phase::Idle => {
                self.update(plan, self.training.slice);
                match layer.checked_sub(1) {
                    _ if self.is_within_pass() => Phase::Update(layer),
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
            self.forward(&cursor.plan, usize::MAX);
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
    /// [`StepError`] if there are no samples or too many, `inputs` is not a whole number of samples, a step is running, or the table
    /// was not set.
    pub fn predict(&mut self, inputs: &[f32]) -> Result<&[f32], StepError> {
        self.check_table()?;
        let samples = StepError::samples_of(self.network.input(), inputs.len(), self.training.batch)?;
        self.load(inputs, samples)?;
        let mut cursor = LayerCursor::<CAPS>::new(&self.network, &self.training);
        while cursor.advance() {
            self.forward(&cursor.plan, usize::MAX);
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

    fn check_table(&self) -> Result<(), StepError> {
        let missing =
            enabled::<CAPS>(capabilities::TABLE) && self.table.is_empty() && self.network.table(&self.training) > 0;
        if missing { Err(StepError::NoTable) } else { Ok(()) }
    }
}
