//! The options of a training.

use std::path::PathBuf;

use asymgrad_core::{Activation, Adam, Loss, Optimizer};
use clap::Args;

use super::coefficients::Coefficients;
use super::initials::Initials;
use super::measure_set::MeasureSet;
use super::schedule::Schedule;
use super::target::Target;
use super::values::{ACTIVATIONS, LOSSES, MEASURES, OPTIMIZERS, count, non_negative, positive};

/// What a user chooses; `None` is the experiment's own value, else the default.
///
/// An option with `#[arg]` is one of `asymgrad run`, a field of an experiment and a field of a grid.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Choices {
    /// ce, bce, mse, huber, hinge, crammer-singer, softmax-hinge or softmax-crammer-singer [default: the experiment's, else ce]
    #[arg(long, value_parser = LOSSES, hide_possible_values = true)]
    pub loss: Option<Loss>,
    /// class, values or input: what the network is trained towards [default: the data set's values if it has some, else class]
    #[arg(long, value_name = "TARGET")]
    pub target: Option<Target>,
    /// --target input: leaves the images of class N out of training, and reports how well their error tells them from the other test images
    #[arg(long, value_name = "N")]
    pub anomaly_class: Option<u8>,
    /// sgd, momentum, nesterov, adam or rmsprop [default: the experiment's, else adam]
    #[arg(long, value_parser = OPTIMIZERS, hide_possible_values = true)]
    pub optimizer: Option<Optimizer>,
    /// The learning rate.
    #[arg(skip)]
    pub rate: Option<f32>,
    /// The optimizer's other coefficients.
    #[command(flatten)]
    pub coefficients: Coefficients,
    /// Clips each element of the weight gradients to [-X, X]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    pub clip: Option<f32>,
    /// The seed, 1 by default.
    #[arg(skip)]
    pub seed: Option<u64>,
    /// Samples of a step [default: the experiment's, else 128]
    #[arg(long, value_name = "N", value_parser = count)]
    pub batch: Option<usize>,
    /// Epochs to train; 0 evaluates and measures the weights before the first step [default: the experiment's, else 100]
    #[arg(long, value_name = "N")]
    pub epochs: Option<u32>,
    /// Steps to train in all, if that is less than the epochs; 0 is as --epochs 0
    #[arg(long, value_name = "N")]
    pub max_steps: Option<u64>,
    /// Ends an epoch after N steps instead of one pass over the training images; the passes continue across epochs
    #[arg(long, value_name = "N", value_parser = count)]
    pub steps_per_epoch: Option<usize>,
    /// L2 weight decay: X times the weight is added to its clipped gradient
    #[arg(id = "weight_decay", long = "weight-decay", value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    pub decay: Option<f32>,
    /// The learning rate of the biases is FACTOR times that of the weights [default: 1]
    #[arg(long, value_name = "FACTOR", value_parser = non_negative, allow_negative_numbers = true)]
    pub bias_rate: Option<f32>,
    /// How the learning rate falls: step:EPOCHS:FACTOR, multistep:EPOCH,…:FACTOR or cosine:EPOCHS [default: constant]
    #[arg(long, value_name = "SCHEDULE")]
    pub schedule: Option<Schedule>,
    /// (KP): fraction by which weights and feedback shrink each step [default: 0.0001]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    pub kp_decay: Option<f32>,
    /// (WM): fraction by which B moves towards its target each step [default: 0.01]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    pub mirror_rate: Option<f32>,
    /// (WM): warm-up rounds of noise before the first step [default: 4 / --mirror-rate]
    #[arg(long, value_name = "N")]
    pub mirror_first: Option<u32>,
    /// (WM): noise is uniform on (-BOUND, BOUND) [default: the square root of 3]
    #[arg(long, value_name = "BOUND", value_parser = positive, allow_negative_numbers = true)]
    pub mirror_noise: Option<f32>,
    /// (WM): the response to noise is relu, sigmoid or tanh of its product with the weights, plus the biases [default: the product alone]
    #[arg(long, value_name = "ACTIVATION", value_parser = ACTIVATIONS, hide_possible_values = true)]
    pub mirror_response: Option<Activation>,
    /// (WM): adds to a mirror without shrinking it by --mirror-rate, which may then be 1 or more
    #[arg(long)]
    pub no_mirror_leak: bool,
    /// How weights are drawn: glorot, scaled:FACTOR, normal:DEVIATION, fan:GAIN (normal, GAIN/√(in + out)), uniform:BOUND,
    /// uniform-fan-in:GAIN (up to GAIN/√in), uniform-fan-out:GAIN or zero; glorot,3=zero is zero in layer 3 [default: glorot]
    #[arg(long, value_name = "INITIAL")]
    pub weights_init: Option<Initials>,
    /// How feedback is drawn, likewise
    #[arg(long, value_name = "INITIAL")]
    pub feedback_init: Option<Initials>,
    /// How biases are drawn, likewise [default: zero]
    #[arg(long, value_name = "INITIAL")]
    pub bias_init: Option<Initials>,
    /// Gives each channel of the training images mean 0 and variance 1, and applies the same shift and scale to the test images
    #[arg(long)]
    pub standardize: bool,
    /// Epochs between two measurements of the feedback's angles; 0 is never [default: 1]
    #[arg(long, value_name = "EPOCHS")]
    pub measure_every: Option<u32>,
    /// What is measured: angles, or all at three times the cost [default: angles]
    #[arg(long, value_name = "SET", value_parser = MEASURES, hide_possible_values = true)]
    pub measures: Option<MeasureSet>,
    /// Images of the validation split, by default the experiment's own, else none.
    #[arg(skip)]
    pub validation: Option<usize>,
    /// Trains on the first N training images alone, in the order of the files
    #[arg(long, value_name = "N", value_parser = count)]
    pub train_images: Option<usize>,
    /// The training images of each step by index, from 0: integers [steps, batch] in .npy, .npz or .safetensors; after the last row the
    /// first one follows
    #[arg(long, value_name = "FILE")]
    pub batches: Option<PathBuf>,
    /// Tests on these training images by index, from 0, in place of the test images: one integer an image in .npy, .npz or .safetensors
    #[arg(long, value_name = "FILE")]
    pub test_indices: Option<PathBuf>,
    /// Keeps the samples in the order of the files
    #[arg(long)]
    pub no_shuffle: bool,
    /// Leaves out the last batch of each pass over the training images if it is smaller
    #[arg(long)]
    pub drop_last: bool,
    /// Draws the images of each batch with replacement, each independently of the others
    #[arg(long)]
    pub replacement: bool,
    /// SHA-256 of the file that the weights begin with.
    #[arg(skip)]
    pub init: Option<String>,
}

impl Choices {
    /// The optimizer that is chosen, else Adam.
    pub fn optimizer_or_default(&self) -> Optimizer {
        self.optimizer.unwrap_or(Optimizer::Adam(Adam::DEFAULT))
    }

    /// Epochs between two measurements.
    pub fn measure_every_or_default(&self) -> u32 {
        self.measure_every.unwrap_or(1)
    }

    /// These choices, and `other`'s where nothing is chosen.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        // Every field is named: an option that is left out here does not compile.
        let Self {
            loss,
            target,
            anomaly_class,
            optimizer,
            rate,
            coefficients,
            clip,
            seed,
            batch,
            epochs,
            max_steps,
            steps_per_epoch,
            decay,
            bias_rate,
            schedule,
            kp_decay,
            mirror_rate,
            mirror_first,
            mirror_noise,
            mirror_response,
            no_mirror_leak,
            weights_init,
            feedback_init,
            bias_init,
            standardize,
            measure_every,
            measures,
            validation,
            train_images,
            batches,
            test_indices,
            no_shuffle,
            drop_last,
            replacement,
            init,
        } = self;
        Self {
            loss: loss.or(other.loss),
            target: target.or(other.target),
            anomaly_class: anomaly_class.or(other.anomaly_class),
            optimizer: optimizer.or(other.optimizer),
            rate: rate.or(other.rate),
            coefficients: coefficients.or(other.coefficients),
            clip: clip.or(other.clip),
            seed: seed.or(other.seed),
            batch: batch.or(other.batch),
            epochs: epochs.or(other.epochs),
            max_steps: max_steps.or(other.max_steps),
            steps_per_epoch: steps_per_epoch.or(other.steps_per_epoch),
            decay: decay.or(other.decay),
            bias_rate: bias_rate.or(other.bias_rate),
            schedule: schedule.clone().or_else(|| other.schedule.clone()),
            kp_decay: kp_decay.or(other.kp_decay),
            mirror_rate: mirror_rate.or(other.mirror_rate),
            mirror_first: mirror_first.or(other.mirror_first),
            mirror_noise: mirror_noise.or(other.mirror_noise),
            mirror_response: mirror_response.or(other.mirror_response),
            no_mirror_leak: *no_mirror_leak || other.no_mirror_leak,
            weights_init: weights_init.clone().or_else(|| other.weights_init.clone()),
            feedback_init: feedback_init.clone().or_else(|| other.feedback_init.clone()),
            bias_init: bias_init.clone().or_else(|| other.bias_init.clone()),
            standardize: *standardize || other.standardize,
            measure_every: measure_every.or(other.measure_every),
            measures: measures.or(other.measures),
            validation: validation.or(other.validation),
            train_images: train_images.or(other.train_images),
            batches: batches.clone().or_else(|| other.batches.clone()),
            test_indices: test_indices.clone().or_else(|| other.test_indices.clone()),
            no_shuffle: *no_shuffle || other.no_shuffle,
            drop_last: *drop_last || other.drop_last,
            replacement: *replacement || other.replacement,
            init: init.clone().or_else(|| other.init.clone()),
        }
    }
}
