//! `(KP)`: Kolen–Pollack, updated feedback with decay.
//!
//! # Formula
//!
//! δ = G Bᵀ; W ← (1 − λ) W + ΔW, B ← (1 − λ) B + ΔW, where λ is [`Training::shrink`](crate::Training::shrink). W − B shrinks
//! by 1 − λ each step, so B becomes W. Weight decay ([`Training::decay`](crate::Training::decay)) is part of ΔW and does not
//! bring them together.
//!
//! # The signal's way
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀──B₂ᵀ─ δ₂ ◀──B₃ᵀ─ E = dL/dz
//!                 │          │
//!             ·(1−λ) +ΔW₂    ·(1−λ) +ΔW₃        W₂ and W₃ likewise
//! ```
//!
//! # When it works
//!
//! In deep networks as well, once (1 − λ)ᵗ is small, in some 1 / λ steps. λ also decays W: too large a λ keeps the weights
//! small.
//!
//! # Cost
//!
//! As many numbers as the layer has weights; one addition and two products a weight and step.
//!
//! # Invariant
//!
//! ‖W − B‖ is (1 − λ)ᵗ of the first one after t steps, under every optimizer. (An untied layer's taps that lie on padding,
//! which nothing reads, stay as they are.)
//!
//! # Source
//!
//! Kolen and Pollack, "Backpropagation without weight transport", ICNN (1994); Akrout et al., "Deep learning without weight
//! transport", 33rd Conference on Neural Information Processing Systems (2019).
