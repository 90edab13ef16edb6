//! Training on borrowed memory: a step is a loop over [`Trainer::poll`], one bounded slice a layer and direction.
//!
//! Forward through all layers, the loss, then backward: each layer first sends its signal back through the weights as
//! they are, then its own gradient goes straight into the optimizer.

use core::fmt;
use core::task::Poll;

use nalgebra::{Dyn, MatrixView};
use rand_core::Rng;

use crate::activation::Activation;
use crate::architecture::{Architecture, Operation, Site};
use crate::arithmetic::Portable;
use crate::feedback::{self, Feedback};
use crate::kernels::{Backward, BiasGradient, Forward, Kernels, Pool, Product, WeightGradient};
use crate::kinds::{self, ALL, has};
use crate::loss::{self, Score};
use crate::memory::{Layout, Training};
use crate::optimizer::{Corrections, Optimizer, Rule, Sgd, Update, positive};
use crate::random::{self, FeedbackSource, Initial};

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
    /// The loss on the scores of this layer, the last, is next.
    Loss(usize),
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
    /// Weights and biases, stored feedback, optimizer state.
    state: &'m mut [f32],
    work: Work<'m>,
    kernels: K,
    corrections: Corrections,
    steps: u64,
    samples: usize,
    phase: Phase,
    score: Score,
}

/// What a step needs beside the state.
struct Work<'a> {
    activations: &'a mut [f32],
    gradients: [&'a mut [f32]; 2],
    sums: &'a mut [f32],
    labels: &'a mut [f32],
    errors: [&'a mut [f32]; 2],
}

/// What arrives at a layer with weights on the way back, see [`Trainer::probe`].
#[derive(Clone, Copy, Debug)]
pub struct Signal<'a> {
    /// Number of the layer, from 0.
    pub layer: usize,
    /// The layer's input h and dL/dy at its output, feature × sample; its `hᵀG` is the weight gradient.
    pub job: WeightGradient<'a>,
    /// The layer's output after its activation, feature × sample.
    pub output: &'a [f32],
}

/// The regions of the state.
struct State<'a> {
    parameters: &'a mut [f32],
    feedback: &'a mut [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
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
        if let Some((name, value)) = nonsense::<KINDS>(&training) {
            return Err(TrainerError::Coefficient { name, value });
        }
        let (state, rest) = take(memory, layout.persistent());
        let work = Work::of(rest, &layout);
        Ok(Self {
            network,
            training,
            layout,
            state,
            work,
            kernels,
            corrections: Corrections::default(),
            steps: 0,
            samples: 0,
            phase: Phase::Idle,
            score: Score { loss: 0.0, correct: 0, samples: 0 },
        })
    }

    /// Draws the weights from `generator` and the feedback from `seed`, as [`Training::initial`] says; biases become 0
    /// and the optimizer starts afresh.
    ///
    /// Weights are drawn in the order in which they lie; feedback weight i of layer l is [`FeedbackSource`]'s.
    pub fn initialize(&mut self, generator: &mut impl Rng, seed: u64) {
        self.restart();
        let network = self.network;
        let (weights, initial) = (self.training.weights, self.training.feedback);
        let state = self.split();
        for site in network.sites() {
            let (inputs, outputs) = site.fans();
            let (weight, bias) = parameters_of(state.parameters, &site);
            match weights.half_width(inputs, outputs) {
                Some(a) if has::<KINDS>(kinds::INITIAL) => random::fill(weight, a, generator),
                None if has::<KINDS>(kinds::INITIAL) => {
                    random::fill_normal(weight, weights.deviation(inputs, outputs), generator);
                }
                _ => random::fill(weight, random::glorot(inputs, outputs), generator),
            }
            bias.fill(0.0);
            let feedback = part(state.feedback, site.feedback, site.feedback_weights());
            draw_feedback::<KINDS>(&site, initial, seed, feedback, weight);
        }
    }

    /// Changes the learning rate from the next step on, as a schedule asks for.
    ///
    /// # Errors
    /// [`TrainerError::Coefficient`] if it is not above 0.
    pub fn set_rate(&mut self, rate: f32) -> Result<(), TrainerError> {
        if !positive(rate) {
            return Err(TrainerError::Coefficient { name: "rate", value: rate });
        }
        self.training.optimizer = self.training.optimizer.with_rate(rate);
        Ok(())
    }

    /// Shows what arrives at every layer with weights for the samples of [`Trainer::input`], the last layer first, and
    /// changes no weight. `truth` carries the error back through W everywhere, else each layer's rule does.
    ///
    /// # Errors
    /// [`StepError`] as for [`Trainer::start`], or if the loss is not finite.
    pub fn probe(
        &mut self,
        labels: &[usize],
        truth: bool,
        see: &mut dyn FnMut(Signal<'_>),
    ) -> Result<Score, StepError> {
        let score = self.evaluate(labels)?;
        if !score.loss.is_finite() {
            return Err(StepError::NonFinite(score));
        }
        let (network, samples) = (self.network, self.samples());
        for index in (0..network.layers().len()).rev() {
            let mut sites = network.sites();
            let Some(site) = sites.seek(index) else { break };
            if let Some(product) = product_of::<KINDS>(site) {
                let (gradient, _) = turn(&mut self.work.gradients, site, samples);
                let (input, output) = neighbours(self.work.activations, site, samples);
                let job = WeightGradient { product, samples, input, gradient };
                see(Signal { layer: index, job, output });
            }
            if !site.sends_back {
                break;
            }
            self.backward(site, truth);
        }
        Ok(score)
    }

    /// Forgets the optimizer's state and the steps made; weights and feedback stay.
    pub fn restart(&mut self) {
        let from = self.layout.parameters + self.layout.feedback;
        self.state.get_mut(from..).unwrap_or(&mut []).fill(0.0);
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
        self.finish()
    }

    /// Polls until the step that [`Trainer::start`] began is made, and gives the loss before the update.
    ///
    /// # Errors
    /// As [`Trainer::poll`].
    pub fn finish(&mut self) -> Result<Score, StepError> {
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
        Ok(part(self.work.activations, 0, numbers))
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
        for (number, label) in self.work.labels.iter_mut().zip(labels) {
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
        let layer = match self.phase {
            Phase::Idle => return Ok(Poll::Ready(self.score)),
            Phase::Forward(layer) | Phase::Loss(layer) | Phase::Backward(layer) | Phase::Update(layer) => layer,
        };
        let mut sites = self.network.sites();
        let Some(site) = sites.seek(layer) else { return Ok(Poll::Ready(self.score)) };
        self.phase = match self.phase {
            Phase::Forward(_) => {
                self.forward(site);
                if site.last { Phase::Loss(layer) } else { Phase::Forward(layer + 1) }
            }
            Phase::Loss(_) => {
                self.score = self.loss(site);
                if !self.score.loss.is_finite() {
                    self.phase = Phase::Idle;
                    return Err(StepError::NonFinite(self.score));
                }
                self.corrections.advance::<KINDS>(&self.training.optimizer);
                self.steps += 1;
                Phase::Backward(layer)
            }
            Phase::Backward(_) => {
                if site.sends_back {
                    self.renew(site);
                    self.backward(site, false);
                }
                Phase::Update(layer)
            }
            Phase::Update(_) | Phase::Idle => {
                self.update(site);
                match layer.checked_sub(1) {
                    Some(before) if site.sends_back => Phase::Backward(before),
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
        let last = self.network.layers().len().saturating_sub(1);
        Ok(self.network.sites().seek(last).map_or(self.score, |last| self.loss(last)))
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
        let classes = network.classes() * self.samples();
        let features = self.layout.activations / self.training.batch.max(1);
        let from = features.saturating_mul(self.samples()).saturating_sub(classes);
        part(self.work.activations, from, classes)
    }

    fn forward(&mut self, site: &Site) {
        let samples = self.samples();
        let (input, output) = neighbours(self.work.activations, site, samples);
        let (weight, bias) = parameters_of(self.state, site);
        forward::<KINDS, K>(&self.kernels, site, samples, input, weight, bias, output);
    }

    fn loss(&mut self, last: &Site) -> Score {
        let samples = self.samples();
        let (_, scores) = neighbours(self.work.activations, last, samples);
        let (gradient, _) = turn(&mut self.work.gradients, last, samples);
        let labels = part(self.work.labels, 0, samples);
        let score = loss::score::<KINDS>(self.training.loss, scores, labels, gradient);
        if has::<KINDS>(kinds::DIRECT) {
            let [errors, targets] = &mut self.work.errors;
            errors.iter_mut().zip(&*gradient).for_each(|(error, g)| *error = *g);
            feedback::target::project(labels, part(targets, 0, last.classes * samples));
        }
        score
    }

    /// Gives B the signs of W, and new magnitudes where the rule asks for them.
    fn renew(&mut self, site: &Site) {
        if !has::<KINDS>(kinds::SIGN) || !site.layer.feedback.has_weights_signs() {
            return;
        }
        let (steps, (inputs, outputs)) = (self.steps, site.fans());
        let deviation = self.training.feedback.deviation(inputs, outputs);
        let state = self.split();
        let feedback = part(state.feedback, site.feedback, site.feedback_weights());
        if site.layer.feedback == Feedback::BatchSign {
            feedback::batch_sign::redraw(feedback, libm::sqrtf(3.0) * deviation, steps);
        }
        feedback::uniform_sign::copy_signs(feedback, parameters_of(state.parameters, site).0);
    }

    /// Shows a layer noise and moves its mirror towards what comes out. The noise and the answer lie where the layer's
    /// input and output lay, which nothing needs after its update.
    fn reflect(&mut self, site: &Site) {
        let Some(product) = product_of::<KINDS>(site) else { return };
        let (samples, steps, share) = (self.samples(), self.steps, self.training.mirror);
        let state = State::of(self.state, &self.layout);
        let mirror = part(state.feedback, site.feedback, site.feedback_weights());
        let (weight, _) = parameters_of(state.parameters, site);
        let (inputs, outputs) = (site.input.features() * samples, site.output.features() * samples);
        let both = part(self.work.activations, site.features * samples, inputs + outputs);
        let (input, output) = both.split_at_mut_checked(inputs).unwrap_or((&mut [], &mut []));
        feedback::weight_mirror::noise(input, mirror, counter(site.index), steps);
        // The gradient of the layer's output has done its work, too: its place holds biases of 0.
        let (spent, _) = turn(&mut self.work.gradients, site, samples);
        let bias = part(spent, 0, site.biases);
        bias.fill(0.0);
        self.kernels.forward::<KINDS>(&Forward { product, samples, input, weight, bias, relu: false }, output);
        // Descent by the negative share: B ← (1 − η) B + η xᵀy / n.
        let shown = samples * if product.untied { 1 } else { product.positions() };
        let descent = Optimizer::Sgd(Sgd { rate: -share / shown as f32 });
        let rule = Rule::new::<KINDS>(descent, None, Corrections::default()).shrink(share);
        let sums = if product.is_shared() { part(self.work.sums, 0, site.weights) } else { &mut [] };
        let job = WeightGradient { product, samples, input, gradient: output };
        let update = Update { rule, weight: mirror, first: &mut [], second: &mut [], feedback: &mut [] };
        self.kernels.weight_gradient::<KINDS>(&job, update, sums);
    }

    /// The signal that a layer sends back, through what its rule says or, for the `truth`, through W.
    fn backward(&mut self, site: &Site, truth: bool) {
        let samples = self.samples();
        let before = activation_before(&self.network, site);
        let relu = before == Some(Activation::Relu);
        let rule = if truth { Feedback::Symmetric } else { site.layer.feedback };
        let (input, _) = neighbours(self.work.activations, site, samples);
        let (gradient, output) = turn(&mut self.work.gradients, site, samples);
        if let Some(pool) = pool_of::<KINDS>(site, samples) {
            self.kernels.pool_backward(&pool, input, gradient, relu, output);
        } else if let Some(product) = product_of::<KINDS>(site) {
            let weight = if rule.is_stored() {
                part(self.state, self.layout.parameters + site.feedback, site.feedback_weights())
            } else {
                parameters_of(self.state, site).0
            };
            let (product, gradient) = if has::<KINDS>(kinds::DIRECT) && rule.is_direct() {
                let [errors, targets] = &mut self.work.errors;
                let (inputs, outputs) = (site.input.features(), site.classes);
                let direct = Product { rows: 1, cols: 1, inputs, outputs, kernel: 1, untied: false };
                (direct, &*part(if rule == Feedback::Target { targets } else { errors }, 0, outputs * samples))
            } else {
                (product, &*gradient)
            };
            let mask = relu.then_some(input);
            self.kernels.backward::<KINDS>(&Backward { product, samples, gradient, weight, mask }, output);
        }
        if let Some(before) = before {
            before.derive::<KINDS>(input, output);
        }
    }

    /// The gradients of a layer's weights and biases, into the optimizer.
    fn update(&mut self, site: &Site) {
        let Some(product) = product_of::<KINDS>(site) else { return };
        let samples = self.samples();
        let training = &self.training;
        let mut rule = Rule::new::<KINDS>(training.optimizer, training.clip, self.corrections).decay(training.decay);
        if has::<KINDS>(kinds::SHRINK) && site.sends_back && site.layer.feedback == Feedback::KolenPollack {
            rule = rule.shrink(training.shrink);
        }
        let work = &mut self.work;
        let (input, _) = neighbours(work.activations, site, samples);
        let (gradient, _) = turn(&mut work.gradients, site, samples);
        let state = State::of(self.state, &self.layout);
        let (weight, bias) = parameters_of(state.parameters, site);
        let (first, first_bias) = parameters_of(state.first, site);
        let (second, second_bias) = parameters_of(state.second, site);
        let feedback = if has::<KINDS>(kinds::UPDATED) && site.layer.feedback.follows_weight() {
            part(state.feedback, site.feedback, site.feedback_weights())
        } else {
            &mut []
        };
        let sums = if product.is_shared() { part(work.sums, 0, site.weights) } else { &mut [] };
        let job = WeightGradient { product, samples, input, gradient };
        self.kernels.weight_gradient::<KINDS>(&job, Update { rule, weight, first, second, feedback }, sums);
        let job = BiasGradient { product, samples, gradient };
        let update =
            Update { rule: rule.unclipped(), weight: bias, first: first_bias, second: second_bias, feedback: &mut [] };
        self.kernels.bias_gradient::<KINDS>(&job, update);
        if has::<KINDS>(kinds::MIRROR) && site.sends_back && site.layer.feedback == Feedback::WeightMirror {
            self.reflect(site);
        }
    }

    /// Samples of the step; a constant where the image holds no larger ones.
    fn samples(&self) -> usize {
        if has::<KINDS>(kinds::BATCH) { self.samples } else { 1 }
    }

    fn split(&mut self) -> State<'_> {
        State::of(self.state, &self.layout)
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
        let mut sites = self.network.sites();
        let site = sites.seek(layer)?;
        self.matrix(site, site.parameters)
    }

    /// The stored feedback of a layer, shaped as [`Trainer::weights`]; `None` also if the layer stores none.
    pub fn feedback(&self, layer: usize) -> Option<MatrixView<'_, f32, Dyn, Dyn>> {
        let mut sites = self.network.sites();
        let site = sites.seek(layer).filter(|site| site.feedback_weights() > 0)?;
        self.matrix(site, self.layout.parameters + site.feedback)
    }

    fn matrix(&self, site: &Site, from: usize) -> Option<MatrixView<'_, f32, Dyn, Dyn>> {
        let Operation::Dense { outputs } = site.layer.operation else { return None };
        let numbers = self.state.get(from..from + site.weights)?;
        Some(MatrixView::from_slice_generic(numbers, Dyn(site.input.features()), Dyn(outputs)))
    }

    /// Weights and biases, layer by layer, as a [`Predictor`](crate::Predictor) takes them.
    pub fn parameters(&self) -> &[f32] {
        self.state.get(..self.layout.parameters).unwrap_or(&[])
    }

    /// All numbers that the next step depends on, between steps: weights, biases, feedback and optimizer state. With
    /// [`Trainer::steps`] they are what a checkpoint keeps.
    pub fn state(&self) -> &[f32] {
        self.state
    }

    /// [`Trainer::state`], to be read back or changed between steps.
    pub fn state_mut(&mut self) -> &mut [f32] {
        self.state
    }

    /// Continues after `steps` steps, when [`Trainer::state_mut`] has been read back.
    pub fn resume(&mut self, steps: u64) {
        self.steps = steps;
        self.corrections = Corrections::after::<KINDS>(steps, &self.training.optimizer);
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
        let relu = !site.last && site.layer.activation == Activation::Relu;
        kernels.forward::<KINDS>(&Forward { product, samples, input, weight, bias, relu }, output);
        site.layer.activation.apply::<KINDS>(output);
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

/// The activation whose output is a layer's input.
fn activation_before(network: &Architecture<'_>, site: &Site) -> Option<Activation> {
    let before = site.index.checked_sub(1).and_then(|index| network.layers().get(index));
    before.filter(|layer| layer.operation.has_weights()).map(|layer| layer.activation)
}

/// The first of the seldom coefficients that makes no sense, with its name.
fn nonsense<const KINDS: u32>(training: &Training) -> Option<(&'static str, f32)> {
    let share = |x: f32| (0.0..1.0).contains(&x);
    // A decay that is not above 0 asks for no kind, so it is looked at in every image.
    if !(training.decay >= 0.0 && training.decay.is_finite()) {
        return Some(("weight decay", training.decay));
    }
    if has::<KINDS>(kinds::SHRINK) && !share(training.shrink) {
        return Some(("share that weights shrink by", training.shrink));
    }
    if has::<KINDS>(kinds::MIRROR) && !share(training.mirror) {
        return Some(("weight mirrors' share", training.mirror));
    }
    if !has::<KINDS>(kinds::INITIAL) {
        return None;
    }
    let deviation = training.weights.nonsense().or(training.feedback.nonsense());
    deviation.map(|value| ("initial deviation", value))
}

/// A layer's feedback as its rule begins: number i is a function of the seed, the layer and i.
fn draw_feedback<const KINDS: u32>(site: &Site, initial: Initial, seed: u64, feedback: &mut [f32], weight: &[f32]) {
    let (inputs, outputs) = site.feedback_fans();
    let initial = if has::<KINDS>(kinds::INITIAL) { initial } else { Initial::Glorot };
    let width = initial.half_width(inputs, outputs);
    let deviation = || initial.deviation(inputs, outputs);
    let source = FeedbackSource::new(seed, counter(site.index), width.unwrap_or_else(deviation));
    for (index, number) in feedback.iter_mut().enumerate() {
        *number = match width {
            _ if has::<KINDS>(kinds::SIGN) && site.layer.feedback == Feedback::UniformSign => deviation(),
            None if has::<KINDS>(kinds::INITIAL) => source.normal_at(counter(index)),
            _ => source.at(counter(index)),
        };
    }
    if has::<KINDS>(kinds::SIGN) && site.layer.feedback.has_weights_signs() {
        feedback::uniform_sign::copy_signs(feedback, weight);
    }
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
fn turn<'a>(gradients: &'a mut [&mut [f32]; 2], site: &Site, samples: usize) -> (&'a mut [f32], &'a mut [f32]) {
    let [even, odd] = gradients;
    let (output, input) = if site.index.is_multiple_of(2) { (even, odd) } else { (odd, even) };
    (part(output, 0, site.output.features() * samples), part(input, 0, site.input.features() * samples))
}

/// The weights and the biases of a layer, or their optimizer state; empty where there is none.
fn parameters_of<'a>(parameters: &'a mut [f32], site: &Site) -> (&'a mut [f32], &'a mut [f32]) {
    let both = part(parameters, site.parameters, site.weights + site.biases);
    both.split_at_mut_checked(site.weights).unwrap_or((&mut [], &mut []))
}

/// Part of a region; empty where the layout has none, such as the state of an optimizer that keeps none.
fn part(numbers: &mut [f32], from: usize, length: usize) -> &mut [f32] {
    numbers.get_mut(from..from.wrapping_add(length)).unwrap_or(&mut [])
}

/// The first `length` numbers and the rest; nothing if they are fewer.
fn take(numbers: &mut [f32], length: usize) -> (&mut [f32], &mut [f32]) {
    numbers.split_at_mut_checked(length).unwrap_or((&mut [], &mut []))
}

impl<'a> State<'a> {
    fn of(numbers: &'a mut [f32], layout: &Layout) -> Self {
        let moments = |number: usize| if layout.states >= number { layout.parameters } else { 0 };
        let (parameters, rest) = take(numbers, layout.parameters);
        let (feedback, rest) = take(rest, layout.feedback);
        let (first, rest) = take(rest, moments(1));
        let (second, _) = take(rest, moments(2));
        Self { parameters, feedback, first, second }
    }
}

impl<'a> Work<'a> {
    fn of(numbers: &'a mut [f32], layout: &Layout) -> Self {
        let (activations, rest) = take(numbers, layout.activations);
        let (even, rest) = take(rest, layout.gradients[0]);
        let (odd, rest) = take(rest, layout.gradients[1]);
        let (sums, rest) = take(rest, layout.sums);
        let (labels, rest) = take(rest, layout.labels);
        let (errors, targets) = take(rest, layout.errors[0]);
        Self { activations, gradients: [even, odd], sums, labels, errors: [errors, targets] }
    }
}
