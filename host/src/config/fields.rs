//! What a run is: all that its numbers depend on, written to `config.json` in its folder.
//!
//! Two runs with equal configurations have equal numbers; `epochs` and `max_steps` only say where they end.

use std::fs;
use std::io;
use std::path::Path;

use asymgrad_core::{Feedback, Initial, Loss, Optimizer, Training};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::schedule::Schedule;
use crate::dataset::{Dataset, Pixels, Standard};
use crate::experiment::{Catalogue, Experiment};
use crate::kernels::Class;
use crate::run::{Error, VERSION};
use crate::slurm::quoted;
use crate::{Network, atomic, hexadecimal};

/// The fields that are not part of a run's identity.
const LIMITS: [&str; 2] = ["epochs", "max_steps"];

/// What a run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The experiment's name, or one made from the network.
    pub name: String,
    /// The network.
    pub network: Network,
    /// The loss.
    pub loss: Loss,
    /// What it is trained on.
    pub data: Data,
    /// Draws weights, feedback and the order of the samples.
    pub seed: u64,
    /// Samples of a step.
    pub batch: usize,
    /// The optimizer and its coefficients.
    pub optimizer: Optimizer,
    /// Bound of the weight gradients' elements.
    pub clip: Option<f32>,
    /// Whether each epoch has an order of its own.
    pub shuffle: bool,
    /// SHA-256 of the file that the weights begin with.
    pub init: Option<String>,
    /// The class of numbers that the kernels compute.
    pub class: Class,
    /// L2 weight decay.
    #[serde(default, skip_serializing_if = "is_default")]
    pub decay: f32,
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
    /// How the weights are drawn.
    #[serde(default, skip_serializing_if = "is_default")]
    pub weights_init: Initial,
    /// How the feedback is drawn.
    #[serde(default, skip_serializing_if = "is_default")]
    pub feedback_init: Initial,
    /// What the pixels are standardised by; `None` leaves them between 0 and 1.
    #[serde(default, skip_serializing_if = "is_default")]
    pub standard: Option<Standard>,
    /// Epochs between two measurements of the signals; 0 is never.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub measure_every: u32,
    /// Epochs to train.
    pub epochs: u32,
    /// Steps to train, if that is less.
    pub max_steps: Option<u64>,
}

/// A data set's name and contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Its name.
    pub name: String,
    /// SHA-256 over its contents.
    pub checksum: String,
}

impl From<&Dataset> for Data {
    fn from(dataset: &Dataset) -> Self {
        Self { name: dataset.name.clone(), checksum: dataset.checksum.clone() }
    }
}

/// What a user chooses; `None` is the experiment's own value, else the default.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The loss.
    pub loss: Option<Loss>,
    /// The optimizer, at its default rate.
    pub optimizer: Option<Optimizer>,
    /// The learning rate.
    pub rate: Option<f32>,
    /// Bound of the weight gradients' elements.
    pub clip: Option<f32>,
    /// The seed, 1 by default.
    pub seed: Option<u64>,
    /// Samples of a step, 128 by default.
    pub batch: Option<usize>,
    /// Epochs, by default the fewest that the report publishes, else the row's own, else 100.
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
    /// Keeps the samples in the order of the files.
    pub no_shuffle: bool,
    /// SHA-256 of the file that the weights begin with.
    pub init: Option<String>,
}

impl Config {
    /// A row of the report on `data`.
    ///
    /// # Errors
    /// Says which field of the row makes no sense.
    pub fn of_experiment(
        row: &Experiment,
        choices: &Choices,
        data: impl Into<Data>,
        class: Class,
    ) -> Result<Self, String> {
        let network = row.network.parse().map_err(|error| format!("experiment {}: {error}", row.name))?;
        let mut config = Self::of_network(row.name.clone(), network, choices, data, class);
        if choices.loss.is_none() {
            config.loss = Loss::ALL.into_iter().find(|loss| loss.name() == row.loss).ok_or_else(|| {
                let losses = Loss::ALL.map(Loss::name).join(", ");
                format!("experiment {}: there is no loss `{}`; the losses are {losses}", row.name, row.loss)
            })?;
        }
        if let (None, Some(name)) = (choices.optimizer, &row.optimizer) {
            let optimizer = optimizer(name).ok_or_else(|| {
                let optimizers = Optimizer::DEFAULTS.map(|optimizer| optimizer.name()).join(", ");
                format!("experiment {}: there is no optimizer `{name}`; they are {optimizers}", row.name)
            })?;
            config.optimizer = with_rate(optimizer, choices.rate);
        }
        if choices.rate.is_none() && choices.optimizer.is_none() {
            config.optimizer = with_rate(config.optimizer, row.lr);
        }
        config.clip = choices.clip.or(row.clip);
        config.kp_decay = choices.kp_decay.or(row.kp_decay);
        let published = row.published.iter().map(|figure| figure.epochs).min();
        config.epochs = choices.epochs.or(published).or(row.own_epochs()).unwrap_or(config.epochs);
        Ok(config)
    }

    /// Any network on `data`.
    pub fn of_network(name: String, network: Network, choices: &Choices, data: impl Into<Data>, class: Class) -> Self {
        Self {
            mirror_first: choices.mirror_first.unwrap_or_else(|| first_rounds(&network, choices.mirror_rate)),
            name,
            network,
            loss: choices.loss.unwrap_or_default(),
            data: data.into(),
            seed: choices.seed.unwrap_or(1),
            batch: choices.batch.unwrap_or(128),
            optimizer: with_rate(
                choices.optimizer.unwrap_or(Optimizer::Adam(asymgrad_core::Adam::DEFAULT)),
                choices.rate,
            ),
            clip: choices.clip,
            decay: choices.decay.unwrap_or(0.0),
            schedule: choices.schedule,
            kp_decay: choices.kp_decay,
            mirror_rate: choices.mirror_rate,
            weights_init: choices.weights_init,
            feedback_init: choices.feedback_init,
            standard: None,
            measure_every: choices.measure_every.unwrap_or(1),
            shuffle: !choices.no_shuffle,
            init: choices.init.clone(),
            class,
            epochs: choices.epochs.unwrap_or(100),
            max_steps: choices.max_steps,
        }
    }

    /// The training as the core takes it.
    pub fn training(&self) -> Training {
        let training = Training::new(self.batch)
            .optimizer(self.optimizer)
            .loss(self.loss)
            .decay(self.decay)
            .shrink(self.kp_decay.unwrap_or(Training::SHRINK))
            .mirror(self.mirror_rate.unwrap_or(Training::MIRROR))
            .initial(self.weights_init, self.feedback_init);
        self.clip.map_or(training, |limit| training.clip(limit))
    }

    /// The numbers of the data's pixels.
    pub fn pixels(&self, dataset: &Dataset) -> Pixels {
        Pixels::new(self.standard.as_ref(), dataset.rows * dataset.cols)
    }

    /// The learning rate of an epoch, from 1.
    pub fn rate_of_epoch(&self, epoch: u32) -> f32 {
        self.schedule.rate(self.optimizer.rate(), epoch)
    }

    /// Steps of an epoch over `samples` samples.
    pub fn batches(&self, samples: usize) -> usize {
        samples.div_ceil(self.batch.max(1))
    }

    /// Steps after which the run is finished.
    pub fn goal(&self, samples: usize) -> u64 {
        let steps = (self.batches(samples) as u64).saturating_mul(self.epochs.into());
        self.max_steps.map_or(steps, |most| most.min(steps))
    }

    /// SHA-256 over all fields but the limits.
    pub fn identity(&self) -> String {
        let mut fields = self.fields();
        fields.retain(|name, _| !LIMITS.contains(&name.as_str()));
        hexadecimal(&Sha256::digest(Value::Object(fields).to_string()))
    }

    /// How `other`, which is asked for, differs from this run, field by field; empty if one continues the other.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let (here, there) = (other.fields(), self.fields());
        // A field at its default is not written: it may stand in one alone.
        let mut names: Vec<&String> =
            here.keys().chain(there.keys().filter(|name| !here.contains_key(*name))).collect();
        names.retain(|name| !LIMITS.contains(&name.as_str()) && here.get(*name) != there.get(*name));
        let value = |fields: &serde_json::Map<String, Value>, name: &str| {
            fields.get(name).map_or_else(|| "the default".to_owned(), plain)
        };
        names
            .into_iter()
            .map(|name| format!("{name}: {} there, {} asked for", value(&there, name), value(&here, name)))
            .collect()
    }

    /// The fields as they are written; through text, so that an f32 keeps its short form.
    fn fields(&self) -> serde_json::Map<String, Value> {
        let text = serde_json::to_string(self).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The command that trains it on what `data` opens.
    pub fn command(&self, catalogue: &Catalogue, data: &str) -> String {
        let what = match self.plain(catalogue) {
            (_, Some(row)) => format!("{}{}", self.name, catalogue.option(row)),
            (_, None) => format!("--net \"{}\"", self.network),
        };
        let (data, settings) = (quoted(data), self.settings(catalogue));
        let limit = self.max_steps.map_or_else(String::new, |steps| format!(" --max-steps {steps}"));
        // What a CPU without fused multiply-add takes anyway.
        let kernels = if self.class == Class::Portable { " --kernels portable" } else { "" };
        let (epochs, seed) = (self.epochs, self.seed);
        format!("asymgrad run {what} --data {data} --epochs {epochs} --seed {seed}{settings}{limit}{kernels}")
    }

    /// What it is without any option, and the row that it trains, if it trains one.
    fn plain<'a>(&self, catalogue: &'a Catalogue) -> (Self, Option<&'a Experiment>) {
        let seed = Choices { seed: Some(self.seed), ..Choices::default() };
        let row = catalogue.find(&self.name).ok().filter(|row| row.network == self.network.to_string());
        let of_row = |row: &'a Experiment| {
            Some((Self::of_experiment(row, &seed, self.data.clone(), self.class).ok()?, Some(row)))
        };
        row.and_then(of_row).unwrap_or_else(|| {
            let (name, network) = (self.name.clone(), self.network.clone());
            (Self::of_network(name, network, &seed, self.data.clone(), self.class), None)
        })
    }

    /// Every option but its limits in which it differs from the row or network that it names, each after a space: ` --lr 0.01`.
    pub fn settings(&self, catalogue: &Catalogue) -> String {
        let (plain, _) = self.plain(catalogue);
        let mut settings = String::new();
        let mut add = |differs: bool, option: String| {
            if differs {
                settings += &option;
            }
        };
        add(self.loss != plain.loss, format!(" --loss {}", self.loss.name()));
        let (optimizer, rate) = (self.optimizer, self.optimizer.rate());
        add(optimizer.name() != plain.optimizer.name(), format!(" --optimizer {}", optimizer.name()));
        add(optimizer != plain.optimizer, format!(" --lr {rate}"));
        add(self.clip != plain.clip, self.clip.map_or_else(String::new, |limit| format!(" --clip {limit}")));
        add(self.decay.to_bits() != plain.decay.to_bits(), format!(" --weight-decay {}", self.decay));
        add(self.schedule != plain.schedule, format!(" --schedule {}", self.schedule));
        let kp_decay = self.kp_decay.unwrap_or(Training::SHRINK);
        add(self.kp_decay != plain.kp_decay, format!(" --kp-decay {kp_decay}"));
        let mirror_rate = self.mirror_rate.unwrap_or(Training::MIRROR);
        add(self.mirror_rate != plain.mirror_rate, format!(" --mirror-rate {mirror_rate}"));
        let mirror_first = first_rounds(&self.network, self.mirror_rate);
        add(self.mirror_first != mirror_first, format!(" --mirror-first {}", self.mirror_first));
        add(self.weights_init != plain.weights_init, format!(" --weights-init {}", self.weights_init));
        add(self.feedback_init != plain.feedback_init, format!(" --feedback-init {}", self.feedback_init));
        add(self.measure_every != plain.measure_every, format!(" --measure-every {}", self.measure_every));
        add(self.standard.is_some(), " --standardize".into());
        add(self.batch != plain.batch, format!(" --batch {}", self.batch));
        add(!self.shuffle, " --no-shuffle".into());
        add(self.init.is_some(), " --init FILE.safetensors".into());
        add(self.class == Class::Fast, " --kernels fast".into());
        settings
    }

    /// Reads `config.json`; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read or is no configuration.
    pub fn read(file: &Path) -> Result<Option<Self>, Error> {
        match fs::read(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", file)(error)),
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| Error::Damaged {
                file: file.to_owned(),
                problem: format!("no configuration that asymgrad {} can read: {error}", VERSION),
            }),
        }
    }

    /// Writes `config.json`, whole or not at all.
    pub(crate) fn write(&self, file: &Path) -> Result<(), Error> {
        atomic::write(file, |out| {
            serde_json::to_writer_pretty(&mut *out, self)?;
            out.write_all(b"\n")
        })
        .map_err(Error::io("write", file))
    }
}

/// The rounds that leave 2 % of weight mirrors' first B, 4 / η; none in a network without mirrors.
fn first_rounds(network: &Network, mirror_rate: Option<f32>) -> u32 {
    let architecture = network.architecture();
    // The first layer with weights sends nothing back.
    let mut senders = architecture.layers().iter().filter(|layer| layer.operation.has_weights()).skip(1);
    if !senders.any(|layer| layer.feedback == Feedback::WeightMirror) {
        return 0;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and is not negative")]
    let rounds = (4.0 / mirror_rate.unwrap_or(Training::MIRROR)).round() as u32;
    rounds
}

/// A name for the runs of a network that has none, the same for the same network.
pub fn name_of(network: &Network) -> String {
    let mut name = hexadecimal(&Sha256::digest(network.to_string()));
    name.truncate(8);
    format!("net-{name}")
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

/// The optimizer called `name`, with its default coefficients.
fn optimizer(name: &str) -> Option<Optimizer> {
    Optimizer::DEFAULTS.into_iter().find(|optimizer| optimizer.name() == name)
}

fn with_rate(optimizer: Optimizer, rate: Option<f32>) -> Optimizer {
    rate.map_or(optimizer, |rate| optimizer.with_rate(rate))
}

/// A value without the marks of JSON: `adam: rate: 0.001, …`.
fn plain(value: &Value) -> String {
    let text = value.to_string().replace(['{', '}', '"'], "");
    text.replace(':', ": ").replace(',', ", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dataset, experiment};

    fn config(choices: &Choices) -> Config {
        let row = experiment::find("PGR1-SGD").unwrap();
        Config::of_experiment(&row, choices, &dataset::open("digits").unwrap(), Class::Portable).unwrap()
    }

    #[test]
    fn every_row_gives_a_configuration_that_survives_its_file() {
        let digits = dataset::open("digits").unwrap();
        for row in experiment::all() {
            let config = Config::of_experiment(&row, &Choices::default(), &digits, Class::Fused).unwrap();
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<Config>(&text).unwrap(), config);
        }
    }

    #[test]
    fn a_choice_wins_over_the_row_and_the_row_over_the_default() {
        assert_eq!(config(&Choices::default()).optimizer.name(), "sgd");
        let faster = config(&Choices { rate: Some(0.5), ..Choices::default() });
        assert_eq!(faster.optimizer, optimizer("sgd").unwrap().with_rate(0.5));
        let adam = Choices { optimizer: optimizer("adam"), ..Choices::default() };
        assert_eq!(config(&adam).optimizer, Optimizer::Adam(asymgrad_core::Adam::DEFAULT));
    }

    #[test]
    fn a_row_says_its_decay_and_its_epochs() {
        let digits = dataset::open("digits").unwrap();
        let row = experiment::find("DS-KP").unwrap();
        let of = |choices| Config::of_experiment(&row, &choices, &digits, Class::Portable).unwrap();
        let (own, chosen) = (of(Choices::default()), of(Choices { kp_decay: Some(0.5), ..Choices::default() }));
        assert_eq!((own.kp_decay, own.epochs, chosen.kp_decay), (Some(1e-3), 25, Some(0.5)));
    }

    #[test]
    fn mirrors_look_at_the_weights_first_as_long_as_their_rate_asks_for() {
        let digits = dataset::open("digits").unwrap();
        let rounds = |text: &str, choices| {
            let network: Network = text.parse().unwrap();
            Config::of_network(name_of(&network), network, &choices, &digits, Class::Portable).mirror_first
        };
        let mirrors = "input 3x32x32 - dense9 - dense10(WM)";
        assert_eq!(rounds(mirrors, Choices::default()), 400);
        assert_eq!(rounds(mirrors, Choices { mirror_rate: Some(0.03), ..Choices::default() }), 133);
        assert_eq!(rounds(mirrors, Choices { mirror_first: Some(0), ..Choices::default() }), 0);
        assert_eq!(rounds("input 3x32x32 - dense9(WM) - dense10(R)", Choices::default()), 0);
    }

    #[test]
    fn a_command_names_what_differs_from_the_row() {
        let digits = dataset::open("digits").unwrap();
        let choices = Choices { epochs: Some(7), seed: Some(3), ..Choices::default() };
        assert_eq!(
            config(&choices).command(&Catalogue::of_report(), "/my data"),
            "asymgrad run PGR1-SGD --data '/my data' --epochs 7 --seed 3 --kernels portable"
        );
        let network: Network = "input 3x32x32 - dense10".parse().unwrap();
        let choices = Choices { rate: Some(0.5), batch: Some(9), max_steps: Some(4), ..Choices::default() };
        assert_eq!(
            Config::of_network(name_of(&network), network, &choices, &digits, Class::Fused)
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
            schedule: "step:2:0.5".parse().unwrap(),
            kp_decay: Some(0.125),
            mirror_rate: Some(0.5),
            mirror_first: Some(9),
            weights_init: Initial::Fan(2.0),
            feedback_init: Initial::Normal(0.5),
            measure_every: Some(3),
            ..Choices::default()
        };
        let config = Config::of_network(name_of(&network), network, &choices, &digits, Class::Fused);
        let tuning = "--weight-decay 0.25 --schedule step:2:0.5 --kp-decay 0.125 --mirror-rate 0.5 --mirror-first 9 --weights-init \
                      fan:2 --feedback-init normal:0.5 --measure-every 3";
        let command = config.command(&Catalogue::of_report(), "digits");
        assert!(command.ends_with(tuning), "{command}");
    }

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
        assert!(differences[1].contains("sgd: rate: 0.001 asked for"), "{differences:?}");
    }
}
