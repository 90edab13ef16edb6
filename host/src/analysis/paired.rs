//! Two groups seed by seed: with the same seed both start with the same weights and take the same batches, so that the difference
//! is what the rule does.

use serde::Serialize;

use super::groups::{Group, longest, mean_of, span};
use super::runs::Run;
use crate::config::Config;
use crate::statistics::Estimate;

/// The difference of a group of runs to another, over the seeds that both have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Paired {
    /// The other group's name.
    pub to: String,
    /// The first and the last epoch of the means.
    pub epochs: [u32; 2],
    /// The seeds.
    pub seeds: Vec<u64>,
    /// How many of them have no difference, because one of the two runs diverged.
    pub diverged: usize,
    /// The difference in points of test accuracy; `None` if all diverged.
    pub difference: Option<Estimate>,
}

impl Paired {
    /// `group` less `other`, up to `epoch`; `None` if they have no seed in common.
    pub(crate) fn of(group: &Group, other: &Group, epoch: u32) -> Option<Self> {
        let twin = |run: &Run| other.runs.iter().find(|twin| twin.config.seed == run.config.seed);
        let pairs = group.runs.iter().filter_map(|run| Some((run, twin(run)?)));
        let (diverged, whole): (Vec<_>, Vec<_>) = pairs.partition(|(a, b)| a.has_diverged() || b.has_diverged());
        let (whole, last) = longest(
            whole,
            epoch,
            |(a, b): &(&Run, &Run)| a.epoch().min(b.epoch()),
            |(a, b)| a.status.has_ended() && b.status.has_ended(),
        );
        let epochs = span(last);
        let differences: Vec<f64> =
            whole.iter().filter_map(|(a, b)| Some(mean_of(&a.epochs, epochs)? - mean_of(&b.epochs, epochs)?)).collect();
        let mut seeds: Vec<u64> = whole.iter().chain(&diverged).map(|(run, _)| run.config.seed).collect();
        seeds.sort_unstable();
        (!seeds.is_empty()).then(|| Self {
            to: other.name.clone(),
            epochs,
            seeds,
            diverged: diverged.len(),
            difference: Estimate::of(&differences),
        })
    }

    /// The difference to the runs of the same network with the true gradient in all layers, up to `epoch`.
    pub(crate) fn to_true_gradient(group: &Group, groups: &[Group], epoch: u32) -> Option<Self> {
        let wanted = twin_of(group.config()?);
        if group.config()?.network == wanted.network {
            return None;
        }
        let is_twin = |other: &&Group| {
            other.config().is_some_and(|config| config.network == wanted.network && twin_of(config) == wanted)
        };
        Self::of(group, groups.iter().find(is_twin)?, epoch)
    }

    /// `+8.80 [+7.10, +10.50], 3 seeds, epochs 23–25`.
    pub(crate) fn text(&self) -> String {
        let difference = self.difference.map_or_else(String::new, |Estimate { mean, interval, .. }| {
            let interval = interval.map_or_else(String::new, |[low, high]| format!(" [{low:+.2}, {high:+.2}]"));
            format!("{mean:+.2}{interval}, ")
        });
        let seeds = if self.seeds.len() == 1 { "1 seed".into() } else { format!("{} seeds", self.seeds.len()) };
        let diverged = if self.diverged == 0 { String::new() } else { format!(", {} diverged", self.diverged) };
        let [first, last] = self.epochs;
        let epochs = if first == last { format!("epoch {last}") } else { format!("epochs {first}–{last}") };
        format!("{difference}{seeds}{diverged}, {epochs}")
    }
}

/// What a run and its true-gradient twin have in common: all but the feedback and what only feedback reads.
fn twin_of(config: &Config) -> Config {
    Config {
        name: String::new(),
        network: config.network.without_feedback(),
        seed: 0,
        kp_decay: None,
        mirror_rate: None,
        mirror_first: 0,
        feedback_init: asymgrad_core::Initial::default(),
        measure_every: 1,
        epochs: 0,
        max_steps: None,
        ..config.clone()
    }
}
