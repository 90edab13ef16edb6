//! The targets of a batch: a class for each sample, or a value for each output.

/// The targets of a batch, for [`Trainer::step`](crate::Trainer::step).
///
/// Every [`Loss`](crate::Loss) takes classes; [`Loss::takes_values`](crate::Loss::takes_values) says which take values.
/// Functions that take `impl Into<Targets>` accept slices and arrays of either.
///
/// ```
/// use asymgrad_core::{Architecture, Layer, Loss, Shape, Trainer, Training};
/// const NET: Architecture = Architecture::new(Shape::vector(1), &[Layer::dense(1)]);
/// const TRAINING: Training = Training::new(2).loss(Loss::MeanSquared);
/// let mut memory = [0.0; NET.memory(&TRAINING)];
/// let mut trainer = Trainer::<{ NET.capabilities(&TRAINING) }>::new(NET, TRAINING, &mut memory)?;
/// let score = trainer.step(&[1.0, 2.0], &[3.0, 5.0])?; // values, since these are `f32`
/// assert_eq!((score.loss, score.correct), (17.0, None)); // all weights are 0
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Targets<'a> {
    /// A class for each sample, below [`Training::classes`](crate::Training::classes). A loss that takes values trains the
    /// outputs towards 1 for the class and 0 for the others. With one output, binary cross-entropy has the classes 0 and 1, which
    /// are the values 0 and 1, and the other losses have class 0 alone.
    Classes(&'a [usize]),
    /// A value for each output of each sample, `[sample][output]`.
    Values(&'a [f32]),
}

impl<'a> From<&'a [usize]> for Targets<'a> {
    fn from(classes: &'a [usize]) -> Self {
        Self::Classes(classes)
    }
}

impl<'a, const N: usize> From<&'a [usize; N]> for Targets<'a> {
    fn from(classes: &'a [usize; N]) -> Self {
        Self::Classes(classes)
    }
}

impl<'a> From<&'a [f32]> for Targets<'a> {
    fn from(values: &'a [f32]) -> Self {
        Self::Values(values)
    }
}

impl<'a, const N: usize> From<&'a [f32; N]> for Targets<'a> {
    fn from(values: &'a [f32; N]) -> Self {
        Self::Values(values)
    }
}
