//! The rows of a layer that a slice computes, if [`Training::slice`](crate::Training::slice) cuts layers.

use core::ops::Range;

use super::trainer::Trainer;
use crate::capabilities::{self, enabled};
use crate::kernels::rows::WeightGradientRows;
use crate::kernels::{BiasGradient, Geometry, Kernels, Update};
use crate::plan::Rows;
use crate::slices::subslice_mut;

/// Whether slices cut layers.
pub(super) const fn cuts_layers<const CAPS: u32, K: Kernels>() -> bool {
    enabled::<CAPS>(capabilities::SLICES) && K::SLICES
}

impl<const CAPS: u32, K: Kernels> Trainer<'_, CAPS, K> {
    /// Whether slices cut layers.
    pub(super) const SLICES: bool = cuts_layers::<CAPS, K>();

    /// Whether a slice has computed some rows of a pass and others remain.
    #[inline(always)]
    pub(super) fn is_within_pass(&self) -> bool {
        Self::SLICES && self.rows_done > 0
    }

    /// Whether slices of so many operations cut a layer; `usize::MAX` are those of a whole one.
    #[inline(always)]
    pub(super) const fn is_cut(operations: usize) -> bool {
        Self::SLICES && operations < usize::MAX
    }

    /// The rows that the next slice of a pass computes; `None` for all.
    #[inline(always)]
    pub(super) fn slice_of(&mut self, rows: impl FnOnce() -> Rows, operations: usize) -> Option<Range<usize>> {
        if !Self::is_cut(operations) {
            return None;
        }
        let rows = rows();
        let slice = self.next_rows(rows, operations);
        if slice.end == rows.count {
            self.rows_done = 0;
        }
        Some(slice)
    }

    /// The rows of a pass that the next slice computes.
    pub(super) fn next_rows(&mut self, rows: Rows, operations: usize) -> Range<usize> {
        let from = self.rows_done;
        self.rows_done = rows.end(from, operations);
        from..self.rows_done
    }
}

/// Applies the gradients of some rows of weights.
pub(super) fn update_rows<const CAPS: u32, K: Kernels>(
    kernels: &K,
    rows: &WeightGradientRows<'_>,
    update: Update<'_>,
    sums: &mut [f32],
) {
    let update = update.of_weights(&rows.weights);
    let sums = if sums.is_empty() { sums } else { subslice_mut(sums, &rows.weights) };
    if !rows.has_partial_sums && !rows.continues {
        return kernels.weight_gradient::<CAPS>(&rows.job, update, sums);
    }
    if !rows.has_partial_sums {
        sums.fill(0.0);
    }
    let (none, update) = update.split(0);
    kernels.weight_gradient::<CAPS>(&rows.job, none, sums);
    if !rows.continues {
        // A gradient that is already summed is applied as that of biases, of one sample and one position.
        let geometry = Geometry::dense(1, sums.len());
        kernels.bias_gradient::<CAPS>(&BiasGradient { geometry, samples: 1, grad_output: sums }, update);
    }
}
