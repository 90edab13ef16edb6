//! The kernel of a convolution and its two axes: sizes, taps, and the pixels that they read.

use core::fmt;
use core::ops::Range;

use super::shape::{self, Shape, side};
use crate::capabilities;

/// The zeros around the input of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Padding {
    /// So many zeros that a stride of 1 keeps the image's size: along an axis with k taps ⌊(k − 1) / 2⌋ before the first pixel
    /// and ⌊k / 2⌋ after the last.
    ///
    /// A stride of s keeps every s-th row and column of that result from the first on, so that n pixels give ⌈n / s⌉ positions.
    /// For odd sides this is `Conv2d(padding=k // 2, stride=s)` of PyTorch, for even sides and a stride of 1
    /// `Conv2d(padding="same")`; PyTorch has no name for even sides with a larger stride.
    Same,
    /// No zeros: the kernel stays inside the image, and n pixels give ⌊(n − k) / s⌋ + 1 positions.
    Valid,
}

impl Padding {
    /// The notation after the sizes of a convolution: nothing or `.valid`.
    pub const fn notation(&self) -> &'static str {
        match self {
            Self::Same => "",
            Self::Valid => ".valid",
        }
    }
}

/// The sides, the stride and the padding of a convolution's kernel.
///
/// ```
/// use asymgrad_core::{Kernel, Padding};
/// const KERNEL: Kernel = Kernel::new(1, 5).with_stride(2).with_padding(Padding::Valid);
/// assert_eq!((KERNEL.rows(), KERNEL.cols(), KERNEL.stride()), (1, 5, 2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Kernel {
    // Narrow, so that a layer in flash is no larger than one with two sizes.
    rows: u16,
    cols: u16,
    stride: u8,
    padding: Padding,
}

impl Kernel {
    /// A kernel of `rows` × `cols` with a stride of 1 and padding [`Padding::Same`].
    ///
    /// A network takes sides from 1 to [`Kernel::LONGEST_SIDE`], see [`Problem::Kernel`](super::Problem::Kernel).
    pub const fn new(rows: usize, cols: usize) -> Self {
        Self { rows: side(rows), cols: side(cols), stride: 1, padding: Padding::Same }
    }

    /// A kernel of `side` × `side`.
    pub const fn square(side: usize) -> Self {
        Self::new(side, side)
    }

    /// The same kernel with another stride, from 1 to [`Kernel::LONGEST_STRIDE`], along both axes.
    #[must_use]
    pub const fn with_stride(mut self, stride: usize) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "it fits")]
        let stride = if stride < u8::MAX as usize { stride as u8 } else { u8::MAX };
        self.stride = stride;
        self
    }

    /// The same kernel with another padding.
    #[must_use]
    pub const fn with_padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// The longest side that a network takes. Longer ones are stored as one more.
    pub const LONGEST_SIDE: usize = shape::LONGEST_SIDE;

    /// The longest stride that a network takes. Longer ones are stored as one more.
    pub const LONGEST_STRIDE: usize = u8::MAX as usize - 1;

    /// Rows.
    pub const fn rows(&self) -> usize {
        self.rows as usize
    }

    /// Columns.
    pub const fn cols(&self) -> usize {
        self.cols as usize
    }

    /// Pixels from one position to the next, along both axes.
    pub const fn stride(&self) -> usize {
        self.stride as usize
    }

    /// The zeros around the image.
    pub const fn padding(&self) -> Padding {
        self.padding
    }

    pub(super) const fn capability(self) -> u32 {
        if self.stride == 1 { 0 } else { capabilities::STRIDE }
    }

    /// Rows × columns, saturating.
    pub const fn taps(&self) -> usize {
        self.rows().saturating_mul(self.cols())
    }

    /// The axes of a convolution over an image: rows and columns.
    pub const fn axes(&self, input: Shape) -> (Axis, Axis) {
        (
            Axis::new(input.rows(), self.rows(), self.stride(), self.padding),
            Axis::new(input.cols(), self.cols(), self.stride(), self.padding),
        )
    }

    /// Whether the sides and the stride are sizes that a network takes.
    pub(super) const fn is_valid(self) -> bool {
        // Wrapping, 0 becomes the largest number, which stands for everything beyond the longest.
        self.rows.wrapping_sub(1) < u16::MAX - 1
            && self.cols.wrapping_sub(1) < u16::MAX - 1
            && self.stride.wrapping_sub(1) < u8::MAX - 1
    }

    /// Whether the kernel with its padding is no larger than an image.
    pub(super) const fn fits(self, image: Shape) -> bool {
        matches!(self.padding, Padding::Same) || self.rows() <= image.rows() && self.cols() <= image.cols()
    }

    /// Shape of the output of `filters` filters over an image.
    pub(super) const fn output(self, input: Shape, filters: usize) -> Shape {
        let (rows, cols) = self.axes(input);
        Shape::image(filters, rows.output, cols.output)
    }
}

/// As `5x5`, without stride and padding.
impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.rows, self.cols)
    }
}

/// One axis, rows or columns, of a convolution: position o reads with tap t the pixel o · stride + t − padding.
///
/// *Forward* goes from the pixels to a position, *backward* from the positions to a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    /// Pixels of the input.
    pub input: usize,
    /// Positions of the output.
    pub output: usize,
    /// Taps of the kernel.
    pub taps: usize,
    /// Pixels from one position to the next.
    pub stride: usize,
    /// Zeros before the first pixel.
    pub padding: usize,
}

impl Axis {
    /// The axis of a dense layer: one pixel, one tap.
    pub const ONE: Self = Self { input: 1, output: 1, taps: 1, stride: 1, padding: 0 };

    /// An axis of `input` pixels and `taps` taps. Without padding the taps have to fit the pixels.
    pub const fn new(input: usize, taps: usize, stride: usize, padding: Padding) -> Self {
        let (padding, last) = match padding {
            Padding::Same => (taps.saturating_sub(1) / 2, input.saturating_sub(1)),
            Padding::Valid => (0, input.saturating_sub(taps)),
        };
        let stride = if stride == 0 { 1 } else { stride };
        Self { input, output: last / stride + 1, taps, stride, padding }
    }

    /// Whether there is one pixel, one position and one tap.
    pub(crate) const fn is_single(&self) -> bool {
        self.input == 1 && self.output == 1 && self.taps == 1
    }

    /// Rows and columns; columns and rows, which have the same layout, if the rows are a single one.
    pub(crate) const fn long_first(rows: Self, cols: Self) -> (Self, Self) {
        if rows.is_single() { (cols, rows) } else { (rows, cols) }
    }

    /// Taps that read one pixel, at most.
    pub(crate) const fn taps_of_pixel(&self) -> usize {
        self.taps.div_ceil(if self.stride == 0 { 1 } else { self.stride })
    }

    /// The axis of some taps at some positions, and the pixels that they read.
    pub(crate) fn of_positions(&self, taps: &Range<usize>, positions: &Range<usize>) -> (Self, Range<usize>) {
        let from = positions.start * self.stride + taps.start;
        let end = (positions.end.saturating_sub(1) * self.stride + taps.end).saturating_sub(self.padding);
        let start = from.saturating_sub(self.padding).min(self.input);
        let pixels = start..end.clamp(start, self.input);
        let padding = self.padding.saturating_sub(from);
        (Self { input: pixels.len(), output: positions.len(), taps: taps.len(), padding, ..*self }, pixels)
    }

    /// The axis of some pixels, and the positions that read them, at least one.
    pub(crate) fn of_pixels(&self, pixels: &Range<usize>) -> (Self, Range<usize>) {
        // The tap by which position 0 would read the first pixel, and the last.
        let (first, last) = (pixels.start + self.padding, pixels.end.saturating_sub(1) + self.padding);
        let start = (first + 1).saturating_sub(self.taps).div_ceil(self.stride.max(1));
        let start = start.min(self.in_strides(first)).min(self.output.saturating_sub(1));
        let positions = start..self.output.min(self.in_strides(last) + 1).max(start + 1);
        let padding = first - start * self.stride;
        (Self { input: pixels.len(), output: positions.len(), padding, ..*self }, positions)
    }

    /// The taps that stay inside the image, seen from the coordinate `at`: of a position forward, of a pixel backward.
    ///
    /// Backward, with a stride, these are the taps by which a position reads the pixel; a pixel between kernels has none.
    #[inline(always)]
    pub(crate) fn valid_taps<const BACKWARD: bool>(&self, at: usize) -> Taps {
        if BACKWARD {
            // The tap by which position 0 would read the pixel; position o reads it by the tap o · stride before.
            let first = at + self.padding;
            let most = self.output.saturating_sub(1).min(self.in_strides(first));
            Taps { start: first - most * self.stride, end: self.taps.min(first + 1), step: self.stride.max(1) }
        } else {
            let from = at * self.stride;
            let start = self.padding.saturating_sub(from);
            Taps { start, end: self.taps.min((self.input + self.padding).saturating_sub(from)), step: 1 }
        }
    }

    /// The positions at which `tap` reads a pixel inside the image.
    #[inline(always)]
    pub(crate) fn valid_positions(&self, tap: usize) -> Range<usize> {
        let round_up = self.stride.saturating_sub(1);
        let start = self.in_strides(self.padding.saturating_sub(tap) + round_up);
        let end = self.in_strides((self.input + self.padding).saturating_sub(tap) + round_up);
        start..self.output.min(end)
    }

    /// Pairs of a position and a tap that stays inside the image.
    pub(crate) const fn pairs(&self) -> usize {
        let (mut position, mut sum) = (0, 0);
        while position < self.output {
            let from = position.saturating_mul(self.stride);
            let first = self.padding.saturating_sub(from);
            let end = self.input.saturating_add(self.padding).saturating_sub(from);
            sum += (if end < self.taps { end } else { self.taps }).saturating_sub(first);
            position += 1;
        }
        sum
    }

    /// The coordinate that a valid tap reads in the source: a pixel forward, a position backward.
    #[inline(always)]
    pub(crate) fn source<const BACKWARD: bool>(&self, at: usize, tap: usize) -> usize {
        if BACKWARD {
            self.in_strides((at + self.padding).wrapping_sub(tap))
        } else {
            (at * self.stride + tap).wrapping_sub(self.padding)
        }
    }

    /// `length` / stride, rounded down. A division takes longer than the test for a stride of 1.
    #[inline(always)]
    fn in_strides(&self, length: usize) -> usize {
        if self.stride <= 1 { length } else { length / self.stride }
    }
}

/// Taps along an axis: `start`, `start + step` and so on, below `end`.
#[derive(Clone, Debug)]
pub(crate) struct Taps {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) step: usize,
}

impl Taps {
    /// A single tap.
    pub(crate) const ONE: Self = Self { start: 0, end: 1, step: 1 };

    /// All `count` taps of an axis.
    pub(crate) const fn all(count: usize) -> Self {
        Self { start: 0, end: count, step: 1 }
    }

    /// Whether there is no tap.
    pub(crate) const fn is_empty(&self) -> bool {
        self.start >= self.end
    }
}

impl Iterator for Taps {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let tap = self.start;
        if tap >= self.end {
            return None;
        }
        self.start += self.step;
        Some(tap)
    }
}
