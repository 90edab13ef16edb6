//! The published runs of `data/published.toml`: what is trained, where its figures were published, and what they are.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::draws::Protocol;
use crate::config::{Config, seeds_option};
use crate::dataset::Contents;
use crate::experiment::{Experiment, PUBLISHED, published};
use crate::settings::MeasureSet;

/// Where runs were published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The name that `suite --published` takes.
    pub name: String,
    /// Authors, title and year.
    pub title: String,
    /// The file or the table with the figures, and the commit of its repository.
    pub record: String,
    /// What differs from the source, or what the source does not say.
    pub note: String,
}

/// An experiment and what was published of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// What is trained.
    pub experiment: Experiment,
    /// Where it was published.
    pub source: Source,
    /// How its draws are made again; `None` if this program makes its own.
    pub draws: Option<Protocol>,
    /// The seeds that the suite trains.
    pub seeds: Vec<u32>,
    /// How far a run with the published draws may be from a figure.
    pub within: Within,
    /// The same on CIFAR-10's images in another order than the official archive's, which is that of a protocol without a shuffle. A record
    /// without draws adds it to the spread of its runs.
    pub within_reordered: Within,
    /// The figures, by rising epochs.
    pub figures: Vec<Figure>,
}

impl Record {
    /// How far a run with the published draws on these images may be from a figure about `quantity`; `None` if runs are compared by their
    /// spread.
    pub fn distance(&self, quantity: Quantity, contents: Contents) -> Option<f64> {
        let within = if is_reordered(contents) { &self.within_reordered } else { &self.within };
        self.draws.and(within.of(quantity))
    }

    /// How far runs on these images may be from a figure about `quantity` because the images are in another order; `None` if that makes no
    /// difference, or if the record has the distance of single runs.
    pub(crate) fn distance_of_order(&self, quantity: Quantity, contents: Contents) -> Option<f64> {
        self.within_reordered.of(quantity).filter(|_| self.draws.is_none() && is_reordered(contents))
    }

    /// Whether a run began with the draws of one of its seeds, as `suite --published` makes them.
    pub fn has_draws_of(&self, config: &Config) -> bool {
        let has_images = config.batches.is_some() && config.test_indices.is_some();
        self.draws.is_some_and(|protocol| config.init.is_some() && (has_images || !protocol.draws_images()))
            && self.seeds.iter().any(|seed| u64::from(*seed) == config.seed)
    }

    /// The epoch of the last figure.
    pub fn epochs(&self) -> u32 {
        self.figures.iter().map(|figure| figure.epoch).max().unwrap_or(0)
    }
}

/// Whether these are the images of CIFAR-10 in another order than the official archive's.
fn is_reordered(contents: Contents) -> bool {
    contents.is_cifar10() && contents != Contents::Cifar10Official
}

/// The number that a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quantity {
    /// Right on the test images, in percent.
    TestAccuracy,
    /// Mean loss of the test images.
    TestLoss,
    /// Mean loss of the epoch's training images, each before its step.
    TrainLoss,
    /// Between W and B of the last layer, in degrees.
    WeightAngle,
    /// The best accuracy on the test images up to the epoch, in percent.
    BestTestAccuracy,
}

/// A published number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// The epoch after which it was taken.
    pub epoch: u32,
    /// The seed of the run; `None` if it is not that of one run.
    pub seed: Option<u32>,
    /// What it is.
    pub quantity: Quantity,
    /// The number, of a run or the mean over runs.
    pub value: f64,
    /// Standard deviation over runs, and how many they were.
    pub spread: Option<(f64, u32)>,
}

/// Distances from each quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Within {
    test_accuracy: Option<f64>,
    test_loss: Option<f64>,
    train_loss: Option<f64>,
    weight_angle: Option<f64>,
}

impl Within {
    /// The distance for a quantity, if there is one.
    pub fn of(&self, quantity: Quantity) -> Option<f64> {
        match quantity {
            Quantity::TestAccuracy => self.test_accuracy,
            Quantity::TestLoss => self.test_loss,
            Quantity::TrainLoss => self.train_loss,
            Quantity::WeightAngle => self.weight_angle,
            Quantity::BestTestAccuracy => None,
        }
    }
}

impl Quantity {
    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TestAccuracy => "test accuracy, %",
            Self::TestLoss => "test loss",
            Self::TrainLoss => "training loss",
            Self::WeightAngle => "angle of W and B, °",
            Self::BestTestAccuracy => "best test accuracy, %",
        }
    }

    /// Whether it is an accuracy in percent.
    pub(crate) const fn is_accuracy(self) -> bool {
        matches!(self, Self::TestAccuracy | Self::BestTestAccuracy)
    }

    /// Decimals in tables.
    pub const fn decimals(self) -> usize {
        match self {
            Self::TestAccuracy | Self::WeightAngle | Self::BestTestAccuracy => 2,
            Self::TestLoss | Self::TrainLoss => 3,
        }
    }
}

/// The tables beside the experiments.
#[derive(Deserialize)]
struct Tables {
    source: Vec<Source>,
    record: Vec<RecordTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordTable {
    experiment: String,
    source: String,
    draws: Option<Protocol>,
    seeds: Vec<u32>,
    #[serde(default)]
    within: Within,
    #[serde(default)]
    within_reordered: Within,
    figures: Vec<FigureTable>,
}

/// Figures of one epoch: a value for each quantity, and the standard deviation of an only one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FigureTable {
    epoch: u32,
    seed: Option<u32>,
    test_accuracy: Option<f64>,
    test_loss: Option<f64>,
    train_loss: Option<f64>,
    weight_angle: Option<f64>,
    best_test_accuracy: Option<f64>,
    deviation: Option<f64>,
    runs: Option<u32>,
}

impl FigureTable {
    fn figures(&self) -> impl Iterator<Item = Figure> + '_ {
        let values = [
            (Quantity::TestAccuracy, self.test_accuracy),
            (Quantity::TestLoss, self.test_loss),
            (Quantity::TrainLoss, self.train_loss),
            (Quantity::WeightAngle, self.weight_angle),
            (Quantity::BestTestAccuracy, self.best_test_accuracy),
        ];
        values.into_iter().filter_map(|(quantity, value)| {
            let Self { epoch, seed, .. } = *self;
            Some(Figure { epoch, seed, quantity, value: value?, spread: self.deviation.zip(self.runs) })
        })
    }
}

/// All published runs in the order of the file.
///
/// # Panics
/// Never in a build that passed its tests: the file is part of the program.
pub fn all() -> &'static [Record] {
    static RECORDS: LazyLock<Vec<Record>> = LazyLock::new(read);
    &RECORDS
}

fn read() -> Vec<Record> {
    let (experiments, tables) = (published(), toml::from_str::<Tables>(PUBLISHED));
    let tables = tables.expect("data/published.toml is well formed");
    let experiment = |name: &str| experiments.iter().find(|experiment| experiment.name == name).cloned();
    let source = |name: &str| tables.source.iter().find(|source| source.name == name).cloned();
    let record = |table: RecordTable| Record {
        experiment: experiment(&table.experiment).expect("a record names an experiment"),
        source: source(&table.source).expect("a record names a source"),
        draws: table.draws,
        seeds: table.seeds,
        within: table.within,
        within_reordered: table.within_reordered,
        figures: table.figures.iter().flat_map(FigureTable::figures).collect(),
    };
    tables.record.into_iter().map(record).collect()
}

/// The record whose draws a run took; `None` if it took none.
fn drawn(config: &Config) -> Option<&'static Record> {
    // Most runs draw their own weights, and the records need not be read for them.
    config.init.as_ref()?;
    all().iter().find(|record| record.experiment.name == config.name && record.has_draws_of(config))
}

/// A configuration without the files of published draws, of which each seed has its own: then its runs differ in nothing but the seed.
pub(crate) fn without_draws(config: &Config) -> Config {
    match drawn(config) {
        Some(_) => Config { init: None, batches: None, test_indices: None, ..config.clone() },
        None => config.clone(),
    }
}

/// The command that makes runs with published draws again; `None` for others.
pub(crate) fn suite_command(config: &Config, seeds: RangeInclusive<u64>) -> Option<String> {
    let (name, epochs, seeds) = (&config.name, config.epochs, seeds_option(seeds));
    let measures =
        Some(format!(" --measures {}", config.measures.name())).filter(|_| config.measures != MeasureSet::default());
    let every = Some(format!(" --measure-every {}", config.measure_every)).filter(|_| config.measure_every != 1);
    let measures: String = [measures, every].into_iter().flatten().collect();
    let command =
        format!("asymgrad suite --published {name} {seeds} --epochs {epochs} --out rerun/published{measures}");
    drawn(config).map(|_| command)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset;
    use crate::kernels::NumericMode;
    use crate::settings::Choices;

    #[test]
    fn only_a_run_of_a_published_seed_with_all_files_took_its_draws() {
        let records = all();
        let of = |name: &str, choices: &Choices| {
            let record = records.iter().find(|record| record.experiment.name == name).unwrap();
            let digits = dataset::open("digits").unwrap();
            let config = Config::of_experiment(&record.experiment, choices, &digits, NumericMode::Portable).unwrap();
            (record, config)
        };
        let choices = |seed| Choices { seed: Some(seed), init: Some("a file".into()), ..Choices::default() };
        for (seed, init, expected) in [(1111, true, true), (1, true, false), (1111, false, false)] {
            let choices = if init { choices(seed) } else { Choices { init: None, ..choices(seed) } };
            let (record, config) = of("akrout-KP", &choices);
            assert_eq!(record.has_draws_of(&config), expected, "{seed} {init}");
        }
        let (record, config) = of("dfa-stall-fashion-BP", &choices(0));
        assert!(!record.has_draws_of(&config));
        let (batches, test_indices) = (Some("a file".into()), Some("another".into()));
        let config = Config { batches, test_indices, ..config };
        assert!(record.has_draws_of(&config));
        assert_eq!(without_draws(&config), of("dfa-stall-fashion-BP", &Choices { init: None, ..choices(0) }).1);
        assert_eq!(
            suite_command(&config, 0..=0).unwrap(),
            "asymgrad suite --published dfa-stall-fashion-BP --seed 0 --epochs 40 --out rerun/published"
        );
        assert!(suite_command(&config, 0..=2).unwrap().contains(" --seeds 0..2 "));
        let measured = Config { measures: MeasureSet::All, measure_every: 3, ..config };
        assert!(suite_command(&measured, 0..=0).unwrap().ends_with(" --measures all --measure-every 3"));
    }
}
