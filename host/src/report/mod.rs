//! The report page: the runs of a folder beside the figures and the claims of the report that they repeat.
//!
//! [`Report::read`] gathers everything from the runs' files; each format writes it. Only the page has curves.

mod html;
pub(crate) mod table;
mod text;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::analysis::{self, Group, Judgement, Ordering, Run, Verdict};
use crate::experiment::Catalogue;
use crate::run::{self, Error};

pub use table::{Cell, Ours, Row, Table, Trend};

/// What a page shows.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The folder whose runs it shows.
    pub folder: PathBuf,
    /// The program that wrote it.
    pub version: String,
    /// When, in seconds since 1970.
    pub written: u64,
    /// The report's tables, ours beside them.
    pub tables: Vec<Table>,
    /// The orders of rows that the report publishes, and how likely they hold in ours.
    pub orderings: Vec<Ordering>,
    /// The sentences of the report that rows test.
    pub claims: Vec<Claim>,
    /// All runs, in groups that differ in nothing but the seed.
    pub groups: Vec<Group>,
    /// Runs that cannot be read, and why.
    pub problems: Vec<String>,
}

/// A sentence of the report, and what the runs say about it.
#[derive(Debug, Serialize)]
pub struct Claim {
    /// The report's words.
    pub sentence: String,
    /// The rows that test it.
    pub rows: Vec<ClaimRow>,
}

/// What the runs of a row say about a claim.
#[derive(Debug, Serialize)]
pub struct ClaimRow {
    /// The row's name.
    pub name: String,
    /// When it agrees and when it contradicts.
    pub measure: String,
    /// The least epochs for a verdict.
    pub epochs: u32,
    /// One for each run.
    pub runs: Vec<JudgedRun>,
    /// The command that trains the row.
    pub command: String,
}

/// What one run says about a claim.
#[derive(Debug, Serialize)]
pub struct JudgedRun {
    /// Its seed.
    pub seed: u64,
    /// Its data set.
    pub data: String,
    /// The verdict and what it rests on.
    #[serde(flatten)]
    pub judgement: Judgement,
}

impl Report {
    /// Reads all runs below `folder`, for the experiments at hand.
    ///
    /// # Errors
    /// [`Error`] if the folder cannot be read. A run that cannot be is among the [`problems`](Self::problems).
    pub fn read(folder: &Path, catalogue: &Catalogue) -> Result<Self, Error> {
        let (mut groups, problems) = analysis::find(folder, catalogue)?;
        let place = |group: &Group| catalogue.all().iter().position(|row| row.name == group.name).unwrap_or(usize::MAX);
        groups.sort_by(|a, b| (place(a), &a.name).cmp(&(place(b), &b.name)));
        Ok(Self {
            folder: folder.to_owned(),
            version: run::VERSION.into(),
            written: run::now(),
            tables: table::tables(catalogue, &groups),
            orderings: analysis::orderings(catalogue.of_the_report(), &groups),
            claims: claims(&groups, catalogue),
            groups,
            problems,
        })
    }

    /// All runs.
    pub fn runs(&self) -> impl Iterator<Item = &Run> {
        self.groups.iter().flat_map(|group| &group.runs)
    }

    /// One self-contained page.
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// The tables and claims as Markdown.
    pub fn markdown(&self) -> String {
        text::markdown(self)
    }

    /// The tables as CSV, a line a figure.
    pub fn csv(&self) -> String {
        text::csv(self)
    }
}

/// What several seeds of the same training say together, a line each, for the runs in these folders; empty if none has several.
pub fn seeds(folders: &[&Path], catalogue: &Catalogue) -> String {
    let runs = folders.iter().filter_map(|folder| Run::read(folder, catalogue).ok().flatten()).collect();
    let mut groups = analysis::in_groups(runs);
    // In the order in which they were asked for.
    let place = |group: &Group| group.runs.iter().filter_map(|run| folders.iter().position(|f| *f == run.folder)).min();
    groups.sort_by_key(place);
    if groups.iter().all(|group| group.runs.len() < 2) { String::new() } else { text::seeds(&groups) }
}

fn claims(groups: &[Group], catalogue: &Catalogue) -> Vec<Claim> {
    let mut claims: Vec<Claim> = vec![];
    for row in catalogue.of_the_report().iter().chain(catalogue.own()) {
        let Some(claim) = &row.claim else { continue };
        let judged = |run: &Run| {
            let judgement = analysis::judge(row, &run.folder, &run.config.data, catalogue)?;
            Some(JudgedRun { seed: run.config.seed, data: run.config.data.name.clone(), judgement })
        };
        let mine = groups.iter().filter(|group| group.name == row.name).flat_map(|group| &group.runs);
        let (name, epochs, measure) = (row.name.clone(), claim.epochs, claim.measure.to_string());
        let runs = mine.filter_map(judged).collect();
        let command = format!("asymgrad run {name}{} --epochs {epochs}", catalogue.option(row));
        let row = ClaimRow { name, measure, epochs, runs, command };
        match claims.iter_mut().find(|known| known.sentence == claim.sentence) {
            Some(known) => known.rows.push(row),
            None => claims.push(Claim { sentence: claim.sentence.clone(), rows: vec![row] }),
        }
    }
    claims
}

impl Claim {
    /// What all runs together say: what those say that decide, if they say the same.
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.rows.iter().flat_map(|row| &row.runs).map(|run| run.judgement.verdict);
        let mut decided = verdicts.filter(|verdict| *verdict != Verdict::NotDecided);
        match decided.next() {
            Some(first) if decided.all(|verdict| verdict == first) => first,
            _ => Verdict::NotDecided,
        }
    }
}
