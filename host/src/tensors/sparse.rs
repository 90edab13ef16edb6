//! A convolution as the report sees it: one extremely large matrix that is mostly zero, written out as CSR.
//!
//! Training never makes this matrix: where its numbers stand follows from their position. It is for looking at, for other
//! programs, and for the test that a flattened image times this matrix is the convolution.

use asymgrad_core::network::Axis;
use asymgrad_core::{Architecture, Operation, Shape, Tensor, TensorRole, Training};
use nalgebra_sparse::CsrMatrix;

/// Why there is no such matrix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The layer is dense or pools.
    #[error("{operation:?} is no convolution; choose a layer such as `conv5x5x32` or `untied5x5x32`")]
    Operation {
        /// What the layer computes.
        operation: Operation,
    },
    /// A convolution's biases are no part of the matrix.
    #[error("`{name}` is a bias; choose weights or feedback, such as `conv1.weight`")]
    Bias {
        /// The tensor.
        name: String,
    },
    /// The network has no such tensor, or not in a convolution.
    #[error("no convolution has a tensor `{name}`; {}", known_ones(known))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The tensors that have such a matrix.
        known: Vec<String>,
    },
    /// The weights do not suit the layer.
    #[error("the layer has {expected} weights, {found} are given; pass the whole tensor in the order of its file")]
    Length {
        /// Weights of the layer.
        expected: usize,
        /// Weights given.
        found: usize,
    },
}

/// The matrix M of a convolution, tied or untied, such that y = x M for a flattened image x.
///
/// A row is an input, `[channel][row][col]`, a column an output, `[out][row][col]`. `weights` lie as in an exported file:
/// `[out][in][kh][kw]`, or `[row][col][out][in][kh][kw]` if untied. Taps on the padding multiply nothing and are left out.
///
/// # Errors
/// [`Error`] if the layer is no convolution or has another number of weights.
///
/// # Panics
/// Never: the columns of a row are made in rising order.
pub fn matrix<T: Clone>(input: Shape, operation: Operation, weights: &[T]) -> Result<CsrMatrix<T>, Error> {
    let (filters, kernel, untied) = match operation {
        Operation::Convolution { filters, kernel } => (filters, kernel, false),
        Operation::Untied { filters, kernel } => (filters, kernel, true),
        operation => return Err(Error::Operation { operation }),
    };
    let (channels, (rows, cols)) = (input.channels(), kernel.axes(input));
    let (taps, copies) = (kernel.taps(), if untied { rows.output * cols.output } else { 1 });
    let expected = copies * filters * channels * taps;
    if weights.len() != expected {
        return Err(Error::Length { expected, found: weights.len() });
    }
    let (mut offsets, mut columns, mut values) = (vec![0], vec![], vec![]);
    for feature in 0..input.features() {
        let (row, col) = (feature / cols.input % rows.input, feature % cols.input);
        let channel = feature / (rows.input * cols.input);
        for out in 0..filters {
            for (to_row, tap_row) in readers(&rows, row) {
                for (to_col, tap_col) in readers(&cols, col) {
                    let filter = if untied { (to_row * cols.output + to_col) * filters + out } else { out };
                    let tap = tap_row * cols.taps + tap_col;
                    columns.push((out * rows.output + to_row) * cols.output + to_col);
                    values.push(weights[(filter * channels + channel) * taps + tap].clone());
                }
            }
        }
        offsets.push(columns.len());
    }
    let matrix =
        CsrMatrix::try_from_csr_data(input.features(), filters * rows.output * cols.output, offsets, columns, values);
    Ok(matrix.expect("columns rise within a row"))
}

/// The matrix of a tensor in a training's memory, weights or feedback.
///
/// # Errors
/// [`Error`] if the tensor belongs to no convolution or is a bias.
///
/// # Panics
/// If `state` is shorter than the state of the training that the tensor comes from.
pub fn of_tensor(tensor: &Tensor, state: &[f32]) -> Result<CsrMatrix<f32>, Error> {
    if tensor.role() == TensorRole::Bias {
        return Err(Error::Bias { name: tensor.to_string() });
    }
    let weights: Vec<f32> = (0..tensor.len()).map(|outside| state[tensor.index_of(outside)]).collect();
    matrix(tensor.input(), tensor.operation(), &weights)
}

/// The matrix of the tensor called `name`, such as `conv1.weight` or `conv2.feedback`, in a training's memory.
///
/// # Errors
/// [`Error`] if no convolution of the network has such a tensor.
///
/// # Panics
/// If `state` is shorter than the state of this training.
pub fn of_name(
    network: &Architecture<'_>,
    training: &Training,
    state: &[f32],
    name: &str,
) -> Result<CsrMatrix<f32>, Error> {
    let of_convolutions =
        || network.tensors(training).filter(|tensor| tensor.is_convolution() && tensor.role() != TensorRole::Bias);
    let found = of_convolutions().find(|tensor| tensor.to_string() == name);
    let tensor = found.ok_or_else(|| Error::Unknown {
        name: name.to_owned(),
        known: of_convolutions().map(|tensor| tensor.to_string()).collect(),
    })?;
    of_tensor(&tensor, state)
}

/// What to choose instead.
fn known_ones(known: &[String]) -> String {
    if known.is_empty() { "the network has no convolution".into() } else { format!("choose {}", known.join(" or ")) }
}

/// The positions along an axis that read the pixel `at`, in rising order, each with its tap.
fn readers(axis: &Axis, at: usize) -> impl Iterator<Item = (usize, usize)> {
    let first = at + axis.padding;
    let positions = (first + 1).saturating_sub(axis.taps).div_ceil(axis.stride)..=(first / axis.stride);
    let Axis { stride, output, .. } = *axis;
    positions.take_while(move |position| *position < output).map(move |position| (position, first - position * stride))
}
