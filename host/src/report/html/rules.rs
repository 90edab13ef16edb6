//! The feedback rules of each network on the page.

use maud::{Markup, html};

use super::cells::{Axis, copy, measure, paired, reached, sortable, trained, trained_headings};
use crate::analysis::Metric;
use crate::report::families::{Family, FamilyRow};

/// A table for each network.
pub(super) fn rules(families: &[Family]) -> Markup {
    html! { @for of in families { (family(of)) } }
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
