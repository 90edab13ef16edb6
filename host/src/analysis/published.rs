//! Whether runs of this program agree with published figures.
//!
//! A figure with a distance is compared with runs that took the published draws. Of all others the runs are two samples of the same
//! distribution, or not: their means differ by less than Student's interval (95 %), or by more. The deviation in that interval is the one
//! between the runs, or the one of each run from epoch to epoch, whichever makes it wider: a few runs may be near each other by chance at
//! one epoch between two jumps.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::Serialize;

use super::runs::Run;
use crate::config::{Config, DatasetId};
use crate::dataset::Contents;
use crate::experiment::Catalogue;
use crate::published::{Figure, Quantity, Record, Source, all, without_draws};
use crate::statistics;

/// A published figure beside the runs of this program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The experiment's name.
    pub experiment: String,
    /// What is compared.
    pub quantity: &'static str,
    /// After this epoch.
    pub epoch: u32,
    /// The seed, if a run is compared with a run.
    pub seed: Option<u32>,
    /// The published number.
    pub published: f64,
    /// Its standard deviation over runs, and how many they were.
    pub spread: Option<(f64, u32)>,
    /// The mean over the runs of this program; `None` if there are none that long.
    pub found: Option<f64>,
    /// Their standard deviation, from two on.
    pub deviation: Option<f64>,
    /// How many they are.
    pub runs: usize,
    /// How far they may be apart; `None` if there are too few runs to say.
    pub within: Option<f64>,
    /// Whether they are; `None` if there are too few runs to say.
    pub agrees: Option<bool>,
    /// Decimals of the numbers.
    #[serde(skip)]
    pub decimals: usize,
}

impl Comparison {
    /// The columns of a table of comparisons.
    pub(crate) const COLUMNS: [&str; 9] =
        ["experiment", "figure", "epoch", "seed", "published", "ours", "runs", "may differ by", "verdict"];
    /// Those that hold numbers.
    pub(crate) const NUMBERS: Range<usize> = 2..8;

    /// Its cells in a table with these columns.
    pub(crate) fn cells(&self) -> [String; 9] {
        [
            self.experiment.clone(),
            self.quantity.into(),
            self.epoch.to_string(),
            self.seed.map_or_else(String::new, |seed| seed.to_string()),
            self.published_text(),
            self.found_text(),
            self.runs.to_string(),
            self.within_text(),
            self.verdict().into(),
        ]
    }

    /// `13.60 ± 0.50 (3)`: mean, standard deviation and runs, or the number of one run.
    fn published_text(&self) -> String {
        let (value, decimals) = (self.published, self.decimals);
        let spread =
            self.spread.map_or_else(String::new, |(deviation, runs)| format!(" ± {deviation:.decimals$} ({runs})"));
        format!("{value:.decimals$}{spread}")
    }

    /// The mean of this program's runs.
    fn found_text(&self) -> String {
        self.found.map_or_else(|| "–".into(), |found| format!("{found:.*}", self.decimals))
    }

    /// How far the two may be apart.
    fn within_text(&self) -> String {
        self.within.map_or_else(|| "–".into(), |within| format!("{within:.*}", self.decimals.max(3)))
    }

    /// `agrees`, `differs` or `too few runs`.
    const fn verdict(&self) -> &'static str {
        match self.agrees {
            Some(true) => "agrees",
            Some(false) => "differs",
            None => "too few runs",
        }
    }
}

/// What was published at one place, beside the runs of this program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PublishedRuns {
    /// Where.
    pub source: Source,
    /// The figures that runs have reached.
    pub comparisons: Vec<Comparison>,
    /// The figures of the source, reached or not.
    pub figures: usize,
    /// Its experiments without a figure to compare.
    pub missing: Vec<Missing>,
}

/// An experiment none of whose figures can be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The experiment's name.
    pub experiment: String,
    /// Why.
    pub reason: String,
}

impl PublishedRuns {
    /// `agree: 81, differ: 1, too few runs: 6`.
    pub(crate) fn counts(&self) -> String {
        let count = |agrees: Option<bool>| self.comparisons.iter().filter(|of| of.agrees == agrees).count();
        let [agree, differ, few] = [Some(true), Some(false), None].map(count);
        format!("agree: {agree}, differ: {differ}, too few runs: {few}")
    }

    /// `Not compared: A (no run), B (no run).`
    pub(crate) fn missing_text(&self) -> String {
        let each = |of: &Missing| format!("{} ({})", of.experiment, of.reason);
        format!("Not compared: {}.", self.missing.iter().map(each).collect::<Vec<_>>().join(", "))
    }
}

/// Whether a run has the settings, the data set and, if it took files of draws, the seeds of a record. The kernels change no figure that is
/// compared.
fn is_as_published(run: &Run, record: &Record, catalogue: &Catalogue) -> bool {
    let experiment = &record.experiment;
    if run.config.name != experiment.name || run.config.data.is_of(experiment, catalogue) != Ok(true) {
        return false;
    }
    let settings = without_draws(&run.config).without_measures().settings(catalogue);
    settings.iter().all(|option| option.starts_with("--kernels"))
}

/// Compares runs with the published ones of their names, source by source; sources without runs are left out.
pub fn compare_published(runs: &[&Run], catalogue: &Catalogue) -> Vec<PublishedRuns> {
    let (mut sources, mut trained): (Vec<PublishedRuns>, BTreeSet<String>) = (vec![], BTreeSet::new());
    for record in all() {
        let index = sources.iter().position(|source| source.source == record.source).unwrap_or_else(|| {
            let (source, comparisons, missing) = (record.source.clone(), vec![], vec![]);
            sources.push(PublishedRuns { source, comparisons, figures: 0, missing });
            sources.len() - 1
        });
        let (experiment, place) = (&record.experiment, &mut sources[index]);
        let runs: Vec<&Run> = runs.iter().copied().filter(|run| is_as_published(run, record, catalogue)).collect();
        if !runs.is_empty() {
            trained.insert(record.source.name.clone());
        }
        let compared = record.figures.iter().map(|figure| comparison(record, figure, &runs));
        let reached: Vec<Comparison> = compared.filter(|comparison| comparison.found.is_some()).collect();
        if reached.is_empty() {
            place.missing.push(Missing { experiment: experiment.name.clone(), reason: reason(record, &runs) });
        }
        place.comparisons.extend(reached);
        place.figures += record.figures.len();
    }
    sources.retain(|of| trained.contains(&of.source.name));
    sources
}

/// Why no figure of a record can be compared with these runs.
fn reason(record: &Record, runs: &[&Run]) -> String {
    let (experiment, first) = (&record.experiment.name, record.figures.iter().map(|figure| figure.epoch).min());
    if runs.is_empty() {
        "no run".into()
    } else if runs.iter().all(|run| run.has_diverged()) {
        "its runs diverged".into()
    } else if runs.iter().all(|run| Some(run.epoch()) < first) {
        format!("its runs end before epoch {}, that of the first figure", first.unwrap_or(0))
    } else {
        format!("no run with the published draws, as `suite --published {experiment}` makes them")
    }
}

fn comparison(record: &Record, figure: &Figure, runs: &[&Run]) -> Comparison {
    // Runs on the images in different orders are no sample of one distribution; those of the official archive are the ones to compare.
    let is_official = |run: &&&Run| run.config.data.contents() == Contents::Cifar10Official;
    let data = runs.iter().find(is_official).or(runs.first()).map(|run| &run.config.data);
    let runs: Vec<&Run> = runs.iter().copied().filter(|run| Some(&run.config.data) == data).collect();
    let contents = data.map_or(Contents::Unknown, DatasetId::contents);
    let exact = record.distance(figure.quantity, contents);
    let is_meant = |run: &&Run| {
        let has_seed = figure.seed.is_none_or(|seed| run.config.seed == u64::from(seed));
        has_seed && (exact.is_none() || record.has_draws_of(&run.config))
    };
    let runs: Vec<&Run> = runs.into_iter().filter(is_meant).collect();
    let numbers: Vec<f64> = runs.iter().filter_map(|run| number(run, figure.quantity, figure.epoch)).collect();
    let found = statistics::mean(&numbers);
    let by_spread = || {
        let bound = bound(figure, &numbers, &changes(&runs, figure))?;
        // Independent deviations add as their squares do.
        Some(record.distance_of_order(figure.quantity, contents).map_or(bound, |distance| bound.hypot(distance)))
    };
    let within = exact.or_else(by_spread);
    Comparison {
        experiment: record.experiment.name.clone(),
        quantity: figure.quantity.name(),
        epoch: figure.epoch,
        seed: figure.seed,
        published: figure.value,
        spread: figure.spread,
        found,
        deviation: statistics::deviation(&numbers),
        runs: numbers.len(),
        within,
        agrees: found.zip(within).and_then(|(found, within)| agrees(figure, found, within)),
        decimals: figure.quantity.decimals(),
    }
}

/// Whether two values agree that may differ by `within`; `None` if that is more than half of the published value, so that almost any
/// other would agree as well. Of an accuracy its error counts, too: 80 % right is 20 % wrong.
fn agrees(figure: &Figure, found: f64, within: f64) -> Option<bool> {
    let published = figure.value.abs();
    let size = if figure.quantity.is_accuracy() { published.min(100.0 - published) } else { published };
    (within <= 0.5 * size).then_some((found - figure.value).abs() <= within)
}

/// How far the mean of `numbers` may be from a figure by their spread, or by their `changes` from epoch to epoch; `None` if neither side
/// has a spread.
fn bound(figure: &Figure, numbers: &[f64], changes: &[Vec<f64>]) -> Option<f64> {
    let (deviation, runs) = figure.spread.unwrap_or((0.0, 1));
    let ours = (statistics::deviation(numbers).unwrap_or(0.0), numbers.len());
    let by_runs = statistics::difference_bound((deviation, runs as usize), ours)?;
    let by_epochs = statistics::scatter_bound(changes, runs as usize, numbers.len());
    Some(by_epochs.map_or(by_runs, |bound| bound.max(by_runs)))
}

/// How the quantity of a figure changes from one epoch to the next in each run: in each of up to five pairs of epochs around the
/// figure's.
fn changes(runs: &[&Run], figure: &Figure) -> Vec<Vec<f64>> {
    let of = |run: &Run, epoch: u32| {
        let of = |epoch: u32| number(run, figure.quantity, epoch);
        Some(of(epoch + 1)? - of(epoch)?)
    };
    let first = figure.epoch.saturating_sub(5).max(1);
    let pairs = (first..figure.epoch + 5).step_by(2);
    pairs.map(|epoch| runs.iter().filter_map(|run| of(run, epoch)).collect()).collect()
}

/// A quantity of a run after an epoch; `None` if it did not reach its end, or did not measure that.
fn number(run: &Run, quantity: Quantity, epoch: u32) -> Option<f64> {
    let at = run.epochs.iter().position(|line| line.epoch == epoch)?;
    let line = &run.epochs[at];
    match quantity {
        _ if is_cut(&run.config, epoch) => None,
        Quantity::TestAccuracy => line.test_accuracy,
        Quantity::TestLoss => Some(line.test_loss),
        Quantity::TrainLoss => Some(line.train_loss),
        Quantity::BestTestAccuracy => {
            let accuracies = run.epochs[..=at].iter().filter_map(|line| line.test_accuracy);
            accuracies.max_by(f64::total_cmp)
        }
        Quantity::WeightAngle => {
            // The layers' names are in order: the last one is the network's last.
            let (_, series) = run.measures.get("weight_angles")?.last_key_value()?;
            *series.get(at)?
        }
    }
}

/// Whether `--max-steps` ends a run within an epoch, or may do so.
fn is_cut(config: &Config, epoch: u32) -> bool {
    let steps = config.steps_per_epoch.map(|steps| steps as u64 * u64::from(epoch));
    config.max_steps.is_some_and(|most| steps.is_none_or(|steps| steps > most))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset;
    use crate::kernels::NumericMode;
    use crate::settings::Choices;

    #[test]
    fn the_distance_depends_on_the_order_of_cifar_10s_images() {
        let records = all();
        let distance = |name: &str, quantity, contents| {
            records.iter().find(|record| record.experiment.name == name).unwrap().distance(quantity, contents)
        };
        let of_accuracy = |name: &str, contents| distance(name, Quantity::TestAccuracy, contents);
        for name in ["akrout-BP", "akrout-KP"] {
            assert_eq!(of_accuracy(name, Contents::Cifar10Official), Some(1.5));
            assert_eq!(of_accuracy(name, Contents::Cifar10), of_accuracy(name, Contents::Cifar10Reordered));
            assert_eq!(of_accuracy(name, Contents::Cifar10), Some(6.0));
            assert_eq!(distance(name, Quantity::TrainLoss, Contents::Cifar10), Some(0.02));
        }
        assert!(of_accuracy("dfa-stall-fashion-DFA", Contents::FashionMnist).unwrap() < 0.05);
        assert_eq!(of_accuracy("dfa-stall-cifar-DFA", Contents::Cifar10Official), None);
    }

    #[test]
    fn every_experiment_has_the_settings_of_its_record() {
        let (catalogue, digits) = (Catalogue::of_report(), dataset::open("digits").unwrap());
        for record in all() {
            let (experiment, choices) = (&record.experiment, Choices::default());
            let config = Config::of_experiment(experiment, &choices, &digits, NumericMode::Portable).unwrap();
            assert_eq!(config.settings(&catalogue), Vec::<String>::new(), "{}", experiment.name);
        }
    }

    /// Three published runs of 13.6 ± 0.5: one of ours may be 2.484 away (see `statistics::difference_bound`), none decides without a
    /// spread.
    #[test]
    fn a_figure_is_compared_by_the_spread_of_both_sides() {
        let quantity = Quantity::TestAccuracy;
        let figure = |spread| Figure { epoch: 9, seed: None, quantity, value: 13.6, spread };
        let of = |spread, numbers: &[f64]| bound(&figure(spread), numbers, &[]);
        assert!((of(Some((0.5, 3)), &[16.0]).unwrap() - 2.484_138).abs() < 1e-6);
        assert!((of(None, &[13.0, 14.0, 13.5]).unwrap() - 2.484_138).abs() < 1e-6);
        assert_eq!(of(None, &[13.0]), None);
        assert_eq!(of(Some((0.5, 3)), &[]), None);
        // Changes of less than the spread make no difference. Wider ones do, but they do not stand for the spread of one run.
        let by = |numbers: &[f64], changes: &[f64]| bound(&figure(None), numbers, &[changes.to_vec()]);
        let three = [13.0, 14.0, 13.5];
        assert_eq!(by(&three, &[0.1, -0.1]), of(None, &three));
        assert_eq!(by(&three, &[30.0, -40.0]), statistics::scatter_bound(&[vec![30.0, -40.0]], 1, 3));
        assert_eq!(by(&[13.0], &[30.0, -40.0]), None);
    }

    #[test]
    fn a_distance_of_more_than_half_of_the_figure_decides_nothing() {
        let of = |quantity, value, found, within| {
            agrees(&Figure { epoch: 9, seed: None, quantity, value, spread: None }, found, within)
        };
        assert_eq!(of(Quantity::TestAccuracy, 31.04, 22.66, 114.8), None);
        assert_eq!(of(Quantity::TestAccuracy, 30.0, 22.0, 15.0), Some(true));
        assert_eq!(of(Quantity::TestAccuracy, 30.0, 14.0, 15.0), Some(false));
        // An error of 20 %.
        assert_eq!(of(Quantity::BestTestAccuracy, 80.0, 75.0, 10.5), None);
        assert_eq!(of(Quantity::TrainLoss, 80.0, 75.0, 10.5), Some(true));
    }
}
