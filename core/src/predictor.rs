//! Prediction without training memory: borrowed parameters and two activation buffers.

use crate::arithmetic::Portable;
use crate::capabilities::ALL;
use crate::network::{Architecture, Training};
use crate::plan::{LayerCursor, Layout};
use crate::slices::{range, range_mut, split_mut};
use crate::train::pass::forward;
use crate::train::{StepError, TrainerError};

/// Computes the logits of a trained network. The parameters may lie in flash.
///
/// ```
/// use asymgrad_core::{Architecture, Layer, Predictor, Shape};
/// const NET: Architecture = Architecture::new(Shape::vector(2), &[Layer::dense(2)]);
/// static PARAMETERS: [f32; NET.parameters()] = [1.0, 0.0, 0.0, 1.0, 0.5, 0.0]; // two rows of weights, two biases
///
/// let mut memory = [0.0; NET.prediction_memory(1)];
/// let mut predictor = Predictor::<{ NET.prediction_capabilities() }>::new(NET, 1, &PARAMETERS, &mut memory)?;
/// assert_eq!(predictor.predict(&[1.0, 2.0])?, &[1.5, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Predictor<'m, const CAPS: u32 = ALL> {
    network: Architecture<'m>,
    batch: usize,
    /// Parameters of the first layers, and those of the others.
    parameters: [&'m [f32]; 2],
    memory: &'m mut [f32],
}

impl<'m, const CAPS: u32> Predictor<'m, CAPS> {
    /// A predictor for up to `batch` samples at a time.
    ///
    /// `parameters` has [`Architecture::parameters`] values, `memory` [`Architecture::prediction_memory`] values.
    ///
    /// # Errors
    /// [`TrainerError`] if `batch` is 0, the parameters or the memory have the wrong length, or `CAPS` leave out one of
    /// [`Architecture::prediction_capabilities`].
    pub fn new(
        network: Architecture<'m>,
        batch: usize,
        parameters: &'m [f32],
        memory: &'m mut [f32],
    ) -> Result<Self, TrainerError> {
        Self::split(network, batch, [&[], parameters], memory)
    }

    /// A predictor whose parameters lie in two slices: those of the first layers, such as frozen ones in flash, and those of the others,
    /// such as [`Trainer::parameters`](crate::Trainer::parameters) under
    /// [`Training::freeze_in_table`](crate::Training::freeze_in_table).
    ///
    /// # Errors
    /// As [`Predictor::new`]; [`TrainerError::Split`] if the first slice ends within a layer.
    pub fn split(
        network: Architecture<'m>,
        batch: usize,
        parameters: [&'m [f32]; 2],
        memory: &'m mut [f32],
    ) -> Result<Self, TrainerError> {
        if batch == 0 {
            return Err(TrainerError::EmptyBatch);
        }
        let expected = network.prediction_capabilities();
        if expected & CAPS != expected {
            return Err(TrainerError::Capabilities { expected, found: CAPS });
        }
        let [first, others] = parameters.map(<[f32]>::len);
        let (expected, found) =
            (Layout::new::<CAPS>(&network, &Training::new(0)).parameters, first.saturating_add(others));
        if found != expected {
            return Err(TrainerError::Parameters { expected, found });
        }
        let mut plans = LayerCursor::<CAPS>::untrained(&network);
        if first > 0 && others > 0 && !plans.any(|plan| plan.parameter_offset == first) {
            return Err(TrainerError::Split { found: first });
        }
        let [even, odd] = network.prediction_buffers::<CAPS>(batch);
        let (expected, found) = (even.saturating_add(odd), memory.len());
        if found != expected {
            return Err(TrainerError::Memory { expected, found });
        }
        Ok(Self { network, batch, parameters, memory })
    }

    /// The logits of some samples, given as `[sample][channel][row][col]`.
    ///
    /// The result is batch × classes, column-major: the logits of the first class for all samples, then those of the second.
    ///
    /// ```
    /// # use asymgrad_core::{Architecture, Layer, Predictor, Shape};
    /// # const NET: Architecture = Architecture::new(Shape::vector(2), &[Layer::dense(2)]);
    /// # static PARAMETERS: [f32; NET.parameters()] = [1.0, 0.0, 0.0, 1.0, 0.5, 0.0];
    /// let mut memory = [0.0; NET.prediction_memory(3)];
    /// let mut predictor: Predictor = Predictor::new(NET, 3, &PARAMETERS, &mut memory)?;
    /// let samples = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
    /// let logits = predictor.predict(samples.as_flattened())?;
    /// assert_eq!(logits, [1.5, 3.5, 5.5, 2.0, 4.0, 6.0]);
    /// let of_second = logits.iter().skip(1).step_by(samples.len());
    /// assert!(of_second.eq(&[3.5, 4.0]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StepError`] if there are no samples or too many, or `inputs` is not a whole number of samples.
    pub fn predict(&mut self, inputs: &[f32]) -> Result<&[f32], StepError> {
        let shape = self.network.input();
        let samples = StepError::samples_of(shape, inputs.len(), self.batch)?;
        let [even, _] = self.network.prediction_buffers::<CAPS>(self.batch);
        let (mut from, mut to) = split_mut(self.memory, even);
        shape.load(inputs, samples, from);
        for plan in LayerCursor::<CAPS>::untrained(&self.network) {
            let input = range(from, 0, plan.input.features() * samples);
            let output = range_mut(to, 0, plan.output.features() * samples);
            let [first, others] = self.parameters;
            let (values, offset) = match plan.parameter_offset.checked_sub(first.len()) {
                None => (first, plan.parameter_offset),
                Some(offset) => (others, offset),
            };
            let weight = range(values, offset, plan.weights);
            let bias = range(values, offset + plan.weights, plan.biases);
            forward::<CAPS, _>(&Portable, &plan, samples, input, (weight, bias), None, output);
            core::mem::swap(&mut from, &mut to);
        }
        Ok(range(from, 0, self.network.classes() * samples))
    }
}
