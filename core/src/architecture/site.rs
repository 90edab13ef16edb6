//! The layers of a network one after the other, with their shapes and the places of their numbers in memory.

use super::{Architecture, Layer, Operation, Shape};
use crate::feedback::Storage;
use crate::training::Training;

impl<'a> Architecture<'a> {
    /// Walks over the layers and the places of their numbers in memory.
    pub(crate) const fn sites(&self) -> Sites<'a> {
        Sites { layers: self.layers, site: self.before(0, true) }
    }

    /// [`Architecture::sites`] as a training has them: some layers frozen, fixed feedback maybe not in memory.
    pub(crate) const fn sites_of(&self, training: &Training) -> Sites<'a> {
        Sites { layers: self.layers, site: self.entrance(training) }
    }

    /// What stands before the first layer: the input, as a layer of nothing that puts it out.
    #[inline(always)]
    pub(crate) const fn entrance(&self, training: &Training) -> Site<'a> {
        self.before(training.frozen, matches!(training.storage, Storage::Memory))
    }

    #[inline(always)]
    const fn before(&self, frozen: u8, resident: bool) -> Site<'a> {
        Site {
            layer: &NOTHING,
            input: Shape::vector(0),
            output: self.input,
            weights: 0,
            biases: 0,
            index: usize::MAX,
            parameters: 0,
            feedback: 0,
            features: 0,
            classes: self.classes(),
            sends_back: false,
            last: false,
            frozen,
            resident,
        }
    }
}

/// What puts the input out.
const NOTHING: Layer = Layer::max_pool(1, 1);

/// A layer, its shapes, and where its numbers begin in each region of the memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site<'a> {
    pub(crate) layer: &'a Layer,
    pub(crate) input: Shape,
    pub(crate) output: Shape,
    /// Weights of the layer.
    pub(crate) weights: usize,
    /// Biases of the layer.
    pub(crate) biases: usize,
    /// Number of the layer, from 0.
    pub(crate) index: usize,
    /// Numbers of weights and biases before this layer's.
    pub(crate) parameters: usize,
    /// Numbers of stored feedback before this layer's.
    pub(crate) feedback: usize,
    /// Features of all activations before this layer's input.
    pub(crate) features: usize,
    /// Classes of the network.
    pub(crate) classes: usize,
    /// Whether a layer before this one is trained, so that the error signal has to go on.
    pub(crate) sends_back: bool,
    /// Whether this is the last layer: no ReLU follows it.
    pub(crate) last: bool,
    /// Whether feedback that never changes lies in memory.
    resident: bool,
    /// Layers before the first that is trained.
    frozen: u8,
}

impl<'a> Site<'a> {
    /// Becomes the next of `layers`, if there is one.
    #[inline(never)]
    const fn advance(&mut self, layers: &'a [Layer]) -> bool {
        let next = self.index.wrapping_add(1);
        let Some((_, [layer, rest @ ..])) = layers.split_at_checked(next) else { return false };
        let Ok(output) = layer.output(self.output) else { return false };
        self.parameters = self.parameters.saturating_add(self.weights).saturating_add(self.biases);
        self.feedback = self.feedback.saturating_add(self.feedback_weights());
        self.features = self.features.saturating_add(self.input.features());
        self.sends_back = self.sends_back || self.is_trained();
        self.weights = layer.operation.weights(self.output);
        self.biases = layer.operation.biases(output);
        self.index = next;
        self.input = self.output;
        self.output = output;
        self.layer = layer;
        self.last = rest.is_empty();
        true
    }

    /// Becomes the layer number `index`, from 0; false if there is none.
    pub(crate) fn seek(&mut self, layers: &'a [Layer], index: usize) -> bool {
        while self.index != index {
            if !self.advance(layers) {
                return false;
            }
        }
        true
    }

    /// Multiplications of one sample's forward pass.
    pub(crate) const fn multiplications(&self) -> usize {
        match self.layer.operation {
            Operation::Convolution { .. } => self.weights.saturating_mul(self.output.positions()),
            _ => self.weights,
        }
    }

    /// Whether the layer has weights that training changes.
    pub(crate) const fn is_trained(&self) -> bool {
        self.layer.operation.has_weights() && !self.is_frozen()
    }

    /// Whether the training leaves the layer as it is.
    pub(crate) const fn is_frozen(&self) -> bool {
        self.index < self.frozen as usize
    }

    /// Feedback of the layer in memory.
    pub(crate) const fn feedback_weights(&self) -> usize {
        if self.resident || !self.layer.feedback.is_fixed() { self.feedback_numbers() } else { 0 }
    }

    /// Feedback of the layer, wherever it lies: as many numbers as weights, inputs × classes if it is direct, or none.
    pub(crate) const fn feedback_numbers(&self) -> usize {
        if !self.sends_back || !self.layer.feedback.is_stored() {
            0
        } else if self.layer.feedback.is_direct() {
            self.input.features().saturating_mul(self.classes)
        } else {
            self.weights
        }
    }

    /// Inputs and outputs of one feedback weight's fan.
    pub(crate) const fn feedback_fans(&self) -> (usize, usize) {
        if self.layer.feedback.is_direct() { (self.input.features(), self.classes) } else { self.fans() }
    }

    /// Inputs and outputs of one weight's fan, for the initial deviation: k² × channels for convolutions.
    pub(crate) const fn fans(&self) -> (usize, usize) {
        match self.layer.operation {
            Operation::Dense { outputs } => (self.input.features(), outputs),
            Operation::Convolution { filters, kernel } | Operation::Untied { filters, kernel } => {
                let taps = kernel.saturating_mul(kernel);
                (self.input.channels().saturating_mul(taps), filters.saturating_mul(taps))
            }
            _ => (0, 0),
        }
    }
}

/// Iterator over the [`Site`]s of a network; constants and small images walk with `advance`, which copies nothing.
#[derive(Clone, Debug)]
pub(crate) struct Sites<'a> {
    layers: &'a [Layer],
    /// The layer reached last.
    pub(crate) site: Site<'a>,
}

impl Sites<'_> {
    /// Goes on to the next layer, if there is one.
    pub(crate) const fn advance(&mut self) -> bool {
        self.site.advance(self.layers)
    }
}

impl<'a> Iterator for Sites<'a> {
    type Item = Site<'a>;

    fn next(&mut self) -> Option<Site<'a>> {
        self.advance().then_some(self.site)
    }
}
