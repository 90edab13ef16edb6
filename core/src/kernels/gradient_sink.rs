//! Passes the tiles of a weight gradient to the optimizer, directly or buffered by rows.

use super::microkernel::{BRows, Prefetch, STEPS, Tile, add_packed, store};
use super::update::Update;
use crate::arithmetic::Arithmetic;

/// Neighbouring weights that are prefetched at once.
const PREFETCH_WEIGHTS: usize = 64;

/// The operands of a tile's update: its rows of weights, moments and feedback, to be prefetched.
pub(super) struct Operands<'a> {
    /// Weights, first and second moments, feedback, from the tile's first weight on.
    pub(super) slices: [&'a [f32]; 4],
    /// Values from one row to the next.
    pub(super) stride: usize,
    /// Values of a row.
    pub(super) count: usize,
}

impl Operands<'_> {
    /// Slices of an update: weights, first and second moments, feedback.
    const SLICES: usize = 4;

    /// Steps of a sum in which `rows` rows of all slices are prefetched, one before each [`STEPS`] steps.
    pub(super) const fn steps(rows: usize) -> usize {
        STEPS * Self::SLICES * rows
    }
}

impl Prefetch for Operands<'_> {
    #[inline(always)]
    fn prefetch<A: Arithmetic>(&self, block: usize) {
        let at = block / Self::SLICES * self.stride;
        A::prefetch(self.slices[block % Self::SLICES].get(at..at + self.count).unwrap_or(&[]));
    }
}

/// Takes the gradients of some rows of weights, with the packed G that they are computed from.
pub(super) struct GradientSink<'a, const MR: usize> {
    /// G of the rows as an A panel, sample after sample; empty if G is read where it lies.
    pub(super) a_panel: &'a mut [[f32; MR]],
    /// Whether rows of gradients are buffered until a run of weights is complete.
    pub(super) buffers: bool,
    /// Buffered rows of gradients.
    pub(super) buffer: &'a mut [f32],
    pub(super) update: Update<'a>,
    /// Whether the operands of the updates are prefetched.
    pub(super) prefetches: bool,
    /// Sums over positions.
    pub(super) sums: &'a mut [f32],
}

impl<const MR: usize> GradientSink<'_, MR> {
    /// The tile of packed rows whose first weight is at `at` and whose rows are `inputs` apart. Between parts of the sum one row
    /// of the update's operands is prefetched: a core waits when more lines are in flight than it can track.
    #[inline(always)]
    pub(super) fn sum_prefetching<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
        &self,
        at: usize,
        inputs: usize,
        b_rows: BRows<'_>,
    ) -> Tile<LANES, NR_VECTORS, MR> {
        let mut tile = [[[0.0; LANES]; NR_VECTORS]; MR];
        // As many parts as rows, of an even length, because the microkernel takes two steps at a time.
        let part_len = (self.a_panel.len() / MR / 2 * 2).max(2);
        for (part, scalars) in self.a_panel.chunks(part_len).enumerate() {
            if part < MR {
                self.update.prefetch::<A>(at + part * inputs, LANES * NR_VECTORS);
            }
            let values = b_rows.values.get(part * part_len * b_rows.stride..).unwrap_or(&[]);
            add_packed::<A, LANES, NR_VECTORS, MR>(&mut tile, BRows { values, ..b_rows }, scalars);
        }
        tile
    }

    /// Writes a tile: `tile_rows` rows of a run of `count` weights, the first row's run at `at`, the rows `inputs` apart; the tile begins
    /// at weight `lane` of each run.
    #[inline(always)]
    pub(super) fn write_tile<A: Arithmetic, const CAPS: u32, const LANES: usize, const NR_VECTORS: usize>(
        &mut self,
        (at, inputs): (usize, usize),
        (tile_rows, count): (usize, usize),
        lane: usize,
        prefetch_distance: Option<usize>,
        tile: &Tile<LANES, NR_VECTORS, MR>,
    ) {
        if self.buffers {
            // Over all rows of the tile, so that the compiler unrolls the loop and stores from the registers.
            for (j, row) in tile.iter().enumerate() {
                if j < tile_rows {
                    store(row, self.buffer.get_mut(j * count + lane..(j + 1) * count).unwrap_or(&mut []));
                }
            }
            return;
        }
        for (j, row) in tile.iter().enumerate().take(tile_rows) {
            let row = row.as_flattened();
            let row = row.get(..count - lane).unwrap_or(row);
            self.update.apply_prefetching::<A, CAPS, LANES>(at + j * inputs + lane, prefetch_distance, row);
        }
    }

    /// Applies the buffered gradients: `tile_rows` rows of `count` weights, the first at `at`, the rows `inputs` apart.
    #[inline(always)]
    pub(super) fn flush<A: Arithmetic, const CAPS: u32, const LANES: usize>(
        &mut self,
        at: usize,
        inputs: usize,
        (tile_rows, count): (usize, usize),
        prefetch_distance: Option<usize>,
    ) {
        for (j, run) in self.buffer.chunks_exact(count.max(1)).enumerate().take(tile_rows) {
            for (piece, gradient) in run.chunks(PREFETCH_WEIGHTS).enumerate() {
                let at = at + j * inputs + piece * PREFETCH_WEIGHTS;
                self.update.apply_prefetching::<A, CAPS, LANES>(at, prefetch_distance, gradient);
            }
        }
    }
}
