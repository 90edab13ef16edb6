//! `(DFA)`: direct feedback alignment.
//!
//! # Formula
//!
//! δ = E Bᵀ, where E = dL/dz is the gradient of the logits, batch × classes, and B is random and fixed, inputs of the
//! layer × classes.
//!
//! # Backward pass
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀─┐     δ₂ ◀──B₃ᵀ─┬ E = dL/dz
//!                └────────B₂ᵀ────┘            bypasses the layers between
//! ```
//!
//! # When it works
//!
//! In dense networks of any depth; badly in convolutions.
//!
//! # Cost
//!
//! Inputs × classes values, and a copy of the gradient of the logits: classes × batch. Less time than the true gradient.
//!
//! # Invariant
//!
//! On the last layer it equals `(R)`.
//!
//! # Source
//!
//! Nøkland, "Direct feedback alignment provides learning in deep neural networks", NIPS (2016).
