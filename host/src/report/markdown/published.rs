//! The runs that other groups published, beside those of this program.

use super::blocks::Section;
use super::grid::{Column, grid, one_line};
use crate::published::{Comparison, PublishedRuns};

/// The section with a table for each source.
pub(crate) fn published(sources: &[PublishedRuns]) -> Section {
    let text = sources.iter().map(source).collect::<Vec<_>>().join("\n");
    let text = if text.is_empty() { "No run yet: `asymgrad suite --published` trains them.\n".into() } else { text };
    Section::new("published", "Published runs", text)
}

fn source(of: &PublishedRuns) -> String {
    let (source, comparisons) = (&of.source, &of.comparisons);
    let agreeing = comparisons.iter().filter(|comparison| comparison.agrees == Some(true)).count();
    let differing = comparisons.iter().filter(|comparison| comparison.agrees == Some(false)).count();
    let missing =
        if of.missing.is_empty() { String::new() } else { format!("\nNo run yet: {}.\n", of.missing.join(", ")) };
    format!(
        "**{}** ({}). Runs have reached {} of {} figures: {agreeing} agree, {differing} differ.\n\n{}\n\n{}{missing}",
        source.title,
        source.record,
        comparisons.len(),
        of.figures,
        one_line(&source.note),
        rows(comparisons)
    )
}

fn rows(comparisons: &[Comparison]) -> String {
    let texts = |text: &dyn Fn(&Comparison) -> String| -> Vec<String> { comparisons.iter().map(text).collect() };
    let seed = |of: &Comparison| of.seed.map_or_else(String::new, |seed| seed.to_string());
    grid(&[
        Column::words("experiment", texts(&|of| of.experiment.clone())),
        Column::words("figure", texts(&|of| of.quantity.into())),
        Column::numbers("epoch", texts(&|of| of.epoch.to_string())),
        Column::numbers("seed", texts(&seed)),
        Column::numbers("published", texts(&Comparison::published_text)),
        Column::numbers("ours", texts(&Comparison::found_text)),
        Column::numbers("runs", texts(&|of| of.runs.to_string())),
        Column::numbers("may differ by", texts(&Comparison::within_text)),
        Column::words("verdict", texts(&|of| of.verdict().into())),
    ])
}
