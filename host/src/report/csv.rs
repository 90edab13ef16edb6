//! The tables as CSV: a line a figure, with units in the header.

use super::results::Report;
use super::table::cells_of;

/// A line a figure.
pub fn csv(report: &Report) -> String {
    let mut text = String::from(
        "table,experiment,network,loss,data,published_accuracy,published_epochs,accuracy,interval_low,interval_high,\
         bootstrap_low,bootstrap_high,best_accuracy,first_epoch,last_epoch,runs,diverged,difference,trend_report,trend_ours,\
         trend,decided,paired_to,paired_seeds,paired_difference,paired_low,paired_high,probability_above,command\n",
    );
    for table in &report.tables {
        for (row, cell) in cells_of(&table.rows) {
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
