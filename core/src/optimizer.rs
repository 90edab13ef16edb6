//! Optimizers: how a gradient becomes an update, applied to the weights tile by tile as the gradient is made.
//!
//! The gradient of a layer is never stored: [`Update::apply`] receives some neighbouring weights' gradients at a time.

use crate::arithmetic::Arithmetic;
use crate::kinds::{self, has};
use crate::trainer::TrainerError;

/// Plain gradient descent: w ← w − rate · g.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Sgd {
    /// Learning rate.
    pub rate: f32,
}

impl Sgd {
    /// Rate 1e-2.
    pub const DEFAULT: Self = Self { rate: 1e-2 };
}

/// Gradient descent with momentum: m ← momentum · m + g.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Momentum {
    /// Learning rate.
    pub rate: f32,
    /// Share of the velocity that is kept, in [0, 1).
    pub momentum: f32,
}

impl Momentum {
    /// Rate 1e-2, momentum 0.9.
    pub const DEFAULT: Self = Self { rate: 1e-2, momentum: 0.9 };
}

/// Adam (Kingma and Ba 2015), ε outside the root.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Adam {
    /// Learning rate.
    pub rate: f32,
    /// Decay of the mean of gradients, in [0, 1).
    pub beta1: f32,
    /// Decay of the mean of squared gradients, in [0, 1).
    pub beta2: f32,
    /// Added to the root of the second moment, above 0: a gradient that was always 0 has none.
    pub epsilon: f32,
}

impl Adam {
    /// Rate 1e-3, β 0.9 and 0.999, ε 1e-8.
    pub const DEFAULT: Self = Self { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
}

/// How gradients become updates.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Optimizer {
    /// w ← w − rate · g.
    Sgd(Sgd),
    /// m ← momentum · m + g, w ← w − rate · m.
    Momentum(Momentum),
    /// m ← momentum · m + g, w ← w − rate · (g + momentum · m), as PyTorch has it.
    Nesterov(Momentum),
    /// Moments with bias correction.
    Adam(Adam),
}

impl Optimizer {
    /// Every optimizer with its default coefficients.
    pub const DEFAULTS: [Self; 4] = [
        Self::Sgd(Sgd::DEFAULT),
        Self::Momentum(Momentum::DEFAULT),
        Self::Nesterov(Momentum::DEFAULT),
        Self::Adam(Adam::DEFAULT),
    ];

    /// The name on the command line and in files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sgd(_) => "sgd",
            Self::Momentum(_) => "momentum",
            Self::Nesterov(_) => "nesterov",
            Self::Adam(_) => "adam",
        }
    }

    /// The learning rate.
    pub const fn rate(&self) -> f32 {
        match self {
            Self::Sgd(Sgd { rate })
            | Self::Momentum(Momentum { rate, .. })
            | Self::Nesterov(Momentum { rate, .. })
            | Self::Adam(Adam { rate, .. }) => *rate,
        }
    }

    /// The same optimizer with another learning rate.
    #[must_use]
    pub const fn with_rate(mut self, value: f32) -> Self {
        match &mut self {
            Self::Sgd(Sgd { rate })
            | Self::Momentum(Momentum { rate, .. })
            | Self::Nesterov(Momentum { rate, .. })
            | Self::Adam(Adam { rate, .. }) => *rate = value,
        }
        self
    }

    /// Numbers of state kept for each parameter: 0, 1 or 2.
    pub const fn states(&self) -> usize {
        match self {
            Self::Sgd(_) => 0,
            Self::Momentum(_) | Self::Nesterov(_) => 1,
            Self::Adam(_) => 2,
        }
    }

    pub(crate) const fn kind(&self) -> u32 {
        match self {
            Self::Sgd(_) => kinds::SGD,
            Self::Momentum(_) | Self::Nesterov(_) => kinds::MOMENTUM,
            Self::Adam(_) => kinds::ADAM,
        }
    }

    /// That each coefficient lies in its range.
    pub(crate) fn check(&self) -> Result<(), TrainerError> {
        positive("rate", self.rate())?;
        match *self {
            Self::Sgd(_) => Ok(()),
            Self::Momentum(Momentum { momentum, .. }) | Self::Nesterov(Momentum { momentum, .. }) => {
                share("momentum", momentum)
            }
            Self::Adam(Adam { beta1, beta2, epsilon, .. }) => {
                share("beta1", beta1)?;
                share("beta2", beta2)?;
                positive("epsilon", epsilon)
            }
        }
    }
}

/// That a coefficient is above 0 and finite.
pub(crate) fn positive(name: &'static str, value: f32) -> Result<(), TrainerError> {
    in_range(name, value, value > 0.0 && value.is_finite(), "above 0 and finite")
}

/// That a coefficient is a share that leaves something over.
pub(crate) fn share(name: &'static str, value: f32) -> Result<(), TrainerError> {
    in_range(name, value, (0.0..1.0).contains(&value), "at least 0 and below 1")
}

/// An error that names the range unless `is_in` it.
pub(crate) fn in_range(
    name: &'static str,
    value: f32,
    is_in: bool,
    expected: &'static str,
) -> Result<(), TrainerError> {
    if is_in { Ok(()) } else { Err(TrainerError::Coefficient { name, expected, value }) }
}

/// 1 − β1ᵗ and 1 − β2ᵗ, carried from step to step.
///
/// The recurrence c ← c·β + (1 − β) has no cancellation; in f32 it ends within ½·2⁻²⁴ / (1 − β) of 1, 3e-5 for β = 0.999.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Corrections {
    first: f32,
    second: f32,
}

impl Corrections {
    pub(crate) fn advance<const KINDS: u32>(&mut self, optimizer: &Optimizer) {
        if has::<KINDS>(kinds::ADAM)
            && let Optimizer::Adam(adam) = optimizer
        {
            self.first = self.first * adam.beta1 + (1.0 - adam.beta1);
            self.second = self.second * adam.beta2 + (1.0 - adam.beta2);
        }
    }

    /// The corrections after `steps` steps: the recurrence until it stands still.
    pub(crate) fn after<const KINDS: u32>(steps: u64, optimizer: &Optimizer) -> Self {
        let mut corrections = Self::default();
        for _ in 0..steps {
            let before = corrections;
            corrections.advance::<KINDS>(optimizer);
            if before == corrections {
                break;
            }
        }
        corrections
    }
}

/// The numbers of one optimizer step, the same for every weight of the network.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    optimizer: Optimizer,
    clip: Option<f32>,
    /// L2 weight decay: decay · w is added to the clipped gradient.
    decay: f32,
    /// What is left of weights and of feedback that follows, before the update is added: 1 − λ.
    keep: f32,
    /// rate / (1 − β1ᵗ).
    rate: f32,
    /// 1 / √(1 − β2ᵗ).
    scale: f32,
}

impl Rule {
    /// The numbers of step number `step`, counted from 1; `clip` limits each element of hᵀG.
    ///
    /// A trainer makes its own rules; this one is for those who call a kernel set by itself.
    pub fn at(optimizer: Optimizer, clip: Option<f32>, step: u64) -> Self {
        Self::new::<{ kinds::ALL }>(optimizer, clip, Corrections::after::<{ kinds::ALL }>(step, &optimizer))
    }

    pub(crate) fn new<const KINDS: u32>(optimizer: Optimizer, clip: Option<f32>, corrections: Corrections) -> Self {
        let (mut rate, mut scale) = (optimizer.rate(), 1.0);
        if has::<KINDS>(kinds::ADAM) && matches!(optimizer, Optimizer::Adam(_)) {
            rate /= corrections.first;
            scale = 1.0 / libm::sqrtf(corrections.second);
        }
        Self { optimizer, clip, decay: 0.0, keep: 1.0, rate, scale }
    }

    /// The same step with L2 weight decay: decay · w is added to the clipped gradient.
    #[must_use]
    pub fn decay(mut self, decay: f32) -> Self {
        self.decay = decay;
        self
    }

    /// The same step after weights, and feedback that follows them, have shrunk by `share`.
    #[must_use]
    pub fn shrink(mut self, share: f32) -> Self {
        self.keep = 1.0 - share;
        self
    }

    /// What the weights `w` receive for their gradients `g`; moves their first and second moments.
    #[inline(always)]
    fn delta<A: Arithmetic, const KINDS: u32, const KIND: u32, const DECAYS: bool, const N: usize>(
        &self,
        w: [f32; N],
        g: [f32; N],
        (m, v): &mut ([f32; N], [f32; N]),
    ) -> [f32; N] {
        let (rate, limit) = (self.rate, self.clip.unwrap_or(f32::INFINITY));
        let g: [f32; N] = each(|i| if has::<KINDS>(kinds::CLIP) { clip(g[i], limit) } else { g[i] });
        let g: [f32; N] = each(|i| if DECAYS { A::mul_add(self.decay, w[i], g[i]) } else { g[i] });
        match self.optimizer {
            Optimizer::Sgd(_) if KIND == kinds::SGD => each(|i| -(rate * g[i])),
            Optimizer::Momentum(Momentum { momentum, .. }) if KIND == kinds::MOMENTUM => {
                *m = each(|i| A::flush(A::mul_add(momentum, m[i], g[i])));
                each(|i| -(rate * m[i]))
            }
            Optimizer::Nesterov(Momentum { momentum, .. }) if KIND == kinds::MOMENTUM => {
                *m = each(|i| A::flush(A::mul_add(momentum, m[i], g[i])));
                each(|i| -(rate * A::mul_add(momentum, m[i], g[i])))
            }
            Optimizer::Adam(Adam { beta1, beta2, epsilon, .. }) if KIND == kinds::ADAM => {
                let (rest1, rest2) = (1.0 - beta1, 1.0 - beta2);
                *m = each(|i| A::flush(A::mul_add(beta1, m[i], rest1 * g[i])));
                *v = each(|i| A::mul_add(beta2, v[i], (rest2 * g[i]) * g[i]));
                each(|i| -(rate * m[i]) / A::mul_add(A::sqrt(v[i]), self.scale, epsilon))
            }
            _ => [0.0; N],
        }
    }

    /// The same step for biases: clipping, decay and shrinking are for weights (report section 5).
    #[must_use]
    pub(crate) fn unclipped(mut self) -> Self {
        (self.clip, self.decay, self.keep) = (None, 0.0, 1.0);
        self
    }
}

/// Where a gradient goes: into some neighbouring weights, their optimizer state, and their updated feedback.
#[derive(Debug)]
pub struct Update<'a> {
    pub(crate) rule: Rule,
    pub(crate) weight: &'a mut [f32],
    /// Velocity or first moment; empty without.
    pub(crate) first: &'a mut [f32],
    /// Second moment; empty without.
    pub(crate) second: &'a mut [f32],
    /// Feedback that receives the same update; empty without.
    pub(crate) feedback: &'a mut [f32],
}

impl<'a> Update<'a> {
    /// An update of `weight` by `rule`.
    ///
    /// `first` is the velocity or first moment, `second` the second moment, `feedback` what receives the same update:
    /// each as long as `weight`, or empty where the optimizer keeps none or no feedback follows.
    pub fn new(
        rule: Rule,
        weight: &'a mut [f32],
        first: &'a mut [f32],
        second: &'a mut [f32],
        feedback: &'a mut [f32],
    ) -> Self {
        Self { rule, weight, first, second, feedback }
    }

    /// Splits off the first `weights` weights, for another thread.
    pub fn split(self, weights: usize) -> (Update<'a>, Update<'a>) {
        let (weight, weight_rest) = split(self.weight, weights);
        let (first, first_rest) = split(self.first, weights);
        let (second, second_rest) = split(self.second, weights);
        let (feedback, feedback_rest) = split(self.feedback, weights);
        let rule = self.rule;
        (
            Update { rule, weight, first, second, feedback },
            Update { rule, weight: weight_rest, first: first_rest, second: second_rest, feedback: feedback_rest },
        )
    }

    /// The rate of plain gradient descent, which keeps no state: w ← w − rate · g is all of it.
    pub(crate) fn plain<const KINDS: u32>(&self) -> Option<f32> {
        let clips = has::<KINDS>(kinds::CLIP) && self.rule.clip.is_some();
        let follows = has::<KINDS>(kinds::UPDATED) && !self.feedback.is_empty();
        // An image of this optimizer alone needs no look at which it is, and holds nothing for the others.
        let plain = !has::<KINDS>(kinds::MOMENTUM | kinds::ADAM) || matches!(self.rule.optimizer, Optimizer::Sgd(_));
        let alone = !clips && !follows && !self.decays::<KINDS>();
        (has::<KINDS>(kinds::SGD) && plain && alone).then_some(self.rule.rate)
    }

    /// Whether the weights themselves are part of their update.
    #[inline(always)]
    fn decays<const KINDS: u32>(&self) -> bool {
        has::<KINDS>(kinds::SHRINK) && self.rule.keep < 1.0 || has::<KINDS>(kinds::DECAY) && self.rule.decay > 0.0
    }

    /// Applies the gradients of the weights from `at` on, in vectors of `WIDTH` as far as they go.
    #[inline(always)]
    pub fn apply<A: Arithmetic, const KINDS: u32, const WIDTH: usize>(&mut self, at: usize, gradient: &[f32]) {
        let (vectors, rest) = gradient.as_chunks::<WIDTH>();
        self.feed::<A, KINDS, WIDTH>(at, vectors.iter().copied());
        if WIDTH > 1 && !rest.is_empty() {
            let from = at + vectors.len() * WIDTH;
            self.feed::<A, KINDS, 1>(from, rest.as_chunks().0.iter().copied());
        }
    }

    /// [`Update::apply`]; asks the memory for what an update `ahead` weights further meets, if there is to be one.
    #[inline(always)]
    pub(crate) fn apply_asking<A: Arithmetic, const KINDS: u32, const WIDTH: usize>(
        &mut self,
        at: usize,
        ahead: Option<usize>,
        gradient: &[f32],
    ) {
        if let Some(ahead) = ahead {
            self.ask::<A>(at + ahead, gradient.len());
        }
        self.apply::<A, KINDS, WIDTH>(at, gradient);
    }

    /// Asks the memory for what an update of `count` weights from `at` on meets.
    #[inline(always)]
    pub(crate) fn ask<A: Arithmetic>(&self, at: usize, count: usize) {
        for numbers in self.met(at, count) {
            A::prefetch(numbers);
        }
    }

    /// What an update of up to `count` weights from `at` on meets: weights, moments, feedback.
    #[inline(always)]
    pub(crate) fn met(&self, at: usize, count: usize) -> [&[f32]; 4] {
        [&*self.weight, &*self.first, &*self.second, &*self.feedback]
            .map(|numbers| numbers.get(at..numbers.len().min(at + count)).unwrap_or(&[]))
    }

    /// [`Update::apply`] of gradients that are made while they are used, `N` neighbours at a time.
    #[inline(always)]
    pub(crate) fn feed<A: Arithmetic, const KINDS: u32, const N: usize>(
        &mut self,
        at: usize,
        gradient: impl ExactSizeIterator<Item = [f32; N]>,
    ) {
        // A copy each for what is asked once, so that no loop asks again.
        let rule = self.rule;
        match (rule.optimizer.kind(), self.decays::<KINDS>()) {
            (kinds::SGD, false) if has::<KINDS>(kinds::SGD) => {
                self.feed_as::<A, KINDS, { kinds::SGD }, false, N>(at, gradient);
            }
            (kinds::SGD, true) if has::<KINDS>(kinds::SGD) => {
                self.feed_as::<A, KINDS, { kinds::SGD }, true, N>(at, gradient);
            }
            (kinds::MOMENTUM, false) if has::<KINDS>(kinds::MOMENTUM) => {
                self.feed_as::<A, KINDS, { kinds::MOMENTUM }, false, N>(at, gradient);
            }
            (kinds::MOMENTUM, true) if has::<KINDS>(kinds::MOMENTUM) => {
                self.feed_as::<A, KINDS, { kinds::MOMENTUM }, true, N>(at, gradient);
            }
            (_, false) if has::<KINDS>(kinds::ADAM) => {
                self.feed_as::<A, KINDS, { kinds::ADAM }, false, N>(at, gradient);
            }
            (_, true) if has::<KINDS>(kinds::ADAM) => {
                self.feed_as::<A, KINDS, { kinds::ADAM }, true, N>(at, gradient);
            }
            _ => {}
        }
    }

    /// [`Update::feed`] with an optimizer of one kind; with `DECAYS`, decay · w is added to the clipped gradients, and what
    /// is kept of the weights and of the feedback that follows them receives the update.
    #[inline(always)]
    fn feed_as<A: Arithmetic, const KINDS: u32, const KIND: u32, const DECAYS: bool, const N: usize>(
        &mut self,
        at: usize,
        gradient: impl ExactSizeIterator<Item = [f32; N]>,
    ) {
        let count = gradient.len();
        let weights = window(self.weight, at, count).iter_mut().zip(gradient);
        let first = window(self.first, at, count).iter_mut();
        let second = window(self.second, at, count).iter_mut();
        let feedback = window(self.feedback, at, count).iter_mut();
        let mut place = Place { rule: self.rule, feedback };
        let (no_first, no_second) = (&mut [0.0; N], &mut [0.0; N]);
        // Loops, because a closure may be compiled without the vector instructions of its caller.
        if KIND == kinds::ADAM {
            for (((w, g), m), v) in weights.zip(first).zip(second) {
                place.add::<A, KINDS, KIND, DECAYS>(w, g, m, v);
            }
        } else if KIND == kinds::MOMENTUM {
            for ((w, g), m) in weights.zip(first) {
                place.add::<A, KINDS, KIND, DECAYS>(w, g, m, no_second);
            }
        } else {
            for (w, g) in weights {
                place.add::<A, KINDS, KIND, DECAYS>(w, g, no_first, no_second);
            }
        }
    }
}

/// Where updates arrive.
struct Place<'a, const N: usize> {
    rule: Rule,
    feedback: core::slice::IterMut<'a, [f32; N]>,
}

impl<const N: usize> Place<'_, N> {
    /// Adds the update for the gradients `g` to the weights `w`, and the very same floats to the feedback that follows them.
    #[inline(always)]
    fn add<A: Arithmetic, const KINDS: u32, const KIND: u32, const DECAYS: bool>(
        &mut self,
        w: &mut [f32; N],
        g: [f32; N],
        m: &mut [f32; N],
        v: &mut [f32; N],
    ) {
        let keep = |number: f32| if DECAYS { self.rule.keep * number } else { number };
        // Copies, because the compiler does not make vectors of what may overlap.
        let mut moments = (*m, *v);
        let delta = self.rule.delta::<A, KINDS, KIND, DECAYS, N>(*w, g, &mut moments);
        *w = each(|i| keep(w[i]) + delta[i]);
        (*m, *v) = moments;
        if has::<KINDS>(kinds::UPDATED)
            && let Some(b) = self.feedback.next()
        {
            *b = each(|i| keep(b[i]) + delta[i]);
        }
    }
}

/// `g` within [-limit, limit]; what is no number stays none.
#[inline(always)]
fn clip(g: f32, limit: f32) -> f32 {
    let g = if g > limit { limit } else { g };
    if g < -limit { -limit } else { g }
}

/// `N` neighbours: all are computed before any is stored, so that they fit a vector.
#[inline(always)]
fn each<const N: usize>(number: impl Fn(usize) -> f32) -> [f32; N] {
    let mut numbers = [0.0; N];
    for (i, place) in numbers.iter_mut().enumerate() {
        *place = number(i);
    }
    numbers
}

/// The next `count` groups of `N` numbers from number `at` on; none where there are fewer.
#[inline(always)]
fn window<const N: usize>(numbers: &mut [f32], at: usize, count: usize) -> &mut [[f32; N]] {
    numbers.get_mut(at..at + count * N).unwrap_or(&mut []).as_chunks_mut().0
}

fn split(numbers: &mut [f32], at: usize) -> (&mut [f32], &mut [f32]) {
    let at = at.min(numbers.len());
    numbers.split_at_mut_checked(at).unwrap_or((&mut [], &mut []))
}
