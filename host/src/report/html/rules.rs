//! The feedback rules of each network on the page.

use maud::{Markup, html};

use super::cells::{Axis, copy, measure, paired, reached, signed, sortable, trained, trained_headings};
use crate::analysis::Metric;
use crate::report::families::{Family, FamilyRow};

/// A table for each network.
pub(super) fn rules(families: &[Family]) -> Markup {
    html! { @for of in families { (family(of)) } }
}

/// The best rule of each network, in a sentence.
pub(super) fn answers(families: &[Family]) -> Markup {
    html! {
        @for Family { network, data, rows, epochs, .. } in families {
            // Shorter runs stand in the table, but not in the sentence.
            @let long: Vec<&FamilyRow> = rows.iter().filter(|row| row.ours.epochs[1] == *epochs).collect();
            @if let Some(best) = long.first() {
                p class="answer" { a href="#rules" { code { (network) } } " on " (data) ": " (answer(best, long.len())) }
            }
        }
    }
}

fn family(family: &Family) -> Markup {
    let Family { network, data, metric, epochs, rows } = family;
    let is_accuracy = *metric == Metric::Accuracy;
    let axis = is_accuracy.then(|| Axis::of(rows.iter().filter_map(|row| row.ours.mean)));
    html! {
        div class="table" data-table="rules" {
            h3 { code { (network) } " on " (data) ", " (epochs) (if *epochs == 1 { " epoch" } else { " epochs" }) }
            div class="card wide" role="region" tabindex="0" aria-label=(format!("Feedback rules of {network} on {data}")) {
                table class="cells" {
                    thead {
                        tr {
                            (sortable("Rule"))
                            (sortable(if is_accuracy { "Ours, %" } else { "Test loss" })) (sortable("n")) (sortable("Epochs"))
                            @if let Some(axis) = axis { th scope="col" class="scale" { (axis.scale()) } }
                            (sortable("To backprop")) (trained_headings(*metric)) (sortable("Angles")) (sortable("Norm ratios"))
                            (sortable("B and W"))
                            th scope="col" { span class="hidden" { "Command" } }
                        }
                    }
                    tbody { @for of in rows { (row(of, axis)) } }
                }
            }
        }
    }
}

/// The best row in a sentence: by how much it is ahead of backprop, whether that is decided, and at which angles.
fn answer(best: &FamilyRow, rows: usize) -> Markup {
    let FamilyRow { rule, settings, ours, paired, .. } = best;
    let digits = ours.metric.digits();
    let interval =
        |of: Option<[f64; 2]>| of.map_or_else(String::new, |[low, high]| format!(" [{low:.digits$}, {high:.digits$}]"));
    let Some(mean) = ours.mean else { return html! {} };
    let (unit, what) = match ours.metric {
        Metric::Accuracy => (" %", "test accuracy"),
        Metric::Loss => ("", "test loss"),
    };
    let angles = ours.measures.get("angles").into_iter().flatten();
    let angles: Vec<String> = angles.map(|(layer, spread)| format!("{layer} {:.0}°", spread.mean)).collect();
    html! {
        b { "Best of " (rows) ": " (rule) @if !settings.is_empty() { " " (settings) } }
        ", " (what) " " (format!("{mean:.digits$}{unit}")) (interval(ours.interval)) " over " (ours.runs)
        (if ours.runs == 1 { " seed" } else { " seeds" })
        @if let Some(difference) = paired.as_ref().and_then(|paired| paired.difference) {
            "; to backprop " (signed(difference.mean, digits))
            @if let Some([low, high]) = difference.interval {
                " [" (signed(low, digits)) ", " (signed(high, digits)) "], "
                (if low > 0.0 || high < 0.0 { "decided" } else { "not decided" })
            } @else { ", not decided by one seed" }
        }
        @if !angles.is_empty() { "; angles of the signals: " (angles.join(", ")) }
        ". The best of several rows, chosen on the test images, is an optimistic choice."
    }
}

fn row(row: &FamilyRow, axis: Option<Axis>) -> Markup {
    let FamilyRow { name, rule, settings, group, ours, paired: difference, command } = row;
    html! {
        tr data-group=(group) {
            td class="name" data-value=(rule) {
                b { (rule) }
                span class="net" title=(name) { (name) @if !settings.is_empty() { " " (settings) } }
            }
            (reached(ours))
            @if let Some(axis) = axis { td class="strip" { (axis.strip(ours, None)) } }
            (paired(difference.as_ref(), Some(ours)))
            (trained(ours))
            (measure(ours, "angles", "Angles", "°", 0))
            (measure(ours, "norm_ratios", "Norm ratios", "", 2))
            (measure(ours, "weight_angles", "B and W", "°", 0))
            td class="act" { (copy(command, name)) }
        }
    }
}
