//! `(R*)`: random feedback that receives the updates of W.
//!
//! **Formula**: dL/dh = G Bᵀ; B ← B + ΔW, the very floats that were added to W.
//!
//! ```text
//! h ──W──▶ y        W ← W + ΔW
//! h ◀──Bᵀ── G       B ← B + ΔW
//! ```
//!
//! **When it works**: wherever the updates grow larger than the initial difference W − B, which stays. **Cost**: as many
//! numbers as weights, and one addition a weight. **Invariant**: W − B stays to rounding; B = W stays B = W bit for bit.
//!
//! Source: the report, section 2; the Kolen–Pollack rule with decay 0, see [`kolen_pollack`](super::kolen_pollack).
