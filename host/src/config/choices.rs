//! How a configuration comes about: from what a user chooses, else from the experiment, else from the defaults.

use std::path::PathBuf;

use asymgrad_core::{Feedback, Initial, Optimizer, Training};

use super::dataset_id::DatasetId;
use super::fields::Config;
use crate::Network;
use crate::experiment::{Experiment, ExperimentError};
use crate::kernels::NumericMode;
use crate::settings::{Choices, Coefficients, Initials, Target};

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
        let mut own = experiment.options.choices.clone();
        if choices.optimizer.is_some() {
            // They are those of the experiment's optimizer.
            own.coefficients = Coefficients::default();
        }
        let all = choices.or(&own);
        let mut config = Self::of_network(experiment.name.clone(), experiment.parsed_network()?, &all, data, class);
        if choices.loss.is_none() {
            config.loss = experiment.parsed_loss()?;
        }
        if choices.rate.is_none() && choices.optimizer.is_none() {
            config.optimizer = with_rate(config.optimizer, experiment.lr);
        }
        config.validation = choices.validation.or(experiment.validation).unwrap_or(config.validation);
        let published = experiment.published.iter().map(|figure| figure.epochs).min();
        let own = experiment.epochs.or(published).or(experiment.own_epochs());
        config.epochs = choices.epochs.or(own).unwrap_or(config.epochs);
        Ok(config)
    }

    /// The experiment with what it does not state as in `config`: the seed, the data, the numeric mode, and what it measures how often.
    ///
    /// # Errors
    /// As [`Config::of_experiment`].
    pub(crate) fn of_experiment_like(experiment: &Experiment, config: &Self) -> Result<Self, ExperimentError> {
        let (seed, measure_every) = (Some(config.seed), Some(config.measure_every));
        let choices = Choices { seed, measure_every, measures: Some(config.measures), ..Choices::default() };
        Ok(Self::of_experiment(experiment, &choices, config.data.clone(), config.class)?
            .with_data_of(experiment, config))
    }

    /// This configuration with what the experiment takes from its data and files as `config` has it: an experiment states that images
    /// are standardised and names files, a configuration has the numbers and the checksums; its target may be what the data set has.
    pub(super) fn with_data_of(mut self, experiment: &Experiment, config: &Self) -> Self {
        if experiment.options.choices.standardize {
            self.standard = Some(config.standard.clone().unwrap_or_default());
        }
        if let Some(file) = &experiment.init {
            self.init = Some(config.init.as_ref().unwrap_or(file).clone());
        }
        let own = &experiment.options.choices;
        let checksum = |file: Option<&PathBuf>, of: Option<&String>| {
            file.map(|file| of.cloned().unwrap_or_else(|| file.display().to_string()))
        };
        self.batches = checksum(own.batches.as_ref(), config.batches.as_ref());
        self.test_indices = checksum(own.test_indices.as_ref(), config.test_indices.as_ref());
        if own.batches.is_some() && own.batch.is_none() {
            self.batch = config.batch;
        }
        // Without a target it is trained towards what the data set has.
        if experiment.options.choices.target.is_none() && config.target == Target::Values {
            self.target = Target::Values;
        }
        self
    }

    /// Any network on `data`.
    pub fn of_network(
        name: String,
        network: Network,
        choices: &Choices,
        data: impl Into<DatasetId>,
        class: NumericMode,
    ) -> Self {
        let optimizer = with_rate(choices.optimizer_or_default(), choices.rate);
        Self {
            mirror_first: choices.mirror_first.unwrap_or_else(|| first_rounds(&network, choices.mirror_rate)),
            name,
            network,
            loss: choices.loss.unwrap_or_default(),
            target: choices.target.unwrap_or_default(),
            anomaly_class: choices.anomaly_class,
            data: data.into(),
            seed: choices.seed.unwrap_or(1),
            batch: choices.batch.unwrap_or(Self::BATCH),
            optimizer: choices.coefficients.apply(optimizer),
            clip: choices.clip,
            decay: choices.decay.unwrap_or(0.0),
            bias_rate: choices.bias_rate.unwrap_or(1.0),
            schedule: choices.schedule.clone().unwrap_or_default(),
            kp_decay: choices.kp_decay,
            mirror_rate: choices.mirror_rate,
            mirror_noise: choices.mirror_noise,
            mirror_response: choices.mirror_response,
            mirror_leak: !choices.no_mirror_leak,
            weights_init: choices.weights_init.clone().unwrap_or_default(),
            feedback_init: choices.feedback_init.clone().unwrap_or_default(),
            bias_init: choices.bias_init.clone().unwrap_or(Initials::all(Initial::Zero)),
            standard: None,
            measure_every: choices.measure_every_or_default(),
            measures: choices.measures.unwrap_or_default(),
            validation: choices.validation.unwrap_or(0),
            train_images: choices.train_images,
            batches: None,
            test_indices: None,
            drop_last: choices.drop_last,
            replacement: choices.replacement,
            steps_per_epoch: choices.steps_per_epoch,
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
    if !network.senders().any(|layer| layer.feedback == Feedback::WeightMirror) {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is not negative")]
    let rounds = (4.0 / mirror_rate.unwrap_or(Training::MIRROR_RATE)).round() as u32;
    rounds
}

fn with_rate(optimizer: Optimizer, rate: Option<f32>) -> Optimizer {
    rate.map_or(optimizer, |rate| optimizer.with_rate(rate))
}

/// PGR1-SGD on the digits.
#[cfg(test)]
pub(super) fn config(choices: &Choices) -> Config {
    let (experiment, digits) = (crate::experiment::find("PGR1-SGD").unwrap(), crate::dataset::open("digits").unwrap());
    Config::of_experiment(&experiment, choices, &digits, NumericMode::Portable).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::name_of;
    use crate::{dataset, experiment};
    use asymgrad_core::Adam;

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
        let mut experiment = experiment::find("DS0").unwrap();
        experiment.options.choices.batch = Some(500);
        // The coefficients are those of the experiment's optimizer.
        experiment.options.choices.optimizer = Some(optimizer("rmsprop"));
        experiment.options.choices.coefficients.epsilon = Some(1e-4);
        let of_adam = Config::of_experiment(&experiment, &adam, &digits, NumericMode::Fused).unwrap();
        assert_eq!(of_adam.optimizer, Optimizer::Adam(Adam::DEFAULT));
        experiment.options.choices.optimizer = None;
        experiment.options.choices.coefficients.epsilon = None;
        let batch = |experiment: &Experiment, choices: Choices| {
            Config::of_experiment(experiment, &choices, &digits, NumericMode::Portable).unwrap().batch
        };
        assert_eq!(batch(&experiment, Choices::default()), 500);
        assert_eq!(batch(&experiment, Choices { batch: Some(7), ..Choices::default() }), 7);
        experiment.options.choices.batch = None;
        assert_eq!(batch(&experiment, Choices::default()), Config::BATCH);
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
    fn an_experiments_own_epochs_win_over_those_of_its_figures() {
        let row = "[[experiment]]\nname = \"MINE\"\nnetwork = \"input 64 - dense10\"\nloss = \"ce\"\n";
        let figures = "published = [{ epochs = 5, accuracy = 3.0 }]\n";
        for (text, epochs) in [(figures.to_owned(), 5), (format!("{figures}epochs = 7\n"), 7), (String::new(), 100)] {
            let experiment = &experiment::parse(&format!("{row}{text}")).unwrap()[0];
            let (choices, data) = (Choices::default(), DatasetId::default());
            let config = Config::of_experiment(experiment, &choices, data, NumericMode::Portable).unwrap();
            assert_eq!(config.epochs, epochs, "{text}");
        }
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
