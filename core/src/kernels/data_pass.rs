//! The data pass: forward pass and input gradient in register tiles, with samples in the lanes.
//!
//! For each position, C is m × n with a row for each channel of the result and a column for each sample: the sum over valid taps
//! of weights (A: m × k) times source channels (B: k × n). Every sum runs in order, taps by row and column, then channels,
//! whatever the tile, the vector width or the number of threads: those never change a bit.

use core::ops::Range;

use super::epilogue::Epilogue;
use super::geometry::Geometry;
use super::jobs::{Forward, InputGradient};
use super::microkernel::{BRows, Tile, add_cols, add_packed, add_rows, load, store};
use super::pack::PackedWeights;
use super::tile::{ScratchLayout, tile_rows};
use crate::arithmetic::{Arithmetic, CACHE_LINE};
use crate::network::Activation;
use crate::network::kernel::Taps;
use crate::slices::{range, tail};

/// KC: channels that are summed before the next rows of C, so that their rows of B stay in the second-level cache.
pub(super) const KC: usize = 512;

/// Channels of the sum below which even a small batch reads packed untied weights faster.
pub(super) const PACK_BELOW_K: usize = 8;

/// A forward pass or an input gradient; its source is x or G.
#[derive(Clone, Copy, Debug)]
pub struct DataPass<'a, const BACKWARD: bool> {
    pub(super) geometry: Geometry,
    pub(super) samples: usize,
    pub(super) source: &'a [f32],
    pub(super) weight: &'a [f32],
    pub(super) epilogue: Epilogue<'a, BACKWARD>,
}

impl<'a> From<&Forward<'a>> for DataPass<'a, false> {
    #[inline(always)]
    fn from(job: &Forward<'a>) -> Self {
        let bias_stride = if job.geometry.untied { job.geometry.out_channels } else { 0 };
        let relu = matches!(job.activation, Some(Activation::Relu));
        let epilogue = Epilogue { bias: job.bias, bias_stride, relu, mask: None };
        Self { geometry: job.geometry, samples: job.samples, source: job.input, weight: job.weight, epilogue }
    }
}

impl<'a> From<&InputGradient<'a>> for DataPass<'a, true> {
    #[inline(always)]
    fn from(job: &InputGradient<'a>) -> Self {
        let epilogue = Epilogue { bias: &[], bias_stride: 0, relu: false, mask: job.mask };
        Self { geometry: job.geometry, samples: job.samples, source: job.grad_output, weight: job.weight, epilogue }
    }
}

/// A block of the sum over k of one position: some kernel rows, kernel columns and channels.
pub(super) struct KBlock<'a> {
    pub(super) position: usize,
    pub(super) tap_rows: Taps,
    pub(super) tap_cols: Taps,
    pub(super) channels: Range<usize>,
    /// The next position's weights, prefetched meanwhile.
    pub(super) next: Option<&'a NextWeights>,
    /// The source as a B panel and its NR, if it is packed.
    pub(super) b_panel: Option<(&'a [f32], usize)>,
    pub(super) is_first: bool,
    pub(super) is_last: bool,
}

/// The position whose untied weights are packed next. Each tile of the position before it prefetches a quota of each tap's
/// weights.
pub(super) struct NextWeights {
    position: usize,
    taps: (Taps, Taps),
    /// Lanes of a tile.
    nr: usize,
    /// Weights that a tile prefetches; 0 where a tap has fewer cache lines than there are tiles.
    quota: usize,
}

impl<const BACKWARD: bool> DataPass<'_, BACKWARD> {
    /// Computes the rows `rows` of the result, counted as position × channels + channel.
    ///
    /// The weights are packed if `layout` has an A panel; untied weights are packed again for each position.
    #[inline(always)]
    pub fn run<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        rows: &Range<usize>,
        layout: &ScratchLayout,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let geometry = self.geometry;
        let m = geometry.channels::<BACKWARD>().1.max(1);
        let packs = layout.a_panel > 0;
        let (shared_panel, position_panel) =
            if geometry.untied { (&mut [][..], scratch) } else { (scratch, &mut [][..]) };
        let (all_rows, all_cols) = (Taps::all(geometry.rows.taps), Taps::all(geometry.cols.taps));
        // No closures here and below: the compiler may build one without the vector instructions of its caller.
        let shared = if packs && !geometry.untied {
            Some(PackedWeights::pack::<A>(geometry, self.weight, 0, &all_rows, &all_cols, shared_panel))
        } else {
            None
        };
        let mut row = rows.start;
        while row < rows.end {
            let (position, from) = (row / m, row % m);
            let to = m.min(from + rows.end - row);
            let at = (row - rows.start) * self.samples..(row - rows.start + to - from) * self.samples;
            let block = output.get_mut(at).unwrap_or(&mut []);
            let epilogue = self.epilogue.skip(row * self.samples);
            let taps = geometry.valid_taps::<BACKWARD>(position);
            let panel = if packs && geometry.untied {
                Some(PackedWeights::pack::<A>(geometry, self.weight, position, &taps.0, &taps.1, &mut *position_panel))
            } else {
                shared
            };
            row += to - from;
            // With a stride, the next pixel is read by other taps.
            let follows = !BACKWARD || geometry.cols.stride == 1;
            let next = if packs && geometry.untied && follows && row < rows.end {
                Some(&self.next_weights::<MR>(position + 1, LANES * NR_VECTORS))
            } else {
                None
            };
            self.position::<A, LANES, NR_VECTORS, MR>((position, taps), from..to, panel, next, epilogue, block);
        }
    }

    /// Kernel rows and columns that are summed before the next rows of C: whole kernel rows, as many as fit [`KC`] steps but at
    /// least one; single taps where a tap alone has more, and where untied weights are streamed.
    #[inline(always)]
    fn tap_steps<const LANES: usize>(&self) -> (usize, usize) {
        let (geometry, k) = (self.geometry, self.geometry.channels::<BACKWARD>().0);
        // A batch within one vector reads untied weights from memory, fastest tap by tap as they lie; the input gradient reads them in
        // another order anyway.
        let streams = !BACKWARD && geometry.untied && self.samples <= LANES && k >= PACK_BELOW_K;
        if k > KC || streams {
            (1, 1)
        } else {
            ((KC / (geometry.cols.taps * k).max(1)).max(1), geometry.cols.taps.max(1))
        }
    }

    /// All parts of the sum for some channels of one position.
    #[inline(always)]
    fn position<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        (position, (tap_rows, tap_cols)): (usize, (Taps, Taps)),
        rows: Range<usize>,
        panel: Option<PackedWeights<'_, BACKWARD, MR>>,
        next: Option<&NextWeights>,
        epilogue: Epilogue<'_, BACKWARD>,
        output: &mut [f32],
    ) {
        let k = self.geometry.channels::<BACKWARD>().0;
        let (row_step, col_step) = self.tap_steps::<LANES>();
        let (row_step, col_step) = (row_step * tap_rows.step, col_step * tap_cols.step);
        // A pixel that no position reads has one block without taps, which stores its 0.
        let none = tap_rows.is_empty() || tap_cols.is_empty();
        let (row_end, col_end) = if none { (0, 0) } else { (tap_rows.end, tap_cols.end) };
        let (first_row, first_col) = if none { (0, 0) } else { (tap_rows.start, tap_cols.start) };
        for tap_row in (first_row..row_end.max(1)).step_by(row_step) {
            for tap_col in (first_col..col_end.max(1)).step_by(col_step) {
                for channel in (0..k).step_by(KC) {
                    let k_block = KBlock {
                        position,
                        tap_rows: Taps { start: tap_row, end: row_end.min(tap_row + row_step), step: tap_rows.step },
                        tap_cols: Taps { start: tap_col, end: col_end.min(tap_col + col_step), step: tap_cols.step },
                        channels: channel..k.min(channel + KC),
                        next,
                        b_panel: None,
                        is_first: tap_row == first_row && tap_col == first_col && channel == 0,
                        is_last: tap_row + row_step >= row_end && tap_col + col_step >= col_end && channel + KC >= k,
                    };
                    self.k_block::<A, LANES, NR_VECTORS, MR>(&k_block, rows.clone(), panel, epilogue, output);
                }
            }
        }
    }

    /// One block of the sum for all tiles of the result. Packed weights are padded to whole tiles; without them, smaller tiles compute
    /// what remains beside whole ones.
    #[inline(always)]
    pub(super) fn k_block<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        k_block: &KBlock<'_>,
        rows: Range<usize>,
        panel: Option<PackedWeights<'_, BACKWARD, MR>>,
        epilogue: Epilogue<'_, BACKWARD>,
        output: &mut [f32],
    ) {
        let mut row = rows.start;
        while row < rows.end {
            let left = rows.end - row;
            let offset = (row - rows.start) * self.samples;
            let output = output.get_mut(offset..).unwrap_or(&mut []);
            let epilogue = epilogue.skip(offset);
            row += match if panel.is_some() { MR } else { tile_rows(left, MR) } {
                4 if MR > 4 => self.tile_row::<A, LANES, NR_VECTORS, 4>(k_block, row, None, epilogue, output),
                2 if MR > 2 => self.tile_row::<A, LANES, NR_VECTORS, 2>(k_block, row, None, epilogue, output),
                1 if MR > 1 => self.tile_row::<A, LANES, NR_VECTORS, 1>(k_block, row, None, epilogue, output),
                _ => self.tile_row::<A, LANES, NR_VECTORS, MR>(k_block, row, panel, epilogue, output),
            };
        }
    }

    /// One row of tiles over all samples; what is left beside whole tiles in tiles of one vector. Returns the tiles' rows.
    #[inline(always)]
    pub(super) fn tile_row<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        k_block: &KBlock<'_>,
        row: usize,
        panel: Option<PackedWeights<'_, BACKWARD, MR>>,
        epilogue: Epilogue<'_, BACKWARD>,
        output: &mut [f32],
    ) -> usize {
        let mut lane = 0;
        while lane + LANES * NR_VECTORS <= self.samples {
            self.tile::<A, LANES, NR_VECTORS, MR>(k_block, row, lane, panel, epilogue, output);
            lane += LANES * NR_VECTORS;
        }
        while lane < self.samples {
            self.tile::<A, LANES, 1, MR>(k_block, row, lane, panel, epilogue, output);
            lane += LANES;
        }
        MR
    }

    /// One register tile: `MR` rows of the result × `NR_VECTORS` × `LANES` samples.
    #[inline(always)]
    fn tile<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        k_block: &KBlock<'_>,
        row: usize,
        lane: usize,
        panel: Option<PackedWeights<'_, BACKWARD, MR>>,
        epilogue: Epilogue<'_, BACKWARD>,
        output: &mut [f32],
    ) {
        let samples = self.samples.max(1);
        let mut sums: Tile<LANES, NR_VECTORS, MR> = [[[0.0; LANES]; NR_VECTORS]; MR];
        if k_block.is_first {
            // The output lines are cold: prefetch them.
            for column in output.chunks_exact(samples).take(MR) {
                A::prefetch(column.get(lane..samples.min(lane + LANES * NR_VECTORS)).unwrap_or(&[]));
            }
            for (out, sums) in sums.iter_mut().enumerate() {
                *sums = [[epilogue.start(k_block.position, row + out); LANES]; NR_VECTORS];
            }
        } else {
            for (sums, column) in sums.iter_mut().zip(output.chunks_exact(samples)) {
                load(sums, tail(column, lane));
            }
        }
        match panel {
            None => self.accumulate::<A, LANES, NR_VECTORS, MR>(k_block, row, lane, &mut sums),
            Some(panel) => self.accumulate_packed::<A, LANES, NR_VECTORS, MR>(k_block, row, lane, panel, &mut sums),
        }
        for (out, (sums, column)) in sums.iter().zip(output.chunks_exact_mut(samples)).enumerate() {
            let values = column.get_mut(lane..).unwrap_or(&mut []);
            if k_block.is_last {
                epilogue.store::<A, LANES, NR_VECTORS>(sums, out * samples + lane, values);
            } else {
                store(sums, values);
            }
        }
    }

    /// Adds one block of the sum to a register tile, with the weights where they lie.
    #[inline(always)]
    fn accumulate<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        k_block: &KBlock<'_>,
        row: usize,
        lane: usize,
        sums: &mut Tile<LANES, NR_VECTORS, MR>,
    ) {
        let (geometry, inputs) = (self.geometry, self.geometry.in_channels.max(1));
        for tap_row in k_block.tap_rows.clone() {
            for tap_col in k_block.tap_cols.clone() {
                let source = geometry.source::<BACKWARD>(k_block.position, tap_row, tap_col);
                let b_rows = self.b_rows(k_block, source, lane);
                let weight_row =
                    geometry.weight_row(if BACKWARD { source } else { k_block.position }, tap_row, tap_col);
                if BACKWARD {
                    let from = (weight_row + k_block.channels.start) * inputs;
                    let rows = range(self.weight, from, k_block.channels.len() * inputs);
                    add_cols::<A, LANES, NR_VECTORS, MR>(sums, b_rows, rows, inputs, row);
                } else {
                    let rows = core::array::from_fn(|out| {
                        let from = (weight_row + row + out) * inputs + k_block.channels.start;
                        range(self.weight, from, k_block.channels.len())
                    });
                    add_rows::<A, LANES, NR_VECTORS, MR>(sums, b_rows, rows);
                }
            }
        }
    }

    /// Adds one block of the sum to a register tile, with packed weights. Forward, the pixels of a kernel row and their packed weights are
    /// contiguous.
    #[inline(always)]
    fn accumulate_packed<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        k_block: &KBlock<'_>,
        row: usize,
        lane: usize,
        panel: PackedWeights<'_, BACKWARD, MR>,
        sums: &mut Tile<LANES, NR_VECTORS, MR>,
    ) {
        let (geometry, channel) = (self.geometry, k_block.channels.start);
        let Taps { start, end, step } = k_block.tap_cols;
        let whole_rows = !BACKWARD && k_block.channels.len() == geometry.in_channels;
        let run = if whole_rows { (end - start).max(1) } else { 1 };
        for tap_row in k_block.tap_rows.clone() {
            for tap_col in (start..end).step_by(if whole_rows { run } else { step }) {
                let pixel = geometry.source::<BACKWARD>(k_block.position, tap_row, tap_col);
                let b_rows = self.b_rows(k_block, pixel, lane);
                let tap = tap_row * geometry.cols.taps + tap_col;
                if let Some(next) = k_block.next {
                    self.prefetch_weights::<A, MR>(next, (tap_row, tap_col..tap_col + run), (row, lane));
                }
                let scalars = panel.scalars(row, tap, channel, run * k_block.channels.len());
                add_packed::<A, LANES, NR_VECTORS, MR>(sums, b_rows, scalars);
            }
        }
    }

    /// What to prefetch for `position` while the position before it is summed in tiles of `MR` × `nr`.
    fn next_weights<const MR: usize>(&self, position: usize, nr: usize) -> NextWeights {
        let (geometry, m) = (self.geometry, self.geometry.channels::<BACKWARD>().1);
        let tiles = (m.div_ceil(MR) * self.samples).div_ceil(nr.max(1)).max(1);
        let lines = geometry.in_channels * geometry.out_channels / CACHE_LINE;
        let quota = if lines >= tiles { lines.div_ceil(tiles) * CACHE_LINE } else { 0 };
        NextWeights { position, taps: geometry.valid_taps::<BACKWARD>(position), nr, quota }
    }

    /// Prefetches the quota of the tile at `row` and `lane` of the next position's weights at some taps.
    #[inline(always)]
    fn prefetch_weights<A: Arithmetic, const MR: usize>(
        &self,
        next: &NextWeights,
        (tap_row, tap_cols): (usize, Range<usize>),
        (row, lane): (usize, usize),
    ) {
        let (geometry, (rows, cols)) = (self.geometry, &next.taps);
        if next.quota == 0 || !(rows.start..rows.end).contains(&tap_row) {
            return;
        }
        let offset = (row / MR * self.samples + lane) / next.nr.max(1) * next.quota;
        for tap_col in tap_cols.start.max(cols.start)..tap_cols.end.min(cols.end) {
            let of = if BACKWARD { geometry.source::<true>(next.position, tap_row, tap_col) } else { next.position };
            let from = geometry.weight_row(of, tap_row, tap_col) * geometry.in_channels + offset;
            A::prefetch(self.weight.get(from..from + next.quota).unwrap_or(&[]));
        }
    }

    /// The rows of B of a block of the sum: the source's channels at a position, from the sample `lane` on.
    #[inline(always)]
    fn b_rows<'a>(&'a self, k_block: &KBlock<'a>, position: usize, lane: usize) -> BRows<'a> {
        if let Some((panel, nr)) = k_block.b_panel {
            return BRows::of_panel(panel, nr, k_block.channels.len(), lane);
        }
        let k = self.geometry.channels::<BACKWARD>().0;
        let from = (position * k + k_block.channels.start) * self.samples + lane;
        BRows { values: tail(self.source, from), stride: self.samples }
    }
}
