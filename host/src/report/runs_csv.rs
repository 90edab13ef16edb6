//! The runs as CSV: a line for each, with the settings in which they differ and the figures of their last epoch.

use std::collections::BTreeSet;

use serde_json::Value;

use super::csv::csv_of;
use super::results::Report;
use crate::analysis::Run;
use crate::config::differing;

/// The columns before the settings, and those after them; the measures follow, such as `angles.dense2`.
const BEFORE: [&str; 9] = ["folder", "status", "name", "network", "loss", "data", "data_checksum", "program", "seed"];
const AFTER: [&str; 11] = [
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "seconds",
    "test_roc_auc",
    "test_roc_auc_low",
    "test_roc_auc_high",
];

/// A line for each run, seed by seed.
pub fn runs(report: &Report) -> String {
    let runs: Vec<&Run> = report.groups.iter().flat_map(|group| &group.runs).collect();
    let settings = differing(runs.iter().map(|run| &run.config));
    let names: Vec<&String> = settings.first().into_iter().flat_map(|settings| settings.keys()).collect();
    let measures: BTreeSet<(&String, &String)> = runs.iter().flat_map(|run| measures_of(run)).collect();
    let named = measures.iter().map(|(measure, layer)| format!("{measure}.{layer}"));
    let header = BEFORE.map(String::from).into_iter().chain(names.iter().map(ToString::to_string));
    let mut records = vec![header.chain(AFTER.map(String::from)).chain(named).collect()];
    for (run, settings) in runs.iter().zip(&settings) {
        let measured = measures.iter().map(|(measure, layer)| {
            let series = run.measures.get(*measure).and_then(|layers| layers.get(*layer));
            text(series.and_then(|series| series.iter().rev().find_map(|number| *number)))
        });
        let values = settings.values().map(|value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        });
        records.push(before(run).into_iter().chain(values).chain(after(run)).chain(measured).collect());
    }
    csv_of(&records)
}

fn measures_of(run: &Run) -> impl Iterator<Item = (&String, &String)> {
    run.measures.iter().flat_map(|(measure, layers)| layers.keys().map(move |layer| (measure, layer)))
}

fn before(run: &Run) -> [String; 9] {
    let config = &run.config;
    [
        run.folder.display().to_string(),
        run.status.name().into(),
        config.name.clone(),
        config.network.to_string(),
        config.loss.name().into(),
        config.data.label(),
        config.data.checksum.clone(),
        run.programs.iter().cloned().collect::<Vec<_>>().join(", "),
        config.seed.to_string(),
    ]
}

fn after(run: &Run) -> [String; 11] {
    let Some(last) = run.epochs.last() else {
        let mut empty: [String; 11] = Default::default();
        empty[0] = "0".into();
        return empty;
    };
    [
        last.epoch.to_string(),
        text(Some(last.train_loss)),
        text(last.train_accuracy),
        text(last.validation_loss),
        text(last.validation_accuracy),
        text(Some(last.test_loss)),
        text(last.test_accuracy),
        text(run.seconds),
        text(last.test_roc_auc),
        text(run.roc_auc_interval.map(|interval| interval[0])),
        text(run.roc_auc_interval.map(|interval| interval[1])),
    ]
}

fn text(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}
