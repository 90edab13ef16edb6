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
pub(super) fn forward<A: Arithmetic, const CAPS: u32>(job: &Forward<'_>, output: &mut [f32]) {
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
                    add_tap::<CAPS, _>(job, tap, channel, out, output, |sums, x| add_terms::<A>(sums, weights, x));
                } else {
                    for out in out..outputs {
                        let weight = next();
                        add_tap::<CAPS, _>(job, tap, channel, out, output, |[sum], x| {
                            *sum = A::mul_add(x, weight, *sum);
                        });
                    }
                }
            }
        }
    }
}

/// Adds the terms of a tap and an input channel, by `add`, to the sums of `LANES` output channels from `out` on.
#[inline(never)]
fn add_tap<const CAPS: u32, const LANES: usize>(
    job: &Forward<'_>,
    tap: usize,
    channel: usize,
    out: usize,
    output: &mut [f32],
    add: impl Fn(&mut [f32; LANES], f32),
) {
    let (inputs, outputs) = (job.geometry.in_channels, job.geometry.out_channels);
    each_run(job.geometry.known::<CAPS>(), tap, |pixel, position, len| {
        let pixels = range(job.input, pixel * inputs, len * inputs).chunks_exact(inputs.max(1));
        let blocks = range_mut(output, position * outputs, len * outputs).chunks_exact_mut(outputs.max(1));
        for (pixel, block) in pixels.zip(blocks) {
            let sums = block.get_mut(out..).and_then(|block| block.first_chunk_mut());
            let (Some(x), Some(sums)) = (pixel.get(channel), sums) else { break };
            if !skips(*x) {
                add(sums, *x);
            }
        }
    });
}

/// hᵀG of a layer that shares its weights and has at least four output channels, into `sums`.
#[inline(never)]
pub(super) fn weight_gradient<const CAPS: u32>(job: &WeightGradient<'_>, sums: &mut [f32]) {
    let (inputs, outputs) = (job.geometry.in_channels, job.geometry.out_channels);
    for tap in 0..job.geometry.taps() {
        for out in (0..outputs).step_by(DOT_ROWS) {
            // The last four overlap the ones before if the number of channels is not a multiple of four.
            let out = out.min(outputs.saturating_sub(DOT_ROWS));
            for channel in 0..inputs {
                let gradients = tap_gradients::<CAPS>(job, tap, channel, out);
                let sums = sums.get_mut((tap * outputs + out) * inputs + channel..).unwrap_or_default();
                sums.iter_mut().step_by(inputs.max(1)).zip(gradients).for_each(|(sum, gradient)| *sum = gradient);
            }
        }
    }
}

/// The gradients of the weights of a tap and an input channel for four output channels.
#[inline(never)]
fn tap_gradients<const CAPS: u32>(job: &WeightGradient<'_>, tap: usize, channel: usize, out: usize) -> [f32; DOT_ROWS] {
    let (inputs, outputs) = (job.geometry.in_channels, job.geometry.out_channels);
    let mut sums = [0.0; DOT_ROWS];
    each_run(job.geometry.known::<CAPS>(), tap, |pixel, position, len| {
        let pixels = range(job.input, pixel * inputs, len * inputs).chunks_exact(inputs.max(1));
        let blocks = range(job.grad_output, position * outputs, len * outputs).chunks_exact(outputs.max(1));
        for (pixel, block) in pixels.zip(blocks) {
            let g = block.get(out..).and_then(|block| block.first_chunk());
            let (Some(x), Some(g)) = (pixel.get(channel), g) else { break };
            if !skips(*x) {
                // The gradient of one position is a rounded product in every numeric mode.
                add_terms::<Portable>(&mut sums, *g, *x);
            }
        }
    });
    sums
}

/// Calls `visit` with the first pixel, the first position and the length of each run of output positions at which a tap reads
/// neighbouring pixels inside the image: whole rows, or single positions if there is a stride.
#[inline(always)]
fn each_run(geometry: Geometry, tap: usize, mut visit: impl FnMut(usize, usize, usize)) {
    let Geometry { rows, cols, .. } = geometry;
    let (tap_row, tap_col) = (tap / cols.taps.max(1), tap % cols.taps.max(1));
    let valid_cols = cols.valid_positions(tap_col);
    if valid_cols.is_empty() {
        return;
    }
    let (runs, len) = if cols.stride == 1 { (1, valid_cols.len()) } else { (valid_cols.len(), 1) };
    let valid_rows = rows.valid_positions(tap_row);
    let mut pixel =
        rows.source::<false>(valid_rows.start, tap_row) * cols.input + cols.source::<false>(valid_cols.start, tap_col);
    let mut position = valid_rows.start * cols.output + valid_cols.start;
    for _ in valid_rows {
        for run in 0..runs {
            visit(pixel + run * cols.stride, position + run, len);
        }
        pixel += rows.stride * cols.input;
        position += cols.output;
    }
}
