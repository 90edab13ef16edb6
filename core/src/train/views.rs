//! Weights and feedback of a trainer as matrices.

use nalgebra::{Dyn, MatrixView};

use super::trainer::Trainer;
use crate::network::Operation;
use crate::plan::{LayerCursor, LayerPlan};

impl<const CAPS: u32, K> Trainer<'_, CAPS, K> {
    /// The weights of the dense layer with index `layer` among all layers, from 0: inputs × outputs, the inputs in the
    /// order of [`Shape::channels_last_index`](crate::Shape::channels_last_index). `None` if there is no such layer or it
    /// is not dense.
    ///
    /// ```
    /// # use asymgrad_core::{Architecture, Layer, Shape, Trainer, Training};
    /// const NET: Architecture = Architecture::new(Shape::vector(3), &[Layer::dense(2)]);
    /// const TRAINING: Training = Training::new(1);
    /// let mut memory = [0.0; NET.memory(&TRAINING)];
    /// let trainer: Trainer = Trainer::new(NET, TRAINING, &mut memory)?;
    /// assert_eq!(trainer.weights(0).map(|weights| weights.shape()), Some((3, 2)));
    /// # Ok::<(), asymgrad_core::TrainerError>(())
    /// ```
    pub fn weights(&self, layer: usize) -> Option<MatrixView<'_, f32, Dyn, Dyn>> {
        let plan = LayerCursor::<CAPS>::new(&self.network, &self.training).nth(layer)?;
        let values = if plan.is_in_table() { self.table } else { &*self.state };
        matrix(values, &plan, plan.parameter_offset)
    }

    /// The feedback B of the layer with index `layer` among all layers, from 0.
    ///
    /// Its shape is that of [`Trainer::weights`], or inputs × classes for `(DFA)` and `(DRTP)` in layers of any operation.
    /// `None` if there is no such layer, the training's memory holds no feedback of the layer, or the layer is a
    /// convolution whose rule is not direct.
    ///
    /// ```
    /// # use asymgrad_core::{Architecture, Feedback, Layer, Shape, Trainer, Training};
    /// const NET: Architecture = Architecture::new(
    ///     Shape::vector(3),
    ///     &[Layer::dense(8), Layer::dense(5).feedback(Feedback::Direct), Layer::dense(2).feedback(Feedback::Fixed)],
    /// );
    /// const TRAINING: Training = Training::new(1);
    /// let mut memory = [0.0; NET.memory(&TRAINING)];
    /// let trainer: Trainer = Trainer::new(NET, TRAINING, &mut memory)?;
    /// let shapes = [0, 1, 2].map(|layer| trainer.feedback(layer).map(|feedback| feedback.shape()));
    /// assert_eq!(shapes, [None, Some((8, 2)), Some((5, 2))]);
    /// # Ok::<(), asymgrad_core::TrainerError>(())
    /// ```
    pub fn feedback(&self, layer: usize) -> Option<MatrixView<'_, f32, Dyn, Dyn>> {
        let plan = LayerCursor::<CAPS>::new(&self.network, &self.training)
            .nth(layer)
            .filter(|plan| plan.feedback_in_memory() > 0)?;
        let from = self.parameters + plan.feedback_offset;
        if plan.layer.feedback.is_direct() {
            view(self.state, from, plan.feedback_fans())
        } else {
            matrix(self.state, &plan, from)
        }
    }
}

fn matrix<'a>(values: &'a [f32], plan: &LayerPlan<'_>, from: usize) -> Option<MatrixView<'a, f32, Dyn, Dyn>> {
    let Operation::Dense { outputs } = plan.layer.operation else { return None };
    view(values, from, (plan.input.features(), outputs))
}

fn view(values: &[f32], from: usize, (rows, cols): (usize, usize)) -> Option<MatrixView<'_, f32, Dyn, Dyn>> {
    let values = values.get(from..from.checked_add(rows.checked_mul(cols)?)?)?;
    Some(MatrixView::from_slice_generic(values, Dyn(rows), Dyn(cols)))
}
