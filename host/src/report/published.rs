//! What `run` and `suite` print of runs that other groups published: the published figures, ours, and whether they agree.

use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};

use crate::analysis::Run;
use crate::experiment::Catalogue;
use crate::published::{Comparison, compare};

/// The published figures that the runs in `folders` have reached; empty if there are none.
pub fn published(folders: &[&Path], catalogue: &Catalogue) -> String {
    let runs: Vec<Run> = folders.iter().filter_map(|folder| Run::read(folder, catalogue).ok().flatten()).collect();
    let sources = compare(&runs.iter().collect::<Vec<_>>());
    let text = sources.iter().map(|of| format!("\n{}\n{}\n", of.source.title, rows(&of.comparisons)));
    text.collect()
}

fn rows(comparisons: &[Comparison]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "experiment",
        "figure",
        "epoch",
        "seed",
        "published",
        "ours",
        "runs",
        "may differ by",
        "verdict",
    ]);
    for of in comparisons {
        table.add_row([
            of.experiment.clone(),
            of.quantity.into(),
            of.epoch.to_string(),
            of.seed.map_or_else(String::new, |seed| seed.to_string()),
            of.published_text(),
            of.found_text(),
            of.runs.to_string(),
            of.within_text(),
            of.verdict().into(),
        ]);
    }
    for column in table.column_iter_mut().skip(2).take(6) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}
