//! A pass over some rows of a layer: the operands of a slice of a step.
//!
//! `plan/rows.rs` says what the rows of each pass are. The operands of some rows are those of a smaller layer, so that the kernels need not
//! know of slices but for the exceptions that [`Kernels::SLICES`](super::Kernels::SLICES) names.

use core::ops::Range;

use super::geometry::Geometry;
use super::jobs::{Forward, InputGradient, WeightGradient};
use super::pooling::PoolGeometry;
use super::update::Update;
use crate::network::Axis;
use crate::plan::long_side_first;
use crate::slices::{range, range_mut};

/// The values of rows `rows`, each `len` long.
fn rows_of<'a>(values: &'a [f32], rows: &Range<usize>, len: usize) -> &'a [f32] {
    range(values, rows.start * len, rows.len() * len)
}

/// The values of rows `rows`, each `len` long, to be written.
fn rows_of_mut<'a>(values: &'a mut [f32], rows: &Range<usize>, len: usize) -> &'a mut [f32] {
    range_mut(values, rows.start * len, rows.len() * len)
}

impl Geometry {
    /// The axis along which slices cut a layer, and the other.
    fn long_first(&self) -> (Axis, Axis) {
        Axis::long_first(self.rows, self.cols)
    }

    /// The same layer with another axis along which slices cut it.
    fn with_long(self, axis: Axis) -> Self {
        if self.rows.is_single() { Self { cols: axis, ..self } } else { Self { rows: axis, ..self } }
    }

    /// Weights of a position, if they are its own.
    fn position_weights(&self) -> usize {
        self.taps() * self.out_channels * self.in_channels
    }
}

impl Forward<'_> {
    /// The pass over some rows, and their values of `output`.
    pub(crate) fn of_rows<'o>(&self, rows: &Range<usize>, output: &'o mut [f32]) -> (Self, &'o mut [f32]) {
        let (geometry, n, bias, (long, short)) = (self.geometry, self.samples, self.bias, self.geometry.long_first());
        let Geometry { in_channels, out_channels, untied, .. } = geometry;
        if geometry.is_dense() {
            let weight = rows_of(self.weight, rows, in_channels);
            let geometry = Geometry { out_channels: rows.len(), ..geometry };
            let part = Self { geometry, weight, bias: rows_of(bias, rows, 1), ..*self };
            return (part, rows_of_mut(output, rows, n));
        }
        let (axis, pixels) = long.of_positions(&(0..long.taps), rows);
        let row = short.output * out_channels;
        let (weight, bias) = if untied {
            (rows_of(self.weight, rows, short.output * geometry.position_weights()), rows_of(bias, rows, row))
        } else {
            (self.weight, bias)
        };
        let input = rows_of(self.input, &pixels, short.input * in_channels * n);
        (Self { geometry: geometry.with_long(axis), input, weight, bias, ..*self }, rows_of_mut(output, rows, row * n))
    }
}

/// Some rows of an input gradient.
pub(crate) struct InputGradientRows<'a> {
    pub(crate) job: InputGradient<'a>,
    /// Index of the job's first weight.
    pub(crate) first_weight: usize,
    /// Values of the result.
    pub(crate) values: Range<usize>,
}

impl<'a> InputGradient<'a> {
    /// The pass over some rows.
    pub(crate) fn of_rows(&self, rows: &Range<usize>) -> InputGradientRows<'a> {
        let (geometry, n, (long, short)) = (self.geometry, self.samples, self.geometry.long_first());
        let Geometry { in_channels, out_channels, untied, .. } = geometry;
        let len = if geometry.is_dense() { n } else { short.input * in_channels * n };
        let values = rows.start * len..rows.end * len;
        let mask = self.mask.map(|mask| rows_of(mask, &values, 1));
        // Feedback that is regenerated has no weights in memory.
        let weights_from = |first: usize| self.weight.get(first..).unwrap_or(&[]);
        if geometry.is_dense() {
            let job = Self { weight: weights_from(rows.start), mask, ..*self };
            return InputGradientRows { job, first_weight: rows.start, values };
        }
        let (axis, positions) = long.of_pixels(rows);
        let first_weight = if untied { positions.start * short.output * geometry.position_weights() } else { 0 };
        let grad_output = rows_of(self.grad_output, &positions, short.output * out_channels * n);
        let geometry = geometry.with_long(axis);
        let job = Self { geometry, grad_output, weight: weights_from(first_weight), mask, ..*self };
        InputGradientRows { job, first_weight, values }
    }
}

/// Some rows of a weight gradient.
pub(crate) struct WeightGradientRows<'a> {
    pub(crate) job: WeightGradient<'a>,
    pub(crate) weights: Range<usize>,
    /// Whether the terms of rows of positions before are in the sums.
    pub(crate) has_partial_sums: bool,
    /// Whether the terms of rows of positions after follow.
    pub(crate) continues: bool,
}

impl<'a> WeightGradient<'a> {
    /// The pass over some rows.
    pub(crate) fn of_rows(&self, rows: &Range<usize>) -> WeightGradientRows<'a> {
        let (geometry, n, (long, short)) = (self.geometry, self.samples, self.geometry.long_first());
        let Geometry { in_channels, out_channels, .. } = geometry;
        let whole = |job, len: usize| {
            let weights = rows.start * len..rows.end * len;
            WeightGradientRows { job, weights, has_partial_sums: false, continues: false }
        };
        if geometry.is_dense() {
            let grad_output = rows_of(self.grad_output, rows, n);
            let geometry = Geometry { out_channels: rows.len(), ..geometry };
            return whole(Self { geometry, grad_output, ..*self }, in_channels);
        }
        let job = |taps: &Range<usize>, positions: &Range<usize>| {
            let (axis, pixels) = long.of_positions(taps, positions);
            let input = rows_of(self.input, &pixels, short.input * in_channels * n);
            let grad_output = rows_of(self.grad_output, positions, short.output * out_channels * n);
            Self { geometry: geometry.with_long(axis), input, grad_output, ..*self }
        };
        if !geometry.shares_weights() {
            return whole(job(&(0..long.taps), rows), short.output * geometry.position_weights());
        }
        let (tap_weights, all) = (short.taps * out_channels * in_channels, 0..long.output);
        if short.output == 1 {
            return whole(job(rows, &all), tap_weights);
        }
        let tap = rows.start / all.end.max(1);
        if rows.len().is_multiple_of(all.end) {
            let taps = tap..rows.end / all.end.max(1);
            let weights = taps.start * tap_weights..taps.end * tap_weights;
            return WeightGradientRows { job: job(&taps, &all), weights, has_partial_sums: false, continues: false };
        }
        let positions = rows.start - tap * all.end..rows.end - tap * all.end;
        let (has_partial_sums, continues) = (positions.start > 0, positions.end < all.end);
        let weights = tap * tap_weights..(tap + 1) * tap_weights;
        WeightGradientRows { job: job(&(tap..tap + 1), &positions), weights, has_partial_sums, continues }
    }
}

impl Update<'_> {
    /// The update of some of the weights.
    pub(crate) fn of_weights(self, weights: &Range<usize>) -> Self {
        self.split(weights.end).0.split(weights.start).1
    }
}

/// Some rows of windows of a pooling layer, and the values that they read and write.
pub(crate) struct PoolRows {
    pub(crate) pool: PoolGeometry,
    pub(crate) input: Range<usize>,
    pub(crate) output: Range<usize>,
    /// How many of the first values that they read belong to windows before as well.
    pub(crate) partial: usize,
    /// The values that no window after reads.
    pub(crate) complete: Range<usize>,
}

impl PoolGeometry {
    /// Pooling of some rows of windows.
    pub(crate) fn of_rows(&self, windows: &Range<usize>) -> PoolRows {
        let (rows, cols) = long_side_first(self.rows, self.cols);
        let start = windows.start * self.stride;
        let end = (windows.end.saturating_sub(1) * self.stride + self.size).min(rows);
        let pool = Self { rows: end.saturating_sub(start), cols, ..*self };
        let (input, output) = (cols * self.pixel, pool.output_cols() * self.pixel);
        let overlap = if windows.start == 0 { 0 } else { self.size.saturating_sub(self.stride).min(pool.rows) };
        let next = if end < rows { windows.end * self.stride } else { end };
        PoolRows {
            pool,
            input: start * input..end * input,
            output: windows.start * output..windows.end * output,
            partial: overlap * input,
            complete: start * input..next * input,
        }
    }
}
