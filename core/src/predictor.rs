//! Prediction without training memory: borrowed parameters, wherever they lie, and two small buffers.

use crate::architecture::Architecture;
use crate::arithmetic::Portable;
use crate::kinds::ALL;
use crate::trainer::{self, StepError, TrainerError};

/// Gives the scores of a trained network. The parameters may lie in flash.
///
/// ```
/// use asymgrad_core::{Architecture, Layer, Predictor, Shape};
/// const NET: Architecture = Architecture::new(Shape::vector(2), &[Layer::dense(2)]);
/// static PARAMETERS: [f32; NET.parameters()] = [1.0, 0.0, 0.0, 1.0, 0.5, 0.0]; // two rows of weights, two biases
///
/// let mut memory = [0.0; NET.prediction_memory(1)];
/// let mut predictor = Predictor::<{ NET.prediction_kinds() }>::new(NET, 1, &PARAMETERS, &mut memory)?;
/// assert_eq!(predictor.predict(&[1.0, 2.0])?, &[1.5, 2.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Predictor<'m, const KINDS: u32 = ALL> {
    network: Architecture<'m>,
    batch: usize,
    parameters: &'m [f32],
    memory: &'m mut [f32],
}

impl<'m, const KINDS: u32> Predictor<'m, KINDS> {
    /// A predictor for up to `batch` samples at a time.
    ///
    /// # Errors
    /// [`TrainerError`] if the parameters or the memory have the wrong length, or `KINDS` leave out one of
    /// [`Architecture::prediction_kinds`].
    pub fn new(
        network: Architecture<'m>,
        batch: usize,
        parameters: &'m [f32],
        memory: &'m mut [f32],
    ) -> Result<Self, TrainerError> {
        if batch == 0 {
            return Err(TrainerError::EmptyBatch);
        }
        let expected = network.prediction_kinds();
        if expected & KINDS != expected {
            return Err(TrainerError::Kinds { expected, found: KINDS });
        }
        let (expected, found) = (network.parameters(), parameters.len());
        if found != expected {
            return Err(TrainerError::Parameters { expected, found });
        }
        let (expected, found) = (network.prediction_memory(batch), memory.len());
        if found != expected {
            return Err(TrainerError::Memory { expected, found });
        }
        Ok(Self { network, batch, parameters, memory })
    }

    /// The scores of some samples, numbers as `[sample][channel][row][col]`; the result is batch × classes, column-major: the
    /// scores of the first class for all samples, then those of the second.
    ///
    /// ```
    /// # use asymgrad_core::{Architecture, Layer, Predictor, Shape};
    /// # const NET: Architecture = Architecture::new(Shape::vector(2), &[Layer::dense(2)]);
    /// # static PARAMETERS: [f32; NET.parameters()] = [1.0, 0.0, 0.0, 1.0, 0.5, 0.0];
    /// let mut memory = [0.0; NET.prediction_memory(3)];
    /// let mut predictor: Predictor = Predictor::new(NET, 3, &PARAMETERS, &mut memory)?;
    /// let samples = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
    /// let scores = predictor.predict(samples.as_flattened())?;
    /// assert_eq!(scores, [1.5, 3.5, 5.5, 2.0, 4.0, 6.0]);
    /// let of_second = scores.iter().skip(1).step_by(samples.len());
    /// assert!(of_second.eq(&[3.5, 4.0]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StepError`] if there are no samples or too many, or their numbers are not whole samples.
    pub fn predict(&mut self, inputs: &[f32]) -> Result<&[f32], StepError> {
        let shape = self.network.input();
        let samples = StepError::samples_of(shape, inputs.len(), self.batch)?;
        let [even, _] = self.network.prediction_buffers(self.batch);
        let (mut from, mut to) = self.memory.split_at_mut_checked(even).unwrap_or((&mut [], &mut []));
        shape.load(inputs, samples, from);
        for site in self.network.sites() {
            let input = from.get(..site.input.features() * samples).unwrap_or(&[]);
            let output = to.get_mut(..site.output.features() * samples).unwrap_or(&mut []);
            let parameters = self.parameters.get(site.parameters..).unwrap_or(&[]);
            let (weight, bias) = parameters.split_at_checked(site.weights).unwrap_or((&[], &[]));
            trainer::forward::<KINDS, _>(&Portable, &site, samples, input, weight, bias, output);
            core::mem::swap(&mut from, &mut to);
        }
        Ok(from.get(..self.network.classes() * samples).unwrap_or(&[]))
    }
}
