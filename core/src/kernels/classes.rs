//! The gradients of a dense layer with as many outputs as a tile has: the last one of a network, with its classes.
//!
//! The same sums in the same order as in `product.rs` and `gradient.rs`. Each number meets so few others that what a tile of any
//! size takes beside its sum counts as much as the sum. Here all sizes are known, so that tiles stay in registers from their first
//! number to their last, and so do inputs that are turned.

use core::ops::Range;

use super::gradient::WeightGradient;
use super::panel::copy;
use super::product::{Backward, Ends, Product};
use super::tile::{Blocks, Tile, add_step, vectors_of_mut};
use super::turn::{place, turn};
use crate::arithmetic::{Arithmetic, BLOCK};
use crate::optimizer::Update;

impl Product {
    /// Whether it is a dense layer with `CLASSES` outputs.
    pub fn has_classes<const CLASSES: usize>(&self) -> bool {
        self.is_dense() && self.outputs == CLASSES
    }
}

impl Backward<'_> {
    /// Numbers of scratch that [`Backward::run_classes`] takes: the gradient in tiles of `VECTORS` × `WIDTH` samples.
    pub fn classes_scratch<const WIDTH: usize, const VECTORS: usize, const CLASSES: usize>(&self) -> usize {
        CLASSES * self.samples.next_multiple_of(WIDTH * VECTORS)
    }

    /// [`Pass::run_dense`](super::product::Pass::run_dense) for a layer that [has `CLASSES` outputs](Product::has_classes).
    #[inline(always)]
    pub fn run_classes<
        A: Arithmetic,
        const WIDTH: usize,
        const VECTORS: usize,
        const OUTS: usize,
        const CLASSES: usize,
    >(
        &self,
        rows: &Range<usize>,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let (pass, unmasked) = (self.pass(), Self { mask: None, ..*self });
        pass.lay::<WIDTH, VECTORS>(0..CLASSES, scratch);
        let tiles = scratch.as_chunks::<WIDTH>().0.as_chunks::<VECTORS>().0.as_chunks::<CLASSES>().0;
        // One of two loops, because within one the compiler would look for a mask at each row.
        match self.mask {
            None => self.groups::<A, WIDTH, VECTORS, OUTS, CLASSES>(rows, tiles, unmasked.pass().ends, output),
            Some(_) => self.groups::<A, WIDTH, VECTORS, OUTS, CLASSES>(rows, tiles, pass.ends, output),
        }
    }

    /// The columns `rows` in groups of `OUTS`, each group for one tile of samples after the other.
    #[inline(always)]
    fn groups<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize, const CLASSES: usize>(
        &self,
        rows: &Range<usize>,
        tiles: &[[[[f32; WIDTH]; VECTORS]; CLASSES]],
        ends: Ends<'_, true>,
        output: &mut [f32],
    ) {
        let samples = self.samples.max(1);
        let mut scalars = [[0.0; OUTS]; CLASSES];
        for (row, output) in rows.clone().step_by(OUTS).zip(output.chunks_mut(OUTS * samples)) {
            copy(&mut scalars, self.weight, self.product.inputs, row);
            let ends = ends.from(row * samples);
            for (number, columns) in tiles.iter().enumerate() {
                let mut tile: Tile<WIDTH, VECTORS, OUTS> = [[[0.0; WIDTH]; VECTORS]; OUTS];
                for (column, scalars) in columns.iter().zip(&scalars) {
                    add_step::<A, WIDTH, VECTORS, OUTS>(&mut tile, column, scalars);
                }
                let lane = number * WIDTH * VECTORS;
                if lane + WIDTH * VECTORS <= samples {
                    // Only a loop as short as this the compiler unrolls, so that the tile stays in registers.
                    for (j, sums) in tile.iter().enumerate() {
                        let at = j * samples + lane;
                        if let Some(numbers) = output.get_mut(at..).and_then(vectors_of_mut) {
                            ends.store_whole::<A, WIDTH, VECTORS>(sums, at, numbers);
                        }
                    }
                } else {
                    for (j, sums) in tile.iter().enumerate() {
                        let at = j * samples + lane;
                        let numbers = output.get_mut(at..(j + 1) * samples).unwrap_or(&mut []);
                        ends.store::<A, WIDTH, VECTORS>(sums, at, numbers);
                    }
                }
            }
        }
    }
}

/// Lanes in which the classes' gradients lie, sample after sample.
const LANES: usize = 2 * BLOCK;

impl WeightGradient<'_> {
    /// Numbers of scratch that [`WeightGradient::run_classes`] takes: the classes' gradients sample by sample, and the gradients
    /// of the weights.
    pub fn classes_scratch<const WIDTH: usize, const CLASSES: usize>(&self) -> usize {
        LANES * self.samples + CLASSES * self.product.inputs.next_multiple_of(WIDTH)
    }

    /// [`WeightGradient::run`] for all weights of a layer that [has `CLASSES` outputs](Product::has_classes).
    #[inline(always)]
    pub fn run_classes<A: Arithmetic, const KINDS: u32, const WIDTH: usize, const CLASSES: usize>(
        &self,
        mut update: Update<'_>,
        scratch: &mut [f32],
    ) {
        let (inputs, samples) = (self.product.inputs, self.samples.max(1));
        let (turned, sums) = scratch.split_at_mut_checked(LANES * samples).unwrap_or((&mut [], &mut []));
        let turned = turned.as_chunks_mut().0;
        turn::<A, LANES, 1>(self.gradient, samples, turned.as_chunks_mut().0);
        let length = inputs.next_multiple_of(WIDTH).max(1);
        for (number, columns) in self.input.chunks(WIDTH * samples).enumerate() {
            let tile = sum::<A, WIDTH, CLASSES>(columns, samples, turned);
            for (row, [tile]) in sums.chunks_exact_mut(length).zip(tile) {
                if let Some(place) = row.as_chunks_mut().0.get_mut(number) {
                    *place = tile;
                }
            }
        }
        for (class, row) in sums.chunks_exact(length).enumerate() {
            update.apply::<A, KINDS, WIDTH>(class * inputs, row.get(..inputs).unwrap_or(&[]));
        }
    }
}

/// `sums[class][lane] = Σ_b columns[lane · samples + b] · scalars[b][class]`, b in order. A lane beyond the last column may
/// hold anything.
#[inline(always)]
fn sum<A: Arithmetic, const WIDTH: usize, const CLASSES: usize>(
    columns: &[f32],
    samples: usize,
    scalars: &[[f32; LANES]],
) -> Tile<WIDTH, 1, CLASSES> {
    let mut sums: Tile<WIDTH, 1, CLASSES> = [[[0.0; WIDTH]; 1]; CLASSES];
    // In place of a column that is not there the first one comes again.
    let mut rows = [columns.get(..samples).unwrap_or(&[]); WIDTH];
    for (row, column) in rows.iter_mut().zip(columns.chunks_exact(samples)) {
        *row = column;
    }
    let Some(blocks) = Blocks::<WIDTH, BLOCK>::of(&rows, samples) else { return sums };
    let (whole, rest) = scalars.as_chunks::<BLOCK>();
    for (number, scalars) in whole.iter().enumerate() {
        let Some(rows) = blocks.get(number) else { break };
        for (column, scalars) in turned::<A, WIDTH>(&rows).iter().zip(scalars) {
            add_step::<A, WIDTH, 1, CLASSES>(&mut sums, column, first(scalars));
        }
    }
    for (b, scalars) in (samples - rest.len()..samples).zip(rest) {
        let mut column = [[0.0; WIDTH]];
        for (number, row) in column.as_flattened_mut().iter_mut().zip(&rows) {
            *number = row.get(b).copied().unwrap_or(0.0);
        }
        add_step::<A, WIDTH, 1, CLASSES>(&mut sums, &column, first(scalars));
    }
    sums
}

/// The classes of the lanes.
#[inline(always)]
fn first<const CLASSES: usize>(lanes: &[f32; LANES]) -> &[f32; CLASSES] {
    const {
        assert!(CLASSES <= LANES);
    }
    lanes.first_chunk().unwrap_or(&[0.0; CLASSES])
}

/// A block of columns with the lanes over columns, sample after sample.
#[inline(always)]
fn turned<A: Arithmetic, const WIDTH: usize>(rows: &[&[f32; BLOCK]; WIDTH]) -> [[[f32; WIDTH]; 1]; BLOCK] {
    let mut turned = [[[0.0; WIDTH]; 1]; BLOCK];
    for (group, rows) in rows.as_chunks::<BLOCK>().0.iter().enumerate() {
        place::<A, WIDTH, 1>(*rows, &mut turned, group * BLOCK);
    }
    turned
}
