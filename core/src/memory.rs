//! The memory plan: every region of a training's one buffer, its size known at compile time.
//!
//! Sizes are counted in `f32` and saturate, so that a size that cannot exist fits nowhere.

use core::ops::Range;

use crate::architecture::{Architecture, Operation, Shape, Site};
use crate::feedback::Feedback;
use crate::kinds;
use crate::random::Initial;
use crate::training::Training;

/// Sizes of the regions in the order in which they lie, in `f32`: what a step needs, then the state. Columns as long as a batch
/// come first, so that no vector of them crosses a cache line where the memory begins with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
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
    /// Weights and biases, layer by layer.
    pub(crate) parameters: usize,
    /// Those of them that belong to frozen layers.
    pub(crate) frozen: usize,
    /// Stored feedback, layer by layer, and the seed of feedback that is not.
    pub(crate) feedback: usize,
    /// Optimizer state: so many times the parameters that are trained.
    pub(crate) states: usize,
}

impl Layout {
    pub(crate) const fn of(network: &Architecture<'_>, training: &Training) -> Self {
        let mut layout = Self {
            parameters: 0,
            frozen: 0,
            feedback: training.storage.numbers(),
            states: training.optimizer.states(),
            activations: network.input().features(),
            gradients: [0, 0],
            sums: 0,
            labels: training.batch,
            errors: [0, 0],
        };
        let mut sites = network.sites_of(training);
        while sites.advance() {
            let site = &sites.site;
            layout.parameters = layout.parameters.saturating_add(site.weights).saturating_add(site.biases);
            if site.is_frozen() {
                layout.frozen = layout.parameters;
            }
            layout.feedback = layout.feedback.saturating_add(site.feedback_weights());
            layout.activations = layout.activations.saturating_add(site.output.features());
            if site.sends_back && site.layer.feedback.is_direct() {
                let which = matches!(site.layer.feedback, Feedback::Target) as usize;
                layout.errors[which] = site.classes.saturating_mul(training.batch);
            }
            if site.sends_back || site.is_trained() || site.last {
                let gradient = site.output.features().saturating_mul(training.batch);
                layout.gradients[site.index % 2] = max(layout.gradients[site.index % 2], gradient);
            }
            let shares = matches!(site.layer.operation, Operation::Convolution { .. }) && site.input.positions() > 1;
            if shares && site.is_trained() {
                layout.sums = max(layout.sums, site.weights);
            }
        }
        layout.activations = layout.activations.saturating_mul(training.batch);
        layout
    }

    /// Weights, biases, feedback and optimizer state: what a checkpoint has to keep.
    pub(crate) const fn persistent(&self) -> usize {
        let trained = self.parameters.saturating_sub(self.frozen);
        self.parameters.saturating_add(trained.saturating_mul(self.states)).saturating_add(self.feedback)
    }

    /// What a step needs beside that.
    pub(crate) const fn work(&self) -> usize {
        self.activations
            .saturating_add(self.gradients[0])
            .saturating_add(self.gradients[1])
            .saturating_add(self.sums)
            .saturating_add(self.labels)
            .saturating_add(self.errors[0])
            .saturating_add(self.errors[1])
    }

    pub(crate) const fn total(&self) -> usize {
        self.persistent().saturating_add(self.work())
    }
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// A row of the memory plan: one region of one layer, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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

    /// Numbers of a [`Trainer::state`](crate::Trainer::state): what has to be kept to train on.
    pub const fn state(&self, training: &Training) -> usize {
        Layout::of(self, training).persistent()
    }

    /// Weights and biases of the network: the length of a [`Predictor`](crate::Predictor)'s parameters.
    pub const fn parameters(&self) -> usize {
        Layout::of(self, &Training::new(0)).parameters
    }

    /// Multiplications of one sample's forward pass: how much work the network is.
    pub const fn multiplications(&self) -> usize {
        let (mut sites, mut sum) = (self.sites(), 0_usize);
        while sites.advance() {
            sum = sum.saturating_add(sites.site.multiplications());
        }
        sum
    }

    /// Multiplications and additions of the longest slice of [`Trainer::poll`](crate::Trainer::poll): 2 × weights × the
    /// positions that use each × batch, for the largest layer. A slice that draws feedback, or keeps a second set of
    /// weights up to date, takes up to three times as long.
    pub const fn longest_slice(&self, training: &Training) -> usize {
        let (mut sites, mut most) = (self.sites(), 0);
        while sites.advance() {
            most = max(most, sites.site.multiplications());
        }
        most.saturating_mul(2).saturating_mul(training.batch)
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
        let mut bits = training.optimizer.kind() | training.loss.kind() | training.storage.kind() | self.layer_kinds();
        if training.batch > 1 {
            bits |= kinds::BATCH;
        }
        if training.limit().is_some() {
            bits |= kinds::CLIP;
        }
        if training.decay > 0.0 {
            bits |= kinds::DECAY;
        }
        if !matches!((training.weights, training.feedback), (Initial::Glorot, Initial::Glorot)) {
            bits |= kinds::INITIAL;
        }
        if training.frozen > 0 {
            bits |= kinds::FROZEN;
        }
        let mut sites = self.sites_of(training);
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
        let layers = self.sites_of(training).flat_map(move |site: Site<'_>| {
            let layer = Some(site.index + 1);
            let trained = if site.is_trained() { site.weights.saturating_add(site.biases) } else { 0 };
            [
                Region { layer, content: "weights", numbers: site.weights },
                Region { layer, content: "biases", numbers: site.biases },
                Region { layer, content: "feedback", numbers: site.feedback_weights() },
                Region { layer, content: "optimizer state", numbers: trained.saturating_mul(states) },
                Region { layer, content: "activations", numbers: site.output.features().saturating_mul(batch) },
            ]
        });
        let shared = [
            Region { layer: None, content: "feedback's seed", numbers: training.storage.numbers() },
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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Part {
    /// The weights.
    Weight,
    /// The biases.
    Bias,
    /// The stored feedback weights.
    Feedback,
}

/// A named tensor in a training's state, and the way from its outer order to the one inside.
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

    /// Where the tensor lies in a training's [state](crate::Trainer::state), in the order inside.
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

    /// Place in a training's state of the number that lies at `outside` in the outer order, below [`Tensor::len`]. The place
    /// of another number is one of no meaning, and never a panic.
    pub fn place(&self, outside: usize) -> usize {
        let (input, output) = (self.site.input, self.site.output);
        let dense = || {
            let inputs = input.features().max(1);
            (outside / inputs).saturating_mul(inputs).saturating_add(input.inside(outside % inputs))
        };
        let inside = match self.site.layer.operation {
            _ if self.is_direct() => dense(),
            Operation::Convolution { kernel, filters } | Operation::Untied { kernel, filters }
                if self.part != Part::Bias =>
            {
                // outside [.., out, in, tap], inside [.., tap, out, in]
                let (taps, inputs) = (kernel.saturating_mul(kernel).max(1), input.channels());
                let filter = taps.saturating_mul(inputs).max(1);
                let block = filter.saturating_mul(filters).max(1);
                let (position, rest) = (outside / block, outside % block);
                let (out, rest) = (rest / filter, rest % filter);
                let (channel, tap) = (rest / taps, rest % taps);
                let inside =
                    tap.saturating_mul(filters).saturating_add(out).saturating_mul(inputs).saturating_add(channel);
                position.saturating_mul(block).saturating_add(inside)
            }
            Operation::Untied { .. } => output.inside(outside),
            Operation::Dense { .. } if self.part != Part::Bias => dense(),
            _ => outside,
        };
        self.at.saturating_add(inside)
    }
}

impl<'a> Architecture<'a> {
    /// All tensors of a training's state, layer by layer: weight, bias and, where it is stored, feedback.
    pub fn tensors(&self, training: &Training) -> impl Iterator<Item = Tensor<'a>> + use<'a> {
        let parameters = Layout::of(self, training).parameters;
        let mut numbers = [0, 0];
        self.sites_of(training).filter(|site| site.layer.operation.has_weights()).flat_map(move |site| {
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
