//! Training on borrowed memory: a step is a loop over [`Trainer::poll`], one bounded slice a layer and direction.
//!
//! Forward through all layers, the loss, then backward: each layer first sends its signal back through the weights as
//! they are, then its own gradient goes straight into the optimizer.

mod error;
mod initial;
mod pass;
mod regions;

use core::fmt;
use core::task::Poll;

use nalgebra::{Dyn, MatrixView};

use self::pass::product_of;
use self::regions::{Work, neighbours, part, slice, take, turn};
use crate::architecture::{Architecture, Operation, Site};
use crate::arithmetic::Portable;
use crate::feedback::Storage;
use crate::kernels::{Kernels, WeightGradient};
use crate::kinds::{self, ALL, has};
use crate::loss::Score;
use crate::memory::Layout;
use crate::optimizer::{Corrections, in_range, positive, share};
use crate::training::Training;

pub use self::error::{StepError, TrainerError};
pub(crate) use self::pass::forward;

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
    /// Weights and biases, stored feedback, optimizer state.
    state: &'m mut [f32],
    /// Weights and biases.
    parameters: usize,
    /// Numbers of stored feedback behind them.
    feedback: usize,
    work: Work<'m>,
    /// Feedback that lies outside, see [`Storage::Table`].
    table: &'m [f32],
    kernels: K,
    corrections: Corrections,
    steps: u64,
    samples: usize,
    phase: Phase,
    score: Score,
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
    /// The memory may hold anything, such as what was there before a reset. [`Trainer::initialize`] or a state read back has
    /// to come before the first step: without either, the weights and the optimizer begin from what lay there.
    ///
    /// # Errors
    /// [`TrainerError`] if the memory has the wrong length or the training makes no sense.
    pub fn new(network: Architecture<'m>, training: Training, memory: &'m mut [f32]) -> Result<Self, TrainerError> {
        Self::with_kernels(network, training, memory, Portable)
    }
}

impl<'m, const KINDS: u32, K: Kernels> Trainer<'m, KINDS, K> {
    /// A trainer with other kernels, otherwise as [`Trainer::new`].
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
        training.optimizer.check()?;
        if let Some(limit) = training.limit() {
            positive("clip", limit)?;
        }
        check::<KINDS>(&training)?;
        let (work, state) = take(memory, layout.work());
        let work = Work::of(work, &layout);
        Ok(Self {
            network,
            training,
            state,
            parameters: layout.parameters,
            feedback: layout.feedback,
            work,
            table: &[],
            kernels,
            corrections: Corrections::default(),
            steps: 0,
            samples: 0,
            phase: Phase::Idle,
            score: Score { loss: 0.0, correct: 0, samples: 0 },
        })
    }

    /// Takes the feedback of [`Storage::Table`] from `table`, as long as
    /// [`Architecture::fixed_feedback`](Architecture::fixed_feedback) says.
    ///
    /// # Errors
    /// [`TrainerError::Table`] if it has another length.
    pub fn set_table(&mut self, table: &'m [f32]) -> Result<(), TrainerError> {
        let expected = self.network.fixed_feedback(&self.training);
        if table.len() != expected {
            return Err(TrainerError::Table { expected, found: table.len() });
        }
        self.table = table;
        Ok(())
    }

    /// Changes the learning rate from the next step on, as a schedule asks for.
    ///
    /// The rate is part of the training, not of the [state](Trainer::state): neither a checkpoint nor a snapshot keeps it.
    /// Who reads one back sets the rate again, for instance from [`Trainer::steps`].
    ///
    /// # Errors
    /// [`TrainerError::Coefficient`] if it is not above 0 and finite; the rate is then as it was.
    pub fn set_rate(&mut self, rate: f32) -> Result<(), TrainerError> {
        positive("rate", rate)?;
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
            let mut site = network.entrance(&self.training);
            if !site.seek(network.layers(), index) {
                break;
            }
            let site = &site;
            if let Some(product) = product_of::<KINDS>(site) {
                let (gradient, _) = turn(self.work.even, self.work.odd, site, samples);
                let (input, output) = neighbours(self.work.activations, self.training.batch, site, samples);
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
        let from = self.parameters + self.feedback;
        self.state.get_mut(from..).unwrap_or(&mut []).fill(0.0);
        (self.steps, self.corrections, self.phase) = (0, Corrections::default(), Phase::Idle);
    }

    /// Trains on some samples, features × samples numbers as `[sample][channel][row][col]`, and gives the loss before
    /// the update.
    ///
    /// # Errors
    /// [`StepError`] if a size or a label makes no sense, or a number or the loss is not finite; the weights are then
    /// unchanged.
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
        Ok(part(self.work.activations, self.training.batch, numbers))
    }

    /// Begins a step on the samples of [`Trainer::input`]; [`Trainer::poll`] makes it.
    ///
    /// # Errors
    /// [`StepError`] if no samples were loaded, one of their numbers is not finite, the labels are not as many, or one names
    /// no class.
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
        if has::<KINDS>(kinds::TABLE) && self.table.is_empty() && self.misses_table() {
            return Err(StepError::NoTable);
        }
        let classes = self.network.classes();
        if let Some((sample, &found)) = labels.iter().enumerate().find(|(_, label)| **label >= classes) {
            return Err(StepError::Label { sample, classes, found });
        }
        self.check_input()?;
        for (number, label) in self.work.activations.iter_mut().zip(labels) {
            *number = *label as f32;
        }
        self.phase = Phase::Forward(0);
        Ok(())
    }

    /// Makes the next slice of the step: one layer in one direction, or the loss. Ready with the score when the last
    /// update is made, or at once if no step was started.
    ///
    /// A slice of a layer with w weights that are used p times each costs about 2·w·p·samples operations, at most
    /// [`Architecture::longest_slice`].
    ///
    /// # Errors
    /// [`StepError::NonFinite`] when the loss is not finite; the step ends there, before any update.
    #[inline(never)]
    pub fn poll(&mut self) -> Result<Poll<Score>, StepError> {
        let layer = match self.phase {
            Phase::Idle => return Ok(Poll::Ready(self.score)),
            Phase::Forward(layer) | Phase::Loss(layer) | Phase::Backward(layer) | Phase::Update(layer) => layer,
        };
        let mut site = self.network.entrance(&self.training);
        if !site.seek(self.network.layers(), layer) {
            return Ok(Poll::Ready(self.score));
        }
        let site = &site;
        self.phase = match self.phase {
            Phase::Forward(_) => {
                self.forward(site);
                if site.last { Phase::Loss(layer) } else { Phase::Forward(layer + 1) }
            }
            Phase::Loss(_) => {
                self.loss(site);
                if !self.score.loss.is_finite() {
                    self.phase = Phase::Idle;
                    return Err(StepError::NonFinite(self.score));
                }
                self.corrections.advance::<KINDS>(&self.training.optimizer);
                self.steps = self.steps.saturating_add(1);
                Phase::Backward(layer)
            }
            Phase::Backward(_) => {
                if site.sends_back {
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
        let mut sites = self.network.sites_of(&self.training);
        while sites.advance() {
            self.forward(&sites.site);
        }
        self.loss(&sites.site);
        Ok(self.score)
    }

    /// The scores of some samples, numbers as `[sample][channel][row][col]`; the result is batch × classes, column-major: of
    /// n samples, the score of class c for sample s is number c · n + s, see [`Predictor::predict`](crate::Predictor::predict).
    /// Takes the place of what [`Trainer::input`] held. A number that is not finite is no error here, for it changes nothing.
    ///
    /// # Errors
    /// [`StepError`] if there are no samples or too many, their numbers are not whole samples, or a step is under way.
    pub fn predict(&mut self, inputs: &[f32]) -> Result<&[f32], StepError> {
        let samples = StepError::samples_of(self.network.input(), inputs.len(), self.training.batch)?;
        self.load(inputs, samples)?;
        let mut sites = self.network.sites_of(&self.training);
        while sites.advance() {
            self.forward(&sites.site);
        }
        let samples = self.samples();
        Ok(neighbours(self.work.activations, self.training.batch, &sites.site, samples).1)
    }

    /// Refuses a number that is not finite. The loss does not always show it: a sigmoid makes a finite number of infinity,
    /// and the gradient hᵀG is infinite all the same.
    #[inline(never)]
    fn check_input(&self) -> Result<(), StepError> {
        const EXPONENT: u32 = 1 << 23;
        let (shape, samples) = (self.network.input(), self.samples());
        let numbers = slice(self.work.activations, self.training.batch, shape.features() * samples);
        // One more carries an exponent of ones alone into the sign. No way out before the end: the loop is vectors.
        let carried = numbers.iter().fold(0, |carried, x| carried | (x.abs().to_bits() + EXPONENT));
        if carried >> 31 == 0 {
            return Ok(());
        }
        let found = numbers.iter().enumerate().find(|(_, x)| !x.is_finite());
        found.map_or(Ok(()), |(at, found)| {
            let samples = samples.max(1);
            let (sample, feature) = (at % samples, shape.outside(at / samples));
            Err(StepError::NonFiniteInput { sample, feature, found: *found })
        })
    }

    fn misses_table(&self) -> bool {
        self.training.storage == Storage::Table && self.network.fixed_feedback(&self.training) > 0
    }

    /// Parameters, stored feedback, and the parameters of frozen layers.
    fn sizes(&self) -> [usize; 3] {
        let frozen = if has::<KINDS>(kinds::FROZEN) { Layout::of(&self.network, &self.training).frozen } else { 0 };
        [self.parameters, self.feedback, frozen]
    }

    /// Samples of the step; a constant where the image holds no larger ones.
    fn samples(&self) -> usize {
        if has::<KINDS>(kinds::BATCH) { self.samples } else { 1 }
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

    /// Whether a step was started and is not ready: its weights are half updated.
    pub fn is_under_way(&self) -> bool {
        self.phase != Phase::Idle
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
        let site = self.network.sites_of(&self.training).nth(layer)?;
        self.matrix(&site, site.parameters)
    }

    /// The stored feedback B of layer number `layer`, from 0 among all layers: shaped as [`Trainer::weights`], but inputs ×
    /// classes for `(DFA)` and `(DRTP)`, whatever the layer computes. `None` if there is no such layer, it stores none in
    /// the training's memory, or it is a convolution with a rule that is not direct.
    ///
    /// ```
    /// # use asymgrad_core::{Architecture, Feedback, Layer, Shape, Trainer, Training};
    /// const NET: Architecture = Architecture::new(
    ///     Shape::vector(3),
    ///     &[Layer::dense(8), Layer::dense(5).feedback(Feedback::Direct), Layer::dense(2).feedback(Feedback::Fixed)],
    /// );
    /// const TRAINING: Training = Training::new(1);
    /// let mut memory = [0.0; NET.memory(&TRAINING)];
    /// let trainer: Trainer = Trainer::new(NET, TRAINING, &mut memory)?;
    /// let shapes = [0, 1, 2].map(|layer| trainer.feedback(layer).map(|feedback| feedback.shape()));
    /// assert_eq!(shapes, [None, Some((8, 2)), Some((5, 2))]);
    /// # Ok::<(), asymgrad_core::TrainerError>(())
    /// ```
    pub fn feedback(&self, layer: usize) -> Option<MatrixView<'_, f32, Dyn, Dyn>> {
        let site = self.network.sites_of(&self.training).nth(layer).filter(|site| site.feedback_weights() > 0)?;
        let from = self.parameters + site.feedback;
        if site.layer.feedback.is_direct() { self.view(from, site.feedback_fans()) } else { self.matrix(&site, from) }
    }

    fn matrix(&self, site: &Site<'_>, from: usize) -> Option<MatrixView<'_, f32, Dyn, Dyn>> {
        let Operation::Dense { outputs } = site.layer.operation else { return None };
        self.view(from, (site.input.features(), outputs))
    }

    fn view(&self, from: usize, (rows, cols): (usize, usize)) -> Option<MatrixView<'_, f32, Dyn, Dyn>> {
        let numbers = self.state.get(from..from.checked_add(rows.checked_mul(cols)?)?)?;
        Some(MatrixView::from_slice_generic(numbers, Dyn(rows), Dyn(cols)))
    }

    /// Weights and biases, layer by layer, as a [`Predictor`](crate::Predictor) takes them.
    pub fn parameters(&self) -> &[f32] {
        self.state.get(..self.parameters).unwrap_or(&[])
    }

    /// All numbers that the next step depends on, between steps: weights, biases, feedback and optimizer state. With
    /// [`Trainer::steps`] they are what a checkpoint keeps. What belongs to the training instead is not among them: the
    /// learning rate, and a table of feedback.
    pub fn state(&self) -> &[f32] {
        self.state
    }

    /// [`Trainer::state`], to be read back or changed between steps.
    ///
    /// Who reads back a part, such as weights trained elsewhere, calls [`Trainer::initialize`] before: it draws the feedback
    /// and clears the optimizer's state, which are otherwise what the memory held.
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

/// That each of the seldom coefficients lies in its range.
fn check<const KINDS: u32>(training: &Training) -> Result<(), TrainerError> {
    // A decay that is not above 0 asks for no kind, so it is looked at in every image.
    let decay = training.decay;
    in_range("weight decay", decay, decay >= 0.0 && decay.is_finite(), "at least 0 and finite")?;
    if has::<KINDS>(kinds::SHRINK) {
        share("share that (KP) shrinks weights by", training.shrink)?;
    }
    if has::<KINDS>(kinds::MIRROR) {
        share("rate of the weight mirrors", training.mirror)?;
    }
    if has::<KINDS>(kinds::INITIAL) {
        training.weights.check()?;
        training.feedback.check()?;
    }
    Ok(())
}
