//! `(R)`: fixed random feedback, called feedback alignment (FA).
//!
//! # Formula
//!
//! δ = G Bᵀ; B is drawn once and does not change.
//!
//! # Backward pass
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀──B₂ᵀ─ δ₂ ◀──B₃ᵀ─ E = dL/dz        B is constant; W aligns with B
//! ```
//!
//! # When it works
//!
//! In one or two dense layers. Accuracy falls with each further layer, and in convolutions. At a learning rate that is
//! stable for the true gradient it can be chaotic: the loss grows, and its course depends on rounding.
//!
//! # Cost
//!
//! As many values as the layer has weights; no additional time.
//!
//! # Invariant
//!
//! B never changes.
//!
//! # Source
//!
//! Lillicrap et al., "Random synaptic feedback weights support error backpropagation for deep learning", Nat. Commun. 7,
//! 13276 (2016); the report, section 2.
