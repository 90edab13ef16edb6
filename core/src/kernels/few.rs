//! The weight gradient of few samples: each vector of it goes from its registers into the optimizer.
//!
//! The same sums in the same order as in `gradient.rs`. So few terms take less time than the weights' way from and to the
//! memory, which is the shortest where they are met as they lie.

use core::marker::PhantomData;
use core::ops::Range;
use core::slice::ChunksExact;

use super::gradient::{WeightGradient, strip};
use crate::arithmetic::Arithmetic;
use crate::optimizer::Update;

/// Samples above which register tiles, which read each column once for several outputs, are faster.
const FEW: usize = 4;

/// The same for untied weights, which tiles do not meet as they lie.
const FEW_UNTIED: usize = 16;

impl WeightGradient<'_> {
    /// Whether the optimizer's way to the memory decides how long the update takes.
    pub fn is_few(&self) -> bool {
        let few = if self.product.untied { FEW_UNTIED } else { FEW };
        self.samples <= few && !self.product.is_shared()
    }

    /// Numbers of scratch that [`WeightGradient::run_few`] takes: the strips of all pixels.
    pub fn few_scratch<const WIDTH: usize>(&self) -> usize {
        self.product.positions() * self.few_strip::<WIDTH>()
    }

    /// Numbers of a pixel's strip.
    fn few_strip<const WIDTH: usize>(&self) -> usize {
        self.product.inputs.next_multiple_of(WIDTH) * self.samples
    }

    /// [`WeightGradient::run`] without tiles, for samples that [are few](WeightGradient::is_few).
    #[inline(always)]
    pub fn run_few<A: Arithmetic, const KINDS: u32, const WIDTH: usize>(
        &self,
        rows: &Range<usize>,
        mut update: Update<'_>,
        scratch: &mut [f32],
    ) {
        let (product, n) = (self.product, self.samples);
        let (cols, inputs, outputs) = (product.cols.max(1), product.inputs, product.outputs);
        let pixel = self.few_strip::<WIDTH>();
        let pixels = self.pixels(rows);
        for (place, position) in scratch.chunks_exact_mut(pixel.max(1)).zip(0..).skip(pixels.start).take(pixels.len()) {
            let columns = self.input.get(position * inputs * n..).unwrap_or(&[]);
            strip::<A, WIDTH, 1>(columns, (inputs, n), n, place);
        }
        let strips = &*scratch;
        let per = (product.taps() * outputs).max(1);
        for position in rows.start / per..rows.end.div_ceil(per) {
            for tap_row in product.reach::<false>(position / cols, product.rows) {
                for tap_col in product.reach::<false>(position % cols, product.cols) {
                    let other = product.pixel::<false>(position, tap_row, tap_col);
                    let strip = strips.get(other * pixel..(other + 1) * pixel).unwrap_or(&[]);
                    let first = product.weight_row(position, tap_row, tap_col);
                    let (start, end) = (rows.start.max(first), rows.end.min(first + outputs));
                    let of = |row: usize| (position * outputs + row.saturating_sub(first)) * n;
                    let gradients = self.gradient.get(of(start)..of(end)).unwrap_or(&[]);
                    self.feed::<A, KINDS, WIDTH>((start - rows.start) * inputs, strip, gradients, &mut update);
                }
            }
        }
    }

    /// Updates the weights from `at` on, between the columns of one pixel and the outputs of some gradients.
    #[inline(always)]
    fn feed<A: Arithmetic, const KINDS: u32, const WIDTH: usize>(
        &self,
        at: usize,
        strip: &[f32],
        gradients: &[f32],
        update: &mut Update<'_>,
    ) {
        let (inputs, n) = (self.product.inputs, self.samples.max(1));
        let strip = strip.as_chunks().0;
        if inputs.is_multiple_of(WIDTH) {
            return update.feed::<A, KINDS, WIDTH>(at, Sums::<A, WIDTH>::new(strip, gradients, n));
        }
        let (whole, last) = strip.split_at_checked(inputs / WIDTH * n).unwrap_or((&[], &[]));
        for (row, gradients) in gradients.chunks_exact(n).enumerate() {
            let at = at + row * inputs;
            update.feed::<A, KINDS, WIDTH>(at, Sums::<A, WIDTH>::new(whole, gradients, n));
            for sums in Sums::<A, WIDTH>::new(last, gradients, n) {
                let sums = sums.get(..inputs % WIDTH).unwrap_or(&[]);
                update.apply::<A, KINDS, 1>(at + inputs / WIDTH * WIDTH, sums);
            }
        }
    }
}

/// The gradients of some outputs' weights, output after output, a vector at a time. An iterator of its own, because closures
/// may be compiled without the vector instructions of their caller.
struct Sums<'a, A, const WIDTH: usize> {
    /// The columns, `samples` vectors for each so many inputs.
    strip: ChunksExact<'a, [f32; WIDTH]>,
    gradients: ChunksExact<'a, f32>,
    /// The output whose turn it is, and the columns that it has not met.
    gradient: &'a [f32],
    columns: ChunksExact<'a, [f32; WIDTH]>,
    arithmetic: PhantomData<A>,
}

impl<'a, A: Arithmetic, const WIDTH: usize> Sums<'a, A, WIDTH> {
    #[inline(always)]
    fn new(strip: &'a [[f32; WIDTH]], gradients: &'a [f32], samples: usize) -> Self {
        Self {
            strip: strip.chunks_exact(samples),
            gradients: gradients.chunks_exact(samples),
            gradient: &[],
            columns: [].chunks_exact(samples),
            arithmetic: PhantomData,
        }
    }
}

impl<A: Arithmetic, const WIDTH: usize> Iterator for Sums<'_, A, WIDTH> {
    type Item = [f32; WIDTH];

    #[inline(always)]
    fn next(&mut self) -> Option<[f32; WIDTH]> {
        if self.columns.len() == 0 {
            self.gradient = self.gradients.next()?;
            self.columns = self.strip.clone();
        }
        let columns = self.columns.next()?;
        let mut sums = [0.0; WIDTH];
        // Not as an instruction by `Arithmetic::add_scaled`: that of an iterator may stay a call.
        for (column, g) in columns.iter().zip(self.gradient) {
            for (sum, x) in sums.iter_mut().zip(column) {
                *sum = A::mul_add(*x, *g, *sum);
            }
        }
        Some(sums)
    }

    #[inline(always)]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let length = self.columns.len() + self.gradients.len() * self.strip.len();
        (length, Some(length))
    }
}

impl<A: Arithmetic, const WIDTH: usize> ExactSizeIterator for Sums<'_, A, WIDTH> {}
