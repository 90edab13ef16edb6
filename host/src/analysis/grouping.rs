//! Puts runs that differ in nothing but the seed into groups.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::curves::curves;
use super::groups::{Group, Repeat};
use super::metric::Metric;
use super::runs::Run;
use crate::config::Config;
use crate::experiment::Catalogue;
use crate::published::without_draws;
use crate::run::{EpochLine, Error};
use crate::status;

/// All runs below `folder` in groups, and one message for each run that cannot be read.
///
/// # Errors
/// If the folder cannot be read.
pub(crate) fn find(folder: &Path, catalogue: &Catalogue) -> Result<(Vec<Group>, Vec<String>), Error> {
    fs::read_dir(folder).map_err(Error::io("read", folder))?;
    let (mut runs, mut problems) = (vec![], vec![]);
    for folder in status::run_folders(folder) {
        match Run::read(&folder, catalogue) {
            Ok(run) => runs.extend(run),
            Err(error) => problems.push(error.to_string()),
        }
    }
    Ok((in_groups(runs), problems))
}

/// Runs in groups that differ in nothing but the seed.
pub(crate) fn in_groups(runs: Vec<Run>) -> Vec<Group> {
    let mut groups: BTreeMap<String, Vec<Run>> = BTreeMap::new();
    for run in runs {
        let data = run.config.data.without_name();
        let config = Config { seed: 0, data, ..without_draws(&run.config).without_measures() };
        groups.entry(config.identity()).or_default().push(run);
    }
    let mut groups: Vec<Group> = groups.into_values().map(of_runs).collect();
    distinguish(&mut groups);
    groups
}

/// Names the checksums in which groups with one label differ.
fn distinguish(groups: &mut [Group]) {
    const NAMES: [&str; 4] = ["data", "init", "batches", "test indices"];
    let mut of_label: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, group) in groups.iter().enumerate() {
        of_label.entry(group.label()).or_default().push(index);
    }
    for alike in of_label.into_values().filter(|alike| alike.len() > 1) {
        let differ =
            |of: usize| alike.iter().any(|index| groups[*index].checksums()[of] != groups[alike[0]].checksums()[of]);
        let differing: Vec<usize> = (0..NAMES.len()).filter(|of| differ(*of)).collect();
        for index in alike {
            let checksums = groups[index].checksums();
            let text = |of: &usize| Some(format!("{} {}", NAMES[*of], checksums[*of]?.get(..8)?));
            let texts: Vec<String> = differing.iter().filter_map(text).collect();
            groups[index].distinction =
                if texts.is_empty() { String::new() } else { format!(" ({})", texts.join(", ")) };
        }
    }
}

/// Of two runs with one seed the longer one is kept.
fn of_runs(mut runs: Vec<Run>) -> Group {
    runs.sort_by_key(|run| (run.config.seed, Reverse(run.epoch())));
    let (mut kept, mut repeats): (Vec<Run>, _) = (vec![], vec![]);
    let metric = runs.first().map_or(Metric::Accuracy, |run| Metric::of(&run.config));
    let bits = |line: &EpochLine| metric.value(line).map(f64::to_bits);
    for run in runs {
        match kept.last().filter(|longer| longer.config.seed == run.config.seed) {
            Some(longer) => repeats.push(Repeat {
                seed: run.config.seed,
                epochs: run.epoch(),
                is_equal: run.epochs.iter().all(|line| {
                    let same = longer.epochs.iter().find(|of_longer| of_longer.epoch == line.epoch);
                    same.is_none_or(|of_longer| bits(of_longer) == bits(line))
                }),
                folder: run.folder,
            }),
            None => kept.push(run),
        }
    }
    // The page holds one picture of each kind of network.
    kept.iter_mut().skip(1).for_each(|run| run.filters = None);
    let name = kept.first().map_or_else(String::new, |run| run.config.name.clone());
    Group { name, curves: curves(&kept), runs: kept, repeats, distinction: String::new() }
}
