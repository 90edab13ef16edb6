//! Weights packed for the register tile: the scalars of one step of the sum lie side by side, step after step.
//!
//! A convolution reads its weights in runs as short as its channels; packed, a tile reads one run of them, and so many
//! samples meet each that the copy does not count. Packing moves numbers and never changes one.

use core::ops::Range;

use super::product::Product;
use super::turn::turn;
use crate::arithmetic::Arithmetic;

/// Packed weights, as group of `OUTS` destination channels, tap, source channel, destination channel.
#[derive(Clone, Copy)]
pub(super) struct Panel<'a, const BACKWARD: bool, const OUTS: usize> {
    numbers: &'a [f32],
    /// Numbers of one group.
    stride: usize,
    /// Source channels of a tap.
    depth: usize,
    /// The first destination channel, and the first source channel.
    first: (usize, usize),
}

impl<'a, const BACKWARD: bool, const OUTS: usize> Panel<'a, BACKWARD, OUTS> {
    /// Numbers of a panel.
    pub(super) fn len(product: &Product) -> usize {
        let (_, height) = product.channels::<BACKWARD>();
        Self::stride(product) * height.div_ceil(OUTS)
    }

    /// Numbers of one group.
    fn stride(product: &Product) -> usize {
        let (depth, _) = product.channels::<BACKWARD>();
        product.taps() * depth * OUTS
    }

    /// Packs the weights that `position` meets at some taps into `scratch`, which is [`Panel::len`] long.
    #[inline(always)]
    pub(super) fn pack<A: Arithmetic>(
        product: Product,
        weight: &[f32],
        position: usize,
        tap_rows: &Range<usize>,
        tap_cols: &Range<usize>,
        scratch: &'a mut [f32],
    ) -> Self {
        let depth = product.channels::<BACKWARD>().0;
        let length = product.inputs * product.outputs;
        let position_of = |tap_row, tap_col| {
            if BACKWARD && product.untied { product.pixel::<true>(position, tap_row, tap_col) } else { position }
        };
        for tap_row in tap_rows.clone() {
            for tap_col in tap_cols.clone() {
                let from = product.weight_row(position_of(tap_row, tap_col), tap_row, tap_col);
                let block = weight.get(from * product.inputs..from * product.inputs + length).unwrap_or(&[]);
                let at = (tap_row * product.kernel + tap_col) * depth * OUTS;
                let groups = scratch.chunks_exact_mut(Self::stride(&product).max(1));
                for (group, numbers) in groups.enumerate() {
                    let steps = numbers.get_mut(at..at + depth * OUTS).unwrap_or(&mut []).as_chunks_mut::<OUTS>().0;
                    if BACKWARD {
                        copy(steps, block, product.inputs, group * OUTS);
                    } else {
                        // In place of a row that is not there any comes; nobody stores its sums.
                        let rows = block.get(group * OUTS * depth..).unwrap_or(&[]);
                        turn::<A, OUTS, 1>(rows, depth, steps.as_chunks_mut().0);
                    }
                }
            }
        }
        Self { numbers: scratch, stride: Self::stride(&product), depth, first: (0, 0) }
    }

    /// Packs the scalars with which the source channels `channels` of a dense layer meet one group, which begins with destination
    /// channel `row`, of a gradient of its input into `scratch`.
    #[inline(always)]
    pub(super) fn group(
        product: Product,
        weight: &[f32],
        channels: Range<usize>,
        row: usize,
        scratch: &'a mut [f32],
    ) -> Self {
        let block = weight.get(channels.start * product.inputs..).unwrap_or(&[]);
        let steps = scratch.as_chunks_mut().0.get_mut(..channels.len()).unwrap_or(&mut []);
        copy::<OUTS>(steps, block, product.inputs, row);
        let depth = channels.len();
        Self { numbers: scratch, stride: depth * OUTS, depth, first: (row, channels.start) }
    }

    /// The scalars of the group of destination channel `row`, `steps` steps of them from source channel `channel` of a tap on;
    /// the next tap's follow a tap's last.
    #[inline(always)]
    pub(super) fn scalars(self, row: usize, tap: usize, channel: usize, steps: usize) -> &'a [[f32; OUTS]] {
        let (first_row, first_channel) = self.first;
        let from = (row - first_row) / OUTS * self.stride + (tap * self.depth + channel - first_channel) * OUTS;
        self.numbers.get(from..from + steps * OUTS).unwrap_or(&[]).as_chunks::<OUTS>().0
    }
}

/// `steps[k][j] = block[k · width + at + j]`, zero beyond a row's end.
#[inline(always)]
pub(super) fn copy<const OUTS: usize>(steps: &mut [[f32; OUTS]], block: &[f32], width: usize, at: usize) {
    for (step, row) in steps.iter_mut().zip(block.chunks_exact(width.max(1))) {
        let row = row.get(at..).unwrap_or(&[]);
        match row.first_chunk::<OUTS>() {
            Some(row) => *step = *row,
            None => step.iter_mut().zip(row.iter().chain(core::iter::repeat(&0.0))).for_each(|(s, w)| *s = *w),
        }
    }
}
