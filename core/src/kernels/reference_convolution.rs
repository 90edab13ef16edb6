//! Convolutions of one sample on a device, tap by tap: the terms of a tap and an input channel for four output channels of all positions.
//!
//! Their weights, or the sums of their gradients, stay in registers, and no position repeats the bounds of its window.

use super::geometry::Geometry;
use super::jobs::{Forward, WeightGradient};
use super::reference_sums::{DOT_ROWS, add_terms, skips};
use crate::arithmetic::{Arithmetic, Portable};
use crate::slices::{range, range_mut, tail};

/// y = x W + b.
#[inline(never)]
pub(super) fn forward<A: Arithmetic>(job: &Forward<'_>, output: &mut [f32]) {
    let (inputs, outputs) = (job.geometry.in_channels, job.geometry.out_channels);
    for block in output.chunks_exact_mut(outputs.max(1)) {
        block.iter_mut().zip(job.bias).for_each(|(y, bias)| *y = *bias);
    }
    for tap in 0..job.geometry.taps() {
        for channel in 0..inputs {
            let mut weight = tail(job.weight, tap * outputs * inputs + channel).iter().step_by(inputs.max(1)).copied();
            for out in (0..outputs).step_by(DOT_ROWS) {
                let mut next = || weight.next().unwrap_or(0.0);
                if outputs - out >= DOT_ROWS {
                    let weights = [next(), next(), next(), next()];
                    add_tap(job, tap, channel, out, output, |sums, x| add_terms::<A>(sums, weights, x));
                } else {
                    for out in out..outputs {
                        let weight = next();
                        add_tap(job, tap, channel, out, output, |[sum], x| *sum = A::mul_add(x, weight, *sum));
                    }
                }
            }
        }
    }
}

/// Adds the terms of a tap and an input channel, by `add`, to the sums of `LANES` output channels from `out` on.
#[inline(never)]
fn add_tap<const LANES: usize>(
    job: &Forward<'_>,
    tap: usize,
    channel: usize,
    out: usize,
    output: &mut [f32],
    add: impl Fn(&mut [f32; LANES], f32),
) {
    let (inputs, outputs) = (job.geometry.in_channels, job.geometry.out_channels);
    let step = (job.geometry.cols.stride * inputs).max(1);
    each_row(&job.geometry, tap, |pixel, position, len| {
        let values = tail(job.input, pixel * inputs + channel).iter().step_by(step);
        let blocks = range_mut(output, position * outputs, len * outputs).chunks_exact_mut(outputs.max(1));
        for (x, block) in values.zip(blocks) {
            let Some(sums) = block.get_mut(out..).and_then(|block| block.first_chunk_mut()) else { break };
            if !skips(*x) {
                add(sums, *x);
            }
        }
    });
}

/// hᵀG of a layer that shares its weights and has at least four output channels, into `sums`.
#[inline(never)]
pub(super) fn weight_gradient(job: &WeightGradient<'_>, sums: &mut [f32]) {
    let (inputs, outputs) = (job.geometry.in_channels, job.geometry.out_channels);
    for tap in 0..job.geometry.taps() {
        for out in (0..outputs).step_by(DOT_ROWS) {
            // The last four overlap the ones before if the number of channels is not a multiple of four.
            let out = out.min(outputs.saturating_sub(DOT_ROWS));
            for channel in 0..inputs {
                let gradients = tap_gradients(job, tap, channel, out);
                let sums = sums.get_mut((tap * outputs + out) * inputs + channel..).unwrap_or_default();
                sums.iter_mut().step_by(inputs.max(1)).zip(gradients).for_each(|(sum, gradient)| *sum = gradient);
            }
        }
    }
}

/// The gradients of the weights of a tap and an input channel for four output channels.
#[inline(never)]
fn tap_gradients(job: &WeightGradient<'_>, tap: usize, channel: usize, out: usize) -> [f32; DOT_ROWS] {
    let (inputs, outputs) = (job.geometry.in_channels, job.geometry.out_channels);
    let mut sums = [0.0; DOT_ROWS];
    let step = (job.geometry.cols.stride * inputs).max(1);
    each_row(&job.geometry, tap, |pixel, position, len| {
        let values = tail(job.input, pixel * inputs + channel).iter().step_by(step);
        let blocks = range(job.grad_output, position * outputs, len * outputs).chunks_exact(outputs.max(1));
        for (x, block) in values.zip(blocks) {
            let Some(g) = block.get(out..).and_then(|block| block.first_chunk()) else { break };
            if !skips(*x) {
                // The gradient of one position is a rounded product in every numeric mode.
                add_terms::<Portable>(&mut sums, *g, *x);
            }
        }
    });
    sums
}

/// Calls `visit` with the first pixel, the first position and the length of each row of output positions at which a tap reads a pixel
/// inside the image.
#[inline(always)]
fn each_row(geometry: &Geometry, tap: usize, mut visit: impl FnMut(usize, usize, usize)) {
    let Geometry { rows, cols, .. } = geometry;
    let (tap_row, tap_col) = (tap / cols.taps.max(1), tap % cols.taps.max(1));
    let valid_cols = cols.valid_positions(tap_col);
    if valid_cols.is_empty() {
        return;
    }
    let source_col = cols.source::<false>(valid_cols.start, tap_col);
    for row in rows.valid_positions(tap_row) {
        let source_row = rows.source::<false>(row, tap_row);
        visit(source_row * cols.input + source_col, row * cols.output + valid_cols.start, valid_cols.len());
    }
}
