//! The report's tables with ours beside each figure, the difference, and whether the trend is the same.
//!
//! A trend is a row's distance to the true-gradient row of its table and loss. On other data than CIFAR-10, or after fewer
//! epochs, it is shown, but decides nothing.

use std::borrow::Cow;
use std::path::Path;

use serde::Serialize;

use crate::analysis::{Group, Paired, Run};
use crate::config::{Choices, Config};
use crate::experiment::{Catalogue, Experiment, Published};
use crate::run::{self, EpochLine};
use crate::statistics::{self, Estimate};

/// Two accuracies within so many points are the same: published figures jump by as much from epoch to epoch.
pub(crate) const SAME: f64 = 2.0;
/// Ours is the mean over an eighth of the epochs, but at most over so many: those of the claims.
const LAST: u32 = 3;

/// One of the report's tables, or the extra rows.
#[derive(Debug, Serialize)]
pub struct Table {
    /// 1 to 4; `None` for the extra rows and the user's own networks.
    pub number: Option<u8>,
    /// What it shows.
    pub title: String,
    /// Its rows.
    pub rows: Vec<Row>,
    /// Its runs: numbers of the report's groups, from 0.
    pub groups: Vec<usize>,
}

/// A row: an experiment.
#[derive(Debug, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its network.
    pub network: String,
    /// Its loss.
    pub loss: String,
    /// One for each number of epochs that the report publishes, and at least one for each group of runs.
    pub cells: Vec<Cell>,
}

/// A figure of the report, and ours.
#[derive(Debug, Serialize)]
pub struct Cell {
    /// The report's.
    pub published: Option<Published>,
    /// Ours, if there is a run.
    pub ours: Option<Ours>,
    /// Ours less the report's, in points; `None` on other data.
    pub difference: Option<f64>,
    /// Whether ours is on the data of the published figure, CIFAR-10 in the report, and as long.
    pub comparable: bool,
    /// Whether the row moves as the report says.
    pub trend: Option<Trend>,
    /// The distance to the true gradient, seed by seed; `None` for the true gradient itself, or without runs of it.
    pub paired: Option<Paired>,
    /// The command that trains it.
    pub command: String,
}

/// What the runs of a group reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ours {
    /// The data set.
    pub data: String,
    /// The first and the last epoch of the mean.
    pub epochs: [u32; 2],
    /// Test accuracy in percent, the mean over runs; `None` if all diverged.
    pub mean: Option<f64>,
    /// The 95 % interval of that mean (Student), from two runs on.
    pub interval: Option<[f64; 2]>,
    /// Its 95 % bootstrap interval: never wider than the runs lie apart, so too narrow for a few.
    pub bootstrap: Option<[f64; 2]>,
    /// Test accuracy of each run's best epoch so far, the mean over runs: chosen on the test set, so only beside `mean`.
    pub best: Option<f64>,
    /// That epoch of each run.
    pub best_epochs: Vec<u32>,
    /// The runs, those that diverged included.
    pub runs: usize,
    /// Runs that diverged.
    pub diverged: usize,
    /// Further runs, left out because they are shorter than these.
    pub shorter: usize,
    /// Whether all runs of the mean have come to their end.
    pub ended: bool,
}

/// A row's distance to the true gradient, there and here.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// The true-gradient row; the row itself if it is one.
    pub baseline: String,
    /// The report's distance in points.
    pub report: f64,
    /// Ours.
    pub ours: f64,
    /// Whether they are of one kind.
    pub verdict: Verdict,
    /// Whether the runs are evidence: comparable with the report's.
    pub decided: bool,
}

/// How two distances compare; each is worse, the same, or better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Both are of one kind.
    Agrees,
    /// One is the same, the other is not.
    Differs,
    /// One is worse, the other better.
    Contradicts,
}

impl Verdict {
    /// One word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Differs => "differs",
            Self::Contradicts => "contradicts",
        }
    }

    fn of(report: f64, ours: f64) -> Self {
        let kind = |distance: f64| i8::from(distance >= SAME) - i8::from(distance <= -SAME);
        match kind(report) * kind(ours) {
            -1 => Self::Contradicts,
            _ if kind(report) == kind(ours) => Self::Agrees,
            _ => Self::Differs,
        }
    }
}

/// The report's tables, then the extra rows that were trained, then the experiments and networks of the user's own.
pub(crate) fn tables(catalogue: &Catalogue, groups: &[Group]) -> Vec<Table> {
    let titles = [
        (Some(1), "Shallow dense networks, Adam, 100 epochs"),
        (Some(2), "Deeper dense networks, Adam, 100 and 200 epochs"),
        (Some(3), "Poggio’s net, Adam, 100, 200 and 300 epochs"),
        (Some(4), "Poggio’s net with untied convolution, Adam, 200 epochs"),
        (None, "Extra rows, which test the report’s claims"),
    ];
    let of_title = |(number, title): (Option<u8>, &str)| {
        let mine: Vec<&Experiment> = catalogue.of_the_report().iter().filter(|row| row.table == number).collect();
        let row = |experiment: &&Experiment| row(experiment, &mine, groups, catalogue);
        let rows =
            mine.iter().map(row).filter(|row| number.is_some() || row.cells.iter().any(|cell| cell.ours.is_some()));
        Table { number, title: title.into(), rows: rows.collect(), groups: numbers_of(&mine, groups) }
    };
    let mut tables: Vec<Table> = titles.into_iter().map(of_title).collect();
    if let Some(file) = catalogue.file() {
        let mine: Vec<&Experiment> = catalogue.own().iter().collect();
        let rows = mine.iter().map(|experiment| row(experiment, &mine, groups, catalogue)).collect();
        let title = format!("Experiments of {}", file.display());
        tables.push(Table { number: None, title, rows, groups: numbers_of(&mine, groups) });
    }
    let others = (0..groups.len()).filter(|number| !tables.iter().any(|table| table.groups.contains(number)));
    let others: Vec<usize> = others.collect();
    let rows = others.iter().filter_map(|number| groups.get(*number)).map(|group| other(group, groups)).collect();
    tables.push(Table { number: None, title: "Other networks and settings".into(), rows, groups: others });
    tables.retain(|table| table.number.is_some() || !table.rows.is_empty());
    tables
}

/// Numbers of the groups that were trained as one of these rows says.
fn numbers_of(rows: &[&Experiment], groups: &[Group]) -> Vec<usize> {
    let is_mine = |(number, group): (usize, &Group)| rows.iter().any(|row| group.is_of(row)).then_some(number);
    groups.iter().enumerate().filter_map(is_mine).collect()
}

impl Group {
    /// Whether its runs were trained as the row says.
    pub(crate) fn is_of(&self, row: &Experiment) -> bool {
        self.name == row.name
            && self.config().is_some_and(|config| {
                let choices = Choices { seed: Some(config.seed), ..Choices::default() };
                Config::of_experiment(row, &choices, config.data.clone(), config.class)
                    .is_ok_and(|of_row| of_row.differences(config).is_empty())
            })
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
        let accuracies: Vec<f64> = whole.iter().filter_map(|run| mean_of(&run.epochs, epochs)).collect();
        let best: Vec<EpochLine> = whole.iter().filter_map(|run| best_of(&run.epochs, epochs[1])).collect();
        let diverged = self.runs.iter().filter(|run| run.has_diverged()).count();
        let estimate = Estimate::of(&accuracies);
        (!accuracies.is_empty() || diverged > 0).then(|| Ours {
            data: self.config().map_or_else(String::new, |config| config.data.name.clone()),
            epochs,
            mean: estimate.map(|estimate| estimate.mean),
            interval: estimate.and_then(|estimate| estimate.interval),
            bootstrap: estimate.and_then(|estimate| estimate.bootstrap),
            best: statistics::mean(&best.iter().map(|line| line.test_accuracy).collect::<Vec<_>>()),
            best_epochs: best.iter().map(|line| line.epoch).collect(),
            runs: accuracies.len() + diverged,
            diverged,
            shorter: self.runs.len() - diverged - whole.len(),
            ended: whole.iter().all(|run| run.status.has_ended()),
        })
    }
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

/// The epochs of ours that end with `last`.
pub(crate) fn span(last: u32) -> [u32; 2] {
    let last = last.max(1);
    [last + 1 - (last / 8).clamp(1, LAST), last]
}

/// The mean test accuracy from one epoch to another; `None` if the run has none of them.
pub(crate) fn mean_of(lines: &[EpochLine], [first, last]: [u32; 2]) -> Option<f64> {
    let chosen = lines.iter().filter(|line| (first..=last).contains(&line.epoch));
    statistics::mean(&chosen.map(|line| line.test_accuracy).collect::<Vec<_>>())
}

/// The epoch up to `last` with the best test accuracy, of several the first.
fn best_of(lines: &[EpochLine], last: u32) -> Option<EpochLine> {
    let so_far = lines.iter().rev().filter(|line| line.epoch <= last);
    so_far.max_by(|a, b| a.test_accuracy.total_cmp(&b.test_accuracy)).copied()
}

fn row(experiment: &Experiment, table: &[&Experiment], groups: &[Group], catalogue: &Catalogue) -> Row {
    let mine: Vec<&Group> = groups.iter().filter(|group| group.is_of(experiment)).collect();
    let mut cells: Vec<Cell> =
        mine.iter().flat_map(|group| cells(experiment, group, table, groups, catalogue)).collect();
    if cells.is_empty() {
        let untrained = |published| Cell {
            published,
            ours: None,
            difference: None,
            comparable: false,
            trend: None,
            paired: None,
            command: format!(
                "asymgrad run {}{}{}",
                experiment.name,
                catalogue.option(experiment),
                published.map_or_else(String::new, |figure: Published| format!(" --epochs {}", figure.epochs))
            ),
        };
        let figures = experiment.published.iter().copied().map(Some);
        cells = figures.chain(experiment.published.is_empty().then_some(None)).map(untrained).collect();
    }
    let Experiment { name, network, loss, .. } = experiment.clone();
    Row { name, network, loss, cells }
}

/// The report's figures beside one group of runs; where they end early, their end stands beside the next figure.
fn cells(
    experiment: &Experiment,
    group: &Group,
    table: &[&Experiment],
    groups: &[Group],
    catalogue: &Catalogue,
) -> Vec<Cell> {
    let reached = group.epoch();
    let command = |epochs: u32| {
        group.runs.first().map_or_else(String::new, |run| {
            let config = Config { epochs: epochs.max(run.config.epochs), ..run.config.clone() };
            config.command(catalogue, &run::data_of(&run.folder, &config))
        })
    };
    if experiment.published.is_empty() {
        return vec![unpublished(group, groups, command(0))];
    }
    let mut before = 0;
    let cell = |figure: &Published| {
        let ours = (reached.max(1) > before).then(|| group.ours(figure.epochs)).flatten();
        before = figure.epochs;
        let of_figure = ours.as_ref().filter(|ours| ours.data == data_of(experiment));
        let comparable = of_figure.is_some_and(|ours| ours.epochs[1] >= figure.epochs);
        let trend = ours.as_ref().and_then(|ours| {
            let trend = trend(experiment, *figure, group, ours, table, groups)?;
            Some(Trend { decided: comparable, ..trend })
        });
        let paired = ours.as_ref().and_then(|ours| Paired::to_true_gradient(group, groups, ours.epochs[1]));
        Cell {
            published: Some(*figure),
            difference: of_figure.and_then(|ours| ours.mean).map(|mean| mean - figure.accuracy),
            ours,
            comparable,
            trend,
            paired,
            command: command(figure.epochs.min(reached)),
        }
    };
    experiment.published.iter().map(cell).collect()
}

/// The data set that a row's figures were measured on, as runs name it.
fn data_of(experiment: &Experiment) -> Cow<'_, str> {
    let data = Path::new(experiment.data.as_deref().unwrap_or("cifar10"));
    data.file_name().map_or(Cow::Borrowed("cifar10"), |name| name.to_string_lossy())
}

/// The distances to the true gradient at the same epochs; `None` for the true gradient itself, or without runs of it.
fn trend(
    experiment: &Experiment,
    figure: Published,
    group: &Group,
    ours: &Ours,
    table: &[&Experiment],
    groups: &[Group],
) -> Option<Trend> {
    let is_true = |row: &Experiment| !row.network.contains('(');
    let baseline = table.iter().find(|row| is_true(row) && row.loss == experiment.loss)?;
    if is_true(experiment) {
        return None;
    }
    let (data, config) = (&ours.data, group.config()?);
    let twin = groups.iter().find(|twin| {
        twin.is_of(baseline) && twin.config().is_some_and(|c| c.data.name == *data && c.class == config.class)
    })?;
    // The true gradient has one figure, at the fewest epochs.
    let there = figure.accuracy - baseline.published.first()?.accuracy;
    let both = twin.ours(ours.epochs[1])?.epochs[1];
    let here = group.ours(both)?.mean? - twin.ours(both)?.mean?;
    let verdict = Verdict::of(there, here);
    Some(Trend { baseline: baseline.name.clone(), report: there, ours: here, verdict, decided: false })
}

/// A group beside no figure of the report.
fn unpublished(group: &Group, groups: &[Group], command: String) -> Cell {
    let epoch = group.epoch();
    Cell {
        published: None,
        ours: group.ours(epoch),
        difference: None,
        comparable: false,
        trend: None,
        paired: Paired::to_true_gradient(group, groups, epoch),
        command,
    }
}

fn other(group: &Group, groups: &[Group]) -> Row {
    let (network, loss) =
        group.config().map_or_else(Default::default, |c| (c.network.to_string(), c.loss.name().to_owned()));
    let command = group.runs.first().map_or_else(String::new, |run| run.command.clone());
    Row { name: group.label(), network, loss, cells: vec![unpublished(group, groups, command)] }
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

    #[test]
    fn a_trend_is_worse_the_same_or_better() {
        use Verdict::{Agrees, Contradicts, Differs};
        let verdicts = [(-5.9, -12.0), (-5.9, -1.0), (0.4, 1.9), (0.4, -3.0), (-5.0, 2.0), (3.0, 2.0)];
        let expected = [Agrees, Differs, Agrees, Differs, Contradicts, Agrees];
        assert_eq!(verdicts.map(|(there, here)| Verdict::of(there, here)), expected);
    }
}
