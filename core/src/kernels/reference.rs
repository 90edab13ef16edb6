//! The passes on a device, in scalar code: few instructions and little code, one value at a time.
//!
//! The inner loops are in `reference_sums.rs`, convolutions of one sample in `reference_convolution.rs`. All keep the order of sums of
//! `data_pass.rs` and `weight_gradient.rs`, so finite results have the same bits.

use super::geometry::Geometry;
use super::jobs::{BiasGradient, Forward, InputGradient, WeightGradient};
use super::reference_convolution;
use super::reference_sums::{DOT_ROWS, dot, dot_rows, each_tile, skips};
use super::update::Update;
use crate::arithmetic::Arithmetic;
use crate::capabilities::{self, enabled};
use crate::network::Activation;
use crate::slices::{range, tail};

/// Weights whose gradients are applied together.
const WEIGHT_BLOCK: usize = 16;

/// The number of samples, specialised to the compiled-in capabilities.
#[inline(always)]
pub(super) fn known_samples<const CAPS: u32>(samples: usize) -> usize {
    if enabled::<CAPS>(capabilities::BATCH) { samples } else { 1 }
}

/// Calls `visit` for each position with its `len` values, or with the values of a slice if they are fewer.
#[inline(always)]
pub(super) fn each_position<const CAPS: u32>(values: &mut [f32], len: usize, mut visit: impl FnMut(usize, &mut [f32])) {
    if !enabled::<CAPS>(capabilities::CONVOLUTION | capabilities::UNTIED) {
        return visit(0, values);
    }
    let len = if enabled::<CAPS>(capabilities::SLICES) { len.min(values.len()) } else { len };
    for (position, block) in values.chunks_exact_mut(len.max(1)).enumerate() {
        visit(position, block);
    }
}

/// Calls `visit` for each valid tap of a position forward, of a pixel backward, with the place that it leads to and the index of its
/// first weight row.
#[inline(always)]
pub(super) fn each_tap<const CAPS: u32, const BACKWARD: bool>(
    geometry: &Geometry,
    place: usize,
    mut visit: impl FnMut(usize, usize),
) {
    if !enabled::<CAPS>(capabilities::CONVOLUTION | capabilities::UNTIED) {
        return visit(0, 0);
    }
    let (tap_rows, tap_cols) = geometry.valid_taps::<BACKWARD>(place);
    for tap_row in tap_rows {
        for tap_col in tap_cols.clone() {
            let source = geometry.source::<BACKWARD>(place, tap_row, tap_col);
            visit(source, geometry.weight_row(if BACKWARD { source } else { place }, tap_row, tap_col));
        }
    }
}

/// y = h W + b, and ReLU if that is the activation.
pub(super) fn forward<A: Arithmetic, const CAPS: u32>(job: &Forward<'_>, output: &mut [f32]) {
    let (geometry, n) = (job.geometry.known::<CAPS>(), known_samples::<CAPS>(job.samples));
    let (inputs, outputs) = (geometry.in_channels, geometry.out_channels);
    let relu = matches!(job.activation, Some(Activation::Relu));
    let finish = |values: &mut [f32]| {
        if relu {
            values.iter_mut().filter(|y| **y <= 0.0).for_each(|y| *y = 0.0);
        }
    };
    if enabled::<CAPS>(capabilities::CONVOLUTION) && n == 1 && geometry.shares_weights() {
        reference_convolution::forward::<A, CAPS>(job, output);
        return finish(output);
    }
    each_position::<CAPS>(output, outputs * n, |position, block| {
        let bias = tail(job.bias, if geometry.untied { position * outputs } else { 0 });
        if n == 1 {
            block.iter_mut().zip(bias).for_each(|(y, bias)| *y = *bias);
            each_tap::<CAPS, false>(&geometry, position, |input_position, first| {
                let column = range(job.input, input_position * inputs, inputs);
                let rows = tail(job.weight, first * inputs);
                let (quads, remainder) = block.as_chunks_mut();
                let (quad_rows, remaining_rows) =
                    rows.split_at_checked(quads.len() * DOT_ROWS * inputs).unwrap_or_default();
                for (sums, rows) in quads.iter_mut().zip(quad_rows.chunks((DOT_ROWS * inputs).max(1))) {
                    dot_rows::<A>(sums, rows, column);
                }
                for (sum, row) in remainder.iter_mut().zip(remaining_rows.chunks(inputs.max(1))) {
                    *sum = dot::<A>(*sum, row, column);
                }
            });
            finish(block);
        } else {
            for (row, (block, bias)) in block.chunks_exact_mut(n.max(1)).zip(bias).enumerate() {
                each_tile(block, *bias, |lane, sums| {
                    each_tap::<CAPS, false>(&geometry, position, |input_position, first| {
                        let columns = tail(job.input, input_position * inputs * n + lane);
                        sums.add::<A>(columns, n, range(job.weight, (first + row) * inputs, inputs), 1);
                    });
                });
                finish(block);
            }
        }
    });
}

/// dL/dh = G Bᵀ, masked.
pub(super) fn input_gradient<A: Arithmetic, const CAPS: u32>(job: &InputGradient<'_>, output: &mut [f32]) {
    let (geometry, n) = (job.geometry.known::<CAPS>(), known_samples::<CAPS>(job.samples));
    let (inputs, outputs) = (geometry.in_channels, geometry.out_channels);
    if enabled::<CAPS>(capabilities::CONVOLUTION) && n == 1 && geometry.shares_weights() {
        reference_convolution::input_gradient::<A, CAPS>(job, output);
        return apply_mask::<A>(job.mask, output);
    }
    each_position::<CAPS>(output, inputs * n, |position, block| {
        if n == 1 {
            each_tile(block, 0.0, |lane, sums| {
                each_tap::<CAPS, true>(&geometry, position, |output_position, first| {
                    let columns = tail(job.weight, first * inputs + lane);
                    sums.add::<A>(columns, inputs, range(job.grad_output, output_position * outputs, outputs), 1);
                });
            });
        } else {
            for (row, block) in block.chunks_exact_mut(n.max(1)).enumerate() {
                each_tile(block, 0.0, |lane, sums| {
                    each_tap::<CAPS, true>(&geometry, position, |output_position, first| {
                        let columns = range(job.grad_output, output_position * outputs * n, outputs * n);
                        sums.add::<A>(tail(columns, lane), n, tail(job.weight, first * inputs + row), inputs);
                    });
                });
            }
        }
    });
    apply_mask::<A>(job.mask, output);
}

/// Flushes, and sets to 0 where the ReLU before the layer was off.
pub(super) fn apply_mask<A: Arithmetic>(mask: Option<&[f32]>, output: &mut [f32]) {
    for d in output.iter_mut() {
        *d = A::flush(*d);
    }
    for (d, h) in output.iter_mut().zip(mask.unwrap_or(&[])) {
        if *h <= 0.0 {
            *d = 0.0;
        }
    }
}

/// hᵀG into the optimizer; added to `sums` if the update of a slice has no weights.
pub(super) fn weight_gradient<A: Arithmetic, const CAPS: u32>(
    job: &WeightGradient<'_>,
    mut update: Update<'_>,
    sums: &mut [f32],
) {
    let (geometry, n) = (job.geometry.known::<CAPS>(), known_samples::<CAPS>(job.samples));
    let (inputs, outputs) = (geometry.in_channels, geometry.out_channels);
    let adds = enabled::<CAPS>(capabilities::SLICES) && update.weight.is_empty();
    if enabled::<CAPS>(capabilities::CONVOLUTION) && n == 1 && geometry.shares_weights() && outputs >= DOT_ROWS {
        reference_convolution::weight_gradient::<CAPS>(job, adds, sums);
        return update.apply::<A, CAPS, 1>(0, sums);
    }
    if !adds {
        sums.fill(0.0);
    }
    for position in 0..geometry.positions() {
        each_tap::<CAPS, false>(&geometry, position, |input_position, first| {
            let columns = range(job.input, input_position * inputs * n, inputs * n);
            let rows = range(job.grad_output, position * outputs * n, outputs * n);
            if n == 1 && !geometry.shares_weights() {
                return update_rows::<A, CAPS>(&mut update, first * inputs, columns, rows);
            }
            for (out, row) in rows.chunks_exact(n.max(1)).enumerate() {
                let at = (first + out) * inputs;
                let blocks = columns.chunks((WEIGHT_BLOCK * n).max(1));
                for (at, columns) in (at..).step_by(WEIGHT_BLOCK).zip(blocks) {
                    block::<A, CAPS>(&geometry, columns, row, at, &mut update, sums);
                }
            }
        });
    }
    if geometry.shares_weights() {
        update.apply::<A, CAPS, 1>(0, sums);
    }
}

/// The gradients of rows of weights under one sample, h · g with a g for each row, never stored.
#[inline(always)]
fn update_rows<A: Arithmetic, const CAPS: u32>(update: &mut Update<'_>, at: usize, input: &[f32], grad_output: &[f32]) {
    match update.plain_rate::<CAPS>() {
        Some(rate) => descend(update.weight.get_mut(at..).unwrap_or(&mut []), input, grad_output, rate),
        None => {
            for (row, g) in grad_output.iter().enumerate() {
                apply_row::<A, CAPS>(update, at + row * input.len(), input, *g);
            }
        }
    }
}

#[inline(never)]
fn apply_row<A: Arithmetic, const CAPS: u32>(update: &mut Update<'_>, at: usize, input: &[f32], g: f32) {
    update.apply_iter::<A, CAPS, 1>(at, input.iter().map(|h| [A::mul_add(*h, g, 0.0)]));
}

/// Plain gradient descent with the gradients h · g, unrolled because it is half of an online step. The sum
/// h · g + 0 of other kernels differs in the sign of a 0 alone, which no weight but −0 would show.
#[inline(never)]
fn descend(weight: &mut [f32], input: &[f32], grad_output: &[f32], rate: f32) {
    let (blocks, tail) = input.as_chunks();
    for (row, g) in weight.chunks_exact_mut(input.len().max(1)).zip(grad_output) {
        // Where the ReLU was off, the update would add 0.
        if *g == 0.0 {
            continue;
        }
        let step = |w: &mut f32, h: f32| {
            if !skips(h) {
                *w += -(rate * (h * g));
            }
        };
        let (row_blocks, row_tail) = row.as_chunks_mut();
        for ([w0, w1, w2, w3, w4, w5, w6, w7], [h0, h1, h2, h3, h4, h5, h6, h7]) in row_blocks.iter_mut().zip(blocks) {
            step(w0, *h0);
            step(w1, *h1);
            step(w2, *h2);
            step(w3, *h3);
            step(w4, *h4);
            step(w5, *h5);
            step(w6, *h6);
            step(w7, *h7);
        }
        row_tail.iter_mut().zip(tail).for_each(|(w, h)| step(w, *h));
    }
}

/// The gradients of up to [`WEIGHT_BLOCK`] neighbouring weights, summed over the batch.
#[inline(always)]
fn block<A: Arithmetic, const CAPS: u32>(
    geometry: &Geometry,
    columns: &[f32],
    row: &[f32],
    at: usize,
    update: &mut Update<'_>,
    sums: &mut [f32],
) {
    let mut gradients = [[0.0; DOT_ROWS]; WEIGHT_BLOCK / DOT_ROWS];
    for (gradients, columns) in gradients.iter_mut().zip(columns.chunks((DOT_ROWS * row.len()).max(1))) {
        dot_rows::<A>(gradients, columns, row);
    }
    let count = columns.len() / row.len().max(1);
    let gradients = gradients.as_flattened().get(..count).unwrap_or(&[]);
    if geometry.shares_weights() {
        let sums = sums.get_mut(at..at + count).unwrap_or(&mut []);
        sums.iter_mut().zip(gradients).for_each(|(sum, gradient)| *sum += *gradient);
    } else {
        update.apply::<A, CAPS, 1>(at, gradients);
    }
}

/// The bias gradient into the optimizer.
pub(super) fn bias_gradient<A: Arithmetic, const CAPS: u32>(job: &BiasGradient<'_>, mut update: Update<'_>) {
    let (geometry, n) = (job.geometry.known::<CAPS>(), known_samples::<CAPS>(job.samples));
    let positions = if geometry.untied { 1 } else { geometry.positions() };
    if n == 1 && positions == 1 {
        // g · 1 is exact.
        return update_rows::<A, CAPS>(&mut update, 0, job.grad_output, &[1.0]);
    }
    let stride = geometry.out_channels * n;
    let biases = if geometry.untied { geometry.positions() * geometry.out_channels } else { geometry.out_channels };
    update.apply_iter::<A, CAPS, 1>(
        0,
        (0..biases).map(|bias| {
            let mut sum = 0.0;
            for positions in tail(job.grad_output, bias * n).chunks(stride.max(1)).take(positions) {
                sum += range(positions, 0, n).iter().fold(0.0, |sum, g| sum + g);
            }
            [sum]
        }),
    );
}
