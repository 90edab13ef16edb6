//! The indirect matrix product: an output column is a sum of input columns times scalars.
//!
//! Dense, convolution and untied convolution differ only in which input columns a row of weights names. A column is
//! one feature of all samples, so the batch lies in the lanes. Every sum runs in order — taps by row and column, then
//! features — whatever the tile, vector width or thread count: those choose speed, never bits.

use core::ops::Range;

use crate::arithmetic::Arithmetic;

/// Source columns that one pass over the destination takes at most, so that they stay in the second-level cache.
const BUDGET: usize = 512;

/// Weights of a kernel row that are gathered when the channels are few.
const GATHERED: usize = 32;

/// The shape of a product: images of `rows` × `cols` × `inputs` in, × `outputs` out; a dense layer is a 1×1 image.
///
/// Weights lie as [row, col,] tap, output, input (row and column only if untied), activations as row, column,
/// channel, each × samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Rows of the image.
    pub rows: usize,
    /// Columns of the image.
    pub cols: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Side of the square kernel, odd.
    pub kernel: usize,
    /// Whether each position has weights of its own.
    pub untied: bool,
}

impl Product {
    /// Positions of the image.
    pub fn positions(&self) -> usize {
        self.rows * self.cols
    }

    /// Taps of the kernel.
    pub fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Rows of weights, `inputs` long each: untied position, tap, output.
    pub fn weight_rows(&self) -> usize {
        self.taps() * self.outputs * if self.untied { self.positions() } else { 1 }
    }

    /// Whether one weight serves several positions, so that its gradient is a sum over them.
    pub fn is_shared(&self) -> bool {
        !self.untied && self.positions() > 1
    }

    /// Number of the first weight row of a tap at an output position.
    pub(super) fn weight_row(&self, position: usize, tap_row: usize, tap_col: usize) -> usize {
        let position = if self.untied { position * self.taps() } else { 0 };
        (position + tap_row * self.kernel + tap_col) * self.outputs
    }

    /// Taps that stay inside an axis of `size` when seen from `at`, forward (at + tap) or backward (at − tap).
    #[inline(always)]
    pub(super) fn reach<const BACKWARD: bool>(&self, at: usize, size: usize) -> Range<usize> {
        let pad = self.kernel / 2;
        if BACKWARD {
            (at + pad + 1).saturating_sub(size)..self.kernel.min(at + pad + 1)
        } else {
            pad.saturating_sub(at)..self.kernel.min((size + pad).saturating_sub(at))
        }
    }

    /// The coordinate that a tap of [`Product::reach`] leads to.
    #[inline(always)]
    pub(super) fn other<const BACKWARD: bool>(&self, at: usize, tap: usize) -> usize {
        let pad = self.kernel / 2;
        if BACKWARD { (at + pad).wrapping_sub(tap) } else { (at + tap).wrapping_sub(pad) }
    }
}

/// y = x W + b, and ReLU.
#[derive(Clone, Copy, Debug)]
pub struct Forward<'a> {
    /// Shapes.
    pub product: Product,
    /// Samples of the batch.
    pub samples: usize,
    /// x: position, input × samples.
    pub input: &'a [f32],
    /// W.
    pub weight: &'a [f32],
    /// b: one for each output, or for each position and output if untied.
    pub bias: &'a [f32],
    /// Whether `if y <= 0 {0} else {y}` follows.
    pub relu: bool,
}

impl Forward<'_> {
    /// Computes the output columns `rows`, counted as position × outputs + output, in register tiles of
    /// `VECTORS` × `WIDTH` samples × `OUTS` columns.
    #[inline(always)]
    pub fn run<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        rows: Range<usize>,
        output: &mut [f32],
    ) {
        let pass =
            Pass::<false> { product: self.product, samples: self.samples, source: self.input, weight: self.weight };
        let outputs = self.product.outputs;
        let untied = self.product.untied;
        let start = |position: usize, row: usize| {
            let at = if untied { position * outputs + row } else { row };
            self.bias.get(at).copied().unwrap_or(0.0)
        };
        let relu = self.relu;
        let finish = |y: f32, _: f32| if relu && y <= 0.0 { 0.0 } else { y };
        pass.run::<A, WIDTH, VECTORS, OUTS>(rows, &Ends { start: &start, finish: &finish, mask: None }, output);
    }
}

/// dL/dx = G Bᵀ, masked where a ReLU before it was off.
#[derive(Clone, Copy, Debug)]
pub struct Backward<'a> {
    /// Shapes.
    pub product: Product,
    /// Samples of the batch.
    pub samples: usize,
    /// G: position, output × samples.
    pub gradient: &'a [f32],
    /// B, laid out as the weights.
    pub weight: &'a [f32],
    /// x, the output of a ReLU; `None` if no ReLU stands before.
    pub mask: Option<&'a [f32]>,
}

impl Backward<'_> {
    /// Computes the columns `rows` of dL/dx, counted as position × inputs + input, in register tiles of
    /// `VECTORS` × `WIDTH` samples × `OUTS` columns.
    #[inline(always)]
    pub fn run<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        rows: Range<usize>,
        output: &mut [f32],
    ) {
        let pass =
            Pass::<true> { product: self.product, samples: self.samples, source: self.gradient, weight: self.weight };
        let finish = |d: f32, h: f32| if h <= 0.0 { 0.0 } else { d };
        pass.run::<A, WIDTH, VECTORS, OUTS>(
            rows,
            &Ends { start: &|_, _| 0.0, finish: &finish, mask: self.mask },
            output,
        );
    }
}

/// One of the two products that run over the batch lanes.
struct Pass<'a, const BACKWARD: bool> {
    product: Product,
    samples: usize,
    source: &'a [f32],
    weight: &'a [f32],
}

/// Part of the sum of one position: some kernel rows, kernel columns and source channels.
struct Part {
    position: usize,
    tap_rows: Range<usize>,
    tap_cols: Range<usize>,
    depth: Range<usize>,
    first: bool,
    last: bool,
}

impl<const BACKWARD: bool> Pass<'_, BACKWARD> {
    /// Channels summed over.
    fn depth(&self) -> usize {
        if BACKWARD { self.product.outputs } else { self.product.inputs }
    }

    /// Channels of the destination.
    fn height(&self) -> usize {
        if BACKWARD { self.product.inputs } else { self.product.outputs }
    }

    #[inline(always)]
    fn run<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        rows: Range<usize>,
        ends: &Ends<'_, impl Fn(usize, usize) -> f32, impl Fn(f32, f32) -> f32>,
        output: &mut [f32],
    ) {
        let height = self.height().max(1);
        let mut row = rows.start;
        while row < rows.end {
            let (position, from) = (row / height, row % height);
            let to = height.min(from + rows.end - row);
            let at = (row - rows.start) * self.samples..(row - rows.start + to - from) * self.samples;
            let block = output.get_mut(at).unwrap_or(&mut []);
            let ends = &ends.from(row * self.samples);
            self.position::<A, WIDTH, VECTORS, OUTS>(position, from..to, ends, block);
            row += to - from;
        }
    }

    /// All parts of the sum for some channels of one position.
    #[inline(always)]
    fn position<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        position: usize,
        rows: Range<usize>,
        ends: &Ends<'_, impl Fn(usize, usize) -> f32, impl Fn(f32, f32) -> f32>,
        output: &mut [f32],
    ) {
        let (product, depth) = (self.product, self.depth());
        let cols = product.cols.max(1);
        let tap_rows = product.reach::<BACKWARD>(position / cols, product.rows);
        let tap_cols = product.reach::<BACKWARD>(position % cols, product.cols);
        let (row_step, col_step) = if depth > BUDGET {
            (1, 1)
        } else {
            ((BUDGET / (product.kernel * depth).max(1)).max(1), product.kernel.max(1))
        };
        for tap_row in tap_rows.clone().step_by(row_step) {
            for tap_col in tap_cols.clone().step_by(col_step) {
                for channel in (0..depth).step_by(BUDGET) {
                    let part = Part {
                        position,
                        tap_rows: tap_row..tap_rows.end.min(tap_row + row_step),
                        tap_cols: tap_col..tap_cols.end.min(tap_col + col_step),
                        depth: channel..depth.min(channel + BUDGET),
                        first: tap_row == tap_rows.start && tap_col == tap_cols.start && channel == 0,
                        last: tap_row + row_step >= tap_rows.end
                            && tap_col + col_step >= tap_cols.end
                            && channel + BUDGET >= depth,
                    };
                    self.part::<A, WIDTH, VECTORS, OUTS>(&part, rows.clone(), ends, output);
                }
            }
        }
    }

    /// One part for all tiles of the destination; what remains beside whole tiles goes through lower ones.
    #[inline(always)]
    fn part<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        part: &Part,
        rows: Range<usize>,
        ends: &Ends<'_, impl Fn(usize, usize) -> f32, impl Fn(f32, f32) -> f32>,
        output: &mut [f32],
    ) {
        let mut row = rows.start;
        while row < rows.end {
            let left = rows.end - row;
            let at = (row - rows.start) * self.samples;
            let output = output.get_mut(at..).unwrap_or(&mut []);
            let ends = &ends.from(at);
            row += if left >= OUTS {
                self.lanes::<A, WIDTH, VECTORS, OUTS>(part, row, ends, output)
            } else if OUTS > 4 && left >= 4 {
                self.lanes::<A, WIDTH, VECTORS, 4>(part, row, ends, output)
            } else if OUTS > 2 && left >= 2 {
                self.lanes::<A, WIDTH, VECTORS, 2>(part, row, ends, output)
            } else {
                self.lanes::<A, WIDTH, VECTORS, 1>(part, row, ends, output)
            };
        }
    }

    /// One row of tiles over all lanes of the batch, the last one maybe in part; returns its height.
    #[inline(always)]
    fn lanes<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        part: &Part,
        row: usize,
        ends: &Ends<'_, impl Fn(usize, usize) -> f32, impl Fn(f32, f32) -> f32>,
        output: &mut [f32],
    ) -> usize {
        let mut lane = 0;
        while lane + WIDTH * VECTORS <= self.samples {
            self.tile::<A, WIDTH, VECTORS, OUTS>(part, row, lane, ends, output);
            lane += WIDTH * VECTORS;
        }
        while lane < self.samples {
            self.tile::<A, WIDTH, 1, OUTS>(part, row, lane, ends, output);
            lane += WIDTH;
        }
        OUTS
    }

    /// One register tile: `OUTS` destination columns × `VECTORS` × `WIDTH` samples.
    #[inline(always)]
    fn tile<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        part: &Part,
        row: usize,
        lane: usize,
        ends: &Ends<'_, impl Fn(usize, usize) -> f32, impl Fn(f32, f32) -> f32>,
        output: &mut [f32],
    ) {
        let samples = self.samples.max(1);
        let mut sums: Tile<WIDTH, VECTORS, OUTS> = [[[0.0; WIDTH]; VECTORS]; OUTS];
        if part.first {
            for (out, sums) in sums.iter_mut().enumerate() {
                *sums = [[(ends.start)(part.position, row + out); WIDTH]; VECTORS];
            }
        } else {
            for (sums, column) in sums.iter_mut().zip(output.chunks_exact(samples)) {
                load(sums, column.get(lane..).unwrap_or(&[]));
            }
        }
        self.accumulate::<A, WIDTH, VECTORS, OUTS>(part, row, lane, &mut sums);
        for (out, (sums, column)) in sums.iter_mut().zip(output.chunks_exact_mut(samples)).enumerate() {
            if part.last {
                ends.finish(sums, out * samples + lane);
            }
            store(sums, column.get_mut(lane..).unwrap_or(&mut []));
        }
    }

    /// Adds one part's columns times scalars to a register tile.
    #[inline(always)]
    fn accumulate<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        part: &Part,
        row: usize,
        lane: usize,
        sums: &mut Tile<WIDTH, VECTORS, OUTS>,
    ) {
        let (product, depth) = (self.product, self.depth());
        let (cols, inputs) = (product.cols.max(1), product.inputs.max(1));
        let (at_row, at_col) = (part.position / cols, part.position % cols);
        if !BACKWARD && WIDTH > 1 && depth * part.tap_cols.len() <= GATHERED && depth == part.depth.len() {
            return self.accumulate_gathered::<A, WIDTH, VECTORS, OUTS>(part, row, lane, sums);
        }
        for tap_row in part.tap_rows.clone() {
            for tap_col in part.tap_cols.clone() {
                let other_row = product.other::<BACKWARD>(at_row, tap_row);
                let other = other_row * cols + product.other::<BACKWARD>(at_col, tap_col);
                let from = (other * depth + part.depth.start) * self.samples + lane;
                let columns = Columns { numbers: self.source.get(from..).unwrap_or(&[]), stride: self.samples };
                let weight_row = product.weight_row(if BACKWARD { other } else { part.position }, tap_row, tap_col);
                if BACKWARD {
                    let from = (weight_row + part.depth.start) * inputs;
                    let rows = self.weight.get(from..from + part.depth.len() * inputs).unwrap_or(&[]);
                    add_across::<A, WIDTH, VECTORS, OUTS>(sums, columns, rows, inputs, row);
                } else {
                    let rows = core::array::from_fn(|out| {
                        let from = (weight_row + row + out) * inputs + part.depth.start;
                        self.weight.get(from..from + part.depth.len()).unwrap_or(&[])
                    });
                    add_along::<A, WIDTH, VECTORS, OUTS>(sums, columns, rows);
                }
            }
        }
    }

    /// The same for few channels: the weights of a kernel row are gathered, so that its pixels are one run of columns.
    #[inline(always)]
    fn accumulate_gathered<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        part: &Part,
        row: usize,
        lane: usize,
        sums: &mut Tile<WIDTH, VECTORS, OUTS>,
    ) {
        let (product, depth, cols) = (self.product, self.depth(), self.product.cols.max(1));
        let first_col = product.other::<BACKWARD>(part.position % cols, part.tap_cols.start);
        let count = depth * part.tap_cols.len();
        for tap_row in part.tap_rows.clone() {
            let mut weights = [[0.0; GATHERED]; OUTS];
            for (number, tap_col) in part.tap_cols.clone().enumerate() {
                let from = (product.weight_row(part.position, tap_row, tap_col) + row) * depth;
                let rows = self.weight.get(from..).unwrap_or(&[]).chunks_exact(depth.max(1));
                for (weights, row) in weights.iter_mut().zip(rows) {
                    let weights = weights.get_mut(number * depth..).unwrap_or(&mut []);
                    weights.iter_mut().zip(row).for_each(|(weight, number)| *weight = *number);
                }
            }
            let pixel = product.other::<BACKWARD>(part.position / cols, tap_row) * cols + first_col;
            let columns = self.source.get(pixel * depth * self.samples + lane..).unwrap_or(&[]);
            let rows = weights.each_ref().map(|weights| weights.get(..count).unwrap_or(&[]));
            add_along::<A, WIDTH, VECTORS, OUTS>(sums, Columns { numbers: columns, stride: self.samples }, rows);
        }
    }
}

/// How a destination column begins and ends: `start` gives the bias, `finish` the ReLU or the mask.
struct Ends<'a, S, F> {
    start: &'a S,
    finish: &'a F,
    mask: Option<&'a [f32]>,
}

impl<S, F: Fn(f32, f32) -> f32> Ends<'_, S, F> {
    /// The same for the columns from number `at` on.
    #[inline(always)]
    fn from(&self, at: usize) -> Self {
        let mask = self.mask.map(|mask| mask.get(at..).unwrap_or(&[]));
        Self { start: self.start, finish: self.finish, mask }
    }

    #[inline(always)]
    fn finish<const WIDTH: usize, const VECTORS: usize>(&self, sums: &mut [[f32; WIDTH]; VECTORS], at: usize) {
        let mut heights = [[f32::INFINITY; WIDTH]; VECTORS];
        if let Some(mask) = self.mask {
            load(&mut heights, mask.get(at..).unwrap_or(&[]));
        }
        for (sums, heights) in sums.iter_mut().zip(&heights) {
            for (sum, height) in sums.iter_mut().zip(heights) {
                *sum = (self.finish)(*sum, *height);
            }
        }
    }
}

/// A register tile. Its vectors are spelled out because the compiler keeps whole arrays of them in registers.
pub(super) type Tile<const WIDTH: usize, const VECTORS: usize, const OUTS: usize> = [[[f32; WIDTH]; VECTORS]; OUTS];

/// Columns from one lane on, `stride` numbers apart; what lies between belongs to other lanes.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) numbers: &'a [f32],
    pub(super) stride: usize,
}

impl Columns<'_> {
    /// How many of the first `count` columns can be read as `lanes` numbers.
    ///
    /// A vector may reach into the next column: those lanes are computed and never stored.
    #[inline(always)]
    fn readable(self, count: usize, lanes: usize) -> usize {
        if self.numbers.len() < lanes { 0 } else { count.min((self.numbers.len() - lanes) / self.stride.max(1) + 1) }
    }

    /// The vectors of column `k`; zero where the numbers end.
    #[inline(always)]
    fn padded<const WIDTH: usize, const VECTORS: usize>(self, k: usize) -> [[f32; WIDTH]; VECTORS] {
        let mut vectors = [[0.0; WIDTH]; VECTORS];
        load(&mut vectors, self.numbers.get(k * self.stride..).unwrap_or(&[]));
        vectors
    }
}

/// Reads as many numbers as there are.
#[inline(always)]
pub(super) fn load<const WIDTH: usize, const VECTORS: usize>(vectors: &mut [[f32; WIDTH]; VECTORS], numbers: &[f32]) {
    if let Some(numbers) = vectors_of::<WIDTH, VECTORS>(numbers) {
        *vectors = *numbers;
    } else {
        vectors.as_flattened_mut().iter_mut().zip(numbers).for_each(|(vector, number)| *vector = *number);
    }
}

/// Writes as many numbers as there is room for.
#[inline(always)]
pub(super) fn store<const WIDTH: usize, const VECTORS: usize>(vectors: &[[f32; WIDTH]; VECTORS], numbers: &mut [f32]) {
    match numbers.as_chunks_mut::<WIDTH>().0.first_chunk_mut::<VECTORS>() {
        Some(numbers) => *numbers = *vectors,
        None => numbers.iter_mut().zip(vectors.as_flattened()).for_each(|(number, vector)| *number = *vector),
    }
}

/// Adds a tile's row to as many numbers as there are.
#[inline(always)]
pub(super) fn add_to<const WIDTH: usize, const VECTORS: usize>(numbers: &mut [f32], vectors: &[[f32; WIDTH]; VECTORS]) {
    for (number, vector) in numbers.iter_mut().zip(vectors.as_flattened()) {
        *number += *vector;
    }
}

#[inline(always)]
fn vectors_of<const WIDTH: usize, const VECTORS: usize>(numbers: &[f32]) -> Option<&[[f32; WIDTH]; VECTORS]> {
    numbers.as_chunks::<WIDTH>().0.first_chunk::<VECTORS>()
}

/// `sums[j][l] += column_k[l] · scalar`.
#[inline(always)]
fn add<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
    sums: &mut [[f32; WIDTH]; VECTORS],
    column: &[[f32; WIDTH]; VECTORS],
    scalar: f32,
) {
    for (sums, column) in sums.iter_mut().zip(column) {
        let mut next = [0.0; WIDTH];
        for ((next, sum), x) in next.iter_mut().zip(&*sums).zip(column) {
            *next = A::mul_add(*x, scalar, *sum);
        }
        *sums = next;
    }
}

/// `sums[j] += Σ_k column_k · rows[j][k]`, k in order.
#[inline(always)]
pub(super) fn add_along<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
    sums: &mut Tile<WIDTH, VECTORS, OUTS>,
    columns: Columns<'_>,
    rows: [&[f32]; OUTS],
) {
    /// Steps between two checks of the rows' lengths.
    const STEPS: usize = 4;
    let count = rows.iter().map(|row| row.len()).min().unwrap_or(0);
    let whole = columns.readable(count, WIDTH * VECTORS);
    let mut tile = *sums;
    let mut rest = columns.numbers;
    let blocks = rows.map(|row| row.as_chunks::<STEPS>().0);
    for block in 0..whole / STEPS {
        let scalars = blocks.map(|blocks| blocks.get(block).unwrap_or(&[0.0; STEPS]));
        for step in 0..STEPS {
            let Some(column) = vectors_of(rest) else { break };
            for (sums, scalars) in tile.iter_mut().zip(&scalars) {
                add::<A, WIDTH, VECTORS>(sums, column, scalars[step]);
            }
            rest = rest.get(columns.stride..).unwrap_or(&[]);
        }
    }
    for k in whole / STEPS * STEPS..count {
        let column = match vectors_of(rest) {
            Some(column) => *column,
            None => columns.padded(k),
        };
        rest = rest.get(columns.stride..).unwrap_or(&[]);
        for (sums, row) in tile.iter_mut().zip(&rows) {
            add::<A, WIDTH, VECTORS>(sums, &column, row.get(k).copied().unwrap_or(0.0));
        }
    }
    *sums = tile;
}

/// `sums[j] += Σ_k column_k · rows[k][row + j]`, k in order; a row of weights is `width` long.
#[inline(always)]
fn add_across<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
    sums: &mut Tile<WIDTH, VECTORS, OUTS>,
    columns: Columns<'_>,
    rows: &[f32],
    width: usize,
    row: usize,
) {
    let rows = rows.chunks_exact(width.max(1));
    let whole = columns.readable(rows.len(), WIDTH * VECTORS);
    let mut tile = *sums;
    let mut rest = columns.numbers;
    for weights in rows.clone().take(whole) {
        let Some(column) = vectors_of(rest) else { break };
        let column = *column;
        let Some(weights) = weights.get(row..).and_then(<[f32]>::first_chunk::<OUTS>) else { break };
        for (sums, scalar) in tile.iter_mut().zip(weights) {
            add::<A, WIDTH, VECTORS>(sums, &column, *scalar);
        }
        rest = rest.get(columns.stride..).unwrap_or(&[]);
    }
    for (k, weights) in rows.enumerate().skip(whole) {
        let column = columns.padded(k);
        let Some(weights) = weights.get(row..).and_then(<[f32]>::first_chunk::<OUTS>) else { break };
        for (sums, scalar) in tile.iter_mut().zip(weights) {
            add::<A, WIDTH, VECTORS>(sums, &column, *scalar);
        }
    }
    *sums = tile;
}
