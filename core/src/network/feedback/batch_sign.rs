//! `(brSF)`: sign-concordant feedback with magnitudes drawn anew for each batch.
//!
//! # Formula
//!
//! δ = G Bᵀ; B = |Rₜ| · sign(W), Rₜ drawn anew at each step t.
//!
//! # The signal's way
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
//! Where [`fixed_sign`](super::fixed_sign) does, some points worse: W cannot learn to agree with magnitudes that change.
//!
//! # Cost
//!
//! As many numbers as the layer has weights, and one draw a weight and step.
//!
//! # Invariant
//!
//! sign(B) = sign(W) at every step.
//!
//! The next magnitudes are a function of the last ones, the place and the step, so that a checkpoint needs no generator. A
//! [probe](crate::Trainer::probe) by the rules draws them, too.
//!
//! # Source
//!
//! Liao, Leibo and Poggio, "How important is weight symmetry in backpropagation?", AAAI (2016).

use crate::random;

/// |B| drawn anew, uniform in (0, a).
pub(crate) fn redraw(feedback: &mut [f32], a: f32, step: u64) {
    #[expect(clippy::cast_possible_truncation, reason = "the low half tells steps apart")]
    let step = random::mix(step as u32);
    for (index, b) in (0_u32..).zip(feedback) {
        *b = a * random::symmetric(random::mix(b.abs().to_bits() ^ random::mix(index ^ step))).abs();
    }
}
