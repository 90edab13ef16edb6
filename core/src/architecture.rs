//! A network as a value: the shape of its input and a slice of layers.
//!
//! [`Architecture::new`] checks a constant while the firmware is compiled, [`Architecture::try_new`] checks at run time.

mod site;

use core::fmt;

use crate::activation::Activation;
use crate::feedback::Feedback;

pub(crate) use self::site::Site;

/// Shape of one sample between two layers: channels × rows × columns, or a plain vector.
///
/// Outside the crate an image lies as `[channel][row][col]`.
///
/// A side of more than 65,535 pixels is counted as a size that fits nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Shape {
    channels: usize,
    /// Channels × rows × columns, saturated.
    features: usize,
    /// 0 for a vector.
    rows: u16,
    cols: u16,
}

impl Shape {
    /// An image of `channels` × `rows` × `cols`.
    pub const fn image(channels: usize, rows: usize, cols: usize) -> Self {
        const LONGEST: usize = u16::MAX as usize;
        let features = if rows > LONGEST || cols > LONGEST {
            usize::MAX
        } else {
            channels.saturating_mul(rows).saturating_mul(cols)
        };
        #[expect(clippy::cast_possible_truncation, reason = "sides that do not fit were found above")]
        let (rows, cols) = (rows as u16, cols as u16);
        Self { channels, features, rows, cols }
    }

    /// A vector of `features` numbers; only dense layers can follow it.
    pub const fn vector(features: usize) -> Self {
        Self { channels: features, features, rows: 0, cols: 1 }
    }

    /// Channels of an image, features of a vector.
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// Rows of an image, 1 for a vector.
    pub const fn rows(&self) -> usize {
        if self.is_vector() { 1 } else { self.rows as usize }
    }

    /// Columns of an image, 1 for a vector.
    pub const fn cols(&self) -> usize {
        self.cols as usize
    }

    /// Whether this is a vector rather than an image.
    pub const fn is_vector(&self) -> bool {
        self.rows == 0
    }

    /// Positions of an image: rows × columns.
    pub const fn positions(&self) -> usize {
        self.rows().saturating_mul(self.cols())
    }

    /// Numbers in one sample of this shape.
    pub const fn features(&self) -> usize {
        self.features
    }

    /// Where the feature `[channel][row][col]` number `outside` lies inside, in `[row][col][channel]`.
    ///
    /// Inside, the channels of a pixel are neighbours, so that a convolution reads them as one block.
    pub const fn inside(&self, outside: usize) -> usize {
        let positions = if self.positions() == 0 { 1 } else { self.positions() };
        let channel = outside / positions;
        let position = outside % positions;
        position.saturating_mul(self.channels).saturating_add(channel)
    }

    /// Where the feature number `inside` lies outside: what [`Shape::inside`] undoes.
    pub(crate) const fn outside(&self, inside: usize) -> usize {
        let channels = if self.channels == 0 { 1 } else { self.channels };
        inside % channels * (self.features / channels) + inside / channels
    }

    /// Brings samples, numbers as `[sample][channel][row][col]`, into `columns`: feature × sample, features in the order
    /// inside, the samples of a feature side by side. What is no whole sample, or has no place in `columns`, is left out.
    pub fn load(&self, inputs: &[f32], samples: usize, columns: &mut [f32]) {
        if self.features.checked_mul(samples).is_none() {
            return;
        }
        for (sample, features) in inputs.chunks_exact(self.features().max(1)).take(samples).enumerate() {
            for (channel, plane) in features.chunks_exact(self.positions().max(1)).enumerate() {
                for (position, x) in plane.iter().enumerate() {
                    if let Some(number) = columns.get_mut((position * self.channels + channel) * samples + sample) {
                        *number = *x;
                    }
                }
            }
        }
    }
}

/// What a layer computes. An [`Activation`] follows every layer with weights but the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Operation {
    /// y = h W + b.
    Dense {
        /// Features of the output.
        outputs: usize,
    },
    /// Cross-correlation, stride 1, zero padding `kernel / 2`, one filter for all positions.
    Convolution {
        /// Channels of the output.
        filters: usize,
        /// Side of the square kernel, odd.
        kernel: usize,
    },
    /// A convolution with an own filter and bias at every output position (report section 4).
    Untied {
        /// Channels of the output.
        filters: usize,
        /// Side of the square kernel, odd.
        kernel: usize,
    },
    /// The largest value of each window; the windows are clipped at the bottom and the right edge.
    MaxPool {
        /// Side of the square window.
        size: usize,
        /// Step between windows, at most `size`.
        stride: usize,
    },
    /// The mean of each window over the elements inside the image.
    AveragePool {
        /// Side of the square window.
        size: usize,
        /// Step between windows, at most `size`.
        stride: usize,
    },
}

impl Operation {
    /// Whether the layer has weights.
    pub const fn has_weights(&self) -> bool {
        !matches!(self, Self::MaxPool { .. } | Self::AveragePool { .. })
    }

    /// Weights behind an input of this shape.
    const fn weights(&self, input: Shape) -> usize {
        match self {
            Self::Dense { outputs } => outputs.saturating_mul(input.features()),
            Self::Convolution { filters, kernel } => {
                input.channels().saturating_mul(*kernel).saturating_mul(*kernel).saturating_mul(*filters)
            }
            Self::Untied { filters, kernel } => {
                input.features().saturating_mul(*kernel).saturating_mul(*kernel).saturating_mul(*filters)
            }
            _ => 0,
        }
    }

    /// Biases in front of an output of this shape.
    const fn biases(&self, output: Shape) -> usize {
        match self {
            Self::Dense { outputs } => *outputs,
            Self::Convolution { filters, .. } => *filters,
            Self::Untied { .. } => output.features(),
            _ => 0,
        }
    }
}

/// One layer: what it computes, what follows, and which weights carry the error back through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Layer {
    /// What the layer computes.
    pub operation: Operation,
    /// The nonlinearity behind it; ReLU, which is then without effect, behind the last layer and pooling.
    pub activation: Activation,
    /// Which weights carry the error signal that leaves this layer backwards.
    pub feedback: Feedback,
}

impl Layer {
    const fn of(operation: Operation) -> Self {
        Self { operation, activation: Activation::Relu, feedback: Feedback::Symmetric }
    }

    /// A dense layer with `outputs` features.
    pub const fn dense(outputs: usize) -> Self {
        Self::of(Operation::Dense { outputs })
    }

    /// A convolution with `filters` filters of `kernel` × `kernel`.
    pub const fn conv(filters: usize, kernel: usize) -> Self {
        Self::of(Operation::Convolution { filters, kernel })
    }

    /// An untied convolution with `filters` filters of `kernel` × `kernel` at every position.
    pub const fn untied(filters: usize, kernel: usize) -> Self {
        Self::of(Operation::Untied { filters, kernel })
    }

    /// Max pooling over `size` × `size` every `stride` pixels.
    pub const fn max_pool(size: usize, stride: usize) -> Self {
        Self::of(Operation::MaxPool { size, stride })
    }

    /// Average pooling over `size` × `size` every `stride` pixels.
    pub const fn avg_pool(size: usize, stride: usize) -> Self {
        Self::of(Operation::AveragePool { size, stride })
    }

    /// The same layer with another activation.
    #[must_use]
    pub const fn activation(mut self, activation: Activation) -> Self {
        self.activation = activation;
        self
    }

    /// The same layer with another feedback rule.
    #[must_use]
    pub const fn feedback(mut self, feedback: Feedback) -> Self {
        self.feedback = feedback;
        self
    }

    /// Shape of the output for an input of shape `input`, or what makes it impossible.
    const fn output(&self, input: Shape) -> Result<Shape, Problem> {
        let (channels, size, stride) = match self.operation {
            Operation::Dense { outputs: 0 } => return Err(Problem::NoOutputs),
            Operation::Dense { outputs } => return Ok(Shape::vector(outputs)),
            _ if input.is_vector() => return Err(Problem::NotAnImage),
            Operation::Convolution { filters: 0, .. } | Operation::Untied { filters: 0, .. } => {
                return Err(Problem::NoOutputs);
            }
            Operation::Convolution { filters, kernel } | Operation::Untied { filters, kernel } => {
                if kernel.is_multiple_of(2) {
                    return Err(Problem::EvenKernel { kernel });
                }
                return Ok(Shape { channels: filters, features: filters.saturating_mul(input.positions()), ..input });
            }
            Operation::MaxPool { size, stride } | Operation::AveragePool { size, stride } => {
                (input.channels, size, stride)
            }
        };
        if !matches!(self.feedback, Feedback::Symmetric) {
            return Err(Problem::FeedbackWithoutWeights);
        }
        if !matches!(self.activation, Activation::Relu) {
            return Err(Problem::ActivationWithoutWeights);
        }
        if stride == 0 || stride > size {
            return Err(Problem::Window { size, stride });
        }
        Ok(Shape::image(channels, windows(input.rows(), size, stride), windows(input.cols(), size, stride)))
    }
}

/// Pooling windows along an axis of `length` pixels: the last one may be clipped.
pub(crate) const fn windows(length: usize, size: usize, stride: usize) -> usize {
    let stride = if stride == 0 { 1 } else { stride };
    length.saturating_sub(size).div_ceil(stride) + 1
}

/// What is wrong with one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Problem {
    /// The layer has no outputs.
    NoOutputs,
    /// The kernel's side is even, so it has no centre.
    EvenKernel {
        /// The side found.
        kernel: usize,
    },
    /// A pooling stride of 0, or larger than the window, would skip pixels.
    Window {
        /// Side of the window.
        size: usize,
        /// Step between windows.
        stride: usize,
    },
    /// A convolution or a pooling layer needs an image, and this layer receives a vector.
    NotAnImage,
    /// A pooling layer has no weights, so it has no feedback rule.
    FeedbackWithoutWeights,
    /// A pooling layer has no weights, so no activation follows it.
    ActivationWithoutWeights,
    /// The last layer gives the logits, and no activation follows it.
    LastActivated,
    /// The last layer gives the logits and has to be dense.
    LastNotDense,
}

/// Why a network cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ArchitectureError {
    /// The input has no features.
    EmptyInput,
    /// There is no layer.
    NoLayers,
    /// A layer cannot be placed.
    Layer {
        /// Number of the layer, from 1.
        layer: usize,
        /// What is wrong with it.
        problem: Problem,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOutputs => f.write_str("it needs at least 1 output, found 0"),
            Self::EvenKernel { kernel } => write!(f, "the kernel's side has to be odd, found {kernel}"),
            Self::Window { size, stride } => {
                write!(f, "the pooling stride has to be 1 to {size} for a window of {size}x{size}, found {stride}")
            }
            Self::NotAnImage => f.write_str("it needs an image as input, found a vector"),
            Self::FeedbackWithoutWeights => f.write_str("pooling has no weights, so it takes no feedback rule"),
            Self::ActivationWithoutWeights => f.write_str("pooling has no weights, so it takes no activation"),
            Self::LastActivated => f.write_str("the last layer takes no activation, it gives one score a class"),
            Self::LastNotDense => f.write_str("the last layer has to be dense, it gives one score a class"),
        }
    }
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
/// // Checked by the compiler: a network that cannot be built is a compile error.
/// const NET: Architecture = Architecture::new(
///     Shape::image(3, 32, 32),
///     &[Layer::dense(512), Layer::dense(256), Layer::dense(10).feedback(Feedback::Fixed)],
/// );
/// assert_eq!(NET.to_string(), "input 3x32x32 - dense512 - dense256 - dense10(R)");
/// assert_eq!(NET.classes(), 10);
/// ```
///
/// An even kernel has no centre, so this does not compile:
///
/// ```compile_fail,E0080
/// # use asymgrad_core::{Architecture, Layer, Shape};
/// const NET: Architecture = Architecture::new(Shape::image(3, 32, 32), &[Layer::conv(32, 4), Layer::dense(10)]);
/// # let _ = NET;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Architecture<'a> {
    input: Shape,
    layers: &'a [Layer],
}

impl<'a> Architecture<'a> {
    /// A network known at compile time.
    ///
    /// # Panics
    /// If the network cannot be built, see [`ArchitectureError`]. Meant for constants, where this is a compile error;
    /// use [`Architecture::try_new`] at run time.
    pub const fn new(input: Shape, layers: &'a [Layer]) -> Self {
        match Self::try_new(input, layers) {
            Ok(network) => network,
            Err(ArchitectureError::EmptyInput) => panic!("the input has no features"),
            Err(ArchitectureError::NoLayers) => panic!("the network has no layers"),
            Err(ArchitectureError::Layer { problem, .. }) => match problem {
                Problem::NoOutputs => panic!("a layer has no outputs"),
                Problem::EvenKernel { .. } => panic!("a kernel's side is even"),
                Problem::Window { .. } => panic!("a pooling stride is 0 or larger than its window"),
                Problem::NotAnImage => panic!("a convolution or pooling layer receives a vector"),
                Problem::FeedbackWithoutWeights => panic!("a pooling layer has a feedback rule"),
                Problem::ActivationWithoutWeights => panic!("a pooling layer has an activation"),
                Problem::LastActivated => panic!("the last layer has an activation"),
                Problem::LastNotDense => panic!("the last layer is not dense"),
            },
        }
    }

    /// A network known at run time.
    ///
    /// # Errors
    /// [`ArchitectureError`] if it is empty or a layer cannot be placed.
    pub const fn try_new(input: Shape, layers: &'a [Layer]) -> Result<Self, ArchitectureError> {
        if input.features() == 0 {
            return Err(ArchitectureError::EmptyInput);
        }
        let (mut shape, mut rest, mut number) = (input, layers, 1);
        while let [layer, tail @ ..] = rest {
            shape = match layer.output(shape) {
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

    /// Features of the last layer: one score a class.
    pub const fn classes(&self) -> usize {
        match self.layers.last() {
            Some(Layer { operation: Operation::Dense { outputs }, .. }) => *outputs,
            _ => 0,
        }
    }
}
