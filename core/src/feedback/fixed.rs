//! `(R)`: fixed random feedback, called feedback alignment (FA).
//!
//! **Formula**: dL/dh = G Bᵀ; B is drawn once and stays.
//!
//! ```text
//! h ──W──▶ y
//! h ◀──Bᵀ── G       B drawn once; W learns to agree with it
//! ```
//!
//! **When it works**: one or two dense layers; it loses with depth and in convolutions. **Cost**: as many numbers as the
//! layer has weights; no time. **Invariant**: B never changes; B = W at the first step gives the true gradient there.
//!
//! Source: Lillicrap et al., "Random synaptic feedback weights support error backpropagation for deep learning",
//! Nat. Commun. 7, 13276 (2016); the report, section 2.
