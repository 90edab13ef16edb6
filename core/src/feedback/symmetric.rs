//! No mark: the true gradient.
//!
//! **Formula**: dL/dh = G Wᵀ.
//!
//! ```text
//! h ──W──▶ y        forward
//! h ◀──Wᵀ── G       backward, through the same weights
//! ```
//!
//! **When it works**: always; it is what every other rule is measured against. **Cost**: nothing is stored.
//! **Invariant**: finite differences of the loss.
//!
//! Source: Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", Nature 323 (1986).
