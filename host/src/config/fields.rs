//! What a run is: all that its numbers depend on, written to `config.json` in its folder.
//!
//! Two runs with equal configurations have equal numbers; `epochs` and `max_steps` only say where they end.

use asymgrad_core::{Activation, Feedback, Initial, Loss, Optimizer, Training};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::dataset_id::DatasetId;
use crate::Network;
use crate::dataset::{Dataset, Pixels, Standardization};
use crate::kernels::NumericMode;
use crate::settings::{Initials, MeasureSet, Reader, Schedule, Target};

/// The fields that are not part of a run's identity.
const LIMITS: [&str; 2] = ["epochs", "max_steps"];

/// What a run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct Config {
    /// The experiment's name, or one made from the network.
    pub name: String,
    /// The network.
    pub network: Network,
    /// The loss.
    pub loss: Loss,
    /// What the network is trained towards.
    #[serde(default, skip_serializing_if = "is_default")]
    pub target: Target,
    /// The class whose images are left out of training and are the anomalies of the test images.
    #[serde(default, skip_serializing_if = "is_default")]
    pub anomaly_class: Option<u8>,
    /// What it is trained on.
    pub data: DatasetId,
    /// Draws weights, feedback and the order of the samples.
    pub seed: u64,
    /// Samples of a step.
    pub batch: usize,
    /// The optimizer and its coefficients.
    pub optimizer: Optimizer,
    /// Bound of the weight gradients' elements.
    pub clip: Option<f32>,
    /// Whether each pass over the training images has an order of its own.
    pub shuffle: bool,
    /// SHA-256 of the file that the weights begin with.
    pub init: Option<String>,
    /// The numeric mode of the kernels.
    pub class: NumericMode,
    /// L2 weight decay.
    #[serde(default, skip_serializing_if = "is_default")]
    pub decay: f32,
    /// The biases' learning rate over that of the weights.
    #[serde(default = "unit", skip_serializing_if = "is_unit")]
    pub bias_rate: f32,
    /// How the learning rate falls.
    #[serde(default, skip_serializing_if = "is_default")]
    pub schedule: Schedule,
    /// Kolen–Pollack's λ; `None` is the core's default.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kp_decay: Option<f32>,
    /// Weight mirrors' η; `None` is the core's default.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mirror_rate: Option<f32>,
    /// Rounds of noise that weight mirrors are shown before the first step.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mirror_first: u32,
    /// Bound of the noise of weight mirrors; `None` is the core's default.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mirror_noise: Option<f32>,
    /// The activation of weight mirrors' response to noise; `None` is the product of noise and weights alone.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mirror_response: Option<Activation>,
    /// Whether weight mirrors leak.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub mirror_leak: bool,
    /// How the weights are drawn.
    #[serde(default, skip_serializing_if = "is_default")]
    pub weights_init: Initials,
    /// How the feedback is drawn.
    #[serde(default, skip_serializing_if = "is_default")]
    pub feedback_init: Initials,
    /// How the biases are drawn.
    #[serde(default = "zero", skip_serializing_if = "is_zero")]
    pub bias_init: Initials,
    /// What the pixels are standardised by; `None` leaves them between 0 and 1.
    #[serde(default, skip_serializing_if = "is_default")]
    pub standard: Option<Standardization>,
    /// Epochs between two measurements of the signals; 0 is never.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub measure_every: u32,
    /// Which measures of the signals are taken.
    #[serde(default, skip_serializing_if = "is_default")]
    pub measures: MeasureSet,
    /// Images at the end of the training images that are held out of training; 0 is no validation split.
    #[serde(default, skip_serializing_if = "is_default")]
    pub validation: usize,
    /// Training images that are trained on, the first so many; `None` is all that are not held out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub train_images: Option<usize>,
    /// Whether the last batch of a pass is left out if it is smaller.
    #[serde(default, skip_serializing_if = "is_default")]
    pub drop_last: bool,
    /// Whether the images of a pass are drawn with replacement.
    #[serde(default, skip_serializing_if = "is_default")]
    pub replacement: bool,
    /// SHA-256 of the file that says which images each step trains on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub batches: Option<String>,
    /// SHA-256 of the file that says which training images are tested on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub test_indices: Option<String>,
    /// Steps of an epoch; `None` is one pass over the training images.
    #[serde(default, skip_serializing_if = "is_default")]
    pub steps_per_epoch: Option<usize>,
    /// Epochs to train.
    pub epochs: u32,
    /// Steps to train, if that is less.
    pub max_steps: Option<u64>,
}

impl Config {
    /// The training as the core takes it.
    pub fn training(&self) -> Training {
        self.training_of(self.batch)
    }

    /// As [`Config::training`], with memory for no more samples than a step on `dataset` has; the results are the same.
    pub fn training_on(&self, dataset: &Dataset) -> Training {
        // The noise of weight mirrors is a whole batch; a file of batches may name an image twice.
        let layers = self.network.architecture().layers();
        let is_whole = self.batches.is_some() || layers.iter().any(|layer| layer.feedback == Feedback::WeightMirror);
        let most = self.train_images(dataset).max(self.validation).max(dataset.test.len()).max(1);
        self.training_of(if is_whole { self.batch } else { self.batch.min(most) })
    }

    /// As [`Config::training`] with another batch.
    pub(crate) fn training_of(&self, batch: usize) -> Training {
        let training = Training::new(batch)
            .optimizer(self.optimizer)
            .loss(self.loss)
            .decay(self.decay)
            .kp_decay(self.kp_decay.unwrap_or(Training::KP_DECAY))
            .bias_rate(self.bias_rate)
            .mirror_rate(self.mirror_rate.unwrap_or(Training::MIRROR_RATE))
            .mirror_noise(self.mirror_noise.unwrap_or(Training::MIRROR_NOISE))
            .initial(self.weights_init.default, self.feedback_init.default);
        let training = self.mirror_response.map_or(training, |f| training.mirror_response(f));
        let training = if self.mirror_leak { training } else { training.no_mirror_leak() };
        self.clip.map_or(training, |limit| training.clip(limit))
    }

    /// Whether a prediction is right or wrong, so that there is an accuracy; otherwise there are losses alone.
    pub fn has_accuracy(&self) -> bool {
        match self.target {
            Target::Class => true,
            // Several labels of an image, each of them right or wrong.
            Target::Values => self.loss == Loss::BinaryCrossEntropy,
            Target::Input => false,
        }
    }

    /// What decides which options it reads.
    pub fn reader(&self) -> Reader<'_> {
        let Self { network, optimizer, target, measure_every, .. } = self;
        Reader { network, optimizer: *optimizer, target: *target, measure_every: *measure_every }
    }

    /// The numbers of the data's pixels.
    pub fn pixels(&self, dataset: &Dataset) -> Pixels {
        Pixels::new(self.standard.as_ref(), dataset.rows * dataset.cols)
    }

    /// The learning rate of an epoch, from 1.
    pub fn rate_of_epoch(&self, epoch: u32) -> f32 {
        self.schedule.rate(self.optimizer.rate(), epoch)
    }

    /// The training images of `dataset` that are trained on, the first so many, and those of the validation split, which are the last
    /// ones. Images of the anomaly class are in neither.
    pub fn split(&self, dataset: &Dataset) -> (Vec<u32>, Vec<u32>) {
        let is_anomaly = |index: u32| {
            self.anomaly_class.is_some_and(|class| dataset.train.labels.get(index as usize) == Some(&class))
        };
        let mut train = dataset.train.indices();
        train.retain(|index| !is_anomaly(*index));
        let validation = train.split_off(train.len().saturating_sub(self.validation));
        train.truncate(self.train_images.unwrap_or(usize::MAX));
        (train, validation)
    }

    /// This configuration on `dataset` with the batches and test images that files say, if they do; `batch` is the one that is asked for.
    #[must_use]
    pub fn with_indices_of(mut self, dataset: &Dataset, batch: Option<usize>) -> Self {
        if let (Some(batches), None) = (&dataset.batches, batch) {
            self.batch = batches.cols();
        }
        self.batches = dataset.batches.as_ref().map(|file| file.checksum.clone());
        self.test_indices = dataset.test_indices.as_ref().map(|file| file.checksum.clone());
        self
    }

    /// How many images of `dataset` are trained on.
    pub fn train_images(&self, dataset: &Dataset) -> usize {
        self.normal_images(dataset).saturating_sub(self.validation).min(self.train_images.unwrap_or(usize::MAX))
    }

    /// How many training images of `dataset` are not of the anomaly class.
    pub fn normal_images(&self, dataset: &Dataset) -> usize {
        dataset.train.len() - self.anomaly_class.map_or(0, |class| dataset.train.count_of(class))
    }

    /// Steps of a pass over the training images of `dataset`, or over the rows of its batches.
    pub fn steps_per_pass(&self, dataset: &Dataset) -> usize {
        if let Some(batches) = &dataset.batches {
            return batches.rows().len();
        }
        let (images, batch) = (self.train_images(dataset), self.batch.max(1));
        if self.drop_last { images / batch } else { images.div_ceil(batch) }
    }

    /// Steps of an epoch on `dataset`; 0 without a training image.
    pub fn steps_per_epoch(&self, dataset: &Dataset) -> usize {
        match self.steps_per_pass(dataset) {
            0 => 0,
            pass => self.steps_per_epoch.unwrap_or(pass),
        }
    }

    /// Steps after which the run on `dataset` is finished.
    pub fn goal(&self, dataset: &Dataset) -> u64 {
        let steps = (self.steps_per_epoch(dataset) as u64).saturating_mul(self.epochs.into());
        self.max_steps.map_or(steps, |most| most.min(steps))
    }

    /// SHA-256 over all fields but the limits. The data set's name is among them: a run keeps the name that it started with.
    pub fn identity(&self) -> String {
        let mut fields = self.fields();
        fields.retain(|name, _| !LIMITS.contains(&name.as_str()));
        hex::encode(Sha256::digest(Value::Object(fields).to_string()))
    }

    /// The configuration without what is measured and how often, which changes no result.
    #[must_use]
    pub fn without_measures(&self) -> Self {
        Self { measure_every: 1, measures: MeasureSet::default(), ..self.clone() }
    }

    /// How `other`, which is asked for, differs from this run, field by field; empty if one continues the other.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let (here, there) = (other.fields(), self.fields());
        // A field at its default is not written: it may stand in one alone.
        let mut names: Vec<&String> =
            here.keys().chain(there.keys().filter(|name| !here.contains_key(*name))).collect();
        names.retain(|name| !LIMITS.contains(&name.as_str()) && here.get(*name) != there.get(*name));
        // The same images by another name.
        names.retain(|name| *name != "data" || self.data != other.data);
        let mut differences = vec![];
        for name in names {
            add_differences(&mut differences, name, there.get(name), here.get(name));
        }
        differences
    }

    /// The fields as they are written; through text, so that an f32 keeps its short form.
    pub(super) fn fields(&self) -> serde_json::Map<String, Value> {
        let text = serde_json::to_string(self).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }
}

/// A name for the runs of a network that has none, the same for the same network.
pub fn name_of(network: &Network) -> String {
    let mut name = hex::encode(Sha256::digest(network.to_string()));
    name.truncate(8);
    format!("net-{name}")
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn zero() -> Initials {
    Initials::all(Initial::Zero)
}

fn is_zero(initials: &Initials) -> bool {
    *initials == zero()
}

fn unit() -> f32 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_unit(number: &f32) -> bool {
    number.to_bits() == unit().to_bits()
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_yes(value: &bool) -> bool {
    *value
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

/// Adds how a field differs; of an object with the same fields on both sides those that differ alone, such as
/// `optimizer adam beta1: 0.9 there, 0.8 asked for`.
fn add_differences(differences: &mut Vec<String>, name: &str, there: Option<&Value>, here: Option<&Value>) {
    match (there, here) {
        _ if there == here => {}
        (Some(Value::Object(there)), Some(Value::Object(here))) if there.keys().eq(here.keys()) => {
            for field in there.keys() {
                add_differences(differences, &format!("{name} {field}"), there.get(field), here.get(field));
            }
        }
        _ => differences.push(format!("{name}: {} there, {} asked for", plain(there), plain(here))),
    }
}

/// A value without the marks of JSON: `adam: rate: 0.001, …`.
fn plain(value: Option<&Value>) -> String {
    let Some(value) = value else { return "the default".into() };
    let text = value.to_string().replace(['{', '}', '"'], "");
    text.replace(':', ": ").replace(',', ", ")
}

#[cfg(test)]
mod tests {
    use crate::config::Choices;
    use crate::config::choices::config;

    #[test]
    fn limits_are_no_part_of_the_identity() {
        let (short, long) = (config(&Choices::default()), config(&Choices { epochs: Some(999), ..Choices::default() }));
        assert_eq!(short.identity(), long.identity());
        assert_eq!(short.differences(&long), Vec::<String>::new());
        let other = config(&Choices { batch: Some(64), rate: Some(0.001), ..Choices::default() });
        assert_ne!(short.identity(), other.identity());
        let decayed = config(&Choices { decay: Some(0.5), ..Choices::default() });
        assert_eq!(short.differences(&decayed), ["decay: the default there, 0.5 asked for"]);
        assert_eq!(decayed.differences(&short), ["decay: 0.5 there, the default asked for"]);
        let differences = short.differences(&other);
        assert_eq!(differences[0], "batch: 128 there, 64 asked for");
        assert_eq!(differences[1..], ["optimizer sgd rate: 0.01 there, 0.001 asked for"]);
    }
}
