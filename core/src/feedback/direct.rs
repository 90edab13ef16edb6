//! `(DFA)`: direct feedback alignment.
//!
//! **Formula**: dL/dh = E Bᵀ with E = dL/dz the gradient of the scores, batch × classes, and B random and fixed, inputs of
//! the layer × classes.
//!
//! ```text
//! h ──W──▶ y ──▶ … ──▶ z
//! h ◀─────────Bᵀ────── E      past all layers between
//! ```
//!
//! **When it works**: dense networks of any depth; poorly in convolutions. **Cost**: inputs × classes numbers, and the
//! scores' gradient is kept; less time than the true gradient. **Invariant**: on the last layer it is `(R)`.
//!
//! Source: Nøkland, "Direct feedback alignment provides learning in deep neural networks", NIPS (2016).
