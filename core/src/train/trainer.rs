//! [`Trainer`]: construction, and the state between steps.

use core::fmt;

use super::buffers::Work;
use super::error::TrainerError;
use crate::arithmetic::Portable;
use crate::capabilities::{self, ALL, enabled};
use crate::checks::non_negative;
use crate::kernels::Kernels;
use crate::kernels::step::Corrections;
use crate::network::{Architecture, Score, Training};
use crate::plan::Layout;
use crate::slices::{range, split_mut, tail_mut};

/// Stands for [`Score::correct`] being `None`.
pub(super) const NOT_COUNTED: usize = usize::MAX;

/// The next slice of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No step is running.
    Idle,
    /// The forward pass of this layer.
    Forward(usize),
    /// The loss of the logits of this layer, the last.
    Loss(usize),
    /// The input gradient of this layer.
    Backward(usize),
    /// The update of this layer.
    Update(usize),
}

/// Trains a network in a borrowed buffer.
///
/// `CAPS` are the capabilities compiled in ([`Architecture::capabilities`]); `K` is the kernel set, [`Portable`] on a
/// device.
///
/// ```
/// use asymgrad_core::{Architecture, Feedback, Layer, Shape, Trainer, Training};
/// # use asymgrad_core::random::SplitMix;
/// const NET: Architecture = Architecture::new(
///     Shape::vector(2),
///     &[Layer::dense(8), Layer::dense(2).feedback(Feedback::Fixed)],
/// );
/// const TRAINING: Training = Training::new(4);
///
/// let mut memory = [0.0; NET.memory(&TRAINING)];
/// let mut trainer = Trainer::<{ NET.capabilities(&TRAINING) }>::new(NET, TRAINING, &mut memory)?;
/// trainer.initialize(&mut SplitMix::new(1), 1);
/// let (inputs, labels) = ([0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [0, 1, 1, 0]);
/// let first = trainer.step(&inputs, &labels)?.loss;
/// for _ in 0..4000 {
///     trainer.step(&inputs, &labels)?;
/// }
/// assert!(trainer.step(&inputs, &labels)?.loss < 0.1 * first);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer<'m, const CAPS: u32 = ALL, K = Portable> {
    pub(super) network: Architecture<'m>,
    pub(super) training: Training,
    /// Weights and biases, feedback, optimizer state; the order of [`Trainer::state`].
    pub(super) state: &'m mut [f32],
    /// Number of weights and biases.
    pub(super) parameters: usize,
    pub(super) work: Work<'m>,
    /// Values outside the memory, see [`Architecture::table`].
    pub(super) table: &'m [f32],
    pub(super) kernels: K,
    pub(super) corrections: Corrections,
    pub(super) steps: u64,
    pub(super) samples: usize,
    pub(super) phase: Phase,
    /// Rows of the pass that slices before have computed.
    pub(super) rows_done: usize,
    /// Mean loss of the last step or evaluation.
    pub(super) loss: f32,
    /// Its correct predictions, or [`NOT_COUNTED`]; an `Option` would take 4 bytes more. During a step, [`NOT_COUNTED`] if its
    /// targets were given as values.
    pub(super) correct: usize,
}

impl<const CAPS: u32, K> fmt::Debug for Trainer<'_, CAPS, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("network", &self.network)
            .field("training", &self.training)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

impl<'m, const CAPS: u32> Trainer<'m, CAPS, Portable> {
    /// A trainer with the portable kernels.
    ///
    /// The memory is not cleared and may hold any values, such as those from before a reset. Call [`Trainer::initialize`] or
    /// restore a state before the first step; otherwise weights and optimizer state are the values that the memory holds.
    ///
    /// # Errors
    /// [`TrainerError`] if the memory has the wrong length, `CAPS` leave out a capability, or a setting of the training is
    /// outside its range.
    pub fn new(network: Architecture<'m>, training: Training, memory: &'m mut [f32]) -> Result<Self, TrainerError> {
        Self::with_kernels(network, training, memory, Portable)
    }
}

impl<'m, const CAPS: u32, K: Kernels> Trainer<'m, CAPS, K> {
    /// A trainer with the given kernels, otherwise as [`Trainer::new`].
    ///
    /// # Errors
    /// As [`Trainer::new`].
    pub fn with_kernels(
        network: Architecture<'m>,
        training: Training,
        memory: &'m mut [f32],
        kernels: K,
    ) -> Result<Self, TrainerError> {
        check::<CAPS>(&network, &training)?;
        let layout = Layout::new::<CAPS>(&network, &training);
        if memory.len() != layout.total() {
            return Err(TrainerError::Memory { expected: layout.total(), found: memory.len() });
        }
        Ok(Self::on_layout(network, training, &layout, memory, kernels))
    }

    /// A trainer of checked settings, in memory as long as its layout.
    #[inline(always)]
    pub(super) fn on_layout(
        network: Architecture<'m>,
        training: Training,
        layout: &Layout,
        memory: &'m mut [f32],
        kernels: K,
    ) -> Self {
        let (work, state) = split_mut(memory, layout.work());
        let work = Work::new(work, layout);
        Self {
            network,
            training,
            state,
            parameters: layout.parameters,
            work,
            table: &[],
            kernels,
            corrections: Corrections::default(),
            steps: 0,
            samples: 0,
            phase: Phase::Idle,
            rows_done: 0,
            loss: 0.0,
            correct: NOT_COUNTED,
        }
    }

    /// Sets the table of frozen layers ([`Training::freeze_in_table`]) and of fixed feedback
    /// ([`Storage::Table`](crate::feedback::Storage::Table)).
    ///
    /// # Errors
    /// [`TrainerError::Table`] if its length is not [`Architecture::table`].
    pub fn set_table(&mut self, table: &'m [f32]) -> Result<(), TrainerError> {
        let expected = self.network.table(&self.training);
        if table.len() != expected {
            return Err(TrainerError::Table { expected, found: table.len() });
        }
        self.table = table;
        Ok(())
    }

    /// Sets the learning rate from the next step on, for a schedule.
    ///
    /// The rate is part of the training, not of the [state](Trainer::state): neither a checkpoint nor a snapshot contains
    /// it. After restoring one, set the rate again, for instance from [`Trainer::steps`].
    ///
    /// # Errors
    /// [`TrainerError::Coefficient`] if the rate is not at least 0 and finite; the rate is then unchanged. With a rate of 0, where a
    /// falling schedule ends, a step changes the optimizer's state only.
    pub fn set_rate(&mut self, rate: f32) -> Result<(), TrainerError> {
        non_negative("the rate has to be at least 0 and finite", rate)?;
        self.training.optimizer = self.training.optimizer.with_rate(rate);
        Ok(())
    }

    /// Resets the optimizer state and the number of steps to 0. Weights and feedback are unchanged.
    pub fn restart(&mut self) {
        let [parameters, feedback, _] = self.sizes();
        let from = parameters + feedback;
        tail_mut(self.state, from).fill(0.0);
        (self.steps, self.corrections) = (0, Corrections::default());
        (self.phase, self.rows_done) = (Phase::Idle, 0);
    }

    /// Lengths of the parameters, of the feedback, and of the parameters of frozen layers.
    pub(super) fn sizes(&self) -> [usize; 3] {
        let frozen = if enabled::<CAPS>(capabilities::FROZEN) {
            Layout::new::<CAPS>(&self.network, &self.training).frozen
        } else {
            0
        };
        let states = if enabled::<CAPS>(capabilities::STATES) { self.training.optimizer.states() } else { 0 };
        let optimizer_state = self.parameters.wrapping_sub(frozen) * states;
        let feedback = self.state.len().wrapping_sub(self.parameters + optimizer_state);
        [self.parameters, feedback, frozen]
    }

    /// The score of the last step or evaluation.
    pub(super) fn score(&self) -> Score {
        // Not `then_some`: a device would keep both values.
        let correct = if self.correct == NOT_COUNTED { None } else { Some(self.correct) };
        Score { loss: self.loss, correct, samples: self.samples() }
    }

    /// Samples of the step; a constant in an image without batches.
    pub(super) fn samples(&self) -> usize {
        if enabled::<CAPS>(capabilities::BATCH) { self.samples } else { 1 }
    }
}

/// Checks that the network can be trained with these settings by an image of these capabilities.
pub(super) const fn check<const CAPS: u32>(
    network: &Architecture<'_>,
    training: &Training,
) -> Result<(), TrainerError> {
    if training.batch == 0 {
        return Err(TrainerError::EmptyBatch);
    }
    let expected = network.capabilities(training);
    if expected & CAPS != expected {
        return Err(TrainerError::Capabilities { expected, found: CAPS });
    }
    if network.classes() == 1 && !training.loss.takes_values() {
        return Err(TrainerError::OneOutput { loss: training.loss });
    }
    let (most, found) = (network.layers().len(), training.frozen as usize);
    if enabled::<CAPS>(capabilities::FROZEN) && found > most {
        return Err(TrainerError::Frozen { most, found });
    }
    match training.check::<CAPS>() {
        Ok(()) => Ok(()),
        Err(error) => Err(TrainerError::Coefficient(error)),
    }
}

impl<'m, const CAPS: u32, K> Trainer<'m, CAPS, K> {
    /// The network.
    pub fn network(&self) -> Architecture<'m> {
        self.network
    }

    /// The training.
    pub fn training(&self) -> &Training {
        &self.training
    }

    /// Whether a step was started and is not complete. Until it is, some weights are updated and others are not.
    pub fn is_stepping(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// Number of steps made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Weights and biases, layer by layer, without those in a table. If there are none in a table, these are the parameters of a
    /// [`Predictor`](crate::Predictor).
    pub fn parameters(&self) -> &[f32] {
        range(self.state, 0, self.parameters)
    }

    /// The state between steps: weights and biases, feedback, optimizer state. Its length is [`Architecture::state`].
    ///
    /// A checkpoint stores the state and [`Trainer::steps`]. The learning rate and a table of fixed feedback are part of the
    /// training, not of the state.
    pub fn state(&self) -> &[f32] {
        self.state
    }

    /// [`Trainer::state`], to be restored or changed between steps.
    ///
    /// To restore only a part, such as weights trained elsewhere, first call [`Trainer::initialize`]: it draws the feedback
    /// and clears the optimizer state, which otherwise are the values that the memory holds.
    pub fn state_mut(&mut self) -> &mut [f32] {
        self.state
    }

    /// Resumes after `steps` steps, when [`Trainer::state_mut`] has been restored.
    pub fn resume(&mut self, steps: u64) {
        self.steps = steps;
        self.corrections = Corrections::after::<CAPS>(steps, &self.training.optimizer);
        (self.phase, self.rows_done) = (Phase::Idle, 0);
    }
}
