//! One sample, which would fill one lane: in its input gradient the inputs lie in the lanes, whose weights are neighbours, and
//! in a dense layer's forward pass the outputs do, whose weights are turned.
//!
//! The same sums in the same order as in `product.rs`.

use core::ops::Range;

use super::product::{Backward, Ends, Forward};
use super::tile::{Columns, Tile, add_along, load};
use super::turn::turn;
use crate::arithmetic::Arithmetic;

/// Inputs whose weights are turned at a time.
pub(super) const DEPTH: usize = 128;

impl Backward<'_> {
    /// [`Backward::run`] for one sample, in tiles of `VECTORS` × `WIDTH` inputs.
    #[inline(always)]
    pub(super) fn run_single<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        rows: Range<usize>,
        ends: &Ends<'_, impl Fn(usize, usize) -> f32, impl Fn(f32, f32) -> f32>,
        output: &mut [f32],
    ) {
        let inputs = self.product.inputs.max(1);
        let mut row = rows.start;
        while row < rows.end {
            let left = (inputs - row % inputs).min(rows.end - row);
            let output = output.get_mut(row - rows.start..).unwrap_or(&mut []);
            row += if left >= WIDTH * VECTORS {
                self.single_tile::<A, WIDTH, VECTORS>(row, WIDTH * VECTORS, ends, output)
            } else {
                self.single_tile::<A, WIDTH, 1>(row, WIDTH.min(left), ends, output)
            };
        }
    }

    /// The first `count` numbers of `output`, which are columns `row` and on of dL/dx; returns `count`.
    #[inline(always)]
    fn single_tile<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        row: usize,
        count: usize,
        ends: &Ends<'_, impl Fn(usize, usize) -> f32, impl Fn(f32, f32) -> f32>,
        output: &mut [f32],
    ) -> usize {
        let product = self.product;
        let (inputs, outputs, cols) = (product.inputs.max(1), product.outputs, product.cols.max(1));
        let (position, input) = (row / inputs, row % inputs);
        let mut sums: Tile<WIDTH, VECTORS, 1> = [[[0.0; WIDTH]; VECTORS]];
        // No closure over taps: it would be compiled without the vector instructions of its caller.
        for tap_row in product.reach::<true>(position / cols, product.rows) {
            for tap_col in product.reach::<true>(position % cols, product.cols) {
                let other = product.other::<true>(position / cols, tap_row) * cols
                    + product.other::<true>(position % cols, tap_col);
                let from = product.weight_row(other, tap_row, tap_col) * inputs + input;
                let columns = Columns { numbers: self.weight.get(from..).unwrap_or(&[]), stride: inputs };
                let gradient = self.gradient.get(other * outputs..(other + 1) * outputs).unwrap_or(&[]);
                add_along::<A, WIDTH, VECTORS, 1>(&mut sums, columns, [gradient]);
            }
        }
        ends.store(&sums[0], row, output.get_mut(..count).unwrap_or(&mut []));
        count
    }
}

impl Forward<'_> {
    /// Whether there is one sample of a dense layer, so that [`Forward::run`] has the outputs in the lanes.
    pub fn is_single<const WIDTH: usize>(&self) -> bool {
        WIDTH > 1 && self.samples == 1 && self.product.is_dense()
    }

    /// [`Forward::run`] for one sample of a dense layer, in tiles of `VECTORS` × `WIDTH` outputs.
    #[inline(always)]
    pub(super) fn run_single<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        rows: Range<usize>,
        ends: &Ends<'_, impl Fn(usize, usize) -> f32, impl Fn(f32, f32) -> f32>,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let (inputs, width) = (self.product.inputs.max(1), WIDTH * VECTORS);
        for (row, output) in rows.step_by(width).zip(output.chunks_mut(width)) {
            let mut sums: Tile<WIDTH, VECTORS, 1> = [[[0.0; WIDTH]; VECTORS]];
            load(&mut sums[0], self.bias.get(row..).unwrap_or(&[]));
            let weights = self.weight.get(row * inputs..(row + output.len()) * inputs).unwrap_or(&[]);
            for (part, column) in self.input.chunks(DEPTH).enumerate() {
                let weights = weights.get(part * DEPTH..).unwrap_or(&[]);
                // Many short runs, which no prefetcher of a CPU foresees.
                for next in weights.get(DEPTH..).unwrap_or(&[]).chunks(inputs) {
                    if let Some(next) = next.first_chunk::<DEPTH>() {
                        A::prefetch(next);
                    }
                }
                let turned = scratch.get_mut(..column.len() * width).unwrap_or(&mut []);
                turn::<A, WIDTH, VECTORS>(weights, inputs, turned.as_chunks_mut().0.as_chunks_mut().0);
                let columns = Columns { numbers: turned, stride: width };
                add_along::<A, WIDTH, VECTORS, 1>(&mut sums, columns, [column]);
            }
            ends.store(&sums[0], row, output);
        }
    }
}
