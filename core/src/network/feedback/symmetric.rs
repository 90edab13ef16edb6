//! No mark: the true gradient.
//!
//! # Formula
//!
//! δ = G Wᵀ, where G = dL/dy is what arrives at the layer's output and δ = dL/dh what leaves it backwards.
//!
//! # The signal's way
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀──W₂ᵀ─ δ₂ ◀──W₃ᵀ─ E = dL/dz
//! ```
//!
//! # When it works
//!
//! Always; it is what every other rule is measured against.
//!
//! # Cost
//!
//! No memory beside the weights, no time beside the product G Wᵀ.
//!
//! # Invariant
//!
//! The gradient is the slope of the loss: finite differences.
//!
//! # Source
//!
//! Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323 (1986).
