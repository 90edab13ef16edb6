//! The input gradient through feedback that is regenerated from its seed: each value is drawn when it is used.
//!
//! The same sums in the same order as in `data_pass.rs`.

use super::jobs::InputGradient;
use super::reference::{apply_mask, each_position, each_tap, known_samples};
use crate::arithmetic::Arithmetic;
use crate::random::{FeedbackSource, saturating_u32};
use crate::slices::tail;

impl InputGradient<'_> {
    /// All of dL/dh = G Bᵀ, masked, with B from `source` instead of [`InputGradient::weight`].
    ///
    /// A convolution draws each value once a position.
    pub fn run_seeded<A: Arithmetic, const CAPS: u32>(&self, source: &FeedbackSource, output: &mut [f32]) {
        let (geometry, n) = (self.geometry.known::<CAPS>(), known_samples::<CAPS>(self.samples));
        let (inputs, outputs) = (geometry.in_channels, geometry.out_channels);
        each_position::<CAPS>(output, inputs * n, |position, block| {
            for (input, sums) in block.chunks_exact_mut(n.max(1)).enumerate() {
                sums.fill(0.0);
                each_tap::<CAPS, true>(&geometry, position, |output_position, first| {
                    let columns = tail(self.grad_output, output_position * outputs * n).chunks_exact(n.max(1));
                    for (out, column) in columns.take(outputs).enumerate() {
                        let b = source.draw::<CAPS>(saturating_u32((first + out) * inputs + input));
                        for (sum, g) in sums.iter_mut().zip(column) {
                            *sum = A::mul_add(*g, b, *sum);
                        }
                    }
                });
            }
        });
        apply_mask::<A>(self.mask, output);
    }
}
