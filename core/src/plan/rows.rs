//! The rows into which [`Training::slice`](crate::Training::slice) cuts a pass over a layer, and the operations of one.
//!
//! `kernels/rows.rs` computes them. Convolutions and pooling are cut into rows of their images; an image of one row is first transposed,
//! so that its columns are rows.

use super::cursor::LayerPlan;
use crate::network::shape::windows;
use crate::network::{Axis, Operation};

/// The rows of a pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    pub(crate) count: usize,
    /// Operations of a row.
    pub(crate) operations: usize,
    /// A slice takes whole groups of so many rows, or lies within a group.
    pub(crate) group: usize,
}

impl Rows {
    const fn new(count: usize, operations: &[usize]) -> Self {
        Self { count, operations: product(operations), group: 1 }
    }

    /// The row after a slice of up to `most` operations from row `from` on, but of at least one row.
    pub(crate) const fn end(&self, from: usize, most: usize) -> usize {
        let (count, group) = (self.count, if self.group == 0 { 1 } else { self.group });
        let end = from.saturating_add(self.per_slice(most));
        let limit = if self.per_slice(most) < group { (from / group + 1).saturating_mul(group) } else { count };
        if end < limit { end } else { limit }
    }

    /// Rows of a slice of up to `most` operations.
    pub(crate) const fn per_slice(&self, most: usize) -> usize {
        let (group, row) =
            (if self.group == 0 { 1 } else { self.group }, if self.operations == 0 { 1 } else { self.operations });
        let rows = most / row;
        let rows = if rows < group { rows } else { rows / group * group };
        if rows == 0 {
            1
        } else if rows < self.count {
            rows
        } else {
            self.count
        }
    }
}

/// The product, saturating.
const fn product(mut factors: &[usize]) -> usize {
    let mut product = 1_usize;
    while let [factor, rest @ ..] = factors {
        product = product.saturating_mul(*factor);
        factors = rest;
    }
    product
}

/// Rows and columns of an image; of one with a single row, its columns and the row.
pub(crate) const fn long_side_first(rows: usize, cols: usize) -> (usize, usize) {
    if rows == 1 { (cols, rows) } else { (rows, cols) }
}

impl LayerPlan<'_> {
    /// Output channels of a layer with weights, its axes, and whether it shares its weights.
    const fn axes(&self) -> Option<(usize, Axis, Axis, bool)> {
        let (outputs, rows, cols, untied) = match self.layer.operation {
            Operation::Dense { outputs } => (outputs, Axis::ONE, Axis::ONE, true),
            Operation::Convolution { filters, kernel } => {
                let (rows, cols) = kernel.axes(self.input);
                (filters, rows, cols, false)
            }
            Operation::Untied { filters, kernel } => {
                let (rows, cols) = kernel.axes(self.input);
                (filters, rows, cols, true)
            }
            Operation::MaxPool { .. } | Operation::AveragePool { .. } | Operation::GlobalAveragePool => return None,
        };
        let (rows, cols) = Axis::long_first(rows, cols);
        Some((outputs, rows, cols, !untied && rows.output.saturating_mul(cols.output) > 1))
    }

    /// Channels of the input; all features of a dense layer's.
    const fn in_channels(&self) -> usize {
        if matches!(self.layer.operation, Operation::Dense { .. }) {
            self.input.features()
        } else {
            self.input.channels()
        }
    }

    /// Rows of windows.
    const fn pool_rows(&self, samples: usize) -> Rows {
        let (rows, cols) = long_side_first(self.input.rows(), self.input.cols());
        let (size, stride) = match self.layer.operation {
            Operation::MaxPool { size, stride } | Operation::AveragePool { size, stride } => (size, stride),
            _ => (if rows > cols { rows } else { cols }, usize::MAX),
        };
        let window = (if size < rows { size } else { rows }).saturating_mul(if size < cols { size } else { cols });
        Rows::new(windows(rows, size, stride), &[windows(cols, size, stride), self.input.channels(), samples, window])
    }

    /// Rows of the forward pass: outputs of a dense layer, else rows of the output image.
    pub(crate) const fn forward_rows(&self, samples: usize) -> Rows {
        let Some((outputs, rows, cols, _)) = self.axes() else { return self.pool_rows(samples) };
        if is_dense(rows, cols) {
            return Rows::new(outputs, &[self.in_channels(), samples]);
        }
        Rows::new(rows.output, &[cols.output, outputs, rows.taps, cols.taps, self.in_channels(), samples])
    }

    /// Rows of the input gradient: inputs of a dense layer and of a direct rule, rows of windows of a pooling layer, else rows of the input
    /// image.
    pub(crate) const fn input_gradient_rows(&self, samples: usize) -> Rows {
        let Some((outputs, rows, cols, _)) = self.axes() else { return self.pool_rows(samples) };
        if self.layer.feedback.is_direct() {
            return Rows::new(self.input.features(), &[self.classes, samples]);
        }
        if is_dense(rows, cols) {
            return Rows::new(self.in_channels(), &[outputs, samples]);
        }
        let (tap_rows, tap_cols) = (rows.taps_of_pixel(), cols.taps_of_pixel());
        Rows::new(rows.input, &[cols.input, self.in_channels(), tap_rows, tap_cols, outputs, samples])
    }

    /// Rows of the weight gradient: outputs of a dense layer, rows of positions of an untied convolution; of a convolution that shares its
    /// weights a group for each row of the kernel, with the rows of positions whose terms are added to its gradients.
    pub(crate) const fn weight_rows(&self, samples: usize) -> Rows {
        let Some((outputs, rows, cols, shares)) = self.axes() else { return Rows::new(0, &[]) };
        if !shares {
            return self.forward_rows(samples);
        }
        let row = [cols.output, outputs, cols.taps, self.in_channels(), samples];
        if cols.output == 1 {
            // A single position does not share its weights, so that its terms are not added to those of others.
            return Rows::new(rows.taps, &[rows.output, product(&row)]);
        }
        Rows { group: rows.output, ..Rows::new(rows.taps.saturating_mul(rows.output), &row) }
    }
}

/// Whether these are the axes of a dense layer, or of a convolution of one pixel and one tap.
const fn is_dense(rows: Axis, cols: Axis) -> bool {
    rows.input.saturating_mul(cols.input) == 1 && rows.taps.saturating_mul(cols.taps) == 1
}
