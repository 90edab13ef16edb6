//! The gradients of a dense layer with a known number of outputs: the last layer of a network, with its classes.
//!
//! The same sums in the same order as in `data_pass_dense.rs` and `weight_gradient.rs`. With so few outputs, the
//! overhead of a general tile costs as much as its arithmetic. Here the sizes are constants, so that tiles and transposed inputs
//! stay in registers.

use core::ops::Range;

use super::data_pass::DataPass;
use super::epilogue::Epilogue;
use super::jobs::{InputGradient, WeightGradient};
use super::microkernel::{Blocks, Tile, add_step, first_vectors_mut};
use super::pack::{pack_columns, pack_samples};
use super::tile::{Scratch, ScratchLayout, TileShape};
use super::transpose::{store_block, transpose};
use super::update::Update;
use crate::arithmetic::{Arithmetic, TRANSPOSE_BLOCK};
use crate::slices::range;

/// Lanes that hold the gradients of a sample's outputs: the number of outputs, padded.
const PADDED: usize = 2 * TRANSPOSE_BLOCK;

impl InputGradient<'_> {
    /// The scratch of [`InputGradient::run_const_outputs`]: G as a B panel.
    pub(super) fn const_outputs_scratch(&self, tile: TileShape) -> ScratchLayout {
        let b_panel = self.geometry.out_channels * self.samples.next_multiple_of(tile.nr());
        ScratchLayout { b_panel, ..ScratchLayout::default() }
    }

    /// [`DataPass::run_dense`] for a layer with `OUTPUTS` outputs.
    #[inline(always)]
    pub fn run_const_outputs<
        A: Arithmetic,
        const LANES: usize,
        const NR_VECTORS: usize,
        const MR: usize,
        const OUTPUTS: usize,
    >(
        &self,
        rows: &Range<usize>,
        b_panel: &mut [f32],
        output: &mut [f32],
    ) {
        let (masked, unmasked) =
            (DataPass::from(self).epilogue, DataPass::from(&Self { mask: None, ..*self }).epilogue);
        pack_samples::<LANES, NR_VECTORS>(self.grad_output, OUTPUTS, self.samples, b_panel);
        let tiles = b_panel.as_chunks::<LANES>().0.as_chunks::<NR_VECTORS>().0.as_chunks::<OUTPUTS>().0;
        // Two loops, because within one the compiler would look for a mask at each row.
        match self.mask {
            None => self.groups::<A, LANES, NR_VECTORS, MR, OUTPUTS>(rows, tiles, unmasked, output),
            Some(_) => self.groups::<A, LANES, NR_VECTORS, MR, OUTPUTS>(rows, tiles, masked, output),
        }
    }

    /// The columns `rows` in groups of `MR`, for each group one tile of samples after the other.
    #[inline(always)]
    fn groups<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize, const OUTPUTS: usize>(
        &self,
        rows: &Range<usize>,
        tiles: &[[[[f32; LANES]; NR_VECTORS]; OUTPUTS]],
        epilogue: Epilogue<'_, true>,
        output: &mut [f32],
    ) {
        let samples = self.samples.max(1);
        let mut scalars = [[0.0; MR]; OUTPUTS];
        for (row, output) in rows.clone().step_by(MR).zip(output.chunks_mut(MR * samples)) {
            pack_columns(&mut scalars, self.weight, self.geometry.in_channels, row);
            let epilogue = epilogue.skip(row * samples);
            for (group, columns) in tiles.iter().enumerate() {
                let mut tile: Tile<LANES, NR_VECTORS, MR> = [[[0.0; LANES]; NR_VECTORS]; MR];
                for (column, scalars) in columns.iter().zip(&scalars) {
                    add_step::<A, LANES, NR_VECTORS, MR>(&mut tile, column, scalars);
                }
                let lane = group * LANES * NR_VECTORS;
                if lane + LANES * NR_VECTORS <= samples {
                    // The compiler unrolls only a loop as short as this one, so that the tile stays in registers.
                    for (j, sums) in tile.iter().enumerate() {
                        let at = j * samples + lane;
                        if let Some(values) = output.get_mut(at..).and_then(first_vectors_mut) {
                            epilogue.store_whole::<A, LANES, NR_VECTORS>(sums, at, values);
                        }
                    }
                } else {
                    for (j, sums) in tile.iter().enumerate() {
                        let at = j * samples + lane;
                        let values = output.get_mut(at..(j + 1) * samples).unwrap_or(&mut []);
                        epilogue.store::<A, LANES, NR_VECTORS>(sums, at, values);
                    }
                }
            }
        }
    }
}

impl WeightGradient<'_> {
    /// The scratch of [`WeightGradient::run_const_outputs`]: G sample by sample, and the gradients of the weights.
    pub(super) fn const_outputs_scratch(&self, lanes: usize) -> ScratchLayout {
        let c_buffer = self.geometry.out_channels * self.geometry.in_channels.next_multiple_of(lanes);
        ScratchLayout { a_panel: PADDED * self.samples, c_buffer, ..ScratchLayout::default() }
    }

    /// [`WeightGradient::run`] for all weights of a dense layer with `OUTPUTS` outputs.
    #[inline(always)]
    pub fn run_const_outputs<A: Arithmetic, const CAPS: u32, const LANES: usize, const OUTPUTS: usize>(
        &self,
        mut update: Update<'_>,
        layout: &ScratchLayout,
        scratch: &mut [f32],
    ) {
        let (inputs, samples) = (self.geometry.in_channels, self.samples.max(1));
        let Scratch { a_panel, c_buffer: sums, .. } = layout.split(scratch);
        let scalars = a_panel.as_chunks_mut().0;
        transpose::<A, PADDED, 1>(self.grad_output, samples, scalars.as_chunks_mut().0);
        let len = inputs.next_multiple_of(LANES).max(1);
        for (group, columns) in self.input.chunks(LANES * samples).enumerate() {
            let tile = sum::<A, LANES, OUTPUTS>(columns, samples, scalars);
            for (row, [tile]) in sums.chunks_exact_mut(len).zip(tile) {
                if let Some(to) = row.as_chunks_mut().0.get_mut(group) {
                    *to = tile;
                }
            }
        }
        for (output, row) in sums.chunks_exact(len).enumerate() {
            update.apply::<A, CAPS, LANES>(output * inputs, range(row, 0, inputs));
        }
    }
}

/// `sums[output][lane] = Σ_b columns[lane · samples + b] · scalars[b][output]`, b in order. A lane beyond the last column may
/// hold any value.
#[inline(always)]
fn sum<A: Arithmetic, const LANES: usize, const OUTPUTS: usize>(
    columns: &[f32],
    samples: usize,
    scalars: &[[f32; PADDED]],
) -> Tile<LANES, 1, OUTPUTS> {
    let mut sums: Tile<LANES, 1, OUTPUTS> = [[[0.0; LANES]; 1]; OUTPUTS];
    // The first column stands in for columns that are missing.
    let mut rows = [columns.get(..samples).unwrap_or(&[]); LANES];
    for (row, column) in rows.iter_mut().zip(columns.chunks_exact(samples)) {
        *row = column;
    }
    let Some(blocks) = Blocks::<LANES, TRANSPOSE_BLOCK>::new(&rows, samples) else { return sums };
    let (whole, rest) = scalars.as_chunks::<TRANSPOSE_BLOCK>();
    for (block, scalars) in whole.iter().enumerate() {
        let Some(rows) = blocks.get(block) else { break };
        for (column, scalars) in transposed::<A, LANES>(&rows).iter().zip(scalars) {
            add_step::<A, LANES, 1, OUTPUTS>(&mut sums, column, first(scalars));
        }
    }
    for (b, scalars) in (samples - rest.len()..samples).zip(rest) {
        let mut column = [[0.0; LANES]];
        for (value, row) in column.as_flattened_mut().iter_mut().zip(&rows) {
            *value = row.get(b).copied().unwrap_or(0.0);
        }
        add_step::<A, LANES, 1, OUTPUTS>(&mut sums, &column, first(scalars));
    }
    sums
}

/// The outputs among the padded lanes.
#[inline(always)]
fn first<const OUTPUTS: usize>(lanes: &[f32; PADDED]) -> &[f32; OUTPUTS] {
    const {
        assert!(OUTPUTS <= PADDED);
    }
    lanes.first_chunk().unwrap_or(&[0.0; OUTPUTS])
}

/// A block of columns with the columns in the lanes, sample after sample.
#[inline(always)]
fn transposed<A: Arithmetic, const LANES: usize>(
    rows: &[&[f32; TRANSPOSE_BLOCK]; LANES],
) -> [[[f32; LANES]; 1]; TRANSPOSE_BLOCK] {
    let mut lanes = [[[0.0; LANES]; 1]; TRANSPOSE_BLOCK];
    for (group, rows) in rows.as_chunks::<TRANSPOSE_BLOCK>().0.iter().enumerate() {
        store_block::<A, LANES, 1>(*rows, &mut lanes, group * TRANSPOSE_BLOCK);
    }
    lanes
}
