//! The results as Markdown: a page of sections, or the blocks of a file of the user's own.
//!
//! - `tables`, `distance`, `published`: the sections with figures
//! - `blocks`: sections, and the blocks of a file that contain them
//! - `grid`: Markdown tables
#![expect(clippy::format_push_string, reason = "written once, and easier to read")]

mod blocks;
mod distance;
mod grid;
mod published;
mod tables;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub use blocks::BlockError;
use blocks::{Section, fill};

use super::conditions::{FEW, figures_text, reached};
use super::figures::one_line;
use super::plots::{self, PlotError};
use super::results::Report;
use crate::analysis::{Distance, Ranking, Verdict};
use crate::config::DatasetId;

/// A Markdown page and the plots that it shows.
#[derive(Debug)]
pub struct Markdown {
    /// The page.
    pub text: String,
    /// The files of its plots, in its folder, and what they contain.
    pub plots: Vec<(PathBuf, String)>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MarkdownError {
    /// The file with the blocks cannot be read.
    #[error("{}: cannot read the page: {source}; check the permissions, or write to another file", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A block of the file is wrong.
    #[error("{}: {source}", file.display())]
    Block {
        /// The file.
        file: PathBuf,
        /// Which block.
        source: BlockError,
    },
    /// A plot cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

/// The page for `file`. A file whose name ends in `.md` has its plots beside it; if it exists and has blocks, the text around them
/// stays. Any other file, and `None`, gets a page without plots.
///
/// # Errors
/// [`MarkdownError`] if the file cannot be read, a block of it is wrong, or a plot cannot be drawn.
pub fn markdown(report: &Report, file: Option<&Path>) -> Result<Markdown, MarkdownError> {
    let mut sections = sections(report);
    let file = file.filter(|file| file.extension().is_some_and(|extension| extension == "md"));
    let Some(file) = file else {
        return Ok(Markdown { text: page(report, &sections), plots: vec![] });
    };
    let plots = add_plots(report, file, &mut sections)?;
    let old = if file.is_file() {
        fs::read_to_string(file).map_err(|source| MarkdownError::Io { file: file.to_owned(), source })?
    } else {
        String::new()
    };
    let filled = fill(&old, &sections).map_err(|source| MarkdownError::Block { file: file.to_owned(), source })?;
    let text = filled.unwrap_or_else(|| page(report, &sections));
    let is_shown =
        |plot: &(PathBuf, String)| plot.0.file_name().is_some_and(|name| text.contains(&link(&name.to_string_lossy())));
    let plots = plots.into_iter().filter(is_shown).collect();
    Ok(Markdown { text, plots })
}

/// Draws the plot of each section that has one, and shows it above the section's text.
fn add_plots(report: &Report, file: &Path, sections: &mut [Section]) -> Result<Vec<(PathBuf, String)>, PlotError> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let mut drawn = vec![];
    for section in sections {
        if let Some((title, svg)) = plots::plot(&report.conditions, &section.name)? {
            let name = format!("{stem}-{}.svg", section.name);
            section.text = format!("![{title}{}\n\n{}", link(&name), section.text);
            drawn.push((file.with_file_name(name), svg));
        }
    }
    Ok(drawn)
}

/// The end of an image's Markdown.
fn link(name: &str) -> String {
    format!("]({})", name.replace(' ', "%20"))
}

fn page(report: &Report, sections: &[Section]) -> String {
    let mut text = format!(
        "# Runs in {}\n\nTest accuracy in percent, of regression the test loss; asymgrad {}. Ours is the mean over the epochs that stand beside it. Angles and norm \
         ratios compare the error signal that a layer sends back with the true gradient, behind the derivative of the receiving \
         layer's activation; ± is the standard deviation over the seeds.\n",
        one_line(&report.folder.display().to_string()),
        report.version
    );
    for Section { heading, text: section, .. } in sections {
        text += &format!("\n## {}\n\n{section}", one_line(heading));
    }
    text
}

fn sections(report: &Report) -> Vec<Section> {
    let mut sections = vec![Section::new("summary", "Summary", summary(report))];
    sections.extend(tables::tables(report));
    sections.extend(distance::distances(&report.conditions));
    sections.push(Section::new("rankings", "Rankings that the report publishes", rankings(report)));
    sections.push(Section::new("claims", "Claims", claims(report)));
    sections.push(published::published(&report.published));
    sections.push(Section::new("data", "Data", data(report)));
    sections
}

/// How far the report is reproduced.
fn summary(report: &Report) -> String {
    let rows = report.tables.iter().filter(|table| table.number.is_some()).flat_map(|table| &table.rows);
    let published: BTreeSet<(&str, u32)> = rows
        .flat_map(|row| row.cells.iter().filter_map(move |cell| Some((&*row.name, cell.published?.epochs))))
        .collect();
    let count = reached(&report.conditions).len();
    let mut text = format!("Runs have reached {count} of the {} figures that the report publishes.", published.len());
    let distances: Vec<String> = report
        .conditions
        .iter()
        .filter_map(|of| {
            let whole = of.whole()?;
            let Distance { near, figures, root_mean_square, .. } = whole.distance;
            (figures >= FEW).then(|| {
                let (tables, figures) = (whole.name(), figures_text(figures));
                format!("{root_mean_square:.2} with {} ({tables}, {near} of {figures} within 2)", of.name)
            })
        })
        .collect();
    if !distances.is_empty() {
        text += &format!(
            " Their distance to these figures in points (root mean square), for each condition with {FEW} figures or more: {}.",
            distances.join(", ")
        );
    }
    let claims = |verdict: Verdict| report.claims.iter().filter(|claim| claim.verdict() == verdict).count();
    text += &format!(
        " Of {} claims of the report's text, {} agree, {} contradict and {} are not decided.\n",
        report.claims.len(),
        claims(Verdict::Agrees),
        claims(Verdict::Contradicts),
        claims(Verdict::NotDecided)
    );
    text
}

fn rankings(report: &Report) -> String {
    let line = |ranking: &Ranking| {
        let found = ranking.found()?;
        Some(format!("- Table {}: {}: {found}\n", ranking.table, ranking.sentence()))
    };
    let lines: String = report.rankings.iter().filter_map(line).collect();
    if lines.is_empty() { "No two experiments of a published ranking have runs.\n".into() } else { lines }
}

fn claims(report: &Report) -> String {
    let mut text = String::new();
    for claim in &report.claims {
        text += &format!("- {}: **{}**\n", one_line(&claim.sentence), claim.verdict());
        for experiment in &claim.experiments {
            for run in &experiment.runs {
                text += &format!("  - {}, seed {}: {}\n", experiment.name, run.seed, one_line(&run.judgement.found));
            }
            if experiment.runs.is_empty() {
                text += &format!("  - {}: no run yet; `{}`\n", experiment.name, one_line(&experiment.command));
            } else {
                text += &format!("  - {}: {}\n", experiment.name, experiment.conclusion());
            }
        }
    }
    if text.is_empty() { "There are none.\n".into() } else { text }
}

/// The data sets of the runs.
fn data(report: &Report) -> String {
    let line =
        |data: &&DatasetId| format!("- {}, SHA-256 {}: {}\n", one_line(&data.name), data.checksum, data.contents());
    let lines: String = report.data_sets().iter().map(line).collect();
    if lines.is_empty() { "There are no runs.\n".into() } else { lines }
}
