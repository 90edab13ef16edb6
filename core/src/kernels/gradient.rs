//! The weight gradient hᵀG and the bias gradient, straight into the optimizer.
//!
//! The tile of the product with the roles swapped: lanes over inputs, whose weights are neighbours, the batch summed in
//! order from a small transposed strip of the input that serves all outputs which read it. A gradient that is a sum over
//! positions adds one position's sum over the batch after the other: a single chain of 131,072 terms would lose digits.

use core::ops::Range;

use super::product::Product;
use super::tile::{Columns, Tile, add_along, add_to};
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
    /// Numbers of scratch with which [`WeightGradient::run`] meets runs of up to `longest` neighbouring weights.
    pub fn scratch<const WIDTH: usize, const VECTORS: usize>(&self, longest: usize) -> usize {
        let product = self.product;
        if WIDTH == 1 {
            0
        } else if self.is_narrow::<WIDTH>() {
            let strip = product.outputs.next_multiple_of(WIDTH * VECTORS) * self.samples;
            strip + 2 * product.taps() * product.inputs * product.outputs
        } else {
            product.inputs.min(longest).next_multiple_of(WIDTH * VECTORS) * self.samples
        }
    }

    /// Weight rows that have to stay together when they are shared out among threads.
    pub fn unit<const WIDTH: usize>(&self) -> usize {
        let product = self.product;
        match (product.untied, self.is_narrow::<WIDTH>()) {
            (true, _) => product.taps() * product.outputs,
            (false, true) => product.outputs,
            (false, false) => 1,
        }
    }

    /// Whether the inputs are too few to fill a vector, so that outputs lie in the lanes.
    pub(super) fn is_narrow<const WIDTH: usize>(&self) -> bool {
        WIDTH > 1 && self.product.positions() > 1 && 2 * self.product.inputs <= WIDTH
    }

    /// Updates the rows `rows` of the weights (see [`Product::weight_rows`]), which `update` holds, in register tiles of
    /// `OUTS` rows × `VECTORS` × `WIDTH` inputs.
    ///
    /// `scratch` is as long as [`WeightGradient::scratch`] says; `sums` holds as many numbers as the weights if the
    /// product [is shared](Product::is_shared), and `rows` are whole [units](WeightGradient::unit).
    #[inline(always)]
    pub fn run<A: Arithmetic, const KINDS: u32, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        rows: Range<usize>,
        mut update: Update<'_>,
        scratch: &mut [f32],
        sums: &mut [f32],
    ) {
        if self.is_narrow::<WIDTH>() {
            return self.run_narrow::<A, KINDS, WIDTH, VECTORS, OUTS>(&rows, &mut update, scratch, sums);
        }
        let product = self.product;
        let (cols, inputs) = (product.cols.max(1), product.inputs);
        let width = if WIDTH == 1 { inputs } else { scratch.len() / self.samples.max(1) };
        sums.fill(0.0);
        for position in self.pixels(&rows) {
            let tap_rows = product.reach::<true>(position / cols, product.rows);
            let tap_cols = product.reach::<true>(position % cols, product.cols);
            for from in (0..inputs).step_by(width.max(1)) {
                let count = width.min(inputs - from);
                let columns = self.input.get((position * inputs + from) * self.samples..).unwrap_or(&[]);
                let strip = strip::<WIDTH, VECTORS>(columns, count, self.samples, scratch);
                for tap_row in tap_rows.clone() {
                    for tap_col in tap_cols.clone() {
                        let other = product.other::<true>(position / cols, tap_row) * cols
                            + product.other::<true>(position % cols, tap_col);
                        let block = Block { strip, from, count, position: other };
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
            let columns = strip_columns::<WIDTH, VECTORS>(block.strip, lane, self.samples);
            lane += if lanes >= WIDTH * VECTORS {
                self.tile::<A, KINDS, WIDTH, VECTORS, OUTS>(columns, lanes, rows, at, update, sums)
            } else {
                self.tile::<A, KINDS, WIDTH, 1, OUTS>(columns, lanes, rows, at, update, sums)
            };
        }
        OUTS
    }

    /// One register tile: `OUTS` rows × `VECTORS` × `WIDTH` weights from number `at` on; returns the width.
    #[inline(always)]
    fn tile<A: Arithmetic, const KINDS: u32, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        columns: Columns<'_>,
        lanes: usize,
        rows: [&[f32]; OUTS],
        at: usize,
        update: &mut Update<'_>,
        sums: &mut [f32],
    ) -> usize {
        let inputs = self.product.inputs;
        let count = (WIDTH * VECTORS).min(lanes);
        let mut tile: Tile<WIDTH, VECTORS, OUTS> = [[[0.0; WIDTH]; VECTORS]; OUTS];
        if !self.product.is_shared() {
            (0..OUTS).for_each(|j| update.prefetch::<A>(at + j * inputs, count));
        }
        add_along::<A, WIDTH, VECTORS, OUTS>(&mut tile, columns, rows);
        for (j, tile) in tile.iter().enumerate() {
            let from = at + j * inputs;
            if self.product.is_shared() {
                add_to(sums.get_mut(from..from + count).unwrap_or(&mut []), tile);
            } else {
                update.apply::<A, KINDS>(from, tile.as_flattened().get(..count).unwrap_or(&[]));
            }
        }
        WIDTH * VECTORS
    }
}

/// A strip of input columns and the output position that they meet.
struct Block<'a> {
    strip: &'a [f32],
    from: usize,
    count: usize,
    position: usize,
}

/// The first `count` columns of `columns` with the lanes over columns: tiles of `VECTORS` × `WIDTH` columns, in each
/// sample after sample, zero beyond `count`. A tile of one column is the column itself.
#[inline(always)]
pub(super) fn strip<'a, const WIDTH: usize, const VECTORS: usize>(
    columns: &'a [f32],
    count: usize,
    samples: usize,
    scratch: &'a mut [f32],
) -> &'a [f32] {
    let columns = columns.get(..count * samples).unwrap_or(&[]);
    if WIDTH == 1 {
        return columns;
    }
    let width = WIDTH * VECTORS;
    let tiles = scratch.chunks_exact_mut((width * samples).max(1));
    for (tile, columns) in tiles.zip(columns.chunks((width * samples).max(1))) {
        if columns.len() < tile.len() {
            tile.fill(0.0);
        }
        for (number, columns) in columns.chunks((BLOCK * samples).max(1)).enumerate() {
            turn(columns, samples, tile.get_mut(number * BLOCK..).unwrap_or(&mut []), width);
        }
    }
    scratch
}

/// Columns and samples that are turned at a time, in registers: number by number, the compiler would scatter them.
const BLOCK: usize = 8;

/// Writes up to [`BLOCK`] columns side by side: `turned[sample · width + lane] = columns[lane · samples + sample]`.
#[inline(always)]
fn turn(columns: &[f32], samples: usize, turned: &mut [f32], width: usize) {
    let columns: [&[f32]; BLOCK] =
        core::array::from_fn(|lane| columns.get(lane * samples..(lane + 1) * samples).unwrap_or(&[]));
    let whole = columns.iter().map(|column| column.len() / BLOCK).min().unwrap_or(0);
    let blocks = columns.map(|column| column.as_chunks::<BLOCK>().0);
    for (number, rows) in turned.chunks_mut((BLOCK * width).max(1)).enumerate().take(whole) {
        let block = blocks.map(|blocks| *blocks.get(number).unwrap_or(&[0.0; BLOCK]));
        let turned: [[f32; BLOCK]; BLOCK] = core::array::from_fn(|k| core::array::from_fn(|lane| block[lane][k]));
        for (row, turned) in rows.chunks_mut(width.max(1)).zip(turned) {
            if let Some(row) = row.first_chunk_mut::<BLOCK>() {
                *row = turned;
            }
        }
    }
    for (sample, row) in turned.chunks_mut(width.max(1)).enumerate().skip(whole * BLOCK) {
        for (number, column) in row.iter_mut().zip(&columns) {
            if let Some(x) = column.get(sample) {
                *number = *x;
            }
        }
    }
}

/// The lanes of a [`strip`] from number `lane` on.
#[inline(always)]
pub(super) fn strip_columns<const WIDTH: usize, const VECTORS: usize>(
    strip: &[f32],
    lane: usize,
    samples: usize,
) -> Columns<'_> {
    let stride = WIDTH * VECTORS;
    let from = lane / stride * stride * samples + lane % stride;
    Columns { numbers: strip.get(from..).unwrap_or(&[]), stride }
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
        /// Samples between two checks of the rows' lengths.
        const STEPS: usize = 4;
        let positions = if self.product.untied { 1 } else { self.product.positions() };
        let n = self.samples;
        let mut sums = [0.0; OUTS];
        for position in 0..positions {
            let rows: [&[f32]; OUTS] = core::array::from_fn(|j| {
                let from = (position * self.product.outputs + row + j) * n;
                self.gradient.get(from..from + n).unwrap_or(&[])
            });
            let mut batch = [0.0; OUTS];
            let blocks = rows.map(|row| row.as_chunks::<STEPS>().0);
            for block in 0..n / STEPS {
                let numbers = blocks.map(|blocks| blocks.get(block).unwrap_or(&[0.0; STEPS]));
                for step in 0..STEPS {
                    for (sum, numbers) in batch.iter_mut().zip(&numbers) {
                        *sum += numbers[step];
                    }
                }
            }
            for b in n / STEPS * STEPS..n {
                for (sum, row) in batch.iter_mut().zip(&rows) {
                    *sum += row.get(b).copied().unwrap_or(0.0);
                }
            }
            sums.iter_mut().zip(batch).for_each(|(sum, batch)| *sum += batch);
        }
        sums
    }
}
