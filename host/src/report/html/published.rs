//! The runs that other groups published, beside those of this program.

use maud::{Markup, html};

use crate::analysis::{Comparison, PublishedRuns};

/// The figures of a source, ours, and whether they agree.
pub(super) fn published(of: &PublishedRuns) -> Markup {
    let PublishedRuns { source, comparisons, figures, .. } = of;
    html! {
        h3 { (source.title) }
        p {
            "Runs have reached " (comparisons.len()) " of " (figures) " figures (" (of.counts()) "). "
            span class="soft" { (source.record) ". " (source.note) }
        }
        @if !comparisons.is_empty() {
            div class="card wide" role="region" tabindex="0" aria-label=(source.title) {
                table {
                    thead { tr { @for name in Comparison::COLUMNS { th scope="col" { (name) } } } }
                    tbody { @for comparison in comparisons { (row(comparison)) } }
                }
            }
        }
        @if !of.missing.is_empty() { p class="soft" { (of.missing_text()) } }
    }
}

fn row(comparison: &Comparison) -> Markup {
    let class = match comparison.agrees {
        Some(true) => "agrees",
        Some(false) => "contradicts",
        None => "none",
    };
    let [cells @ .., verdict] = comparison.cells();
    html! {
        tr {
            @for (index, cell) in cells.iter().enumerate() { td class=[Comparison::NUMBERS.contains(&index).then_some("number")] { (cell) } }
            td { span class={ "chip " (class) } { (verdict) } }
        }
    }
}
