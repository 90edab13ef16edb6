//! `(uSF)`: uniform sign-concordant feedback.
//!
//! # Formula
//!
//! δ = G Bᵀ; B = s · sign(W) at every step, where s is the standard deviation of the initial distribution of B.
//!
//! # Backward pass
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀──B₂ᵀ─ δ₂ ◀──B₃ᵀ─ E = dL/dz
//!                 ▲          ▲
//!             sign(W₂)    sign(W₃)
//! ```
//!
//! # When it works
//!
//! In dense and convolutional networks, with almost the accuracy of the true gradient: the signs matter more than the
//! magnitudes.
//!
//! # Cost
//!
//! As many values as the layer has weights, and one pass over them per step.
//!
//! # Invariant
//!
//! sign(B) = sign(W) at every step, and |B| = s.
//!
//! # Source
//!
//! Liao, Leibo and Poggio, "How important is weight symmetry in backpropagation?", AAAI (2016).

/// B ← |B| · sign(W).
pub(crate) fn copy_signs(feedback: &mut [f32], weight: &[f32]) {
    feedback.iter_mut().zip(weight).for_each(|(b, w)| *b = b.copysign(*w));
}
