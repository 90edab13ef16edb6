//! Pooling on a device, one value at a time; the bits are those of `pooling.rs`.

use super::pooling::PoolGeometry;
use crate::network::Activation;
use crate::slices::tail_mut;

/// The values of one channel and sample in a window.
#[derive(Clone, Copy)]
struct Window {
    /// Index of the first.
    start: usize,
    rows: usize,
    cols: usize,
}

impl Window {
    fn len(&self) -> usize {
        self.rows * self.cols
    }
}

/// Calls `visit` with each window and the index of its output, channel by channel and sample by sample.
#[inline(always)]
fn each_window(pool: &PoolGeometry, mut visit: impl FnMut(Window, usize)) {
    let (stride, mut output) = (pool.stride.max(1), 0);
    for top in (0..pool.rows).step_by(stride).take(pool.output_rows()) {
        for left in (0..pool.cols).step_by(stride).take(pool.output_cols()) {
            let (rows, cols) = (pool.size.min(pool.rows - top), pool.size.min(pool.cols - left));
            let first = (top * pool.cols + left) * pool.pixel;
            for start in first..first + pool.pixel {
                visit(Window { start, rows, cols }, output);
                output += 1;
            }
        }
    }
}

/// Calls `visit` with the index of each value of a window.
#[inline(always)]
fn each_value(pool: &PoolGeometry, window: Window, mut visit: impl FnMut(usize)) {
    let mut start = window.start;
    for _ in 0..window.rows {
        let mut at = start;
        for _ in 0..window.cols {
            visit(at);
            at += pool.pixel;
        }
        start += pool.cols * pool.pixel;
    }
}

/// The largest value of a window, the first NaN if there is one, and its index.
#[inline(always)]
fn largest(pool: &PoolGeometry, window: Window, input: &[f32]) -> (f32, usize) {
    let (mut best, mut index) = (input.get(window.start).copied().unwrap_or(0.0), window.start);
    each_value(pool, window, |at| {
        let x = input.get(at).copied().unwrap_or(0.0);
        if x > best || x.is_nan() && !best.is_nan() {
            (best, index) = (x, at);
        }
    });
    (best, index)
}

/// The largest value or the mean of each window.
pub(super) fn forward(pool: &PoolGeometry, input: &[f32], output: &mut [f32]) {
    each_window(pool, |window, index| {
        let value = if pool.average {
            // −0 is the neutral element: the sum begins with the first value.
            let mut sum = -0.0;
            each_value(pool, window, |at| sum += input.get(at).copied().unwrap_or(0.0));
            sum * (1.0 / window.len() as f32)
        } else {
            largest(pool, window, input).0
        };
        if let Some(output) = output.get_mut(index) {
            *output = value;
        }
    });
}

/// dL/dh from G; see [`PoolGeometry::backward`]. The first `partial` values of `output` are partial sums to which this pass adds.
pub(super) fn backward(
    pool: &PoolGeometry,
    input: &[f32],
    grad_output: &[f32],
    before: Option<Activation>,
    partial: usize,
    output: &mut [f32],
) {
    let relu = before == Some(Activation::Relu);
    tail_mut(output, partial).fill(0.0);
    each_window(pool, |window, index| {
        let Some(g) = grad_output.get(index) else { return };
        if pool.average {
            let part = g * (1.0 / window.len() as f32);
            each_value(pool, window, |at| add(output, at, part));
        } else {
            let (best, at) = largest(pool, window, input);
            if !(relu && best <= 0.0) {
                add(output, at, *g);
            }
        }
    });
    if relu && pool.average {
        output.iter_mut().zip(input).for_each(|(d, h)| *d = if *h <= 0.0 { 0.0 } else { *d });
    }
}

#[inline(always)]
fn add(values: &mut [f32], at: usize, value: f32) {
    if let Some(to) = values.get_mut(at) {
        *to += value;
    }
}
