//! `(brSF)`: sign-concordant feedback with magnitudes drawn anew for each batch.
//!
//! **Formula**: dL/dh = G Bᵀ; B = |Rₜ| · sign(W), Rₜ drawn anew at each step t.
//!
//! ```text
//! h ──W──▶ y
//! h ◀─(|Rₜ|·sign W)ᵀ─ G
//! ```
//!
//! **When it works**: as [`fixed_sign`](super::fixed_sign). **Cost**: as many numbers as weights, one draw a weight and step.
//! **Invariant**: sign(B) = sign(W) at every step.
//!
//! The next magnitudes are a function of the last ones, the place and the step, so that a checkpoint needs no generator.
//!
//! Source: Liao, Leibo and Poggio, "How important is weight symmetry in backpropagation?", AAAI (2016).

use crate::random;

/// |B| drawn anew, uniform in (0, a).
pub(crate) fn redraw(feedback: &mut [f32], a: f32, step: u64) {
    #[expect(clippy::cast_possible_truncation, reason = "the low half tells steps apart")]
    let step = random::mix(step as u32);
    for (index, b) in (0_u32..).zip(feedback) {
        *b = a * random::symmetric(random::mix(b.abs().to_bits() ^ random::mix(index ^ step))).abs();
    }
}
