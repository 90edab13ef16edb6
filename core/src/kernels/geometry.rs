//! The geometry of a layer with weights: sizes, taps and the pixels that they read.
//!
//! Dense layers, convolutions and untied convolutions are one indirect matrix product. An output column, one channel of one position for
//! all samples, is the sum of input columns times weights; the three differ only in which input columns a row of weights
//! reads. A dense layer is a 1 × 1 image with a 1 × 1 kernel. Convolutions have stride 1 and padding k / 2, so that input and
//! output have the same rows and columns.

use core::ops::Range;

use crate::network::{Operation, Shape};
use crate::plan::LayerPlan;

/// The geometry of a layer with weights.
///
/// Weights lie as `[row, col, tap, out, in]`, row and column only if untied; activations as `[row, col, channel]`, each
/// value a column of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Rows of the input, and of the output.
    pub rows: usize,
    /// Columns of the input, and of the output.
    pub cols: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Side of the square kernel, odd.
    pub kernel: usize,
    /// Whether each position has weights of its own.
    pub untied: bool,
}

impl Geometry {
    /// A dense layer.
    pub const fn dense(inputs: usize, outputs: usize) -> Self {
        Self { rows: 1, cols: 1, in_channels: inputs, out_channels: outputs, kernel: 1, untied: false }
    }

    /// A convolution whose positions share `filters` filters of `kernel` × `kernel`.
    pub const fn convolution(input: Shape, filters: usize, kernel: usize) -> Self {
        Self {
            rows: input.rows(),
            cols: input.cols(),
            in_channels: input.channels(),
            out_channels: filters,
            kernel,
            untied: false,
        }
    }

    /// An untied convolution: `filters` filters of `kernel` × `kernel` for each position.
    pub const fn untied(input: Shape, filters: usize, kernel: usize) -> Self {
        Self { untied: true, ..Self::convolution(input, filters, kernel) }
    }

    /// The geometry of a layer with weights; `None` for pooling.
    #[inline]
    pub(crate) const fn of(plan: &LayerPlan<'_>) -> Option<Self> {
        match plan.layer.operation {
            Operation::Dense { outputs } => Some(Self::dense(plan.input.features(), outputs)),
            Operation::Convolution { kernel, filters } => Some(Self::convolution(plan.input, filters, kernel)),
            Operation::Untied { kernel, filters } => Some(Self::untied(plan.input, filters, kernel)),
            Operation::MaxPool { .. } | Operation::AveragePool { .. } => None,
        }
    }

    /// The geometry of a layer's input gradient under a direct rule, from the classes to the inputs.
    pub(crate) const fn direct(plan: &LayerPlan<'_>) -> Self {
        Self::dense(plan.input.features(), plan.classes)
    }

    /// Number of positions of the image.
    pub const fn positions(&self) -> usize {
        self.rows * self.cols
    }

    /// Number of taps of the kernel.
    pub const fn taps(&self) -> usize {
        self.kernel * self.kernel
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

    /// Whether the kernel is 1 × 1 on one position: a dense layer.
    pub const fn is_dense(&self) -> bool {
        self.positions() == 1 && self.kernel == 1
    }

    /// k and m of the data pass: the channels that it sums over, and the channels of its result.
    #[inline(always)]
    pub const fn channels<const BACKWARD: bool>(&self) -> (usize, usize) {
        if BACKWARD { (self.out_channels, self.in_channels) } else { (self.in_channels, self.out_channels) }
    }

    /// Index of the first weight row of a tap at an output position.
    pub(super) fn weight_row(&self, position: usize, tap_row: usize, tap_col: usize) -> usize {
        let position = if self.untied { position * self.taps() } else { 0 };
        (position + tap_row * self.kernel + tap_col) * self.out_channels
    }

    /// The taps along an axis of `size` that stay inside the image, seen from the coordinate `at`: of an output position
    /// forward, of an input pixel backward.
    #[inline(always)]
    pub(super) fn valid_taps<const BACKWARD: bool>(&self, at: usize, size: usize) -> Range<usize> {
        let pad = self.kernel / 2;
        if BACKWARD {
            (at + pad + 1).saturating_sub(size)..self.kernel.min(at + pad + 1)
        } else {
            pad.saturating_sub(at)..self.kernel.min((size + pad).saturating_sub(at))
        }
    }

    /// The output positions along an axis of `size` at which `tap` reads a pixel inside the image.
    #[inline(always)]
    pub(super) fn valid_positions(&self, tap: usize, size: usize) -> Range<usize> {
        let pad = self.kernel / 2;
        pad.saturating_sub(tap)..size.min((size + pad).saturating_sub(tap))
    }

    /// The coordinate that a valid tap reads in the source: at + tap − k/2 forward, at − tap + k/2 backward.
    #[inline(always)]
    pub(super) fn source_coordinate<const BACKWARD: bool>(&self, at: usize, tap: usize) -> usize {
        let pad = self.kernel / 2;
        if BACKWARD { (at + pad).wrapping_sub(tap) } else { (at + tap).wrapping_sub(pad) }
    }

    /// The position that a valid tap reads in the source.
    #[inline(always)]
    pub(super) fn source_position<const BACKWARD: bool>(
        &self,
        position: usize,
        tap_row: usize,
        tap_col: usize,
    ) -> usize {
        let cols = self.cols.max(1);
        self.source_coordinate::<BACKWARD>(position / cols, tap_row) * cols
            + self.source_coordinate::<BACKWARD>(position % cols, tap_col)
    }
}
