//! The weight gradient hᵀG and the bias gradient, straight into the optimizer.
//!
//! The tile of the product with the roles swapped: lanes over inputs, whose weights are neighbours, the batch summed in
//! order from a small transposed strip of the input that serves all outputs which read it. A gradient that is a sum over
//! positions adds one position's sum over the batch after the other: a single chain of 131,072 terms would lose digits.

use core::ops::Range;

use super::product::Product;
use super::tile::{Ask, Blocks, Columns, Tile, add_along, add_along_asking, add_packed, add_to, store};
use super::turn::turn;
use crate::arithmetic::Arithmetic;
use crate::optimizer::Update;

/// Weights that with their moments stay in a cache from step to step, or nearly: to ask for them early takes longer than it
/// brings.
const NEAR: usize = 1 << 18;

/// Neighbouring weights that are asked for at once.
const AHEAD: usize = 64;

/// Columns of a tile whose rows go to the optimizer one by one: a look at shorter ones takes as long as their update.
const WIDE: usize = 32;

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
    pub fn scratch<const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(&self, longest: usize) -> usize {
        let packed = if self.packs::<WIDTH, VECTORS>() { OUTS } else { 0 };
        let strip = self.product.inputs.min(longest).next_multiple_of(WIDTH * VECTORS);
        packed * self.samples + strip * (self.samples + self.kept::<WIDTH, VECTORS, OUTS>())
    }

    /// Weight rows that have to stay together when they are shared out among threads, with vectors of `width`.
    pub fn unit(&self, width: usize) -> usize {
        let product = self.product;
        match (product.untied, self.is_narrow(width)) {
            (true, _) => product.taps() * product.outputs,
            (false, true) => product.outputs,
            (false, false) => 1,
        }
    }

    /// Whether so many tiles of inputs meet each output's gradient that it is worth while to turn it sample by sample.
    fn packs<const WIDTH: usize, const VECTORS: usize>(&self) -> bool {
        self.product.inputs >= 8 * WIDTH * VECTORS
    }

    /// Rows whose gradients are kept until a whole run of weights is summed up; sums over positions have a place of their own.
    #[inline(always)]
    fn kept<const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(&self) -> usize {
        if WIDTH * VECTORS < WIDE && !self.product.is_shared() { OUTS } else { 0 }
    }

    /// Updates the rows `rows` of the weights (see [`Product::weight_rows`]), which `update` holds, in register tiles of
    /// `OUTS` rows × `VECTORS` × `WIDTH` inputs.
    ///
    /// `scratch` is as long as [`WeightGradient::scratch`] says; `sums` holds as many numbers as the weights if the
    /// product [is shared](Product::is_shared), and `rows` are whole [units](WeightGradient::unit).
    #[inline(always)]
    pub fn run<A: Arithmetic, const KINDS: u32, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        rows: &Range<usize>,
        update: Update<'_>,
        scratch: &mut [f32],
        sums: &mut [f32],
    ) {
        let product = self.product;
        let (cols, inputs) = (product.cols.max(1), product.inputs);
        let packed = if self.packs::<WIDTH, VECTORS>() { OUTS * self.samples } else { 0 };
        let (packed, scratch) = scratch.split_at_mut_checked(packed).unwrap_or((&mut [], &mut []));
        let kept = self.kept::<WIDTH, VECTORS, OUTS>();
        let width = scratch.len() / (self.samples + kept).max(1);
        let (gradient, scratch) = scratch.split_at_mut_checked(kept * width).unwrap_or((&mut [], &mut []));
        let far = !product.is_shared() && rows.len() * inputs > NEAR;
        let mut way = Way { packed: packed.as_chunks_mut().0, gradient, update, far, sums };
        way.sums.fill(0.0);
        for position in self.pixels(rows) {
            let tap_rows = product.reach::<true>(position / cols, product.rows);
            let tap_cols = product.reach::<true>(position % cols, product.cols);
            for from in (0..inputs).step_by(width.max(1)) {
                let count = width.min(inputs - from);
                let columns = self.input.get((position * inputs + from) * self.samples..).unwrap_or(&[]);
                let strip = strip::<A, WIDTH, VECTORS>(columns, (count, self.samples), self.samples, scratch);
                for tap_row in tap_rows.clone() {
                    for tap_col in tap_cols.clone() {
                        let other = product.pixel::<true>(position, tap_row, tap_col);
                        let block = Block { strip, from, count, position: other };
                        let weight_row = product.weight_row(other, tap_row, tap_col);
                        self.block::<A, KINDS, WIDTH, VECTORS, OUTS>(&block, weight_row, rows, &mut way);
                    }
                }
            }
        }
        if product.is_shared() {
            way.update.apply::<A, KINDS, WIDTH>(0, way.sums);
        }
    }

    /// Pixels that the weight rows `rows` read.
    pub(super) fn pixels(&self, rows: &Range<usize>) -> Range<usize> {
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
        way: &mut Way<'_, OUTS>,
    ) {
        let (inputs, keeps) = (self.product.inputs, self.kept::<WIDTH, VECTORS, OUTS>() > 0);
        let end = rows.end.min(weight_row + self.product.outputs);
        let mut row = rows.start.max(weight_row);
        while row < end {
            let out = row - weight_row;
            let height = match end - row {
                left if left >= OUTS => OUTS,
                left if OUTS > 4 && left >= 4 => 4,
                left if OUTS > 2 && left >= 2 => 2,
                _ => 1,
            };
            let packed = height == OUTS && !way.packed.is_empty();
            if packed {
                turn::<A, OUTS, 1>(self.outputs(block, out), self.samples, way.packed.as_chunks_mut().0);
            }
            let (at, count) = ((row - rows.start) * inputs + block.from, block.count);
            // The memory is asked for what an update meets: by wide tiles between parts of their sum, by others in it or, where it
            // is too short, for the next rows.
            let between = WIDTH * VECTORS > WIDE && way.far && packed;
            let within = way.far && !packed && height == OUTS && self.samples >= Met::steps(OUTS);
            let ahead = (way.far && !between && !within).then_some(height * inputs);
            for lane in (0..count).step_by(WIDTH * VECTORS) {
                let columns = Columns::of_strip(block.strip, WIDTH * VECTORS, self.samples, lane);
                let tile = if between {
                    way.sum_asking::<A, WIDTH, VECTORS>(at + lane, inputs, columns)
                } else {
                    let met = if within {
                        Some(Met { numbers: way.update.met(at + lane, OUTS * inputs), row: (inputs, WIDTH * VECTORS) })
                    } else {
                        None
                    };
                    self.tile::<A, WIDTH, VECTORS, OUTS>(block, (out, height), columns, way.packed, met)
                };
                for (j, tile) in tile.iter().enumerate().take(height) {
                    let at = at + j * inputs + lane;
                    if self.product.is_shared() {
                        add_to(way.sums.get_mut(at..at + count - lane).unwrap_or(&mut []), tile);
                    } else if keeps {
                        store(tile, way.gradient.get_mut(j * count + lane..(j + 1) * count).unwrap_or(&mut []));
                    } else {
                        let row = tile.as_flattened();
                        way.update.apply_asking::<A, KINDS, WIDTH>(at, ahead, row.get(..count - lane).unwrap_or(row));
                    }
                }
            }
            if keeps {
                way.release::<A, KINDS, WIDTH>(at, inputs, (height, count), ahead);
            }
            row += height;
        }
    }

    /// One register tile: the gradients of `height` rows from output `out` on, and of `columns`; of `OUTS` rows if there
    /// is something to ask the memory for.
    #[inline(always)]
    fn tile<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        block: &Block<'_>,
        (out, height): (usize, usize),
        columns: Columns<'_>,
        packed: &[[f32; OUTS]],
        met: Option<Met<'_>>,
    ) -> Tile<WIDTH, VECTORS, OUTS> {
        let mut tile = [[[0.0; WIDTH]; VECTORS]; OUTS];
        if height == OUTS && !packed.is_empty() {
            add_packed::<A, WIDTH, VECTORS, OUTS>(&mut tile, columns, packed);
            return tile;
        }
        match (height, met) {
            (_, Some(met)) => {
                add_along_asking::<A, WIDTH, VECTORS, OUTS>(&mut tile, columns, self.rows(block, out), &met);
            }
            (1, _) => self.low::<A, WIDTH, VECTORS, 1>(block, out, columns, &mut tile),
            (2, _) => self.low::<A, WIDTH, VECTORS, 2>(block, out, columns, &mut tile),
            (4, _) => self.low::<A, WIDTH, VECTORS, 4>(block, out, columns, &mut tile),
            _ => add_along::<A, WIDTH, VECTORS, OUTS>(&mut tile, columns, self.rows(block, out)),
        }
        tile
    }

    /// A tile of `HEIGHT` rows, into the first ones of `tile`.
    #[inline(always)]
    fn low<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const HEIGHT: usize>(
        &self,
        block: &Block<'_>,
        out: usize,
        columns: Columns<'_>,
        tile: &mut [[[f32; WIDTH]; VECTORS]],
    ) {
        let mut sums = [[[0.0; WIDTH]; VECTORS]; HEIGHT];
        add_along::<A, WIDTH, VECTORS, HEIGHT>(&mut sums, columns, self.rows(block, out));
        tile.iter_mut().zip(sums).for_each(|(row, sums)| *row = sums);
    }

    /// The gradients of the outputs from `out` on.
    #[inline(always)]
    fn outputs(&self, block: &Block<'_>, out: usize) -> &[f32] {
        let from = (block.position * self.product.outputs + out) * self.samples;
        self.gradient.get(from..).unwrap_or(&[])
    }

    /// [`WeightGradient::outputs`], the first `HEIGHT` of them each by itself.
    #[inline(always)]
    fn rows<const HEIGHT: usize>(&self, block: &Block<'_>, out: usize) -> [&[f32]; HEIGHT] {
        let mut rest = self.outputs(block, out);
        let mut rows: [&[f32]; HEIGHT] = [&[]; HEIGHT];
        // One after the other: filled by their numbers, the compiler scatters them, and `array::from_fn` may stay a call.
        for row in &mut rows {
            let Some((first, after)) = rest.split_at_checked(self.samples) else { break };
            (*row, rest) = (first, after);
        }
        rows
    }
}

/// What the update of a tile meets: its rows of weights, moments and feedback.
struct Met<'a> {
    /// From the tile's first weight on.
    numbers: [&'a [f32]; 4],
    /// Numbers between one row and the next, and of a row.
    row: (usize, usize),
}

impl Met<'_> {
    /// Steps of a sum in which `height` rows are asked for: four for each of weights, moments and feedback.
    const fn steps(height: usize) -> usize {
        4 * 4 * height
    }
}

impl Ask for Met<'_> {
    #[inline(always)]
    fn ask<A: Arithmetic>(&self, block: usize) {
        let (stride, count) = self.row;
        let at = block / 4 * stride;
        A::prefetch(self.numbers[block % 4].get(at..at + count).unwrap_or(&[]));
    }
}

/// The way of the gradients of some rows of weights to the optimizer.
struct Way<'a, const OUTS: usize> {
    /// G of the rows, sample after sample; empty if it is read as it lies.
    packed: &'a mut [[f32; OUTS]],
    /// Gradients of the rows that are kept until a run is whole.
    gradient: &'a mut [f32],
    update: Update<'a>,
    /// Whether the memory is asked for what an update meets before it is.
    far: bool,
    sums: &'a mut [f32],
}

impl<const OUTS: usize> Way<'_, OUTS> {
    /// A tile of packed rows, the first of whose weights is number `at` and the rows `inputs` apart. The memory is asked for a
    /// row of them at a time between parts of the sum: more lines at once than a core has under way would make it wait.
    #[inline(always)]
    fn sum_asking<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        at: usize,
        inputs: usize,
        columns: Columns<'_>,
    ) -> Tile<WIDTH, VECTORS, OUTS> {
        let mut tile = [[[0.0; WIDTH]; VECTORS]; OUTS];
        // Even, because steps are taken in twos.
        let part = (self.packed.len() / OUTS / 2 * 2).max(2);
        for (row, scalars) in self.packed.chunks(part).enumerate() {
            if row < OUTS {
                self.update.ask::<A>(at + row * inputs, WIDTH * VECTORS);
            }
            let numbers = columns.numbers.get(row * part * columns.stride..).unwrap_or(&[]);
            add_packed::<A, WIDTH, VECTORS, OUTS>(&mut tile, Columns { numbers, ..columns }, scalars);
        }
        tile
    }

    /// Gives the runs of gradients that were kept to the optimizer: `height` rows of `count` weights, the first of which is
    /// number `at` and the rows `inputs` apart.
    #[inline(always)]
    fn release<A: Arithmetic, const KINDS: u32, const WIDTH: usize>(
        &mut self,
        at: usize,
        inputs: usize,
        (height, count): (usize, usize),
        ahead: Option<usize>,
    ) {
        for (j, run) in self.gradient.chunks_exact(count.max(1)).enumerate().take(height) {
            for (number, gradient) in run.chunks(AHEAD).enumerate() {
                let at = at + j * inputs + number * AHEAD;
                self.update.apply_asking::<A, KINDS, WIDTH>(at, ahead, gradient);
            }
        }
    }
}

/// A strip of input columns and the output position that they meet.
struct Block<'a> {
    strip: &'a [f32],
    from: usize,
    count: usize,
    position: usize,
}

/// The first `count` columns of `columns`, which are `stride` numbers apart, with the lanes over columns: tiles of `VECTORS` ×
/// `WIDTH` columns, in each sample after sample. Sums of lanes beyond `count` are never stored.
#[inline(always)]
pub(super) fn strip<'a, A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
    columns: &[f32],
    (count, stride): (usize, usize),
    samples: usize,
    scratch: &'a mut [f32],
) -> &'a [f32] {
    let mut columns = columns.get(..count * stride).unwrap_or(columns);
    let rows = scratch.as_chunks_mut::<WIDTH>().0.as_chunks_mut::<VECTORS>().0;
    for tile in rows.chunks_exact_mut(samples.max(1)).take(count.div_ceil(WIDTH * VECTORS)) {
        turn::<A, WIDTH, VECTORS>(columns, stride, tile);
        columns = columns.get(WIDTH * VECTORS * stride..).unwrap_or(&[]);
    }
    scratch
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
    ///
    /// Many at a time are summed up position by position, so that G is read as it lies in memory.
    #[inline(always)]
    pub fn run<A: Arithmetic, const KINDS: u32, const OUTS: usize>(&self, rows: Range<usize>, mut update: Update<'_>) {
        /// Biases whose sums over positions are under way.
        const ROWS: usize = 64;
        let positions = if self.product.untied { 1 } else { self.product.positions() };
        for from in rows.clone().step_by(ROWS) {
            let mut sums = [0.0; ROWS];
            let sums = sums.get_mut(..ROWS.min(rows.end - from)).unwrap_or(&mut []);
            for position in 0..positions {
                let row = position * self.product.outputs + from;
                let (groups, rest) = sums.as_chunks_mut::<OUTS>();
                for (group, sums) in groups.iter_mut().enumerate() {
                    self.add_batch::<A, OUTS>(row + group * OUTS, sums);
                }
                let row = row + groups.len() * OUTS;
                for (number, sum) in rest.iter_mut().enumerate() {
                    self.add_batch::<A, 1>(row + number, core::array::from_mut(sum));
                }
            }
            update.apply::<A, KINDS, 1>(from - rows.start, sums);
        }
    }

    /// Adds the sums over the batch of `OUTS` neighbouring rows of G, side by side because each is one chain of additions.
    #[inline(always)]
    fn add_batch<A: Arithmetic, const OUTS: usize>(&self, row: usize, sums: &mut [f32; OUTS]) {
        /// Samples between two checks of the rows' lengths.
        const STEPS: usize = 4;
        let n = self.samples;
        let rows: [&[f32]; OUTS] = core::array::from_fn(|j| {
            let from = (row + j) * n;
            self.gradient.get(from..from + n).unwrap_or(&[])
        });
        let mut batch = [0.0; OUTS];
        let Some(blocks) = Blocks::<OUTS, STEPS>::of(&rows, n) else { return };
        // So many short rows no prefetcher of a CPU foresees.
        let mut next = self.gradient.get((row + OUTS) * n..).unwrap_or(&[]).chunks(STEPS * OUTS);
        for block in 0..n / STEPS {
            A::prefetch(next.next().unwrap_or(&[]));
            let Some(numbers) = blocks.get(block) else { break };
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
}
