//! What several runs measured at an epoch: training loss and accuracy, and the measures of each layer.

use std::collections::{BTreeMap, BTreeSet};

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
    /// The epoch in which all of the runs measured it.
    pub epoch: u32,
    /// The runs.
    pub runs: usize,
}

/// The mean over the runs of a number of an epoch's line, of those that have it.
pub(crate) fn mean_at(runs: &[&Run], epoch: u32, number: impl Fn(&EpochLine) -> Option<f64>) -> Option<f64> {
    statistics::mean(&numbers_at(runs, epoch, number))
}

/// A number of an epoch's line, of the runs that have it.
pub(crate) fn numbers_at(runs: &[&Run], epoch: u32, number: impl Fn(&EpochLine) -> Option<f64>) -> Vec<f64> {
    let lines = runs.iter().filter_map(|run| run.epochs.iter().find(|line| line.epoch == epoch));
    lines.filter_map(number).collect()
}

/// Each measure in the last epoch up to `epoch` in which all runs that have the measure took it.
pub(crate) fn measured(runs: &[&Run], epoch: u32) -> Measured {
    let mut values: BTreeMap<(&String, &String), Vec<BTreeMap<u32, f64>>> = BTreeMap::new();
    for run in runs {
        for (name, layers) in &run.measures {
            for (layer, series) in layers {
                let lines = run.epochs.iter().map(|line| line.epoch).take_while(|of| *of <= epoch);
                let numbers: BTreeMap<u32, f64> =
                    lines.zip(series).filter_map(|(epoch, number)| Some((epoch, (*number)?))).collect();
                if !numbers.is_empty() {
                    values.entry((name, layer)).or_default().push(numbers);
                }
            }
        }
    }
    let mut measured = Measured::new();
    for ((name, layer), runs) in values {
        if let Some(spread) = at_last_common_epoch(&runs) {
            measured.entry(name.clone()).or_default().insert(layer.clone(), spread);
        }
    }
    measured
}

/// The mean over runs of what each measured by epoch; `None` if no epoch is common to them.
fn at_last_common_epoch(runs: &[BTreeMap<u32, f64>]) -> Option<Spread> {
    let epochs = |run: &BTreeMap<u32, f64>| run.keys().copied().collect::<BTreeSet<u32>>();
    let common = runs.iter().map(epochs).reduce(|a, b| a.intersection(&b).copied().collect())?;
    let epoch = *common.last()?;
    let values: Vec<f64> = runs.iter().filter_map(|run| run.get(&epoch).copied()).collect();
    let deviation = statistics::deviation(&values);
    Some(Spread { mean: statistics::mean(&values)?, deviation, epoch, runs: values.len() })
}
