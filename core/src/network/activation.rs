//! Activations: what follows a layer with weights, and its derivative from the output alone.
//!
//! ReLU is part of the products' epilogue; sigmoid and tanh run over whole layers, with libm's functions on every CPU.

use crate::capabilities::{self, enabled};

/// The nonlinearity behind a layer with weights; the last layer has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Activation {
    /// h = y above 0, else 0; derivative 1 where h > 0. Nothing stands behind the layer in the notation.
    #[default]
    Relu,
    /// `.sigmoid`: h = 1 / (1 + e^−y); derivative h (1 − h).
    Sigmoid,
    /// `.tanh`: h = tanh y; derivative 1 − h².
    Tanh,
}

impl Activation {
    /// All activations.
    pub const ALL: [Self; 3] = [Self::Relu, Self::Sigmoid, Self::Tanh];

    /// What stands behind a layer in the notation, before its feedback rule.
    pub const fn notation(self) -> &'static str {
        match self {
            Self::Relu => "",
            Self::Sigmoid => ".sigmoid",
            Self::Tanh => ".tanh",
        }
    }

    pub(crate) const fn capability(self) -> u32 {
        match self {
            Self::Relu => 0,
            Self::Sigmoid => capabilities::SIGMOID,
            Self::Tanh => capabilities::TANH,
        }
    }

    /// Replaces y by h. ReLU is part of the product's epilogue, so nothing is left to do for it.
    pub(crate) fn apply<const CAPS: u32>(self, values: &mut [f32]) {
        match self {
            Self::Relu => {}
            Self::Sigmoid if enabled::<CAPS>(capabilities::SIGMOID) => {
                for y in values {
                    *y = sigmoid(*y);
                }
            }
            Self::Tanh if enabled::<CAPS>(capabilities::TANH) => {
                for y in values {
                    *y = libm::tanhf(*y);
                }
            }
            Self::Sigmoid | Self::Tanh => {}
        }
    }

    /// Multiplies dL/dh by the derivative, given the outputs h. The mask of ReLU is part of the product's epilogue.
    pub(crate) fn derive<const CAPS: u32>(self, outputs: &[f32], gradient: &mut [f32]) {
        match self {
            Self::Relu => {}
            Self::Sigmoid if enabled::<CAPS>(capabilities::SIGMOID) => {
                gradient.iter_mut().zip(outputs).for_each(|(d, h)| *d *= *h * (1.0 - *h));
            }
            Self::Tanh if enabled::<CAPS>(capabilities::TANH) => {
                gradient.iter_mut().zip(outputs).for_each(|(d, h)| *d *= 1.0 - *h * *h);
            }
            Self::Sigmoid | Self::Tanh => {}
        }
    }
}

/// 1 / (1 + e^−y), from the exponential that cannot overflow.
pub(crate) fn sigmoid(y: f32) -> f32 {
    let e = libm::expf(-y.abs());
    if y < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}
