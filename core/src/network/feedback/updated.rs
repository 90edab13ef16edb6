//! `(R*)`: random feedback that receives the updates of W.
//!
//! # Formula
//!
//! δ = G Bᵀ; W ← W + ΔW, B ← B + ΔW, with the same `f32` values ΔW.
//!
//! # Backward pass
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
//! Where the updates become larger than the initial difference W − B, which is constant.
//!
//! # Cost
//!
//! As many values as the layer has weights; one addition per weight and step.
//!
//! # Invariant
//!
//! W − B is constant up to rounding. If B = W initially, B = W always, bit for bit, and δ is the true gradient.
//!
//! # Source
//!
//! The report, section 2. It is the Kolen–Pollack rule with decay 0, see [`kolen_pollack`](super::kolen_pollack). With B = W
//! initially: Zipser and Rumelhart (1990).
