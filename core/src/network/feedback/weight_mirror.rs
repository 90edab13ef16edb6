//! `(WM)`: weight mirrors, feedback that learns W from noise.
//!
//! # Formula
//!
//! δ = G Bᵀ. After each step the layer alone is shown noise ξ of variance 1 and answers y = ξ W; then B ← (1 − η) B + η ξᵀy / n
//! over n samples (and positions), where η is [`Training::mirror`](crate::Training::mirror). The mean of ξᵀy / n is W, so B
//! follows W at a distance of about 1 / η steps.
//!
//! # The signal's way
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀──B₂ᵀ─ δ₂ ◀──B₃ᵀ─ E = dL/dz
//!
//!           ξ₂ ──W₂──▶ y₂              then each mirror by itself: B₂ moves towards ξ₂ᵀ y₂
//!                      ξ₃ ──W₃──▶ y₃   and B₃ towards ξ₃ᵀ y₃
//! ```
//!
//! # When it works
//!
//! In deep networks as well, if B resembles W when it is first used: [`Trainer::mirror`](crate::Trainer::mirror) shows noise
//! before the first step, as the paper's authors do. Without, the drawn B of the first 1 / η steps can kill most units of a
//! ReLU layer for good. The noise in B, √(η / 2 · inputs / n) of its size, and its distance to W cost some accuracy.
//!
//! # Cost
//!
//! As many numbers as the layer has weights; a forward pass and a weight gradient of the layer a step. The noise lies where
//! the step's activations lay.
//!
//! # Invariant
//!
//! The mean of B's goal is W. In a convolution the taps that often lie on padding get less than their share.
//!
//! The noise is uniform and a function of the step and of B. The bias is left out, as the paper's bias blocking does.
//!
//! # Source
//!
//! Akrout, Wilson, Humphreys, Lillicrap and Tweed, "Deep learning without weight transport", 33rd Conference on Neural
//! Information Processing Systems (2019).

use crate::random::FeedbackSource;

/// Noise of mean 0 and variance 1.
pub(crate) fn noise(input: &mut [f32], feedback: &[f32], layer: u32, step: u64) {
    let seed = u64::from(feedback.first().map_or(0, |b| b.to_bits())) << 32;
    let source = FeedbackSource::new(seed ^ step, layer, libm::sqrtf(3.0));
    for (index, x) in (0_u32..).zip(input) {
        *x = source.at(index);
    }
}
