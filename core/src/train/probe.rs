//! The error signals at every layer, computed without an update.

use super::buffers::{gradient_buffers, layer_activations};
use super::error::StepError;
use super::trainer::Trainer;
use crate::kernels::{Geometry, Kernels, WeightGradient};
use crate::network::{Score, Targets};
use crate::plan::{LayerCursor, LayerPlan};

/// The error signal at a layer with weights, see [`Trainer::probe`].
#[derive(Clone, Copy, Debug)]
pub struct ErrorSignal<'a> {
    /// Index of the layer, from 0.
    pub layer: usize,
    /// The layer's input h and dL/dy at its output, feature × sample; `hᵀG` is the layer's weight gradient.
    pub gradient: WeightGradient<'a>,
    /// The layer's output after its activation, feature × sample.
    pub output: &'a [f32],
}

impl<const CAPS: u32, K: Kernels> Trainer<'_, CAPS, K> {
    /// Computes the error signal at every layer with weights for the samples of [`Trainer::input`], the last layer first,
    /// and calls `visit` with each. No weight changes.
    ///
    /// With `true_gradient` the backward pass uses W everywhere, else the feedback of each layer's rule.
    ///
    /// # Errors
    /// [`StepError`] as for [`Trainer::start`], or if the loss is not finite.
    pub fn probe<'t>(
        &mut self,
        targets: impl Into<Targets<'t>>,
        true_gradient: bool,
        visit: &mut dyn FnMut(ErrorSignal<'_>),
    ) -> Result<Score, StepError> {
        let score = self.evaluate(targets)?;
        if !score.loss.is_finite() {
            return Err(StepError::NonFinite(score));
        }
        let (network, samples) = (self.network, self.samples());
        for layer in (0..network.layers().len()).rev() {
            let mut plan = LayerPlan::before_first(&network, &self.training);
            if !plan.seek::<CAPS>(network.layers(), layer) {
                break;
            }
            let plan = &plan;
            if let Some(geometry) = Geometry::of::<CAPS>(plan) {
                let (grad_output, _) = gradient_buffers(self.work.even, self.work.odd, plan, samples);
                let (input, output) = layer_activations::<CAPS>(self.work.forward, &self.training, plan, samples);
                visit(ErrorSignal {
                    layer,
                    gradient: WeightGradient { geometry, samples, input, grad_output },
                    output,
                });
            }
            if !plan.needs_input_gradient {
                break;
            }
            if !true_gradient {
                // Magnitudes are drawn from the last ones: those of a probe would change all later steps.
                self.refresh_signs(plan, None);
            }
            self.input_gradient(plan, true_gradient, usize::MAX);
        }
        Ok(score)
    }

    /// Gives sign-concordant feedback the values that the next step would use: the signs of W and, for
    /// [`batch_sign`](crate::feedback::batch_sign), the next magnitudes.
    ///
    /// This is for a state that is exported and not trained further, because a step draws its magnitudes from the last ones.
    pub fn refresh_feedback(&mut self) {
        let next = self.steps.saturating_add(1);
        let mut cursor = LayerCursor::<CAPS>::new(&self.network, &self.training);
        while cursor.advance() {
            self.refresh_signs(&cursor.plan, Some(next));
        }
    }
}
