//! The runs that other groups published, beside those of this program.

use super::blocks::Section;
use super::grid::{Column, grid};
use crate::analysis::{Comparison, PublishedRuns};
use crate::report::figures::one_line;

/// The section with a table for each source.
pub(crate) fn published(sources: &[PublishedRuns]) -> Section {
    let text = sources.iter().map(source).collect::<Vec<_>>().join("\n");
    let text = if text.is_empty() { "No run yet: `asymgrad suite --published` trains them.\n".into() } else { text };
    Section::new("published", "Published runs", text)
}

fn source(of: &PublishedRuns) -> String {
    let (source, comparisons) = (&of.source, &of.comparisons);
    let missing = if of.missing.is_empty() { String::new() } else { format!("\n{}\n", of.missing_text()) };
    format!(
        "**{}** ({}). Runs have reached {} of {} figures ({}).\n\n{}\n\n{}{missing}",
        source.title,
        source.record,
        comparisons.len(),
        of.figures,
        of.counts(),
        one_line(&source.note),
        rows(comparisons)
    )
}

fn rows(comparisons: &[Comparison]) -> String {
    let rows: Vec<[String; 9]> = comparisons.iter().map(Comparison::cells).collect();
    let column = |(index, name): (usize, &&str)| {
        let cells = rows.iter().map(|cells| cells[index].clone());
        if Comparison::NUMBERS.contains(&index) { Column::numbers(name, cells) } else { Column::words(name, cells) }
    };
    if rows.is_empty() {
        return String::new();
    }
    grid(&Comparison::COLUMNS.iter().enumerate().map(column).collect::<Vec<_>>())
}
