//! `(DRTP)`: direct random target projection.
//!
//! # Formula
//!
//! δ = T Bᵀ / n with T the labels as batch × classes of zeros and ones, n the samples, and B random and fixed, inputs of the layer
//! × classes.
//!
//! # The signal's way
//!
//! ```text
//! labels T ─┬──────────┐                   before the output is known
//!          B₂ᵀ        B₃ᵀ
//!           ▼          ▼
//!           δ₁         δ₂
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss        E trains W₃ alone
//! ```
//!
//! # When it works
//!
//! In shallow dense networks on easy tasks, with activations that are bounded: no error ever stops what the labels tell a
//! ReLU, so its outputs grow without end.
//!
//! # Cost
//!
//! Inputs × classes numbers, and the labels as a batch: classes × batch. Less time than the true gradient.
//!
//! # Invariant
//!
//! The updates of the layers before do not depend on the output's error.
//!
//! # Source
//!
//! Frenkel, Lefebvre and Bol, "Learning without feedback: fixed random learning signals allow for feedforward training of deep
//! neural networks", Front. Neurosci. 15, 629892 (2021).

/// T / n: one over the samples at each sample's class. `targets` is batch × classes, column-major.
pub(crate) fn project(labels: &[f32], targets: &mut [f32]) {
    let share = 1.0 / labels.len() as f32;
    for (class, column) in targets.chunks_exact_mut(labels.len().max(1)).enumerate() {
        for (number, label) in column.iter_mut().zip(labels) {
            // Labels were stored from whole numbers.
            let of_class = (*label - class as f32).abs() < 0.5;
            *number = if of_class { share } else { 0.0 };
        }
    }
}
