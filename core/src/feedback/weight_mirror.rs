//! `(WM)`: weight mirrors, feedback that learns W from noise.
//!
//! **Formula**: dL/dh = G Bᵀ. After each step the layer alone is shown noise x of variance 1 and answers y = x W; then
//! B ← (1 − η) B + η xᵀy / n over n samples (and positions), η is [`Training::mirror`](crate::Training::mirror). The
//! mean of xᵀy / n is W, so B follows W at a distance of about 1 / η steps.
//!
//! ```text
//! h ──W──▶ y            a step
//! h ◀──Bᵀ── G
//! noise ──W──▶ y        then the mirror: B moves towards noiseᵀ y
//! ```
//!
//! **When it works**: deep networks as well. **Cost**: as many numbers as weights, and a forward pass and a weight gradient
//! of the layer a step; the noise lies where the step's activations lay. **Invariant**: the mean of B's goal is W.
//! In a convolution the taps that often lie on padding get less than their share.
//!
//! The noise is uniform and a function of the step and of B. The bias is left out, as the paper's bias blocking does.
//!
//! Source: Akrout, Wilson, Humphreys, Lillicrap and Tweed, "Deep learning without weight transport",
//! 33rd Conference on Neural Information Processing Systems (2019).

use crate::random::FeedbackSource;

/// Noise of mean 0 and variance 1.
pub(crate) fn noise(input: &mut [f32], feedback: &[f32], layer: u32, step: u64) {
    let seed = u64::from(feedback.first().map_or(0, |b| b.to_bits())) << 32;
    let source = FeedbackSource::new(seed ^ step, layer, libm::sqrtf(3.0));
    for (index, x) in (0_u32..).zip(input) {
        *x = source.at(index);
    }
}
