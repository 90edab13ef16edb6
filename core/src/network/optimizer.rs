//! Optimizers and their coefficients. `kernels/step.rs` computes the updates.

use crate::capabilities;
use crate::checks::{CoefficientError, fraction, positive, require};

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
    /// Momentum coefficient: the factor of the velocity in each step, in [0, 1).
    pub momentum: f32,
}

impl Momentum {
    /// Rate 1e-2, momentum 0.9.
    pub const DEFAULT: Self = Self { rate: 1e-2, momentum: 0.9 };
}

/// Adam (Kingma and Ba 2015), ε outside the square root.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Adam {
    /// Learning rate.
    pub rate: f32,
    /// Decay rate of the first moment, the mean of the gradients, in [0, 1).
    pub beta1: f32,
    /// Decay rate of the second moment, the mean of the squared gradients, in [0, 1).
    pub beta2: f32,
    /// Added to the square root of the second moment, above 0: the second moment of a gradient that is always 0 is 0.
    pub epsilon: f32,
}

impl Adam {
    /// Rate 1e-3, β 0.9 and 0.999, ε 1e-8.
    pub const DEFAULT: Self = Self { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
}

/// RMSprop (Tieleman and Hinton 2012), as `torch.optim.RMSprop`: ε outside the square root, without momentum.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RmsProp {
    /// Learning rate.
    pub rate: f32,
    /// Decay rate of the mean of the squared gradients, in [0, 1).
    pub alpha: f32,
    /// Added to the square root of the mean of the squared gradients, above 0.
    pub epsilon: f32,
}

impl RmsProp {
    /// Rate 1e-2, α 0.99, ε 1e-8.
    pub const DEFAULT: Self = Self { rate: 1e-2, alpha: 0.99, epsilon: 1e-8 };
}

/// An optimizer with its coefficients.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Optimizer {
    /// w ← w − rate · g.
    Sgd(Sgd),
    /// m ← momentum · m + g, w ← w − rate · m.
    Momentum(Momentum),
    /// m ← momentum · m + g, w ← w − rate · (g + momentum · m), as in PyTorch.
    Nesterov(Momentum),
    /// m ← β1 · m + (1 − β1) · g, v ← β2 · v + (1 − β2) · g², w ← w − rate · m̂ / (√v̂ + ε) with m̂ = m / (1 − β1ᵗ) and
    /// v̂ = v / (1 − β2ᵗ).
    Adam(Adam),
    /// v ← α · v + (1 − α) · g², w ← w − rate · g / (√v + ε).
    RmsProp(RmsProp),
}

impl Optimizer {
    /// Every optimizer with its default coefficients.
    pub const DEFAULTS: [Self; 5] = [
        Self::Sgd(Sgd::DEFAULT),
        Self::Momentum(Momentum::DEFAULT),
        Self::Nesterov(Momentum::DEFAULT),
        Self::Adam(Adam::DEFAULT),
        Self::RmsProp(RmsProp::DEFAULT),
    ];

    /// The name on the command line and in files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sgd(_) => "sgd",
            Self::Momentum(_) => "momentum",
            Self::Nesterov(_) => "nesterov",
            Self::Adam(_) => "adam",
            Self::RmsProp(_) => "rmsprop",
        }
    }

    /// The learning rate.
    pub const fn rate(&self) -> f32 {
        match self {
            Self::Sgd(Sgd { rate })
            | Self::Momentum(Momentum { rate, .. })
            | Self::Nesterov(Momentum { rate, .. })
            | Self::Adam(Adam { rate, .. })
            | Self::RmsProp(RmsProp { rate, .. }) => *rate,
        }
    }

    /// The same optimizer with another learning rate.
    #[must_use]
    pub const fn with_rate(mut self, value: f32) -> Self {
        match &mut self {
            Self::Sgd(Sgd { rate })
            | Self::Momentum(Momentum { rate, .. })
            | Self::Nesterov(Momentum { rate, .. })
            | Self::Adam(Adam { rate, .. })
            | Self::RmsProp(RmsProp { rate, .. }) => *rate = value,
        }
        self
    }

    /// Values of optimizer state for each parameter: 0, 1 or 2.
    pub const fn states(&self) -> usize {
        match self {
            Self::Sgd(_) => 0,
            Self::Momentum(_) | Self::Nesterov(_) | Self::RmsProp(_) => 1,
            Self::Adam(_) => 2,
        }
    }

    pub(crate) const fn capability(&self) -> u32 {
        match self {
            Self::Sgd(_) => capabilities::SGD,
            Self::Momentum(_) | Self::Nesterov(_) => capabilities::MOMENTUM,
            Self::Adam(_) => capabilities::ADAM,
            Self::RmsProp(_) => capabilities::RMSPROP,
        }
    }

    /// Checks the range of every coefficient.
    pub(crate) const fn check(&self) -> Result<(), CoefficientError> {
        require!(positive("the rate has to be above 0 and finite", self.rate()));
        match *self {
            Self::Sgd(_) => Ok(()),
            Self::Momentum(Momentum { momentum, .. }) | Self::Nesterov(Momentum { momentum, .. }) => {
                fraction("the momentum has to be at least 0 and below 1", momentum)
            }
            Self::Adam(Adam { beta1, beta2, epsilon, .. }) => {
                require!(fraction("the beta1 has to be at least 0 and below 1", beta1));
                require!(fraction("the beta2 has to be at least 0 and below 1", beta2));
                positive("the epsilon has to be above 0 and finite", epsilon)
            }
            Self::RmsProp(RmsProp { alpha, epsilon, .. }) => {
                require!(fraction("the alpha has to be at least 0 and below 1", alpha));
                positive("the epsilon has to be above 0 and finite", epsilon)
            }
        }
    }
}
