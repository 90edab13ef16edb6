//! The regions of a training's buffer, in the order in which they lie.
//!
//! Sizes are counted in `f32` and saturate, so that a size that cannot exist fits nowhere.

use super::cursor::LayerCursor;
use crate::network::{Architecture, Feedback, Operation, Training};

/// Sizes of the regions in `f32`. They lie in this order: targets, activations, gradients, errors, sums; then the state:
/// parameters, feedback, optimizer state.
///
/// Columns as long as a batch come first, so that none of their vectors crosses a cache line where the buffer begins with
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// The batch's targets.
    pub(crate) targets: usize,
    /// The input of each layer, and the logits.
    pub(crate) activations: usize,
    /// The gradients of the outputs of layers 0, 2, 4…, and of layers 1, 3, 5…
    pub(crate) gradients: [usize; 2],
    /// The gradient of the logits, and the targets over the batch, where a direct rule needs them.
    pub(crate) errors: [usize; 2],
    /// The gradient sum of the largest tied convolution.
    pub(crate) sums: usize,
    /// Weights and biases, layer by layer, without those in a table.
    pub(crate) parameters: usize,
    /// How many of the parameters belong to frozen layers.
    pub(crate) frozen: usize,
    /// Feedback in memory, layer by layer, and the seed of feedback that is regenerated.
    pub(crate) feedback: usize,
    /// Values of optimizer state for each trained parameter: 0, 1 or 2.
    pub(crate) states: usize,
}

impl Layout {
    /// The layout of a network whose operations are among the [capabilities](crate::capabilities) `CAPS`.
    pub(crate) const fn new<const CAPS: u32>(network: &Architecture<'_>, training: &Training) -> Self {
        let mut layout = Self {
            parameters: 0,
            frozen: 0,
            feedback: training.storage().seed_len(),
            states: training.optimizer.states(),
            activations: network.input().features(),
            gradients: [0, 0],
            sums: 0,
            targets: training.targets_len(network.classes()),
            errors: [0, 0],
        };
        let mut cursor = LayerCursor::<CAPS>::new(network, training);
        while cursor.advance() {
            let plan = &cursor.plan;
            if !plan.is_in_table() {
                layout.parameters = layout.parameters.saturating_add(plan.weights).saturating_add(plan.biases);
            }
            if plan.is_frozen() {
                layout.frozen = layout.parameters;
            }
            layout.feedback = layout.feedback.saturating_add(plan.feedback_in_memory());
            layout.activations = layout.activations.saturating_add(plan.output.features());
            if plan.needs_input_gradient && plan.layer.feedback.is_direct() {
                let which = matches!(plan.layer.feedback, Feedback::Target) as usize;
                layout.errors[which] = plan.classes.saturating_mul(training.batch);
            }
            if plan.needs_input_gradient || plan.is_trained() || plan.is_last {
                let gradient = plan.output.features().saturating_mul(training.batch);
                layout.gradients[plan.index % 2] = max(layout.gradients[plan.index % 2], gradient);
            }
            let shares = matches!(plan.layer.operation, Operation::Convolution { .. }) && plan.output.positions() > 1;
            if shares && plan.is_trained() {
                layout.sums = max(layout.sums, plan.weights);
            }
        }
        layout.activations = layout.activations.saturating_mul(training.batch);
        layout
    }

    /// Weights, biases, feedback and optimizer state: what a checkpoint keeps.
    pub(crate) const fn persistent(&self) -> usize {
        let trained = self.parameters.saturating_sub(self.frozen);
        self.parameters.saturating_add(trained.saturating_mul(self.states)).saturating_add(self.feedback)
    }

    /// What a step needs beside the state.
    pub(crate) const fn work(&self) -> usize {
        self.activations
            .saturating_add(self.gradients[0])
            .saturating_add(self.gradients[1])
            .saturating_add(self.sums)
            .saturating_add(self.targets)
            .saturating_add(self.errors[0])
            .saturating_add(self.errors[1])
    }

    pub(crate) const fn total(&self) -> usize {
        self.persistent().saturating_add(self.work())
    }
}

pub(crate) const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}
