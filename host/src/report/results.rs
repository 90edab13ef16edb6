//! What the results page shows, gathered from the files of the runs.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::claims::{ClaimSummary, claims};
use super::conditions::{Conditions, conditions};
use super::families::{Family, families};
use super::table::{self, Table};
use crate::analysis::{self, Group, PublishedRuns, Ranking, Run};
use crate::config::DatasetId;
use crate::experiment::Catalogue;
use crate::lossy;
use crate::run::{self, Error};
use crate::statistics;

/// What a page shows.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The folder whose runs it shows.
    #[serde(serialize_with = "lossy::serialize")]
    pub folder: PathBuf,
    /// The program that wrote it.
    pub version: String,
    /// When, in seconds since 1970.
    pub written: u64,
    /// The report's tables, ours beside them.
    pub tables: Vec<Table>,
    /// The feedback rules of each network that was trained with several of them.
    pub families: Vec<Family>,
    /// The report's experiments by the conditions of their runs, and how far these are from the published figures.
    pub conditions: Vec<Conditions>,
    /// The rankings of experiments that the report publishes, and how likely they hold in ours.
    #[serde(rename = "orderings")]
    pub rankings: Vec<Ranking>,
    /// The sentences of the report that experiments test.
    pub claims: Vec<ClaimSummary>,
    /// The runs that other groups published, ours beside them.
    pub published: Vec<PublishedRuns>,
    /// All runs, in groups that differ in nothing but the seed.
    pub groups: Vec<Group>,
    /// The data sets of the runs, by name.
    pub data: Vec<DataSummary>,
    /// Half the width of a mean's interval in standard errors, for 2, 3, … seeds.
    pub interval_factors: Vec<f64>,
    /// Runs that cannot be read, and why.
    pub problems: Vec<String>,
}

/// A data set of some runs.
#[derive(Debug, Serialize)]
pub struct DataSummary {
    /// Its name.
    pub name: String,
    /// SHA-256 over its images and labels.
    pub checksum: String,
    /// The names of its classes, if it is known.
    pub classes: &'static [&'static str],
    /// How many test images it has, if that is known.
    pub test_images: Option<u32>,
}

/// There are interval factors for so many seeds at least.
const SEEDS: usize = 10;

impl Report {
    /// Reads all runs below `folder`, for the experiments at hand.
    ///
    /// # Errors
    /// [`Error`] if the folder cannot be read. A run that cannot be is among the [`problems`](Self::problems).
    pub fn read(folder: &Path, catalogue: &Catalogue) -> Result<Self, Error> {
        let (mut groups, problems) = analysis::find(folder, catalogue)?;
        let position = |group: &Group| {
            catalogue.all().iter().position(|experiment| experiment.name == group.name).unwrap_or(usize::MAX)
        };
        groups.sort_by(|a, b| (position(a), &a.name).cmp(&(position(b), &b.name)));
        Ok(Self {
            folder: folder.to_owned(),
            version: run::VERSION.into(),
            written: run::now(),
            families: families(catalogue, &groups),
            tables: table::tables(catalogue, &groups),
            conditions: conditions(catalogue, &groups),
            rankings: analysis::rankings(catalogue.of_the_report(), &groups),
            claims: claims(&groups, catalogue),
            published: analysis::compare_published(
                &groups.iter().flat_map(|group| &group.runs).collect::<Vec<_>>(),
                catalogue,
            ),
            data: data(&groups),
            interval_factors: statistics::interval_factors(
                groups.iter().map(|group| group.runs.len()).max().unwrap_or(0).max(SEEDS),
            ),
            groups,
            problems,
        })
    }

    /// All runs.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.groups.iter().flat_map(|group| &group.runs)
    }

    /// The tables as a reader wants them: the user's own runs first, the report's tables without runs last.
    pub(crate) fn tables_to_read(&self) -> Vec<&Table> {
        let mut tables: Vec<&Table> = self.tables.iter().collect();
        tables.sort_by_key(|table| match table.name {
            "own" => 0,
            "other" => 1,
            "regression" => 2,
            "rules" => 3,
            "extra" => 5,
            _ if table.has_runs() => 4,
            _ => 6,
        });
        tables
    }

    /// The data sets of the runs, by name.
    pub(crate) fn data_sets(&self) -> Vec<&DatasetId> {
        let mut data: Vec<&DatasetId> = self.runs().map(|run| &run.config.data).collect();
        data.sort_unstable_by_key(|data| (&data.name, &data.checksum));
        data.dedup_by_key(|data| (&data.name, &data.checksum));
        data
    }
}

fn data(groups: &[Group]) -> Vec<DataSummary> {
    let summary = |group: &Group| {
        let data = &group.config()?.data;
        let classes = data.contents().class_names();
        let (name, checksum) = (data.label(), data.checksum.clone());
        Some(DataSummary { name, checksum, classes, test_images: group.test_images() })
    };
    // Runs that test on other images than their data set's come last.
    let has_other = |group: &&Group| group.config().is_some_and(|config| config.test_indices.is_some());
    let (other, own): (Vec<&Group>, Vec<&Group>) = groups.iter().partition(has_other);
    let mut data: Vec<DataSummary> = own.into_iter().chain(other).filter_map(summary).collect();
    data.sort_by(|a, b| (&a.name, &a.checksum).cmp(&(&b.name, &b.checksum)));
    data.dedup_by(|a, b| a.checksum == b.checksum);
    data
}
