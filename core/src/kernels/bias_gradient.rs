//! The bias gradient: G summed over the batch and, unless untied, over the positions.

use core::ops::Range;

use super::jobs::BiasGradient;
use super::microkernel::Blocks;
use super::update::Update;
use crate::arithmetic::Arithmetic;
use crate::slices::range;

impl BiasGradient<'_> {
    /// Updates the biases `rows`, which `update` holds.
    ///
    /// The sums of many biases advance together, position by position, so that G is read in the order of memory. The rows of
    /// `CHAINS` biases are added side by side, because each is one chain of additions.
    #[inline(always)]
    pub fn run<A: Arithmetic, const CAPS: u32, const CHAINS: usize>(&self, rows: Range<usize>, mut update: Update<'_>) {
        /// Biases whose sums over positions advance together.
        const ROWS: usize = 64;
        let positions = if self.geometry.untied { 1 } else { self.geometry.positions() };
        for from in rows.clone().step_by(ROWS) {
            let mut sums = [0.0; ROWS];
            let sums = sums.get_mut(..ROWS.min(rows.end - from)).unwrap_or(&mut []);
            for position in 0..positions {
                let row = position * self.geometry.out_channels + from;
                let (groups, rest) = sums.as_chunks_mut::<CHAINS>();
                for (group, sums) in groups.iter_mut().enumerate() {
                    self.add_batch::<A, CHAINS>(row + group * CHAINS, sums);
                }
                let row = row + groups.len() * CHAINS;
                for (index, sum) in rest.iter_mut().enumerate() {
                    self.add_batch::<A, 1>(row + index, core::array::from_mut(sum));
                }
            }
            update.apply::<A, CAPS, 1>(from - rows.start, sums);
        }
    }

    /// Adds the batch sums of `CHAINS` neighbouring rows of G.
    #[inline(always)]
    fn add_batch<A: Arithmetic, const CHAINS: usize>(&self, row: usize, sums: &mut [f32; CHAINS]) {
        /// Samples between two bounds checks.
        const STEPS: usize = 4;
        let n = self.samples;
        let rows: [&[f32]; CHAINS] = core::array::from_fn(|j| {
            let from = (row + j) * n;
            range(self.grad_output, from, n)
        });
        let mut batch = [0.0; CHAINS];
        let Some(blocks) = Blocks::<CHAINS, STEPS>::new(&rows, n) else { return };
        // A CPU's prefetcher does not follow so many short rows.
        let mut next = self.grad_output.get((row + CHAINS) * n..).unwrap_or(&[]).chunks(STEPS * CHAINS);
        for block in 0..n / STEPS {
            A::prefetch(next.next().unwrap_or(&[]));
            let Some(values) = blocks.get(block) else { break };
            for step in 0..STEPS {
                for (sum, values) in batch.iter_mut().zip(&values) {
                    *sum += values[step];
                }
            }
        }
        for b in n / STEPS * STEPS..n {
            for (sum, row) in batch.iter_mut().zip(&rows) {
                *sum += row.get(b).copied().unwrap_or(0.0);
            }
        }
        sums.iter_mut().zip(batch).for_each(|(sum, batch)| *sum += batch);
    }
}
