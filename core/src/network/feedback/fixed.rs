//! `(R)`: fixed random feedback, called feedback alignment (FA).
//!
//! # Formula
//!
//! δ = G Bᵀ; B is drawn once and stays.
//!
//! # The signal's way
//!
//! ```text
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss
//!           δ₁ ◀──B₂ᵀ─ δ₂ ◀──B₃ᵀ─ E = dL/dz        B stays; W learns to agree with it
//! ```
//!
//! # When it works
//!
//! In one or two dense layers. It loses with each further layer, and in convolutions. At a rate at which the true gradient
//! still learns it can be chaotic: the loss grows, and rounding decides where it goes.
//!
//! # Cost
//!
//! As many numbers as the layer has weights; no time.
//!
//! # Invariant
//!
//! B never changes.
//!
//! # Source
//!
//! Lillicrap et al., "Random synaptic feedback weights support error backpropagation for deep learning", Nat. Commun. 7,
//! 13276 (2016); the report, section 2.
