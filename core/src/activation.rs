//! Activations: what follows a layer with weights, and its derivative from the output alone.
//!
//! ReLU is part of the products' epilogue; sigmoid and tanh run over whole layers, with libm's functions on every CPU.

use crate::kinds::{self, has};

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

    pub(crate) const fn kind(self) -> u32 {
        match self {
            Self::Relu => 0,
            Self::Sigmoid => kinds::SIGMOID,
            Self::Tanh => kinds::TANH,
        }
    }

    /// Replaces y by h; ReLU has been applied by the product.
    pub(crate) fn apply<const KINDS: u32>(self, numbers: &mut [f32]) {
        if has::<KINDS>(kinds::SIGMOID) && self == Self::Sigmoid {
            for y in &mut *numbers {
                *y = sigmoid(*y);
            }
        }
        if has::<KINDS>(kinds::TANH) && self == Self::Tanh {
            for y in numbers {
                *y = libm::tanhf(*y);
            }
        }
    }

    /// Multiplies dL/dh by the derivative, given h; ReLU's mask has been applied by the product.
    pub(crate) fn derive<const KINDS: u32>(self, outputs: &[f32], signal: &mut [f32]) {
        if has::<KINDS>(kinds::SIGMOID) && self == Self::Sigmoid {
            signal.iter_mut().zip(outputs).for_each(|(d, h)| *d *= *h * (1.0 - *h));
        }
        if has::<KINDS>(kinds::TANH) && self == Self::Tanh {
            signal.iter_mut().zip(outputs).for_each(|(d, h)| *d *= 1.0 - *h * *h);
        }
    }
}

/// 1 / (1 + e^−y), from the exponential that cannot overflow.
pub(crate) fn sigmoid(y: f32) -> f32 {
    let e = libm::expf(-y.abs());
    if y < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}
