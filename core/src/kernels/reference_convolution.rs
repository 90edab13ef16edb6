//! Convolutions of one sample on a device, tap by tap: the terms of a tap and a channel for four other channels of all positions.
//!
//! Their weights, or the sums of their gradients, stay in registers, and no position repeats the bounds of its window.

use super::geometry::Geometry;
use super::jobs::{Forward, InputGradient, WeightGradient};
use super::reference_sums::{DOT_ROWS, add_terms, skips};
use crate::arithmetic::{Arithmetic, Portable};
use crate::capabilities::{self, enabled};
use crate::slices::{range, range_mut, tail, tail_mut};

/// y = h W + b.
#[inline(never)]
pub(super) fn forward<A: Arithmetic, const CAPS: u32>(job: &Forward<'_>, output: &mut [f32]) {
    let (geometry, inputs, outputs) = (&job.geometry, job.geometry.in_channels, job.geometry.out_channels);
    for block in output.chunks_exact_mut(outputs.max(1)) {
        block.iter_mut().zip(job.bias).for_each(|(y, bias)| *y = *bias);
    }
    for tap in 0..geometry.taps() {
        for channel in 0..inputs {
            let weights = tail(job.weight, tap * outputs * inputs + channel).iter().step_by(inputs.max(1)).copied();
            add_channel::<A, CAPS, false>(geometry, (tap, channel), job.input, weights, output);
        }
    }
}

/// dL/dh = G Bᵀ.
#[inline(never)]
pub(super) fn input_gradient<A: Arithmetic, const CAPS: u32>(job: &InputGradient<'_>, output: &mut [f32]) {
    let (geometry, inputs, outputs) = (&job.geometry, job.geometry.in_channels, job.geometry.out_channels);
    output.fill(0.0);
    for tap in 0..geometry.taps() {
        for channel in 0..outputs {
            let weights = range(job.weight, (tap * outputs + channel) * inputs, inputs).iter().copied();
            add_channel::<A, CAPS, true>(geometry, (tap, channel), job.grad_output, weights, output);
        }
    }
}

/// Adds the terms of a tap and a channel of the source to all channels of the target, four at a time, with a weight for each.
#[inline(always)]
fn add_channel<A: Arithmetic, const CAPS: u32, const BACKWARD: bool>(
    geometry: &Geometry,
    of: (usize, usize),
    source: &[f32],
    mut weights: impl Iterator<Item = f32>,
    target: &mut [f32],
) {
    let (_, channels) = geometry.channels::<BACKWARD>();
    let mut next = || weights.next().unwrap_or(0.0);
    for to in (0..channels).step_by(DOT_ROWS) {
        if channels - to >= DOT_ROWS {
            let weights = [next(), next(), next(), next()];
            let add = |sums: &mut _, x| add_terms::<A>(sums, weights, x);
            add_tap::<CAPS, BACKWARD, _>(geometry, of, source, to, target, add);
        } else {
            for to in to..channels {
                let weight = next();
                let add = |[sum]: &mut [f32; 1], x| *sum = A::mul_add(x, weight, *sum);
                add_tap::<CAPS, BACKWARD, _>(geometry, of, source, to, target, add);
            }
        }
    }
}

/// Adds the terms of a tap and a channel of the source, by `add`, to the sums of `LANES` channels of the target from `to` on.
#[inline(never)]
fn add_tap<const CAPS: u32, const BACKWARD: bool, const LANES: usize>(
    geometry: &Geometry,
    (tap, channel): (usize, usize),
    source: &[f32],
    to: usize,
    target: &mut [f32],
    add: impl Fn(&mut [f32; LANES], f32),
) {
    let (from_channels, to_channels) = geometry.channels::<BACKWARD>();
    let geometry = geometry.known::<CAPS>();
    let visit = |(value, block): (&[f32], &mut [f32])| {
        let sums = block.get_mut(to..).and_then(|block| block.first_chunk_mut());
        let (Some(x), Some(sums)) = (value.get(channel), sums) else { return };
        if !skips(*x) {
            add(sums, *x);
        }
    };
    each_row(geometry, tap, |pixel, position, len| {
        let (from, at) = if BACKWARD { (position, pixel) } else { (pixel, position) };
        let stride = geometry.cols.stride;
        if stride == 1 {
            let values = range(source, from * from_channels, len * from_channels).chunks_exact(from_channels.max(1));
            let blocks = range_mut(target, at * to_channels, len * to_channels).chunks_exact_mut(to_channels.max(1));
            values.zip(blocks).for_each(visit);
        } else {
            let (from_step, to_step) = if BACKWARD { (1, stride) } else { (stride, 1) };
            let values = tail(source, from * from_channels).chunks((from_channels * from_step).max(1));
            let blocks = tail_mut(target, at * to_channels).chunks_mut((to_channels * to_step).max(1));
            values.zip(blocks).take(len).for_each(visit);
        }
    });
}

/// hᵀG of a layer that shares its weights and has at least four output channels, into `sums`, or added to them.
#[inline(never)]
pub(super) fn weight_gradient<const CAPS: u32>(job: &WeightGradient<'_>, adds: bool, sums: &mut [f32]) {
    let (inputs, outputs) = (job.geometry.in_channels, job.geometry.out_channels);
    for tap in 0..job.geometry.taps() {
        for out in (0..outputs).step_by(DOT_ROWS) {
            // The last four overlap the ones before if the number of channels is not a multiple of four.
            let from = out.min(outputs.saturating_sub(DOT_ROWS));
            for channel in 0..inputs {
                let sums = sums.get_mut((tap * outputs + from) * inputs + channel..).unwrap_or_default();
                let mut partial = [0.0; DOT_ROWS];
                if enabled::<CAPS>(capabilities::SLICES) && adds {
                    partial.iter_mut().zip(sums.iter().step_by(inputs.max(1))).for_each(|(to, sum)| *to = *sum);
                }
                let gradients = tap_gradients::<CAPS>(job, tap, channel, from, partial);
                let repeated = if enabled::<CAPS>(capabilities::SLICES) { out - from } else { 0 };
                let sums = sums.iter_mut().step_by(inputs.max(1));
                sums.zip(gradients).skip(repeated).for_each(|(sum, gradient)| *sum = gradient);
            }
        }
    }
}

/// The gradients of the weights of a tap and an input channel for four output channels, added to their partial sums in a slice.
#[inline(never)]
fn tap_gradients<const CAPS: u32>(
    job: &WeightGradient<'_>,
    tap: usize,
    channel: usize,
    out: usize,
    partial: [f32; DOT_ROWS],
) -> [f32; DOT_ROWS] {
    let (inputs, outputs) = (job.geometry.in_channels, job.geometry.out_channels);
    let mut sums = if enabled::<CAPS>(capabilities::SLICES) { partial } else { [0.0; DOT_ROWS] };
    let geometry = job.geometry.known::<CAPS>();
    let mut visit = |(pixel, block): (&[f32], &[f32])| {
        let g = block.get(out..).and_then(|block| block.first_chunk());
        let (Some(x), Some(g)) = (pixel.get(channel), g) else { return };
        if !skips(*x) {
            // The gradient of one position is a rounded product in every numeric mode.
            add_terms::<Portable>(&mut sums, *g, *x);
        }
    };
    each_row(geometry, tap, |pixel, position, len| {
        let blocks = range(job.grad_output, position * outputs, len * outputs).chunks_exact(outputs.max(1));
        if geometry.cols.stride == 1 {
            let pixels = range(job.input, pixel * inputs, len * inputs).chunks_exact(inputs.max(1));
            pixels.zip(blocks).for_each(&mut visit);
        } else {
            let pixels = tail(job.input, pixel * inputs).chunks((inputs * geometry.cols.stride).max(1));
            pixels.zip(blocks).for_each(&mut visit);
        }
    });
    sums
}

/// Calls `visit` for each row of positions at which a tap reads pixels inside the image: with the first pixel, the first position, and the
/// number of positions.
#[inline(always)]
fn each_row(geometry: Geometry, tap: usize, mut visit: impl FnMut(usize, usize, usize)) {
    let Geometry { rows, cols, .. } = geometry;
    let (tap_row, tap_col) = (tap / cols.taps.max(1), tap % cols.taps.max(1));
    let (valid_rows, valid_cols) = (rows.valid_positions(tap_row), cols.valid_positions(tap_col));
    if valid_cols.is_empty() {
        return;
    }
    let mut pixel =
        rows.source::<false>(valid_rows.start, tap_row) * cols.input + cols.source::<false>(valid_cols.start, tap_col);
    let mut position = valid_rows.start * cols.output + valid_cols.start;
    for _ in valid_rows {
        visit(pixel, position, valid_cols.len());
        pixel += rows.stride * cols.input;
        position += cols.output;
    }
}
