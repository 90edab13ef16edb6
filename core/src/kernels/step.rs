//! The coefficients of one optimizer step, and the update of `N` neighbouring weights that follows from them.

use crate::arithmetic::Arithmetic;
use crate::capabilities::{self, ALL, enabled};
use crate::network::{Adam, Momentum, Optimizer, RmsProp};

/// 1 − β1ᵗ and 1 − β2ᵗ, carried from step to step.
///
/// The recurrence c ← c·β + (1 − β) has no cancellation; in f32 it ends within ½·2⁻²⁴ / (1 − β) of 1, 3e-5 for β = 0.999.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Corrections {
    first: f32,
    second: f32,
}

impl Corrections {
    pub(crate) fn advance<const CAPS: u32>(&mut self, optimizer: &Optimizer) {
        if enabled::<CAPS>(capabilities::ADAM)
            && let Optimizer::Adam(adam) = optimizer
        {
            self.first = self.first * adam.beta1 + (1.0 - adam.beta1);
            self.second = self.second * adam.beta2 + (1.0 - adam.beta2);
        }
    }

    /// The corrections after `steps` steps. The loop ends early where the recurrence has converged.
    pub(crate) fn after<const CAPS: u32>(steps: u64, optimizer: &Optimizer) -> Self {
        let mut corrections = Self::default();
        for _ in 0..steps {
            let before = corrections;
            corrections.advance::<CAPS>(optimizer);
            if before == corrections {
                break;
            }
        }
        corrections
    }
}

/// The coefficients of one optimizer step, the same for every weight of the network.
#[derive(Clone, Copy, Debug)]
pub struct StepCoefficients {
    pub(super) optimizer: Optimizer,
    pub(super) clip: Option<f32>,
    /// L2 weight decay: decay · w is added to the clipped gradient.
    pub(super) decay: f32,
    /// The factor of weights and of feedback that follows them before the update is added: 1 − λ.
    pub(super) retain: f32,
    /// rate / (1 − β1ᵗ).
    pub(super) rate: f32,
    /// 1 / √(1 − β2ᵗ).
    scale: f32,
}

impl StepCoefficients {
    /// The coefficients of step `step`, counted from 1; `clip` limits each element of hᵀG.
    ///
    /// A trainer computes its own; this function is for calling a kernel set by itself.
    pub fn at(optimizer: Optimizer, clip: Option<f32>, step: u64) -> Self {
        Self::new::<ALL>(optimizer, clip, Corrections::after::<ALL>(step, &optimizer))
    }

    pub(crate) fn new<const CAPS: u32>(optimizer: Optimizer, clip: Option<f32>, corrections: Corrections) -> Self {
        let (mut rate, mut scale) = (optimizer.rate(), 1.0);
        if enabled::<CAPS>(capabilities::ADAM) && matches!(optimizer, Optimizer::Adam(_)) {
            rate /= corrections.first;
            scale = 1.0 / libm::sqrtf(corrections.second);
        }
        Self { optimizer, clip, decay: 0.0, retain: 1.0, rate, scale }
    }

    /// Adds L2 weight decay: decay · w is added to the clipped gradient.
    #[must_use]
    pub fn decay(mut self, decay: f32) -> Self {
        self.decay = decay;
        self
    }

    /// Multiplies weights, and feedback that follows them, by 1 − `lambda` before the update is added.
    #[must_use]
    pub fn retaining(mut self, lambda: f32) -> Self {
        self.retain = 1.0 - lambda;
        self
    }

    /// The coefficients for biases: clipping and decay are for weights (report section 5).
    #[must_use]
    pub(crate) fn for_biases(mut self) -> Self {
        (self.clip, self.decay, self.retain) = (None, 0.0, 1.0);
        self
    }

    /// Multiplies the learning rate by `factor`.
    #[must_use]
    pub(crate) fn scale_rate(mut self, factor: f32) -> Self {
        self.rate *= factor;
        self
    }

    /// The update of the weights `w` for their gradients `g`; advances their optimizer state: first and second moments, or what the
    /// optimizer has in place of the first.
    ///
    /// `OPTIMIZER` is the capability of the optimizer in use, so that the loop around this function does not branch on it.
    #[inline(always)]
    pub(super) fn delta<A: Arithmetic, const CAPS: u32, const OPTIMIZER: u32, const DECAYS: bool, const N: usize>(
        &self,
        w: [f32; N],
        g: [f32; N],
        (m, v): &mut ([f32; N], [f32; N]),
    ) -> [f32; N] {
        let (rate, limit) = (self.rate, self.clip.unwrap_or(f32::INFINITY));
        let g: [f32; N] = each(|i| if enabled::<CAPS>(capabilities::CLIP) { clip(g[i], limit) } else { g[i] });
        let g: [f32; N] = each(|i| if DECAYS { A::mul_add(self.decay, w[i], g[i]) } else { g[i] });
        match self.optimizer {
            Optimizer::Sgd(_) if OPTIMIZER == capabilities::SGD => each(|i| -(rate * g[i])),
            Optimizer::Momentum(Momentum { momentum, .. }) if OPTIMIZER == capabilities::MOMENTUM => {
                *m = each(|i| A::flush(A::mul_add(momentum, m[i], g[i])));
                each(|i| -(rate * m[i]))
            }
            Optimizer::Nesterov(Momentum { momentum, .. }) if OPTIMIZER == capabilities::MOMENTUM => {
                *m = each(|i| A::flush(A::mul_add(momentum, m[i], g[i])));
                each(|i| -(rate * A::mul_add(momentum, m[i], g[i])))
            }
            Optimizer::Adam(Adam { beta1, beta2, epsilon, .. }) if OPTIMIZER == capabilities::ADAM => {
                let (rest1, rest2) = (1.0 - beta1, 1.0 - beta2);
                *m = each(|i| A::flush(A::mul_add(beta1, m[i], rest1 * g[i])));
                *v = each(|i| A::mul_add(beta2, v[i], (rest2 * g[i]) * g[i]));
                each(|i| -(rate * m[i]) / A::mul_add(A::sqrt(v[i]), self.scale, epsilon))
            }
            Optimizer::RmsProp(RmsProp { alpha, epsilon, .. }) if OPTIMIZER == capabilities::RMSPROP => {
                let rest = 1.0 - alpha;
                *m = each(|i| A::mul_add(alpha, A::flush(m[i]), (rest * g[i]) * g[i]));
                each(|i| -(rate * g[i]) / (A::sqrt(m[i]) + epsilon))
            }
            Optimizer::Sgd(_)
            | Optimizer::Momentum(_)
            | Optimizer::Nesterov(_)
            | Optimizer::Adam(_)
            | Optimizer::RmsProp(_) => [0.0; N],
        }
    }
}

/// `g` within [-limit, limit]; NaN stays NaN.
#[inline(always)]
fn clip(g: f32, limit: f32) -> f32 {
    let g = if g > limit { limit } else { g };
    if g < -limit { -limit } else { g }
}

/// `N` values, all computed before any is used, so that they fit a vector.
#[inline(always)]
pub(super) fn each<const N: usize>(value: impl Fn(usize) -> f32) -> [f32; N] {
    let mut values = [0.0; N];
    for (i, to) in values.iter_mut().enumerate() {
        *to = value(i);
    }
    values
}
