//! The tables as CSV: a line a figure, with units in the header.

use csv::Writer;

use super::results::Report;
use super::table::cells_of;
use crate::analysis::{Metric, Protocol};

const HEADER: [&str; 54] = [
    "table",
    "experiment",
    "network",
    "loss",
    "data",
    "published_accuracy",
    "published_epochs",
    "accuracy",
    "interval_low",
    "interval_high",
    "bootstrap_low",
    "bootstrap_high",
    "best_accuracy",
    "first_epoch",
    "last_epoch",
    "runs",
    "diverged",
    "difference",
    "trend_report",
    "trend_ours",
    "trend",
    "decided",
    "paired_to",
    "paired_seeds",
    "paired_difference",
    "paired_low",
    "paired_high",
    "probability_above",
    "command",
    "deviation",
    "interval_level",
    "paired_deviation",
    "trend_undecided",
    "test_loss",
    "test_loss_low",
    "test_loss_high",
    "test_loss_deviation",
    "best_test_loss",
    "roc_auc",
    "roc_auc_low",
    "roc_auc_high",
    "roc_auc_deviation",
    "roc_auc_test_low",
    "roc_auc_test_high",
    "seeds",
    "epochs",
    "max_steps",
    "batch",
    "optimizer",
    "rate",
    "settings",
    "numeric_mode",
    "programs",
    "data_checksum",
];

/// Records of the same length as CSV.
///
/// # Panics
/// Never: every record has as many fields as the first, and memory takes it.
pub(super) fn csv_of(records: &[Vec<String>]) -> String {
    let mut writer = Writer::from_writer(vec![]);
    for record in records {
        writer.write_record(record).expect("memory takes every record");
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

/// A line a figure.
pub fn csv(report: &Report) -> String {
    let mut records = vec![HEADER.map(String::from).to_vec()];
    for table in &report.tables {
        for (row, cell) in cells_of(&table.rows) {
            let (any, trend) = (cell.ours.as_ref(), cell.trend.as_ref());
            let ours = any.filter(|ours| ours.metric == Metric::Accuracy);
            let loss = any.filter(|ours| ours.metric == Metric::Loss);
            let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
            let count = |count: Option<usize>| count.map_or_else(String::new, |count| count.to_string());
            let interval = |side: usize| number(ours.and_then(|ours| ours.interval).map(|interval| interval[side]));
            let bootstrap = |side: usize| number(ours.and_then(|ours| ours.bootstrap).map(|interval| interval[side]));
            let area = |side: usize| number(any.and_then(|ours| ours.roc_auc_interval).map(|interval| interval[side]));
            let of_test =
                |side: usize| number(any.and_then(|ours| ours.roc_auc_test_interval).map(|interval| interval[side]));
            let paired = cell.paired.as_ref();
            let estimate = paired.and_then(|paired| paired.difference);
            let paired_side = |side: usize| number(estimate.and_then(|e| e.interval).map(|interval| interval[side]));
            let epoch =
                |side: usize| count(any.filter(|ours| ours.mean.is_some()).map(|ours| ours.epochs[side] as usize));
            let fields = [
                count(table.number.map(usize::from)),
                row.name.clone(),
                row.network.clone(),
                row.loss.clone(),
                any.map_or_else(String::new, |ours| ours.data.clone()),
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
                count(any.map(|ours| ours.runs)),
                count(any.map(|ours| ours.diverged)),
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
                number(ours.and_then(|ours| ours.deviation)),
                number(any.map(|ours| ours.level)),
                number(estimate.and_then(|estimate| estimate.deviation)),
                trend.and_then(|trend| trend.undecided.clone()).unwrap_or_default(),
                number(loss.and_then(|loss| loss.mean)),
                number(loss.and_then(|loss| loss.interval).map(|interval| interval[0])),
                number(loss.and_then(|loss| loss.interval).map(|interval| interval[1])),
                number(loss.and_then(|loss| loss.deviation)),
                number(loss.and_then(|loss| loss.best)),
                number(any.and_then(|ours| ours.roc_auc)),
                area(0),
                area(1),
                number(any.and_then(|ours| ours.roc_auc_deviation)),
                of_test(0),
                of_test(1),
            ];
            records.push([&fields[..], &protocol(any.and_then(|ours| ours.protocol.as_ref()))].concat());
        }
    }
    csv_of(&records)
}

/// The last columns: how the runs were trained.
fn protocol(protocol: Option<&Protocol>) -> [String; 10] {
    let Some(protocol) = protocol else { return Default::default() };
    let seeds: Vec<String> = protocol.seeds.iter().map(u64::to_string).collect();
    let programs: Vec<&str> = protocol.programs.iter().map(String::as_str).collect();
    [
        seeds.join(" "),
        protocol.epochs.to_string(),
        protocol.max_steps.map_or_else(String::new, |steps| steps.to_string()),
        protocol.batch.to_string(),
        protocol.optimizer.into(),
        protocol.rate.to_string(),
        protocol.settings.clone(),
        protocol.numeric_mode.name().into(),
        programs.join("; "),
        protocol.data_checksum.clone(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Cell, Row, Table};

    #[test]
    fn a_field_with_a_comma_a_quote_or_a_line_end_is_quoted() {
        let cell = Cell {
            published: None,
            ours: None,
            difference: None,
            comparable: false,
            trend: None,
            paired: None,
            command: "run --lr 1,2".into(),
            group: None,
        };
        let network = "input 64 - dense10".into();
        let row = Row { name: "a \"b\"\r\nc".into(), network, loss: "ce".into(), cells: vec![cell] };
        let table = Table { number: Some(1), name: "table-1", title: String::new(), rows: vec![row], groups: vec![] };
        let report = Report {
            folder: "runs".into(),
            version: String::new(),
            written: 0,
            tables: vec![table],
            families: vec![],
            conditions: vec![],
            rankings: vec![],
            claims: vec![],
            published: vec![],
            groups: vec![],
            data: vec![],
            interval_factors: vec![],
            problems: vec![],
        };
        let behind = HEADER.iter().rev().take_while(|name| **name != "command").count();
        let (before, behind) = (",".repeat(24), ",".repeat(behind));
        let line = format!("1,\"a \"\"b\"\"\r\nc\",input 64 - dense10,ce,{before}\"run --lr 1,2\"{behind}\n");
        assert_eq!(csv(&report), format!("{}\n{line}", HEADER.join(",")));
    }
}
