//! The errors of constructing a trainer, and of a step.

use core::fmt;

use crate::checks::CoefficientError;
use crate::network::{Loss, Score, Shape};

/// Why a trainer or a [`Predictor`](crate::Predictor) cannot be constructed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TrainerError {
    /// The batch is 0.
    EmptyBatch,
    /// The length of the memory is not [`Architecture::memory`](crate::Architecture::memory), or
    /// [`Architecture::prediction_memory`](crate::Architecture::prediction_memory) for a predictor.
    Memory {
        /// Length needed, in `f32`.
        expected: usize,
        /// Length given.
        found: usize,
    },
    /// The length of the parameters of a [`Predictor`](crate::Predictor) is not
    /// [`Architecture::parameters`](crate::Architecture::parameters).
    Parameters {
        /// Length needed, in `f32`.
        expected: usize,
        /// Length given.
        found: usize,
    },
    /// The first slice of [`Predictor::split`](crate::Predictor::split) ends within a layer.
    Split {
        /// Its length, in `f32`.
        found: usize,
    },
    /// The network or its training needs a [capability](crate::capabilities) that `CAPS` leave out.
    Capabilities {
        /// Capabilities needed.
        expected: u32,
        /// Capabilities compiled in.
        found: u32,
    },
    /// The length of the table is not [`Architecture::table`](crate::Architecture::table).
    Table {
        /// Length needed, in `f32`.
        expected: usize,
        /// Length given.
        found: usize,
    },
    /// The networks of [`Trainer::grow_from`](crate::Trainer::grow_from) differ in more than the number of outputs, or the other one has
    /// more.
    OtherNetwork,
    /// The length of the state of [`Trainer::grow_from`](crate::Trainer::grow_from) is not
    /// [`Architecture::state`](crate::Architecture::state) of the smaller network.
    State {
        /// Length needed, in `f32`.
        expected: usize,
        /// Length given.
        found: usize,
    },
    /// The network has one output, and the loss compares outputs with each other: nothing would be trained.
    OneOutput {
        /// The loss.
        loss: Loss,
    },
    /// The training freezes more layers than the network has.
    Frozen {
        /// Layers of the network.
        most: usize,
        /// Layers to freeze.
        found: usize,
    },
    /// A coefficient of the training is outside its range.
    Coefficient(CoefficientError),
}

impl fmt::Display for TrainerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyBatch => f.write_str("a batch needs at least 1 sample, found 0"),
            Self::Memory { expected, found } => write!(f, "the memory has to hold {expected} values, found {found}"),
            Self::Parameters { expected, found } => {
                write!(f, "the network has {expected} parameters, weights and biases, found {found}")
            }
            Self::Split { found } => {
                write!(
                    f,
                    "the first parameters have to be those of whole layers, but {found} values end within a layer"
                )
            }
            Self::Capabilities { expected, found } => {
                write!(f, "the capabilities {expected:#x} have to be compiled in, found {found:#x}")
            }
            Self::Table { expected, found } => {
                write!(f, "the training needs a table of {expected} values, found {found}")
            }
            Self::OtherNetwork => f.write_str("the network has to be the smaller one with as many outputs or more"),
            Self::State { expected, found } => {
                write!(f, "the state of the smaller network has {expected} values, found {found}")
            }
            Self::OneOutput { loss } => write!(
                f,
                "the loss {} needs a network of at least 2 outputs, found 1; bce, mse and huber take one",
                loss.name()
            ),
            Self::Frozen { most, found } => {
                write!(f, "the layers to freeze have to be at most the network's {most}, found {found}")
            }
            Self::Coefficient(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for TrainerError {}

impl From<CoefficientError> for TrainerError {
    fn from(error: CoefficientError) -> Self {
        Self::Coefficient(error)
    }
}

/// Why a step or a prediction failed. The weights are unchanged.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StepError {
    /// There are more samples than the batch, or none.
    Samples {
        /// The batch.
        most: usize,
        /// Samples given.
        found: usize,
    },
    /// The inputs are not one sample for each target or, in a prediction, not a whole number of samples.
    Inputs {
        /// Values needed; in a prediction, those of the whole samples found, at least of one.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// The number of labels is not that of the samples of [`Trainer::input`](crate::Trainer::input).
    Labels {
        /// Samples loaded.
        expected: usize,
        /// Labels given.
        found: usize,
    },
    /// A label is not below the number of classes.
    Label {
        /// Index of the sample, from 0.
        sample: usize,
        /// Number of classes, [`Training::classes`](crate::Training::classes).
        classes: usize,
        /// The label.
        found: usize,
    },
    /// The loss takes classes, and the targets are values.
    ValuesNotTaken {
        /// The loss.
        loss: Loss,
    },
    /// The number of target values is not that of the outputs of all samples.
    Values {
        /// Samples loaded × outputs.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// A target value is infinite or NaN or, for binary cross-entropy, outside [0, 1].
    Value {
        /// Index of the sample, from 0.
        sample: usize,
        /// Index of the output, from 0.
        output: usize,
        /// The value.
        found: f32,
    },
    /// A value of a sample is infinite or NaN.
    NonFiniteInput {
        /// Index of the sample, from 0.
        sample: usize,
        /// Index of the value in the sample as `[channel][row][col]`, from 0.
        feature: usize,
        /// The value.
        found: f32,
    },
    /// A step is running; another can start when [`Step::poll`](crate::Step::poll) is ready.
    StepRunning,
    /// The training takes frozen layers or feedback from a table, and [`Trainer::set_table`](crate::Trainer::set_table) was not called.
    NoTable,
    /// The loss is infinite or NaN although the samples are finite: the training has diverged.
    NonFinite(Score),
}

impl StepError {
    /// The number of samples, from 1 to `most`, in inputs of length `len`.
    pub(crate) fn samples_of(shape: Shape, len: usize, most: usize) -> Result<usize, Self> {
        let features = shape.features().max(1);
        let found = len / features;
        let expected = found.max(1).saturating_mul(features);
        if len > 0 && len != expected {
            return Err(Self::Inputs { expected, found: len });
        }
        if found == 0 || found > most { Err(Self::Samples { most, found }) } else { Ok(found) }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Samples { most, found } => write!(f, "1 to {most} samples are taken at a time, found {found}"),
            Self::Inputs { expected, found } => write!(f, "the samples need {expected} values, found {found}"),
            Self::Labels { expected, found } => write!(f, "{expected} samples need as many labels, found {found}"),
            Self::Label { sample, classes, found } => {
                write!(f, "the label of sample {sample} has to be below {classes}, found {found}")
            }
            Self::ValuesNotTaken { loss } => {
                write!(f, "the loss {} takes a class for each sample, found values", loss.name())
            }
            Self::Values { expected, found } => write!(f, "the samples need {expected} target values, found {found}"),
            Self::Value { sample, output, found } => write!(
                f,
                "target {output} of sample {sample} has to be finite, and in [0, 1] for binary cross-entropy, found {found}"
            ),
            Self::NonFiniteInput { sample, feature, found } => {
                write!(f, "feature {feature} of sample {sample} has to be finite, found {found}")
            }
            Self::StepRunning => f.write_str("a step is running: poll until it is ready"),
            Self::NoTable => f.write_str("the table is missing: pass it to set_table"),
            Self::NonFinite(score) => write!(f, "the loss is {}: the training has diverged", score.loss),
        }
    }
}

impl core::error::Error for StepError {}
