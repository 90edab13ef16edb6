//! Runs that differ in nothing but the seed are one group: what it reached, as a mean over its runs.

use std::path::PathBuf;

use serde::Serialize;

use super::curves::Curve;
use super::measured::{Measured, mean_at, measured, numbers_at};
use super::metric::Metric;
use super::protocol::Protocol;
use super::runs::Run;
use crate::config::Config;
use crate::experiment::{Catalogue, Experiment};
use crate::lossy;
use crate::published::suite_command;
use crate::run::{self, EpochLine};
use crate::statistics::{self, Estimate};
use crate::train::AnomalyCounts;

/// Two accuracies within so many points are the same: published figures jump by as much from epoch to epoch.
pub(crate) const SAME: f64 = 2.0;
/// An accuracy, or a test loss, is the mean over the last eighth of the epochs, but at most over so many; tables, claims and rankings
/// share this rule.
const LAST: u32 = 3;

/// Runs that differ in nothing but the seed.
#[derive(Debug, Serialize)]
pub struct Group {
    /// The experiment's name, or one made from the network.
    pub name: String,
    /// By rising seeds, one for each seed.
    pub runs: Vec<Run>,
    /// Further runs with a seed of `runs`, left out because they are not longer.
    pub repeats: Vec<Repeat>,
    /// Which runs are averaged up to which epoch, the longest first.
    pub curves: Vec<Curve>,
    /// What tells it from another group with its name and settings, by the first digits of checksums: ` (data 48e50ac1)`.
    pub distinction: String,
}

/// A run that has the settings and the seed of another one.
#[derive(Debug, Serialize)]
pub struct Repeat {
    /// Its folder.
    #[serde(serialize_with = "lossy::serialize")]
    pub folder: PathBuf,
    /// Its seed.
    pub seed: u64,
    /// Its epochs.
    pub epochs: u32,
    /// Whether the epochs that both have are those of the longer run.
    pub is_equal: bool,
}

impl Group {
    /// Its name, the settings in which it differs from what has this name, and what tells it from another group with both:
    /// `DS0 --lr 0.01`.
    pub fn label(&self) -> String {
        let settings = self.runs.first().map_or("", |run| &run.settings);
        format!("{}{settings}{}", self.name, self.distinction)
    }

    /// The checksums of what it was trained with.
    pub(super) fn checksums(&self) -> [Option<&str>; 4] {
        let Some(config) = self.config() else { return [None; 4] };
        let Config { data, init, batches, test_indices, .. } = config;
        [Some(&data.checksum), init.as_deref(), batches.as_deref(), test_indices.as_deref()]
    }

    /// The command that trains it again, for at least `epochs` epochs and in folders of its own: all of its seeds if they follow one
    /// another, else the first. The suite makes published draws again.
    pub(crate) fn command(&self, catalogue: &Catalogue, epochs: u32) -> String {
        let Some(run) = self.runs.first() else { return String::new() };
        let config = Config { epochs: epochs.max(run.config.epochs), ..run.config.clone() };
        let (first, last) = (config.seed, self.runs.last().map_or(config.seed, |run| run.config.seed));
        let follow = (first..=last).eq(self.runs.iter().map(|run| run.config.seed));
        let seeds = first..=if follow { last } else { first };
        if let Some(command) = suite_command(&config, seeds.clone()) {
            return command;
        }
        let command = config.command_of_seeds(catalogue, run::data_of(&run.folder, &config), seeds);
        let plain = |letter: char| letter.is_alphanumeric() || "-+.".contains(letter);
        let folder: String = self.label().replace(" --", "_").chars().map(|c| if plain(c) { c } else { '_' }).collect();
        format!("{command} --out rerun/{folder}")
    }

    /// What all of its runs are, but for the seed; a group is never empty.
    pub fn config(&self) -> Option<&Config> {
        self.runs.first().map(|run| &run.config)
    }

    /// What its runs are compared by.
    pub fn metric(&self) -> Metric {
        self.config().map_or(Metric::Accuracy, Metric::of)
    }

    /// How many test images its data has, if that is known.
    pub fn test_images(&self) -> Option<u32> {
        let counted = self.runs.iter().find_map(|run| run.confusion.as_ref()).map(|of| of.iter().flatten().sum());
        // A run may test on other images than its data set's.
        counted.or(self.config()?.data.contents().test_images())
    }

    /// How many test images its ROC-AUC is taken from, if that is known.
    fn anomalies(&self) -> Option<AnomalyCounts> {
        self.runs.iter().find_map(|run| run.anomalies)
    }

    /// Whether its runs were trained as the experiment says.
    pub(crate) fn is_of(&self, experiment: &Experiment) -> bool {
        self.name == experiment.name
            && self.config().is_some_and(|config| {
                Config::of_experiment_like(experiment, config).is_ok_and(|own| own.differences(config).is_empty())
            })
    }

    /// Whether an accuracy in percent of its network is near that of guessing: of all classes alike, or at most a ninth of the way from
    /// there to 100 %, which is 20 % for ten classes.
    pub(crate) fn is_near_chance(&self, accuracy: f64) -> bool {
        let outputs = |config: &Config| config.training().classes(config.network.architecture().classes());
        let classes = self.config().map_or(0, outputs);
        let chance = 100.0 / classes.max(1) as f64;
        accuracy < chance + (100.0 - chance) / 9.0
    }

    /// The mean test accuracy over its runs at `epoch`, or at their end if they are shorter; `None` without accuracies.
    pub(crate) fn accuracy(&self, epoch: u32) -> Option<f64> {
        let (whole, last) = self.longest(epoch);
        let seeds = by_seed(&whole, span(last), Metric::Accuracy);
        statistics::mean(&seeds.iter().map(SeedMean::mean).collect::<Vec<_>>())
    }

    /// The epoch that its longest runs have reached.
    pub(crate) fn epoch(&self) -> u32 {
        self.longest(u32::MAX).1
    }

    /// The runs that tell most about `epoch`, and the epoch that all of them have reached.
    fn longest(&self, epoch: u32) -> (Vec<&Run>, u32) {
        let whole = self.runs.iter().filter(|run| !run.has_diverged()).collect();
        longest(whole, epoch, |run| run.epoch(), |run| run.status.has_ended())
    }

    /// What its runs reached at `epoch`, or at their end if they are shorter.
    pub(crate) fn ours(&self, epoch: u32) -> Option<Ours> {
        let (whole, last) = self.longest(epoch);
        let epochs = span(last);
        let metric = self.metric();
        let seeds = by_seed(&whole, epochs, metric);
        let means: Vec<f64> = seeds.iter().map(SeedMean::mean).collect();
        let best: Vec<EpochLine> = whole.iter().filter_map(|run| best_of(&run.epochs, epochs[1])).collect();
        let diverged = self.runs.iter().filter(|run| run.has_diverged()).count();
        let estimate = Estimate::of(&means)
            .map(|estimate| Estimate { bootstrap: estimate.bootstrap, ..estimate.within([0.0, metric.most()]) });
        let is_counted = |run: &&Run| run.has_diverged() || seeds.iter().any(|seed| seed.seed == run.config.seed);
        let protocol = Protocol::of(&self.runs.iter().filter(is_counted).collect::<Vec<_>>());
        let area = Estimate::of(&numbers_at(&whole, epochs[1], |line| line.test_roc_auc));
        let area = area.map(|area| area.within([0.0, 1.0]));
        let of_accuracy = estimate.filter(|_| metric == Metric::Accuracy);
        (!means.is_empty() || diverged > 0).then(|| Ours {
            metric,
            data: self.config().map_or_else(String::new, |config| config.data.label()),
            epochs,
            mean: estimate.map(|estimate| estimate.mean),
            deviation: estimate.and_then(|estimate| estimate.deviation),
            level: statistics::LEVEL,
            test_error: of_accuracy.and_then(|of| Some(statistics::share_error(of.mean, self.test_images()?))),
            interval: estimate.and_then(|estimate| estimate.interval),
            bootstrap: estimate.and_then(|estimate| estimate.bootstrap),
            best: statistics::mean(&best.iter().filter_map(|line| metric.value(line)).collect::<Vec<_>>()),
            best_epochs: best.iter().map(|line| line.epoch).collect(),
            best_chosen_on: if self.config().is_some_and(|config| config.validation > 0) {
                "validation"
            } else {
                "test"
            },
            runs: means.len() + diverged,
            diverged,
            shorter: self.runs.len() - diverged - whole.len(),
            ended: whole.iter().all(|run| run.status.has_ended()),
            seeds,
            train_loss: mean_at(&whole, epochs[1], |line| Some(line.train_loss)),
            train_accuracy: mean_at(&whole, epochs[1], |line| line.train_accuracy),
            roc_auc: area.map(|area| area.mean),
            roc_auc_deviation: area.and_then(|area| area.deviation),
            roc_auc_interval: area.and_then(|area| area.interval),
            roc_auc_test_interval: area.and_then(|area| Some(self.anomalies()?.interval(area.mean))),
            measures: measured(&whole, epochs[1]),
            protocol,
        })
    }
}

/// What the runs of a group reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ours {
    /// What `mean`, its intervals, `best` and `seeds` are numbers of.
    pub metric: Metric,
    /// The name of the data set.
    pub data: String,
    /// The first and the last epoch of the mean.
    pub epochs: [u32; 2],
    /// Test accuracy in percent, or test loss, the mean over runs; `None` if all diverged.
    pub mean: Option<f64>,
    /// The standard deviation over runs, from two on.
    pub deviation: Option<f64>,
    /// The interval of that mean (Student), from two runs on, within 0 to 100 %, or from 0.
    pub interval: Option<[f64; 2]>,
    /// Its bootstrap interval, from six runs on: never wider than the range of the runs.
    pub bootstrap: Option<[f64; 2]>,
    /// The level of both intervals.
    pub level: f64,
    /// Half of the interval that an accuracy has because the test images are a sample: no number of seeds makes it smaller.
    pub test_error: Option<f64>,
    /// Test accuracy, or test loss, of each run's best epoch so far, the mean over runs.
    pub best: Option<f64>,
    /// That epoch of each run.
    pub best_epochs: Vec<u32>,
    /// The images that this epoch is chosen on: `validation`, or without a validation split `test`, which is optimistic, so that
    /// `best` stands only beside `mean`.
    pub best_chosen_on: &'static str,
    /// The runs, those that diverged included.
    pub runs: usize,
    /// Runs that diverged.
    pub diverged: usize,
    /// Further runs, left out because they are shorter than these.
    pub shorter: usize,
    /// Whether all runs of the mean have come to their end.
    pub ended: bool,
    /// The test accuracy, or test loss, of each run of the mean.
    pub seeds: Vec<SeedMean>,
    /// The training loss of the last epoch, the mean over those runs.
    pub train_loss: Option<f64>,
    /// The training accuracy of the last epoch in percent, the mean over those runs.
    pub train_accuracy: Option<f64>,
    /// The ROC-AUC of the last epoch, the mean over those runs; `None` without an anomaly class.
    pub roc_auc: Option<f64>,
    /// The standard deviation of the ROC-AUC over those runs, from two on.
    pub roc_auc_deviation: Option<f64>,
    /// The interval of its mean (Student), from two runs on, within 0 and 1.
    pub roc_auc_interval: Option<[f64; 2]>,
    /// The interval that it has because the test images are a sample (Hanley and `McNeil` 1982): no number of seeds makes it smaller.
    pub roc_auc_test_interval: Option<[f64; 2]>,
    /// The last measures of those runs, each the mean over them.
    pub measures: Measured,
    /// How the runs were trained.
    pub protocol: Option<Protocol>,
}

/// The test accuracy, or test loss, of one run, the mean of some epochs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SeedMean {
    /// Its seed.
    pub seed: u64,
    /// In percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Only without an accuracy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
}

impl SeedMean {
    fn new(seed: u64, mean: f64, metric: Metric) -> Self {
        let of = |other: Metric| (metric == other).then_some(mean);
        Self { seed, accuracy: of(Metric::Accuracy), loss: of(Metric::Loss) }
    }

    /// The accuracy or the loss.
    pub fn mean(&self) -> f64 {
        self.accuracy.or(self.loss).unwrap_or(f64::NAN)
    }
}

/// The test accuracy, or test loss, of each run, the mean of some epochs; runs that have none of them are left out.
pub(crate) fn by_seed(runs: &[&Run], epochs: [u32; 2], metric: Metric) -> Vec<SeedMean> {
    let of = |run: &&Run| Some(SeedMean::new(run.config.seed, mean_of(&run.epochs, epochs, metric)?, metric));
    runs.iter().filter_map(of).collect()
}

/// Of some runs those that tell most about `epoch`, and the epoch that all of them have reached: those that have ended there or
/// nearest to it, and those under way that are as far. Without any of these, all as far as the last one has come.
pub(crate) fn longest<T>(
    mut runs: Vec<T>,
    epoch: u32,
    reached: impl Fn(&T) -> u32,
    ended: impl Fn(&T) -> bool,
) -> (Vec<T>, u32) {
    let reached = |run: &T| reached(run).min(epoch);
    let goal = runs.iter().filter(|run| ended(run) || reached(run) == epoch).map(&reached).max();
    runs.retain(|run| goal.is_none_or(|goal| reached(run) >= goal));
    let last = runs.iter().map(&reached).min().unwrap_or(0);
    (runs, last)
}

/// The epochs of ours that end with `last`; epoch 0 stands alone.
pub(crate) fn span(last: u32) -> [u32; 2] {
    [last + 1 - (last / 8).clamp(1, LAST), last]
}

/// The mean test accuracy, or test loss, from one epoch to another; `None` if the run has none of them.
pub(crate) fn mean_of(lines: &[EpochLine], [first, last]: [u32; 2], metric: Metric) -> Option<f64> {
    let chosen = lines.iter().filter(|line| (first..=last).contains(&line.epoch));
    statistics::mean(&chosen.filter_map(|line| metric.value(line)).collect::<Vec<_>>())
}

/// The best epoch up to `last`, of several the first.
fn best_of(lines: &[EpochLine], last: u32) -> Option<EpochLine> {
    let so_far = lines.iter().rev().filter(|line| line.epoch <= last);
    so_far.max_by(|a, b| a.selection_score().total_cmp(&b.selection_score())).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_runs_are_those_that_ended_last_and_those_under_way_beyond_them() {
        // How far, and whether it has ended.
        let of = |runs: &[(u32, bool)], epoch| longest(runs.to_vec(), epoch, |run| run.0, |run| run.1);
        let mixed = [(100, true), (25, true), (40, false), (10, false)];
        assert_eq!(of(&mixed, 100), (vec![mixed[0]], 100));
        assert_eq!(of(&mixed, 30), (vec![mixed[0], mixed[2]], 30));
        assert_eq!(of(&mixed[1..], 100), (vec![mixed[1], mixed[2]], 25));
        assert_eq!(of(&mixed[2..], 100), (mixed[2..].to_vec(), 10));
        assert_eq!(of(&mixed[2..], 40), (vec![mixed[2]], 40));
        assert_eq!(of(&[], 7), (vec![], 0));
    }
}
