//! Activations, and their derivatives as functions of the output.
//!
//! ReLU is part of the kernels' epilogue. Sigmoid and tanh are applied to the whole output of a layer, with the functions of
//! libm on every CPU.

use crate::capabilities::{self, enabled};

/// The activation of a layer with weights. The last layer has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Activation {
    /// h = y if y > 0, else 0; derivative 1 if h > 0, else 0. The notation leaves it out.
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

    /// The name on the command line and in files.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
        }
    }

    /// The notation after a layer's sizes and before its feedback rule; empty for ReLU.
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

    /// Replaces y by h. The kernels' epilogue has already applied ReLU.
    pub(crate) fn apply<const CAPS: u32>(self, values: &mut [f32]) {
        match self {
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
            // Done by the epilogue, or left out of the image.
            Self::Relu | Self::Sigmoid | Self::Tanh => {}
        }
    }

    /// Multiplies dL/dh by the derivative dh/dy, a function of the outputs h. The kernels' epilogue has already applied the
    /// mask of ReLU.
    pub(crate) fn derive<const CAPS: u32>(self, outputs: &[f32], gradient: &mut [f32]) {
        match self {
            Self::Sigmoid if enabled::<CAPS>(capabilities::SIGMOID) => {
                gradient.iter_mut().zip(outputs).for_each(|(d, h)| *d *= *h * (1.0 - *h));
            }
            Self::Tanh if enabled::<CAPS>(capabilities::TANH) => {
                gradient.iter_mut().zip(outputs).for_each(|(d, h)| *d *= 1.0 - *h * *h);
            }
            // Done by the epilogue, or left out of the image.
            Self::Relu | Self::Sigmoid | Self::Tanh => {}
        }
    }
}

/// 1 / (1 + e^−y), computed from e^−|y|, which cannot overflow.
pub(crate) fn sigmoid(y: f32) -> f32 {
    let e = libm::expf(-y.abs());
    if y < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}
