//! Forward pass and input gradient by Winograd's algorithm: tiles of 4 × 4 outputs, with samples in the lanes.

use core::ops::Range;

use super::super::data_pass::DataPass;
use super::super::epilogue::Epilogue;
use super::super::geometry::Geometry;
use super::super::microkernel::{BRows, Tile, add_packed, store};
use super::super::pack::{PackedWeights, packed_weights_len};
use super::super::tile::{Scratch, ScratchLayout, TileShape};
use super::matrices::{Pixels, Sums, Weights};
use super::transform::{Lines, Transform, UNITS, grid, grid_mut, transform};
use super::{GAP, KERNEL, POINTS, PRODUCTS, SIDE, tile_positions};
use crate::arithmetic::Arithmetic;
use crate::network::kernel::Taps;
use crate::slices::{range, tail};

/// The scratch of a forward pass or an input gradient.
///
/// The A panel holds the packed weights; transformed A, the weights as product, group, k, row of the group; the B panel, the
/// transformed source of a tile's samples as product, channel, lane; the C buffer, the products likewise.
pub(in crate::kernels) fn data_pass_scratch<const BACKWARD: bool>(
    geometry: &Geometry,
    tile: TileShape,
) -> ScratchLayout {
    let (k, m) = geometry.channels::<BACKWARD>();
    let m_padded = m.next_multiple_of(tile.mr);
    ScratchLayout {
        a_panel: packed_weights_len(geometry, (k, m), tile.mr),
        a_transformed: PRODUCTS * (k * tile.mr).next_multiple_of(tile.lanes) * (m_padded / tile.mr),
        b_panel: PRODUCTS * (k * tile.nr() + GAP),
        c_buffer: PRODUCTS * (m_padded * tile.nr() + GAP),
    }
}

impl<const BACKWARD: bool> DataPass<'_, BACKWARD> {
    /// [`DataPass::run`] by Winograd's algorithm; `rows` are whole rows of tiles. What `scratch` holds does not matter.
    #[inline(always)]
    pub fn run_winograd<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        rows: &Range<usize>,
        layout: &ScratchLayout,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let geometry = self.geometry;
        let (k, m) = geometry.channels::<BACKWARD>();
        let Scratch { a_panel, a_transformed: weights, b_panel: source, c_buffer: products } = layout.split(scratch);
        let taps = Taps::all(KERNEL);
        PackedWeights::<BACKWARD, MR>::pack::<A>(geometry, self.weight, 0, &taps, &taps, a_panel);
        transform_weights::<BACKWARD, A, LANES>(a_panel, k * MR, weights);
        let (mut to_points, mut from_points) = (Lines::new(), Lines::new());
        let tile_row_len = (tile_positions(&geometry) * m).max(1);
        for tile_row in rows.start / tile_row_len..rows.end.div_ceil(tile_row_len) {
            let at = (tile_row * tile_row_len).saturating_sub(rows.start) * self.samples;
            let output = output.get_mut(at..).unwrap_or(&mut []);
            let epilogue = self.epilogue.skip(tile_row * tile_row_len * self.samples);
            for tile_col in 0..geometry.cols.output.div_ceil(SIDE) {
                for lane in (0..self.samples).step_by(LANES * NR_VECTORS) {
                    let tile = ImageTile { geometry, samples: self.samples, tile_row, tile_col };
                    tile.transform_pixels::<A, LANES, NR_VECTORS>(self.source, k, lane, source, &mut to_points);
                    multiply::<A, LANES, NR_VECTORS, MR>((k, m), source, weights, products);
                    tile.store_outputs::<A, BACKWARD, LANES, NR_VECTORS>(
                        m,
                        lane,
                        products,
                        &mut from_points,
                        epilogue,
                        output,
                    );
                }
            }
        }
    }
}

/// G w Gᵀ of packed weights in blocks of `len` values, one for each tap of a group; rotated by 180° backward.
#[inline(always)]
fn transform_weights<const BACKWARD: bool, A: Arithmetic, const LANES: usize>(
    a_panel: &[f32],
    len: usize,
    weights: &mut [f32],
) {
    let mut lines = Lines::new();
    let stride = weights.len() / PRODUCTS;
    let mut points = grid_mut::<POINTS>(weights, stride);
    for (group, taps) in a_panel.chunks_exact((KERNEL * KERNEL * len).max(1)).enumerate() {
        let mut kernel = grid::<KERNEL>(taps, len);
        if BACKWARD {
            kernel.as_flattened_mut().reverse();
        }
        let to = group * len.next_multiple_of(LANES);
        transform::<Weights, A, LANES, KERNEL, POINTS>(&kernel, len, &mut points, to, &mut lines);
    }
}

/// The products of one tile's samples: for each point a dense product of source channels and transformed weights.
#[inline(always)]
fn multiply<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
    (k, m): (usize, usize),
    source: &[f32],
    weights: &[f32],
    products: &mut [f32],
) {
    let nr = LANES * NR_VECTORS;
    let (source_stride, product_stride) = (k * nr + GAP, m.next_multiple_of(MR) * nr + GAP);
    let points = products.chunks_exact_mut(product_stride).zip(source.chunks_exact(source_stride));
    for ((products, source), weights) in points.zip(weights.chunks_exact((weights.len() / PRODUCTS).max(1))) {
        let b_rows = BRows { values: range(source, 0, k * nr), stride: nr };
        let groups =
            products.chunks_exact_mut(nr * MR).zip(weights.chunks_exact((k * MR).next_multiple_of(LANES).max(1)));
        for (products, weights) in groups {
            let mut sums: Tile<LANES, NR_VECTORS, MR> = [[[0.0; LANES]; NR_VECTORS]; MR];
            let weights = weights.as_chunks().0.get(..k).unwrap_or(&[]);
            add_packed::<A, LANES, NR_VECTORS, MR>(&mut sums, b_rows, weights);
            for (values, sums) in products.chunks_exact_mut(nr).zip(&sums) {
                store(sums, values);
            }
        }
    }
}

/// One tile of an image and its samples.
struct ImageTile {
    geometry: Geometry,
    samples: usize,
    tile_row: usize,
    tile_col: usize,
}

impl ImageTile {
    /// Bᵀ x B of all channels, for the samples from `first` on.
    #[inline(always)]
    fn transform_pixels<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
        &self,
        source: &[f32],
        channels: usize,
        first: usize,
        points: &mut [f32],
        lines: &mut Lines<LANES, POINTS, POINTS>,
    ) {
        let (rows, cols) = (self.geometry.rows.output, self.geometry.cols.output);
        let stride = points.len() / PRODUCTS;
        let mut points = grid_mut::<POINTS>(points, stride);
        let mut window: [[&[f32]; POINTS]; POINTS] = [[&[]; POINTS]; POINTS];
        for (r, line) in window.iter_mut().enumerate() {
            for (c, pixel) in line.iter_mut().enumerate() {
                let row = (self.tile_row * SIDE + r).wrapping_sub(KERNEL / 2);
                let col = (self.tile_col * SIDE + c).wrapping_sub(KERNEL / 2);
                if row < rows && col < cols {
                    *pixel = tail(source, (row * cols + col) * channels * self.samples + first);
                }
            }
        }
        for channel in (0..channels).step_by(UNITS / NR_VECTORS) {
            let count = (channels - channel).min(UNITS / NR_VECTORS);
            lines.columns::<Pixels, A, NR_VECTORS>(&window, channel * self.samples, (count, self.samples));
            lines.rows::<Pixels, A>(&mut points, channel * LANES * NR_VECTORS, count * NR_VECTORS);
        }
    }

    /// Aᵀ m A of all channels with the epilogue, into the tile's pixels of `output`.
    #[inline(always)]
    fn store_outputs<A: Arithmetic, const BACKWARD: bool, const LANES: usize, const NR_VECTORS: usize>(
        &self,
        channels: usize,
        first: usize,
        points: &[f32],
        lines: &mut Lines<LANES, POINTS, SIDE>,
        epilogue: Epilogue<'_, BACKWARD>,
        output: &mut [f32],
    ) {
        let (rows, cols) = (self.geometry.rows.output, self.geometry.cols.output);
        let points = grid::<POINTS>(points, points.len() / PRODUCTS);
        let lanes = (LANES * NR_VECTORS).min(self.samples.saturating_sub(first));
        // The epilogue reads the tile from memory: in registers the compiler takes vectors apart for the mask.
        let mut tile = [[[0.0; LANES]; NR_VECTORS]; SIDE];
        for from in (0..channels).step_by(UNITS / NR_VECTORS) {
            let count = (channels - from).min(UNITS / NR_VECTORS);
            lines.columns::<Sums, A, UNITS>(&points, from * LANES * NR_VECTORS, (1, 0));
            for row in 0..SIDE.min(rows - self.tile_row * SIDE) {
                for (channel, lines) in lines.0.as_chunks::<NR_VECTORS>().0.iter().enumerate().take(count) {
                    let start = [epilogue.start(0, from + channel); LANES];
                    for (vector, lines) in lines.iter().enumerate() {
                        for (pixel, sums) in tile.iter_mut().zip(&Sums::apply::<A, LANES>(lines[row].each_ref())) {
                            pixel[vector] = A::add_scaled(sums, &start, 1.0);
                        }
                    }
                    for (col, sums) in tile.iter().enumerate().take(cols - self.tile_col * SIDE) {
                        let position = row * cols + self.tile_col * SIDE + col;
                        let at = (position * channels + from + channel) * self.samples + first;
                        let next = at + UNITS / NR_VECTORS * self.samples;
                        A::prefetch(output.get(next..next + lanes).unwrap_or(&[]));
                        let values = output.get_mut(at..at + lanes).unwrap_or(&mut []);
                        epilogue.store::<A, LANES, NR_VECTORS>(sums, at, values);
                    }
                }
            }
        }
    }
}
