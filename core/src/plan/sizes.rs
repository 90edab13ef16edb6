//! Sizes of a network's and a training's memory, and the code that an image has to hold.

use super::cursor::LayerCursor;
use super::layout::{Layout, max};
use crate::capabilities::{self, ALL};
use crate::network::{Architecture, Feedback, Training};
use crate::random::Initial;

impl Architecture<'_> {
    /// Length of a [`Trainer`](crate::Trainer)'s `[f32]`.
    pub const fn memory(&self, training: &Training) -> usize {
        Layout::new::<ALL>(self, training).total()
    }

    /// Length of a [`Trainer::state`](crate::Trainer::state), in `f32`: what has to be kept to resume training.
    pub const fn state(&self, training: &Training) -> usize {
        Layout::new::<ALL>(self, training).persistent()
    }

    /// Number of weights and biases: the length of a [`Predictor`](crate::Predictor)'s parameters.
    pub const fn parameters(&self) -> usize {
        Layout::new::<ALL>(self, &Training::new(0)).parameters
    }

    /// Multiplications of one sample's forward pass.
    pub const fn multiplications(&self) -> usize {
        let (mut cursor, mut sum) = (LayerCursor::<ALL>::untrained(self), 0_usize);
        while cursor.advance() {
            sum = sum.saturating_add(cursor.plan.multiplications());
        }
        sum
    }

    /// Length of a [`Predictor`](crate::Predictor)'s `[f32]` for batches of up to `batch` samples.
    pub const fn prediction_memory(&self, batch: usize) -> usize {
        let sizes = self.prediction_buffers::<ALL>(batch);
        sizes[0].saturating_add(sizes[1])
    }

    /// Lengths of the two buffers of a prediction: the inputs of layers 0, 2, 4…, and of layers 1, 3, 5…
    pub(crate) const fn prediction_buffers<const CAPS: u32>(&self, batch: usize) -> [usize; 2] {
        let mut sizes = [self.input().features(), 0];
        let mut cursor = LayerCursor::<CAPS>::untrained(self);
        while cursor.advance() {
            let plan = &cursor.plan;
            let buffer = (plan.index + 1) % 2;
            sizes[buffer] = max(sizes[buffer], plan.output.features());
        }
        [sizes[0].saturating_mul(batch), sizes[1].saturating_mul(batch)]
    }

    /// The [capabilities] that an image has to hold for this network and training.
    pub const fn capabilities(&self, training: &Training) -> u32 {
        let mut bits = training.optimizer.capability()
            | training.loss.capability()
            | training.storage().capability()
            | self.layer_capabilities();
        if training.batch > 1 {
            bits |= capabilities::BATCH;
        }
        if training.limit().is_some() {
            bits |= capabilities::CLIP;
        }
        if training.decay > 0.0 {
            bits |= capabilities::DECAY;
        }
        if !matches!((training.initial_weights(), training.initial_feedback()), (Initial::Glorot, Initial::Glorot)) {
            bits |= capabilities::INITIAL;
        }
        if training.bias_rate.to_bits() != 1.0_f32.to_bits() {
            bits |= capabilities::BIAS_RATE;
        }
        if training.frozen > 0 {
            bits |= capabilities::FROZEN | if training.is_frozen_in_table() { capabilities::TABLE } else { 0 };
        }
        if training.slice < usize::MAX {
            bits |= capabilities::SLICES;
        }
        // Not by a cursor: it would hold the code of every operation.
        let (mut rest, mut index, mut needs_input_gradient) = (self.layers(), 0, false);
        while let [layer, tail @ ..] = rest {
            if needs_input_gradient {
                bits |= layer.feedback.capabilities();
                if matches!(layer.feedback, Feedback::WeightMirror) {
                    bits |= training.mirror_capabilities();
                }
            }
            needs_input_gradient =
                needs_input_gradient || layer.operation.has_weights() && index >= training.frozen as usize;
            (rest, index) = (tail, index + 1);
        }
        bits
    }

    /// The [capabilities] that a [`Predictor`](crate::Predictor) has to hold: those of the layers, and batches.
    pub const fn prediction_capabilities(&self) -> u32 {
        self.layer_capabilities() | capabilities::BATCH
    }

    const fn layer_capabilities(&self) -> u32 {
        let (mut bits, mut rest) = (0, self.layers());
        while let [layer, tail @ ..] = rest {
            bits |= layer.activation.capability() | layer.operation.capability();
            rest = tail;
        }
        bits
    }
}
