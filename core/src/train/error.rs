//! Why a trainer cannot be made, and why a step is not.

use core::fmt;

use crate::checks::CoefficientError;
use crate::network::{Score, Shape};

/// Why a trainer or a [`Predictor`](crate::Predictor) cannot be made.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TrainerError {
    /// A step of no samples.
    EmptyBatch,
    /// The memory has another length than [`Architecture::memory`](crate::Architecture::memory) says, or
    /// [`Architecture::prediction_memory`](crate::Architecture::prediction_memory) for a predictor.
    Memory {
        /// Numbers needed.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// The parameters of a [`Predictor`](crate::Predictor) are not as many as
    /// [`Architecture::parameters`](crate::Architecture::parameters) says.
    Parameters {
        /// Numbers needed.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// The network or its training names a kind that this trainer's `CAPS` leave out.
    Capabilities {
        /// Kinds needed.
        expected: u32,
        /// Kinds compiled in.
        found: u32,
    },
    /// The table of feedback has another length than [`Architecture::fixed_feedback`](crate::Architecture::fixed_feedback)
    /// says.
    Table {
        /// Numbers needed.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// A coefficient of the training lies outside its range.
    Coefficient(CoefficientError),
}

impl fmt::Display for TrainerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyBatch => f.write_str("a batch needs at least 1 sample, found 0"),
            Self::Memory { expected, found } => write!(f, "the memory has to hold {expected} numbers, found {found}"),
            Self::Parameters { expected, found } => {
                write!(f, "the network has {expected} parameters, weights and biases, found {found}")
            }
            Self::Capabilities { expected, found } => {
                write!(f, "the capabilities {expected:#x} have to be compiled in, found {found:#x}")
            }
            Self::Table { expected, found } => {
                write!(f, "the training needs a table of {expected} feedback numbers, found {found}")
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

/// Why a step was not made, or a prediction. The weights are as they were.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StepError {
    /// More samples than the training's batch, or none.
    Samples {
        /// The training's batch.
        most: usize,
        /// Samples given.
        found: usize,
    },
    /// The samples' numbers are not as many as the labels ask for, or, in a prediction, no whole samples.
    Inputs {
        /// Numbers needed; in a prediction, of the whole samples found, or of one.
        expected: usize,
        /// Numbers given.
        found: usize,
    },
    /// The labels are not as many as the samples of [`Trainer::input`](crate::Trainer::input).
    Labels {
        /// Samples loaded.
        expected: usize,
        /// Labels given.
        found: usize,
    },
    /// A label names no class.
    Label {
        /// Number of the sample, from 0.
        sample: usize,
        /// Classes of the network.
        classes: usize,
        /// The label.
        found: usize,
    },
    /// A number of a sample is infinite or not a number.
    NonFiniteInput {
        /// Number of the sample, from 0.
        sample: usize,
        /// Place of the number in the sample as `[channel][row][col]`, from 0.
        feature: usize,
        /// The number.
        found: f32,
    },
    /// A step is under way, and another cannot begin before [`Trainer::poll`](crate::Trainer::poll) is ready.
    UnderWay,
    /// The training's feedback lies in a table that [`Trainer::set_table`](crate::Trainer::set_table) was not given.
    NoTable,
    /// The loss is not a number or infinite though the samples are finite: the training has diverged.
    NonFinite(Score),
}

impl StepError {
    /// The samples that so many numbers are, at most `most`.
    pub(crate) fn samples_of(shape: Shape, numbers: usize, most: usize) -> Result<usize, Self> {
        let features = shape.features().max(1);
        let found = numbers / features;
        let expected = found.max(1).saturating_mul(features);
        if numbers > 0 && numbers != expected {
            return Err(Self::Inputs { expected, found: numbers });
        }
        if found == 0 || found > most { Err(Self::Samples { most, found }) } else { Ok(found) }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Samples { most, found } => write!(f, "1 to {most} samples are taken at a time, found {found}"),
            Self::Inputs { expected, found } => write!(f, "the samples need {expected} numbers, found {found}"),
            Self::Labels { expected, found } => write!(f, "{expected} samples need as many labels, found {found}"),
            Self::Label { sample, classes, found } => {
                write!(f, "the label of sample {sample} has to be below {classes}, found {found}")
            }
            Self::NonFiniteInput { sample, feature, found } => {
                write!(f, "number {feature} of sample {sample} has to be finite, found {found}")
            }
            Self::UnderWay => f.write_str("a step is under way: poll until it is ready"),
            Self::NoTable => f.write_str("the feedback's table is missing: give it to set_table"),
            Self::NonFinite(score) => write!(f, "the loss is {}: the training has diverged", score.loss),
        }
    }
}

impl core::error::Error for StepError {}
