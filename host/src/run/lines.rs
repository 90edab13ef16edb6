//! The lines of a run's logs, and how they are read.
//!
//! JSON knows no NaN, so a number that is not finite is the string "NaN", "inf" or "-inf".

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::error::Error;
use super::files::EPOCHS;

/// A line of `metrics.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StepLine {
    /// Number of the step, from 1.
    pub step: u64,
    /// Its epoch, from 1.
    pub epoch: u32,
    /// Mean loss of the batch before the update.
    #[serde(serialize_with = "write_f32")]
    pub loss: f32,
}

/// A line of `epochs.jsonl`; losses are means over samples, accuracies percent. A run whose predictions are neither right nor wrong has
/// no accuracies, see [`Config::has_accuracy`](crate::config::Config::has_accuracy).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochLine {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Over the epoch's batches, each before its update.
    #[serde(serialize_with = "write_f64", deserialize_with = "read_f64")]
    pub train_loss: f64,
    /// Over the epoch's batches, each before its update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "write_optional", deserialize_with = "read_optional")]
    pub train_accuracy: Option<f64>,
    /// Over the validation images, after the epoch; `None` without a validation split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "write_optional", deserialize_with = "read_optional")]
    pub validation_loss: Option<f64>,
    /// Over the validation images, after the epoch; `None` without a validation split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_accuracy: Option<f64>,
    /// Over the test images, after the epoch.
    #[serde(serialize_with = "write_f64", deserialize_with = "read_f64")]
    pub test_loss: f64,
    /// Over the test images, after the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(serialize_with = "write_optional", deserialize_with = "read_optional")]
    pub test_accuracy: Option<f64>,
    /// Area under the ROC curve of the test images' reconstruction errors, with the anomaly class as the positives; `None` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_roc_auc: Option<f64>,
}

impl EpochLine {
    /// Whether one of the losses is not finite.
    pub fn has_diverged(&self) -> bool {
        let losses = [Some(self.train_loss), self.validation_loss, Some(self.test_loss)];
        losses.into_iter().flatten().any(|loss| !loss.is_finite())
    }

    /// The number by which the best epoch is chosen, the one where it is largest: the accuracy or, without one, the negative loss. On the
    /// validation images; without a validation split on the test images, which is optimistic.
    pub fn selection_score(&self) -> f64 {
        let accuracy = self.validation_accuracy.or(self.test_accuracy);
        accuracy.unwrap_or(-self.validation_loss.unwrap_or(self.test_loss))
    }
}

/// A whole line of `epochs.jsonl`: the epoch, and the measures of its end.
#[derive(Debug, Serialize)]
pub(crate) struct MeasuredLine {
    #[serde(flatten)]
    pub(crate) line: EpochLine,
    #[serde(flatten)]
    pub(crate) measures: Option<Measures>,
}

/// A line of `timing.jsonl`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TimingLine {
    pub(crate) epoch: u32,
    /// Wall time of the epoch's steps.
    pub(crate) train_seconds: f64,
    /// Wall time of the evaluation after it.
    pub(crate) test_seconds: f64,
    pub(crate) images_per_second: f64,
    pub(crate) threads: usize,
    pub(crate) kernels: String,
}

/// Numbers by the layer's name, such as `dense2`.
pub(crate) type ByLayer = BTreeMap<String, f64>;

/// The measures of one epoch; angles in degrees. A number that does not exist, such as the angle to a zero signal, is left
/// out.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Measures {
    /// Between the error signal that the layer sends back and the true gradient, both behind the derivative of the receiving
    /// layer's activation, which makes both 0 where its ReLU is 0. Mean over samples.
    pub angles: ByLayer,
    /// Standard deviation of that angle over samples.
    pub angle_spreads: ByLayer,
    /// Norm of that signal over the norm of the true one, taken at the same place, both over the whole batch.
    pub norm_ratios: ByLayer,
    /// Between the layer's weight gradient and the true one.
    pub gradient_angles: ByLayer,
    /// Between the layer's B and W; only where a rule stores a B that stands beside W. Taps on padding do not count.
    pub weight_angles: ByLayer,
    /// Share of the layer's weights whose B has their sign, in percent.
    pub sign_agreements: ByLayer,
    /// Share of the layer's outputs that are the same for all samples, in percent.
    pub dead_units: ByLayer,
    /// Effective rank of the signal that the layer sends back, samples × features: exp of the entropy of its squared singular values.
    #[serde(skip_serializing_if = "ByLayer::is_empty")]
    pub signal_ranks: ByLayer,
    /// Mean cosine between that signal for two different samples.
    #[serde(skip_serializing_if = "ByLayer::is_empty")]
    pub signal_cosines: ByLayer,
    /// Mean cosine between the layer's outputs for two different samples.
    #[serde(skip_serializing_if = "ByLayer::is_empty")]
    pub activation_cosines: ByLayer,
    /// Participation ratio of the squared derivatives of the layer's activation: 1 if all units pass the gradient alike.
    #[serde(skip_serializing_if = "ByLayer::is_empty")]
    pub gate_participation: ByLayer,
    /// Share of the layer's sigmoid or tanh units whose mean output is near an end of its range, in percent.
    #[serde(skip_serializing_if = "ByLayer::is_empty")]
    pub saturated_units: ByLayer,
    /// Mean over units of the cosine between their direct feedback and the product of the weights on the way to the classes.
    #[serde(skip_serializing_if = "ByLayer::is_empty")]
    pub path_cosines: ByLayer,
    /// Between the weight gradients of all layers as one vector and the true ones.
    #[serde(skip_serializing_if = "ByLayer::is_empty")]
    pub update_angles: ByLayer,
    /// Curvature of the batch's loss along the weight gradients of all layers.
    #[serde(skip_serializing_if = "ByLayer::is_empty")]
    pub sharpnesses: ByLayer,
}

/// Bytes of each log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// Of `metrics.jsonl`.
    pub metrics: u64,
    /// Of `epochs.jsonl`.
    pub epochs: u64,
    /// Of `timing.jsonl`.
    pub timing: u64,
}

/// The lines of a run's `epochs.jsonl`; none if there is no such file.
///
/// # Errors
/// If it cannot be read or a line is damaged. A last line without its end is still being written and is left out.
pub fn read_epochs(folder: &Path) -> Result<Vec<EpochLine>, Error> {
    let file = folder.join(EPOCHS);
    let bytes = match fs::read(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        bytes => bytes.map_err(Error::io("read", &file))?,
    };
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.ends_with(b"\n"))
        .enumerate()
        .map(|(number, line)| {
            serde_json::from_slice(line).map_err(|error| {
                let problem = format!("line {} is no epoch: {error}", number + 1);
                Error::Damaged { file: file.clone(), problem }
            })
        })
        .collect()
}

/// The objects of a log; a line that is still being written is left out.
pub fn read_lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn write_f32<S: Serializer>(number: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    if number.is_finite() { serializer.serialize_f32(*number) } else { serializer.collect_str(number) }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn write_f64<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.is_finite() { serializer.serialize_f64(*number) } else { serializer.collect_str(number) }
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn write_optional<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => write_f64(number, serializer),
        None => serializer.serialize_none(),
    }
}

fn read_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    read_f64(deserializer).map(Some)
}

fn read_f64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Finite(f64),
        Named(String),
    }
    match Number::deserialize(deserializer)? {
        Number::Finite(number) => Ok(number),
        Number::Named(name) => name.parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_is_no_number_is_a_string() {
        let line = |loss| serde_json::to_string(&StepLine { step: 1, epoch: 2, loss }).unwrap();
        assert_eq!(line(0.1), r#"{"step":1,"epoch":2,"loss":0.1}"#);
        assert_eq!(line(f32::NAN), r#"{"step":1,"epoch":2,"loss":"NaN"}"#);
        assert_eq!(line(f32::INFINITY), r#"{"step":1,"epoch":2,"loss":"inf"}"#);
        assert_eq!(line(f32::NEG_INFINITY), r#"{"step":1,"epoch":2,"loss":"-inf"}"#);
    }

    #[test]
    fn an_epoch_survives_its_line() {
        let line = EpochLine {
            epoch: 3,
            train_loss: f64::INFINITY,
            train_accuracy: Some(10.0),
            validation_loss: None,
            validation_accuracy: None,
            test_loss: 0.1,
            test_accuracy: Some(9.5),
            test_roc_auc: None,
        };
        let text = serde_json::to_string(&line).unwrap();
        assert!(!text.contains("validation") && !text.contains("roc"), "{text}");
        assert_eq!(serde_json::from_str::<EpochLine>(&text).unwrap(), line);
        let line =
            EpochLine { validation_loss: Some(f64::INFINITY), validation_accuracy: Some(8.5), train_loss: 1.0, ..line };
        let text = serde_json::to_string(&line).unwrap();
        assert!(text.contains(r#""validation_loss":"inf","validation_accuracy":8.5"#), "{text}");
        assert_eq!(serde_json::from_str::<EpochLine>(&text).unwrap(), line);
        assert!(line.has_diverged());
        // Without accuracies, as a regression.
        let regression = EpochLine {
            train_accuracy: None,
            validation_accuracy: None,
            test_accuracy: None,
            test_roc_auc: Some(0.75),
            ..line
        };
        let text = serde_json::to_string(&regression).unwrap();
        assert!(!text.contains("accuracy") && text.contains(r#""test_roc_auc":0.75"#), "{text}");
        assert_eq!(serde_json::from_str::<EpochLine>(&text).unwrap(), regression);
    }
}
