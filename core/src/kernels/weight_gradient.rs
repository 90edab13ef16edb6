//! The weight gradient hᵀG in register tiles, straight into the optimizer.
//!
//! C is outputs × inputs: A is G, B are the inputs, and the sum runs over the samples in order. The lanes hold inputs, whose
//! weights are contiguous; the inputs are transposed into a B panel, which serves all outputs that read them.
//!
//! A gradient that is a sum over positions adds the batch sum of one position after the other: a single chain of 128 samples × 32 × 32 positions would lose digits.

use core::ops::Range;

use super::geometry::Geometry;
use super::gradient_sink::{GradientSink, Operands};
use super::jobs::WeightGradient;
use super::microkernel::{BRows, Tile, add_packed, add_rows, add_rows_prefetching, add_to};
use super::pack::pack_transposed;
use super::tile::{Scratch, ScratchLayout, TileShape, tile_rows};
use super::transpose::transpose;
use super::update::Update;
use crate::arithmetic::Arithmetic;
use crate::slices::tail;

/// Weights up to which they and their moments stay cached from step to step: prefetching them costs more than it saves.
const CACHED_WEIGHTS: usize = 1 << 18;

/// NR from which a tile's rows go to the optimizer one by one. Narrower tiles buffer their rows: updating fewer weights at a
/// time takes longer than the sum.
const WIDE_NR: usize = 32;

/// NR above which the sum of a packed tile is long enough to prefetch the operands of its update between its parts.
const PREFETCHING_NR: usize = 32;

/// Tiles of inputs that read each row of G from which packing it pays.
const PACKED_TILES: usize = 8;

/// Length of a B panel: 256 KiB, which fits the second-level cache. Longer panels give the optimizer longer runs of weights.
const B_PANEL: usize = 1 << 16;

/// Packed input columns and the output position that reads them.
struct Block<'a> {
    b_panel: &'a [f32],
    /// The first input channel of the panel, and the number of them.
    first: usize,
    count: usize,
    position: usize,
}

impl WeightGradient<'_> {
    /// The scratch of [`WeightGradient::run`].
    pub(super) fn tile_scratch(&self, tile: TileShape) -> ScratchLayout {
        let (geometry, samples, nr) = (self.geometry, self.samples, tile.nr());
        let a_panel = if geometry.in_channels >= PACKED_TILES * nr { tile.mr * samples } else { 0 };
        let inputs = geometry.in_channels.min((B_PANEL / samples.max(1)).max(1)).next_multiple_of(nr);
        // Sums over positions have memory of their own.
        let buffered = if nr < WIDE_NR && !geometry.shares_weights() { tile.mr } else { 0 };
        ScratchLayout { a_panel, a_transformed: 0, b_panel: inputs * samples, c_buffer: inputs * buffered }
    }

    /// Updates the rows `rows` of the weights, which `update` holds.
    ///
    /// `sums` is as long as the weights if positions share them.
    #[inline(always)]
    pub fn run<A: Arithmetic, const CAPS: u32, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        rows: &Range<usize>,
        update: Update<'_>,
        layout: &ScratchLayout,
        scratch: &mut [f32],
        sums: &mut [f32],
    ) {
        let geometry = self.geometry;
        let inputs = geometry.in_channels;
        let Scratch { a_panel, b_panel, c_buffer: buffer, .. } = layout.split(scratch);
        let buffers = layout.c_buffer > 0;
        let panel_inputs = (layout.b_panel / self.samples.max(1)).max(1);
        let prefetches = !geometry.shares_weights() && rows.len() * inputs > CACHED_WEIGHTS;
        let mut sink = GradientSink { a_panel: a_panel.as_chunks_mut().0, buffers, buffer, update, prefetches, sums };
        sink.sums.fill(0.0);
        for pixel in self.input_pixels(rows) {
            let (tap_rows, tap_cols) = geometry.valid_taps::<true>(pixel);
            if tap_rows.is_empty() || tap_cols.is_empty() {
                continue;
            }
            for first in (0..inputs).step_by(panel_inputs) {
                let count = panel_inputs.min(inputs - first);
                let columns = tail(self.input, (pixel * inputs + first) * self.samples);
                let b_panel =
                    pack_transposed::<A, LANES, NR_VECTORS>(columns, (count, self.samples), self.samples, b_panel);
                for tap_row in tap_rows.clone() {
                    for tap_col in tap_cols.clone() {
                        let position = geometry.source::<true>(pixel, tap_row, tap_col);
                        let block = Block { b_panel, first, count, position };
                        let weight_row = geometry.weight_row(position, tap_row, tap_col);
                        self.block::<A, CAPS, LANES, NR_VECTORS, MR>(&block, weight_row, rows, &mut sink);
                    }
                }
            }
        }
        if geometry.shares_weights() {
            sink.update.apply::<A, CAPS, LANES>(0, sink.sums);
        }
    }

    /// The input pixels that the weight rows `rows` read.
    pub(super) fn input_pixels(&self, rows: &Range<usize>) -> Range<usize> {
        let geometry = self.geometry;
        if !geometry.untied {
            return 0..geometry.pixels();
        }
        let Geometry { rows: axis, cols, .. } = geometry;
        let image_row = (geometry.taps() * geometry.out_channels * cols.output).max(1);
        let (first, end) = (rows.start / image_row, rows.end.div_ceil(image_row));
        let bottom = (end * axis.stride + axis.taps).saturating_sub(axis.padding + axis.stride);
        (first * axis.stride).saturating_sub(axis.padding) * cols.input..bottom.min(axis.input) * cols.input
    }

    /// The gradient of one tap's weights at one output position, for the outputs among `rows`.
    #[inline(always)]
    fn block<A: Arithmetic, const CAPS: u32, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        block: &Block<'_>,
        weight_row: usize,
        rows: &Range<usize>,
        sink: &mut GradientSink<'_, MR>,
    ) {
        let (inputs, nr) = (self.geometry.in_channels, LANES * NR_VECTORS);
        let end = rows.end.min(weight_row + self.geometry.out_channels);
        let mut row = rows.start.max(weight_row);
        while row < end {
            let out = row - weight_row;
            let tile_rows = tile_rows(end - row, MR);
            let packed = tile_rows == MR && !sink.a_panel.is_empty();
            if packed {
                transpose::<A, MR, 1>(self.outputs(block, out), self.samples, sink.a_panel.as_chunks_mut().0);
            }
            let (at, count) = ((row - rows.start) * inputs + block.first, block.count);
            // The operands of the update are prefetched: by packed wide tiles between parts of their sum, by whole unpacked tiles
            // within a sum that is long enough, else one group of rows ahead.
            let between = nr > PREFETCHING_NR && sink.prefetches && packed;
            let within = sink.prefetches && !packed && tile_rows == MR && self.samples >= Operands::steps(MR);
            let prefetch_distance = (sink.prefetches && !between && !within).then_some(tile_rows * inputs);
            for lane in (0..count).step_by(nr) {
                let b_rows = BRows::of_panel(block.b_panel, nr, self.samples, lane);
                let tile = if between {
                    sink.sum_prefetching::<A, LANES, NR_VECTORS>(at + lane, inputs, b_rows)
                } else {
                    let operands = if within {
                        Some(Operands {
                            slices: sink.update.operands(at + lane, MR * inputs),
                            stride: inputs,
                            count: nr,
                        })
                    } else {
                        None
                    };
                    self.tile::<A, LANES, NR_VECTORS, MR>(block, (out, tile_rows), b_rows, sink.a_panel, operands)
                };
                if self.geometry.shares_weights() {
                    for (j, tile) in tile.iter().enumerate().take(tile_rows) {
                        let at = at + j * inputs + lane;
                        add_to(sink.sums.get_mut(at..at + count - lane).unwrap_or(&mut []), tile);
                    }
                } else {
                    sink.write_tile::<A, CAPS, LANES, NR_VECTORS>(
                        (at, inputs),
                        (tile_rows, count),
                        lane,
                        prefetch_distance,
                        &tile,
                    );
                }
            }
            if sink.buffers {
                sink.flush::<A, CAPS, LANES>(at, inputs, (tile_rows, count), prefetch_distance);
            }
            row += tile_rows;
        }
    }

    /// One register tile: the gradients of `tile_rows` rows from output `out` on; of `MR` rows if `operands` are prefetched.
    #[inline(always)]
    fn tile<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        block: &Block<'_>,
        (out, tile_rows): (usize, usize),
        b_rows: BRows<'_>,
        a_panel: &[[f32; MR]],
        operands: Option<Operands<'_>>,
    ) -> Tile<LANES, NR_VECTORS, MR> {
        let mut tile = [[[0.0; LANES]; NR_VECTORS]; MR];
        if tile_rows == MR && !a_panel.is_empty() {
            add_packed::<A, LANES, NR_VECTORS, MR>(&mut tile, b_rows, a_panel);
            return tile;
        }
        match (tile_rows, operands) {
            (_, Some(operands)) => {
                let rows = self.rows(block, out);
                add_rows_prefetching::<A, LANES, NR_VECTORS, MR>(&mut tile, b_rows, rows, &operands);
            }
            (1, _) => self.small_tile::<A, LANES, NR_VECTORS, 1>(block, out, b_rows, &mut tile),
            (2, _) => self.small_tile::<A, LANES, NR_VECTORS, 2>(block, out, b_rows, &mut tile),
            (4, _) => self.small_tile::<A, LANES, NR_VECTORS, 4>(block, out, b_rows, &mut tile),
            _ => add_rows::<A, LANES, NR_VECTORS, MR>(&mut tile, b_rows, self.rows(block, out)),
        }
        tile
    }

    /// A tile of `ROWS` rows, into the first rows of `tile`.
    #[inline(always)]
    fn small_tile<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const ROWS: usize>(
        &self,
        block: &Block<'_>,
        out: usize,
        b_rows: BRows<'_>,
        tile: &mut [[[f32; LANES]; NR_VECTORS]],
    ) {
        let mut sums = [[[0.0; LANES]; NR_VECTORS]; ROWS];
        add_rows::<A, LANES, NR_VECTORS, ROWS>(&mut sums, b_rows, self.rows(block, out));
        tile.iter_mut().zip(sums).for_each(|(row, sums)| *row = sums);
    }

    /// G of the outputs from `out` on.
    #[inline(always)]
    fn outputs(&self, block: &Block<'_>, out: usize) -> &[f32] {
        let from = (block.position * self.geometry.out_channels + out) * self.samples;
        tail(self.grad_output, from)
    }

    /// G of the first `ROWS` outputs from `out` on, a slice each.
    #[inline(always)]
    fn rows<const ROWS: usize>(&self, block: &Block<'_>, out: usize) -> [&[f32]; ROWS] {
        let mut rest = self.outputs(block, out);
        let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
        // Split one after the other: indexed by number, the compiler scatters them, and `array::from_fn` may stay a call.
        for row in &mut rows {
            let Some((first, after)) = rest.split_at_checked(self.samples) else { break };
            (*row, rest) = (first, after);
        }
        rows
    }
}
