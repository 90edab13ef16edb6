//! The feedback rules of each network that was trained with several of them, side by side whatever suite or table they are from.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::analysis::{Group, Metric, Ours, Paired, Run};
use crate::config::Config;
use crate::experiment::Catalogue;
use crate::published::without_draws;

/// The rules of one network on one data set.
#[derive(Debug, Serialize)]
pub struct Family {
    /// The network with the true gradient in all layers.
    pub network: String,
    /// The data set.
    pub data: String,
    /// What the rules are compared by.
    pub metric: Metric,
    /// The epoch at which they are compared: the last one that at least half of the runs have reached.
    pub epochs: u32,
    /// The rules, the best first.
    pub rows: Vec<FamilyRow>,
}

/// A rule of a network, with the settings of its runs.
#[derive(Debug, Serialize)]
pub struct FamilyRow {
    /// The experiment's name, or one made from the network.
    pub name: String,
    /// The rules and their layers: `(R) dense2, dense3`, or `backprop`.
    pub rule: String,
    /// The settings that differ within the family: `--lr 0.003`.
    pub settings: String,
    /// The runs: the index of one of the report's groups.
    pub group: usize,
    /// What they reached.
    pub ours: Ours,
    /// The difference to backprop with the same settings, seed by seed.
    pub paired: Option<Paired>,
    /// The command that trains it.
    pub command: String,
}

/// All networks with several rules, those with the most rows first.
pub(crate) fn families(catalogue: &Catalogue, groups: &[Group]) -> Vec<Family> {
    let mut of_networks: BTreeMap<[String; 3], Vec<(usize, &Group)>> = BTreeMap::new();
    for (number, group) in groups.iter().enumerate() {
        let Some(config) = group.config() else { continue };
        // Accuracies compare whatever the loss is; losses do not.
        let task = match group.metric() {
            Metric::Accuracy => String::new(),
            Metric::Loss => format!("{} {} {:?}", config.loss.name(), config.target, config.anomaly_class),
        };
        let key = [config.network.without_feedback().to_string(), config.data.checksum.clone(), task];
        of_networks.entry(key).or_default().push((number, group));
    }
    let family = |([network, ..], members): ([String; 3], Vec<(usize, &Group)>)| {
        let rules: BTreeSet<String> = members.iter().filter_map(|(_, group)| Some(rule(group.config()?))).collect();
        let data = members.first()?.1.config()?.data.label();
        (rules.len() > 1).then(|| Family::of(network, data, &members, groups, catalogue))
    };
    let mut families: Vec<Family> = of_networks.into_iter().filter_map(family).collect();
    families.sort_by_key(|family| std::cmp::Reverse(family.rows.len()));
    families
}

impl Family {
    fn of(network: String, data: String, members: &[(usize, &Group)], groups: &[Group], catalogue: &Catalogue) -> Self {
        let epochs = common_epoch(members);
        let options: Vec<Vec<String>> = members.iter().map(|(_, group)| options(group)).collect();
        let is_common = |option: &String| options.iter().all(|other| other.contains(option));
        let row = |((number, group), options): (&(usize, &Group), &Vec<String>)| {
            let differing: Vec<&str> = options.iter().filter(|option| !is_common(option)).map(String::as_str).collect();
            Some(FamilyRow {
                name: group.name.clone(),
                rule: rule(group.config()?),
                settings: differing.join(" "),
                group: *number,
                ours: group.ours(epochs)?,
                paired: Paired::to_true_gradient(group, groups, epochs),
                command: group.command(catalogue, 0),
            })
        };
        let mut rows: Vec<FamilyRow> = members.iter().zip(&options).filter_map(row).collect();
        let metric = members.first().map_or(Metric::Accuracy, |(_, group)| group.metric());
        rows.sort_by(|a, b| metric.order(a.ours.mean, b.ours.mean));
        Self { network, data, metric, epochs, rows }
    }
}

/// The last end of a curve that at least half of the runs have reached.
fn common_epoch(members: &[(usize, &Group)]) -> u32 {
    let mut reached: Vec<u32> = members.iter().flat_map(|(_, group)| group.runs.iter().map(Run::epoch)).collect();
    reached.sort_unstable_by_key(|epoch| std::cmp::Reverse(*epoch));
    let median = reached.get(reached.len().saturating_sub(1) / 2).copied().unwrap_or(0);
    let ends = members.iter().flat_map(|(_, group)| &group.curves).map(|curve| curve.epochs);
    ends.filter(|end| *end <= median).max().unwrap_or(median)
}

/// The options in which a group differs from a plain network, and its learning rate: where rates differ, the default is named as well.
fn options(group: &Group) -> Vec<String> {
    let Some(config) = group.config() else { return vec![] };
    let mut options = without_draws(config).without_measures().options();
    if !options.iter().any(|option| option.starts_with("--lr ")) {
        options.push(format!("--lr {}", config.optimizer.rate()));
    }
    options
}

/// The rules of a network and the layers that have them, `backprop` if none has one.
pub(crate) fn rule(config: &Config) -> String {
    let (mut dense, mut conv) = (0, 0);
    let mut layers_of: Vec<(String, Vec<String>)> = vec![];
    for layer in config.network.architecture().layers() {
        let text = layer.to_string();
        let name = if text.starts_with("dense") {
            dense += 1;
            format!("dense{dense}")
        } else {
            conv += u32::from(layer.operation.has_weights());
            format!("conv{conv}")
        };
        if let Some(start) = text.find('(') {
            let rule = text.get(start..).unwrap_or_default().to_owned();
            match layers_of.iter_mut().find(|(known, _)| *known == rule) {
                Some((_, layers)) => layers.push(name),
                None => layers_of.push((rule, vec![name])),
            }
        }
    }
    let texts: Vec<String> = layers_of.iter().map(|(rule, layers)| format!("{rule} {}", joined(layers))).collect();
    if texts.is_empty() { "backprop".into() } else { texts.join(", ") }
}

/// `dense2, dense3`, or `dense2–5` for more layers in a row.
fn joined(layers: &[String]) -> String {
    let number = |layer: &String| layer.trim_start_matches(char::is_alphabetic).parse::<usize>().ok();
    let kind = |layer: &String| layer.trim_end_matches(char::is_numeric).to_owned();
    if let [first, _, .., last] = layers
        && layers.len() > 2
        && layers.iter().all(|layer| kind(layer) == kind(first))
        && number(first).zip(number(last)).is_some_and(|(from, to)| to + 1 == from + layers.len())
    {
        return format!("{first}–{}", last.trim_start_matches(char::is_alphabetic));
    }
    layers.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_in_a_row_are_a_range() {
        let of = |layers: &[&str]| joined(&layers.iter().map(|layer| (*layer).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["dense2"]), "dense2");
        assert_eq!(of(&["dense2", "dense3"]), "dense2, dense3");
        assert_eq!(of(&["dense2", "dense3", "dense4"]), "dense2–4");
        assert_eq!(of(&["dense2", "dense3", "dense5"]), "dense2, dense3, dense5");
        assert_eq!(of(&["conv2", "dense1", "dense2"]), "conv2, dense1, dense2");
    }
}
