//! The layers of a network in forward order, with their shapes and the offsets of their values in each region.

use crate::network::{Architecture, Layer, Operation, Shape, Storage, Training};

/// A layer, its shapes, and where its values begin in each region of the memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LayerPlan<'a> {
    pub(crate) layer: &'a Layer,
    pub(crate) input: Shape,
    pub(crate) output: Shape,
    /// Number of weights.
    pub(crate) weights: usize,
    /// Number of biases.
    pub(crate) biases: usize,
    /// Index of the layer, from 0.
    pub(crate) index: usize,
    /// Weights and biases of the layers before this one, in the state or, of a frozen layer, in the table.
    pub(crate) parameter_offset: usize,
    /// Feedback in memory of all layers before this one.
    pub(crate) feedback_offset: usize,
    /// Features of all activations before this layer's input; times the samples, it is the offset of the input.
    pub(crate) activation_offset: usize,
    /// Classes of the network.
    pub(crate) classes: usize,
    /// Whether a layer before this one is trained, so that the backward pass computes this layer's input gradient.
    pub(crate) needs_input_gradient: bool,
    /// Whether this is the last layer, whose outputs are the logits.
    pub(crate) is_last: bool,
    /// Whether fixed feedback lies in the training's memory.
    fixed_feedback_in_memory: bool,
    /// Number of layers at the front that are not trained.
    frozen_layers: u8,
    /// How many of them lie in the table: all or none.
    layers_in_table: u8,
}

impl<'a> LayerPlan<'a> {
    /// The input of the network as the output of a layer without weights, before layer 0.
    #[inline(always)]
    pub(crate) const fn before_first(network: &Architecture<'a>, training: &Training) -> Self {
        let plan = Self::before(network, training.frozen, matches!(training.storage(), Storage::Memory));
        Self { layers_in_table: if training.is_frozen_in_table() { training.frozen } else { 0 }, ..plan }
    }

    #[inline(always)]
    const fn before(network: &Architecture<'a>, frozen_layers: u8, fixed_feedback_in_memory: bool) -> Self {
        const IDENTITY: Layer = Layer::max_pool(1, 1);
        Self {
            layer: &IDENTITY,
            input: Shape::vector(0),
            output: network.input(),
            weights: 0,
            biases: 0,
            index: usize::MAX,
            parameter_offset: 0,
            feedback_offset: 0,
            activation_offset: 0,
            classes: network.classes(),
            needs_input_gradient: false,
            is_last: false,
            fixed_feedback_in_memory,
            frozen_layers,
            layers_in_table: 0,
        }
    }

    /// Moves on to the next of `layers`; false if there is none, or its code is left out.
    #[inline(never)]
    const fn advance<const CAPS: u32>(&mut self, layers: &'a [Layer]) -> bool {
        let next = self.index.wrapping_add(1);
        let Some((_, [layer, rest @ ..])) = layers.split_at_checked(next) else { return false };
        let Ok(output) = layer.output::<CAPS>(self.output) else { return false };
        self.parameter_offset = self.parameter_offset.saturating_add(self.weights).saturating_add(self.biases);
        if next == self.layers_in_table as usize {
            self.parameter_offset = 0;
        }
        self.feedback_offset = self.feedback_offset.saturating_add(self.feedback_in_memory());
        self.activation_offset = self.activation_offset.saturating_add(self.input.features());
        self.needs_input_gradient = self.needs_input_gradient || self.is_trained();
        self.weights = layer.operation.weights(self.output, output);
        self.biases = layer.operation.biases(output);
        self.index = next;
        self.input = self.output;
        self.output = output;
        self.layer = layer;
        self.is_last = rest.is_empty();
        true
    }

    /// Whether this is the plan of a layer behind the one at `index`.
    ///
    /// A plan before all layers has index `usize::MAX`, which wraps to 0.
    pub(crate) const fn is_behind(&self, index: usize) -> bool {
        self.index.wrapping_add(1) > index.saturating_add(1)
    }

    /// Moves on to the layer at `index`; false if there is none, or its code is left out.
    pub(crate) fn seek<const CAPS: u32>(&mut self, layers: &'a [Layer], index: usize) -> bool {
        while self.index != index {
            if !self.advance::<CAPS>(layers) {
                return false;
            }
        }
        true
    }

    /// Multiplications of one sample's forward pass.
    pub(crate) const fn multiplications(&self) -> usize {
        match self.layer.operation {
            Operation::Convolution { .. } => self.weights.saturating_mul(self.output.positions()),
            Operation::Dense { .. } | Operation::Untied { .. } => self.weights,
            Operation::MaxPool { .. } | Operation::AveragePool { .. } | Operation::GlobalAveragePool => 0,
        }
    }

    /// Whether training changes the layer's weights.
    pub(crate) const fn is_trained(&self) -> bool {
        self.layer.operation.has_weights() && !self.is_frozen()
    }

    /// Whether the layer is one of the frozen ones at the front.
    pub(crate) const fn is_frozen(&self) -> bool {
        self.index < self.frozen_layers as usize
    }

    /// Whether the layer's weights and biases lie in the table.
    pub(crate) const fn is_in_table(&self) -> bool {
        self.index < self.layers_in_table as usize
    }

    /// Number of feedback weights in the training's memory.
    pub(crate) const fn feedback_in_memory(&self) -> usize {
        if self.fixed_feedback_in_memory || !self.layer.feedback.is_fixed() { self.feedback_len() } else { 0 }
    }

    /// Number of feedback weights, wherever they lie: that of the weights, inputs × classes for a direct rule, or 0.
    pub(crate) const fn feedback_len(&self) -> usize {
        if !self.needs_input_gradient || !self.layer.feedback.is_stored() {
            0
        } else if self.layer.feedback.is_direct() {
            self.input.features().saturating_mul(self.classes)
        } else {
            self.weights
        }
    }

    /// Number of feedback weights that never change, wherever they lie.
    pub(crate) const fn fixed_feedback_len(&self) -> usize {
        if self.layer.feedback.is_fixed() { self.feedback_len() } else { 0 }
    }

    /// Fan-in and fan-out of a weight, for the initial distribution: taps × channels for convolutions.
    pub(crate) const fn fans(&self) -> (usize, usize) {
        match self.layer.operation {
            Operation::Dense { outputs } => (self.input.features(), outputs),
            Operation::Convolution { filters, kernel } | Operation::Untied { filters, kernel } => {
                let taps = kernel.taps();
                (self.input.channels().saturating_mul(taps), filters.saturating_mul(taps))
            }
            Operation::MaxPool { .. } | Operation::AveragePool { .. } | Operation::GlobalAveragePool => (0, 0),
        }
    }

    /// Fan-in and fan-out of a feedback weight.
    pub(crate) const fn feedback_fans(&self) -> (usize, usize) {
        if self.layer.feedback.is_direct() { (self.input.features(), self.classes) } else { self.fans() }
    }
}

/// A walk over the layers of a network, whose operations are among the [capabilities](crate::capabilities) `CAPS`.
///
/// Constants and small images call [`LayerCursor::advance`], which copies nothing; other code iterates.
#[derive(Clone, Debug)]
pub(crate) struct LayerCursor<'a, const CAPS: u32> {
    layers: &'a [Layer],
    /// The layer that was reached last.
    pub(crate) plan: LayerPlan<'a>,
}

impl<'a, const CAPS: u32> LayerCursor<'a, CAPS> {
    /// The layers of `network` under `training`, which decides what is frozen and where fixed feedback lies.
    pub(crate) const fn new(network: &Architecture<'a>, training: &Training) -> Self {
        Self { layers: network.layers(), plan: LayerPlan::before_first(network, training) }
    }

    /// The layers of `network` when no training is known: none is frozen, all feedback lies in memory.
    pub(crate) const fn untrained(network: &Architecture<'a>) -> Self {
        Self { layers: network.layers(), plan: LayerPlan::before(network, 0, true) }
    }

    /// Moves on to the next layer; false if there is none, or its code is left out.
    pub(crate) const fn advance(&mut self) -> bool {
        self.plan.advance::<CAPS>(self.layers)
    }
}

impl<'a, const CAPS: u32> Iterator for LayerCursor<'a, CAPS> {
    type Item = LayerPlan<'a>;

    fn next(&mut self) -> Option<LayerPlan<'a>> {
        self.advance().then_some(self.plan)
    }
}
