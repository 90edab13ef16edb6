//! A 5 × 5 convolution with fewer products: F(4×4, 5×5), 64 products for what takes the direct sum 400.
//!
//! y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A for each tile of 4 × 4 outputs, x the 8 × 8 pixels that it reads, with the interpolation
//! points 0, ±1, ±2, ±½ and ∞ (Winograd 1980; Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016).
//! The input gradient is the same with w turned by 180°; the weight gradient is its transpose, Gᵀ[(A g Aᵀ) ⊙ (Bᵀ x B)]G. As
//! everywhere the batch lies in the lanes. Results are off by some 10⁻⁵ of their size: a class of numbers of its own.

mod gradient;
mod transform;

use core::ops::Range;

use self::transform::{Lines, Pixels, Sums, Transform, UNITS, Weights, grid, grid_mut, transform};
use super::panel::Panel;
use super::product::{Ends, Pass, Product};
use super::tile::{Columns, Tile, add_packed, store};
use crate::arithmetic::Arithmetic;

/// Side of a tile of outputs.
const SIDE: usize = 4;

/// Side of the kernel.
const KERNEL: usize = 5;

/// Interpolation points along a side, as many as the pixels that a tile of outputs reads.
const POINTS: usize = SIDE + KERNEL - 1;

/// Products of a tile.
const ALL: usize = POINTS * POINTS;

/// Samples below which the direct sum is faster: they do not fill the lanes.
const FEW: usize = 16;

/// Numbers between what belongs to one product and to the next beyond those that are used: without them all would lie a power
/// of two apart and find few places in a cache.
const GAP: usize = 16;

impl Product {
    /// Whether the fast convolution computes a forward pass or an input gradient of so many samples.
    pub fn is_fast(&self, samples: usize) -> bool {
        self.kernel == KERNEL && !self.untied && self.positions() > 1 && samples >= FEW
    }

    /// Rows of tiles, which are computed each by itself.
    pub fn tile_rows(&self) -> usize {
        self.rows.div_ceil(SIDE)
    }

    /// Positions of a row of tiles.
    pub fn tile_positions(&self) -> usize {
        SIDE * self.cols
    }
}

/// Lengths of the parts of a pass's scratch.
struct Room {
    /// The weights in groups, as [`Panel`] has them.
    panel: usize,
    /// The transformed weights as product, group, source channel, destination channel of the group.
    weights: usize,
    /// The transformed source of some samples as product, channel, lane, and how far one product is from the next.
    source: usize,
    source_step: usize,
    /// Their products, likewise.
    products: usize,
    products_step: usize,
}

impl Room {
    fn of<const BACKWARD: bool, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        product: &Product,
    ) -> Self {
        let (depth, height) = product.channels::<BACKWARD>();
        let height = height.next_multiple_of(OUTS);
        let source_step = depth * WIDTH * VECTORS + GAP;
        let products_step = height * WIDTH * VECTORS + GAP;
        Self {
            panel: Panel::<BACKWARD, OUTS>::len(product),
            weights: ALL * (depth * OUTS).next_multiple_of(WIDTH) * (height / OUTS),
            source: ALL * source_step,
            source_step,
            products: ALL * products_step,
            products_step,
        }
    }

    fn numbers(&self) -> usize {
        self.panel + self.weights + self.source + self.products
    }
}

impl<const BACKWARD: bool> Pass<'_, BACKWARD> {
    /// Numbers of scratch that [`Pass::run_fast`] takes.
    pub fn fast_scratch<const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(&self) -> usize {
        Room::of::<BACKWARD, WIDTH, VECTORS, OUTS>(&self.product).numbers()
    }

    /// [`Pass::run`] by the fast convolution, which [`Product::is_fast`] admits; `rows` are whole rows of tiles. What is in
    /// `scratch` does not matter.
    #[inline(always)]
    pub fn run_fast<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        rows: &Range<usize>,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let product = self.product;
        let (depth, height) = product.channels::<BACKWARD>();
        let room = Room::of::<BACKWARD, WIDTH, VECTORS, OUTS>(&product);
        let (panel, scratch) = scratch.split_at_mut_checked(room.panel).unwrap_or((&mut [], &mut []));
        let (weights, scratch) = scratch.split_at_mut_checked(room.weights).unwrap_or((&mut [], &mut []));
        let (source, products) = scratch.split_at_mut_checked(room.source).unwrap_or((&mut [], &mut []));
        let taps = 0..KERNEL;
        Panel::<BACKWARD, OUTS>::pack::<A>(product, self.weight, 0, &taps, &taps, panel);
        transform_weights::<BACKWARD, A, WIDTH>(panel, depth * OUTS, weights);
        let (mut spread, mut gather) = (Lines::new(), Lines::new());
        let per = (product.tile_positions() * height).max(1);
        for tile_row in rows.start / per..rows.end.div_ceil(per) {
            let at = (tile_row * per).saturating_sub(rows.start) * self.samples;
            let output = output.get_mut(at..).unwrap_or(&mut []);
            let ends = self.ends.from(tile_row * per * self.samples);
            for tile_col in 0..product.cols.div_ceil(SIDE) {
                for lane in (0..self.samples).step_by(WIDTH * VECTORS) {
                    let place = Place { product, samples: self.samples, tile_row, tile_col };
                    place.spread::<A, WIDTH, VECTORS>(self.source, depth, lane, source, &mut spread);
                    multiply::<A, WIDTH, VECTORS, OUTS>(&room, depth, source, weights, products);
                    place.gather::<A, BACKWARD, WIDTH, VECTORS>(height, lane, products, &mut gather, ends, output);
                }
            }
        }
    }
}

/// G w Gᵀ of a [`Panel`] in blocks of `length` numbers, a tap of a group each; turned by 180° backward.
#[inline(always)]
fn transform_weights<const BACKWARD: bool, A: Arithmetic, const WIDTH: usize>(
    panel: &[f32],
    length: usize,
    weights: &mut [f32],
) {
    let mut lines = Lines::new();
    let step = weights.len() / ALL;
    let mut points = grid_mut::<POINTS>(weights, step);
    for (group, taps) in panel.chunks_exact((KERNEL * KERNEL * length).max(1)).enumerate() {
        let mut kernel = grid::<KERNEL>(taps, length);
        if BACKWARD {
            kernel.as_flattened_mut().reverse();
        }
        let to = group * length.next_multiple_of(WIDTH);
        transform::<Weights, A, WIDTH, KERNEL, POINTS>(&kernel, length, &mut points, to, &mut lines);
    }
}

/// The products of one tile's samples, for each point a dense product of source channels and transformed weights.
#[inline(always)]
fn multiply<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
    room: &Room,
    depth: usize,
    source: &[f32],
    weights: &[f32],
    products: &mut [f32],
) {
    let lanes = WIDTH * VECTORS;
    let points = products.chunks_exact_mut(room.products_step.max(1)).zip(source.chunks_exact(room.source_step.max(1)));
    for ((products, source), weights) in points.zip(weights.chunks_exact((weights.len() / ALL).max(1))) {
        let columns = Columns { numbers: source.get(..depth * lanes).unwrap_or(&[]), stride: lanes };
        let groups = products
            .chunks_exact_mut(lanes * OUTS)
            .zip(weights.chunks_exact((depth * OUTS).next_multiple_of(WIDTH).max(1)));
        for (products, weights) in groups {
            let mut sums: Tile<WIDTH, VECTORS, OUTS> = [[[0.0; WIDTH]; VECTORS]; OUTS];
            let weights = weights.as_chunks().0.get(..depth).unwrap_or(&[]);
            add_packed::<A, WIDTH, VECTORS, OUTS>(&mut sums, columns, weights);
            for (numbers, sums) in products.chunks_exact_mut(lanes).zip(&sums) {
                store(sums, numbers);
            }
        }
    }
}

/// One tile of an image and its samples.
struct Place {
    product: Product,
    samples: usize,
    tile_row: usize,
    tile_col: usize,
}

impl Place {
    /// Bᵀ x B of all channels, for the samples from number `from` on.
    #[inline(always)]
    fn spread<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        source: &[f32],
        channels: usize,
        from: usize,
        points: &mut [f32],
        lines: &mut Lines<WIDTH, POINTS, POINTS>,
    ) {
        let Product { rows, cols, .. } = self.product;
        let step = points.len() / ALL;
        let mut points = grid_mut::<POINTS>(points, step);
        let mut window: [[&[f32]; POINTS]; POINTS] = [[&[]; POINTS]; POINTS];
        for (r, line) in window.iter_mut().enumerate() {
            for (c, pixel) in line.iter_mut().enumerate() {
                let row = (self.tile_row * SIDE + r).wrapping_sub(KERNEL / 2);
                let col = (self.tile_col * SIDE + c).wrapping_sub(KERNEL / 2);
                if row < rows && col < cols {
                    *pixel = source.get((row * cols + col) * channels * self.samples + from..).unwrap_or(&[]);
                }
            }
        }
        for first in (0..channels).step_by(UNITS / VECTORS) {
            let count = (channels - first).min(UNITS / VECTORS);
            lines.columns::<Pixels, A, VECTORS>(&window, first * self.samples, (count, self.samples));
            lines.rows::<Pixels, A>(&mut points, first * WIDTH * VECTORS, count * VECTORS);
        }
    }

    /// Aᵀ m A of all channels, ended, into the tile's pixels of `output`.
    #[inline(always)]
    fn gather<A: Arithmetic, const BACKWARD: bool, const WIDTH: usize, const VECTORS: usize>(
        &self,
        channels: usize,
        from: usize,
        points: &[f32],
        lines: &mut Lines<WIDTH, POINTS, SIDE>,
        ends: Ends<'_, BACKWARD>,
        output: &mut [f32],
    ) {
        let Product { rows, cols, .. } = self.product;
        let points = grid::<POINTS>(points, points.len() / ALL);
        let lanes = (WIDTH * VECTORS).min(self.samples.saturating_sub(from));
        // Ended from memory: in registers the compiler takes vectors apart for the mask.
        let mut tile = [[[0.0; WIDTH]; VECTORS]; SIDE];
        for first in (0..channels).step_by(UNITS / VECTORS) {
            let count = (channels - first).min(UNITS / VECTORS);
            lines.columns::<Sums, A, UNITS>(&points, first * WIDTH * VECTORS, (1, 0));
            for row in 0..SIDE.min(rows - self.tile_row * SIDE) {
                for (channel, lines) in lines.0.as_chunks::<VECTORS>().0.iter().enumerate().take(count) {
                    let start = [ends.start(0, first + channel); WIDTH];
                    for (vector, lines) in lines.iter().enumerate() {
                        for (pixel, sums) in tile.iter_mut().zip(&Sums::apply::<A, WIDTH>(lines[row].each_ref())) {
                            pixel[vector] = A::add_scaled(sums, &start, 1.0);
                        }
                    }
                    for (col, sums) in tile.iter().enumerate().take(cols - self.tile_col * SIDE) {
                        let position = row * cols + self.tile_col * SIDE + col;
                        let at = (position * channels + first + channel) * self.samples + from;
                        let next = at + UNITS / VECTORS * self.samples;
                        A::prefetch(output.get(next..next + lanes).unwrap_or(&[]));
                        ends.store::<A, WIDTH, VECTORS>(sums, at, output.get_mut(at..at + lanes).unwrap_or(&mut []));
                    }
                }
            }
        }
    }
}
