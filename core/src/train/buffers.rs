//! Where a layer's values lie in the regions of the memory.

use crate::capabilities::{self, enabled};
use crate::kernels::Geometry;
use crate::network::{Architecture, Training};
use crate::plan::{LayerPlan, Layout};
use crate::slices::{range_mut, split_mut};

/// The regions of the state.
pub(super) struct State<'a> {
    pub(super) parameters: &'a mut [f32],
    pub(super) feedback: &'a mut [f32],
    /// Velocity, first moment, or RMSprop's mean of the squared gradients of each trained parameter; empty for plain SGD.
    pub(super) first: &'a mut [f32],
    /// Second moment of each trained parameter; empty but for Adam.
    pub(super) second: &'a mut [f32],
    /// Number of parameters of frozen layers, for which no optimizer state is kept.
    pub(super) frozen: usize,
}

/// The regions that a step needs beside the state.
pub(super) struct Work<'a> {
    /// The targets, then the activations: the input of each layer and the logits.
    pub(super) forward: &'a mut [f32],
    /// Gradients of the outputs of layers 0, 2, 4…
    pub(super) even: &'a mut [f32],
    /// Gradients of the outputs of layers 1, 3, 5…, then output errors, targets and gradient sums.
    pub(super) odd: &'a mut [f32],
}

impl<'a> State<'a> {
    pub(super) fn new<const CAPS: u32>(values: &'a mut [f32], [parameters, feedback, frozen]: [usize; 3]) -> Self {
        let has_first = enabled::<CAPS>(capabilities::STATES);
        let trained = parameters.wrapping_sub(frozen);
        let (parameters, rest) = split_mut(values, parameters);
        let (feedback, rest) = split_mut(rest, feedback);
        // An image may hold more optimizers than the one in use, whose state may be shorter.
        let (first, rest) = up_to(rest, if has_first { trained } else { 0 });
        let (second, _) = up_to(rest, if enabled::<CAPS>(capabilities::ADAM) { trained } else { 0 });
        Self { parameters, feedback, first, second, frozen }
    }
}

/// The first `len` values and the rest; nothing if there are fewer.
#[inline]
fn up_to(values: &mut [f32], len: usize) -> (&mut [f32], &mut [f32]) {
    values.split_at_mut_checked(len).unwrap_or((&mut [], &mut []))
}

impl<'a> Work<'a> {
    pub(super) fn new(values: &'a mut [f32], layout: &Layout) -> Self {
        let (forward, rest) = split_mut(values, layout.targets + layout.activations);
        let (even, odd) = split_mut(rest, layout.gradients[0]);
        Self { forward, even, odd }
    }
}

/// Length of the targets of a network of `outputs` outputs; the batch in an image whose losses take classes alone.
#[inline(always)]
pub(super) fn targets_len<const CAPS: u32>(training: &Training, outputs: usize) -> usize {
    if enabled::<CAPS>(capabilities::VALUES) { training.targets_len(outputs) } else { training.batch }
}

/// The targets of the batch, and the activations behind them.
#[inline]
pub(super) fn targets_and_activations<'a, const CAPS: u32>(
    forward: &'a mut [f32],
    training: &Training,
    outputs: usize,
) -> (&'a mut [f32], &'a mut [f32]) {
    split_mut(forward, targets_len::<CAPS>(training, outputs))
}

/// The input and the output of a layer.
#[inline]
pub(super) fn layer_activations<'a, const CAPS: u32>(
    forward: &'a mut [f32],
    training: &Training,
    plan: &LayerPlan<'_>,
    samples: usize,
) -> (&'a mut [f32], &'a mut [f32]) {
    let input = plan.input.features() * samples;
    let from = targets_len::<CAPS>(training, plan.classes) + plan.activation_offset * samples;
    split_mut(range_mut(forward, from, input + plan.output.features() * samples), input)
}

/// The gradients of a layer's output and of its input, which lie in the two gradient regions alternately.
pub(super) fn gradient_buffers<'a>(
    even: &'a mut [f32],
    odd: &'a mut [f32],
    plan: &LayerPlan<'_>,
    samples: usize,
) -> (&'a mut [f32], &'a mut [f32]) {
    let (output, input) = if plan.index.is_multiple_of(2) { (even, odd) } else { (odd, even) };
    // No region is as long as the input of the first trained layer, whose gradient is never computed.
    let input_len = if plan.needs_input_gradient { plan.input.features() * samples } else { 0 };
    (range_mut(output, 0, plan.output.features() * samples), range_mut(input, 0, input_len))
}

/// The weights of a layer, or their values in a region of optimizer state, which leaves out `frozen` parameters; empty where
/// the optimizer keeps no such state.
pub(super) fn layer_weights<'a>(region: &'a mut [f32], frozen: usize, plan: &LayerPlan<'_>) -> &'a mut [f32] {
    region_part(region, plan.parameter_offset.wrapping_sub(frozen), plan.weights)
}

/// The biases of a layer, as [`layer_weights`].
pub(super) fn layer_biases<'a>(region: &'a mut [f32], frozen: usize, plan: &LayerPlan<'_>) -> &'a mut [f32] {
    region_part(region, plan.parameter_offset.wrapping_sub(frozen) + plan.weights, plan.biases)
}

fn region_part(region: &mut [f32], from: usize, len: usize) -> &mut [f32] {
    debug_assert!(region.is_empty() || from.saturating_add(len) <= region.len());
    region.get_mut(from..from.wrapping_add(len)).unwrap_or(&mut [])
}

/// The gradients of odd layers, and behind them the gradient of the logits and the targets that direct rules use.
pub(super) fn direct_buffers<'a, const CAPS: u32>(
    odd: &'a mut [f32],
    network: &Architecture<'_>,
    training: &Training,
) -> (&'a mut [f32], &'a mut [f32], &'a mut [f32]) {
    let layout = Layout::new::<CAPS>(network, training);
    let (gradient, rest) = split_mut(odd, layout.gradients[1]);
    let (errors, rest) = split_mut(rest, layout.errors[0]);
    (gradient, errors, split_mut(rest, layout.errors[1]).0)
}

/// The gradients of odd layers, and the sum of a gradient over positions at the end of the region.
pub(super) fn gradient_sums<'a>(
    odd: &'a mut [f32],
    plan: &LayerPlan<'_>,
    geometry: Geometry,
) -> (&'a mut [f32], &'a mut [f32]) {
    let sums = if geometry.shares_weights() { plan.weights } else { 0 };
    let gradients = odd.len().saturating_sub(sums);
    split_mut(odd, gradients)
}
