//! Training on borrowed memory: a step is a loop over [`Trainer::poll`], one bounded slice a layer and direction.
//!
//! Forward through all layers, the loss, then backward: each layer first sends its signal back through the weights as
//! they are, then its own gradient goes straight into the optimizer.

use core::fmt;
use core::task::Poll;

use nalgebra::{Dyn, MatrixView};
use rand_core::Rng;

use crate::architecture::{Architecture, Operation, Site};
use crate::arithmetic::Portable;
use crate::kernels::{Backward, BiasGradient, Forward, Kernels, Pool, Product, WeightGradient};
use crate::kinds::{self, ALL, has};
use crate::loss::{self, Score};
use crate::memory::{Layout, Training};
use crate::optimizer::{Corrections, Rule, Update, positive};
use crate::random::{self, FeedbackSource};

/// Why a trainer cannot be made.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum TrainerError {
    /// A step of no samples.
    EmptyBatch,
    /// The memory has another length than [`Architecture::memory`] says.
    Memory {
        /// Numbers needed.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// The network or its training names a kind that this trainer's `KINDS` leave out.
    Kinds {
        /// Kinds needed.
        expected: u32,
        /// Kinds compiled in.
        found: u32,
    },
    /// A coefficient that makes no sense.
    Coefficient {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: f32,
    },
}

impl fmt::Display for TrainerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyBatch => f.write_str("a batch needs at least 1 sample, found 0"),
            Self::Memory { expected, found } => {
                write!(f, "the training needs a memory of {expected} numbers, found {found}")
            }
            Self::Kinds { expected, found } => {
                write!(f, "the training needs the kinds {expected:#x}, found {found:#x}")
            }
            Self::Coefficient { name, value } => write!(f, "the {name} makes no sense: {value}"),
        }
    }
}

impl core::error::Error for TrainerError {}

/// Why a step was not made. The weights are as they were.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum StepError {
    /// More samples than the training's batch, or none.
    Samples {
        /// The training's batch.
        most: usize,
        /// Samples given.
        found: usize,
    },
    /// The samples' numbers are not as many as the labels ask for.
    Inputs {
        /// Numbers needed.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// The labels are not as many as the samples of [`Trainer::input`].
    Labels {
        /// Samples loaded.
        expected: usize,
        /// Labels given.
        found: usize,
    },
    /// A label names no class.
    Label {
        /// Number of the sample, from 0.
        sample: usize,
        /// Classes of the network.
        classes: usize,
        /// The label.
        found: usize,
    },
    /// A step is under way, and another cannot begin before [`Trainer::poll`] is ready.
    UnderWay,
    /// The loss is not a number or infinite: the training has diverged.
    NonFinite(Score),
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Samples { most, found } => write!(f, "a step takes 1 to {most} samples, found {found}"),
            Self::Inputs { expected, found } => write!(f, "the samples need {expected} numbers, found {found}"),
            Self::Labels { expected, found } => write!(f, "{expected} samples need as many labels, found {found}"),
            Self::Label { sample, classes, found } => {
                write!(f, "the label of sample {sample} has to be below {classes}, found {found}")
            }
            Self::UnderWay => f.write_str("a step is under way: poll until it is ready"),
            Self::NonFinite(score) => write!(f, "the loss is {}: the training has diverged", score.loss),
        }
    }
}

impl core::error::Error for StepError {}

/// Where a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No step is under way.
    Idle,
    /// This layer's forward pass is next.
    Forward(usize),
    /// The loss is next.
    Loss,
    /// The signal that this layer sends back is next.
    Backward(usize),
    /// This layer's update is next.
    Update(usize),
}

/// Trains a network in a borrowed buffer.
///
/// `KINDS` says what is compiled in ([`Architecture::kinds`]); `K` are the kernels, [`Portable`] on a device.
///
/// ```
/// use asymgrad_core::{Architecture, Feedback, Layer, Shape, Trainer, Training};
/// # use asymgrad_core::random::SplitMix;
/// const NET: Architecture = Architecture::new(
///     Shape::vector(2),
///     &[Layer::dense(8), Layer::dense(2).feedback(Feedback::Fixed)],
/// );
/// const TRAINING: Training = Training::new(4);
///
/// let mut memory = [0.0; NET.memory(&TRAINING)];
/// let mut trainer = Trainer::<{ NET.kinds(&TRAINING) }>::new(NET, TRAINING, &mut memory)?;
/// trainer.initialize(&mut SplitMix::new(1), 1);
/// let (inputs, labels) = ([0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [0, 1, 1, 0]);
/// let first = trainer.step(&inputs, &labels)?.loss;
/// for _ in 0..4000 {
///     trainer.step(&inputs, &labels)?;
/// }
/// assert!(trainer.step(&inputs, &labels)?.loss < 0.1 * first);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer<'m, const KINDS: u32 = ALL, K = Portable> {
    network: Architecture<'m>,
    training: Training,
    layout: Layout,
    memory: &'m mut [f32],
    kernels: K,
    corrections: Corrections,
    steps: u64,
    samples: usize,
    phase: Phase,
    score: Score,
}

/// The regions of the memory.
struct Regions<'a> {
    parameters: &'a mut [f32],
    feedback: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    activations: &'a mut [f32],
    gradients: [&'a mut [f32]; 2],
    sums: &'a mut [f32],
    labels: &'a mut [f32],
}

impl<const KINDS: u32, K> fmt::Debug for Trainer<'_, KINDS, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("network", &self.network)
            .field("training", &self.training)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

impl<'m, const KINDS: u32> Trainer<'m, KINDS, Portable> {
    /// A trainer with the portable kernels; all weights are as the memory holds them.
    ///
    /// # Errors
    /// [`TrainerError`] if the memory has the wrong length or the training makes no sense.
    pub fn new(network: Architecture<'m>, training: Training, memory: &'m mut [f32]) -> Result<Self, TrainerError> {
        Self::with_kernels(network, training, memory, Portable)
    }
}

impl<'m, const KINDS: u32, K: Kernels> Trainer<'m, KINDS, K> {
    /// A trainer with other kernels.
    ///
    /// # Errors
    /// [`TrainerError`] if the memory has the wrong length or the training makes no sense.
    pub fn with_kernels(
        network: Architecture<'m>,
        training: Training,
        memory: &'m mut [f32],
        kernels: K,
    ) -> Result<Self, TrainerError> {
        let layout = Layout::of(&network, &training);
        if training.batch == 0 {
            return Err(TrainerError::EmptyBatch);
        }
        if memory.len() != layout.total() {
            return Err(TrainerError::Memory { expected: layout.total(), found: memory.len() });
        }
        let expected = network.kinds(&training);
        if expected & KINDS != expected {
            return Err(TrainerError::Kinds { expected, found: KINDS });
        }
        if let Some((name, value)) = training.optimizer.nonsense() {
            return Err(TrainerError::Coefficient { name, value });
        }
        if let Some(value) = training.clip.filter(|clip| !positive(*clip)) {
            return Err(TrainerError::Coefficient { name: "clip", value });
        }
        Ok(Self {
            network,
            training,
            layout,
            memory,
            kernels,
            corrections: Corrections::default(),
            steps: 0,
            samples: 0,
            phase: Phase::Idle,
            score: Score { loss: 0.0, correct: 0, samples: 0 },
        })
    }

    /// Draws the weights from `generator` and the feedback from `seed`, both Glorot-uniform; biases become 0 and the
    /// optimizer starts afresh.
    ///
    /// Weights are drawn in the order in which they lie; feedback weight i of layer l is [`FeedbackSource`]'s.
    pub fn initialize(&mut self, generator: &mut impl Rng, seed: u64) {
        self.restart();
        let network = self.network;
        let regions = self.regions();
        for site in network.sites() {
            let (inputs, outputs) = site.fans();
            let a = random::glorot(inputs, outputs);
            let (weight, bias) = parameters_of(regions.parameters, &site);
            random::fill(weight, a, generator);
            bias.fill(0.0);
            let source = FeedbackSource::new(seed, counter(site.index), a);
            let feedback = part(regions.feedback, site.feedback, site.feedback_weights());
            for (index, number) in feedback.iter_mut().enumerate() {
                *number = source.at(counter(index));
            }
        }
    }

    /// Forgets the optimizer's state and the steps made; weights and feedback stay.
    pub fn restart(&mut self) {
        let (from, to) = (self.layout.parameters + self.layout.feedback, self.layout.persistent());
        self.memory.get_mut(from..to).unwrap_or(&mut []).fill(0.0);
        (self.steps, self.corrections, self.phase) = (0, Corrections::default(), Phase::Idle);
    }

    /// Trains on some samples, features × samples numbers as `[sample][channel][row][col]`, and gives the loss before
    /// the update.
    ///
    /// # Errors
    /// [`StepError`] if a size or a label makes no sense, or the loss is not finite; the weights are then unchanged.
    pub fn step(&mut self, inputs: &[f32], labels: &[usize]) -> Result<Score, StepError> {
        self.load(inputs, labels.len())?;
        self.start(labels)?;
        loop {
            if let Poll::Ready(score) = self.poll()? {
                return Ok(score);
            }
        }
    }

    /// Copies samples into the network's input.
    fn load(&mut self, inputs: &[f32], samples: usize) -> Result<(), StepError> {
        let shape = self.network.input();
        let expected = shape.features().saturating_mul(samples);
        if inputs.len() != expected {
            return Err(StepError::Inputs { expected, found: inputs.len() });
        }
        let columns = self.input(samples)?;
        shape.load(inputs, samples, columns);
        Ok(())
    }

    /// The network's input for `samples` samples, to be filled before [`Trainer::start`] or [`Trainer::evaluate`].
    ///
    /// Feature × sample, the samples of a feature side by side; features as [`Shape::inside`](crate::Shape::inside)
    /// says. [`Trainer::step`] does this for samples that lie one after the other.
    ///
    /// # Errors
    /// [`StepError::Samples`] if the batch does not hold so many, [`StepError::UnderWay`] between two polls of a step.
    pub fn input(&mut self, samples: usize) -> Result<&mut [f32], StepError> {
        if self.phase != Phase::Idle {
            return Err(StepError::UnderWay);
        }
        if samples == 0 || samples > self.training.batch {
            return Err(StepError::Samples { most: self.training.batch, found: samples });
        }
        self.samples = samples;
        let numbers = self.network.input().features() * samples;
        Ok(part(self.regions().activations, 0, numbers))
    }

    /// Begins a step on the samples of [`Trainer::input`]; [`Trainer::poll`] makes it.
    ///
    /// # Errors
    /// [`StepError`] if no samples were loaded, the labels are not as many, or one names no class.
    pub fn start(&mut self, labels: &[usize]) -> Result<(), StepError> {
        if self.phase != Phase::Idle {
            return Err(StepError::UnderWay);
        }
        if self.samples == 0 {
            return Err(StepError::Samples { most: self.training.batch, found: 0 });
        }
        if labels.len() != self.samples {
            return Err(StepError::Labels { expected: self.samples, found: labels.len() });
        }
        let classes = self.network.classes();
        if let Some((sample, &found)) = labels.iter().enumerate().find(|(_, label)| **label >= classes) {
            return Err(StepError::Label { sample, classes, found });
        }
        for (number, label) in self.regions().labels.iter_mut().zip(labels) {
            *number = *label as f32;
        }
        self.phase = Phase::Forward(0);
        Ok(())
    }

    /// Makes the next slice of the step: one layer in one direction, or the loss. Ready with the score when the last
    /// update is made, or at once if no step was started.
    ///
    /// A slice of a layer with w weights that are used p times each costs about 2·w·p·samples operations.
    ///
    /// # Errors
    /// [`StepError::NonFinite`] when the loss is not finite; the step ends there, before any update.
    pub fn poll(&mut self) -> Result<Poll<Score>, StepError> {
        self.phase = match self.phase {
            Phase::Idle => return Ok(Poll::Ready(self.score)),
            Phase::Forward(layer) => match self.network.site(layer) {
                Some(site) => {
                    self.forward(&site);
                    if site.last { Phase::Loss } else { Phase::Forward(layer + 1) }
                }
                None => Phase::Idle,
            },
            Phase::Loss => {
                self.score = self.loss();
                if !self.score.loss.is_finite() {
                    self.phase = Phase::Idle;
                    return Err(StepError::NonFinite(self.score));
                }
                self.corrections.advance(&self.training.optimizer);
                self.steps += 1;
                Phase::Backward(self.network.layers().len().saturating_sub(1))
            }
            Phase::Backward(layer) => match self.network.site(layer) {
                Some(site) => {
                    if site.sends_back {
                        self.backward(&site);
                    }
                    Phase::Update(layer)
                }
                None => Phase::Idle,
            },
            Phase::Update(layer) => {
                let sends_back = self.network.site(layer).is_some_and(|site| {
                    self.update(&site);
                    site.sends_back
                });
                match layer.checked_sub(1) {
                    Some(before) if sends_back => Phase::Backward(before),
                    _ => Phase::Idle,
                }
            }
        };
        Ok(if self.phase == Phase::Idle { Poll::Ready(self.score) } else { Poll::Pending })
    }

    /// The score of the samples of [`Trainer::input`] without training on them.
    ///
    /// # Errors
    /// [`StepError`] as for [`Trainer::start`]. A loss that is not finite is a score like any other here.
    pub fn evaluate(&mut self, labels: &[usize]) -> Result<Score, StepError> {
        self.start(labels)?;
        self.phase = Phase::Idle;
        self.scores();
        Ok(self.loss())
    }

    /// The scores of some samples, numbers as `[sample][channel][row][col]`; the result is batch × classes, column-major.
    /// Takes the place of what [`Trainer::input`] held.
    ///
    /// # Errors
    /// [`StepError`] if there are no samples or too many, their numbers are not whole samples, or a step is under way.
    pub fn predict(&mut self, inputs: &[f32]) -> Result<&[f32], StepError> {
        let features = self.network.input().features().max(1);
        self.load(inputs, inputs.len() / features)?;
        Ok(self.scores())
    }

    /// Runs all layers forward.
    fn scores(&mut self) -> &[f32] {
        let network = self.network;
        for site in network.sites() {
            self.forward(&site);
        }
        let classes = network.classes() * self.samples;
        let features = self.layout.activations / self.training.batch.max(1);
        let from = features.saturating_mul(self.samples).saturating_sub(classes);
        part(self.regions().activations, from, classes)
    }

    fn forward(&mut self, site: &Site) {
        let samples = self.samples;
        let (regions, kernels) = self.split();
        let (input, output) = neighbours(regions.activations, site, samples);
        let (weight, bias) = parameters_of(regions.parameters, site);
        forward::<KINDS, K>(kernels, site, samples, input, weight, bias, output);
    }

    fn loss(&mut self) -> Score {
        let (loss, samples, classes) = (self.training.loss, self.samples, self.network.classes());
        let last = self.network.layers().len().saturating_sub(1);
        let features = self.layout.activations / self.training.batch.max(1) - classes;
        let regions = self.regions();
        let scores = part(regions.activations, features * samples, classes * samples);
        let [even, odd] = regions.gradients;
        let gradient = part(if last.is_multiple_of(2) { even } else { odd }, 0, classes * samples);
        loss::score::<KINDS>(loss, scores, part(regions.labels, 0, samples), gradient)
    }

    /// The signal that a layer sends back, through B = W, R or R*.
    fn backward(&mut self, site: &Site) {
        let samples = self.samples;
        let relu = relu_before(&self.network, site);
        let (regions, kernels) = self.split();
        let (input, _) = neighbours(regions.activations, site, samples);
        let (gradient, output) = turn(regions.gradients, site, samples);
        if let Some(pool) = pool_of::<KINDS>(site, samples) {
            return kernels.pool_backward(&pool, input, gradient, relu, output);
        }
        let weight = if site.layer.feedback.is_stored() {
            part(regions.feedback, site.feedback, site.feedback_weights())
        } else {
            parameters_of(regions.parameters, site).0
        };
        if let Some(product) = product_of::<KINDS>(site) {
            kernels.backward(&Backward { product, samples, gradient, weight, mask: relu.then_some(input) }, output);
        }
    }

    /// The gradients of a layer's weights and biases, into the optimizer.
    fn update(&mut self, site: &Site) {
        let Some(product) = product_of::<KINDS>(site) else { return };
        let samples = self.samples;
        let rule = Rule::new(self.training.optimizer, self.training.clip, self.corrections);
        let (regions, kernels) = self.split();
        let (input, _) = neighbours(regions.activations, site, samples);
        let (gradient, _) = turn(regions.gradients, site, samples);
        let (weight, bias) = parameters_of(regions.parameters, site);
        let (first, first_bias) = parameters_of(regions.first, site);
        let (second, second_bias) = parameters_of(regions.second, site);
        let feedback = if has::<KINDS>(kinds::UPDATED) && site.layer.feedback.follows_weight() {
            part(regions.feedback, site.feedback, site.feedback_weights())
        } else {
            &mut []
        };
        let sums = if product.is_shared() { part(regions.sums, 0, site.weights()) } else { &mut [] };
        let job = WeightGradient { product, samples, input, gradient };
        kernels.weight_gradient::<KINDS>(&job, Update { rule, weight, first, second, feedback }, sums);
        let job = BiasGradient { product, samples, gradient };
        let update =
            Update { rule: rule.unclipped(), weight: bias, first: first_bias, second: second_bias, feedback: &mut [] };
        kernels.bias_gradient::<KINDS>(&job, update);
    }

    fn split(&mut self) -> (Regions<'_>, &K) {
        (regions(self.memory, &self.layout), &self.kernels)
    }

    fn regions(&mut self) -> Regions<'_> {
        regions(self.memory, &self.layout)
    }
}

impl<'m, const KINDS: u32, K> Trainer<'m, KINDS, K> {
    /// The network.
    pub fn network(&self) -> Architecture<'m> {
        self.network
    }

    /// The training.
    pub fn training(&self) -> &Training {
        &self.training
    }

    /// Steps made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The weights of dense layer number `layer`, from 0 among all layers: inputs × outputs, the inputs in the order of
    /// [`Shape::inside`](crate::Shape::inside). `None` if there is no such layer or it is not dense.
    ///
    /// ```
    /// # use asymgrad_core::{Architecture, Layer, Shape, Trainer, Training};
    /// const NET: Architecture = Architecture::new(Shape::vector(3), &[Layer::dense(2)]);
    /// const TRAINING: Training = Training::new(1);
    /// let mut memory = [0.0; NET.memory(&TRAINING)];
    /// let trainer: Trainer = Trainer::new(NET, TRAINING, &mut memory)?;
    /// assert_eq!(trainer.weights(0).map(|weights| weights.shape()), Some((3, 2)));
    /// # Ok::<(), asymgrad_core::TrainerError>(())
    /// ```
    pub fn weights(&self, layer: usize) -> Option<MatrixView<'_, f32, Dyn, Dyn>> {
        let site = self.network.site(layer)?;
        self.matrix(&site, site.parameters)
    }

    /// The stored feedback of a layer, shaped as [`Trainer::weights`]; `None` also if the layer stores none.
    pub fn feedback(&self, layer: usize) -> Option<MatrixView<'_, f32, Dyn, Dyn>> {
        let site = self.network.site(layer).filter(|site| site.feedback_weights() > 0)?;
        self.matrix(&site, self.layout.parameters + site.feedback)
    }

    fn matrix(&self, site: &Site, from: usize) -> Option<MatrixView<'_, f32, Dyn, Dyn>> {
        let Operation::Dense { outputs } = site.layer.operation else { return None };
        let numbers = self.memory.get(from..from + site.weights())?;
        Some(MatrixView::from_slice_generic(numbers, Dyn(site.input.features()), Dyn(outputs)))
    }

    /// Weights and biases, layer by layer, as a [`Predictor`](crate::Predictor) takes them.
    pub fn parameters(&self) -> &[f32] {
        self.memory.get(..self.layout.parameters).unwrap_or(&[])
    }

    /// All numbers that the next step depends on, between steps: weights, biases, feedback and optimizer state. With
    /// [`Trainer::steps`] they are what a checkpoint keeps.
    pub fn state(&self) -> &[f32] {
        self.memory.get(..self.layout.persistent()).unwrap_or(&[])
    }

    /// [`Trainer::state`], to be read back or changed between steps.
    pub fn state_mut(&mut self) -> &mut [f32] {
        self.memory.get_mut(..self.layout.persistent()).unwrap_or(&mut [])
    }

    /// Continues after `steps` steps, when [`Trainer::state_mut`] has been read back.
    pub fn resume(&mut self, steps: u64) {
        self.steps = steps;
        self.corrections = Corrections::after(steps, &self.training.optimizer);
        self.phase = Phase::Idle;
    }
}

/// A number of a layer or weight as the feedback source counts them.
fn counter(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// One layer forward.
pub(crate) fn forward<const KINDS: u32, K: Kernels>(
    kernels: &K,
    site: &Site,
    samples: usize,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    output: &mut [f32],
) {
    if let Some(pool) = pool_of::<KINDS>(site, samples) {
        kernels.pool(&pool, input, output);
    } else if let Some(product) = product_of::<KINDS>(site) {
        kernels.forward(&Forward { product, samples, input, weight, bias, relu: !site.last }, output);
    }
}

/// The product of a layer with weights.
fn product_of<const KINDS: u32>(site: &Site) -> Option<Product> {
    let (input, output) = (site.input, site.output);
    let image = |kernel, untied| Product {
        rows: input.rows(),
        cols: input.cols(),
        inputs: input.channels(),
        outputs: output.channels(),
        kernel,
        untied,
    };
    match site.layer.operation {
        Operation::Dense { outputs } if has::<KINDS>(kinds::DENSE) => {
            Some(Product { rows: 1, cols: 1, inputs: input.features(), outputs, kernel: 1, untied: false })
        }
        Operation::Convolution { kernel, .. } if has::<KINDS>(kinds::CONVOLUTION) => Some(image(kernel, false)),
        Operation::Untied { kernel, .. } if has::<KINDS>(kinds::UNTIED) => Some(image(kernel, true)),
        _ => None,
    }
}

/// The pooling of a layer without weights.
fn pool_of<const KINDS: u32>(site: &Site, samples: usize) -> Option<Pool> {
    let pool = |size, stride, average| Pool {
        rows: site.input.rows(),
        cols: site.input.cols(),
        pixel: site.input.channels() * samples,
        size,
        stride,
        average,
    };
    match site.layer.operation {
        Operation::MaxPool { size, stride } if has::<KINDS>(kinds::MAX_POOL) => Some(pool(size, stride, false)),
        Operation::AveragePool { size, stride } if has::<KINDS>(kinds::AVERAGE_POOL) => Some(pool(size, stride, true)),
        _ => None,
    }
}

/// Whether a layer's input is the output of a ReLU.
fn relu_before(network: &Architecture<'_>, site: &Site) -> bool {
    let before = site.index.checked_sub(1).and_then(|index| network.layers().get(index));
    before.is_some_and(|layer| layer.operation.has_weights())
}

/// The input and the output of a layer.
fn neighbours<'a>(activations: &'a mut [f32], site: &Site, samples: usize) -> (&'a [f32], &'a mut [f32]) {
    let length = site.input.features() * samples;
    let both = part(activations, site.features * samples, length + site.output.features() * samples);
    match both.split_at_mut_checked(length) {
        Some((input, output)) => (input, output),
        None => (&[], &mut []),
    }
}

/// The gradients of a layer's output and of its input: the two buffers take turns.
fn turn<'a>(gradients: [&'a mut [f32]; 2], site: &Site, samples: usize) -> (&'a [f32], &'a mut [f32]) {
    let [even, odd] = gradients;
    let (output, input) = if site.index.is_multiple_of(2) { (even, odd) } else { (odd, even) };
    (part(output, 0, site.output.features() * samples), part(input, 0, site.input.features() * samples))
}

/// The weights and the biases of a layer, or their optimizer state; empty where there is none.
fn parameters_of<'a>(parameters: &'a mut [f32], site: &Site) -> (&'a mut [f32], &'a mut [f32]) {
    let both = part(parameters, site.parameters, site.weights() + site.biases());
    both.split_at_mut_checked(site.weights()).unwrap_or((&mut [], &mut []))
}

/// Part of a region; empty where the layout has none, such as the state of an optimizer that keeps none.
fn part(numbers: &mut [f32], from: usize, length: usize) -> &mut [f32] {
    numbers.get_mut(from..from.wrapping_add(length)).unwrap_or(&mut [])
}

fn regions<'a>(memory: &'a mut [f32], layout: &Layout) -> Regions<'a> {
    let mut rest = memory;
    let mut take = |numbers: usize| {
        let (part, after) = core::mem::take(&mut rest).split_at_mut_checked(numbers).unwrap_or((&mut [], &mut []));
        rest = after;
        part
    };
    let state = |number: usize| if layout.states >= number { layout.parameters } else { 0 };
    Regions {
        parameters: take(layout.parameters),
        feedback: take(layout.feedback),
        first: take(state(1)),
        second: take(state(2)),
        activations: take(layout.activations),
        gradients: [take(layout.gradients[0]), take(layout.gradients[1])],
        sums: take(layout.sums),
        labels: take(layout.labels),
    }
}
