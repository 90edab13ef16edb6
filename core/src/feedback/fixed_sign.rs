//! `(frSF)`: sign-concordant feedback with fixed random magnitudes.
//!
//! **Formula**: dL/dh = G Bᵀ; B = |R| · sign(W) at every step, R drawn once.
//!
//! ```text
//! h ──W──▶ y
//! h ◀─(|R|·sign W)ᵀ─ G
//! ```
//!
//! **When it works**: as [`uniform_sign`](super::uniform_sign), slightly worse. **Cost**: as many numbers as weights, one
//! pass over them a step. **Invariant**: sign(B) = sign(W) at every step, and |B| never changes.
//!
//! Source: Moskovitz, Litwin-Kumar and Abbott, "Feedback alignment in deep convolutional networks", arXiv 1812.06488
//! (2018); the name is that of Sanfiz and Akrout, arXiv 2108.13446 (2021).
