//! What `run` and `suite` print of runs that other groups published: the published figures, ours, and whether they agree.

use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};

use crate::analysis::Run;
use crate::experiment::Catalogue;
use crate::published::{COLUMNS, Comparison, NUMBERS, compare};

/// The published figures that the runs in `folders` have reached; empty if there are none.
pub fn published(folders: &[&Path], catalogue: &Catalogue) -> String {
    let runs: Vec<Run> = folders.iter().filter_map(|folder| Run::read(folder, catalogue).ok().flatten()).collect();
    let sources = compare(&runs.iter().collect::<Vec<_>>(), catalogue);
    let tables = sources.iter().map(|of| format!("\n{}\n{}\n", of.source.title, rows(&of.comparisons)));
    tables.collect::<Vec<_>>().concat()
}

fn rows(comparisons: &[Comparison]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(COLUMNS);
    table.add_rows(comparisons.iter().map(Comparison::cells));
    for column in table.column_iter_mut().skip(NUMBERS.start).take(NUMBERS.len()) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}
