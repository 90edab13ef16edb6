//! The report's tables and the tables of the user's own runs on the page.

use maud::{Markup, html};

use super::cells::{Axis, copy, measure, not_reached, paired, reached, signed, sortable, trained, trained_headings};
use crate::analysis::{Metric, Trend};
use crate::report::table::{Cell, Row, Table, cells_of};

/// What the report's networks begin with: stated once above the tables.
const INPUT: &str = "input 3x32x32 - ";

/// A table; closed if it has no runs.
pub(super) fn table(table: &Table) -> Markup {
    let with: Vec<&Row> = table.rows.iter().filter(|row| row.has_runs()).collect();
    let missing: Vec<&Row> = table.rows.iter().filter(|row| !row.has_runs()).collect();
    let heading = html! { h3 { (table.heading()) } };
    html! {
        div class="table" data-table=(table.name) {
            @if with.is_empty() {
                details class="missing" {
                    summary { (heading) span class="soft" { (none(missing.len())) } }
                    (untrained(&missing))
                }
            } @else {
                (heading)
                (with_runs(table, &with))
                @if !missing.is_empty() {
                    details class="missing" {
                        summary { (none(missing.len())) ": " (missing.iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join(", ")) }
                        (untrained(&missing))
                    }
                }
            }
        }
    }
}

fn none(count: usize) -> String {
    format!("no run yet of {count} experiment{}", if count == 1 { "" } else { "s" })
}

fn with_runs(table: &Table, rows: &[&Row]) -> Markup {
    let cells = || rows.iter().flat_map(|row| &row.cells);
    let published = || cells().filter_map(|cell| cell.published.map(|figure| figure.accuracy));
    let has_figures = published().next().is_some();
    let means = cells().filter_map(|cell| cell.ours.as_ref()?.mean);
    let metric = table.metric();
    let axis = (metric == Metric::Accuracy).then(|| Axis::of(means.chain(published())));
    html! {
        div class="card wide" role="region" tabindex="0" aria-label=(table.heading()) {
            table class="cells" {
                thead {
                    tr {
                        (sortable("Experiment"))
                        @if has_figures { (sortable("Report")) }
                        (sortable(if metric == Metric::Accuracy { "Ours, %" } else { "Test loss" })) (sortable("n")) (sortable("Epochs"))
                        @if let Some(axis) = axis { th scope="col" class="scale" { (axis.scale()) } }
                        @if has_figures { (sortable("Difference")) }
                        (sortable("To backprop"))
                        @if has_figures { (sortable("Trend")) }
                        @else { (trained_headings(metric)) (sortable("Angles")) (sortable("Norm ratios")) }
                        th scope="col" { span class="hidden" { "Command" } }
                    }
                }
                tbody { @for of in rows { (row(of, axis, has_figures)) } }
            }
        }
    }
}

fn row(row: &Row, axis: Option<Axis>, has_figures: bool) -> Markup {
    html! {
        @for (index, cell) in row.cells.iter().enumerate() {
            tr class=[(index > 0).then_some("again")] data-group=[cell.group] data-loss=(row.loss) {
                td class="name" data-value=(row.name) { (name(row)) }
                (figures(row, cell, axis, has_figures))
            }
        }
    }
}

fn name(row: &Row) -> Markup {
    let network = row.network.strip_prefix(INPUT).unwrap_or(&row.network);
    html! {
        b { (row.name) }
        span class="tag" { (row.loss) }
        span class="net" title=(row.network) { (network) }
    }
}

fn figures(row: &Row, cell: &Cell, axis: Option<Axis>, has_figures: bool) -> Markup {
    let published = cell.published.map(|figure| figure.accuracy);
    let ours = cell.ours.as_ref();
    html! {
        @if has_figures {
            td class="number" data-label=[published.map(|_| "Report")] data-value=[published] {
                @if let Some(figure) = cell.published {
                    (format!("{:.2}", figure.accuracy))
                    @if ours.is_none_or(|ours| ours.epochs[1] != figure.epochs) { span class="line" { (figure.epochs) " epochs" } }
                }
            }
        }
        @if let Some(ours) = ours { (reached(ours)) } @else { (not_reached()) }
        @if let Some(axis) = axis { td class="strip" { @if let Some(ours) = ours { (axis.strip(ours, published)) } } }
        @if has_figures {
            td class="number" data-label=[cell.difference.map(|_| "Difference")] data-value=[cell.difference] {
                @if let Some(points) = cell.difference {
                    span class=[(!cell.comparable).then_some("soft")] { (signed(points, 2)) }
                }
            }
        }
        // One difference to the true gradient: at the epochs of the trend, if there is one.
        (paired(cell.trend.as_ref().map(|trend| &trend.difference).or(cell.paired.as_ref()), ours))
        @if has_figures {
            td class="verdict" data-label=[cell.trend.as_ref().map(|_| "Trend")] data-value=[cell.trend.as_ref().map(rank)] {
                @if let Some(of) = &cell.trend { (trend(of)) }
            }
        } @else if let Some(ours) = ours {
            (trained(ours))
            (measure(ours, "angles", "Angles", "°", 0))
            (measure(ours, "norm_ratios", "Norm ratios", "", 2))
        } @else {
            td {} td {} td {}
            @if axis.is_none() { td {} }
        }
        td class="act" { (copy(&cell.command, &row.name)) }
    }
}

/// The order of verdicts: decided ones first.
fn rank(trend: &Trend) -> u8 {
    if trend.decided { trend.verdict as u8 } else { u8::MAX }
}

/// The verdict, and the report's distance; ours stands in the column before it.
fn trend(trend: &Trend) -> Markup {
    html! {
        @match &trend.undecided {
            None => { span class={ "chip " (trend.verdict.name()) } { (trend.verdict.name()) } }
            Some(reason) => { span class="chip open" { "not decided" } " " span class="soft" { (reason) } }
        }
        span class="line" { "report " (signed(trend.report, 2)) }
    }
}

/// Experiments without a run, with their published figures and commands.
fn untrained(rows: &[&Row]) -> Markup {
    html! {
        table class="origins" {
            thead { tr { th scope="col" { "Experiment" } th scope="col" { "Report" } th scope="col" { span class="hidden" { "Command" } } } }
            tbody {
                @for row in rows {
                    tr data-loss=(row.loss) {
                        td class="name" { (name(row)) }
                        td data-label="Report" { (published(row)) }
                        td class="act" { @if let Some(cell) = row.cells.last() { (copy(&cell.command, &row.name)) } }
                    }
                }
            }
        }
    }
}

fn published(row: &Row) -> String {
    let figures = cells_of(std::slice::from_ref(row)).filter_map(|(_, cell)| cell.published);
    figures.map(|figure| format!("{:.2} after {}", figure.accuracy, figure.epochs)).collect::<Vec<_>>().join(", ")
}
