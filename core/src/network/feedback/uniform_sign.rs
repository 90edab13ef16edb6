//! `(uSF)`: uniform sign-concordant feedback.
//!
//! # Formula
//!
//! δ = G Bᵀ; B = s · sign(W) at every step, where s is the deviation with which B would be drawn.
//!
//! # The signal's way
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
//! Close to the true gradient in dense and convolutional networks: signs matter, magnitudes little.
//!
//! # Cost
//!
//! As many numbers as the layer has weights, and one pass over them a step.
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
