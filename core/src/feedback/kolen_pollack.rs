//! `(KP)`: Kolen–Pollack, updated feedback with decay.
//!
//! **Formula**: dL/dh = G Bᵀ; W ← (1 − λ) W + ΔW, B ← (1 − λ) B + ΔW, λ is
//! [`Training::shrink`](crate::Training::shrink). So W − B shrinks by 1 − λ each step, and B becomes W.
//!
//! ```text
//! h ──W──▶ y        W ← (1 − λ) W + ΔW
//! h ◀──Bᵀ── G       B ← (1 − λ) B + ΔW
//! ```
//!
//! **When it works**: deep networks as well, once (1 − λ)ᵗ is small; λ also decays W. **Cost**: as many numbers as weights,
//! one addition and two products a weight. **Invariant**: ‖W − B‖ shrinks by (1 − λ)ᵗ after t steps.
//!
//! Source: Kolen and Pollack, "Backpropagation without weight transport", ICNN (1994); Akrout et al., "Deep learning
//! without weight transport", 33rd Conference on Neural Information Processing Systems (2019).
