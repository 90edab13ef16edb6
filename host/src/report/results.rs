//! What the results page shows, gathered from the files of the runs.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::claims::{ClaimSummary, claims};
use super::conditions::{Conditions, conditions};
use super::table::{self, Table};
use crate::analysis::{self, Group, Ranking, Run};
use crate::config::DatasetId;
use crate::experiment::Catalogue;
use crate::lossy;
use crate::run::{self, Error};

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
    /// The report's experiments by the conditions of their runs, and how far these are from the published figures.
    pub conditions: Vec<Conditions>,
    /// The rankings of experiments that the report publishes, and how likely they hold in ours.
    #[serde(rename = "orderings")]
    pub rankings: Vec<Ranking>,
    /// The sentences of the report that experiments test.
    pub claims: Vec<ClaimSummary>,
    /// All runs, in groups that differ in nothing but the seed.
    pub groups: Vec<Group>,
    /// Runs that cannot be read, and why.
    pub problems: Vec<String>,
}

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
            tables: table::tables(catalogue, &groups),
            conditions: conditions(catalogue, &groups),
            rankings: analysis::rankings(catalogue.of_the_report(), &groups),
            claims: claims(&groups, catalogue),
            groups,
            problems,
        })
    }

    /// All runs.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.groups.iter().flat_map(|group| &group.runs)
    }

    /// The data sets of the runs, by name.
    pub(crate) fn data_sets(&self) -> Vec<&DatasetId> {
        let mut data: Vec<&DatasetId> = self.runs().map(|run| &run.config.data).collect();
        data.sort_unstable_by_key(|data| (&data.name, &data.checksum));
        data.dedup_by_key(|data| (&data.name, &data.checksum));
        data
    }
}
