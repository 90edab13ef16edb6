//! Applies gradients to weights, to their optimizer state, and to feedback that receives the same increments.
//!
//! A gradient is applied as it is computed, some neighbouring weights at a time, and is not stored beyond its pass.
//!
//! This is where `(R*)` and `(KP)` change B: the feedback receives the same increments as the weights, bit for bit.

use super::step::{StepCoefficients, each};
use crate::arithmetic::Arithmetic;
use crate::capabilities::{self, enabled};
use crate::network::Optimizer;

/// Some neighbouring weights, their optimizer state and feedback, to be updated by one step.
#[derive(Debug)]
pub struct Update<'a> {
    pub(crate) step: StepCoefficients,
    pub(crate) weight: &'a mut [f32],
    /// Velocity, first moment, or RMSprop's mean of the squared gradients; empty for plain SGD.
    pub(crate) first: &'a mut [f32],
    /// Second moment; empty but for Adam.
    pub(crate) second: &'a mut [f32],
    /// Feedback that receives the same update; empty without.
    pub(crate) feedback: &'a mut [f32],
}

impl<'a> Update<'a> {
    /// An update of `weight` by one step.
    ///
    /// `first` is the velocity, the first moment or RMSprop's mean of the squared gradients, `second` the second moment, `feedback` the feedback that receives the same
    /// increments. Each is as long as `weight`, or empty where the optimizer or the rule has none.
    pub fn new(
        step: StepCoefficients,
        weight: &'a mut [f32],
        first: &'a mut [f32],
        second: &'a mut [f32],
        feedback: &'a mut [f32],
    ) -> Self {
        Self { step, weight, first, second, feedback }
    }

    /// Splits off the first `weights` weights, for another thread.
    pub fn split(self, weights: usize) -> (Update<'a>, Update<'a>) {
        let (weight, weight_rest) = split_or_empty(self.weight, weights);
        let (first, first_rest) = split_or_empty(self.first, weights);
        let (second, second_rest) = split_or_empty(self.second, weights);
        let (feedback, feedback_rest) = split_or_empty(self.feedback, weights);
        let step = self.step;
        (
            Update { step, weight, first, second, feedback },
            Update { step, weight: weight_rest, first: first_rest, second: second_rest, feedback: feedback_rest },
        )
    }

    /// The rate, if the update is w ← w − rate · g and nothing else.
    pub(crate) fn plain_rate<const CAPS: u32>(&self) -> Option<f32> {
        let clips = enabled::<CAPS>(capabilities::CLIP) && self.step.clip.is_some();
        let follows = enabled::<CAPS>(capabilities::UPDATED) && !self.feedback.is_empty();
        // An image of this optimizer alone needs no branch and holds no code of the others.
        let alone = !enabled::<CAPS>(capabilities::STATES);
        let plain = alone || matches!(self.step.optimizer, Optimizer::Sgd(_));
        let simple = !clips && !follows && !self.decays::<CAPS>();
        (enabled::<CAPS>(capabilities::SGD) && plain && simple).then_some(self.step.rate)
    }

    /// Whether the update depends on the weights themselves.
    #[inline(always)]
    fn decays<const CAPS: u32>(&self) -> bool {
        enabled::<CAPS>(capabilities::KP_DECAY) && self.step.retain < 1.0
            || enabled::<CAPS>(capabilities::DECAY) && self.step.decay > 0.0
    }

    /// Applies the gradients of the weights from `at` on, in vectors of `LANES` as far as they go.
    #[inline(always)]
    pub fn apply<A: Arithmetic, const CAPS: u32, const LANES: usize>(&mut self, at: usize, gradient: &[f32]) {
        let (vectors, rest) = gradient.as_chunks::<LANES>();
        self.apply_iter::<A, CAPS, LANES>(at, vectors.iter().copied());
        if LANES > 1 && !rest.is_empty() {
            let from = at + vectors.len() * LANES;
            self.apply_iter::<A, CAPS, 1>(from, rest.as_chunks().0.iter().copied());
        }
    }

    /// [`Update::apply`], after prefetching the operands of the update `prefetch_distance` weights further on, if there is one.
    #[inline(always)]
    pub(crate) fn apply_prefetching<A: Arithmetic, const CAPS: u32, const LANES: usize>(
        &mut self,
        at: usize,
        prefetch_distance: Option<usize>,
        gradient: &[f32],
    ) {
        if let Some(distance) = prefetch_distance {
            self.prefetch::<A>(at + distance, gradient.len());
        }
        self.apply::<A, CAPS, LANES>(at, gradient);
    }

    /// Prefetches the operands of an update of the weights `at..at + count`.
    #[inline(always)]
    pub(crate) fn prefetch<A: Arithmetic>(&self, at: usize, count: usize) {
        for values in self.operands(at, count) {
            A::prefetch(values);
        }
    }

    /// The slices that an update of the weights `at..at + count` touches: weights, moments, feedback; shorter at their end.
    #[inline(always)]
    pub(crate) fn operands(&self, at: usize, count: usize) -> [&[f32]; 4] {
        [&*self.weight, &*self.first, &*self.second, &*self.feedback]
            .map(|values| values.get(at..values.len().min(at + count)).unwrap_or(&[]))
    }

    /// [`Update::apply`] of gradients that are computed while they are used, `N` neighbours at a time.
    #[inline(always)]
    pub(crate) fn apply_iter<A: Arithmetic, const CAPS: u32, const N: usize>(
        &mut self,
        at: usize,
        gradient: impl ExactSizeIterator<Item = [f32; N]>,
    ) {
        // One copy of the loop for each case, so that no loop branches on it.
        let decays = self.decays::<CAPS>();
        match self.step.optimizer {
            Optimizer::Sgd(_) if enabled::<CAPS>(capabilities::SGD) => {
                if decays {
                    self.apply_loop::<A, CAPS, { capabilities::SGD }, true, N>(at, gradient);
                } else {
                    self.apply_loop::<A, CAPS, { capabilities::SGD }, false, N>(at, gradient);
                }
            }
            Optimizer::Momentum(_) | Optimizer::Nesterov(_) if enabled::<CAPS>(capabilities::MOMENTUM) => {
                if decays {
                    self.apply_loop::<A, CAPS, { capabilities::MOMENTUM }, true, N>(at, gradient);
                } else {
                    self.apply_loop::<A, CAPS, { capabilities::MOMENTUM }, false, N>(at, gradient);
                }
            }
            Optimizer::Adam(_) if enabled::<CAPS>(capabilities::ADAM) => {
                if decays {
                    self.apply_loop::<A, CAPS, { capabilities::ADAM }, true, N>(at, gradient);
                } else {
                    self.apply_loop::<A, CAPS, { capabilities::ADAM }, false, N>(at, gradient);
                }
            }
            Optimizer::RmsProp(_) if enabled::<CAPS>(capabilities::RMSPROP) => {
                if decays {
                    self.apply_loop::<A, CAPS, { capabilities::RMSPROP }, true, N>(at, gradient);
                } else {
                    self.apply_loop::<A, CAPS, { capabilities::RMSPROP }, false, N>(at, gradient);
                }
            }
            Optimizer::Sgd(_)
            | Optimizer::Momentum(_)
            | Optimizer::Nesterov(_)
            | Optimizer::Adam(_)
            | Optimizer::RmsProp(_) => {}
        }
    }

    /// [`Update::apply_iter`] for one optimizer; with `DECAYS`, decay · w is added to the clipped gradients, and weights and
    /// feedback are multiplied by what they retain.
    #[inline(always)]
    fn apply_loop<A: Arithmetic, const CAPS: u32, const OPTIMIZER: u32, const DECAYS: bool, const N: usize>(
        &mut self,
        at: usize,
        gradient: impl ExactSizeIterator<Item = [f32; N]>,
    ) {
        let count = gradient.len();
        let weights = vectors(self.weight, at, count).iter_mut().zip(gradient);
        let first = vectors(self.first, at, count).iter_mut();
        let second = vectors(self.second, at, count).iter_mut();
        let feedback = vectors(self.feedback, at, count).iter_mut();
        let mut writer = WeightWriter { step: self.step, feedback };
        let (no_first, no_second) = (&mut [0.0; N], &mut [0.0; N]);
        // Loops, because the compiler may build a closure without the vector instructions of its caller.
        if OPTIMIZER == capabilities::ADAM {
            for (((w, g), m), v) in weights.zip(first).zip(second) {
                writer.add::<A, CAPS, OPTIMIZER, DECAYS>(w, g, m, v);
            }
        } else if OPTIMIZER == capabilities::MOMENTUM || OPTIMIZER == capabilities::RMSPROP {
            for ((w, g), m) in weights.zip(first) {
                writer.add::<A, CAPS, OPTIMIZER, DECAYS>(w, g, m, no_second);
            }
        } else {
            for (w, g) in weights {
                writer.add::<A, CAPS, OPTIMIZER, DECAYS>(w, g, no_first, no_second);
            }
        }
    }
}

/// Writes weights, and the feedback that receives the same increments.
struct WeightWriter<'a, const N: usize> {
    step: StepCoefficients,
    feedback: core::slice::IterMut<'a, [f32; N]>,
}

impl<const N: usize> WeightWriter<'_, N> {
    /// Adds the update for the gradients `g` to the weights `w`, and the same increments to the feedback, if there is any.
    #[inline(always)]
    fn add<A: Arithmetic, const CAPS: u32, const OPTIMIZER: u32, const DECAYS: bool>(
        &mut self,
        w: &mut [f32; N],
        g: [f32; N],
        m: &mut [f32; N],
        v: &mut [f32; N],
    ) {
        let retained = |value: f32| if DECAYS { self.step.retain * value } else { value };
        // Copies, because the compiler does not vectorise what may overlap.
        let mut moments = (*m, *v);
        let delta = self.step.delta::<A, CAPS, OPTIMIZER, DECAYS, N>(*w, g, &mut moments);
        *w = each(|i| retained(w[i]) + delta[i]);
        (*m, *v) = moments;
        if enabled::<CAPS>(capabilities::UPDATED)
            && let Some(b) = self.feedback.next()
        {
            *b = each(|i| retained(b[i]) + delta[i]);
        }
    }
}

/// The next `count` vectors of `N` values from `at` on; none where there are fewer.
#[inline(always)]
fn vectors<const N: usize>(values: &mut [f32], at: usize, count: usize) -> &mut [[f32; N]] {
    values.get_mut(at..at + count * N).unwrap_or(&mut []).as_chunks_mut().0
}

/// The first `at` values and the rest; all if there are fewer.
fn split_or_empty(values: &mut [f32], at: usize) -> (&mut [f32], &mut [f32]) {
    let at = at.min(values.len());
    values.split_at_mut_checked(at).unwrap_or((&mut [], &mut []))
}
