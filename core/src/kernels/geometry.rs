//! The geometry of a layer with weights: sizes, taps and the pixels that they read.
//!
//! Dense layers, convolutions and untied convolutions are one indirect matrix product. An output column, one channel of one position for
//! all samples, is the sum of input columns times weights; the three differ only in which input columns a row of weights
//! reads. A dense layer is a 1 × 1 image with a 1 × 1 kernel.
//!
//! Places of the input are *pixels*, places of the output *positions*. Forward, a tap leads from a position to the pixel that it reads;
//! backward, from a pixel to a position that reads it. What holds along one axis is in [`Axis`].

use crate::capabilities::{self, enabled};
use crate::network::kernel::Taps;
use crate::network::{Axis, Kernel, Operation, Shape};
use crate::plan::LayerPlan;

/// The geometry of a layer with weights.
///
/// Weights lie as `[row, col, tap, out, in]`, row and column of the output, and only if untied; activations as `[row, col,
/// channel]`, each value a column of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// The rows of input, output and kernel.
    pub rows: Axis,
    /// The columns of input, output and kernel.
    pub cols: Axis,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Whether each position has weights of its own.
    pub untied: bool,
}

impl Geometry {
    /// A dense layer.
    pub const fn dense(inputs: usize, outputs: usize) -> Self {
        Self { rows: Axis::ONE, cols: Axis::ONE, in_channels: inputs, out_channels: outputs, untied: false }
    }

    /// A convolution whose positions share `filters` filters.
    pub const fn convolution(input: Shape, filters: usize, kernel: Kernel) -> Self {
        let (rows, cols) = kernel.axes(input);
        Self { rows, cols, in_channels: input.channels(), out_channels: filters, untied: false }
    }

    /// An untied convolution: `filters` filters for each position.
    pub const fn untied(input: Shape, filters: usize, kernel: Kernel) -> Self {
        Self { untied: true, ..Self::convolution(input, filters, kernel) }
    }

    /// The geometry of a layer with weights; `None` for pooling, and for layers whose code is left out.
    #[inline]
    pub(crate) const fn of<const CAPS: u32>(plan: &LayerPlan<'_>) -> Option<Self> {
        match plan.layer.operation {
            Operation::Dense { outputs } if enabled::<CAPS>(capabilities::DENSE) => {
                Some(Self::dense(plan.input.features(), outputs))
            }
            Operation::Convolution { kernel, filters } if enabled::<CAPS>(capabilities::CONVOLUTION) => {
                Some(Self::convolution(plan.input, filters, kernel))
            }
            Operation::Untied { kernel, filters } if enabled::<CAPS>(capabilities::UNTIED) => {
                Some(Self::untied(plan.input, filters, kernel))
            }
            Operation::Dense { .. }
            | Operation::Convolution { .. }
            | Operation::Untied { .. }
            | Operation::MaxPool { .. }
            | Operation::AveragePool { .. }
            | Operation::GlobalAveragePool => None,
        }
    }

    /// The geometry of a layer's input gradient under a direct rule, from the classes to the inputs.
    pub(crate) const fn direct(plan: &LayerPlan<'_>) -> Self {
        Self::dense(plan.input.features(), plan.classes)
    }

    /// The geometry, specialised to the compiled-in capabilities: without convolutions there is one pixel and one tap.
    #[inline(always)]
    pub(super) fn known<const CAPS: u32>(mut self) -> Self {
        if !enabled::<CAPS>(capabilities::CONVOLUTION | capabilities::UNTIED) {
            return Self::dense(self.in_channels, self.out_channels);
        }
        if !enabled::<CAPS>(capabilities::STRIDE) {
            (self.rows.stride, self.cols.stride) = (1, 1);
        }
        self
    }

    /// Number of pixels, the places of the input.
    pub const fn pixels(&self) -> usize {
        self.rows.input * self.cols.input
    }

    /// Number of positions, the places of the output.
    pub const fn positions(&self) -> usize {
        self.rows.output * self.cols.output
    }

    /// Number of places of the data pass's result: positions forward, pixels backward.
    pub(super) const fn places<const BACKWARD: bool>(&self) -> usize {
        if BACKWARD { self.pixels() } else { self.positions() }
    }

    /// Number of taps of the kernel.
    pub const fn taps(&self) -> usize {
        self.rows.taps * self.cols.taps
    }

    /// Number of weight rows, each `in_channels` long: tap and output, and position if untied.
    pub const fn weight_rows(&self) -> usize {
        self.taps() * self.out_channels * if self.untied { self.positions() } else { 1 }
    }

    /// Number of weights.
    pub const fn weights(&self) -> usize {
        self.weight_rows() * self.in_channels
    }

    /// Whether several positions use the same weight, so that its gradient is a sum over positions.
    pub const fn shares_weights(&self) -> bool {
        !self.untied && self.positions() > 1
    }

    /// Whether the kernel is 1 × 1 on one pixel: a dense layer.
    pub const fn is_dense(&self) -> bool {
        self.pixels() == 1 && self.taps() == 1
    }

    /// k and m of the data pass: the channels that it sums over, and the channels of its result.
    #[inline(always)]
    pub const fn channels<const BACKWARD: bool>(&self) -> (usize, usize) {
        if BACKWARD { (self.out_channels, self.in_channels) } else { (self.in_channels, self.out_channels) }
    }

    /// Index of the first weight row of a tap at a position.
    pub(super) fn weight_row(&self, position: usize, tap_row: usize, tap_col: usize) -> usize {
        let position = if self.untied { position * self.taps() } else { 0 };
        (position + tap_row * self.cols.taps + tap_col) * self.out_channels
    }

    /// Row and column of a position forward, of a pixel backward.
    #[inline(always)]
    pub(super) fn coordinates<const BACKWARD: bool>(&self, place: usize) -> (usize, usize) {
        let cols = if BACKWARD { self.cols.input } else { self.cols.output }.max(1);
        (place / cols, place % cols)
    }

    /// The taps that stay inside the image, kernel rows and kernel columns, seen from a position forward, from a pixel backward.
    #[inline(always)]
    pub(super) fn valid_taps<const BACKWARD: bool>(&self, place: usize) -> (Taps, Taps) {
        let (row, col) = self.coordinates::<BACKWARD>(place);
        (self.rows.valid_taps::<BACKWARD>(row), self.cols.valid_taps::<BACKWARD>(col))
    }

    /// Where a valid tap leads: to a pixel forward, to a position backward.
    #[inline(always)]
    pub(super) fn source<const BACKWARD: bool>(&self, place: usize, tap_row: usize, tap_col: usize) -> usize {
        let (row, col) = self.coordinates::<BACKWARD>(place);
        let cols = if BACKWARD { self.cols.output } else { self.cols.input };
        self.rows.source::<BACKWARD>(row, tap_row) * cols + self.cols.source::<BACKWARD>(col, tap_col)
    }
}
