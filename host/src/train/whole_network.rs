//! Measures of all layers' weights as one vector: the angle of the rules' gradient to the true one, and the curvature along it.

use std::collections::BTreeMap;

use asymgrad_core::capabilities::ALL;
use asymgrad_core::kernels::{Kernels, WeightGradient};
use asymgrad_core::{Optimizer, Sgd, StepCoefficients, StepError, Targets, Tensor, Trainer, Update};

/// The step of [`WholeNetwork::sharpness`], as a fraction of the norm of the weights.
const STEP: f64 = 1e-3;

/// The weight gradients of the rules, and their products with the true ones.
#[derive(Default)]
pub(super) struct WholeNetwork {
    gradients: BTreeMap<usize, Vec<f32>>,
    dot: f64,
    of_own: f64,
    of_true: f64,
}

impl WholeNetwork {
    /// Adds the gradients of a layer's weights by its rule and by backpropagation.
    pub(super) fn add(&mut self, layer: usize, own: Vec<f32>, true_gradient: &[f32]) {
        for (a, b) in own.iter().zip(true_gradient) {
            let (a, b) = (f64::from(*a), f64::from(*b));
            (self.dot, self.of_own, self.of_true) = (self.dot + a * b, self.of_own + a * a, self.of_true + b * b);
        }
        self.gradients.insert(layer, own);
    }

    /// The angle between both gradients in degrees; `None` if one is zero.
    pub(super) fn angle(&self) -> Option<f64> {
        let norms = (self.of_own * self.of_true).sqrt();
        (norms > 0.0).then(|| libm::acos((self.dot / norms).clamp(-1.0, 1.0)).to_degrees())
    }

    /// dᵀ H d / dᵀ d, where H is the Hessian of the batch's loss and d the rules' gradient: a central difference of the true gradient
    /// over a thousandth of the norm of the weights to both sides. The weights are then as before. `None` if d is zero or a loss is not
    /// finite.
    ///
    /// `weights` are the tensors of the layers of [`WholeNetwork::add`].
    ///
    /// # Errors
    /// [`StepError`] if the targets do not fit.
    pub(super) fn sharpness<K: Kernels>(
        &self,
        trainer: &mut Trainer<'_, ALL, K>,
        kernels: &impl Kernels,
        targets: Targets<'_>,
        weights: &[&Tensor<'_>],
    ) -> Result<Option<f64>, StepError> {
        let saved = trainer.parameters().to_vec();
        let squares = weights.iter().flat_map(|tensor| &saved[tensor.range()]).map(|w| f64::from(*w).powi(2));
        let (norm, step) = (self.of_own.sqrt(), STEP * squares.sum::<f64>().sqrt());
        if norm == 0.0 || step == 0.0 {
            return Ok(None);
        }
        let mut slopes = [0.0; 2];
        for (slope, signed) in slopes.iter_mut().zip([step, -step]) {
            for tensor in weights {
                let direction = self.gradients.get(&tensor.layer()).into_iter().flatten();
                let weights = trainer.state_mut()[tensor.range()].iter_mut().zip(&saved[tensor.range()]);
                weights.zip(direction).for_each(|((w, saved), d)| *w = moved(*saved, *d, signed / norm));
            }
            let probed = trainer.probe(targets, true, &mut |signal| {
                if let Some(direction) = self.gradients.get(&signal.layer) {
                    let gradient = weight_gradient(kernels, &signal.gradient);
                    let products = gradient.iter().zip(direction).map(|(g, d)| f64::from(*g) * f64::from(*d));
                    *slope += products.sum::<f64>() / norm;
                }
            });
            trainer.state_mut()[..saved.len()].copy_from_slice(&saved);
            match probed {
                Err(StepError::NonFinite(_)) => return Ok(None),
                score => score?,
            };
        }
        Ok(Some((slopes[0] - slopes[1]) / (2.0 * step)))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a weight is an f32")]
fn moved(weight: f32, direction: f32, by: f64) -> f32 {
    (f64::from(weight) + by * f64::from(direction)) as f32
}

/// The weight gradient hᵀG, through the kernels that train.
pub(super) fn weight_gradient(kernels: &impl Kernels, job: &WeightGradient<'_>) -> Vec<f32> {
    let weights = job.geometry.weights();
    let mut sums = vec![0.0; if job.geometry.shares_weights() { weights } else { 0 }];
    // Descent from 0 with rate −1 leaves hᵀG.
    let rule = StepCoefficients::at(Optimizer::Sgd(Sgd { rate: -1.0 }), None, 1);
    let mut gradient = vec![0.0; weights];
    let update = Update::new(rule, &mut gradient, &mut [], &mut [], &mut []);
    kernels.weight_gradient::<ALL>(job, update, &mut sums);
    gradient
}
