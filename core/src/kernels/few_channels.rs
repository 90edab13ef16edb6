//! The weight gradient of a convolution with few input channels: the lanes hold outputs.
//!
//! The same sums in the same order as in `weight_gradient.rs`; the 3 channels of an image would fill 3 lanes of 16.

use core::ops::Range;

use super::jobs::WeightGradient;
use super::microkernel::{BRows, Tile, add_rows, add_to};
use super::pack::pack_transposed;
use super::tile::{Scratch, ScratchLayout, TileShape};
use super::update::Update;
use crate::arithmetic::Arithmetic;
use crate::network::kernel::Taps;
use crate::slices::tail;

/// Inputs of a tile: they divide the 15 inputs that a row of a 5 × 5 kernel reads of 3 channels, and with two vectors of outputs
/// they are enough sums to hide the latency of an addition.
pub(super) const INPUTS: usize = 5;

/// Gradients of the kernel's taps from `first` on, as tap, input, output.
struct TapSums<'a> {
    first: usize,
    sums: &'a mut [f32],
}

/// Where a tile's input columns and its gradients begin.
struct TileOffsets {
    input: usize,
    sums: usize,
}

impl WeightGradient<'_> {
    /// The scratch of [`WeightGradient::run_few_channels`]: G of a position as a B panel, and the gradients of one kernel twice,
    /// as they are summed and as the weights lie.
    pub(super) fn few_channels_scratch(&self, tile: TileShape) -> ScratchLayout {
        let geometry = self.geometry;
        let b_panel = geometry.out_channels.next_multiple_of(tile.nr()) * self.samples;
        let kernel = geometry.taps() * geometry.in_channels * geometry.out_channels;
        ScratchLayout { b_panel, c_buffer: 2 * kernel, ..ScratchLayout::default() }
    }

    /// [`WeightGradient::run`] with the outputs in the lanes.
    #[inline(always)]
    pub fn run_few_channels<A: Arithmetic, const CAPS: u32, const LANES: usize, const NR_VECTORS: usize>(
        &self,
        rows: &Range<usize>,
        mut update: Update<'_>,
        layout: &ScratchLayout,
        scratch: &mut [f32],
        sums: &mut [f32],
    ) {
        let geometry = self.geometry;
        let (outputs, taps) = (geometry.out_channels.max(1), geometry.taps());
        let kernel = taps * geometry.in_channels * geometry.out_channels;
        let Scratch { b_panel, c_buffer: buffers, .. } = layout.split(scratch);
        let (own, ordered) = buffers.split_at_mut_checked(kernel).unwrap_or((&mut [], &mut []));
        let first = rows.start / outputs;
        let positions = if geometry.untied { first / taps..rows.end / outputs / taps } else { 0..geometry.positions() };
        let mut tap_sums = if geometry.untied { TapSums { first: 0, sums: own } } else { TapSums { first, sums } };
        tap_sums.sums.fill(0.0);
        for position in positions {
            let columns = tail(self.grad_output, position * outputs * self.samples);
            let panel =
                pack_transposed::<A, LANES, NR_VECTORS>(columns, (outputs, self.samples), self.samples, b_panel);
            // The next columns are transposed in blocks, which a CPU's prefetcher does not follow.
            let next = outputs * self.samples..2 * outputs * self.samples;
            A::prefetch(columns.get(next).unwrap_or(&[]));
            self.position::<A, LANES, NR_VECTORS>(position, panel, &mut tap_sums);
            if geometry.untied {
                let at = (position - first / taps) * kernel;
                self.apply_valid_taps::<A, CAPS, LANES>(at, position, tap_sums.sums, ordered, &mut update);
                tap_sums.sums.fill(0.0);
            }
        }
        if !geometry.untied {
            self.apply::<A, CAPS, LANES>(0, tap_sums.sums, ordered, &mut update);
        }
    }

    /// Adds what one output position contributes to the gradients of the taps, kernel row by kernel row.
    #[inline(always)]
    fn position<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
        &self,
        position: usize,
        b_panel: &[f32],
        taps: &mut TapSums<'_>,
    ) {
        let geometry = self.geometry;
        let inputs = geometry.in_channels;
        let (tap_rows, tap_cols) = geometry.valid_taps::<false>(position);
        for tap_row in tap_rows {
            let last = taps.first + taps.sums.len() / (inputs * geometry.out_channels).max(1);
            let first = tap_row * geometry.cols.taps;
            let from = (first + tap_cols.start).clamp(taps.first, last);
            let to = (first + tap_cols.end).clamp(taps.first, last);
            if from >= to {
                continue;
            }
            let pixel = geometry.source::<false>(position, tap_row, from - first);
            let count = (to - from) * inputs;
            let mut row = 0;
            while row < count {
                let offsets = TileOffsets {
                    input: pixel * inputs + row,
                    sums: ((from - taps.first) * inputs + row) * geometry.out_channels,
                };
                row += match count - row {
                    INPUTS.. => self.tile_row::<A, LANES, NR_VECTORS, INPUTS>(&offsets, b_panel, taps.sums),
                    4 => self.tile_row::<A, LANES, NR_VECTORS, 4>(&offsets, b_panel, taps.sums),
                    2.. => self.tile_row::<A, LANES, NR_VECTORS, 2>(&offsets, b_panel, taps.sums),
                    _ => self.tile_row::<A, LANES, NR_VECTORS, 1>(&offsets, b_panel, taps.sums),
                };
            }
        }
    }

    /// One row of tiles over all outputs; returns the tiles' rows.
    #[inline(always)]
    fn tile_row<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        offsets: &TileOffsets,
        b_panel: &[f32],
        sums: &mut [f32],
    ) -> usize {
        let mut lane = 0;
        while lane < self.geometry.out_channels {
            let b_rows = BRows::of_panel(b_panel, LANES * NR_VECTORS, self.samples, lane);
            lane += if self.geometry.out_channels - lane >= LANES * NR_VECTORS {
                self.tile_of_inputs::<A, LANES, NR_VECTORS, MR>(offsets, lane, b_rows, sums)
            } else {
                self.tile_of_inputs::<A, LANES, 1, MR>(offsets, lane, b_rows, sums)
            };
        }
        MR
    }

    /// One register tile: `MR` inputs × `NR_VECTORS` × `LANES` outputs; returns the number of outputs.
    #[inline(always)]
    fn tile_of_inputs<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        offsets: &TileOffsets,
        lane: usize,
        b_rows: BRows<'_>,
        sums: &mut [f32],
    ) -> usize {
        let (n, outputs) = (self.samples, self.geometry.out_channels);
        let rows: [&[f32]; MR] = core::array::from_fn(|j| {
            self.input.get((offsets.input + j) * n..(offsets.input + j + 1) * n).unwrap_or(&[])
        });
        let mut tile: Tile<LANES, NR_VECTORS, MR> = [[[0.0; LANES]; NR_VECTORS]; MR];
        let range = |j: usize| {
            let from = offsets.sums + j * outputs + lane;
            from..from + (LANES * NR_VECTORS).min(outputs - lane)
        };
        add_rows::<A, LANES, NR_VECTORS, MR>(&mut tile, b_rows, rows);
        for (j, tile) in tile.iter().enumerate() {
            add_to(sums.get_mut(range(j)).unwrap_or(&mut []), tile);
        }
        LANES * NR_VECTORS
    }

    /// [`WeightGradient::apply`] for the valid taps of `position`. As in all other kernels, weights on padding stay as they are,
    /// with weight decay or without.
    #[inline(always)]
    fn apply_valid_taps<A: Arithmetic, const CAPS: u32, const LANES: usize>(
        &self,
        at: usize,
        position: usize,
        sums: &[f32],
        ordered: &mut [f32],
        update: &mut Update<'_>,
    ) {
        let geometry = self.geometry;
        let (tap_rows, tap_cols) = geometry.valid_taps::<false>(position);
        // Away from the edges all taps at once, else those of a kernel row.
        let whole = (tap_rows.end - tap_rows.start) * (tap_cols.end - tap_cols.start) == geometry.taps();
        for tap_row in if whole { Taps::ONE } else { tap_rows } {
            let taps = if whole { Taps::all(geometry.taps()) } else { tap_cols.clone() };
            let tap = geometry.in_channels * geometry.out_channels;
            let first = tap_row * geometry.cols.taps;
            let (from, to) = ((first + taps.start) * tap, (first + taps.end) * tap);
            self.apply::<A, CAPS, LANES>(at + from, sums.get(from..to).unwrap_or(&[]), ordered, update);
        }
    }

    /// Transposes the gradients of the taps into the order of the weights and applies them.
    #[inline(always)]
    fn apply<A: Arithmetic, const CAPS: u32, const LANES: usize>(
        &self,
        at: usize,
        sums: &[f32],
        ordered: &mut [f32],
        update: &mut Update<'_>,
    ) {
        let (inputs, outputs) = (self.geometry.in_channels.max(1), self.geometry.out_channels.max(1));
        let ordered = ordered.get_mut(..sums.len()).unwrap_or(&mut []);
        for (ordered, sums) in ordered.chunks_exact_mut(inputs * outputs).zip(sums.chunks_exact(inputs * outputs)) {
            for (input, sums) in sums.chunks_exact(outputs).enumerate() {
                for (row, sum) in ordered.chunks_exact_mut(inputs).zip(sums) {
                    if let Some(value) = row.get_mut(input) {
                        *value = *sum;
                    }
                }
            }
        }
        update.apply::<A, CAPS, LANES>(at, ordered);
    }
}
