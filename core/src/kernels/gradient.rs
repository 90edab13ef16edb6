//! The weight gradient hᵀG and the bias gradient, straight into the optimizer.
//!
//! The tile of the product with the roles swapped: lanes over inputs, whose weights are neighbours, the batch summed in
//! order from a small transposed strip of the input that serves all outputs which read it.

use core::ops::Range;

use super::product::{Columns, Product, Tile, add_along, load, store};
use crate::arithmetic::Arithmetic;
use crate::optimizer::Update;

/// dL/dW = hᵀG.
#[derive(Clone, Copy, Debug)]
pub struct WeightGradient<'a> {
    /// Shapes.
    pub product: Product,
    /// Samples of the batch.
    pub samples: usize,
    /// h: position, input × samples.
    pub input: &'a [f32],
    /// G: position, output × samples.
    pub gradient: &'a [f32],
}

impl WeightGradient<'_> {
    /// Updates the rows `rows` of the weights (see [`Product::weight_rows`]), which `update` holds.
    ///
    /// `strip` is scratch of a whole number of `WIDTH` × samples, of which the more serve longer runs of weights; it may be
    /// empty where `WIDTH` is 1. `sums` holds as many numbers as the weights if the
    /// product [is shared](Product::is_shared).
    #[inline(always)]
    pub fn run<A: Arithmetic, const KINDS: u32, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        rows: Range<usize>,
        mut update: Update<'_>,
        strip: &mut [f32],
        sums: &mut [f32],
    ) {
        let product = self.product;
        let (cols, inputs) = (product.cols.max(1), product.inputs);
        let width = if WIDTH == 1 { 1 } else { strip.len() / self.samples.max(1) };
        sums.fill(0.0);
        for position in self.pixels(&rows) {
            let tap_rows = product.reach::<true>(position / cols, product.rows);
            let tap_cols = product.reach::<true>(position % cols, product.cols);
            for from in (0..inputs).step_by(width.max(1)) {
                let count = width.min(inputs - from);
                let columns = self.columns::<WIDTH>(position * inputs + from, count, width, strip);
                for tap_row in tap_rows.clone() {
                    for tap_col in tap_cols.clone() {
                        let other = product.other::<true>(position / cols, tap_row) * cols
                            + product.other::<true>(position % cols, tap_col);
                        let block = Block { columns, width, from, count, position: other };
                        let weight_row = product.weight_row(other, tap_row, tap_col);
                        self.block::<A, KINDS, WIDTH, VECTORS, OUTS>(&block, weight_row, &rows, &mut update, sums);
                    }
                }
            }
        }
        if product.is_shared() {
            update.apply::<A, KINDS>(0, sums);
        }
    }

    /// Pixels that the weight rows `rows` read.
    fn pixels(&self, rows: &Range<usize>) -> Range<usize> {
        let product = self.product;
        if !product.untied {
            return 0..product.positions();
        }
        let (per, cols) = ((product.taps() * product.outputs * product.cols).max(1), product.cols);
        let (first, last) = (rows.start / per, rows.end.div_ceil(per));
        let pad = product.kernel / 2;
        first.saturating_sub(pad) * cols..(last + pad).min(product.rows) * cols
    }

    /// The columns from `first` on, sample by sample, `width` numbers each and zero beyond `count`.
    #[inline(always)]
    fn columns<'s, const WIDTH: usize>(
        &'s self,
        first: usize,
        count: usize,
        width: usize,
        strip: &'s mut [f32],
    ) -> &'s [f32] {
        let n = self.samples;
        let source = self.input.get(first * n..(first + count) * n).unwrap_or(&[]);
        if WIDTH == 1 {
            return source;
        }
        transpose(source, n, width, strip);
        strip
    }

    /// The gradient of one tap's weights at one output position, for the outputs that `rows` names.
    #[inline(always)]
    fn block<A: Arithmetic, const KINDS: u32, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        block: &Block<'_>,
        weight_row: usize,
        rows: &Range<usize>,
        update: &mut Update<'_>,
        sums: &mut [f32],
    ) {
        let end = rows.end.min(weight_row + self.product.outputs);
        let mut row = rows.start.max(weight_row);
        while row < end {
            let (left, out, at) = (end - row, row - weight_row, (row - rows.start) * self.product.inputs + block.from);
            row += if left >= OUTS {
                self.tiles::<A, KINDS, WIDTH, VECTORS, OUTS>(block, out, at, update, sums)
            } else if OUTS > 4 && left >= 4 {
                self.tiles::<A, KINDS, WIDTH, VECTORS, 4>(block, out, at, update, sums)
            } else if OUTS > 2 && left >= 2 {
                self.tiles::<A, KINDS, WIDTH, VECTORS, 2>(block, out, at, update, sums)
            } else {
                self.tiles::<A, KINDS, WIDTH, VECTORS, 1>(block, out, at, update, sums)
            };
        }
    }

    /// `OUTS` rows of weights from number `at` on; returns `OUTS`.
    #[inline(always)]
    fn tiles<A: Arithmetic, const KINDS: u32, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        block: &Block<'_>,
        out: usize,
        at: usize,
        update: &mut Update<'_>,
        sums: &mut [f32],
    ) -> usize {
        let n = self.samples;
        let rows: [&[f32]; OUTS] = core::array::from_fn(|j| {
            let from = (block.position * self.product.outputs + out + j) * n;
            self.gradient.get(from..from + n).unwrap_or(&[])
        });
        let mut lane = 0;
        while lane < block.count {
            let (lanes, at) = (block.count - lane, at + lane);
            lane += if lanes >= WIDTH * VECTORS {
                self.tile::<A, KINDS, WIDTH, VECTORS, OUTS>(block, lane, rows, at, update, sums)
            } else {
                self.tile::<A, KINDS, WIDTH, 1, OUTS>(block, lane, rows, at, update, sums)
            };
        }
        OUTS
    }

    /// One register tile: `OUTS` rows × `VECTORS` × `WIDTH` weights from number `at` on; returns the width.
    #[inline(always)]
    fn tile<A: Arithmetic, const KINDS: u32, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        block: &Block<'_>,
        lane: usize,
        rows: [&[f32]; OUTS],
        at: usize,
        update: &mut Update<'_>,
        sums: &mut [f32],
    ) -> usize {
        let inputs = self.product.inputs;
        let count = (WIDTH * VECTORS).min(block.count - lane);
        let mut tile: Tile<WIDTH, VECTORS, OUTS> = [[[0.0; WIDTH]; VECTORS]; OUTS];
        if self.product.is_shared() {
            for (j, tile) in tile.iter_mut().enumerate() {
                load(tile, sums.get(at + j * inputs..at + j * inputs + count).unwrap_or(&[]));
            }
        }
        let columns = Columns { numbers: block.columns.get(lane..).unwrap_or(&[]), stride: block.width };
        add_along::<A, WIDTH, VECTORS, OUTS>(&mut tile, columns, rows);
        for (j, tile) in tile.iter().enumerate() {
            let from = at + j * inputs;
            if self.product.is_shared() {
                store(tile, sums.get_mut(from..from + count).unwrap_or(&mut []));
            } else {
                update.apply::<A, KINDS>(from, tile.as_flattened().get(..count).unwrap_or(&[]));
            }
        }
        WIDTH * VECTORS
    }
}

/// A strip of input columns and the output position that they meet.
struct Block<'a> {
    columns: &'a [f32],
    width: usize,
    from: usize,
    count: usize,
    position: usize,
}

/// `strip[b][i] = source[i][b]`, zero for the columns that `source` lacks.
#[inline(always)]
fn transpose(source: &[f32], samples: usize, width: usize, strip: &mut [f32]) {
    const SIDE: usize = 8;
    let count = source.len() / samples.max(1);
    if count < width {
        strip.fill(0.0);
    }
    for (block, rows) in strip.chunks_mut((width * SIDE).max(1)).enumerate() {
        for from in (0..count).step_by(SIDE) {
            for (b, row) in rows.chunks_exact_mut(width.max(1)).enumerate() {
                let sample = block * SIDE + b;
                let row = row.get_mut(from..count.min(from + SIDE)).unwrap_or(&mut []);
                for (i, number) in row.iter_mut().enumerate() {
                    *number = source.get((from + i) * samples + sample).copied().unwrap_or(0.0);
                }
            }
        }
    }
}

/// dL/db: G summed over the batch and, unless untied, over the positions.
#[derive(Clone, Copy, Debug)]
pub struct BiasGradient<'a> {
    /// Shapes.
    pub product: Product,
    /// Samples of the batch.
    pub samples: usize,
    /// G: position, output × samples.
    pub gradient: &'a [f32],
}

impl BiasGradient<'_> {
    /// Biases of the layer.
    pub fn biases(&self) -> usize {
        self.product.outputs * if self.product.untied { self.product.positions() } else { 1 }
    }

    /// Updates the biases `rows`, which `update` holds.
    #[inline(always)]
    pub fn run<A: Arithmetic, const KINDS: u32, const OUTS: usize>(&self, rows: Range<usize>, mut update: Update<'_>) {
        let mut row = rows.start;
        while row < rows.end {
            let at = row - rows.start;
            if rows.end - row >= OUTS {
                update.apply::<A, KINDS>(at, &self.sums::<OUTS>(row));
                row += OUTS;
            } else {
                update.apply::<A, KINDS>(at, &self.sums::<1>(row));
                row += 1;
            }
        }
    }

    /// The sums of `OUTS` neighbouring biases, side by side because each is one chain of additions.
    #[inline(always)]
    fn sums<const OUTS: usize>(&self, row: usize) -> [f32; OUTS] {
        let positions = if self.product.untied { 1 } else { self.product.positions() };
        let n = self.samples;
        let mut sums = [0.0; OUTS];
        for position in 0..positions {
            let rows: [&[f32]; OUTS] = core::array::from_fn(|j| {
                let from = (position * self.product.outputs + row + j) * n;
                self.gradient.get(from..from + n).unwrap_or(&[])
            });
            for b in 0..n {
                for (sum, row) in sums.iter_mut().zip(&rows) {
                    *sum += row.get(b).copied().unwrap_or(0.0);
                }
            }
        }
        sums
    }
}
