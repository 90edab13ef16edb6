//! The memory plan as a table: every region of every layer.

use super::cursor::LayerCursor;
use super::layout::Layout;
use crate::capabilities::ALL;
use crate::network::{Architecture, Training};

/// A row of the memory plan: one region of one layer, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Region {
    /// Number of the layer, from 1; `None` for what all layers share.
    pub layer: Option<usize>,
    /// What lies there.
    pub content: &'static str,
    /// Length in `f32`, 4 bytes each.
    pub len: usize,
}

impl Architecture<'_> {
    /// The memory plan, region by region; the lengths add up to [`Architecture::memory`].
    pub fn plan(&self, training: &Training) -> impl Iterator<Item = Region> {
        let layout = Layout::new::<ALL>(self, training);
        let batch = training.batch;
        let states = training.optimizer.states();
        let input = Region { layer: None, content: "input", len: self.input().features().saturating_mul(batch) };
        let layers = LayerCursor::<ALL>::new(self, training).flat_map(move |plan| {
            let layer = Some(plan.index + 1);
            let trained = if plan.is_trained() { plan.weights.saturating_add(plan.biases) } else { 0 };
            [
                Region { layer, content: "weights", len: plan.weights },
                Region { layer, content: "biases", len: plan.biases },
                Region { layer, content: "feedback", len: plan.feedback_in_memory() },
                Region { layer, content: "optimizer state", len: trained.saturating_mul(states) },
                Region { layer, content: "activations", len: plan.output.features().saturating_mul(batch) },
            ]
        });
        let gradients = layout.gradients[0].saturating_add(layout.gradients[1]);
        let shared = [
            ("feedback's seed", training.storage().seed_len()),
            ("gradients", gradients),
            ("gradient sums", layout.sums),
            ("targets", layout.targets),
            ("output errors", layout.errors[0]),
            ("scaled targets", layout.errors[1]),
        ]
        .map(|(content, len)| Region { layer: None, content, len });
        core::iter::once(input).chain(layers).chain(shared).filter(|region| region.len > 0)
    }
}
