//! The memory plan: every region of a training's one buffer, its size known at compile time.
//!
//! Sizes are counted in `f32` and saturate, so that a size that cannot exist fits nowhere.

use core::ops::Range;

use crate::architecture::{Architecture, Operation, Shape, Site};
use crate::feedback::Feedback;
use crate::kinds;
use crate::loss::Loss;
use crate::optimizer::{Adam, Optimizer};
use crate::random::Initial;

/// How a network is trained: batch, optimizer, loss, clipping.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Training {
    pub(crate) batch: usize,
    pub(crate) optimizer: Optimizer,
    pub(crate) loss: Loss,
    pub(crate) clip: Option<f32>,
    pub(crate) decay: f32,
    pub(crate) shrink: f32,
    pub(crate) mirror: f32,
    pub(crate) weights: Initial,
    pub(crate) feedback: Initial,
}

impl Training {
    /// Steps of up to `batch` samples with Adam and softmax cross-entropy.
    pub const fn new(batch: usize) -> Self {
        Self {
            batch,
            optimizer: Optimizer::Adam(Adam::DEFAULT),
            loss: Loss::CrossEntropy,
            clip: None,
            decay: 0.0,
            shrink: Self::SHRINK,
            mirror: Self::MIRROR,
            weights: Initial::Glorot,
            feedback: Initial::Glorot,
        }
    }

    /// The default share by which Kolen–Pollack's weights and feedback shrink each step.
    pub const SHRINK: f32 = 1e-4;

    /// The default share of the way that a weight mirror goes each step.
    pub const MIRROR: f32 = 1e-2;

    /// With L2 weight decay: `decay` · w is added to each weight's gradient after clipping; biases are left alone.
    #[must_use]
    pub const fn decay(mut self, decay: f32) -> Self {
        self.decay = decay;
        self
    }

    /// With another λ for [Kolen–Pollack](crate::feedback::kolen_pollack), in [0, 1); 0 makes it `(R*)`.
    #[must_use]
    pub const fn shrink(mut self, share: f32) -> Self {
        self.shrink = share;
        self
    }

    /// With another η for [weight mirrors](crate::feedback::weight_mirror), in [0, 1); 0 makes them `(R)`.
    #[must_use]
    pub const fn mirror(mut self, share: f32) -> Self {
        self.mirror = share;
        self
    }

    /// With weights and feedback drawn from other distributions.
    #[must_use]
    pub const fn initial(mut self, weights: Initial, feedback: Initial) -> Self {
        self.weights = weights;
        self.feedback = feedback;
        self
    }

    /// With another optimizer.
    #[must_use]
    pub const fn optimizer(mut self, optimizer: Optimizer) -> Self {
        self.optimizer = optimizer;
        self
    }

    /// With another loss.
    #[must_use]
    pub const fn loss(mut self, loss: Loss) -> Self {
        self.loss = loss;
        self
    }

    /// Clips each element of hᵀG to [−limit, limit], after the mean over the batch and before the optimizer; biases are
    /// left alone (report section 5).
    #[must_use]
    pub const fn clip(mut self, limit: f32) -> Self {
        self.clip = Some(limit);
        self
    }

    /// Samples of the largest step.
    pub const fn batch(&self) -> usize {
        self.batch
    }
}

/// Sizes of the regions in the order in which they lie, in `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Weights and biases, layer by layer.
    pub(crate) parameters: usize,
    /// Stored feedback, layer by layer.
    pub(crate) feedback: usize,
    /// Optimizer state: so many times the parameters.
    pub(crate) states: usize,
    /// The batch's labels.
    pub(crate) labels: usize,
    /// The input of each layer, and the scores.
    pub(crate) activations: usize,
    /// The gradients of the outputs of layers 0, 2, 4…, and of layers 1, 3, 5…
    pub(crate) gradients: [usize; 2],
    /// The gradient of the scores, and the labels as zeros and ones, where a direct rule needs them.
    pub(crate) errors: [usize; 2],
    /// The gradient sum of the largest convolution.
    pub(crate) sums: usize,
}

impl Layout {
    pub(crate) const fn of(network: &Architecture<'_>, training: &Training) -> Self {
        let mut layout = Self {
            parameters: 0,
            feedback: 0,
            states: training.optimizer.states(),
            activations: network.input().features(),
            gradients: [0, 0],
            sums: 0,
            labels: training.batch,
            errors: [0, 0],
        };
        let mut sites = network.sites();
        while sites.advance() {
            let site = &sites.site;
            layout.parameters = layout.parameters.saturating_add(site.weights).saturating_add(site.biases);
            layout.feedback = layout.feedback.saturating_add(site.feedback_weights());
            layout.activations = layout.activations.saturating_add(site.output.features());
            if site.sends_back && site.layer.feedback.is_direct() {
                let which = matches!(site.layer.feedback, Feedback::Target) as usize;
                layout.errors[which] = site.classes.saturating_mul(training.batch);
            }
            let gradient = site.output.features().saturating_mul(training.batch);
            layout.gradients[site.index % 2] = max(layout.gradients[site.index % 2], gradient);
            if matches!(site.layer.operation, Operation::Convolution { .. }) && site.input.positions() > 1 {
                layout.sums = max(layout.sums, site.weights);
            }
        }
        layout.activations = layout.activations.saturating_mul(training.batch);
        layout
    }

    /// Weights, biases, feedback and optimizer state: what a checkpoint has to keep.
    pub(crate) const fn persistent(&self) -> usize {
        self.parameters.saturating_mul(1 + self.states).saturating_add(self.feedback)
    }

    pub(crate) const fn total(&self) -> usize {
        self.persistent()
            .saturating_add(self.activations)
            .saturating_add(self.gradients[0])
            .saturating_add(self.gradients[1])
            .saturating_add(self.sums)
            .saturating_add(self.labels)
            .saturating_add(self.errors[0])
            .saturating_add(self.errors[1])
    }
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// A row of the memory plan: one region of one layer, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// Number of the layer, from 1; `None` for what all layers share.
    pub layer: Option<usize>,
    /// What lies there.
    pub content: &'static str,
    /// Numbers of four bytes each.
    pub numbers: usize,
}

impl Architecture<'_> {
    /// Numbers of a [`Trainer`](crate::Trainer)'s memory: the length of its `[f32]`.
    pub const fn memory(&self, training: &Training) -> usize {
        Layout::of(self, training).total()
    }

    /// Weights and biases of the network: the length of a [`Predictor`](crate::Predictor)'s parameters.
    pub const fn parameters(&self) -> usize {
        Layout::of(self, &Training::new(0)).parameters
    }

    /// Multiplications of one sample's forward pass: how much work the network is.
    pub const fn multiplications(&self) -> usize {
        let (mut sites, mut sum) = (self.sites(), 0_usize);
        while sites.advance() {
            let site = &sites.site;
            let uses = match site.layer.operation {
                Operation::Convolution { .. } => site.output.positions(),
                _ => 1,
            };
            sum = sum.saturating_add(site.weights.saturating_mul(uses));
        }
        sum
    }

    /// Numbers of a [`Predictor`](crate::Predictor)'s memory for batches of up to `batch` samples.
    pub const fn prediction_memory(&self, batch: usize) -> usize {
        let sizes = self.prediction_buffers(batch);
        sizes[0].saturating_add(sizes[1])
    }

    /// Two buffers that take turns: inputs of layers 0, 2, 4…, and of 1, 3, 5…
    pub(crate) const fn prediction_buffers(&self, batch: usize) -> [usize; 2] {
        let mut sizes = [self.input().features(), 0];
        let mut sites = self.sites();
        while sites.advance() {
            let site = &sites.site;
            let buffer = (site.index + 1) % 2;
            sizes[buffer] = max(sizes[buffer], site.output.features());
        }
        [sizes[0].saturating_mul(batch), sizes[1].saturating_mul(batch)]
    }

    /// The kinds of layers, rules, losses and optimizers that an image has to hold for this network and training.
    pub const fn kinds(&self, training: &Training) -> u32 {
        let mut bits = training.optimizer.kind() | training.loss.kind() | self.layer_kinds();
        if training.batch > 1 {
            bits |= kinds::BATCH;
        }
        if training.clip.is_some() {
            bits |= kinds::CLIP;
        }
        if training.decay > 0.0 {
            bits |= kinds::DECAY;
        }
        if !matches!((training.weights, training.feedback), (Initial::Glorot, Initial::Glorot)) {
            bits |= kinds::INITIAL;
        }
        let mut sites = self.sites();
        while sites.advance() {
            let site = &sites.site;
            if site.sends_back {
                bits |= site.layer.feedback.kind();
            }
        }
        bits
    }

    /// What a [`Predictor`](crate::Predictor) has to hold: the kinds of layers and activations, and batches.
    pub const fn prediction_kinds(&self) -> u32 {
        self.layer_kinds() | kinds::BATCH
    }

    const fn layer_kinds(&self) -> u32 {
        let mut bits = 0;
        let mut sites = self.sites();
        while sites.advance() {
            let site = &sites.site;
            bits |= site.layer.activation.kind();
            bits |= match site.layer.operation {
                Operation::Dense { .. } => kinds::DENSE,
                Operation::Convolution { .. } => kinds::CONVOLUTION,
                Operation::Untied { .. } => kinds::UNTIED,
                Operation::MaxPool { .. } => kinds::MAX_POOL,
                Operation::AveragePool { .. } => kinds::AVERAGE_POOL,
            };
        }
        bits
    }

    /// The memory plan, region by region; the numbers add up to [`Architecture::memory`].
    pub fn plan(&self, training: &Training) -> impl Iterator<Item = Region> {
        let layout = Layout::of(self, training);
        let batch = training.batch;
        let states = training.optimizer.states();
        let input = Region { layer: None, content: "input", numbers: self.input().features().saturating_mul(batch) };
        let layers = self.sites().flat_map(move |site: Site<'_>| {
            let layer = Some(site.index + 1);
            let parameters = site.weights.saturating_add(site.biases);
            [
                Region { layer, content: "weights", numbers: site.weights },
                Region { layer, content: "biases", numbers: site.biases },
                Region { layer, content: "feedback", numbers: site.feedback_weights() },
                Region { layer, content: "optimizer state", numbers: parameters.saturating_mul(states) },
                Region { layer, content: "activations", numbers: site.output.features().saturating_mul(batch) },
            ]
        });
        let shared = [
            Region {
                layer: None,
                content: "gradients",
                numbers: layout.gradients[0].saturating_add(layout.gradients[1]),
            },
            Region { layer: None, content: "gradient sums", numbers: layout.sums },
            Region { layer: None, content: "labels", numbers: layout.labels },
            Region { layer: None, content: "output errors", numbers: layout.errors[0] },
            Region { layer: None, content: "targets", numbers: layout.errors[1] },
        ];
        core::iter::once(input).chain(layers).chain(shared).filter(|region| region.numbers > 0)
    }
}

/// What a tensor is, in the names that PyTorch users meet: `conv1.weight`, `dense2.feedback`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The weights.
    Weight,
    /// The biases.
    Bias,
    /// The stored feedback weights.
    Feedback,
}

/// A named tensor in a training's memory, and the way from its outer order to the one inside.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    site: Site<'a>,
    part: Part,
    number: usize,
    at: usize,
}

impl Tensor<'_> {
    /// Whether the layer is a convolution, tied or untied: `conv`, else `dense`.
    pub fn is_convolution(&self) -> bool {
        !matches!(self.site.layer.operation, Operation::Dense { .. })
    }

    /// What the layer computes.
    pub fn operation(&self) -> Operation {
        self.site.layer.operation
    }

    /// Shape of the layer's input.
    pub fn input(&self) -> Shape {
        self.site.input
    }

    /// Number of the layer among its kind, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// What the tensor is.
    pub fn part(&self) -> Part {
        self.part
    }

    /// Whether this is feedback that leads from the network's output to the layer's input.
    pub fn is_direct(&self) -> bool {
        self.part == Part::Feedback && self.site.layer.feedback.is_direct()
    }

    /// Place of the layer among all layers, from 0.
    pub fn layer(&self) -> usize {
        self.site.index
    }

    /// Numbers in the tensor.
    pub fn len(&self) -> usize {
        match self.part {
            Part::Weight => self.site.weights,
            Part::Bias => self.site.biases,
            Part::Feedback => self.site.feedback_weights(),
        }
    }

    /// Never: a layer has outputs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the tensor lies in a training's memory, in the order inside.
    pub fn range(&self) -> Range<usize> {
        self.at..self.at.saturating_add(self.len())
    }

    /// The shape outside: a buffer, and how many of its numbers count.
    ///
    /// Dense `[out, in]`; convolution `[out, in, k, k]`; untied `[row, col, out, in, k, k]`, its bias `[out, row, col]`;
    /// direct feedback `[class, in]`.
    pub fn shape(&self) -> ([usize; 6], usize) {
        let (input, output) = (self.site.input, self.site.output);
        if self.is_direct() {
            return ([self.site.classes, input.features(), 0, 0, 0, 0], 2);
        }
        let bias = self.part == Part::Bias;
        match self.site.layer.operation {
            Operation::Convolution { filters, kernel } if !bias => {
                ([filters, input.channels(), kernel, kernel, 0, 0], 4)
            }
            Operation::Untied { filters, kernel } if !bias => {
                ([input.rows(), input.cols(), filters, input.channels(), kernel, kernel], 6)
            }
            Operation::Untied { filters, .. } => ([filters, output.rows(), output.cols(), 0, 0, 0], 3),
            _ if bias => ([self.len(), 0, 0, 0, 0, 0], 1),
            _ => ([output.features(), input.features(), 0, 0, 0, 0], 2),
        }
    }

    /// Place in a training's memory of the number that lies at `outside` in the outer order.
    pub fn place(&self, outside: usize) -> usize {
        let (input, output) = (self.site.input, self.site.output);
        let inside = match self.site.layer.operation {
            _ if self.is_direct() => {
                let inputs = input.features().max(1);
                outside / inputs * inputs + input.inside(outside % inputs)
            }
            Operation::Convolution { kernel, filters } | Operation::Untied { kernel, filters }
                if self.part != Part::Bias =>
            {
                // outside [.., out, in, tap], inside [.., tap, out, in]
                let (taps, inputs) = (kernel * kernel, input.channels());
                let block = (taps * inputs * filters).max(1);
                let (position, rest) = (outside / block, outside % block);
                let (out, rest) = (rest / (taps * inputs).max(1), rest % (taps * inputs).max(1));
                let (channel, tap) = (rest / taps.max(1), rest % taps.max(1));
                position * block + (tap * filters + out) * inputs + channel
            }
            Operation::Untied { .. } => output.inside(outside),
            Operation::Dense { .. } if self.part != Part::Bias => {
                let inputs = input.features().max(1);
                outside / inputs * inputs + input.inside(outside % inputs)
            }
            _ => outside,
        };
        self.at + inside
    }
}

impl<'a> Architecture<'a> {
    /// All tensors of a training's memory, layer by layer: weight, bias and, where it is stored, feedback.
    pub fn tensors(&self, training: &Training) -> impl Iterator<Item = Tensor<'a>> + use<'a> {
        let parameters = Layout::of(self, training).parameters;
        let mut numbers = [0, 0];
        self.sites().filter(|site| site.layer.operation.has_weights()).flat_map(move |site| {
            let dense = usize::from(matches!(site.layer.operation, Operation::Dense { .. }));
            numbers[dense] += 1;
            let tensor = move |part, at| Tensor { site, part, number: numbers[dense], at };
            let feedback = (site.feedback_weights() > 0)
                .then_some(tensor(Part::Feedback, parameters.saturating_add(site.feedback)));
            let bias = site.parameters.saturating_add(site.weights);
            [Some(tensor(Part::Weight, site.parameters)), Some(tensor(Part::Bias, bias)), feedback]
                .into_iter()
                .flatten()
        })
    }
}

impl core::fmt::Display for Tensor<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let layer = if self.is_convolution() { "conv" } else { "dense" };
        let part = match self.part {
            Part::Weight => "weight",
            Part::Bias => "bias",
            Part::Feedback => "feedback",
        };
        write!(f, "{layer}{}.{part}", self.number)
    }
}
