//! The settings of a training, as a value: batch, optimizer, loss, clipping and more.

use super::activation::Activation;
use super::feedback::Storage;
use super::loss::Loss;
use super::optimizer::{Adam, Optimizer};
use crate::capabilities::{self, enabled};
use crate::checks::{CoefficientError, fraction, non_negative, positive, require};
use crate::random::{Initial, sqrt};

/// The settings of a training: batch, optimizer, loss, clipping and more.
///
/// ```
/// use asymgrad_core::{Loss, Optimizer, Sgd, Training};
/// const TRAINING: Training = Training::new(16).optimizer(Optimizer::Sgd(Sgd { rate: 0.05 })).loss(Loss::Hinge).clip(1.0);
/// assert_eq!(TRAINING.batch(), 16);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Training {
    pub(crate) batch: usize,
    pub(crate) optimizer: Optimizer,
    pub(crate) loss: Loss,
    /// 0 for none; 0 itself, which is out of range, is stored as −0.
    clip: f32,
    pub(crate) decay: f32,
    pub(crate) kp_decay: f32,
    pub(crate) mirror_rate: f32,
    /// Bound of the weight mirrors' noise.
    pub(crate) mirror_noise: f32,
    pub(crate) bias_rate: f32,
    // The parts of two `Initial`, and what takes two bits or less in one byte: a device's RAM holds a `Training`, and an image copies more
    // than 64 bytes with `memcpy`.
    weights_coefficient: f32,
    feedback_coefficient: f32,
    /// The kind of the initial weights in the lower half, of the feedback in the upper one, as [`Initial::parts`] has it.
    kinds: u8,
    flags: u8,
    pub(crate) frozen: u8,
    /// Operations of a slice; `usize::MAX` for whole layers.
    pub(crate) slice: usize,
}

/// The bits of `Training::flags` that hold the response of mirrors: 0 is y = ξW.
const RELU: u8 = 1;
const SIGMOID: u8 = 2;
const TANH: u8 = 3;
const RESPONSE: u8 = 3;
/// Mirrors do not leak.
const NO_LEAK: u8 = 1 << 2;
/// The frozen layers lie in a table.
const FROZEN_IN_TABLE: u8 = 1 << 3;
/// The bits that hold where fixed feedback lies: 0 is memory.
const TABLE: u8 = 1 << 4;
const SEED: u8 = 1 << 5;
/// What a device's image copies without `memcpy`.
const _: () = assert!(size_of::<usize>() > 4 || size_of::<Training>() <= 64);

impl Training {
    /// Steps of up to `batch` samples with Adam and softmax cross-entropy.
    pub const fn new(batch: usize) -> Self {
        Self {
            batch,
            optimizer: Optimizer::Adam(Adam::DEFAULT),
            loss: Loss::CrossEntropy,
            clip: 0.0,
            decay: 0.0,
            kp_decay: Self::KP_DECAY,
            mirror_rate: Self::MIRROR_RATE,
            mirror_noise: Self::MIRROR_NOISE,
            bias_rate: 1.0,
            weights_coefficient: 0.0,
            feedback_coefficient: 0.0,
            kinds: 0,
            flags: 0,
            frozen: 0,
            slice: usize::MAX,
        }
    }

    /// The default decay λ of [Kolen–Pollack](crate::feedback::kolen_pollack).
    pub const KP_DECAY: f32 = 1e-4;

    /// The default rate η of [weight mirrors](crate::feedback::weight_mirror).
    pub const MIRROR_RATE: f32 = 1e-2;

    /// The default bound √3 of the noise of [weight mirrors](crate::feedback::weight_mirror), which has variance 1.
    pub const MIRROR_NOISE: f32 = sqrt(3.0);

    /// Sets the L2 weight decay: `decay` · w is added to each weight's gradient after clipping, not to that of biases.
    #[must_use]
    pub const fn decay(mut self, decay: f32) -> Self {
        self.decay = decay;
        self
    }

    /// Sets the decay λ of [Kolen–Pollack](crate::feedback::kolen_pollack), in [0, 1); with 0 the rule is `(R*)`.
    #[must_use]
    pub const fn kp_decay(mut self, decay: f32) -> Self {
        self.kp_decay = decay;
        self
    }

    /// Sets the biases' learning rate to `factor` times that of the weights; 1 by default, and 0 keeps the biases.
    #[must_use]
    pub const fn bias_rate(mut self, factor: f32) -> Self {
        self.bias_rate = factor;
        self
    }

    /// Sets the rate η of [weight mirrors](crate::feedback::weight_mirror), in [0, 1), or any of at least 0 without a leak; with 0 the
    /// rule is `(R)`.
    #[must_use]
    pub const fn mirror_rate(mut self, rate: f32) -> Self {
        self.mirror_rate = rate;
        self
    }

    /// Sets the noise of [weight mirrors](crate::feedback::weight_mirror): uniform on (−bound, bound).
    #[must_use]
    pub const fn mirror_noise(mut self, bound: f32) -> Self {
        self.mirror_noise = bound;
        self
    }

    /// Sets the response of [weight mirrors](crate::feedback::weight_mirror) to y = f(ξW + b), with the layer's biases b; by default
    /// it is y = ξW.
    #[must_use]
    pub const fn mirror_response(mut self, f: Activation) -> Self {
        let response = match f {
            Activation::Relu => RELU,
            Activation::Sigmoid => SIGMOID,
            Activation::Tanh => TANH,
        };
        self.flags = self.flags & !RESPONSE | response;
        self
    }

    /// Keeps B of [weight mirrors](crate::feedback::weight_mirror) from leaking: B ← B + η ξᵀy / n in place of
    /// B ← (1 − η) B + η ξᵀy / n.
    #[must_use]
    pub const fn no_mirror_leak(mut self) -> Self {
        self.flags |= NO_LEAK;
        self
    }

    /// The f of [`Training::mirror_response`].
    pub(crate) const fn mirror_activation(&self) -> Option<Activation> {
        match self.flags & RESPONSE {
            RELU => Some(Activation::Relu),
            SIGMOID => Some(Activation::Sigmoid),
            TANH => Some(Activation::Tanh),
            _ => None,
        }
    }

    /// Whether B of weight mirrors leaks.
    pub(crate) const fn mirror_leaks(&self) -> bool {
        self.flags & NO_LEAK == 0
    }

    /// The capabilities that weight mirrors need beside those of the rule.
    pub(crate) const fn mirror_capabilities(&self) -> u32 {
        if self.flags & (RESPONSE | NO_LEAK) == 0 && self.mirror_noise == Self::MIRROR_NOISE {
            return 0;
        }
        let activation = match self.mirror_activation() {
            Some(activation) => activation.capability(),
            None => 0,
        };
        capabilities::MIRROR_OPTIONS | activation
    }

    /// Sets the initial distributions of weights and feedback.
    #[must_use]
    pub const fn initial(mut self, weights: Initial, feedback: Initial) -> Self {
        let ((weights, weights_coefficient), (feedback, feedback_coefficient)) = (weights.parts(), feedback.parts());
        self.kinds = weights | feedback << 4;
        (self.weights_coefficient, self.feedback_coefficient) = (weights_coefficient, feedback_coefficient);
        self
    }

    /// The initial distribution of the weights.
    pub(crate) const fn initial_weights(&self) -> Initial {
        Initial::from_parts(self.kinds & 15, self.weights_coefficient)
    }

    /// The initial distribution of the feedback.
    pub(crate) const fn initial_feedback(&self) -> Initial {
        Initial::from_parts(self.kinds >> 4, self.feedback_coefficient)
    }

    /// Sets the storage of fixed feedback: in memory, in a table, or regenerated from its seed at each use.
    #[must_use]
    pub const fn fixed_feedback(mut self, storage: Storage) -> Self {
        let bit = match storage {
            Storage::Memory => 0,
            Storage::Table => TABLE,
            Storage::Seed => SEED,
        };
        self.flags = self.flags & !(TABLE | SEED) | bit;
        self
    }

    /// Freezes the first `layers` layers: their weights do not change, the backward pass ends before them, and they have
    /// neither feedback nor optimizer state. If all layers are frozen, a step is an evaluation; a trainer refuses more layers than the
    /// network has.
    #[must_use]
    pub const fn freeze(mut self, layers: u8) -> Self {
        (self.frozen, self.flags) = (layers, self.flags & !FROZEN_IN_TABLE);
        self
    }

    /// Freezes the first `layers` layers, as [`Training::freeze`], and takes their weights and biases from the table of
    /// [`Trainer::set_table`](crate::Trainer::set_table), such as one in flash. They take no memory and are not part of a state or a
    /// snapshot.
    #[must_use]
    pub const fn freeze_in_table(mut self, layers: u8) -> Self {
        (self.frozen, self.flags) = (layers, self.flags | FROZEN_IN_TABLE);
        self
    }

    /// Sets the optimizer.
    #[must_use]
    pub const fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.optimizer = optimizer;
        self
    }

    /// Sets the loss.
    #[must_use]
    pub const fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// Clips each element of the weight gradient hᵀG to [−limit, limit], after the mean over the batch and before weight
    /// decay and the optimizer. Gradients of biases are not clipped (report section 5).
    #[must_use]
    pub const fn clip(mut self, limit: f32) -> Self {
        self.clip = if limit.to_bits() == 0 { -0.0 } else { limit };
        self
    }

    /// Cuts layers into slices of up to `operations` operations each, so that a [`Step::poll`](crate::Step::poll) takes no longer than a
    /// control loop can wait. Results are bit-identical for every number.
    ///
    /// An operation is a multiply-add, or a value of a pooling window. [`Architecture::longest_slice`](crate::Architecture::longest_slice)
    /// gives the instructions of the longest slice. A slice computes at least
    ///
    /// - one output of a dense layer, one input of its input gradient, the weights of one output;
    /// - one row of a convolution's or a pooling layer's image, of a single column if there is only one row;
    /// - the terms that one row of positions adds to the gradients of one row of a convolution's kernel.
    ///
    /// The loss, the update of a layer's biases, new signs of feedback and the step of a weight mirror are slices of their own that are not cut.
    /// Only [kernel sets](crate::kernels::Kernels::SLICES) of devices cut layers.
    #[must_use]
    pub const fn slice(mut self, operations: usize) -> Self {
        self.slice = operations;
        self
    }

    /// The storage of fixed feedback.
    pub const fn storage(&self) -> Storage {
        match self.flags & (TABLE | SEED) {
            TABLE => Storage::Table,
            SEED => Storage::Seed,
            _ => Storage::Memory,
        }
    }

    /// Whether the frozen layers lie in a table.
    pub(crate) const fn is_frozen_in_table(&self) -> bool {
        self.flags & FROZEN_IN_TABLE != 0
    }

    /// The limit of [`Training::clip`].
    pub(crate) const fn limit(&self) -> Option<f32> {
        if self.clip.to_bits() == 0 { None } else { Some(self.clip) }
    }

    /// Number of classes that a network of `outputs` outputs tells apart: one for each output, or two if binary cross-entropy
    /// has one output.
    pub const fn classes(&self, outputs: usize) -> usize {
        if outputs == 1 && matches!(self.loss, Loss::BinaryCrossEntropy) { 2 } else { outputs }
    }

    /// Length of the targets that a training stores: an index for each sample, or a value for each output.
    pub(crate) const fn targets_len(&self, outputs: usize) -> usize {
        if self.loss.takes_values() { self.batch.saturating_mul(outputs) } else { self.batch }
    }

    /// Number of samples of the largest step.
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// Checks the range of every coefficient that the capabilities use.
    pub(crate) const fn check<const CAPS: u32>(&self) -> Result<(), CoefficientError> {
        require!(self.optimizer.check());
        if let Some(limit) = self.limit() {
            // −0 is 0 again.
            require!(positive("the clip has to be above 0 and finite", limit + 0.0));
        }
        // A negative or NaN decay does not set the capability, so every image checks it.
        require!(non_negative("the weight decay has to be at least 0 and finite", self.decay));
        if enabled::<CAPS>(capabilities::KP_DECAY) {
            require!(fraction("the decay of (KP) has to be at least 0 and below 1", self.kp_decay));
        }
        if enabled::<CAPS>(capabilities::BIAS_RATE) {
            require!(non_negative("the factor of the biases' rate has to be at least 0 and finite", self.bias_rate));
        }
        if enabled::<CAPS>(capabilities::MIRROR_OPTIONS) {
            require!(positive("the noise of the weight mirrors has to be above 0 and finite", self.mirror_noise));
        }
        if enabled::<CAPS>(capabilities::MIRROR_OPTIONS) && !self.mirror_leaks() {
            let expected = "the rate of the weight mirrors has to be at least 0 and finite";
            require!(non_negative(expected, self.mirror_rate));
        } else if enabled::<CAPS>(capabilities::MIRROR) {
            require!(fraction("the rate of the weight mirrors has to be at least 0 and below 1", self.mirror_rate));
        }
        if enabled::<CAPS>(capabilities::INITIAL) {
            require!(self.initial_weights().check());
            require!(self.initial_feedback().check());
        }
        Ok(())
    }
}
