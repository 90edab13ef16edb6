//! The report's tables with ours beside each figure, the difference, and whether the trend is the same.
//!
//! A trend is a row's distance to the true-gradient row of its table and loss. On other data than CIFAR-10, or after fewer
//! epochs, it is shown, but decides nothing.

use serde::Serialize;

use crate::analysis::{Group, Ours, Paired, Trend, trend};
use crate::config::Config;
use crate::experiment::{Catalogue, Experiment, Published};
use crate::run;

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
            config.command(catalogue, run::data_of(&run.folder, &config))
        })
    };
    if experiment.published.is_empty() {
        return vec![unpublished(group, groups, command(0))];
    }
    let mut before = 0;
    let cell = |figure: &Published| {
        let ours = (reached.max(1) > before).then(|| group.ours(figure.epochs)).flatten();
        before = figure.epochs;
        let is_on_data = group.config().is_some_and(|config| config.data.is_of(experiment, catalogue) == Ok(true));
        let of_figure = ours.as_ref().filter(|_| is_on_data);
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

/// The cells of some rows, each with its row.
pub(crate) fn cells_of(rows: &[Row]) -> impl Iterator<Item = (&Row, &Cell)> {
    rows.iter().flat_map(|row| row.cells.iter().map(move |cell| (row, cell)))
}
