//! The input gradient through feedback that lies nowhere: each number is drawn when its turn comes.
//!
//! The same sums in the same order as in `product.rs`.

use super::product::Backward;
use super::scalar::{batch, each_position, each_tap, known, mask, rest};
use crate::arithmetic::Arithmetic;
use crate::feedback::counter;
use crate::random::FeedbackSource;

impl Backward<'_> {
    /// All of dL/dx = G Bᵀ, masked, with B from `source` instead of [`Backward::weight`].
    ///
    /// Convolutions draw each number once a position.
    pub fn run_drawn<A: Arithmetic, const KINDS: u32>(&self, source: &FeedbackSource, output: &mut [f32]) {
        let (product, n) = (known::<KINDS>(self.product), batch::<KINDS>(self.samples));
        let (inputs, outputs) = (product.inputs, product.outputs);
        each_position::<KINDS>(output, inputs * n, |position, block| {
            for (input, sums) in block.chunks_exact_mut(n.max(1)).enumerate() {
                sums.fill(0.0);
                each_tap::<KINDS, true>(&product, position, |other, first| {
                    let columns = rest(self.gradient, other * outputs * n).chunks_exact(n.max(1));
                    for (out, column) in columns.take(outputs).enumerate() {
                        let b = source.draw::<KINDS>(counter((first + out) * inputs + input));
                        for (sum, g) in sums.iter_mut().zip(column) {
                            *sum = A::mul_add(*g, b, *sum);
                        }
                    }
                });
            }
        });
        mask::<A>(self.mask, output);
    }
}
