//! The weight gradient of the fast convolution: inputs lie in the lanes, and the optimizer waits for the sum over all tiles.

use super::super::gradient::{WeightGradient, strip};
use super::super::tile::{Columns, Tile, add_packed, add_to};
use super::transform::{Gradients, Lines, Pixels, WeightSums, grid, grid_mut, transform};
use super::{ALL, FEW, GAP, KERNEL, POINTS, SIDE};
use crate::arithmetic::Arithmetic;
use crate::kernels::Product;

/// Samples whose products are summed in one chain of a weight gradient, in every kernel set.
const CHAIN: usize = 64;

impl WeightGradient<'_> {
    /// Whether the fast convolution computes it: fewer inputs do not fill the lanes.
    pub fn is_fast(&self) -> bool {
        self.product.is_fast(self.samples) && self.product.inputs >= FEW
    }

    /// Numbers of scratch that [`WeightGradient::sum_fast`] takes.
    pub fn fast_scratch<const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(&self) -> usize {
        GradientRoom::of::<WIDTH, VECTORS, OUTS>(&self.product).numbers()
    }

    /// What one row of tiles gives to the gradient, into `sums`, which lie as the weights; the gradient is the sum over all
    /// rows of tiles, in order. What is in `scratch` does not matter.
    #[inline(always)]
    pub fn sum_fast<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        tile_row: usize,
        scratch: &mut [f32],
        sums: &mut [f32],
    ) {
        let (product, samples) = (self.product, self.samples);
        let Product { cols, inputs, outputs, .. } = product;
        let room = GradientRoom::of::<WIDTH, VECTORS, OUTS>(&product);
        let (gradients, scratch) = scratch.split_at_mut_checked(room.gradients).unwrap_or((&mut [], &mut []));
        let (pixels, scratch) = scratch.split_at_mut_checked(ALL * room.pixels).unwrap_or((&mut [], &mut []));
        let (signals, scratch) = scratch.split_at_mut_checked(ALL * room.signals).unwrap_or((&mut [], &mut []));
        let (window, tile) = scratch.split_at_mut_checked(ALL * room.pixels).unwrap_or((&mut [], &mut []));
        gradients.fill(0.0);
        let (mut of_pixels, mut of_signals, mut of_weights) = (Lines::new(), Lines::new(), Lines::new());
        for tile_col in 0..cols.div_ceil(SIDE) {
            for from in (0..samples).step_by(CHAIN) {
                let count = CHAIN.min(samples - from);
                let (chain, planes) = ((from, count), (self.input, inputs));
                let corner = ((tile_row * SIDE).wrapping_sub(KERNEL / 2), (tile_col * SIDE).wrapping_sub(KERNEL / 2));
                self.turn::<A, WIDTH, VECTORS, POINTS>(corner, planes, chain, room.pixels, window);
                let (from_window, mut to_points) = (grid(window, room.pixels), grid_mut(pixels, room.pixels));
                let numbers = count * room.inputs;
                transform::<Pixels, A, WIDTH, POINTS, POINTS>(&from_window, numbers, &mut to_points, 0, &mut of_pixels);
                let (corner, planes) = ((tile_row * SIDE, tile_col * SIDE), (self.gradient, outputs));
                self.turn::<A, OUTS, 1, SIDE>(corner, planes, chain, room.signals, tile);
                let (from_tile, mut to_points) = (grid(tile, room.signals), grid_mut(signals, room.signals));
                let numbers = count * room.outputs;
                transform::<Gradients, A, WIDTH, SIDE, POINTS>(&from_tile, numbers, &mut to_points, 0, &mut of_signals);
                let points = pixels.chunks_exact(room.pixels).zip(signals.chunks_exact(room.signals));
                for (point, (pixels, signals)) in points.enumerate() {
                    let gradients = gradients.get_mut(point * outputs * inputs..).unwrap_or(&mut []);
                    self.outer::<A, WIDTH, VECTORS, OUTS>(count, pixels, signals.as_chunks().0, gradients);
                }
            }
        }
        let weights = outputs * inputs;
        let (from_points, mut to_taps) = (grid(gradients, weights), grid_mut(sums, weights));
        transform::<WeightSums, A, WIDTH, POINTS, KERNEL>(&from_points, weights, &mut to_taps, 0, &mut of_weights);
    }

    /// Turns the channels of `SIZE` × `SIZE` pixels from a corner on to lie in the lanes: pixel, tile of `VECTORS` × `WIDTH`
    /// channels, sample, channel of the tile; zero outside of the image.
    #[inline(always)]
    fn turn<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const SIZE: usize>(
        &self,
        (top, left): (usize, usize),
        (numbers, channels): (&[f32], usize),
        (from, count): (usize, usize),
        step: usize,
        turned: &mut [f32],
    ) {
        let Product { rows, cols, .. } = self.product;
        let samples = self.samples;
        for (pixel, turned) in turned.chunks_exact_mut(step.max(1)).enumerate() {
            let (row, col) = (top.wrapping_add(pixel / SIZE), left.wrapping_add(pixel % SIZE));
            if row >= rows || col >= cols {
                turned.fill(0.0);
                continue;
            }
            let at = (row * cols + col) * channels * samples;
            let numbers = numbers.get(at..at + channels * samples).unwrap_or(&[]);
            let columns = numbers.get(from..).unwrap_or(&[]);
            strip::<A, WIDTH, VECTORS>(columns, (channels, samples), count, turned);
        }
    }

    /// Adds what `count` samples give at one point to the gradients of all its weights.
    #[inline(always)]
    fn outer<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        count: usize,
        pixels: &[f32],
        signals: &[[f32; OUTS]],
        gradients: &mut [f32],
    ) {
        let Product { inputs, outputs, .. } = self.product;
        for (out, signals) in (0..outputs).step_by(OUTS).zip(signals.chunks_exact(count.max(1))) {
            for lane in (0..inputs).step_by(WIDTH * VECTORS) {
                let mut tile: Tile<WIDTH, VECTORS, OUTS> = [[[0.0; WIDTH]; VECTORS]; OUTS];
                let columns = Columns::of_strip(pixels, WIDTH * VECTORS, count, lane);
                add_packed::<A, WIDTH, VECTORS, OUTS>(&mut tile, columns, signals);
                for (row, tile) in tile.iter().enumerate().take(outputs - out) {
                    let at = (out + row) * inputs;
                    add_to(gradients.get_mut(at + lane..at + inputs).unwrap_or(&mut []), tile);
                }
            }
        }
    }
}

/// Lengths of the parts of a weight gradient's scratch.
struct GradientRoom {
    /// The gradients as point, output, input.
    gradients: usize,
    /// Inputs and outputs in whole tiles.
    inputs: usize,
    outputs: usize,
    /// From one point of the pixels or of the signals, as tile of channels, sample, channel of the tile, to the next.
    pixels: usize,
    signals: usize,
}

impl GradientRoom {
    fn of<const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(product: &Product) -> Self {
        let Product { inputs, outputs, .. } = *product;
        let gradients = ALL * inputs * outputs;
        let (inputs, outputs) = (inputs.next_multiple_of(WIDTH * VECTORS), outputs.next_multiple_of(OUTS));
        Self { gradients, inputs, outputs, pixels: inputs * CHAIN + GAP, signals: outputs * CHAIN + GAP }
    }

    fn numbers(&self) -> usize {
        self.gradients + 2 * ALL * self.pixels + (ALL + SIDE * SIDE) * self.signals
    }
}
