//! The data pass of a dense layer.
//!
//! The same sums in the same order as in `data_pass.rs`. The source's columns, and for the input gradient the weights, are
//! packed: unpacked, their strides are often powers of two, which causes cache-set conflicts.

use core::ops::Range;

use super::data_pass::{DataPass, KBlock, KC};
use super::pack::{PackedWeights, pack_samples};
use super::tile::{Scratch, ScratchLayout};
use crate::arithmetic::Arithmetic;
use crate::network::kernel::Taps;
use crate::slices::tail;

impl<const BACKWARD: bool> DataPass<'_, BACKWARD> {
    /// [`DataPass::run`] for a [dense](super::Geometry::is_dense) layer, packed if `layout` has a B panel.
    #[inline(always)]
    pub fn run_dense<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
        &self,
        rows: &Range<usize>,
        layout: &ScratchLayout,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let (k, nr) = (self.geometry.channels::<BACKWARD>().0, LANES * NR_VECTORS);
        let epilogue = self.epilogue.skip(rows.start * self.samples);
        let packs = layout.b_panel > 0;
        let Scratch { a_panel, b_panel, .. } = layout.split(scratch);
        for from in (0..k).step_by(KC) {
            let to = k.min(from + KC);
            if packs {
                let columns = tail(self.source, from * self.samples);
                pack_samples::<LANES, NR_VECTORS>(columns, to - from, self.samples, b_panel);
            }
            let k_block = KBlock {
                position: 0,
                tap_rows: Taps::ONE,
                tap_cols: Taps::ONE,
                channels: from..to,
                next: None,
                b_panel: packs.then_some((&*b_panel, nr)),
                is_first: from == 0,
                is_last: to == k,
            };
            if !BACKWARD || !packs {
                self.k_block::<A, LANES, NR_VECTORS, MR>(&k_block, rows.clone(), None, epilogue, output);
                continue;
            }
            for row in rows.clone().step_by(MR) {
                let panel = PackedWeights::pack_dense_group(self.geometry, self.weight, from..to, row, &mut *a_panel);
                let offset = (row - rows.start) * self.samples;
                let output = output.get_mut(offset..).unwrap_or(&mut []);
                self.tile_row::<A, LANES, NR_VECTORS, MR>(&k_block, row, Some(panel), epilogue.skip(offset), output);
            }
        }
    }
}
