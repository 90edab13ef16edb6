//! A network as a value: the shape of its input and a slice of layers.
//!
//! [`Architecture::new`] checks a constant while the firmware is compiled, [`Architecture::try_new`] checks at run time.

use core::fmt;

use super::activation::Activation;
use super::layer::{Layer, Operation, Problem};
use super::shape::Shape;
use crate::capabilities::ALL;

/// Why a network cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ArchitectureError {
    /// The input has no features.
    EmptyInput,
    /// There is no layer.
    NoLayers,
    /// A layer is invalid.
    Layer {
        /// Number of the layer, from 1.
        layer: usize,
        /// Why it is invalid.
        problem: Problem,
    },
}

impl fmt::Display for ArchitectureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyInput => f.write_str("the input has no features"),
            Self::NoLayers => f.write_str("the network has no layers"),
            Self::Layer { layer, problem } => write!(f, "layer {layer}: {problem}"),
        }
    }
}

impl core::error::Error for ArchitectureError {}

/// A network: the shape of its input and its layers, borrowed.
///
/// ```
/// use asymgrad_core::{Architecture, Feedback, Layer, Shape};
///
/// // Checked at compile time: an invalid network is a compile error.
/// const NET: Architecture = Architecture::new(
///     Shape::image(3, 32, 32),
///     &[Layer::dense(512), Layer::dense(256), Layer::dense(10).feedback(Feedback::Fixed)],
/// );
/// assert_eq!(NET.to_string(), "input 3x32x32 - dense512 - dense256 - dense10(R)");
/// assert_eq!(NET.classes(), 10);
/// ```
///
/// A kernel has at least one tap, so this does not compile:
///
/// ```compile_fail,E0080
/// # use asymgrad_core::{Architecture, Layer, Shape};
/// const NET: Architecture = Architecture::new(Shape::image(3, 32, 32), &[Layer::conv(32, 0), Layer::dense(10)]);
/// # let _ = NET;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Architecture<'a> {
    input: Shape,
    layers: &'a [Layer],
}

impl<'a> Architecture<'a> {
    /// A network in a constant.
    ///
    /// # Panics
    /// If the network is invalid, see [`ArchitectureError`]. In a constant this is a compile error; use
    /// [`Architecture::try_new`] at run time.
    pub const fn new(input: Shape, layers: &'a [Layer]) -> Self {
        match Self::try_new(input, layers) {
            Ok(network) => network,
            Err(ArchitectureError::EmptyInput) => panic!("the input has no features"),
            Err(ArchitectureError::NoLayers) => panic!("the network has no layers"),
            Err(ArchitectureError::Layer { problem, .. }) => match problem {
                Problem::NoOutputs => panic!("a layer has no outputs"),
                Problem::Kernel { .. } => panic!("a side or the stride of a kernel is 0 or too long"),
                Problem::KernelExceedsImage { .. } => panic!("a kernel without padding is larger than its image"),
                Problem::Window { .. } => panic!("a pooling stride is 0 or larger than its window"),
                Problem::NotAnImage => panic!("a convolution or pooling layer receives a vector"),
                Problem::FeedbackWithoutWeights => panic!("a pooling layer has a feedback rule"),
                Problem::ActivationWithoutWeights => panic!("a pooling layer has an activation"),
                Problem::LastActivated => panic!("the last layer has an activation"),
                Problem::LastNotDense => panic!("the last layer is not dense"),
            },
        }
    }

    /// A network, checked at run time.
    ///
    /// # Errors
    /// [`ArchitectureError`] if the network is empty or a layer is invalid.
    pub const fn try_new(input: Shape, layers: &'a [Layer]) -> Result<Self, ArchitectureError> {
        if input.features() == 0 {
            return Err(ArchitectureError::EmptyInput);
        }
        let (mut shape, mut rest, mut number) = (input, layers, 1);
        while let [layer, tail @ ..] = rest {
            shape = match layer.output::<ALL>(shape) {
                Ok(output) => output,
                Err(problem) => return Err(ArchitectureError::Layer { layer: number, problem }),
            };
            if tail.is_empty() && !matches!(layer.operation, Operation::Dense { .. }) {
                return Err(ArchitectureError::Layer { layer: number, problem: Problem::LastNotDense });
            }
            if tail.is_empty() && !matches!(layer.activation, Activation::Relu) {
                return Err(ArchitectureError::Layer { layer: number, problem: Problem::LastActivated });
            }
            (rest, number) = (tail, number + 1);
        }
        if layers.is_empty() {
            return Err(ArchitectureError::NoLayers);
        }
        Ok(Self { input, layers })
    }

    /// Shape of one sample.
    pub const fn input(&self) -> Shape {
        self.input
    }

    /// The layers, in forward order.
    pub const fn layers(&self) -> &'a [Layer] {
        self.layers
    }

    /// Number of classes: the features of the last layer, one logit for each class.
    pub const fn classes(&self) -> usize {
        match self.layers.last() {
            Some(Layer { operation: Operation::Dense { outputs }, .. }) => *outputs,
            // `try_new` accepts no other last layer.
            _ => 0,
        }
    }
}
