//! Reconstruction errors as anomaly scores, and how many test images they are taken from.

use std::fs;
use std::path::Path;

use asymgrad_core::Loss;
use serde::{Deserialize, Serialize};

use super::step::HostTrainer;
use crate::atomic;
use crate::config::Config;
use crate::dataset::{Dataset, Pixels};
use crate::run::{ANOMALIES, Error};
use crate::statistics;

/// The test images of a ROC-AUC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnomalyCounts {
    /// Those of the anomaly class.
    pub anomalies: u32,
    /// The others.
    pub others: u32,
}

impl AnomalyCounts {
    /// Those of a run on `dataset`; `None` without an anomaly class.
    pub fn of(config: &Config, dataset: &Dataset) -> Option<Self> {
        let anomalies = dataset.test.count_of(config.anomaly_class?);
        let count = |images: usize| u32::try_from(images).unwrap_or(u32::MAX);
        Some(Self { anomalies: count(anomalies), others: count(dataset.test.len().saturating_sub(anomalies)) })
    }

    /// Those of the run in `folder`; `None` without an anomaly class, or if it was trained before there was such a file.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(ANOMALIES)).ok()?).ok()
    }

    /// Writes `anomalies.json`.
    pub(super) fn write(self, file: &Path) -> Result<(), Error> {
        atomic::write(file, |out| {
            serde_json::to_writer(&mut *out, &self)?;
            out.write_all(b"\n")
        })
        .map_err(Error::io("write", file))
    }

    /// The interval that a ROC-AUC has because the test images are a sample (Hanley and `McNeil` 1982), within 0 and 1.
    pub fn interval(self, area: f64) -> [f64; 2] {
        let error = statistics::roc_auc_error(area, self.anomalies, self.others);
        [area - error, area + error].map(|end| end.clamp(0.0, 1.0))
    }
}

/// ROC-AUC of the reconstruction errors of all test images, with those of the anomaly class as the positives; `None` without an anomaly
/// class, or if an error is not finite.
///
/// An image's error is the mean over its values of the squared difference to its reconstruction: the outputs or, with the loss `bce`,
/// their sigmoids.
///
/// # Errors
/// [`Error`] if a file of images cannot be read, or the network does not take them.
pub(crate) fn roc_auc(
    trainer: &mut HostTrainer<'_>,
    config: &Config,
    dataset: &Dataset,
    pixels: &Pixels,
) -> Result<Option<f64>, Error> {
    let Some(anomaly) = config.anomaly_class else { return Ok(None) };
    let images = &dataset.test;
    let (batch, is_logit) = (trainer.training().batch(), config.loss == Loss::BinaryCrossEntropy);
    let mut scores = Vec::with_capacity(images.len());
    let mut inputs = vec![];
    for first in (0..images.len()).step_by(batch) {
        let chosen = first..images.len().min(first + batch);
        let samples = chosen.len();
        inputs.clear();
        for index in chosen.clone() {
            inputs.extend(pixels.numbers(&images.image(index)?));
        }
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
