//! The weight gradient of a convolution with few input channels: outputs lie in the lanes.
//!
//! The same sums in the same order as in `gradient.rs`; an image's 3 channels would fill 3 lanes of 16.

use core::ops::Range;

use super::gradient::{WeightGradient, strip};
use super::tile::{Columns, Tile, add_along, add_to};
use crate::arithmetic::Arithmetic;
use crate::optimizer::Update;

/// Inputs of a tile: the taps of a row of a 5 × 5 kernel are a multiple of them, and with two vectors of outputs they are as
/// many sums as hide how long an addition takes.
const HEIGHT: usize = 5;

/// Gradients of the kernel's taps `first` and on as tap, input, output.
struct Taps<'a> {
    first: usize,
    sums: &'a mut [f32],
}

impl WeightGradient<'_> {
    /// Whether the inputs are too few to fill a vector of `width`.
    pub fn is_narrow(&self, width: usize) -> bool {
        self.product.positions() > 1 && 2 * self.product.inputs <= width
    }

    /// Numbers of scratch that [`WeightGradient::run_narrow`] takes.
    pub fn narrow_scratch<const WIDTH: usize, const VECTORS: usize>(&self) -> usize {
        let product = self.product;
        let strip = product.outputs.next_multiple_of(WIDTH * VECTORS) * self.samples;
        strip + 2 * product.taps() * product.inputs * product.outputs
    }

    /// [`WeightGradient::run`] with the outputs in the lanes, for a gradient that [is narrow](WeightGradient::is_narrow).
    #[inline(always)]
    pub fn run_narrow<A: Arithmetic, const KINDS: u32, const WIDTH: usize, const VECTORS: usize>(
        &self,
        rows: &Range<usize>,
        mut update: Update<'_>,
        scratch: &mut [f32],
        sums: &mut [f32],
    ) {
        let product = self.product;
        let (outputs, block) = (product.outputs.max(1), product.taps() * product.inputs * product.outputs);
        let strip_length = scratch.len().saturating_sub(2 * block);
        let (strip_scratch, rest) = scratch.split_at_mut_checked(strip_length).unwrap_or((&mut [], &mut []));
        let (own, ordered) = rest.split_at_mut_checked(block).unwrap_or((&mut [], &mut []));
        let first = rows.start / outputs;
        let positions = if product.untied {
            first / product.taps()..rows.end / outputs / product.taps()
        } else {
            0..product.positions()
        };
        let mut taps = if product.untied { Taps { first: 0, sums: own } } else { Taps { first, sums } };
        taps.sums.fill(0.0);
        for position in positions {
            let columns = self.gradient.get(position * outputs * self.samples..).unwrap_or(&[]);
            let strip = strip::<A, WIDTH, VECTORS>(columns, (outputs, self.samples), self.samples, strip_scratch);
            // The next columns are turned in blocks, which no prefetcher of a CPU foresees.
            let next = outputs * self.samples..2 * outputs * self.samples;
            A::prefetch(columns.get(next).unwrap_or(&[]));
            self.position::<A, WIDTH, VECTORS>(position, strip, &mut taps);
            if product.untied {
                let at = (position - first / product.taps()) * block;
                self.apply_reached::<A, KINDS, WIDTH>(at, position, taps.sums, ordered, &mut update);
                taps.sums.fill(0.0);
            }
        }
        if !product.untied {
            self.apply::<A, KINDS, WIDTH>(0, taps.sums, ordered, &mut update);
        }
    }

    /// Adds what one output position gives to the taps' gradients, kernel row by kernel row.
    #[inline(always)]
    fn position<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        position: usize,
        strip: &[f32],
        taps: &mut Taps<'_>,
    ) {
        let product = self.product;
        let (cols, inputs) = (product.cols.max(1), product.inputs);
        let tap_cols = product.reach::<false>(position % cols, product.cols);
        for tap_row in product.reach::<false>(position / cols, product.rows) {
            let last = taps.first + taps.sums.len() / (inputs * product.outputs).max(1);
            let from = (tap_row * product.kernel + tap_cols.start).clamp(taps.first, last);
            let to = (tap_row * product.kernel + tap_cols.end).clamp(taps.first, last);
            if from >= to {
                continue;
            }
            let pixel = product.pixel::<false>(position, tap_row, from - tap_row * product.kernel);
            let count = (to - from) * inputs;
            let mut row = 0;
            while row < count {
                let place =
                    Place { input: pixel * inputs + row, at: ((from - taps.first) * inputs + row) * product.outputs };
                row += match count - row {
                    HEIGHT.. => self.lanes::<A, WIDTH, VECTORS, HEIGHT>(&place, strip, taps.sums),
                    4 => self.lanes::<A, WIDTH, VECTORS, 4>(&place, strip, taps.sums),
                    2.. => self.lanes::<A, WIDTH, VECTORS, 2>(&place, strip, taps.sums),
                    _ => self.lanes::<A, WIDTH, VECTORS, 1>(&place, strip, taps.sums),
                };
            }
        }
    }

    /// One row of tiles over all outputs; returns its height.
    #[inline(always)]
    fn lanes<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        place: &Place,
        strip: &[f32],
        sums: &mut [f32],
    ) -> usize {
        let mut lane = 0;
        while lane < self.product.outputs {
            let columns = Columns::of_strip(strip, WIDTH * VECTORS, self.samples, lane);
            lane += if self.product.outputs - lane >= WIDTH * VECTORS {
                self.narrow_tile::<A, WIDTH, VECTORS, OUTS>(place, lane, columns, sums)
            } else {
                self.narrow_tile::<A, WIDTH, 1, OUTS>(place, lane, columns, sums)
            };
        }
        OUTS
    }

    /// One register tile: `OUTS` inputs × `VECTORS` × `WIDTH` outputs; returns its width.
    #[inline(always)]
    fn narrow_tile<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        place: &Place,
        lane: usize,
        columns: Columns<'_>,
        sums: &mut [f32],
    ) -> usize {
        let (n, outputs) = (self.samples, self.product.outputs);
        let rows: [&[f32]; OUTS] =
            core::array::from_fn(|j| self.input.get((place.input + j) * n..(place.input + j + 1) * n).unwrap_or(&[]));
        let mut tile: Tile<WIDTH, VECTORS, OUTS> = [[[0.0; WIDTH]; VECTORS]; OUTS];
        let range = |j: usize| {
            let from = place.at + j * outputs + lane;
            from..from + (WIDTH * VECTORS).min(outputs - lane)
        };
        add_along::<A, WIDTH, VECTORS, OUTS>(&mut tile, columns, rows);
        for (j, tile) in tile.iter().enumerate() {
            add_to(sums.get_mut(range(j)).unwrap_or(&mut []), tile);
        }
        WIDTH * VECTORS
    }

    /// [`WeightGradient::apply`] for the taps that reach the image from `position`. What lies on padding stays as it is, decay
    /// or not, as in all other kernels.
    #[inline(always)]
    fn apply_reached<A: Arithmetic, const KINDS: u32, const WIDTH: usize>(
        &self,
        at: usize,
        position: usize,
        sums: &[f32],
        ordered: &mut [f32],
        update: &mut Update<'_>,
    ) {
        let (product, cols) = (self.product, self.product.cols.max(1));
        let tap_rows = product.reach::<false>(position / cols, product.rows);
        let tap_cols = product.reach::<false>(position % cols, product.cols);
        // Away from the edges all taps at once, else those of a kernel row.
        let whole = tap_rows.len() * tap_cols.len() == product.taps();
        for piece in if whole { 0..1 } else { tap_rows } {
            let taps = if whole { 0..product.taps() } else { tap_cols.clone() };
            let tap = product.inputs * product.outputs;
            let first = piece * product.kernel;
            let (from, to) = ((first + taps.start) * tap, (first + taps.end) * tap);
            self.apply::<A, KINDS, WIDTH>(at + from, sums.get(from..to).unwrap_or(&[]), ordered, update);
        }
    }

    /// Brings the taps' gradients into the order of the weights and into the optimizer.
    #[inline(always)]
    fn apply<A: Arithmetic, const KINDS: u32, const WIDTH: usize>(
        &self,
        at: usize,
        sums: &[f32],
        ordered: &mut [f32],
        update: &mut Update<'_>,
    ) {
        let (inputs, outputs) = (self.product.inputs.max(1), self.product.outputs.max(1));
        let ordered = ordered.get_mut(..sums.len()).unwrap_or(&mut []);
        for (ordered, sums) in ordered.chunks_exact_mut(inputs * outputs).zip(sums.chunks_exact(inputs * outputs)) {
            for (input, sums) in sums.chunks_exact(outputs).enumerate() {
                for (row, sum) in ordered.chunks_exact_mut(inputs).zip(sums) {
                    if let Some(number) = row.get_mut(input) {
                        *number = *sum;
                    }
                }
            }
        }
        update.apply::<A, KINDS, WIDTH>(at, ordered);
    }
}

/// Where a tile's input columns and its gradients begin.
struct Place {
    input: usize,
    at: usize,
}
