//! The tables for other texts and programs: Markdown and CSV.
//!
//! Both hold the same figures as the page; CSV has a line a figure and names units in its header.
#![expect(clippy::format_push_string, reason = "written once, and easier to read")]

use std::collections::BTreeSet;

use comfy_table::presets;

use super::Report;
use super::table::{Cell, Ours, Row, Trend};
use crate::analysis::{Group, Paired, Run};
use crate::statistics;

/// Tables and claims.
pub(super) fn markdown(report: &Report) -> String {
    let mut text =
        format!("# Runs in {}\n\nTest accuracy in percent; asymgrad {}.\n", report.folder.display(), report.version);
    for table in &report.tables {
        let number = table.number.map_or_else(String::new, |number| format!("Table {number}: "));
        text += &format!("\n## {number}{}\n\n", table.title);
        text += "| experiment | loss | report | epochs | ours | 95 % | best epoch | epochs | runs | difference | trend | to the true \
                 gradient, seed by seed |\n";
        text += "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|---|\n";
        for (row, cell) in cells(&table.rows) {
            let fields = fields(row, cell).map(|field| field.replace('|', "\\|"));
            text += &format!("| {} |\n", fields.join(" | "));
        }
    }
    text += "\nOurs is the mean over the epochs that stand beside it; the best epoch is chosen on the test set.\n";
    text += &signals(report);
    text += "\n## Orders\n\n";
    for ordering in &report.orderings {
        if let Some(found) = ordering.found() {
            text += &format!("- Table {}: {}: {found}\n", ordering.table, ordering.sentence());
        }
    }
    text += "\n## Claims\n";
    for claim in &report.claims {
        text += &format!("\n- {}: **{}**\n", claim.sentence, claim.verdict());
        for (row, run) in claim.rows.iter().flat_map(|row| row.runs.iter().map(move |run| (row, run))) {
            text +=
                &format!("  - {}, seed {}: {}: {}\n", row.name, run.seed, run.judgement.verdict, run.judgement.found);
        }
    }
    text
}

/// What was measured of the signals in the last epoch, mean and standard deviation over the seeds.
fn signals(report: &Report) -> String {
    let mut rows = String::new();
    for group in &report.groups {
        let layers: BTreeSet<&String> =
            group.runs.iter().filter_map(|run| run.measures.get("angles")).flat_map(|layers| layers.keys()).collect();
        for layer in layers {
            let measured = |name: &str| {
                let last = |run: &Run| run.measures.get(name)?.get(layer)?.last().copied().flatten();
                let values: Vec<f64> = group.runs.iter().filter_map(last).collect();
                let mean = statistics::mean(&values).map(|mean| format!("{mean:.1}"));
                let deviation = statistics::deviation(&values).map(|deviation| format!(" ± {deviation:.1}"));
                mean.map_or_else(String::new, |mean| mean + &deviation.unwrap_or_default())
            };
            let [angle, ratio, weights] = ["angles", "norm_ratios", "weight_angles"].map(measured);
            let (label, count, epoch) = (group.label(), group.runs.len(), group.epoch());
            rows += &format!("| {label} | {layer} | {epoch} | {count} | {angle} | {ratio} | {weights} |\n");
        }
    }
    if rows.is_empty() {
        return rows;
    }
    format!(
        "\n## Signals\n\nOf what leaves a layer backwards in the last epoch: its angle to the true gradient in degrees, the ratio of \
         their norms, and the angle of B and W; mean ± standard deviation over the seeds.\n\n\
         | experiment | layer | epoch | runs | angle | norm ratio | angle of B and W |\n|---|---|---:|---:|---:|---:|---:|\n{rows}"
    )
}

fn cells(rows: &[Row]) -> impl Iterator<Item = (&Row, &Cell)> {
    rows.iter().flat_map(|row| row.cells.iter().map(move |cell| (row, cell)))
}

fn fields(row: &Row, cell: &Cell) -> [String; 12] {
    let ours = cell.ours.as_ref();
    [
        // The report's rows are known by their names.
        if cell.published.is_some() { row.name.clone() } else { format!("{}: {}", row.name, row.network) },
        row.loss.clone(),
        cell.published.map_or_else(String::new, |figure| format!("{:.2}", figure.accuracy)),
        cell.published.map_or_else(String::new, |figure| figure.epochs.to_string()),
        ours.map_or_else(String::new, accuracy),
        ours.map_or_else(String::new, interval),
        ours.map_or_else(String::new, best),
        ours.map_or_else(String::new, epochs),
        ours.map_or_else(String::new, |ours| format!("{} on {}", ours.runs, ours.data)),
        cell.difference.map_or_else(String::new, |points| format!("{points:+.2}")),
        cell.trend.as_ref().map_or_else(String::new, trend),
        paired(cell.paired.as_ref()),
    ]
}

/// `47.06`, or what kept it from being a number.
pub(super) fn accuracy(ours: &Ours) -> String {
    ours.mean.map_or_else(|| "diverged".into(), |mean| format!("{mean:.2}"))
}

/// `23–25`, or `12`.
pub(super) fn epochs(ours: &Ours) -> String {
    let [first, last] = ours.epochs;
    if first == last { last.to_string() } else { format!("{first}–{last}") }
}

fn trend(trend: &Trend) -> String {
    let decided = if trend.decided { "" } else { ", decides nothing yet" };
    let (verdict, Trend { report, ours, baseline, .. }) = (trend.verdict.name(), trend);
    format!("{verdict} ({ours:+.1}, report {report:+.1}, to {baseline}{decided})")
}

fn interval(ours: &Ours) -> String {
    ours.interval.map_or_else(String::new, |[low, high]| format!("{low:.2}–{high:.2}"))
}

fn best(ours: &Ours) -> String {
    ours.best.map_or_else(String::new, |best| format!("{best:.2}"))
}

fn paired(paired: Option<&Paired>) -> String {
    paired.map_or_else(String::new, |paired| format!("{} to {}", paired.text(), paired.to))
}

/// For the terminal: a line a group.
pub(super) fn seeds(groups: &[Group]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "experiment",
        "mean",
        "95 %",
        "epochs",
        "best epoch",
        "runs",
        "to the true gradient, seed by seed",
    ]);
    for group in groups {
        let Some(ours) = group.ours(group.epoch()) else { continue };
        let diverged = if ours.diverged == 0 { String::new() } else { format!(", {} diverged", ours.diverged) };
        table.add_row([
            group.label(),
            accuracy(&ours),
            interval(&ours),
            epochs(&ours),
            best(&ours),
            format!("{}{diverged}", ours.runs),
            paired(Paired::to_true_gradient(group, groups, ours.epochs[1]).as_ref()),
        ]);
    }
    format!("{}\n", table.trim_fmt())
}

/// A line a figure.
pub(super) fn csv(report: &Report) -> String {
    let mut text = String::from(
        "table,experiment,network,loss,data,published_accuracy,published_epochs,accuracy,interval_low,interval_high,\
         bootstrap_low,bootstrap_high,best_accuracy,first_epoch,last_epoch,runs,diverged,difference,trend_report,trend_ours,\
         trend,decided,paired_to,paired_seeds,paired_difference,paired_low,paired_high,probability_above,command\n",
    );
    for table in &report.tables {
        for (row, cell) in cells(&table.rows) {
            let (ours, trend) = (cell.ours.as_ref(), cell.trend.as_ref());
            let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
            let count = |count: Option<usize>| count.map_or_else(String::new, |count| count.to_string());
            let interval = |side: usize| number(ours.and_then(|ours| ours.interval).map(|interval| interval[side]));
            let bootstrap = |side: usize| number(ours.and_then(|ours| ours.bootstrap).map(|interval| interval[side]));
            let paired = cell.paired.as_ref();
            let estimate = paired.and_then(|paired| paired.difference);
            let paired_side = |side: usize| number(estimate.and_then(|e| e.interval).map(|interval| interval[side]));
            let epoch = |side: usize| count(ours.map(|ours| ours.epochs[side] as usize));
            let fields = [
                count(table.number.map(usize::from)),
                row.name.clone(),
                row.network.clone(),
                row.loss.clone(),
                ours.map_or_else(String::new, |ours| ours.data.clone()),
                number(cell.published.map(|figure| figure.accuracy)),
                count(cell.published.map(|figure| figure.epochs as usize)),
                number(ours.and_then(|ours| ours.mean)),
                interval(0),
                interval(1),
                bootstrap(0),
                bootstrap(1),
                number(ours.and_then(|ours| ours.best)),
                epoch(0),
                epoch(1),
                count(ours.map(|ours| ours.runs)),
                count(ours.map(|ours| ours.diverged)),
                number(cell.difference),
                number(trend.map(|trend| trend.report)),
                number(trend.map(|trend| trend.ours)),
                trend.map_or_else(String::new, |trend| trend.verdict.name().into()),
                trend.map_or_else(String::new, |trend| trend.decided.to_string()),
                paired.map_or_else(String::new, |paired| paired.to.clone()),
                count(paired.map(|paired| paired.seeds.len())),
                number(estimate.map(|estimate| estimate.mean)),
                paired_side(0),
                paired_side(1),
                number(estimate.and_then(|estimate| estimate.above)),
                cell.command.clone(),
            ];
            text += &fields.map(|field| quoted(&field)).join(",");
            text.push('\n');
        }
    }
    text
}

/// RFC 4180: quotes around a field that holds a comma, a quote or a line end.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.into() }
}
