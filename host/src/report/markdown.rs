//! The tables, the signals and the claims as Markdown.
#![expect(clippy::format_push_string, reason = "written once, and easier to read")]

use std::collections::BTreeSet;

use super::figures::{accuracy, best, epochs, interval, paired};
use super::results::Report;
use super::table::{Cell, Row, cells_of};
use crate::analysis::{Run, Trend};
use crate::statistics;

/// Tables and claims.
pub fn markdown(report: &Report) -> String {
    let mut text = format!(
        "# Runs in {}\n\nTest accuracy in percent; asymgrad {}.\n",
        one_line(&report.folder.display().to_string()),
        report.version
    );
    for table in &report.tables {
        let number = table.number.map_or_else(String::new, |number| format!("Table {number}: "));
        text += &format!("\n## {number}{}\n\n", one_line(&table.title));
        text += "| experiment | loss | report | epochs | ours | 95 % | best epoch | epochs | runs | difference | trend | to the true \
                 gradient, seed by seed |\n";
        text += "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---|---|\n";
        for (row, cell) in cells_of(&table.rows) {
            let fields = fields(row, cell).map(|field| one_line(&field).replace('|', "\\|"));
            text += &format!("| {} |\n", fields.join(" | "));
        }
    }
    text += "\nOurs is the mean over the epochs that stand beside it. The best epoch of runs with `--validation` is chosen on their \
             validation images, that of all others on the test set, which is optimistic.\n";
    for data in report.data_sets() {
        text += &format!("\n- {}, SHA-256 {}: {}\n", one_line(&data.name), data.checksum, data.contents());
    }
    text += &signals(report);
    text += "\n## Orders\n\n";
    for ranking in &report.rankings {
        if let Some(found) = ranking.found() {
            text += &format!("- Table {}: {}: {found}\n", ranking.table, ranking.sentence());
        }
    }
    text += "\n## Claims\n";
    for claim in &report.claims {
        text += &format!("\n- {}: **{}**\n", one_line(&claim.sentence), claim.verdict());
        for (row, run) in claim.experiments.iter().flat_map(|row| row.runs.iter().map(move |run| (row, run))) {
            let (judgement, found) = (&run.judgement, one_line(&run.judgement.found));
            text += &format!("  - {}, seed {}: {}: {found}\n", row.name, run.seed, judgement.verdict);
        }
    }
    text
}

/// Rows, headings and items of Markdown are lines.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
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
        "\n## Signals\n\nOf the error signal that a layer sends back in the last epoch, behind the derivative of the receiving layer's \
         activation: its angle to the true gradient in degrees, the ratio of their norms, and the angle of B and W; mean ± standard \
         deviation over the seeds.\n\n\
         | experiment | layer | epoch | runs | angle | norm ratio | angle of B and W |\n|---|---|---:|---:|---:|---:|---:|\n{rows}"
    )
}

fn fields(row: &Row, cell: &Cell) -> [String; 12] {
    let ours = cell.ours.as_ref();
    [
        // The report's experiments are known by their names.
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

fn trend(trend: &Trend) -> String {
    let decided = if trend.decided { "" } else { ", decides nothing yet" };
    let (verdict, Trend { report, ours, baseline, .. }) = (trend.verdict.name(), trend);
    format!("{verdict} ({ours:+.1}, report {report:+.1}, to {baseline}{decided})")
}
