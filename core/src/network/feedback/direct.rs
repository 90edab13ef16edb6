//! `(DFA)`: direct feedback alignment.
//!
//! # Formula
//!
//! δ = E Bᵀ with E = dL/dz the gradient of the scores, batch × classes, and B random and fixed, inputs of the layer × classes.
//!
//! # The signal's way
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀─┐     δ₂ ◀──B₃ᵀ─┬ E = dL/dz
//!                └────────B₂ᵀ────┘            past all layers between
//! ```
//!
//! # When it works
//!
//! In dense networks of any depth; poorly in convolutions.
//!
//! # Cost
//!
//! Inputs × classes numbers, and the scores' gradient is kept: classes × batch. Less time than the true gradient.
//!
//! # Invariant
//!
//! On the last layer it is `(R)`.
//!
//! # Source
//!
//! Nøkland, "Direct feedback alignment provides learning in deep neural networks", NIPS (2016).
