//! The options of a training.

use asymgrad_core::{Adam, Initial, Loss, Optimizer};
use clap::Args;

use super::coefficients::Coefficients;
use super::measure_set::MeasureSet;
use super::schedule::Schedule;
use super::target::Target;
use super::values::{LOSSES, MEASURES, OPTIMIZERS, count, initial, positive};

/// What a user chooses; `None` is the experiment's own value, else the default.
///
/// An option with `#[arg]` is one of `asymgrad run`, a field of an experiment and a field of a grid.
#[derive(Clone, Debug, Default, PartialEq, Args)]
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
    /// sgd, momentum, nesterov or adam [default: the experiment's, else adam]
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
    /// Epochs to train; 0 evaluates and measures the weights before the first step [default: the fewest that the report publishes, else 100]
    #[arg(long, value_name = "N")]
    pub epochs: Option<u32>,
    /// Steps to train in all, if that is less than the epochs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_steps: Option<u64>,
    /// L2 weight decay: X times the weight is added to its clipped gradient
    #[arg(id = "weight_decay", long = "weight-decay", value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    pub decay: Option<f32>,
    /// How the learning rate falls: step:EPOCHS:FACTOR or cosine:EPOCHS [default: constant]
    #[arg(long, value_name = "SCHEDULE")]
    pub schedule: Option<Schedule>,
    /// (KP): fraction by which weights and feedback shrink each step [default: 0.0001]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    pub kp_decay: Option<f32>,
    /// (WM): share of the way that a mirror goes each step [default: 0.01]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    pub mirror_rate: Option<f32>,
    /// (WM): rounds of noise that mirrors are shown before the first step [default: 4 / --mirror-rate]
    #[arg(long, value_name = "N")]
    pub mirror_first: Option<u32>,
    /// How weights are drawn: glorot, scaled:FACTOR, normal:DEVIATION or fan:GAIN, normal with GAIN/√(in + out)
    #[arg(long, value_name = "INITIAL", value_parser = initial)]
    pub weights_init: Option<Initial>,
    /// How feedback is drawn, likewise
    #[arg(long, value_name = "INITIAL", value_parser = initial)]
    pub feedback_init: Option<Initial>,
    /// Gives each channel of the training images mean 0 and variance 1, and the test images the same numbers
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
    /// Keeps the samples in the order of the files
    #[arg(long)]
    pub no_shuffle: bool,
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
            decay,
            schedule,
            kp_decay,
            mirror_rate,
            mirror_first,
            weights_init,
            feedback_init,
            standardize,
            measure_every,
            measures,
            validation,
            train_images,
            no_shuffle,
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
            decay: decay.or(other.decay),
            schedule: schedule.or(other.schedule),
            kp_decay: kp_decay.or(other.kp_decay),
            mirror_rate: mirror_rate.or(other.mirror_rate),
            mirror_first: mirror_first.or(other.mirror_first),
            weights_init: weights_init.or(other.weights_init),
            feedback_init: feedback_init.or(other.feedback_init),
            standardize: *standardize || other.standardize,
            measure_every: measure_every.or(other.measure_every),
            measures: measures.or(other.measures),
            validation: validation.or(other.validation),
            train_images: train_images.or(other.train_images),
            no_shuffle: *no_shuffle || other.no_shuffle,
            init: init.clone().or_else(|| other.init.clone()),
        }
    }
}
