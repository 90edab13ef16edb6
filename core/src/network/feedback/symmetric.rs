//! Without notation: the true gradient, backpropagation.
//!
//! # Formula
//!
//! δ = G Wᵀ, where G = dL/dy is the gradient of the layer's output and δ = dL/dh that of its input.
//!
//! # Backward pass
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀──W₂ᵀ─ δ₂ ◀──W₃ᵀ─ E = dL/dz
//! ```
//!
//! # When it works
//!
//! Always; it is the baseline of every other rule.
//!
//! # Cost
//!
//! No memory besides the weights, no time besides the product G Wᵀ.
//!
//! # Invariant
//!
//! δ equals the finite differences of the loss.
//!
//! # Source
//!
//! Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323 (1986).
