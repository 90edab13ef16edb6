//! The input gradient of one sample: a batch of one would fill one lane, so the inputs, whose weights are neighbours, lie
//! in the lanes.
//!
//! The same sums in the same order as in `product.rs`.

use core::ops::Range;

use super::product::Backward;
use super::tile::{Columns, Tile, add_along, load, store};
use crate::arithmetic::Arithmetic;

impl Backward<'_> {
    /// [`Backward::run`] for one sample, in tiles of `VECTORS` × `WIDTH` inputs.
    #[inline(always)]
    pub(super) fn run_single<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        rows: Range<usize>,
        output: &mut [f32],
    ) {
        let inputs = self.product.inputs.max(1);
        let mut row = rows.start;
        while row < rows.end {
            let left = (inputs - row % inputs).min(rows.end - row);
            let output = output.get_mut(row - rows.start..).unwrap_or(&mut []);
            row += if left >= WIDTH * VECTORS {
                self.single_tile::<A, WIDTH, VECTORS>(row, WIDTH * VECTORS, output)
            } else {
                self.single_tile::<A, WIDTH, 1>(row, WIDTH.min(left), output)
            };
        }
    }

    /// The first `count` numbers of `output`, which are columns `row` and on of dL/dx; returns `count`.
    #[inline(always)]
    fn single_tile<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        row: usize,
        count: usize,
        output: &mut [f32],
    ) -> usize {
        let product = self.product;
        let (inputs, outputs, cols) = (product.inputs.max(1), product.outputs, product.cols.max(1));
        let (position, input) = (row / inputs, row % inputs);
        let mut sums: Tile<WIDTH, VECTORS, 1> = [[[0.0; WIDTH]; VECTORS]];
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
        if let Some(mask) = self.mask {
            let mut heights: Tile<WIDTH, VECTORS, 1> = [[[0.0; WIDTH]; VECTORS]];
            load(&mut heights[0], mask.get(row..).unwrap_or(&[]));
            for (sum, height) in
                sums.as_flattened_mut().as_flattened_mut().iter_mut().zip(heights.as_flattened().as_flattened())
            {
                *sum = if *height <= 0.0 { 0.0 } else { *sum };
            }
        }
        store(&sums[0], output.get_mut(..count).unwrap_or(&mut []));
        count
    }
}
