//! `(KP)`: Kolen–Pollack, updated feedback with decay.
//!
//! # Formula
//!
//! δ = G Bᵀ; W ← (1 − λ) W + ΔW, B ← (1 − λ) B + ΔW, where λ is [`Training::kp_decay`](crate::Training::kp_decay). Each step
//! multiplies W − B by 1 − λ, so B converges to W. Weight decay ([`Training::decay`](crate::Training::decay)) is part of ΔW
//! and does not reduce W − B.
//!
//! # Backward pass
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀──B₂ᵀ─ δ₂ ◀──B₃ᵀ─ E = dL/dz
//!                 │          │
//!             ·(1−λ) +ΔW₂    ·(1−λ) +ΔW₃        the same for W₂ and W₃
//! ```
//!
//! # When it works
//!
//! In deep networks as well, once (1 − λ)ᵗ is small, after some 1 / λ steps. λ also decays W: a large λ keeps the weights
//! small.
//!
//! # Cost
//!
//! As many values as the layer has weights; one addition and two products per weight and step.
//!
//! # Invariant
//!
//! After t steps ‖W − B‖ is (1 − λ)ᵗ times the initial one, under every optimizer. (The taps of an untied layer that lie on
//! padding are never used and do not change.)
//!
//! # Source
//!
//! Kolen and Pollack, "Backpropagation without weight transport", ICNN (1994); Akrout et al., "Deep learning without weight
//! transport", 33rd Conference on Neural Information Processing Systems (2019).
