//! Layers: operation, activation and feedback rule, with sizes and shapes.

use core::fmt;

use super::activation::Activation;
use super::feedback::Feedback;
use super::kernel::{Kernel, Padding};
use super::shape::{Shape, windows};
use crate::capabilities::{self, enabled};

/// The operation of a layer. An [`Activation`] follows every layer with weights except the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Operation {
    /// y = h W + b.
    Dense {
        /// Features of the output.
        outputs: usize,
    },
    /// A convolution (cross-correlation): all positions share the same filters.
    Convolution {
        /// Channels of the output.
        filters: usize,
        /// Sides, stride and padding.
        kernel: Kernel,
    },
    /// A locally connected (untied) convolution: every output position has filters and biases of its own (report section
    /// 4).
    Untied {
        /// Channels of the output.
        filters: usize,
        /// Sides, stride and padding.
        kernel: Kernel,
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
    /// The mean of each channel over the whole image (global average pooling).
    GlobalAveragePool,
}

impl Operation {
    /// One of each operation, of any sizes, for the notation.
    pub(super) const FORMS: [Self; 6] = [
        Self::Dense { outputs: 1 },
        Self::Convolution { filters: 1, kernel: Kernel::square(1) },
        Self::Untied { filters: 1, kernel: Kernel::square(1) },
        Self::MaxPool { size: 1, stride: 1 },
        Self::AveragePool { size: 1, stride: 1 },
        Self::GlobalAveragePool,
    ];

    /// The name in the notation, such as `conv`. The fingerprint of a snapshot depends on it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Dense { .. } => "dense",
            Self::Convolution { .. } => "conv",
            Self::Untied { .. } => "untied",
            Self::MaxPool { .. } => "maxpool",
            Self::AveragePool { .. } => "avgpool",
            Self::GlobalAveragePool => "globalavgpool",
        }
    }

    /// The form of the sizes in the notation, such as `HxWxN/S`.
    pub(super) const fn sizes(&self) -> &'static str {
        match self {
            Self::Dense { .. } => "N",
            Self::Convolution { .. } | Self::Untied { .. } => "HxWxN/S",
            Self::MaxPool { .. } | Self::AveragePool { .. } => "KxK/S",
            Self::GlobalAveragePool => "",
        }
    }

    /// Whether the layer has weights.
    pub const fn has_weights(&self) -> bool {
        match self {
            Self::Dense { .. } | Self::Convolution { .. } | Self::Untied { .. } => true,
            Self::MaxPool { .. } | Self::AveragePool { .. } | Self::GlobalAveragePool => false,
        }
    }

    pub(crate) const fn capability(&self) -> u32 {
        match self {
            Self::Dense { .. } => capabilities::DENSE,
            Self::Convolution { kernel, .. } => capabilities::CONVOLUTION | kernel.capability(),
            Self::Untied { kernel, .. } => capabilities::UNTIED | kernel.capability(),
            Self::MaxPool { .. } => capabilities::MAX_POOL,
            Self::AveragePool { .. } | Self::GlobalAveragePool => capabilities::AVERAGE_POOL,
        }
    }

    /// Number of weights between an input and an output of these shapes.
    pub(crate) const fn weights(&self, input: Shape, output: Shape) -> usize {
        let (kernel, outputs) = match self {
            Self::Dense { outputs } => return outputs.saturating_mul(input.features()),
            Self::Convolution { filters, kernel } => (kernel, *filters),
            Self::Untied { kernel, .. } => (kernel, output.features()),
            Self::MaxPool { .. } | Self::AveragePool { .. } | Self::GlobalAveragePool => return 0,
        };
        input.channels().saturating_mul(kernel.taps()).saturating_mul(outputs)
    }

    /// Number of biases for an output of this shape.
    pub(crate) const fn biases(&self, output: Shape) -> usize {
        match self {
            Self::Dense { outputs } => *outputs,
            Self::Convolution { filters, .. } => *filters,
            Self::Untied { .. } => output.features(),
            Self::MaxPool { .. } | Self::AveragePool { .. } | Self::GlobalAveragePool => 0,
        }
    }
}

/// A layer: its operation, its activation, and the feedback rule of its input gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Layer {
    /// The operation.
    pub operation: Operation,
    /// The activation. It has to be ReLU, which has no effect there, in the last layer and in pooling layers.
    pub activation: Activation,
    /// The weights that the layer's input gradient uses.
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

    /// A convolution with `filters` filters of `kernel` × `kernel`, stride 1 and padding [`Padding::Same`].
    pub const fn conv(filters: usize, kernel: usize) -> Self {
        Self::conv_rect(filters, kernel, kernel)
    }

    /// A convolution with `filters` filters of `rows` × `cols`, stride 1 and padding [`Padding::Same`].
    ///
    /// ```
    /// use asymgrad_core::{Layer, Padding};
    /// // Along a signal: 16 filters of 5 values at every second position, without padding.
    /// const LAYER: Layer = Layer::conv_rect(16, 1, 5).stride(2).padding(Padding::Valid);
    /// assert_eq!(LAYER.to_string(), "conv1x5x16/2.valid");
    /// ```
    pub const fn conv_rect(filters: usize, rows: usize, cols: usize) -> Self {
        Self::of(Operation::Convolution { filters, kernel: Kernel::new(rows, cols) })
    }

    /// An untied convolution with `filters` filters of `kernel` × `kernel` at every position, stride 1 and padding
    /// [`Padding::Same`].
    pub const fn untied(filters: usize, kernel: usize) -> Self {
        Self::untied_rect(filters, kernel, kernel)
    }

    /// An untied convolution with `filters` filters of `rows` × `cols` at every position, stride 1 and padding
    /// [`Padding::Same`].
    pub const fn untied_rect(filters: usize, rows: usize, cols: usize) -> Self {
        Self::of(Operation::Untied { filters, kernel: Kernel::new(rows, cols) })
    }

    /// Max pooling over `size` × `size` every `stride` pixels.
    pub const fn max_pool(size: usize, stride: usize) -> Self {
        Self::of(Operation::MaxPool { size, stride })
    }

    /// Average pooling over `size` × `size` every `stride` pixels.
    pub const fn avg_pool(size: usize, stride: usize) -> Self {
        Self::of(Operation::AveragePool { size, stride })
    }

    /// The mean of each channel over the whole image.
    pub const fn global_avg_pool() -> Self {
        Self::of(Operation::GlobalAveragePool)
    }

    /// The same convolution or pooling with another stride, along both axes. Other layers have none and stay as they are.
    #[must_use]
    pub const fn stride(mut self, step: usize) -> Self {
        match &mut self.operation {
            Operation::Convolution { kernel, .. } | Operation::Untied { kernel, .. } => {
                *kernel = kernel.with_stride(step);
            }
            Operation::MaxPool { stride, .. } | Operation::AveragePool { stride, .. } => *stride = step,
            Operation::Dense { .. } | Operation::GlobalAveragePool => (),
        }
        self
    }

    /// The same convolution with another padding. Other layers have none and stay as they are.
    #[must_use]
    pub const fn padding(mut self, padding: Padding) -> Self {
        if let Operation::Convolution { kernel, .. } | Operation::Untied { kernel, .. } = &mut self.operation {
            *kernel = kernel.with_padding(padding);
        }
        self
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

    /// Shape of the output for an input of shape `input`, or why the layer does not accept that input.
    ///
    /// Without the [capabilities] of images, only dense layers accept an input.
    pub(crate) const fn output<const CAPS: u32>(&self, input: Shape) -> Result<Shape, Problem> {
        match self.operation {
            Operation::Dense { outputs: 0 } => Err(Problem::NoOutputs),
            Operation::Dense { outputs } => Ok(Shape::vector(outputs)),
            _ if input.is_vector() || !enabled::<CAPS>(capabilities::IMAGES) => Err(Problem::NotAnImage),
            Operation::Convolution { filters: 0, .. } | Operation::Untied { filters: 0, .. } => Err(Problem::NoOutputs),
            Operation::Convolution { filters, kernel } | Operation::Untied { filters, kernel } => {
                if !kernel.is_valid() {
                    return Err(Problem::Kernel { kernel });
                }
                if !kernel.fits(input) {
                    return Err(Problem::KernelExceedsImage { kernel, rows: input.rows(), cols: input.cols() });
                }
                Ok(kernel.output(input, filters))
            }
            Operation::MaxPool { .. } | Operation::AveragePool { .. } | Operation::GlobalAveragePool
                if !matches!(self.feedback, Feedback::Symmetric) =>
            {
                Err(Problem::FeedbackWithoutWeights)
            }
            Operation::MaxPool { .. } | Operation::AveragePool { .. } | Operation::GlobalAveragePool
                if !matches!(self.activation, Activation::Relu) =>
            {
                Err(Problem::ActivationWithoutWeights)
            }
            Operation::MaxPool { size, stride } | Operation::AveragePool { size, stride } => {
                if stride == 0 || stride > size {
                    return Err(Problem::Window { size, stride });
                }
                let (rows, cols) = (windows(input.rows(), size, stride), windows(input.cols(), size, stride));
                Ok(Shape::image(input.channels(), rows, cols))
            }
            Operation::GlobalAveragePool => Ok(Shape::image(input.channels(), 1, 1)),
        }
    }
}

/// Why a layer of a network is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Problem {
    /// The layer has no outputs.
    NoOutputs,
    /// A side or the stride of the kernel is 0 or too long.
    Kernel {
        /// The kernel.
        kernel: Kernel,
    },
    /// Without padding, the kernel is larger than the image.
    KernelExceedsImage {
        /// The kernel.
        kernel: Kernel,
        /// Rows of the image.
        rows: usize,
        /// Columns of the image.
        cols: usize,
    },
    /// The pooling stride is 0, or larger than the window and would skip pixels.
    Window {
        /// Side of the window.
        size: usize,
        /// Step between windows.
        stride: usize,
    },
    /// The layer is a convolution or pooling, which need an image, and its input is a vector.
    NotAnImage,
    /// The layer is pooling, which has no weights, and has a feedback rule.
    FeedbackWithoutWeights,
    /// The layer is pooling, which has no weights, and has an activation.
    ActivationWithoutWeights,
    /// The layer is the last, whose outputs are the logits, and has an activation.
    LastActivated,
    /// The layer is the last, whose outputs are the logits, and is not dense.
    LastNotDense,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoOutputs => f.write_str("it needs at least 1 output, found 0"),
            Self::Kernel { kernel } => write!(
                f,
                "the kernel's sides have to be 1 to {} and its stride 1 to {}, found {kernel}/{}",
                Kernel::LONGEST_SIDE,
                Kernel::LONGEST_STRIDE,
                kernel.stride()
            ),
            Self::KernelExceedsImage { kernel, rows, cols } => {
                write!(f, "a kernel of {kernel} without padding has to fit the image, found an image of {rows}x{cols}")
            }
            Self::Window { size, stride } => {
                write!(f, "the pooling stride has to be 1 to {size} for a window of {size}x{size}, found {stride}")
            }
            Self::NotAnImage => f.write_str("it needs an image as input, found a vector"),
            Self::FeedbackWithoutWeights => f.write_str("pooling has no weights, so it takes no feedback rule"),
            Self::ActivationWithoutWeights => f.write_str("pooling has no weights, so it takes no activation"),
            Self::LastActivated => f.write_str("the last layer takes no activation, its outputs are the logits"),
            Self::LastNotDense => f.write_str("the last layer has to be dense, its outputs are the logits"),
        }
    }
}
