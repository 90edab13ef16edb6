//! `(DRTP)`: direct random target projection.
//!
//! # Formula
//!
//! δ = T Bᵀ / n, where T are the targets, batch × outputs (one-hot for classes), n is the number of samples, and B is random and fixed,
//! inputs of the layer × classes.
//!
//! # Backward pass
//!
//! ```text
//! labels T ─┬──────────┐                   does not wait for the output
//!          B₂ᵀ        B₃ᵀ
//!           ▼          ▼
//!           δ₁         δ₂
//! x ──W₁──▶ h₁ ──W₂──▶ h₂ ──W₃──▶ z ──▶ loss        E trains only W₃
//! ```
//!
//! # When it works
//!
//! In shallow dense networks on easy tasks, with bounded activations. δ does not vanish when the output is right, so the
//! outputs of a ReLU grow without bound.
//!
//! # Cost
//!
//! Inputs × classes values, and the one-hot labels: classes × batch. Less time than the true gradient.
//!
//! # Invariant
//!
//! The updates of the layers before do not depend on the loss.
//!
//! # Source
//!
//! Frenkel, Lefebvre and Bol, "Learning without feedback: fixed random learning signals allow for feedforward training of deep
//! neural networks", Front. Neurosci. 15, 629892 (2021).

/// Computes T / n of targets that are values; both are batch × outputs.
pub(crate) fn scaled(targets: &[f32], samples: usize, scaled: &mut [f32]) {
    let scale = 1.0 / samples as f32;
    scaled.iter_mut().zip(targets).for_each(|(scaled, target)| *scaled = scale * target);
}

/// Computes T / n: 1 / n at each sample's class, else 0. `targets` is batch × classes, column-major.
pub(crate) fn scaled_one_hot(labels: &[f32], targets: &mut [f32]) {
    let scale = 1.0 / labels.len() as f32;
    for (class, column) in targets.chunks_exact_mut(labels.len().max(1)).enumerate() {
        for (target, label) in column.iter_mut().zip(labels) {
            // Labels are stored as `f32` of an integer.
            let of_class = (*label - class as f32).abs() < 0.5;
            *target = if of_class { scale } else { 0.0 };
        }
    }
}
