//! The weight gradient by Winograd's algorithm: the lanes hold inputs, and the optimizer gets the sum over all tiles.

use super::super::geometry::Geometry;
use super::super::jobs::WeightGradient;
use super::super::microkernel::{BRows, Tile, add_packed, add_to};
use super::super::pack::pack_transposed;
use super::super::tile::{Scratch, ScratchLayout, TileShape};
use super::matrices::{Gradients, Pixels, WeightSums};
use super::transform::{Lines, grid, grid_mut, transform};
use super::{GAP, KERNEL, POINTS, PRODUCTS, SIDE};
use crate::arithmetic::Arithmetic;
use crate::slices::range;

/// Samples whose products are summed in one chain of a weight gradient, in every kernel set.
const CHAIN: usize = 64;

/// Strides of the operands: from one point of the pixels, and of the gradients of the outputs, to the next.
struct Strides {
    pixels: usize,
    outputs: usize,
    /// Channels of the input and of the output, in whole tiles.
    in_padded: usize,
    out_padded: usize,
}

impl Strides {
    fn new(geometry: &Geometry, tile: TileShape) -> Self {
        let in_padded = geometry.in_channels.next_multiple_of(tile.nr());
        let out_padded = geometry.out_channels.next_multiple_of(tile.mr);
        Self { pixels: in_padded * CHAIN + GAP, outputs: out_padded * CHAIN + GAP, in_padded, out_padded }
    }
}

impl WeightGradient<'_> {
    /// The scratch of [`WeightGradient::sum_winograd`].
    ///
    /// The C buffer holds the gradients as point, output, input; the B panel, the pixels at all points and before their
    /// transformation; the A panel, G before its transformation; transformed A, G at all points.
    pub(in crate::kernels) fn winograd_scratch(&self, tile: TileShape) -> ScratchLayout {
        let strides = Strides::new(&self.geometry, tile);
        ScratchLayout {
            a_panel: SIDE * SIDE * strides.outputs,
            a_transformed: PRODUCTS * strides.outputs,
            b_panel: 2 * PRODUCTS * strides.pixels,
            c_buffer: PRODUCTS * self.geometry.in_channels * self.geometry.out_channels,
        }
    }

    /// Writes what one row of tiles contributes to the gradient into `sums`, in the layout of the weights; the gradient is the
    /// sum over all rows of tiles, in order. What `scratch` holds does not matter.
    #[inline(always)]
    pub fn sum_winograd<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        tile_row: usize,
        layout: &ScratchLayout,
        scratch: &mut [f32],
        sums: &mut [f32],
    ) {
        let (geometry, samples) = (self.geometry, self.samples);
        let Geometry { cols, in_channels, out_channels, .. } = geometry;
        let strides = Strides::new(&geometry, TileShape::new(MR, NR_VECTORS, LANES));
        let Scratch { a_panel: tile, a_transformed: outputs, b_panel, c_buffer: gradients } = layout.split(scratch);
        let (pixels, window) = b_panel.split_at_mut_checked(PRODUCTS * strides.pixels).unwrap_or((&mut [], &mut []));
        gradients.fill(0.0);
        let (mut of_pixels, mut of_outputs, mut of_weights) = (Lines::new(), Lines::new(), Lines::new());
        for tile_col in 0..cols.output.div_ceil(SIDE) {
            for first in (0..samples).step_by(CHAIN) {
                let count = CHAIN.min(samples - first);
                let (chain, planes) = ((first, count), (self.input, in_channels));
                let corner = ((tile_row * SIDE).wrapping_sub(KERNEL / 2), (tile_col * SIDE).wrapping_sub(KERNEL / 2));
                self.pack_window::<A, LANES, NR_VECTORS, POINTS>(corner, planes, chain, strides.pixels, window);
                let (from_window, mut to_points) = (grid(window, strides.pixels), grid_mut(pixels, strides.pixels));
                let len = count * strides.in_padded;
                transform::<Pixels, A, LANES, POINTS, POINTS>(&from_window, len, &mut to_points, 0, &mut of_pixels);
                let (corner, planes) = ((tile_row * SIDE, tile_col * SIDE), (self.grad_output, out_channels));
                self.pack_window::<A, MR, 1, SIDE>(corner, planes, chain, strides.outputs, tile);
                let (from_tile, mut to_points) = (grid(tile, strides.outputs), grid_mut(outputs, strides.outputs));
                let len = count * strides.out_padded;
                transform::<Gradients, A, LANES, SIDE, POINTS>(&from_tile, len, &mut to_points, 0, &mut of_outputs);
                let points = pixels.chunks_exact(strides.pixels).zip(outputs.chunks_exact(strides.outputs));
                for (point, (pixels, outputs)) in points.enumerate() {
                    let gradients = gradients.get_mut(point * out_channels * in_channels..).unwrap_or(&mut []);
                    self.add_point::<A, LANES, NR_VECTORS, MR>(count, pixels, outputs.as_chunks().0, gradients);
                }
            }
        }
        let weights = out_channels * in_channels;
        let (from_points, mut to_taps) = (grid(gradients, weights), grid_mut(sums, weights));
        transform::<WeightSums, A, LANES, POINTS, KERNEL>(&from_points, weights, &mut to_taps, 0, &mut of_weights);
    }

    /// Packs `SIZE` × `SIZE` pixels from a corner on with the channels in the lanes, a B panel each; zero outside the image.
    #[inline(always)]
    fn pack_window<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const SIZE: usize>(
        &self,
        (top, left): (usize, usize),
        (values, channels): (&[f32], usize),
        (first, count): (usize, usize),
        stride: usize,
        panels: &mut [f32],
    ) {
        let (rows, cols) = (self.geometry.rows.output, self.geometry.cols.output);
        let samples = self.samples;
        for (pixel, panel) in panels.chunks_exact_mut(stride.max(1)).enumerate() {
            let (row, col) = (top.wrapping_add(pixel / SIZE), left.wrapping_add(pixel % SIZE));
            if row >= rows || col >= cols {
                panel.fill(0.0);
                continue;
            }
            let at = (row * cols + col) * channels * samples;
            let columns = range(values, at, channels * samples);
            let columns = columns.get(first..).unwrap_or(&[]);
            pack_transposed::<A, LANES, NR_VECTORS>(columns, (channels, samples), count, panel);
        }
    }

    /// Adds what `count` samples contribute at one point to the gradients of all its weights.
    #[inline(always)]
    fn add_point<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        count: usize,
        pixels: &[f32],
        outputs: &[[f32; MR]],
        gradients: &mut [f32],
    ) {
        let Geometry { in_channels, out_channels, .. } = self.geometry;
        for (out, scalars) in (0..out_channels).step_by(MR).zip(outputs.chunks_exact(count.max(1))) {
            for lane in (0..in_channels).step_by(LANES * NR_VECTORS) {
                let mut tile: Tile<LANES, NR_VECTORS, MR> = [[[0.0; LANES]; NR_VECTORS]; MR];
                let b_rows = BRows::of_panel(pixels, LANES * NR_VECTORS, count, lane);
                add_packed::<A, LANES, NR_VECTORS, MR>(&mut tile, b_rows, scalars);
                for (row, tile) in tile.iter().enumerate().take(out_channels - out) {
                    let at = (out + row) * in_channels;
                    add_to(gradients.get_mut(at + lane..at + in_channels).unwrap_or(&mut []), tile);
                }
            }
        }
    }
}
