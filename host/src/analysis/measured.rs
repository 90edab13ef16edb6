//! What several runs measured at an epoch: training loss and accuracy, and the measures of each layer.

use std::collections::BTreeMap;

use serde::Serialize;

use super::runs::Run;
use crate::run::EpochLine;
use crate::statistics;

/// Each measure's name (`angles`, `norm_ratios`, …), the layers' names, and the measure of each layer.
pub type Measured = BTreeMap<String, BTreeMap<String, Spread>>;

/// A mean over runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation, from two runs on.
    pub deviation: Option<f64>,
}

/// The mean over the runs of a number of an epoch's line.
pub(crate) fn mean_at(runs: &[&Run], epoch: u32, number: impl Fn(&EpochLine) -> f64) -> Option<f64> {
    let lines = runs.iter().filter_map(|run| run.epochs.iter().find(|line| line.epoch == epoch));
    statistics::mean(&lines.map(number).collect::<Vec<_>>())
}

/// The last measures up to an epoch.
pub(crate) fn measured(runs: &[&Run], epoch: u32) -> Measured {
    let mut values: BTreeMap<(&String, &String), Vec<f64>> = BTreeMap::new();
    for run in runs {
        let lines = run.epochs.iter().take_while(|line| line.epoch <= epoch).count();
        for (name, layers) in &run.measures {
            for (layer, series) in layers {
                let last = series.iter().take(lines).rev().flatten().next();
                values.entry((name, layer)).or_default().extend(last);
            }
        }
    }
    let mut measured = Measured::new();
    for ((name, layer), values) in values {
        if let Some(mean) = statistics::mean(&values) {
            let spread = Spread { mean, deviation: statistics::deviation(&values) };
            measured.entry(name.clone()).or_default().insert(layer.clone(), spread);
        }
    }
    measured
}
