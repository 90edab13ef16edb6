//! Max and average pooling over windows that are clipped at the bottom and the right edge.
//!
//! The channels of a pixel and the samples of a channel are contiguous, so pooling is elementwise over whole pixels.

use core::ops::Range;

use crate::network::Activation;
use crate::network::shape::windows;
use crate::slices::tail;

/// Values of a pixel that are compared at a time to find the largest of a window.
const CHUNK: usize = 128;

/// The geometry of a pooling layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolGeometry {
    /// Rows of the input image.
    pub rows: usize,
    /// Columns of the input image.
    pub cols: usize,
    /// Values of a pixel: channels × samples.
    pub pixel: usize,
    /// Side of the window.
    pub size: usize,
    /// Step between windows.
    pub stride: usize,
    /// Whether to take the mean instead of the largest value.
    pub average: bool,
}

impl PoolGeometry {
    /// Rows of the output image.
    pub fn output_rows(&self) -> usize {
        windows(self.rows, self.size, self.stride)
    }

    /// Columns of the output image.
    pub fn output_cols(&self) -> usize {
        windows(self.cols, self.size, self.stride)
    }

    /// The pixels of one window in row order.
    fn window(&self, row: usize, col: usize) -> impl Iterator<Item = usize> + Clone {
        let (top, left, cols) = (row * self.stride, col * self.stride, self.cols);
        let (bottom, right) = (self.rows.min(top + self.size), cols.min(left + self.size));
        (top..bottom).flat_map(move |r| (left..right).map(move |c| r * cols + c))
    }

    /// One over the elements of a window that lie inside the image.
    fn mean_factor(&self, row: usize, col: usize) -> f32 {
        1.0 / self.window(row, col).count() as f32
    }

    /// The first row or column of windows that holds a row or column of the image.
    fn first_window(&self, at: usize) -> usize {
        let stride = self.stride.max(1);
        at.saturating_add(stride).saturating_sub(self.size) / stride
    }

    /// Whether a window is the first in order that contains a pixel, so that it initialises the pixel's gradient. To fill all
    /// pixels with zeros beforehand would write memory twice.
    fn is_first_window(&self, row: usize, col: usize, index: usize) -> bool {
        let cols = self.cols.max(1);
        row == self.first_window(index / cols) && col == self.first_window(index % cols)
    }

    fn pixel<'a>(&self, image: &'a [f32], index: usize) -> &'a [f32] {
        image.get(index * self.pixel..(index + 1) * self.pixel).unwrap_or(&[])
    }

    /// Computes the output rows `rows`.
    #[inline(always)]
    pub fn forward(&self, rows: Range<usize>, input: &[f32], output: &mut [f32]) {
        let cols = self.output_cols();
        for (index, out) in output.chunks_exact_mut(self.pixel.max(1)).enumerate() {
            let (row, col) = (rows.start + index / cols.max(1), index % cols.max(1));
            let mut window = self.window(row, col);
            let first = window.next().unwrap_or(0);
            out.iter_mut().zip(self.pixel(input, first)).for_each(|(o, x)| *o = *x);
            for index in window {
                let pixel = self.pixel(input, index);
                if self.average {
                    out.iter_mut().zip(pixel).for_each(|(o, x)| *o += *x);
                } else {
                    // NaN propagates; `f32::max` would drop it.
                    for (o, x) in out.iter_mut().zip(pixel) {
                        *o = if *x > *o || x.is_nan() { *x } else { *o };
                    }
                }
            }
            if self.average {
                let factor = self.mean_factor(row, col);
                for o in out.iter_mut() {
                    *o *= factor;
                }
            }
        }
    }

    /// Computes the rows `rows` of dL/dh from G. `before` is the activation whose output `input` is: where a ReLU was off, the
    /// result is 0.
    #[inline(always)]
    pub fn backward(
        &self,
        rows: Range<usize>,
        input: &[f32],
        grad_output: &[f32],
        before: Option<Activation>,
        output: &mut [f32],
    ) {
        let relu = before == Some(Activation::Relu);
        if self.stride > self.size {
            output.fill(0.0);
        }
        let last = self.output_rows().min(rows.end.div_ceil(self.stride.max(1)));
        let inside = rows.start * self.cols..rows.end * self.cols;
        for row in self.first_window(rows.start)..last {
            for col in 0..self.output_cols() {
                let gradient = self.pixel(grad_output, row * self.output_cols() + col);
                if self.average {
                    let factor = self.mean_factor(row, col);
                    for index in self.window(row, col).filter(|index| inside.contains(index)) {
                        let at = (index - inside.start) * self.pixel;
                        let pixel = output.get_mut(at..at + self.pixel).unwrap_or(&mut []);
                        if self.is_first_window(row, col, index) {
                            pixel.iter_mut().zip(gradient).for_each(|(d, g)| *d = 0.0 + *g * factor);
                        } else {
                            pixel.iter_mut().zip(gradient).for_each(|(d, g)| *d += *g * factor);
                        }
                    }
                } else {
                    self.add_to_largest(row, col, &inside, input, gradient, relu, output);
                }
            }
        }
        if relu && self.average {
            let start = inside.start * self.pixel;
            let mask = tail(input, start);
            output.iter_mut().zip(mask).for_each(|(d, h)| *d = if *h <= 0.0 { 0.0 } else { *d });
        }
    }

    /// Adds one window's gradient to the first largest element of each channel and sample; masked if that is not above 0.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "one window of `backward`")]
    fn add_to_largest(
        &self,
        row: usize,
        col: usize,
        inside: &Range<usize>,
        input: &[f32],
        gradient: &[f32],
        relu: bool,
        output: &mut [f32],
    ) {
        for (block, gradient) in gradient.chunks(CHUNK).enumerate() {
            let lanes = block * CHUNK..block * CHUNK + gradient.len();
            let (mut best, mut largest) = ([0.0; CHUNK], [0; CHUNK]);
            for (tap, index) in (0..).zip(self.window(row, col)) {
                let pixel = self.pixel(input, index).get(lanes.clone()).unwrap_or(&[]);
                if tap == 0 {
                    best.iter_mut().zip(pixel).for_each(|(best, x)| *best = *x);
                } else {
                    update_largest(&mut best, &mut largest, pixel, tap);
                }
            }
            let mut signal = best;
            for (signal, g) in signal.iter_mut().zip(gradient) {
                *signal = if relu && *signal <= 0.0 { 0.0 } else { *g };
            }
            for (tap, index) in (0..).zip(self.window(row, col)).filter(|(_, index)| inside.contains(index)) {
                let at = (index - inside.start) * self.pixel;
                let pixel = output.get_mut(at + lanes.start..at + lanes.end).unwrap_or(&mut []);
                if self.is_first_window(row, col, index) {
                    for ((d, g), largest) in pixel.iter_mut().zip(&signal).zip(&largest) {
                        *d = 0.0 + if *largest == tap { *g } else { 0.0 };
                    }
                } else {
                    for ((d, g), largest) in pixel.iter_mut().zip(&signal).zip(&largest) {
                        *d += if *largest == tap { *g } else { 0.0 };
                    }
                }
            }
        }
    }
}

/// Replaces the maximum where a later element of the window is larger, or the first NaN.
#[inline(always)]
fn update_largest(best: &mut [f32; CHUNK], largest: &mut [u32; CHUNK], pixel: &[f32], tap: u32) {
    for ((best, largest), x) in best.iter_mut().zip(largest).zip(pixel) {
        let wins = (*x > *best) | (x.is_nan() & !best.is_nan());
        *best = if wins { *x } else { *best };
        *largest = if wins { tap } else { *largest };
    }
}
