//! `(R*)`: random feedback that receives the updates of W.
//!
//! # Formula
//!
//! δ = G Bᵀ; W ← W + ΔW, B ← B + ΔW, the very floats that were added to W.
//!
//! # The signal's way
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀──B₂ᵀ─ δ₂ ◀──B₃ᵀ─ E = dL/dz
//!                 │          │
//!                +ΔW₂       +ΔW₃
//! ```
//!
//! # When it works
//!
//! Wherever the updates outgrow the first difference W − B, which stays.
//!
//! # Cost
//!
//! As many numbers as the layer has weights, and one addition a weight and step.
//!
//! # Invariant
//!
//! W − B stays, to rounding; B = W stays B = W bit for bit, and is then the true gradient.
//!
//! # Source
//!
//! The report, section 2; the Kolen–Pollack rule with decay 0, see [`kolen_pollack`](super::kolen_pollack). With B = W at first:
//! Zipser and Rumelhart (1990).
