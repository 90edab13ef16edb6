//! `(uSF)`: uniform sign-concordant feedback.
//!
//! **Formula**: dL/dh = G Bᵀ; B = s · sign(W) at every step, s the deviation with which B would be drawn.
//!
//! ```text
//! h ──W──▶ y
//! h ◀─s·sign(W)ᵀ─ G
//! ```
//!
//! **When it works**: close to the true gradient in dense and convolutional networks; magnitudes matter little.
//! **Cost**: as many numbers as weights, one pass over them a step. **Invariant**: sign(B) = sign(W) at every step.
//!
//! Source: Liao, Leibo and Poggio, "How important is weight symmetry in backpropagation?", AAAI (2016).

/// B ← |B| · sign(W).
pub(crate) fn copy_signs(feedback: &mut [f32], weight: &[f32]) {
    feedback.iter_mut().zip(weight).for_each(|(b, w)| *b = b.copysign(*w));
}
