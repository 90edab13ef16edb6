//! The report's experiments by the conditions of their runs, and how far the runs are from the published figures.
//!
//! The report states neither batch nor learning rate, so its experiments are trained under several. Runs have the same conditions if
//! they have the same batch and differ from their experiments in the same options. Only runs on the data of the published figures
//! count.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::analysis::{DIVISORS, Distance, Group, Metric, Run, SeedMean, around, by_seed, span};
use crate::config::{Config, after_spaces};
use crate::experiment::{Catalogue, Experiment, Published};
use crate::statistics;

/// The runs of the report's experiments under the same conditions.
#[derive(Debug, Serialize)]
pub struct Conditions {
    /// `batch 256`, followed by the options in which the runs differ from their experiments.
    pub name: String,
    /// The published figures that runs have reached, in the order of the tables.
    pub figures: Vec<Figure>,
    /// How far these figures are from ours: for each table, and over all tables if there are several.
    pub distances: Vec<TableDistance>,
}

/// A published figure, and the runs that have reached its epoch.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// The experiment.
    pub experiment: String,
    /// Its table.
    pub table: u8,
    /// The published figure's epochs.
    pub epochs: u32,
    /// The published test accuracy in percent.
    pub published: f64,
    /// Ours: the mean over the seeds.
    pub accuracy: f64,
    /// Each run's, the mean of the last epochs up to the published one.
    pub seeds: Vec<SeedMean>,
    /// Ours around epoch E / k for the published epoch E, for each k of [`DIVISORS`].
    #[serde(skip)]
    divided: Vec<f64>,
    /// The index of the figure among all that the report publishes.
    #[serde(skip)]
    pub(crate) index: usize,
}

/// The distance to the figures of some tables.
#[derive(Debug, Serialize)]
pub struct TableDistance {
    /// The tables.
    pub tables: Vec<u8>,
    /// At the published epochs: the mean of the last epochs, as in the tables.
    pub distance: Distance,
    /// Epoch E / k compared with the published epoch E.
    pub divided: Vec<Divided>,
}

/// The distance if the published epochs are divided.
#[derive(Debug, Serialize)]
pub struct Divided {
    /// By what.
    pub k: f64,
    /// From the same figures, each with the mean of the five epochs around E / k.
    pub distance: Distance,
}

/// The conditions under which published figures are reached, by rising batch.
pub(crate) fn conditions(catalogue: &Catalogue, groups: &[Group]) -> Vec<Conditions> {
    let mut names: BTreeMap<(usize, String), Vec<&Group>> = BTreeMap::new();
    for group in groups {
        if let Some((batch, name)) = name_of(catalogue, group) {
            names.entry((batch, name)).or_default().push(group);
        }
    }
    let all = names.into_iter().map(|((_, name), groups)| Conditions::of(name, &groups, catalogue));
    all.filter(|conditions| !conditions.figures.is_empty()).collect()
}

/// Distances over fewer figures say little, and are left out where many would stand.
pub(crate) const FEW: usize = 5;

/// The batch and the conditions' name of a group; `None` if it trains no experiment of the report's tables on its data.
fn name_of(catalogue: &Catalogue, group: &Group) -> Option<(usize, String)> {
    let config = group.config()?;
    let network = config.network.to_string();
    let named = |experiment: &&Experiment| {
        experiment.table.is_some() && experiment.name == group.name && experiment.network == network
    };
    let experiment = catalogue.of_the_report().iter().find(named)?;
    if config.data.is_of(experiment, catalogue) != Ok(true) {
        return None;
    }
    // The batch is named in any case.
    let own_batch =
        Config { batch: experiment.options.choices.batch.unwrap_or(Config::BATCH), ..config.without_measures() };
    Some((config.batch, format!("batch {}{}", config.batch, after_spaces(&own_batch.settings(catalogue)))))
}

impl Conditions {
    fn of(name: String, groups: &[&Group], catalogue: &Catalogue) -> Self {
        let experiments = catalogue.of_the_report().iter().filter(|experiment| experiment.table.is_some());
        let published = experiments.flat_map(|experiment| experiment.published.iter().map(move |of| (experiment, *of)));
        let reached = published.enumerate().filter_map(|(index, (experiment, published))| {
            let mine = groups.iter().filter(|group| group.name == experiment.name);
            Figure::of(experiment, published, index, mine.flat_map(|group| &group.runs))
        });
        let figures: Vec<Figure> = reached.collect();
        let tables: BTreeSet<u8> = figures.iter().map(|figure| figure.table).collect();
        let all = (tables.len() > 1).then(|| tables.iter().copied().collect());
        let sets = tables.iter().map(|table| vec![*table]).chain(all);
        let distances = sets.filter_map(|tables| TableDistance::of(tables, &figures)).collect();
        Self { name, figures, distances }
    }

    /// The distance over all of its figures.
    pub(crate) fn whole(&self) -> Option<&TableDistance> {
        self.distances.last()
    }

    /// Its figure at an index among all that the report publishes.
    pub(crate) fn at(&self, index: usize) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.index == index)
    }

    /// The distances of these and of other conditions, both over the figures that runs of both have reached.
    pub(crate) fn beside(&self, other: &Self) -> Option<[Distance; 2]> {
        let pairs = self.figures.iter().filter_map(|figure| Some((figure, other.at(figure.index)?)));
        let (ours, theirs): (Vec<f64>, Vec<f64>) =
            pairs.map(|(figure, other)| (figure.difference(), other.difference())).unzip();
        Some([Distance::of(&ours)?, Distance::of(&theirs)?])
    }
}

/// The figures that runs under any of the conditions have reached, once each, in the order of the tables.
pub(crate) fn reached(conditions: &[Conditions]) -> Vec<&Figure> {
    let figures: BTreeMap<usize, &Figure> =
        conditions.iter().flat_map(|of| &of.figures).map(|figure| (figure.index, figure)).collect();
    figures.into_values().collect()
}

impl Figure {
    /// A published figure beside the runs that have reached its epoch; `None` without any.
    fn of<'a>(
        experiment: &Experiment,
        published: Published,
        index: usize,
        runs: impl Iterator<Item = &'a Run>,
    ) -> Option<Self> {
        let reached: Vec<&Run> = runs.filter(|run| !run.has_diverged() && run.epoch() >= published.epochs).collect();
        let seeds = by_seed(&reached, span(published.epochs), Metric::Accuracy);
        let at = |divisor: &f64| {
            let accuracies = reached.iter().filter_map(|run| around(&run.epochs, published.epochs, *divisor));
            statistics::mean(&accuracies.collect::<Vec<_>>())
        };
        Some(Self {
            experiment: experiment.name.clone(),
            table: experiment.table?,
            epochs: published.epochs,
            published: published.accuracy,
            accuracy: statistics::mean(&seeds.iter().map(SeedMean::mean).collect::<Vec<_>>())?,
            seeds,
            divided: DIVISORS.iter().map(at).collect::<Option<_>>()?,
            index,
        })
    }

    /// Ours less the report's, in points.
    fn difference(&self) -> f64 {
        self.accuracy - self.published
    }
}

impl TableDistance {
    fn of(tables: Vec<u8>, figures: &[Figure]) -> Option<Self> {
        let chosen: Vec<&Figure> = figures.iter().filter(|figure| tables.contains(&figure.table)).collect();
        let distance = Distance::of(&chosen.iter().map(|figure| figure.difference()).collect::<Vec<_>>())?;
        let divided = DIVISORS.iter().enumerate().map(|(index, k)| {
            let difference = |figure: &&Figure| Some(figure.divided.get(index)? - figure.published);
            let differences: Vec<f64> = chosen.iter().filter_map(difference).collect();
            Some(Divided { k: *k, distance: Distance::of(&differences)? })
        });
        Some(Self { distance, divided: divided.collect::<Option<_>>()?, tables })
    }

    /// `Table 1`, `Tables 1 and 2`, `Tables 1, 2 and 4`.
    pub(crate) fn name(&self) -> String {
        let names: Vec<String> = self.tables.iter().map(u8::to_string).collect();
        match names.split_last() {
            Some((last, [])) => format!("Table {last}"),
            Some((last, rest)) => format!("Tables {} and {last}", rest.join(", ")),
            None => String::new(),
        }
    }
}

/// `1 figure`, `36 figures`.
pub(crate) fn figures_text(count: usize) -> String {
    format!("{count} figure{}", if count == 1 { "" } else { "s" })
}
