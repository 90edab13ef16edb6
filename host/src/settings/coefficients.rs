//! The coefficients of an optimizer beside its learning rate.

use asymgrad_core::{Adam, Momentum, Optimizer, RmsProp};
use clap::Args;

use super::values::{fraction, positive};

/// Coefficients of an optimizer; `None` is the optimizer's own, or of a coefficient that it lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Args)]
pub struct Coefficients {
    /// momentum and nesterov: factor of the velocity in each step, below 1 [default: 0.9]
    #[arg(long, value_name = "X", value_parser = fraction, allow_negative_numbers = true)]
    pub momentum: Option<f32>,
    /// adam: decay rate of the mean of the gradients, below 1 [default: 0.9]
    #[arg(long, value_name = "X", value_parser = fraction, allow_negative_numbers = true)]
    pub beta1: Option<f32>,
    /// adam: decay rate of the mean of the squared gradients, below 1 [default: 0.999]
    #[arg(long, value_name = "X", value_parser = fraction, allow_negative_numbers = true)]
    pub beta2: Option<f32>,
    /// rmsprop: decay rate of the mean of the squared gradients, below 1 [default: 0.99]
    #[arg(long, value_name = "X", value_parser = fraction, allow_negative_numbers = true)]
    pub alpha: Option<f32>,
    /// adam and rmsprop: added to the root of the mean of the squared gradients [default: 1e-8]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    pub epsilon: Option<f32>,
}

impl Coefficients {
    /// These, and `other`'s where there are none.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let Self { momentum, beta1, beta2, alpha, epsilon } = self;
        Self {
            momentum: momentum.or(other.momentum),
            beta1: beta1.or(other.beta1),
            beta2: beta2.or(other.beta2),
            alpha: alpha.or(other.alpha),
            epsilon: epsilon.or(other.epsilon),
        }
    }

    /// Those that an optimizer has.
    pub fn of(optimizer: Optimizer) -> Self {
        match optimizer {
            Optimizer::Momentum(Momentum { momentum, .. }) | Optimizer::Nesterov(Momentum { momentum, .. }) => {
                Self { momentum: Some(momentum), ..Self::default() }
            }
            Optimizer::Adam(Adam { beta1, beta2, epsilon, .. }) => {
                Self { beta1: Some(beta1), beta2: Some(beta2), epsilon: Some(epsilon), ..Self::default() }
            }
            Optimizer::RmsProp(RmsProp { alpha, epsilon, .. }) => {
                Self { alpha: Some(alpha), epsilon: Some(epsilon), ..Self::default() }
            }
            _ => Self::default(),
        }
    }

    /// The optimizer with those of these coefficients that it has.
    pub fn apply(&self, mut optimizer: Optimizer) -> Optimizer {
        let set = |own: &mut f32, chosen: Option<f32>| *own = chosen.unwrap_or(*own);
        match &mut optimizer {
            Optimizer::Momentum(own) | Optimizer::Nesterov(own) => set(&mut own.momentum, self.momentum),
            Optimizer::Adam(own) => {
                set(&mut own.beta1, self.beta1);
                set(&mut own.beta2, self.beta2);
                set(&mut own.epsilon, self.epsilon);
            }
            Optimizer::RmsProp(own) => {
                set(&mut own.alpha, self.alpha);
                set(&mut own.epsilon, self.epsilon);
            }
            _ => {}
        }
        optimizer
    }

    /// Each with its name on the command line and in `config.json`.
    pub fn named(&self) -> [(&'static str, Option<f32>); 5] {
        [
            ("momentum", self.momentum),
            ("beta1", self.beta1),
            ("beta2", self.beta2),
            ("alpha", self.alpha),
            ("epsilon", self.epsilon),
        ]
    }
}
