//! `(frSF)`: sign-concordant feedback with fixed random magnitudes.
//!
//! # Formula
//!
//! δ = G Bᵀ; B = |R| · sign(W) at every step, where R is drawn once.
//!
//! # Backward pass
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀──B₂ᵀ─ δ₂ ◀──B₃ᵀ─ E = dL/dz
//!                 ▲          ▲
//!        |R₂|·sign(W₂)    |R₃|·sign(W₃)
//! ```
//!
//! # When it works
//!
//! Where [`uniform_sign`](super::uniform_sign) works, slightly worse.
//!
//! # Cost
//!
//! As many values as the layer has weights, and one pass over them per step.
//!
//! # Invariant
//!
//! sign(B) = sign(W) at every step, and |B| never changes.
//!
//! # Source
//!
//! Moskovitz, Litwin-Kumar and Abbott, "Feedback alignment in deep convolutional networks", arXiv 1812.06488 (2018); named frSF by
//! Sanfiz and Akrout, arXiv 2108.13446 (2021).
