//! How a configuration comes about: from what a user chooses, else from the experiment, else from the defaults.

use asymgrad_core::{Adam, Feedback, Initial, Loss, Optimizer, Training};

use super::dataset_id::DatasetId;
use super::fields::Config;
use super::measure_set::MeasureSet;
use super::schedule::Schedule;
use super::target::Target;
use crate::Network;
use crate::experiment::{Experiment, ExperimentError};
use crate::kernels::NumericMode;

/// What a user chooses; `None` is the experiment's own value, else the default.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The loss.
    pub loss: Option<Loss>,
    /// What the network is trained towards.
    pub target: Target,
    /// The class that is left out of training.
    pub anomaly_class: Option<u8>,
    /// The optimizer, at its default rate.
    pub optimizer: Option<Optimizer>,
    /// The learning rate.
    pub rate: Option<f32>,
    /// Bound of the weight gradients' elements.
    pub clip: Option<f32>,
    /// The seed, 1 by default.
    pub seed: Option<u64>,
    /// Samples of a step, by default the experiment's own, else [`Config::BATCH`].
    pub batch: Option<usize>,
    /// Epochs, by default the fewest that the report publishes, else the experiment's own, else 100.
    pub epochs: Option<u32>,
    /// Steps, if that is less.
    pub max_steps: Option<u64>,
    /// L2 weight decay.
    pub decay: Option<f32>,
    /// How the learning rate falls.
    pub schedule: Schedule,
    /// Kolen–Pollack's λ.
    pub kp_decay: Option<f32>,
    /// Weight mirrors' η.
    pub mirror_rate: Option<f32>,
    /// Rounds of noise before the first step, 4 / η by default.
    pub mirror_first: Option<u32>,
    /// How the weights are drawn.
    pub weights_init: Initial,
    /// How the feedback is drawn.
    pub feedback_init: Initial,
    /// Epochs between two measurements, 1 by default.
    pub measure_every: Option<u32>,
    /// Which measures are taken.
    pub measures: MeasureSet,
    /// Images of the validation split, by default the experiment's own, else none.
    pub validation: Option<usize>,
    /// Keeps the samples in the order of the files.
    pub no_shuffle: bool,
    /// SHA-256 of the file that the weights begin with.
    pub init: Option<String>,
}

impl Config {
    /// Samples of a step where neither the user nor the experiment says how many.
    pub const BATCH: usize = 128;

    /// An experiment of the report on `data`.
    ///
    /// # Errors
    /// [`ExperimentError`], which names the field that makes no sense.
    pub fn of_experiment(
        experiment: &Experiment,
        choices: &Choices,
        data: impl Into<DatasetId>,
        class: NumericMode,
    ) -> Result<Self, ExperimentError> {
        let mut config = Self::of_network(experiment.name.clone(), experiment.parsed_network()?, choices, data, class);
        if choices.loss.is_none() {
            config.loss = experiment.parsed_loss()?;
        }
        if choices.optimizer.is_none()
            && let Some(optimizer) = experiment.parsed_optimizer()?
        {
            config.optimizer = with_rate(optimizer, choices.rate);
        }
        if choices.rate.is_none() && choices.optimizer.is_none() {
            config.optimizer = with_rate(config.optimizer, experiment.lr);
        }
        config.batch = choices.batch.or(experiment.batch).unwrap_or(config.batch);
        config.validation = choices.validation.or(experiment.validation).unwrap_or(config.validation);
        config.clip = choices.clip.or(experiment.clip);
        config.kp_decay = choices.kp_decay.or(experiment.kp_decay);
        let published = experiment.published.iter().map(|figure| figure.epochs).min();
        config.epochs = choices.epochs.or(published).or(experiment.own_epochs()).unwrap_or(config.epochs);
        Ok(config)
    }

    /// The experiment with what it does not state as in `config`: the seed, the data, the numeric mode, and what it measures how often.
    ///
    /// # Errors
    /// As [`Config::of_experiment`].
    pub(crate) fn of_experiment_like(experiment: &Experiment, config: &Self) -> Result<Self, ExperimentError> {
        let (seed, measure_every) = (Some(config.seed), Some(config.measure_every));
        let choices = Choices { seed, measure_every, measures: config.measures, ..Choices::default() };
        Self::of_experiment(experiment, &choices, config.data.clone(), config.class)
    }

    /// Any network on `data`.
    pub fn of_network(
        name: String,
        network: Network,
        choices: &Choices,
        data: impl Into<DatasetId>,
        class: NumericMode,
    ) -> Self {
        Self {
            mirror_first: choices.mirror_first.unwrap_or_else(|| first_rounds(&network, choices.mirror_rate)),
            name,
            network,
            loss: choices.loss.unwrap_or_default(),
            target: choices.target,
            anomaly_class: choices.anomaly_class,
            data: data.into(),
            seed: choices.seed.unwrap_or(1),
            batch: choices.batch.unwrap_or(Self::BATCH),
            optimizer: with_rate(choices.optimizer.unwrap_or(Optimizer::Adam(Adam::DEFAULT)), choices.rate),
            clip: choices.clip,
            decay: choices.decay.unwrap_or(0.0),
            schedule: choices.schedule,
            kp_decay: choices.kp_decay,
            mirror_rate: choices.mirror_rate,
            weights_init: choices.weights_init,
            feedback_init: choices.feedback_init,
            standard: None,
            measure_every: choices.measure_every.unwrap_or(1),
            measures: choices.measures,
            validation: choices.validation.unwrap_or(0),
            shuffle: !choices.no_shuffle,
            init: choices.init.clone(),
            class,
            epochs: choices.epochs.unwrap_or(100),
            max_steps: choices.max_steps,
        }
    }
}

/// The rounds that leave 2 % of weight mirrors' first B, 4 / η; none in a network without mirrors.
pub(crate) fn first_rounds(network: &Network, mirror_rate: Option<f32>) -> u32 {
    let architecture = network.architecture();
    // The first layer with weights sends nothing back.
    let mut senders = architecture.layers().iter().filter(|layer| layer.operation.has_weights()).skip(1);
    if !senders.any(|layer| layer.feedback == Feedback::WeightMirror) {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is not negative")]
    let rounds = (4.0 / mirror_rate.unwrap_or(Training::MIRROR_RATE)).round() as u32;
    rounds
}

fn with_rate(optimizer: Optimizer, rate: Option<f32>) -> Optimizer {
    rate.map_or(optimizer, |rate| optimizer.with_rate(rate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::name_of;
    use crate::{dataset, experiment};

    fn config(choices: &Choices) -> Config {
        let experiment = experiment::find("PGR1-SGD").unwrap();
        Config::of_experiment(&experiment, choices, &dataset::open("digits").unwrap(), NumericMode::Portable).unwrap()
    }

    fn optimizer(name: &str) -> Optimizer {
        Optimizer::DEFAULTS.into_iter().find(|optimizer| optimizer.name() == name).unwrap()
    }

    #[test]
    fn every_row_gives_a_configuration_that_survives_its_file() {
        let digits = dataset::open("digits").unwrap();
        for experiment in experiment::all() {
            let config = Config::of_experiment(&experiment, &Choices::default(), &digits, NumericMode::Fused).unwrap();
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
        }
    }

    #[test]
    fn a_choice_wins_over_the_row_and_the_row_over_the_default() {
        assert_eq!(config(&Choices::default()).optimizer.name(), "sgd");
        let faster = config(&Choices { rate: Some(0.5), ..Choices::default() });
        assert_eq!(faster.optimizer, optimizer("sgd").with_rate(0.5));
        let adam = Choices { optimizer: Some(optimizer("adam")), ..Choices::default() };
        assert_eq!(config(&adam).optimizer, Optimizer::Adam(Adam::DEFAULT));
        let digits = dataset::open("digits").unwrap();
        let experiment = Experiment { batch: Some(500), ..experiment::find("DS0").unwrap() };
        let batch = |experiment: &Experiment, choices: Choices| {
            Config::of_experiment(experiment, &choices, &digits, NumericMode::Portable).unwrap().batch
        };
        assert_eq!(batch(&experiment, Choices::default()), 500);
        assert_eq!(batch(&experiment, Choices { batch: Some(7), ..Choices::default() }), 7);
        assert_eq!(batch(&Experiment { batch: None, ..experiment }, Choices::default()), Config::BATCH);
    }

    #[test]
    fn a_row_says_its_decay_and_its_epochs() {
        let digits = dataset::open("digits").unwrap();
        let experiment = experiment::find("DS-KP").unwrap();
        let of = |choices| Config::of_experiment(&experiment, &choices, &digits, NumericMode::Portable).unwrap();
        let (own, chosen) = (of(Choices::default()), of(Choices { kp_decay: Some(0.5), ..Choices::default() }));
        assert_eq!((own.kp_decay, own.epochs, chosen.kp_decay), (Some(1e-3), 25, Some(0.5)));
    }

    #[test]
    fn mirrors_look_at_the_weights_first_as_long_as_their_rate_asks_for() {
        let digits = dataset::open("digits").unwrap();
        let rounds = |text: &str, choices| {
            let network: Network = text.parse().unwrap();
            Config::of_network(name_of(&network), network, &choices, &digits, NumericMode::Portable).mirror_first
        };
        let mirrors = "input 3x32x32 - dense9 - dense10(WM)";
        assert_eq!(rounds(mirrors, Choices::default()), 400);
        assert_eq!(rounds(mirrors, Choices { mirror_rate: Some(0.03), ..Choices::default() }), 133);
        assert_eq!(rounds(mirrors, Choices { mirror_first: Some(0), ..Choices::default() }), 0);
        assert_eq!(rounds("input 3x32x32 - dense9(WM) - dense10(R)", Choices::default()), 0);
    }
}
