//! The tables of a Markdown page.

use std::collections::{BTreeMap, BTreeSet};

use super::blocks::Section;
use super::grid::{Column, grid};
use crate::analysis::{Group, Metric, Ours, Paired, Spread, Trend};
use crate::report::figures::{best, epochs, interval, mean, paired, roc_auc};
use crate::report::results::Report;
use crate::report::table::{Cell, Row, Table};

/// A section for each table.
pub(crate) fn tables(report: &Report) -> Vec<Section> {
    let section = |table: &Table| Section::new(table.name, table.heading(), text(report, table));
    report.tables_to_read().into_iter().map(section).collect()
}

fn text(report: &Report, table: &Table) -> String {
    let (trained, missing): (Vec<&Row>, Vec<&Row>) = table.rows.iter().partition(|row| row.has_runs());
    let names: Vec<&str> = missing.iter().map(|row| row.name.as_str()).collect();
    let names = names.join(", ");
    let missing = if names.is_empty() { String::new() } else { format!("No run yet: {names}.\n") };
    if trained.is_empty() {
        return missing;
    }
    let groups = table.groups.iter().filter_map(|number| report.groups.get(*number));
    let batches: BTreeSet<usize> = groups.filter_map(Group::config).map(|config| config.batch).collect();
    let batches: Vec<String> = batches.iter().map(usize::to_string).collect();
    let cells: Vec<(&Row, &Cell)> =
        trained.into_iter().flat_map(|row| row.cells.iter().map(move |cell| (row, cell))).collect();
    let chosen: BTreeSet<&str> = ours_of(&cells).map(|ours| ours.best_chosen_on).collect();
    let chosen: Vec<&str> = chosen.into_iter().collect();
    let rows = rows_as_text(&cells, table.metric());
    let missing = if missing.is_empty() { missing } else { format!("\n{missing}") };
    format!(
        "Batches of {}. The best epoch is chosen on the {} set.\n\n{rows}{missing}",
        batches.join(" or "),
        chosen.join(" or the ")
    )
}

/// Ours of the cells that have runs.
fn ours_of<'a>(cells: &[(&Row, &'a Cell)]) -> impl Iterator<Item = &'a Ours> {
    cells.iter().filter_map(|(_, cell)| cell.ours.as_ref())
}

fn rows_as_text(cells: &[(&Row, &Cell)], metric: Metric) -> String {
    let texts = |text: &dyn Fn(&Row, &Cell) -> String| -> Vec<String> {
        cells.iter().map(|(row, cell)| text(row, cell)).collect()
    };
    let ours = |text: &dyn Fn(&Ours) -> String| -> Vec<String> {
        cells.iter().map(|(_, cell)| cell.ours.as_ref().map_or_else(String::new, text)).collect()
    };
    let is_published = cells.iter().any(|(_, cell)| cell.published.is_some());
    let number = |number: Option<f64>| number.map_or_else(String::new, short);
    let degrees = |angle: f64| format!("{angle:.0}°");
    let mut columns = vec![
        Column::words("experiment", texts(&name)),
        Column::words("loss", texts(&|row, _| row.loss.clone())),
        Column::numbers(
            "report",
            texts(&|_, cell| cell.published.map_or_else(String::new, |p| format!("{:.2}", p.accuracy))),
        ),
        Column::numbers("epochs", texts(&|_, cell| cell.published.map_or_else(String::new, |p| p.epochs.to_string()))),
        Column::numbers(if metric == Metric::Loss { "test loss" } else { "ours" }, ours(&mean)),
        Column::numbers("95 %", ours(&interval)),
        Column::numbers("seeds", ours(&seeds)),
        Column::numbers("mean of epochs", ours(&epochs)),
        Column::numbers("runs", texts(&runs)),
        Column::numbers("difference", texts(&difference)),
        Column::words("trend", texts(&|_, cell| cell.trend.as_ref().map_or_else(String::new, trend))),
        Column::numbers("best epoch", ours(&best)),
        Column::numbers("training loss", ours(&train_loss)),
        Column::numbers("training accuracy", ours(&|ours| number(ours.train_accuracy))),
        measure("angles", "angles", cells, &degrees),
    ];
    if cells.iter().any(|(_, cell)| cell.ours.as_ref().is_some_and(|ours| ours.roc_auc.is_some())) {
        columns.push(Column::numbers("ROC-AUC", ours(&roc_auc)));
    }
    // The report's tables are wide enough.
    if !is_published {
        columns.push(measure("norm_ratios", "norm ratios", cells, &short));
        columns.push(measure("weight_angles", "angles of B and W", cells, &degrees));
    }
    columns.push(Column::words("to the true gradient, seed by seed", texts(&to_true_gradient)));
    grid(&columns)
}

/// The report's experiments are known by their names.
fn name(row: &Row, cell: &Cell) -> String {
    if cell.published.is_some() { row.name.clone() } else { format!("{}: {}", row.name, row.network) }
}

/// The training loss; that of a regression with the digits of its test loss.
fn train_loss(ours: &Ours) -> String {
    ours.train_loss.map_or_else(String::new, |loss| match ours.metric {
        Metric::Accuracy => short(loss),
        Metric::Loss => format!("{loss:.0$}", ours.metric.digits()),
    })
}

/// Each seed's accuracy or loss, if there are several.
fn seeds(ours: &Ours) -> String {
    let digits = ours.metric.digits();
    let seeds: Vec<String> = ours.seeds.iter().map(|seed| format!("{:.digits$}", seed.mean())).collect();
    if seeds.len() > 1 { seeds.join(", ") } else { String::new() }
}

/// `3 on digits, 1 diverged`; the data only where they are not those of the published figure.
fn runs(_: &Row, cell: &Cell) -> String {
    let Some(ours) = &cell.ours else { return String::new() };
    let data = if cell.difference.is_some() { String::new() } else { format!(" on {}", ours.data) };
    let more = [(ours.diverged, "diverged"), (ours.shorter, "shorter")];
    let more = more.map(|(count, what)| if count == 0 { String::new() } else { format!(", {count} {what}") });
    format!("{}{data}{}", ours.runs, more.concat())
}

fn difference(_: &Row, cell: &Cell) -> String {
    cell.difference.map_or_else(String::new, |points| format!("{points:+.2}"))
}

fn trend(trend: &Trend) -> String {
    let Trend { report, report_epochs: [epochs, theirs], ours, baseline, .. } = trend;
    let verdict = match &trend.undecided {
        None => trend.verdict.name().to_owned(),
        Some(reason) => format!("not decided: {reason}"),
    };
    let at = if epochs == theirs { String::new() } else { format!(", {}", trend.difference.epochs_text()) };
    format!("{verdict} ({ours:+.1}, report {report:+.1}, to {baseline}{at})")
}

/// With one seed, the trend of the report's tables says as much.
fn to_true_gradient(_: &Row, cell: &Cell) -> String {
    let has_several = |paired: &&Paired| cell.published.is_none() || paired.seeds.len() > 1;
    paired(cell.paired.as_ref().filter(has_several))
}

/// Two decimals, or none for a large number.
fn short(number: f64) -> String {
    if number.abs() < 1000.0 { format!("{number:.2}") } else { format!("{number:.0}") }
}

/// A measure of each layer, mean and standard deviation over the seeds. The heading names the layers if all rows have the same.
fn measure(name: &str, heading: &str, cells: &[(&Row, &Cell)], text: &dyn Fn(f64) -> String) -> Column {
    let layers = |cell: &Cell| cell.ours.as_ref().and_then(|ours| ours.measures.get(name)).cloned();
    let all: Vec<Option<BTreeMap<String, Spread>>> = cells.iter().map(|(_, cell)| layers(cell)).collect();
    let names: BTreeSet<Vec<&str>> =
        all.iter().flatten().map(|layers| layers.keys().map(String::as_str).collect()).collect();
    let same = names.first().filter(|_| names.len() == 1);
    let spread = |Spread { mean, deviation, .. }: &Spread| {
        text(*mean) + &deviation.map_or_else(String::new, |deviation| format!(" ± {}", text(deviation)))
    };
    let value = |(layer, of): (&String, &Spread)| {
        if same.is_some() { spread(of) } else { format!("{layer} {}", spread(of)) }
    };
    let cell = |layers: &Option<BTreeMap<String, Spread>>| {
        layers.as_ref().map_or_else(String::new, |layers| layers.iter().map(value).collect::<Vec<_>>().join(", "))
    };
    let heading = same.map_or_else(|| heading.to_owned(), |layers| format!("{heading} ({})", layers.join(", ")));
    Column::numbers(&heading, all.iter().map(cell).collect::<Vec<_>>())
}
