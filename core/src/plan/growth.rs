//! Where the values of a state lie in the state of the same network with more outputs.
//!
//! The last layer's weights lie as `[out, in]` and direct feedback as `[class, in]`, so in every region a layer's values are the first
//! of the layer with more outputs.

use super::cursor::LayerCursor;
use super::layout::Layout;
use crate::capabilities::ALL;
use crate::network::{Architecture, Layer, Operation, Training};

/// The states of two networks that differ in the number of outputs, under one training.
pub(crate) struct Growth<'a> {
    smaller: Architecture<'a>,
    larger: Architecture<'a>,
    training: &'a Training,
    /// Those of the smaller and of the larger network.
    layouts: [Layout; 2],
}

impl<'a> Growth<'a> {
    /// `None` unless the networks differ in the number of outputs alone, and `larger` has as many or more.
    pub(crate) fn new(smaller: Architecture<'a>, larger: Architecture<'a>, training: &'a Training) -> Option<Self> {
        let ([before @ .., last], [others @ .., grown]) = (smaller.layers(), larger.layers()) else { return None };
        let with_outputs = |outputs| Layer { operation: Operation::Dense { outputs }, ..*last };
        let same = smaller.input() == larger.input() && before == others && with_outputs(larger.classes()) == *grown;
        (same && smaller.classes() <= larger.classes()).then(|| Self {
            smaller,
            larger,
            training,
            layouts: [smaller, larger].map(|network| Layout::new::<ALL>(&network, training)),
        })
    }

    /// Length of the smaller network's state.
    pub(crate) fn len(&self) -> usize {
        self.layouts[0].persistent()
    }

    /// Copies `values`, which begin at `first` in the smaller network's state, to their places in the larger one's.
    pub(crate) fn copy(&self, first: usize, values: &[f32], state: &mut [f32]) {
        self.visit(&mut |from, to, len| {
            // The part of the region that the values cover.
            let begin = first.saturating_sub(from);
            let skipped = from.saturating_sub(first);
            let region = state.get_mut(to..to.saturating_add(len)).and_then(|region| region.get_mut(begin..));
            let values = values.get(skipped..);
            if let (Some(region), Some(values)) = (region, values) {
                region.iter_mut().zip(values).for_each(|(to, value)| *to = *value);
            }
        });
    }

    /// Calls `act` with each region's offset in the smaller state, its offset in the larger one, and its length in the smaller one.
    fn visit(&self, act: &mut dyn FnMut(usize, usize, usize)) {
        let [small, large] = self.layouts;
        let moments = self.layouts.map(|layout| layout.parameters + layout.feedback);
        let trained = self.layouts.map(|layout| layout.parameters - layout.frozen);
        let layers = LayerCursor::<ALL>::new(&self.smaller, self.training)
            .zip(LayerCursor::<ALL>::new(&self.larger, self.training));
        for (of_small, of_large) in layers.filter(|(layer, _)| !layer.is_in_table()) {
            let weights = (of_small.parameter_offset, of_large.parameter_offset, of_small.weights);
            let biases = (weights.0 + of_small.weights, weights.1 + of_large.weights, of_small.biases);
            for (from, to, len) in [weights, biases] {
                act(from, to, len);
                for moment in 0..if of_small.is_frozen() { 0 } else { small.states } {
                    let [from, to] = [from - small.frozen, to - large.frozen];
                    act(moments[0] + moment * trained[0] + from, moments[1] + moment * trained[1] + to, len);
                }
            }
            let [from, to] = [small.parameters + of_small.feedback_offset, large.parameters + of_large.feedback_offset];
            act(from, to, of_small.feedback_in_memory());
        }
        let seed = self.training.storage().seed_len();
        act(moments[0] - seed, moments[1] - seed, seed);
    }
}
