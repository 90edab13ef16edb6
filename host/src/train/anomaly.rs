//! Reconstruction errors as anomaly scores.

use asymgrad_core::{Loss, StepError};

use super::step::HostTrainer;
use crate::dataset::{Images, Pixels};
use crate::statistics;

/// ROC-AUC of the reconstruction errors of all images, with those of class `anomaly` as the positives; `None` if an error is not finite.
///
/// An image's error is the mean over its values of the squared difference to its reconstruction: the outputs or, with the loss `bce`,
/// their sigmoids.
///
/// # Errors
/// [`StepError`] if the network does not take these images.
pub(crate) fn roc_auc(
    trainer: &mut HostTrainer<'_>,
    images: &Images,
    pixels: &Pixels,
    loss: Loss,
    anomaly: u8,
) -> Result<Option<f64>, StepError> {
    let (batch, is_logit) = (trainer.training().batch(), loss == Loss::BinaryCrossEntropy);
    let mut scores = Vec::with_capacity(images.len());
    let mut inputs = vec![];
    for first in (0..images.len()).step_by(batch) {
        let chosen = first..images.len().min(first + batch);
        let samples = chosen.len();
        inputs.clear();
        chosen.clone().for_each(|index| inputs.extend(pixels.numbers(images.image(index))));
        let outputs = trainer.predict(&inputs)?;
        let count = inputs.len() / samples;
        for (sample, (index, values)) in chosen.zip(inputs.chunks_exact(count)).enumerate() {
            let reconstruction = outputs.iter().skip(sample).step_by(samples).map(|z| f64::from(*z));
            let square = |(z, value): (f64, &f32)| {
                let z = if is_logit { 1.0 / (1.0 + libm::exp(-z)) } else { z };
                (z - f64::from(*value)).powi(2)
            };
            let error = reconstruction.zip(values).map(square).sum::<f64>() / count as f64;
            scores.push((error, images.labels[index] == anomaly));
        }
    }
    let is_finite = scores.iter().all(|(error, _)| error.is_finite());
    Ok(if is_finite { statistics::roc_auc(&scores) } else { None })
}
