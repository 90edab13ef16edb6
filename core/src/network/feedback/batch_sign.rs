//! `(brSF)`: sign-concordant feedback with new random magnitudes for each batch.
//!
//! # Formula
//!
//! δ = G Bᵀ; B = |Rₜ| · sign(W), where Rₜ is drawn at each step t.
//!
//! # Backward pass
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀──B₂ᵀ─ δ₂ ◀──B₃ᵀ─ E = dL/dz
//!                 ▲          ▲
//!      new |R₂|·sign(W₂)    new |R₃|·sign(W₃)
//! ```
//!
//! # When it works
//!
//! Where [`fixed_sign`](super::fixed_sign) works, some points worse: W cannot align with magnitudes that change.
//!
//! # Cost
//!
//! As many values as the layer has weights; one draw per weight and step.
//!
//! # Invariant
//!
//! sign(B) = sign(W) at every step.
//!
//! The new magnitudes are a function of the old ones, the index and the step, so that a checkpoint stores no generator. A
//! [probe](crate::Trainer::probe) that uses the feedback draws new magnitudes as well.
//!
//! # Source
//!
//! Liao, Leibo and Poggio, "How important is weight symmetry in backpropagation?", AAAI (2016).

use crate::random;

/// Replaces B by new magnitudes, uniform on (0, a).
pub(crate) fn redraw(feedback: &mut [f32], a: f32, step: u64) {
    #[expect(clippy::cast_possible_truncation, reason = "the low half distinguishes steps")]
    let step = random::mix(step as u32);
    for (index, b) in (0_u32..).zip(feedback) {
        *b = a * random::symmetric(random::mix(b.abs().to_bits() ^ random::mix(index ^ step))).abs();
    }
}
