//! Where a layer's numbers lie in the regions of the memory.

use crate::architecture::{Architecture, Site};
use crate::kernels::Product;
use crate::kinds::{self, has};
use crate::memory::Layout;
use crate::training::Training;

/// The regions of the state.
pub(super) struct State<'a> {
    pub(super) parameters: &'a mut [f32],
    pub(super) feedback: &'a mut [f32],
    pub(super) first: &'a mut [f32],
    pub(super) second: &'a mut [f32],
    /// Parameters of frozen layers, for which no optimizer state is kept.
    pub(super) frozen: usize,
}

/// What a step needs beside the state.
pub(super) struct Work<'a> {
    /// Labels, then the input of each layer and the scores.
    pub(super) activations: &'a mut [f32],
    /// Gradients of the outputs of layers 0, 2, 4…
    pub(super) even: &'a mut [f32],
    /// Gradients of the outputs of layers 1, 3, 5…, then output errors, targets, and gradient sums.
    pub(super) odd: &'a mut [f32],
}

/// The input and the output of a layer, behind the labels of a batch.
pub(super) fn neighbours<'a>(
    activations: &'a mut [f32],
    batch: usize,
    site: &Site<'_>,
    samples: usize,
) -> (&'a [f32], &'a mut [f32]) {
    let length = site.input.features() * samples;
    let both = part(activations, batch + site.features * samples, length + site.output.features() * samples);
    match both.split_at_mut_checked(length) {
        Some((input, output)) => (input, output),
        None => (&[], &mut []),
    }
}

/// The gradients of a layer's output and of its input: the two buffers take turns.
pub(super) fn turn<'a>(
    even: &'a mut [f32],
    odd: &'a mut [f32],
    site: &Site<'_>,
    samples: usize,
) -> (&'a mut [f32], &'a mut [f32]) {
    let (output, input) = if site.index.is_multiple_of(2) { (even, odd) } else { (odd, even) };
    (part(output, 0, site.output.features() * samples), part(input, 0, site.input.features() * samples))
}

/// The weights of a layer; of their optimizer state, which leaves out `frozen` parameters, empty where there is none.
pub(super) fn weights_of<'a>(parameters: &'a mut [f32], frozen: usize, site: &Site<'_>) -> &'a mut [f32] {
    part(parameters, site.parameters.wrapping_sub(frozen), site.weights)
}

/// The biases of a layer, as [`weights_of`].
pub(super) fn biases_of<'a>(parameters: &'a mut [f32], frozen: usize, site: &Site<'_>) -> &'a mut [f32] {
    part(parameters, site.parameters.wrapping_sub(frozen) + site.weights, site.biases)
}

/// Where direct rules keep the gradient of the scores and the targets, behind the gradients of odd layers.
pub(super) fn direct<'a>(
    odd: &'a mut [f32],
    network: &Architecture<'_>,
    training: &Training,
) -> (&'a mut [f32], &'a mut [f32], &'a mut [f32]) {
    let layout = Layout::of(network, training);
    let (gradient, rest) = take(odd, layout.gradients[1]);
    let (errors, rest) = take(rest, layout.errors[0]);
    (gradient, errors, take(rest, layout.errors[1]).0)
}

/// The gradients of odd layers, and at their end the sum of a gradient that is a sum over positions.
pub(super) fn sums_of<'a>(odd: &'a mut [f32], site: &Site<'_>, product: Product) -> (&'a mut [f32], &'a mut [f32]) {
    let sums = if product.is_shared() { site.weights } else { 0 };
    let gradients = odd.len().saturating_sub(sums);
    take(odd, gradients)
}

/// Part of a region; empty where the layout has none, such as the state of an optimizer that keeps none.
pub(super) fn part(numbers: &mut [f32], from: usize, length: usize) -> &mut [f32] {
    numbers.get_mut(from..from.wrapping_add(length)).unwrap_or(&mut [])
}

/// [`part`] of what is only read.
pub(super) fn slice(numbers: &[f32], from: usize, length: usize) -> &[f32] {
    numbers.get(from..from.wrapping_add(length)).unwrap_or(&[])
}

/// The first `length` numbers and the rest; nothing if they are fewer.
pub(super) fn take(numbers: &mut [f32], length: usize) -> (&mut [f32], &mut [f32]) {
    numbers.split_at_mut_checked(length).unwrap_or((&mut [], &mut []))
}

impl<'a> State<'a> {
    pub(super) fn of<const KINDS: u32>(numbers: &'a mut [f32], [parameters, feedback, frozen]: [usize; 3]) -> Self {
        let keeps = has::<KINDS>(kinds::MOMENTUM | kinds::ADAM);
        let trained = parameters.wrapping_sub(frozen);
        let (start, rest) = take(numbers, parameters);
        let (feedback, rest) = take(rest, feedback);
        let (first, rest) = take(rest, if keeps { trained } else { 0 });
        let (second, _) = take(rest, if has::<KINDS>(kinds::ADAM) { trained } else { 0 });
        Self { parameters: start, feedback, first, second, frozen }
    }
}

impl<'a> Work<'a> {
    pub(super) fn of(numbers: &'a mut [f32], layout: &Layout) -> Self {
        let (activations, rest) = take(numbers, layout.labels + layout.activations);
        let (even, odd) = take(rest, layout.gradients[0]);
        Self { activations, even, odd }
    }
}
