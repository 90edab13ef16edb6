//! How a network is trained: a value, as the network is.

use crate::feedback::Storage;
use crate::loss::Loss;
use crate::optimizer::{Adam, Optimizer};
use crate::random::Initial;

/// How a network is trained: batch, optimizer, loss, clipping.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Training {
    pub(crate) batch: usize,
    pub(crate) optimizer: Optimizer,
    pub(crate) loss: Loss,
    clip: f32,
    clips: bool,
    pub(crate) decay: f32,
    pub(crate) shrink: f32,
    pub(crate) mirror: f32,
    pub(crate) weights: Initial,
    pub(crate) feedback: Initial,
    pub(crate) storage: Storage,
    pub(crate) frozen: u8,
}

impl Training {
    /// Steps of up to `batch` samples with Adam and softmax cross-entropy.
    pub const fn new(batch: usize) -> Self {
        Self {
            batch,
            optimizer: Optimizer::Adam(Adam::DEFAULT),
            loss: Loss::CrossEntropy,
            clip: 0.0,
            clips: false,
            decay: 0.0,
            shrink: Self::SHRINK,
            mirror: Self::MIRROR,
            weights: Initial::Glorot,
            feedback: Initial::Glorot,
            storage: Storage::Memory,
            frozen: 0,
        }
    }

    /// The default share by which Kolen–Pollack's weights and feedback shrink each step.
    pub const SHRINK: f32 = 1e-4;

    /// The default share of the way that a weight mirror goes each step.
    pub const MIRROR: f32 = 1e-2;

    /// With L2 weight decay: `decay` · w is added to each weight's gradient after clipping; biases are left alone.
    #[must_use]
    pub const fn decay(mut self, decay: f32) -> Self {
        self.decay = decay;
        self
    }

    /// With another λ for [Kolen–Pollack](crate::feedback::kolen_pollack), in [0, 1); 0 makes it `(R*)`.
    #[must_use]
    pub const fn shrink(mut self, share: f32) -> Self {
        self.shrink = share;
        self
    }

    /// With another η for [weight mirrors](crate::feedback::weight_mirror), in [0, 1); 0 makes them `(R)`.
    #[must_use]
    pub const fn mirror(mut self, share: f32) -> Self {
        self.mirror = share;
        self
    }

    /// With weights and feedback drawn from other distributions.
    #[must_use]
    pub const fn initial(mut self, weights: Initial, feedback: Initial) -> Self {
        self.weights = weights;
        self.feedback = feedback;
        self
    }

    /// With feedback that never changes in a table, or drawn from its seed while it is used, instead of in memory.
    #[must_use]
    pub const fn fixed_feedback(mut self, storage: Storage) -> Self {
        self.storage = storage;
        self
    }

    /// Without training the first `layers` layers: they keep their weights, the error signal ends behind them, and no
    /// feedback or optimizer state is kept for them. Where all are frozen, a step is an evaluation.
    #[must_use]
    pub const fn freeze(mut self, layers: u8) -> Self {
        self.frozen = layers;
        self
    }

    /// With another optimizer.
    #[must_use]
    pub const fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.optimizer = optimizer;
        self
    }

    /// With another loss.
    #[must_use]
    pub const fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// Clips each element of hᵀG to [−limit, limit], after the mean over the batch and before the optimizer; biases are
    /// left alone (report section 5).
    #[must_use]
    pub const fn clip(mut self, limit: f32) -> Self {
        (self.clip, self.clips) = (limit, true);
        self
    }

    /// Where feedback that never changes comes from.
    pub const fn storage(&self) -> Storage {
        self.storage
    }

    /// The limit of [`Training::clip`]. Not kept as an option, which would take 4 bytes more of a device's RAM.
    pub(crate) const fn limit(&self) -> Option<f32> {
        if self.clips { Some(self.clip) } else { None }
    }

    /// Samples of the largest step.
    pub const fn batch(&self) -> usize {
        self.batch
    }
}
