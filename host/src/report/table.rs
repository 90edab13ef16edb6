//! The report's tables with ours beside each figure, the difference, and whether the trend is the same.
//!
//! A trend is an experiment's distance to the true-gradient experiment of its table and loss. On other data than CIFAR-10, or after fewer
//! epochs, it is shown, but decides nothing.

use serde::Serialize;

use crate::analysis::{Group, Metric, Ours, Paired, Trend, trend};
use crate::config::Config;
use crate::experiment::{Catalogue, Experiment, Published};

/// One of the report's tables, or the extra experiments.
#[derive(Debug, Serialize)]
pub struct Table {
    /// 1 to 4; `None` for the extra experiments and the user's own networks.
    pub number: Option<u8>,
    /// `table-1` to `table-4`, `extra`, `rules`, `own`, `other`, or `regression`: those that have losses and no accuracies.
    pub name: &'static str,
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
    /// Whether the experiment moves as the report says.
    pub trend: Option<Trend>,
    /// The distance to the true gradient, seed by seed; `None` for the true gradient itself, or without runs of it.
    pub paired: Option<Paired>,
    /// The command that trains it.
    pub command: String,
    /// Its runs: the index of one of the report's groups.
    pub group: Option<usize>,
}

/// The report's tables, then the extra experiments that were trained, then the experiments and networks of the user's own.
pub(crate) fn tables(catalogue: &Catalogue, groups: &[Group]) -> Vec<Table> {
    let titles = [
        (Some(1), "table-1", "Shallow dense networks, Adam, 100 epochs"),
        (Some(2), "table-2", "Deeper dense networks, Adam, 100 and 200 epochs"),
        (Some(3), "table-3", "Poggio’s net, Adam, 100, 200 and 300 epochs"),
        (Some(4), "table-4", "Poggio’s net with untied convolution, Adam, 200 epochs"),
        (None, "extra", "Extra experiments, which test the report’s claims"),
    ];
    let of_title = |(number, name, title): (Option<u8>, &'static str, &str)| {
        let is_mine = |experiment: &&Experiment| experiment.table == number && (number.is_some() || !experiment.rules);
        let mine: Vec<&Experiment> = catalogue.of_the_report().iter().filter(is_mine).collect();
        let row = |experiment: &&Experiment| row(experiment, &mine, groups, catalogue);
        let rows =
            mine.iter().map(row).filter(|row| number.is_some() || row.cells.iter().any(|cell| cell.ours.is_some()));
        Table { number, name, title: title.into(), rows: rows.collect(), groups: numbers_of(&mine, groups) }
    };
    let mut tables: Vec<Table> = titles.into_iter().map(of_title).collect();
    tables.push(rules(catalogue, groups));
    if let Some(file) = catalogue.file() {
        let mine: Vec<&Experiment> = catalogue.own().iter().collect();
        let rows = mine.iter().map(|experiment| row(experiment, &mine, groups, catalogue)).collect();
        let title = format!("Experiments of {}", file.display());
        tables.push(Table { number: None, name: "own", title, rows, groups: numbers_of(&mine, groups) });
    }
    let others = (0..groups.len()).filter(|number| !tables.iter().any(|table| table.groups.contains(number)));
    let has_loss = |number: &usize| groups.get(*number).is_some_and(|group| group.metric() == Metric::Loss);
    let (losses, others): (Vec<usize>, Vec<usize>) = others.partition(has_loss);
    tables.push(of_groups("other", "Other networks and settings", others, groups, catalogue));
    tables.push(of_groups("regression", "Regression and reconstruction", ranked(losses, groups), groups, catalogue));
    tables.retain(|table| table.number.is_some() || !table.rows.is_empty());
    tables
}

/// A table of groups beside no figure of the report, in this order.
fn of_groups(name: &'static str, title: &str, numbers: Vec<usize>, groups: &[Group], catalogue: &Catalogue) -> Table {
    let of_group = |number: &usize| {
        let group = groups.get(*number)?;
        Some(other(group, catalogue, |command| unpublished((*number, group), groups, command)))
    };
    let rows = numbers.iter().filter_map(of_group).collect();
    Table { number: None, name, title: title.into(), rows, groups: numbers }
}

/// Groups by what they are trained towards, on which data and by which loss, for other losses do not compare; of those the lowest test
/// loss first.
fn ranked(mut numbers: Vec<usize>, groups: &[Group]) -> Vec<usize> {
    let key = |number: &usize| {
        let (group, config) = groups.get(*number).and_then(|group| Some((group, group.config()?)))?;
        let task = (config.data.label(), config.target.name(), config.anomaly_class, config.loss.name());
        Some((task, group.ours(group.epoch()).and_then(|ours| ours.mean)))
    };
    numbers.sort_by(|a, b| {
        let ((task_a, mean_a), (task_b, mean_b)) = (key(a).unzip(), key(b).unzip());
        task_a.cmp(&task_b).then_with(|| Metric::Loss.order(mean_a.flatten(), mean_b.flatten()))
    });
    numbers
}

/// The feedback rules on one network, the best first: the experiments that only this table has, whatever their settings, and those of
/// the report's tables with the same batch.
fn rules(catalogue: &Catalogue, groups: &[Group]) -> Table {
    let batch = |group: &Group| group.config().map(|config| config.batch);
    let found =
        groups.iter().enumerate().filter_map(|(number, group)| Some((number, group, rule_of(catalogue, group)?)));
    let mut found: Vec<(usize, &Group, &Experiment)> = found.collect();
    let only = found.iter().filter(|(_, _, experiment)| experiment.table.is_none());
    let batches: Vec<Option<usize>> = only.map(|(_, group, _)| batch(group)).collect();
    found.retain(|(_, group, experiment)| experiment.table.is_none() || batches.contains(&batch(group)));
    let row = |(number, group, experiment): (usize, &Group, &Experiment)| {
        let cells = |command: &str| vec![unpublished_at((number, group), groups, experiment.rules_epochs(), command)];
        (other(group, catalogue, cells), number)
    };
    let mut rows: Vec<(Row, usize)> = found.into_iter().map(row).collect();
    let accuracy = |row: &Row| row.cells.first().and_then(|cell| cell.ours.as_ref()?.mean);
    rows.sort_by(|(a, _), (b, _)| Metric::Accuracy.order(accuracy(a), accuracy(b)));
    let (rows, groups) = rows.into_iter().unzip();
    Table { number: None, name: "rules", title: "Feedback rules".into(), rows, groups }
}

/// The experiment of the table of rules that a group trains; one of the report's tables as it says, but for the batch.
fn rule_of<'a>(catalogue: &'a Catalogue, group: &Group) -> Option<&'a Experiment> {
    let named = |experiment: &&Experiment| experiment.rules && experiment.name == group.name;
    let (experiment, config) = (catalogue.of_the_report().iter().find(named)?, group.config()?);
    let own = Config::of_experiment_like(experiment, config).ok()?;
    let is_own = Config { batch: config.batch, ..own }.differences(config).is_empty();
    (experiment.table.is_none() || is_own).then_some(experiment)
}

/// Numbers of the groups that were trained as one of these experiments says.
fn numbers_of(experiments: &[&Experiment], groups: &[Group]) -> Vec<usize> {
    let is_mine = |(number, group): (usize, &Group)| {
        experiments.iter().any(|experiment| group.is_of(experiment)).then_some(number)
    };
    groups.iter().enumerate().filter_map(is_mine).collect()
}

fn row(experiment: &Experiment, table: &[&Experiment], groups: &[Group], catalogue: &Catalogue) -> Row {
    let mine = groups.iter().enumerate().filter(|(_, group)| group.is_of(experiment));
    let mut cells: Vec<Cell> = mine.flat_map(|group| cells(experiment, group, table, groups, catalogue)).collect();
    if cells.is_empty() {
        let untrained = |published| Cell {
            published,
            ours: None,
            difference: None,
            comparable: false,
            trend: None,
            paired: None,
            group: None,
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
    (number, group): (usize, &Group),
    table: &[&Experiment],
    groups: &[Group],
    catalogue: &Catalogue,
) -> Vec<Cell> {
    let reached = group.epoch();
    let command = |epochs: u32| group.command(catalogue, epochs);
    if experiment.published.is_empty() {
        return unpublished((number, group), groups, &command(0));
    }
    let mut before = 0;
    let cell = |figure: &Published| {
        let ours = (reached.max(1) > before).then(|| group.ours(figure.epochs)).flatten();
        before = figure.epochs;
        let is_on_data = group.config().is_some_and(|config| config.data.is_of(experiment, catalogue) == Ok(true));
        let of_figure = ours.as_ref().filter(|_| is_on_data);
        let comparable =
            of_figure.is_some_and(|ours| ours.metric == Metric::Accuracy && ours.epochs[1] >= figure.epochs);
        let trend = ours.as_ref().and_then(|_| trend(experiment, *figure, group, is_on_data, table, groups));
        let paired = ours.as_ref().and_then(|ours| Paired::to_true_gradient(group, groups, ours.epochs[1]));
        Cell {
            published: Some(*figure),
            difference: of_figure
                .filter(|ours| ours.metric == Metric::Accuracy)
                .and_then(|ours| ours.mean)
                .map(|mean| mean - figure.accuracy),
            ours,
            comparable,
            trend,
            paired,
            command: command(figure.epochs.min(reached)),
            group: Some(number),
        }
    };
    experiment.published.iter().map(cell).collect()
}

/// A group beside no figure of the report, at the end of each of its curves.
fn unpublished((number, group): (usize, &Group), groups: &[Group], command: &str) -> Vec<Cell> {
    let ends = group.curves.iter().filter(|curve| !curve.diverged).map(|curve| curve.epochs);
    let mut ends: Vec<u32> = ends.collect();
    if ends.is_empty() {
        ends.push(group.epoch());
    }
    ends.into_iter().map(|epoch| unpublished_at((number, group), groups, epoch, command)).collect()
}

fn unpublished_at((number, group): (usize, &Group), groups: &[Group], epoch: u32, command: &str) -> Cell {
    Cell {
        published: None,
        ours: group.ours(epoch),
        difference: None,
        comparable: false,
        trend: None,
        paired: Paired::to_true_gradient(group, groups, epoch),
        command: command.to_owned(),
        group: Some(number),
    }
}

/// A row of a group beside no figure of the report.
fn other(group: &Group, catalogue: &Catalogue, cells: impl FnOnce(&str) -> Vec<Cell>) -> Row {
    let (network, loss) =
        group.config().map_or_else(Default::default, |c| (c.network.to_string(), c.loss.name().to_owned()));
    Row { name: group.label(), network, loss, cells: cells(&group.command(catalogue, 0)) }
}

impl Table {
    /// What its runs are compared by.
    pub fn metric(&self) -> Metric {
        if self.name == "regression" { Metric::Loss } else { Metric::Accuracy }
    }

    /// Whether one of its rows has a run.
    pub fn has_runs(&self) -> bool {
        self.rows.iter().any(Row::has_runs)
    }

    /// `Table 1: Shallow dense networks`.
    pub(crate) fn heading(&self) -> String {
        self.number.map_or_else(|| self.title.clone(), |number| format!("Table {number}: {}", self.title))
    }
}

impl Row {
    /// Whether one of its cells has a run.
    pub fn has_runs(&self) -> bool {
        self.cells.iter().any(|cell| cell.ours.is_some())
    }
}

/// The cells of some rows, each with its row.
pub(crate) fn cells_of(rows: &[Row]) -> impl Iterator<Item = (&Row, &Cell)> {
    rows.iter().flat_map(|row| row.cells.iter().map(move |cell| (row, cell)))
}
