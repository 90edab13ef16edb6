//! Named tensors in a training's state, and the index of each of their elements.
//!
//! Exported tensors lie as PyTorch has them; the state has its own order, which the kernels read.
//!
//! | tensor | exported | in the state |
//! |---|---|---|
//! | dense weight | `[out, in]`, inputs as channel, row, column | `[out, in]`, inputs as row, column, channel |
//! | convolution weight | `[out, in, kh, kw]` | `[kh, kw, out, in]` |
//! | untied weight | `[row, col, out, in, kh, kw]` | `[row, col, kh, kw, out, in]` |
//! | untied bias | `[out, row, col]` | `[row, col, out]` |
//!
//! A kernel has kh rows and kw columns; row and col are those of the output.

use core::fmt;
use core::ops::Range;

use super::cursor::{LayerCursor, LayerPlan};
use super::layout::Layout;
use crate::capabilities::ALL;
use crate::network::{Architecture, Operation, Shape, Training};

/// What a tensor holds, by the names of PyTorch: `conv1.weight`, `dense2.feedback`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum TensorRole {
    /// The weights.
    Weight,
    /// The biases.
    Bias,
    /// The feedback weights in memory.
    Feedback,
}

/// A named tensor in a training's state.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    plan: LayerPlan<'a>,
    role: TensorRole,
    number: usize,
    offset: usize,
}

impl Tensor<'_> {
    /// Whether the layer is a convolution, tied or untied: its name begins with `conv`, else with `dense`.
    pub fn is_convolution(&self) -> bool {
        match self.plan.layer.operation {
            Operation::Convolution { .. } | Operation::Untied { .. } => true,
            Operation::Dense { .. }
            | Operation::MaxPool { .. }
            | Operation::AveragePool { .. }
            | Operation::GlobalAveragePool => false,
        }
    }

    /// What the layer computes.
    pub fn operation(&self) -> Operation {
        self.plan.layer.operation
    }

    /// Shape of the layer's input.
    pub fn input(&self) -> Shape {
        self.plan.input
    }

    /// Number of the layer within its kind, dense or convolution, from 1.
    pub fn number(&self) -> usize {
        self.number
    }

    /// What the tensor holds.
    pub fn role(&self) -> TensorRole {
        self.role
    }

    /// Whether this is feedback that leads from the network's output to the layer's input.
    pub fn is_direct(&self) -> bool {
        self.role == TensorRole::Feedback && self.plan.layer.feedback.is_direct()
    }

    /// Index of the layer among all layers, from 0.
    pub fn layer(&self) -> usize {
        self.plan.index
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        match self.role {
            TensorRole::Weight => self.plan.weights,
            TensorRole::Bias => self.plan.biases,
            TensorRole::Feedback => self.plan.feedback_in_memory(),
        }
    }

    /// Always false: every layer has outputs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements' indices in a training's [state](crate::Trainer::state), in the state's order.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset.saturating_add(self.len())
    }

    /// The exported shape: a buffer, and how many of its values count.
    ///
    /// Dense `[out, in]`; convolution `[out, in, kh, kw]`; untied `[row, col, out, in, kh, kw]`, its bias `[out, row, col]`;
    /// direct feedback `[class, in]`.
    pub fn shape(&self) -> ([usize; 6], usize) {
        let (input, output) = (self.plan.input, self.plan.output);
        if self.is_direct() {
            return ([self.plan.classes, input.features(), 0, 0, 0, 0], 2);
        }
        let bias = self.role == TensorRole::Bias;
        match self.plan.layer.operation {
            Operation::Dense { .. } if !bias => ([output.features(), input.features(), 0, 0, 0, 0], 2),
            Operation::Convolution { filters, kernel } if !bias => {
                ([filters, input.channels(), kernel.rows(), kernel.cols(), 0, 0], 4)
            }
            Operation::Untied { filters, kernel } if !bias => {
                ([output.rows(), output.cols(), filters, input.channels(), kernel.rows(), kernel.cols()], 6)
            }
            Operation::Untied { filters, .. } => ([filters, output.rows(), output.cols(), 0, 0, 0], 3),
            Operation::Dense { .. }
            | Operation::Convolution { .. }
            | Operation::MaxPool { .. }
            | Operation::AveragePool { .. }
            | Operation::GlobalAveragePool => ([self.len(), 0, 0, 0, 0, 0], 1),
        }
    }

    /// Index in a training's state of the element at `exported` in the exported order, for `exported` below
    /// [`Tensor::len`]. The result for other values has no meaning.
    pub fn index_of(&self, exported: usize) -> usize {
        let (input, output) = (self.plan.input, self.plan.output);
        let bias = self.role == TensorRole::Bias;
        let index = match self.plan.layer.operation {
            _ if self.is_direct() => dense_index(input, exported),
            Operation::Dense { .. } if !bias => dense_index(input, exported),
            Operation::Convolution { kernel, filters } | Operation::Untied { kernel, filters } if !bias => {
                convolution_index(kernel.taps(), input.channels(), filters, exported)
            }
            Operation::Untied { .. } => output.channels_last_index(exported),
            Operation::Dense { .. }
            | Operation::Convolution { .. }
            | Operation::MaxPool { .. }
            | Operation::AveragePool { .. }
            | Operation::GlobalAveragePool => exported,
        };
        self.offset.saturating_add(index)
    }
}

/// From `[out, in]` with the inputs as channel, row, column to `[out, in]` with the inputs as row, column, channel.
fn dense_index(input: Shape, exported: usize) -> usize {
    let inputs = input.features().max(1);
    (exported / inputs).saturating_mul(inputs).saturating_add(input.channels_last_index(exported % inputs))
}

/// From `[.., out, in, tap]` to `[.., tap, out, in]`.
fn convolution_index(taps: usize, channels: usize, filters: usize, exported: usize) -> usize {
    let taps = taps.max(1);
    let filter = taps.saturating_mul(channels).max(1);
    let block = filter.saturating_mul(filters).max(1);
    let (position, rest) = (exported / block, exported % block);
    let (out, rest) = (rest / filter, rest % filter);
    let (channel, tap) = (rest / taps, rest % taps);
    let index = tap.saturating_mul(filters).saturating_add(out).saturating_mul(channels).saturating_add(channel);
    position.saturating_mul(block).saturating_add(index)
}

impl<'a> Architecture<'a> {
    /// All tensors of a training's state, layer by layer: weight, bias and, where it lies in memory, feedback. A layer whose weights
    /// lie in a table has none.
    pub fn tensors(&self, training: &Training) -> impl Iterator<Item = Tensor<'a>> + use<'a> {
        let parameters = Layout::new::<ALL>(self, training).parameters;
        let mut counts = [0, 0];
        LayerCursor::<ALL>::new(self, training).filter(|plan| plan.layer.operation.has_weights()).flat_map(
            move |plan| {
                let dense = usize::from(matches!(plan.layer.operation, Operation::Dense { .. }));
                counts[dense] += 1;
                if plan.is_in_table() {
                    return [None; 3].into_iter().flatten();
                }
                let tensor = move |role, offset| Tensor { plan, role, number: counts[dense], offset };
                let feedback = (plan.feedback_in_memory() > 0)
                    .then_some(tensor(TensorRole::Feedback, parameters.saturating_add(plan.feedback_offset)));
                let bias = plan.parameter_offset.saturating_add(plan.weights);
                [
                    Some(tensor(TensorRole::Weight, plan.parameter_offset)),
                    Some(tensor(TensorRole::Bias, bias)),
                    feedback,
                ]
                .into_iter()
                .flatten()
            },
        )
    }
}

impl fmt::Display for Tensor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = if self.is_convolution() { "conv" } else { "dense" };
        let role = match self.role {
            TensorRole::Weight => "weight",
            TensorRole::Bias => "bias",
            TensorRole::Feedback => "feedback",
        };
        write!(f, "{layer}{}.{role}", self.number)
    }
}
