//! Two groups seed by seed: with the same seed both start with the same weights and take the same batches, so that the difference
//! is what the rule does.

use serde::Serialize;

use super::groups::{Group, longest, mean_of, span};
use super::metric::Metric;
use super::runs::Run;
use crate::config::{Config, Initials};
use crate::published::without_draws;
use crate::statistics::Estimate;

/// The difference of a group of runs to another, over the seeds that both have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Paired {
    /// What the difference is one of.
    pub metric: Metric,
    /// The other group: its name and its settings.
    pub to: String,
    /// The first and the last epoch of the group's means.
    pub epochs: [u32; 2],
    /// Those of the other group's.
    pub to_epochs: [u32; 2],
    /// The seeds.
    pub seeds: Vec<u64>,
    /// How many of them have no difference, because one of the two runs diverged.
    pub diverged: usize,
    /// The difference in points of test accuracy, or in test loss; `None` if all diverged.
    pub difference: Option<Estimate>,
}

type Pair<'a> = (&'a Run, &'a Run);

impl Paired {
    /// `group` less `other` at the same epochs, up to `epoch`; `None` if they have no seed in common.
    pub(crate) fn of(group: &Group, other: &Group, epoch: u32) -> Option<Self> {
        let (diverged, whole) = pairs(group, other);
        let (whole, last) = longest(
            whole,
            epoch,
            |(a, b): &Pair<'_>| a.epoch().min(b.epoch()),
            |(a, b)| a.status.has_ended() && b.status.has_ended(),
        );
        Self::new(other, &diverged, &whole, [last; 2])
    }

    /// `group` at one epoch less `other` at another; `None` if no seed has both.
    pub(crate) fn at(group: &Group, other: &Group, [epoch, other_epoch]: [u32; 2]) -> Option<Self> {
        let (diverged, mut whole) = pairs(group, other);
        whole.retain(|(a, b)| a.epoch() >= epoch && b.epoch() >= other_epoch);
        if whole.is_empty() { None } else { Self::new(other, &diverged, &whole, [epoch, other_epoch]) }
    }

    fn new(other: &Group, diverged: &[Pair<'_>], whole: &[Pair<'_>], last: [u32; 2]) -> Option<Self> {
        let [epochs, to_epochs] = last.map(span);
        let metric = other.metric();
        let mean = |run: &Run, epochs: [u32; 2]| mean_of(&run.epochs, epochs, metric);
        // Epoch 0 and the epochs of a longer run have no difference.
        let difference = |(a, b): &Pair<'_>| Some((a.config.seed, mean(a, epochs)? - mean(b, to_epochs)?));
        let (mut seeds, differences): (Vec<u64>, Vec<f64>) = whole.iter().filter_map(difference).unzip();
        seeds.extend(diverged.iter().map(|(run, _)| run.config.seed));
        seeds.sort_unstable();
        (!seeds.is_empty()).then(|| Self {
            metric,
            to: other.label(),
            epochs,
            to_epochs,
            seeds,
            diverged: diverged.len(),
            difference: Estimate::of(&differences).map(|estimate| estimate.within([-metric.most(), metric.most()])),
        })
    }

    /// Why it decides no statement about the groups at these epochs, whatever the difference: too few epochs or seeds, or a network that
    /// is near chance.
    pub(crate) fn undecided(&self, groups: [&Group; 2], epochs: [u32; 2]) -> Option<String> {
        let mine = [self.epochs[1], self.to_epochs[1]];
        for (mine, epochs) in mine.into_iter().zip(epochs) {
            if mine < epochs {
                return Some(format!("{mine} of {epochs} epochs"));
            }
        }
        for (group, epoch) in groups.into_iter().zip(mine) {
            if group.accuracy(epoch).is_some_and(|accuracy| group.is_near_chance(accuracy)) {
                return Some(format!("{} is near chance", group.label()));
            }
        }
        match self.seeds.len() - self.diverged {
            0 => Some("every seed diverged".into()),
            1 => Some("one seed".into()),
            _ => None,
        }
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
        let digits = self.metric.digits();
        let difference = self.difference.map_or_else(String::new, |Estimate { mean, interval, .. }| {
            let ends = |[low, high]: [f64; 2]| format!(" [{low:+.digits$}, {high:+.digits$}]");
            format!("{mean:+.digits$}{}, ", interval.map_or_else(String::new, ends))
        });
        let seeds = if self.seeds.len() == 1 { "1 seed".into() } else { format!("{} seeds", self.seeds.len()) };
        let diverged = if self.diverged == 0 { String::new() } else { format!(", {} diverged", self.diverged) };
        format!("{difference}{seeds}{diverged}, {}", self.epochs_text())
    }

    /// `epoch 2`, `epochs 23–25`, or `epochs 198–200 and 98–100` where they differ.
    pub(crate) fn epochs_text(&self) -> String {
        let text = |[first, last]: [u32; 2]| if first == last { last.to_string() } else { format!("{first}–{last}") };
        let [first, last] = self.epochs;
        if self.epochs != self.to_epochs {
            return format!("epochs {} and {}", text(self.epochs), text(self.to_epochs));
        }
        format!("{} {}", if first == last { "epoch" } else { "epochs" }, text(self.epochs))
    }
}

/// The runs of both groups with the same seed: those of which one diverged, and the others.
fn pairs<'a>(group: &'a Group, other: &'a Group) -> (Vec<Pair<'a>>, Vec<Pair<'a>>) {
    let twin = |run: &Run| other.runs.iter().find(|twin| twin.config.seed == run.config.seed);
    let pairs = group.runs.iter().filter_map(|run| Some((run, twin(run)?)));
    pairs.partition(|(a, b)| a.has_diverged() || b.has_diverged())
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
        mirror_noise: None,
        mirror_response: None,
        mirror_leak: true,
        feedback_init: Initials::default(),
        epochs: 0,
        max_steps: None,
        ..without_draws(config).without_measures()
    }
}
