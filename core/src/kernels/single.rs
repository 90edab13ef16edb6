//! One sample, which would fill one lane: in its input gradient the inputs lie in the lanes, whose weights are neighbours, and
//! in a forward pass of a dense layer or a tied convolution the outputs do, whose weights are turned. The weight gradient of a
//! tied convolution goes from position to position in registers.
//!
//! The same sums in the same order as in `product.rs` and `gradient.rs`.

use core::ops::Range;

use super::gradient::WeightGradient;
use super::product::{Backward, Ends, Forward, Product};
use super::tile::{Columns, Tile, add_along, load, store};
use super::turn::turn;
use crate::arithmetic::Arithmetic;
use crate::optimizer::Update;

/// Inputs whose weights are turned at a time.
const DEPTH: usize = 128;

/// Neighbouring pixels that meet each vector of a tied convolution's weights, as many as hide how long an addition takes.
const PIXELS: usize = 4;

impl Product {
    /// How many pixels of a row from `position` on, at most [`PIXELS`] and before `end`, are met by all columns of the kernel.
    #[inline(always)]
    fn neighbours(&self, position: usize, end: usize) -> usize {
        let (col, pad) = (position % self.cols.max(1), self.kernel / 2);
        let whole = col >= pad && col + PIXELS + pad <= self.cols && position + PIXELS <= end;
        if whole { PIXELS } else { 1 }
    }
}

impl Backward<'_> {
    /// [`Pass::run`](super::product::Pass::run) for one sample, in tiles of `VECTORS` × `WIDTH` inputs.
    #[inline(always)]
    pub fn run_single<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        rows: &Range<usize>,
        output: &mut [f32],
    ) {
        let (inputs, ends) = (self.product.inputs.max(1), self.pass().ends);
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

    /// [`Backward::run_single`] for a [tied convolution](Product::is_shared), some neighbouring pixels at a time; `rows` are
    /// whole pixels.
    #[inline(always)]
    pub fn run_single_shared<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        rows: &Range<usize>,
        output: &mut [f32],
    ) {
        let (inputs, ends) = (self.product.inputs.max(1), self.pass().ends);
        let (first, end) = (rows.start / inputs, rows.end / inputs);
        let mut position = first;
        while position < end {
            let output = output.get_mut((position - first) * inputs..).unwrap_or(&mut []);
            let count = self.product.neighbours(position, end);
            if count == PIXELS {
                self.pixels::<A, WIDTH, VECTORS, PIXELS>(position, ends, output);
            } else {
                self.pixels::<A, WIDTH, VECTORS, 1>(position, ends, output);
            }
            position += count;
        }
    }

    /// dL/dx of `COUNT` neighbouring pixels that the same taps meet.
    #[inline(always)]
    fn pixels<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const COUNT: usize>(
        &self,
        position: usize,
        ends: Ends<'_, true>,
        output: &mut [f32],
    ) {
        let product = self.product;
        let (inputs, outputs, cols) = (product.inputs.max(1), product.outputs, product.cols.max(1));
        for input in (0..inputs).step_by(WIDTH * VECTORS) {
            let mut sums: Tile<WIDTH, VECTORS, COUNT> = [[[0.0; WIDTH]; VECTORS]; COUNT];
            for tap_row in product.reach::<true>(position / cols, product.rows) {
                for tap_col in product.reach::<true>(position % cols, product.cols) {
                    let other = product.pixel::<true>(position, tap_row, tap_col);
                    let from = product.weight_row(other, tap_row, tap_col) * inputs + input;
                    let columns = Columns { numbers: self.weight.get(from..).unwrap_or(&[]), stride: inputs };
                    let gradients = neighbours::<COUNT>(self.gradient, other * outputs, outputs, outputs);
                    add_along::<A, WIDTH, VECTORS, COUNT>(&mut sums, columns, gradients);
                }
            }
            for (pixel, sums) in sums.iter().enumerate() {
                let numbers = output.get_mut(pixel * inputs..(pixel + 1) * inputs).unwrap_or(&mut []);
                ends.store::<A, WIDTH, VECTORS>(
                    sums,
                    (position + pixel) * inputs + input,
                    numbers.get_mut(input..).unwrap_or(&mut []),
                );
            }
        }
    }

    /// The first `count` numbers of `output`, which are columns `row` and on of dL/dx; returns `count`.
    #[inline(always)]
    fn single_tile<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        row: usize,
        count: usize,
        ends: Ends<'_, true>,
        output: &mut [f32],
    ) -> usize {
        let product = self.product;
        let (inputs, outputs, cols) = (product.inputs.max(1), product.outputs, product.cols.max(1));
        let (position, input) = (row / inputs, row % inputs);
        let mut sums: Tile<WIDTH, VECTORS, 1> = [[[0.0; WIDTH]; VECTORS]];
        // No closure over taps: it would be compiled without the vector instructions of its caller.
        for tap_row in product.reach::<true>(position / cols, product.rows) {
            for tap_col in product.reach::<true>(position % cols, product.cols) {
                let other = product.pixel::<true>(position, tap_row, tap_col);
                let from = product.weight_row(other, tap_row, tap_col) * inputs + input;
                let columns = Columns { numbers: self.weight.get(from..).unwrap_or(&[]), stride: inputs };
                let gradient = self.gradient.get(other * outputs..(other + 1) * outputs).unwrap_or(&[]);
                add_along::<A, WIDTH, VECTORS, 1>(&mut sums, columns, [gradient]);
            }
        }
        ends.store::<A, WIDTH, VECTORS>(&sums[0], row, output.get_mut(..count).unwrap_or(&mut []));
        count
    }
}

/// `count` numbers each of `COUNT` pixels, `step` numbers apart, from number `from` on.
#[inline(always)]
fn neighbours<const COUNT: usize>(numbers: &[f32], from: usize, step: usize, count: usize) -> [&[f32]; COUNT] {
    let mut pixels: [&[f32]; COUNT] = [&[]; COUNT];
    for (number, pixel) in pixels.iter_mut().enumerate() {
        let from = from + number * step;
        *pixel = numbers.get(from..from + count).unwrap_or(&[]);
    }
    pixels
}

impl Forward<'_> {
    /// Numbers of scratch that [`Forward::run_single_shared`] takes.
    pub fn single_shared_scratch<const WIDTH: usize, const VECTORS: usize>(&self) -> usize {
        self.product.taps() * self.product.inputs * self.product.outputs.next_multiple_of(WIDTH * VECTORS)
    }

    /// [`Pass::run`](super::product::Pass::run) for one sample of a [tied convolution](Product::is_shared), `rows` whole pixels: all its weights turned,
    /// tile of `VECTORS` × `WIDTH` outputs, tap, input, output of the tile; some neighbouring pixels at a time.
    #[inline(always)]
    pub fn run_single_shared<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        rows: &Range<usize>,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let product = self.product;
        let (inputs, outputs, width) = (product.inputs.max(1), product.outputs.max(1), WIDTH * VECTORS);
        let taps = self.weight.chunks_exact(outputs * inputs);
        for (tile, turned) in scratch.chunks_exact_mut(product.taps() * inputs * width).enumerate() {
            for (weights, turned) in taps.clone().zip(turned.chunks_exact_mut(inputs * width)) {
                let weights = weights.get(tile * width * inputs..).unwrap_or(&[]);
                turn::<A, WIDTH, VECTORS>(weights, inputs, turned.as_chunks_mut().0.as_chunks_mut().0);
            }
        }
        let (first, end, ends) = (rows.start / outputs, rows.end / outputs, self.pass().ends);
        let mut position = first;
        while position < end {
            let output = output.get_mut((position - first) * outputs..).unwrap_or(&mut []);
            let count = product.neighbours(position, end);
            if count == PIXELS {
                self.pixels::<A, WIDTH, VECTORS, PIXELS>(position, scratch, ends, output);
            } else {
                self.pixels::<A, WIDTH, VECTORS, 1>(position, scratch, ends, output);
            }
            position += count;
        }
    }

    /// The outputs of `COUNT` neighbouring pixels that meet the same taps.
    #[inline(always)]
    fn pixels<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const COUNT: usize>(
        &self,
        position: usize,
        turned: &[f32],
        ends: Ends<'_, false>,
        output: &mut [f32],
    ) {
        let product = self.product;
        let (inputs, outputs, cols) = (product.inputs.max(1), product.outputs, product.cols.max(1));
        let width = WIDTH * VECTORS;
        let tap_cols = product.reach::<false>(position % cols, product.cols);
        for (tile, turned) in turned.chunks_exact(product.taps() * inputs * width).enumerate() {
            let mut bias = [[0.0; WIDTH]; VECTORS];
            load(&mut bias, self.bias.get(tile * width..).unwrap_or(&[]));
            let mut sums: Tile<WIDTH, VECTORS, COUNT> = [bias; COUNT];
            for tap_row in product.reach::<false>(position / cols, product.rows) {
                // The pixels that a row of the kernel meets, and their weights, are one run.
                let other = product.pixel::<false>(position, tap_row, tap_cols.start);
                let from = (tap_row * product.kernel + tap_cols.start) * inputs * width;
                let columns = Columns { numbers: turned.get(from..).unwrap_or(&[]), stride: width };
                let pixels = neighbours::<COUNT>(self.input, other * inputs, inputs, tap_cols.len() * inputs);
                add_along::<A, WIDTH, VECTORS, COUNT>(&mut sums, columns, pixels);
            }
            for (pixel, sums) in sums.iter().enumerate() {
                let numbers = output.get_mut(pixel * outputs..(pixel + 1) * outputs).unwrap_or(&mut []);
                let numbers = numbers.get_mut(tile * width..).unwrap_or(&mut []);
                ends.store::<A, WIDTH, VECTORS>(sums, (position + pixel) * outputs + tile * width, numbers);
            }
        }
    }

    /// Numbers of scratch that [`Forward::run_single`] takes.
    pub const fn single_scratch<const WIDTH: usize, const VECTORS: usize>() -> usize {
        DEPTH * WIDTH * VECTORS
    }

    /// [`Pass::run`](super::product::Pass::run) for one sample of a [dense](Product::is_dense) layer, in tiles of `VECTORS` × `WIDTH` outputs.
    #[inline(always)]
    pub fn run_single<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        rows: &Range<usize>,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let (inputs, width, ends) = (self.product.inputs.max(1), WIDTH * VECTORS, self.pass().ends);
        for (row, output) in rows.clone().step_by(width).zip(output.chunks_mut(width)) {
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
            ends.store::<A, WIDTH, VECTORS>(&sums[0], row, output);
        }
    }
}

impl WeightGradient<'_> {
    /// [`WeightGradient::run`] for one sample of a [tied convolution](Product::is_shared), in tiles of `OUTS` outputs ×
    /// `VECTORS` × `WIDTH` inputs.
    #[inline(always)]
    pub fn run_single_shared<
        A: Arithmetic,
        const KINDS: u32,
        const WIDTH: usize,
        const VECTORS: usize,
        const OUTS: usize,
    >(
        &self,
        rows: &Range<usize>,
        mut update: Update<'_>,
        sums: &mut [f32],
    ) {
        let (inputs, outputs) = (self.product.inputs.max(1), self.product.outputs.max(1));
        let mut row = rows.start;
        while row < rows.end {
            let left = (outputs - row % outputs).min(rows.end - row);
            let sums = sums.get_mut((row - rows.start) * inputs..).unwrap_or(&mut []);
            row += if left >= OUTS {
                self.single_rows::<A, WIDTH, VECTORS, OUTS>(row, sums)
            } else {
                self.single_rows::<A, WIDTH, VECTORS, 1>(row, sums)
            };
        }
        update.apply::<A, KINDS, WIDTH>(0, sums);
    }

    /// The gradients of `OUTS` rows of one tap's weights from `row` on; returns `OUTS`.
    #[inline(always)]
    fn single_rows<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        row: usize,
        gradients: &mut [f32],
    ) -> usize {
        let product = self.product;
        let (inputs, outputs, cols) = (product.inputs.max(1), product.outputs.max(1), product.cols);
        let (tap, output) = (row / outputs, row % outputs);
        let (tap_row, tap_col) = (tap / product.kernel.max(1), tap % product.kernel.max(1));
        let met = product.met(tap_col, cols);
        for input in (0..inputs).step_by(WIDTH * VECTORS) {
            let mut sums: Tile<WIDTH, VECTORS, OUTS> = [[[0.0; WIDTH]; VECTORS]; OUTS];
            for line in product.met(tap_row, product.rows) {
                let position = line * cols + met.start;
                let pixel = product.pixel::<false>(position, tap_row, tap_col);
                let pixels = self.input.get(pixel * inputs + input..).unwrap_or(&[]);
                let signals = self.gradient.get(position * outputs + output..).unwrap_or(&[]);
                add_products::<A, WIDTH, VECTORS, OUTS>(&mut sums, (pixels, inputs), (signals, outputs), met.len());
            }
            let width = (WIDTH * VECTORS).min(inputs - input);
            for (sums, row) in sums.iter().zip(gradients.chunks_mut(inputs)) {
                store(sums, row.get_mut(input..input + width).unwrap_or(&mut []));
            }
        }
        OUTS
    }
}

/// `sums[j] += pixel · signal[j]` for `count` pixels and signals, each so many numbers apart; each product is rounded by itself.
#[inline(always)]
fn add_products<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
    sums: &mut Tile<WIDTH, VECTORS, OUTS>,
    (pixels, inputs): (&[f32], usize),
    (signals, outputs): (&[f32], usize),
    count: usize,
) {
    let mut tile = *sums;
    let (mut pixels, mut signals) = (pixels, signals);
    for _ in 0..count {
        let Some(signal) = signals.first_chunk::<OUTS>() else { break };
        let mut pixel = [[0.0; WIDTH]; VECTORS];
        load(&mut pixel, pixels);
        for (sums, signal) in tile.iter_mut().zip(signal) {
            for (sums, x) in sums.iter_mut().zip(&pixel) {
                let products = A::add_scaled(&[0.0; WIDTH], x, *signal);
                sums.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
            }
        }
        pixels = pixels.get(inputs..).unwrap_or(&[]);
        signals = signals.get(outputs..).unwrap_or(&[]);
    }
    *sums = tile;
}
