//! The command line that trains a configuration again.

use std::ffi::OsStr;
use std::ops::RangeInclusive;

use asymgrad_core::{Optimizer, Training};

use super::choices::first_rounds;
use super::fields::{Config, name_of};
use crate::experiment::{Catalogue, Experiment};
use crate::kernels::NumericMode;
use crate::settings::{Choices, Coefficients};
use crate::shell::quoted;

impl Config {
    /// The command that trains it on what `data` opens.
    pub fn command(&self, catalogue: &Catalogue, data: impl AsRef<OsStr>) -> String {
        self.command_of_seeds(catalogue, data, self.seed..=self.seed)
    }

    /// [`Config::command`] for several seeds.
    pub fn command_of_seeds(
        &self,
        catalogue: &Catalogue,
        data: impl AsRef<OsStr>,
        seeds: RangeInclusive<u64>,
    ) -> String {
        let what = match self.plain(catalogue) {
            (_, Some(experiment)) => format!("{}{}", self.name, catalogue.option(experiment)),
            (_, None) if self.name == name_of(&self.network) => format!("--net \"{}\"", self.network),
            (_, None) => format!("--net \"{}\" --name {}", self.network, quoted(&self.name)),
        };
        let (data, settings) = (quoted(data), after_spaces(&self.settings(catalogue)));
        let limit = self.max_steps.map_or_else(String::new, |steps| format!(" --max-steps {steps}"));
        // What a CPU without fused multiply-add takes anyway.
        let kernels = if self.class == NumericMode::Portable { " --kernels portable" } else { "" };
        let (epochs, seeds) = (self.epochs, seeds_option(seeds));
        format!("asymgrad run {what} --data {data} --epochs {epochs} {seeds}{settings}{limit}{kernels}")
    }

    /// What it is without any option, and the experiment that it trains, if it trains one.
    fn plain<'a>(&self, catalogue: &'a Catalogue) -> (Self, Option<&'a Experiment>) {
        let seed = Choices { seed: Some(self.seed), ..Choices::default() };
        let experiment =
            catalogue.find(&self.name).ok().filter(|experiment| experiment.network == self.network.to_string());
        let of_experiment = |experiment: &'a Experiment| {
            let plain = Self::of_experiment(experiment, &seed, self.data.clone(), self.class).ok()?;
            Some((plain.with_data_of(experiment, self), Some(experiment)))
        };
        experiment.and_then(of_experiment).unwrap_or_else(|| (self.without_options(), None))
    }

    /// The same network on the same data with the defaults.
    fn without_options(&self) -> Self {
        let seed = Choices { seed: Some(self.seed), ..Choices::default() };
        let (name, network) = (self.name.clone(), self.network.clone());
        Self::of_network(name, network, &seed, self.data.clone(), self.class)
    }

    /// Every option but its limits in which it differs from the experiment or network that it names: `--lr 0.01`.
    pub fn settings(&self, catalogue: &Catalogue) -> Vec<String> {
        self.options_beside(&self.plain(catalogue).0)
    }

    /// Every option but its limits in which it differs from the defaults, whatever experiment it names.
    pub fn options(&self) -> Vec<String> {
        self.options_beside(&self.without_options())
    }

    fn options_beside(&self, plain: &Self) -> Vec<String> {
        let mut settings = vec![];
        let mut add = |differs: bool, option: String| settings.extend(differs.then_some(option));
        add(self.loss != plain.loss, format!("--loss {}", self.loss.name()));
        add(self.target != plain.target, format!("--target {}", self.target));
        let anomaly = self.anomaly_class.map_or_else(String::new, |class| format!("--anomaly-class {class}"));
        add(self.anomaly_class != plain.anomaly_class, anomaly);
        let (optimizer, rate) = (self.optimizer, self.optimizer.rate());
        let is_other = optimizer.name() != plain.optimizer.name();
        add(is_other, format!("--optimizer {}", optimizer.name()));
        add(is_other || rate.to_bits() != plain.optimizer.rate().to_bits(), format!("--lr {rate}"));
        let own = if is_other { default_of(optimizer) } else { plain.optimizer };
        let coefficients = Coefficients::of(optimizer).named().into_iter().zip(Coefficients::of(own).named());
        for ((name, value), (_, own)) in coefficients {
            add(value != own, value.map_or_else(String::new, |value| format!("--{name} {value}")));
        }
        add(self.clip != plain.clip, self.clip.map_or_else(String::new, |limit| format!("--clip {limit}")));
        add(self.decay.to_bits() != plain.decay.to_bits(), format!("--weight-decay {}", self.decay));
        add(self.bias_rate.to_bits() != plain.bias_rate.to_bits(), format!("--bias-rate {}", self.bias_rate));
        add(self.schedule != plain.schedule, format!("--schedule {}", self.schedule));
        let kp_decay = self.kp_decay.unwrap_or(Training::KP_DECAY);
        add(self.kp_decay != plain.kp_decay, format!("--kp-decay {kp_decay}"));
        let mirror_rate = self.mirror_rate.unwrap_or(Training::MIRROR_RATE);
        add(self.mirror_rate != plain.mirror_rate, format!("--mirror-rate {mirror_rate}"));
        // An experiment's own rounds stay when the rate is another; the default ones follow the rate.
        let default_rounds = |of: &Self| first_rounds(&of.network, of.mirror_rate);
        let has_own = plain.mirror_first != default_rounds(plain);
        let mirror_first = if has_own { plain.mirror_first } else { default_rounds(self) };
        add(self.mirror_first != mirror_first, format!("--mirror-first {}", self.mirror_first));
        let mirror_noise = self.mirror_noise.unwrap_or(Training::MIRROR_NOISE);
        add(self.mirror_noise != plain.mirror_noise, format!("--mirror-noise {mirror_noise}"));
        let response = self.mirror_response.map_or_else(String::new, |f| format!("--mirror-response {}", f.name()));
        add(self.mirror_response != plain.mirror_response, response);
        add(self.mirror_leak != plain.mirror_leak, "--no-mirror-leak".into());
        add(self.weights_init != plain.weights_init, format!("--weights-init {}", self.weights_init));
        add(self.feedback_init != plain.feedback_init, format!("--feedback-init {}", self.feedback_init));
        add(self.bias_init != plain.bias_init, format!("--bias-init {}", self.bias_init));
        add(self.measure_every != plain.measure_every, format!("--measure-every {}", self.measure_every));
        add(self.measures != plain.measures, format!("--measures {}", self.measures.name()));
        add(self.standard.is_some() && plain.standard.is_none(), "--standardize".into());
        add(self.batch != plain.batch && self.batches.is_none(), format!("--batch {}", self.batch));
        add(self.validation != plain.validation, format!("--validation {}", self.validation));
        let train_images = self.train_images.map_or_else(String::new, |images| format!("--train-images {images}"));
        add(self.train_images != plain.train_images, train_images);
        add(self.batches.is_some() && plain.batches.is_none(), "--batches FILE".into());
        add(self.test_indices.is_some() && plain.test_indices.is_none(), "--test-indices FILE".into());
        let steps_per_epoch =
            self.steps_per_epoch.map_or_else(String::new, |steps| format!("--steps-per-epoch {steps}"));
        add(self.steps_per_epoch != plain.steps_per_epoch, steps_per_epoch);
        add(self.shuffle != plain.shuffle, "--no-shuffle".into());
        add(self.drop_last != plain.drop_last, "--drop-last".into());
        add(self.replacement != plain.replacement, "--replacement".into());
        add(self.init.is_some() && plain.init.is_none(), "--init FILE.safetensors".into());
        add(self.class == NumericMode::Winograd, "--kernels fast".into());
        settings
    }
}

/// `--seed 1` or `--seeds 1..3`.
pub(crate) fn seeds_option(seeds: RangeInclusive<u64>) -> String {
    let (first, last) = seeds.into_inner();
    if first == last { format!("--seed {first}") } else { format!("--seeds {first}..{last}") }
}

/// Options as the end of a command line, each after a space.
pub(crate) fn after_spaces(options: &[String]) -> String {
    options.iter().flat_map(|option| [" ", option]).collect()
}

/// An optimizer of the same name with its default coefficients.
fn default_of(optimizer: Optimizer) -> Optimizer {
    Optimizer::DEFAULTS.into_iter().find(|default| default.name() == optimizer.name()).unwrap_or(optimizer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::choices::config;
    use crate::settings::MeasureSet;
    use crate::{Network, dataset};
    use asymgrad_core::Activation;

    #[test]
    fn a_command_names_what_differs_from_the_experiment() {
        let digits = dataset::open("digits").unwrap();
        let choices = Choices { epochs: Some(7), seed: Some(3), ..Choices::default() };
        assert_eq!(
            config(&choices).command(&Catalogue::of_report(), "/my data"),
            "asymgrad run PGR1-SGD --data '/my data' --epochs 7 --seed 3 --kernels portable"
        );
        let network: Network = "input 3x32x32 - dense10".parse().unwrap();
        let choices = Choices { rate: Some(0.5), batch: Some(9), max_steps: Some(4), ..Choices::default() };
        assert_eq!(
            Config::of_network(name_of(&network), network, &choices, &digits, NumericMode::Fused)
                .command(&Catalogue::of_report(), "digits"),
            "asymgrad run --net \"input 3x32x32 - dense10\" --data digits --epochs 100 --seed 1 --lr 0.5 --batch 9 --max-steps 4"
        );
    }

    #[test]
    fn a_command_names_the_tuning() {
        let digits = dataset::open("digits").unwrap();
        let network: Network = "input 3x32x32 - dense10".parse().unwrap();
        let choices = Choices {
            decay: Some(0.25),
            bias_rate: Some(0.125),
            schedule: Some("multistep:2,3:0.5".parse().unwrap()),
            kp_decay: Some(0.125),
            mirror_rate: Some(0.5),
            mirror_first: Some(9),
            mirror_noise: Some(0.25),
            mirror_response: Some(Activation::Sigmoid),
            no_mirror_leak: true,
            weights_init: Some("fan:2,3=zero".parse().unwrap()),
            feedback_init: Some("normal:0.5".parse().unwrap()),
            bias_init: Some("uniform-fan-in:1".parse().unwrap()),
            measure_every: Some(3),
            measures: Some(MeasureSet::All),
            ..Choices::default()
        };
        let config = Config::of_network(name_of(&network), network, &choices, &digits, NumericMode::Fused);
        let tuning = "--weight-decay 0.25 --bias-rate 0.125 --schedule multistep:2,3:0.5 --kp-decay 0.125 --mirror-rate 0.5 \
                      --mirror-first 9 --mirror-noise 0.25 --mirror-response sigmoid --no-mirror-leak --weights-init fan:2,3=zero --feedback-init normal:0.5 --bias-init uniform-fan-in:1 --measure-every 3 --measures all";
        let command = config.command(&Catalogue::of_report(), "digits");
        assert!(command.ends_with(tuning), "{command}");
    }
}
