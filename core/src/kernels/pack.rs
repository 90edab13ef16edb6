//! Packs operands into panels, in the order in which a microkernel reads them.
//!
//! ```text
//! A panel   micropanel of MR rows, then tap, then channel of the sum:   [micropanel][tap][k][MR]
//! B panel   micropanel of NR columns, then step:                        [micropanel][k][NR]
//! ```
//!
//! A convolution reads its weights in runs as short as its channels; from a panel a tile reads one run. Each packed weight is
//! used for so many samples that the copy costs little. Packing changes no value.

use core::ops::Range;

use super::geometry::Geometry;
use super::microkernel::{first_vectors_mut, load};
use super::transpose::transpose;
use crate::arithmetic::Arithmetic;
use crate::network::kernel::Taps;
use crate::slices::{range, tail};

/// Packed weights: an A panel of the data pass.
#[derive(Clone, Copy)]
pub(super) struct PackedWeights<'a, const BACKWARD: bool, const MR: usize> {
    values: &'a [f32],
    /// Values from one group of `MR` channels to the next.
    group_stride: usize,
    /// Steps of a tap: the channels that are summed over.
    k: usize,
    /// The first channel of the result, and of the sum, that the panel holds.
    first: (usize, usize),
}

/// Length of the packed weights of a data pass in tiles of `mr` rows.
pub(super) const fn packed_weights_len(geometry: &Geometry, (k, m): (usize, usize), mr: usize) -> usize {
    geometry.taps() * k * mr * m.div_ceil(mr)
}

impl<'a, const BACKWARD: bool, const MR: usize> PackedWeights<'a, BACKWARD, MR> {
    /// Packs the weights that `position` uses at some taps into `panel`, which is [`packed_weights_len`] long.
    #[inline(always)]
    pub(super) fn pack<A: Arithmetic>(
        geometry: Geometry,
        weight: &[f32],
        position: usize,
        tap_rows: &Taps,
        tap_cols: &Taps,
        panel: &'a mut [f32],
    ) -> Self {
        let k = geometry.channels::<BACKWARD>().0;
        let len = geometry.in_channels * geometry.out_channels;
        let group_stride = geometry.taps() * k * MR;
        let position_of = |tap_row, tap_col| {
            if BACKWARD && geometry.untied { geometry.source::<true>(position, tap_row, tap_col) } else { position }
        };
        for tap_row in tap_rows.clone() {
            for tap_col in tap_cols.clone() {
                let row = geometry.weight_row(position_of(tap_row, tap_col), tap_row, tap_col);
                let from = row * geometry.in_channels;
                let block = range(weight, from, len);
                let offset = (tap_row * geometry.cols.taps + tap_col) * k * MR;
                for (group, values) in panel.chunks_exact_mut(group_stride.max(1)).enumerate() {
                    let steps = values.get_mut(offset..offset + k * MR).unwrap_or(&mut []).as_chunks_mut::<MR>().0;
                    if BACKWARD {
                        pack_columns(steps, block, geometry.in_channels, group * MR);
                    } else {
                        // Any row stands in for rows that are missing; their sums are never stored.
                        let rows = tail(block, group * MR * k);
                        transpose::<A, MR, 1>(rows, k, steps.as_chunks_mut().0);
                    }
                }
            }
        }
        Self { values: panel, group_stride, k, first: (0, 0) }
    }

    /// Packs one group of a dense layer's input gradient, the channels from `row` on, for the channels `channels` of the sum.
    #[inline(always)]
    pub(super) fn pack_dense_group(
        geometry: Geometry,
        weight: &[f32],
        channels: Range<usize>,
        row: usize,
        panel: &'a mut [f32],
    ) -> Self {
        let block = tail(weight, channels.start * geometry.in_channels);
        let steps = panel.as_chunks_mut().0.get_mut(..channels.len()).unwrap_or(&mut []);
        pack_columns::<MR>(steps, block, geometry.in_channels, row);
        let k = channels.len();
        Self { values: panel, group_stride: k * MR, k, first: (row, channels.start) }
    }

    /// The scalars of the group of channel `row`: `steps` steps from channel `channel` of a tap on. The next tap's steps follow
    /// a tap's last.
    #[inline(always)]
    pub(super) fn scalars(self, row: usize, tap: usize, channel: usize, steps: usize) -> &'a [[f32; MR]] {
        let (first_row, first_channel) = self.first;
        let from = (row - first_row) / MR * self.group_stride + (tap * self.k + channel - first_channel) * MR;
        range(self.values, from, steps * MR).as_chunks::<MR>().0
    }
}

/// `steps[k][row] = block[k · width + first + row]`, zero beyond a row's end.
#[inline(always)]
pub(super) fn pack_columns<const MR: usize>(steps: &mut [[f32; MR]], block: &[f32], width: usize, first: usize) {
    for (step, row) in steps.iter_mut().zip(block.chunks_exact(width.max(1))) {
        let row = tail(row, first);
        match row.first_chunk::<MR>() {
            Some(row) => *step = *row,
            None => step.iter_mut().zip(row.iter().chain(core::iter::repeat(&0.0))).for_each(|(s, w)| *s = *w),
        }
    }
}

/// Packs the first `count` of `columns`, each `samples` long, as a B panel with the samples in the lanes:
/// `panel[group][k][lane] = columns[k · samples + group · NR + lane]`.
#[inline(always)]
pub(super) fn pack_samples<const LANES: usize, const NR_VECTORS: usize>(
    columns: &[f32],
    count: usize,
    samples: usize,
    panel: &mut [f32],
) {
    let nr = LANES * NR_VECTORS;
    for (group, tile) in panel.chunks_exact_mut((nr * count).max(1)).enumerate() {
        for (lanes, column) in tile.chunks_exact_mut(nr).zip(columns.chunks(samples.max(1))) {
            if let Some(lanes) = first_vectors_mut::<LANES, NR_VECTORS>(lanes) {
                load(lanes, column.get(group * nr..).unwrap_or(&[]));
            }
        }
    }
}

/// Packs the first `count` of `columns`, `stride` values apart, as a B panel with the columns in the lanes:
/// `panel[group][sample][lane] = columns[(group · NR + lane) · stride + sample]`. Lanes beyond `count` hold any value.
#[inline(always)]
pub(super) fn pack_transposed<'a, A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
    columns: &[f32],
    (count, stride): (usize, usize),
    samples: usize,
    panel: &'a mut [f32],
) -> &'a [f32] {
    let mut columns = columns.get(..count * stride).unwrap_or(columns);
    let rows = panel.as_chunks_mut::<LANES>().0.as_chunks_mut::<NR_VECTORS>().0;
    for tile in rows.chunks_exact_mut(samples.max(1)).take(count.div_ceil(LANES * NR_VECTORS)) {
        transpose::<A, LANES, NR_VECTORS>(columns, stride, tile);
        columns = columns.get(LANES * NR_VECTORS * stride..).unwrap_or(&[]);
    }
    panel
}
