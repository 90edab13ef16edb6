//! What `run` and `suite` print of runs that other groups published: the published figures, ours, and whether they agree.

use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};

use crate::analysis::{Comparison, PublishedRuns, Run, compare_published};
use crate::experiment::Catalogue;

/// The published figures that the runs in `folders` have reached, and why others are not compared; empty if there are neither.
pub fn published(folders: &[&Path], catalogue: &Catalogue) -> String {
    let runs: Vec<Run> = folders.iter().filter_map(|folder| Run::read(folder, catalogue).ok().flatten()).collect();
    let sources = compare_published(&runs.iter().collect::<Vec<_>>(), catalogue);
    let trained = |name: &str| runs.iter().any(|run| run.config.name == name);
    let section = |mut of: PublishedRuns| {
        of.missing.retain(|missing| trained(&missing.experiment));
        let table = if of.comparisons.is_empty() { String::new() } else { rows(&of.comparisons) + "\n" };
        let missing = if of.missing.is_empty() { String::new() } else { of.missing_text() + "\n" };
        format!("\n{}\n{table}{missing}", of.source.title)
    };
    let tables = sources.into_iter().map(section);
    tables.collect::<Vec<_>>().concat()
}

fn rows(comparisons: &[Comparison]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(Comparison::COLUMNS);
    table.add_rows(comparisons.iter().map(Comparison::cells));
    for column in table.column_iter_mut().skip(Comparison::NUMBERS.start).take(Comparison::NUMBERS.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}
