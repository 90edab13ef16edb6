//! The weight gradient of a small batch: each vector of it goes from its registers into the optimizer.
//!
//! The same sums in the same order as in `weight_gradient.rs`. With so few terms, moving the weights to and from memory takes
//! the most time, and it is fastest in the order of memory.

use core::marker::PhantomData;
use core::ops::Range;
use core::slice::ChunksExact;

use super::jobs::WeightGradient;
use super::pack::pack_transposed;
use super::tile::ScratchLayout;
use super::update::Update;
use crate::arithmetic::Arithmetic;
use crate::slices::{range, tail};

impl WeightGradient<'_> {
    /// The scratch of [`WeightGradient::run_small_batch`]: the B panels of all pixels.
    pub(super) fn small_batch_scratch(&self, lanes: usize) -> ScratchLayout {
        ScratchLayout { b_panel: self.geometry.pixels() * self.pixel_len(lanes), ..ScratchLayout::default() }
    }

    /// Length of a pixel's B panel.
    fn pixel_len(&self, lanes: usize) -> usize {
        self.geometry.in_channels.next_multiple_of(lanes) * self.samples
    }

    /// [`WeightGradient::run`] without tiles.
    #[inline(always)]
    pub fn run_small_batch<A: Arithmetic, const CAPS: u32, const LANES: usize>(
        &self,
        rows: &Range<usize>,
        mut update: Update<'_>,
        b_panels: &mut [f32],
    ) {
        let (geometry, n) = (self.geometry, self.samples);
        let (inputs, outputs) = (geometry.in_channels, geometry.out_channels);
        let pixel = self.pixel_len(LANES);
        let pixels = self.input_pixels(rows);
        let panels = b_panels.chunks_exact_mut(pixel.max(1)).zip(0..).skip(pixels.start).take(pixels.len());
        for (b_panel, position) in panels {
            let columns = tail(self.input, position * inputs * n);
            pack_transposed::<A, LANES, 1>(columns, (inputs, n), n, b_panel);
        }
        let panels = &*b_panels;
        let position_rows = (geometry.taps() * outputs).max(1);
        for position in rows.start / position_rows..rows.end.div_ceil(position_rows) {
            let (tap_rows, tap_cols) = geometry.valid_taps::<false>(position);
            for tap_row in tap_rows {
                for tap_col in tap_cols.clone() {
                    let source = geometry.source::<false>(position, tap_row, tap_col);
                    let b_panel = range(panels, source * pixel, pixel);
                    let first = geometry.weight_row(position, tap_row, tap_col);
                    let (start, end) = (rows.start.max(first), rows.end.min(first + outputs));
                    let of = |row: usize| (position * outputs + row.saturating_sub(first)) * n;
                    let grad_output = self.grad_output.get(of(start)..of(end)).unwrap_or(&[]);
                    self.update_tap::<A, CAPS, LANES>((start - rows.start) * inputs, b_panel, grad_output, &mut update);
                }
            }
        }
    }

    /// Updates the weights from `at` on, between the inputs of one pixel and the outputs of `grad_output`.
    #[inline(always)]
    fn update_tap<A: Arithmetic, const CAPS: u32, const LANES: usize>(
        &self,
        at: usize,
        b_panel: &[f32],
        grad_output: &[f32],
        update: &mut Update<'_>,
    ) {
        let (inputs, n) = (self.geometry.in_channels, self.samples.max(1));
        let b_panel = b_panel.as_chunks().0;
        if inputs.is_multiple_of(LANES) {
            return update.apply_iter::<A, CAPS, LANES>(at, Sums::<A, LANES>::new(b_panel, grad_output, n));
        }
        let (whole, last) = b_panel.split_at_checked(inputs / LANES * n).unwrap_or((&[], &[]));
        for (row, grad_output) in grad_output.chunks_exact(n).enumerate() {
            let at = at + row * inputs;
            update.apply_iter::<A, CAPS, LANES>(at, Sums::<A, LANES>::new(whole, grad_output, n));
            for sums in Sums::<A, LANES>::new(last, grad_output, n) {
                let sums = range(&sums, 0, inputs % LANES);
                update.apply::<A, CAPS, 1>(at + inputs / LANES * LANES, sums);
            }
        }
    }
}

/// The gradients of some outputs' weights, output after output, a vector at a time. An iterator of its own, because the
/// compiler may build closures without the vector instructions of their caller.
struct Sums<'a, A, const LANES: usize> {
    /// The inputs: for each vector of them, a vector a sample.
    b_panel: ChunksExact<'a, [f32; LANES]>,
    grad_outputs: ChunksExact<'a, f32>,
    /// G of the current output, and the inputs that remain for it.
    grad_output: &'a [f32],
    columns: ChunksExact<'a, [f32; LANES]>,
    arithmetic: PhantomData<A>,
}

impl<'a, A: Arithmetic, const LANES: usize> Sums<'a, A, LANES> {
    #[inline(always)]
    fn new(b_panel: &'a [[f32; LANES]], grad_outputs: &'a [f32], samples: usize) -> Self {
        Self {
            b_panel: b_panel.chunks_exact(samples),
            grad_outputs: grad_outputs.chunks_exact(samples),
            grad_output: &[],
            columns: [].chunks_exact(samples),
            arithmetic: PhantomData,
        }
    }
}

impl<A: Arithmetic, const LANES: usize> Iterator for Sums<'_, A, LANES> {
    type Item = [f32; LANES];

    #[inline(always)]
    fn next(&mut self) -> Option<[f32; LANES]> {
        if self.columns.len() == 0 {
            self.grad_output = self.grad_outputs.next()?;
            self.columns = self.b_panel.clone();
        }
        let columns = self.columns.next()?;
        let mut sums = [0.0; LANES];
        // Not by `Arithmetic::add_scaled`, which may stay a call in an iterator.
        for (column, g) in columns.iter().zip(self.grad_output) {
            for (sum, x) in sums.iter_mut().zip(column) {
                *sum = A::mul_add(*x, *g, *sum);
            }
        }
        Some(sums)
    }

    #[inline(always)]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.columns.len() + self.grad_outputs.len() * self.b_panel.len();
        (len, Some(len))
    }
}

impl<A: Arithmetic, const LANES: usize> ExactSizeIterator for Sums<'_, A, LANES> {}
