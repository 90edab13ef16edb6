//! `(WM)`: weight mirrors, feedback that learns W from noise.
//!
//! # Formula
//!
//! δ = G Bᵀ. After each step the layer alone computes its response y = ξ W to noise ξ of variance 1; then
//! B ← (1 − η) B + η ξᵀy / n over n samples (and positions), where η is
//! [`Training::mirror_rate`](crate::Training::mirror_rate). The mean of ξᵀy / n is W, so B follows W with a lag of about
//! 1 / η steps.
//!
//! Three settings change this. With [`Training::mirror_noise`](crate::Training::mirror_noise) ξ is uniform on (−bound, bound). With
//! [`Training::mirror_response`](crate::Training::mirror_response) the response is y = f(ξW + b), where f is ReLU, sigmoid or tanh and b
//! are the layer's biases. With [`Training::no_mirror_leak`](crate::Training::no_mirror_leak) B does not leak:
//! B ← B + η ξᵀy / n. The authors' public code has all three, with a bound of 0.05, sigmoid, and 0.01 ξᵀy summed over the batch, so
//! that η is 0.01 n.
//!
//! # Backward pass
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀──B₂ᵀ─ δ₂ ◀──B₃ᵀ─ E = dL/dz
//!
//!           ξ₂ ──W₂──▶ y₂              after the step, each mirror alone: B₂ moves towards ξ₂ᵀ y₂
//!                      ξ₃ ──W₃──▶ y₃   and B₃ towards ξ₃ᵀ y₃
//! ```
//!
//! # When it works
//!
//! In deep networks as well, if B resembles W at the first step: [`Trainer::warm_up_mirrors`](crate::Trainer::warm_up_mirrors)
//! runs mirror steps before it, as the authors of the paper do. Without the warm-up, the random B of the first 1 / η steps
//! can set most units of a ReLU layer to 0 for good. The relative noise of B, √(η / 2 · inputs / n), and its lag behind W
//! cost some accuracy.
//!
//! # Cost
//!
//! As many values as the layer has weights; a forward pass and a weight gradient of the layer per step. The noise
//! overwrites the layer's activations.
//!
//! # Invariant
//!
//! The mean of ξᵀy / n is W; in a convolution it is smaller than W at taps that often lie on padding.
//!
//! The noise is uniform and a function of the step and of B. In the response y = ξW the biases are 0 (bias blocking in the paper).
//!
//! # Source
//!
//! Akrout, Wilson, Humphreys, Lillicrap and Tweed, "Deep learning without weight transport", 33rd Conference on Neural
//! Information Processing Systems (2019).

use crate::random::FeedbackSource;

/// Fills `input` with noise that is uniform on (−bound, bound).
pub(crate) fn noise(input: &mut [f32], feedback: &[f32], layer: u32, step: u64, bound: f32) {
    let seed = u64::from(feedback.first().map_or(0, |b| b.to_bits())) << 32;
    let source = FeedbackSource::new(seed ^ step, layer, bound);
    for (index, x) in (0_u32..).zip(input) {
        *x = source.at(index);
    }
}
