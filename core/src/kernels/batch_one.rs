//! Kernels for one sample, which would leave all lanes of a data pass but one empty.
//!
//! | pass | layer | lanes hold | weights |
//! |---|---|---|---|
//! | input gradient | dense, untied | inputs | unpacked |
//! | input gradient | convolution | inputs | unpacked, for neighbouring pixels at a time |
//! | forward | dense | outputs | transposed, [`K_BLOCK`] inputs at a time |
//! | forward | convolution | outputs | transposed once, for neighbouring pixels at a time |
//! | weight gradient | convolution | inputs | summed in registers from position to position |
//!
//! The same sums in the same order as in `data_pass.rs` and `weight_gradient.rs`.

use core::ops::Range;

use super::data_pass::DataPass;
use super::epilogue::Epilogue;
use super::geometry::Geometry;
use super::jobs::{Forward, InputGradient, WeightGradient};
use super::microkernel::{BRows, Tile, add_rows, load, store};
use super::tile::{ScratchLayout, TileShape};
use super::transpose::transpose;
use super::update::Update;
use crate::arithmetic::Arithmetic;
use crate::network::Axis;
use crate::network::kernel::Taps;
use crate::slices::{range, tail};

/// Inputs whose weights are transposed at a time.
const K_BLOCK: usize = 128;

/// Neighbouring pixels that use each vector of a convolution's weights: as many sums as hide the latency of an addition.
pub(super) const PIXELS: usize = 4;

impl Geometry {
    /// How many neighbours of a row from `place` on, [`PIXELS`] or 1, lie before `end` and have all columns of the kernel inside the
    /// image. With a stride, neighbouring pixels are read by different taps, so there is 1 backward.
    #[inline(always)]
    fn inner_places<const BACKWARD: bool>(&self, place: usize, end: usize) -> usize {
        let Axis { input, output, taps, stride, padding } = self.cols;
        let (_, col) = self.coordinates::<BACKWARD>(place);
        let last = col + PIXELS - 1;
        let whole = if BACKWARD {
            stride == 1 && col + padding + 1 >= taps && last + padding < output
        } else {
            col * stride >= padding && last * stride + taps <= input + padding
        };
        if whole && place + PIXELS <= end { PIXELS } else { 1 }
    }
}

impl InputGradient<'_> {
    /// [`DataPass::run`] for one sample.
    #[inline(always)]
    pub fn run_batch_one<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
        &self,
        rows: &Range<usize>,
        output: &mut [f32],
    ) {
        let (inputs, epilogue) = (self.geometry.in_channels.max(1), DataPass::from(self).epilogue);
        let mut row = rows.start;
        while row < rows.end {
            let left = (inputs - row % inputs).min(rows.end - row);
            let output = output.get_mut(row - rows.start..).unwrap_or(&mut []);
            row += if left >= LANES * NR_VECTORS {
                self.inputs::<A, LANES, NR_VECTORS>(row, LANES * NR_VECTORS, epilogue, output)
            } else {
                self.inputs::<A, LANES, 1>(row, LANES.min(left), epilogue, output)
            };
        }
    }

    /// The first `count` values of `output`, the columns from `row` on of dL/dh; returns `count`.
    #[inline(always)]
    fn inputs<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
        &self,
        row: usize,
        count: usize,
        epilogue: Epilogue<'_, true>,
        output: &mut [f32],
    ) -> usize {
        let geometry = self.geometry;
        let (inputs, outputs) = (geometry.in_channels.max(1), geometry.out_channels);
        let (pixel, input) = (row / inputs, row % inputs);
        let mut sums: Tile<LANES, NR_VECTORS, 1> = [[[0.0; LANES]; NR_VECTORS]];
        // No closure over taps: the compiler may build one without the vector instructions of its caller.
        let (tap_rows, tap_cols) = geometry.valid_taps::<true>(pixel);
        for tap_row in tap_rows {
            for tap_col in tap_cols.clone() {
                let output_position = geometry.source::<true>(pixel, tap_row, tap_col);
                let from = geometry.weight_row(output_position, tap_row, tap_col) * inputs + input;
                let b_rows = BRows { values: tail(self.weight, from), stride: inputs };
                let grad_output = range(self.grad_output, output_position * outputs, outputs);
                add_rows::<A, LANES, NR_VECTORS, 1>(&mut sums, b_rows, [grad_output]);
            }
        }
        epilogue.store::<A, LANES, NR_VECTORS>(&sums[0], row, output.get_mut(..count).unwrap_or(&mut []));
        count
    }

    /// [`InputGradient::run_batch_one`] for a convolution, some neighbouring pixels at a time; `rows` are whole pixels.
    #[inline(always)]
    pub fn run_batch_one_convolution<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
        &self,
        rows: &Range<usize>,
        output: &mut [f32],
    ) {
        let (inputs, epilogue) = (self.geometry.in_channels.max(1), DataPass::from(self).epilogue);
        let (first, end) = (rows.start / inputs, rows.end / inputs);
        let mut position = first;
        while position < end {
            let output = output.get_mut((position - first) * inputs..).unwrap_or(&mut []);
            let count = self.geometry.inner_places::<true>(position, end);
            if count == PIXELS {
                self.pixels::<A, LANES, NR_VECTORS, PIXELS>(position, epilogue, output);
            } else {
                self.pixels::<A, LANES, NR_VECTORS, 1>(position, epilogue, output);
            }
            position += count;
        }
    }

    /// dL/dh of `COUNT` neighbouring pixels with the same valid taps.
    #[inline(always)]
    fn pixels<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const COUNT: usize>(
        &self,
        position: usize,
        epilogue: Epilogue<'_, true>,
        output: &mut [f32],
    ) {
        let geometry = self.geometry;
        let (inputs, outputs) = (geometry.in_channels.max(1), geometry.out_channels);
        let (tap_rows, tap_cols) = geometry.valid_taps::<true>(position);
        for input in (0..inputs).step_by(LANES * NR_VECTORS) {
            let mut sums: Tile<LANES, NR_VECTORS, COUNT> = [[[0.0; LANES]; NR_VECTORS]; COUNT];
            for tap_row in tap_rows.clone() {
                for tap_col in tap_cols.clone() {
                    let output_position = geometry.source::<true>(position, tap_row, tap_col);
                    let from = geometry.weight_row(output_position, tap_row, tap_col) * inputs + input;
                    let b_rows = BRows { values: tail(self.weight, from), stride: inputs };
                    let grad_outputs =
                        neighbours::<COUNT>(self.grad_output, output_position * outputs, outputs, outputs);
                    add_rows::<A, LANES, NR_VECTORS, COUNT>(&mut sums, b_rows, grad_outputs);
                }
            }
            for (pixel, sums) in sums.iter().enumerate() {
                let values = output.get_mut(pixel * inputs..(pixel + 1) * inputs).unwrap_or(&mut []);
                epilogue.store::<A, LANES, NR_VECTORS>(
                    sums,
                    (position + pixel) * inputs + input,
                    values.get_mut(input..).unwrap_or(&mut []),
                );
            }
        }
    }
}

/// `count` values each of `COUNT` pixels, `stride` values apart, from `from` on.
#[inline(always)]
fn neighbours<const COUNT: usize>(values: &[f32], from: usize, stride: usize, count: usize) -> [&[f32]; COUNT] {
    let mut pixels: [&[f32]; COUNT] = [&[]; COUNT];
    for (index, pixel) in pixels.iter_mut().enumerate() {
        let from = from + index * stride;
        *pixel = range(values, from, count);
    }
    pixels
}

impl Forward<'_> {
    /// The scratch of [`Forward::run_batch_one`]: the transposed weights of a tile.
    pub(super) fn batch_one_scratch(tile: TileShape) -> ScratchLayout {
        ScratchLayout { b_panel: K_BLOCK * tile.nr(), ..ScratchLayout::default() }
    }

    /// [`DataPass::run`] for one sample of a [dense](Geometry::is_dense) layer.
    #[inline(always)]
    pub fn run_batch_one<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
        &self,
        rows: &Range<usize>,
        b_panel: &mut [f32],
        output: &mut [f32],
    ) {
        let (inputs, nr, epilogue) =
            (self.geometry.in_channels.max(1), LANES * NR_VECTORS, DataPass::from(self).epilogue);
        for (row, output) in rows.clone().step_by(nr).zip(output.chunks_mut(nr)) {
            let mut sums: Tile<LANES, NR_VECTORS, 1> = [[[0.0; LANES]; NR_VECTORS]];
            load(&mut sums[0], tail(self.bias, row));
            let weights = self.weight.get(row * inputs..(row + output.len()) * inputs).unwrap_or(&[]);
            for (block, column) in self.input.chunks(K_BLOCK).enumerate() {
                let weights = tail(weights, block * K_BLOCK);
                // A CPU's prefetcher does not follow so many short runs.
                for next in weights.get(K_BLOCK..).unwrap_or(&[]).chunks(inputs) {
                    if let Some(next) = next.first_chunk::<K_BLOCK>() {
                        A::prefetch(next);
                    }
                }
                let transposed = b_panel.get_mut(..column.len() * nr).unwrap_or(&mut []);
                transpose::<A, LANES, NR_VECTORS>(weights, inputs, transposed.as_chunks_mut().0.as_chunks_mut().0);
                let b_rows = BRows { values: transposed, stride: nr };
                add_rows::<A, LANES, NR_VECTORS, 1>(&mut sums, b_rows, [column]);
            }
            epilogue.store::<A, LANES, NR_VECTORS>(&sums[0], row, output);
        }
    }

    /// The scratch of [`Forward::run_batch_one_convolution`]: all weights, transposed.
    pub(super) fn batch_one_convolution_scratch(&self, tile: TileShape) -> ScratchLayout {
        let outputs = self.geometry.out_channels.next_multiple_of(tile.nr());
        ScratchLayout {
            b_panel: self.geometry.taps() * self.geometry.in_channels * outputs,
            ..ScratchLayout::default()
        }
    }

    /// [`DataPass::run`] for one sample of a convolution, some neighbouring pixels at a time; `rows` are whole pixels. All
    /// weights are transposed first: tile of outputs, tap, input, output of the tile.
    #[inline(always)]
    pub fn run_batch_one_convolution<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
        &self,
        rows: &Range<usize>,
        b_panel: &mut [f32],
        output: &mut [f32],
    ) {
        let geometry = self.geometry;
        let (inputs, outputs, nr) = (geometry.in_channels.max(1), geometry.out_channels.max(1), LANES * NR_VECTORS);
        let taps = self.weight.chunks_exact(outputs * inputs);
        for (tile, transposed) in b_panel.chunks_exact_mut(geometry.taps() * inputs * nr).enumerate() {
            for (weights, transposed) in taps.clone().zip(transposed.chunks_exact_mut(inputs * nr)) {
                let weights = tail(weights, tile * nr * inputs);
                transpose::<A, LANES, NR_VECTORS>(weights, inputs, transposed.as_chunks_mut().0.as_chunks_mut().0);
            }
        }
        let (first, end, epilogue) = (rows.start / outputs, rows.end / outputs, DataPass::from(self).epilogue);
        let mut position = first;
        while position < end {
            let output = output.get_mut((position - first) * outputs..).unwrap_or(&mut []);
            let count = geometry.inner_places::<false>(position, end);
            if count == PIXELS {
                self.pixels::<A, LANES, NR_VECTORS, PIXELS>(position, b_panel, epilogue, output);
            } else {
                self.pixels::<A, LANES, NR_VECTORS, 1>(position, b_panel, epilogue, output);
            }
            position += count;
        }
    }

    /// The outputs of `COUNT` neighbouring pixels with the same valid taps.
    #[inline(always)]
    fn pixels<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const COUNT: usize>(
        &self,
        position: usize,
        b_panel: &[f32],
        epilogue: Epilogue<'_, false>,
        output: &mut [f32],
    ) {
        let geometry = self.geometry;
        let (inputs, outputs, nr) = (geometry.in_channels.max(1), geometry.out_channels, LANES * NR_VECTORS);
        let (tap_rows, Taps { start, end, .. }) = geometry.valid_taps::<false>(position);
        for (tile, transposed) in b_panel.chunks_exact(geometry.taps() * inputs * nr).enumerate() {
            let mut bias = [[0.0; LANES]; NR_VECTORS];
            load(&mut bias, tail(self.bias, tile * nr));
            let mut sums: Tile<LANES, NR_VECTORS, COUNT> = [bias; COUNT];
            for tap_row in tap_rows.clone() {
                // The pixels that a kernel row reads, and their weights, are contiguous.
                let source = geometry.source::<false>(position, tap_row, start);
                let from = (tap_row * geometry.cols.taps + start) * inputs * nr;
                let b_rows = BRows { values: tail(transposed, from), stride: nr };
                let stride = geometry.cols.stride * inputs;
                let pixels = neighbours::<COUNT>(self.input, source * inputs, stride, (end - start) * inputs);
                add_rows::<A, LANES, NR_VECTORS, COUNT>(&mut sums, b_rows, pixels);
            }
            for (pixel, sums) in sums.iter().enumerate() {
                let values = output.get_mut(pixel * outputs..(pixel + 1) * outputs).unwrap_or(&mut []);
                let values = values.get_mut(tile * nr..).unwrap_or(&mut []);
                epilogue.store::<A, LANES, NR_VECTORS>(sums, (position + pixel) * outputs + tile * nr, values);
            }
        }
    }
}

impl WeightGradient<'_> {
    /// [`WeightGradient::run`] for one sample of a convolution.
    #[inline(always)]
    pub fn run_batch_one_convolution<
        A: Arithmetic,
        const CAPS: u32,
        const LANES: usize,
        const NR_VECTORS: usize,
        const MR: usize,
    >(
        &self,
        rows: &Range<usize>,
        mut update: Update<'_>,
        sums: &mut [f32],
    ) {
        let (inputs, outputs) = (self.geometry.in_channels.max(1), self.geometry.out_channels.max(1));
        let mut row = rows.start;
        while row < rows.end {
            let left = (outputs - row % outputs).min(rows.end - row);
            let sums = sums.get_mut((row - rows.start) * inputs..).unwrap_or(&mut []);
            row += if left >= MR {
                self.weight_rows::<A, LANES, NR_VECTORS, MR>(row, sums)
            } else {
                self.weight_rows::<A, LANES, NR_VECTORS, 1>(row, sums)
            };
        }
        update.apply::<A, CAPS, LANES>(0, sums);
    }

    /// The gradients of `MR` rows of one tap's weights from `row` on; returns `MR`.
    #[inline(always)]
    fn weight_rows<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        row: usize,
        gradients: &mut [f32],
    ) -> usize {
        let geometry = self.geometry;
        let (inputs, outputs, cols) = (geometry.in_channels.max(1), geometry.out_channels.max(1), geometry.cols);
        let (tap, output) = (row / outputs, row % outputs);
        let (tap_row, tap_col) = (tap / cols.taps.max(1), tap % cols.taps.max(1));
        let (valid_rows, valid_cols) = (geometry.rows.valid_positions(tap_row), cols.valid_positions(tap_col));
        let valid_rows = if valid_cols.is_empty() { 0..0 } else { valid_rows };
        for input in (0..inputs).step_by(LANES * NR_VECTORS) {
            let mut sums: Tile<LANES, NR_VECTORS, MR> = [[[0.0; LANES]; NR_VECTORS]; MR];
            for image_row in valid_rows.clone() {
                let position = image_row * cols.output + valid_cols.start;
                let pixel = geometry.source::<false>(position, tap_row, tap_col);
                let pixels = tail(self.input, pixel * inputs + input);
                let grad_outputs = tail(self.grad_output, position * outputs + output);
                add_products::<A, LANES, NR_VECTORS, MR>(
                    &mut sums,
                    (pixels, cols.stride * inputs),
                    (grad_outputs, outputs),
                    valid_cols.len(),
                );
            }
            let width = (LANES * NR_VECTORS).min(inputs - input);
            for (sums, row) in sums.iter().zip(gradients.chunks_mut(inputs)) {
                store(sums, row.get_mut(input..input + width).unwrap_or(&mut []));
            }
        }
        MR
    }
}

/// `sums[row] += pixel · g[row]` for `count` pixels and gradients, each so many values apart; each product is rounded by itself.
#[inline(always)]
fn add_products<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
    sums: &mut Tile<LANES, NR_VECTORS, MR>,
    (pixels, inputs): (&[f32], usize),
    (grad_outputs, outputs): (&[f32], usize),
    count: usize,
) {
    let mut tile = *sums;
    let (mut pixels, mut grad_outputs) = (pixels, grad_outputs);
    for _ in 0..count {
        let Some(g) = grad_outputs.first_chunk::<MR>() else { break };
        let mut pixel = [[0.0; LANES]; NR_VECTORS];
        load(&mut pixel, pixels);
        for (sums, g) in tile.iter_mut().zip(g) {
            for (sums, x) in sums.iter_mut().zip(&pixel) {
                let products = A::add_scaled(&[0.0; LANES], x, *g);
                sums.iter_mut().zip(products).for_each(|(sum, product)| *sum += product);
            }
        }
        pixels = pixels.get(inputs..).unwrap_or(&[]);
        grad_outputs = grad_outputs.get(outputs..).unwrap_or(&[]);
    }
    *sums = tile;
}
