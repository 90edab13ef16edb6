//! The report's tables on the page, the distances to its figures, and its rankings.

use maud::{Markup, html};

use crate::analysis::{Distance, Ours, Ranking, Trend};
use crate::report::conditions::{Conditions, TableDistance, figures_text};
use crate::report::figures::{accuracy, epochs};
use crate::report::table::{Cell, Row, Table};

/// What the report's networks begin with: stated once above the tables.
const INPUT: &str = "input 3x32x32 - ";

pub(super) fn table(table: &Table) -> Markup {
    html! {
        h3 { @if let Some(number) = table.number { "Table " (number) ": " } (table.title) }
        div class="card wide" {
            table class="cells" {
                thead { tr { th { "Experiment" } th { "Report" } th { "Ours" } th { "Difference" } th { "Trend" } } }
                tbody { @for of in &table.rows { (row(of)) } }
            }
        }
    }
}

fn row(row: &Row) -> Markup {
    let last = row.cells.len().saturating_sub(1);
    html! {
        @for (index, cell) in row.cells.iter().enumerate() {
            tr class=[class(index > 0, index < last)] {
                td class="name" { @if index == 0 { (name(row, cell)) } }
                (figures(cell))
            }
        }
    }
}

/// The class of a line of a row: whether it is a further one, and whether more follow.
fn class(is_further: bool, has_more: bool) -> Option<&'static str> {
    match (is_further, has_more) {
        (false, false) => None,
        (false, true) => Some("more"),
        (true, false) => Some("again"),
        (true, true) => Some("again more"),
    }
}

fn name(row: &Row, cell: &Cell) -> Markup {
    let network = row.network.strip_prefix(INPUT).unwrap_or(&row.network);
    html! {
        b { (row.name) }
        span class="tag" { (row.loss) }
        span class="net" { (network) }
        (command(&cell.command))
    }
}

/// A command that a click shows.
pub(super) fn command(command: &str) -> Markup {
    html! { details class="cmd" { summary { "command" } code { (command) } } }
}

fn figures(cell: &Cell) -> Markup {
    let has_trend = cell.trend.is_some() || cell.paired.is_some();
    html! {
        td data-label=[cell.published.map(|_| "Report")] {
            @if let Some(figure) = cell.published {
                big { (format!("{:.2}", figure.accuracy)) }
                span class="line" { (figure.epochs) " epochs" }
            }
        }
        td class="ours" data-label="Ours" {
            @if let Some(ours) = &cell.ours {
                (reached(ours))
                (range(ours, cell.published.map(|figure| figure.accuracy)))
            } @else {
                span class="chip none" { "no run" }
            }
        }
        td data-label=[cell.difference.map(|_| "Difference")] { (difference(cell)) }
        td data-label=[has_trend.then_some("Trend")] {
            @if let Some(of) = &cell.trend { (trend(of)) }
            @if let Some(paired) = &cell.paired {
                span class="line" {
                    (wide_minus(&format!("seed by seed {}", paired.text())))
                    @if cell.trend.is_none() { ", to " (paired.to) }
                }
            }
        }
    }
}

/// Large only where it says something: not between other data or fewer epochs.
fn difference(cell: &Cell) -> Markup {
    let Some(points) = cell.difference else { return html! {} };
    let points = signed(points, 2);
    html! {
        @if cell.comparable { big class="points" { (points) } } @else { span class="points" { (points) } }
    }
}

fn signed(points: f64, digits: usize) -> String {
    wide_minus(&format!("{points:+.digits$}"))
}

/// With a minus sign that is as wide as the plus.
fn wide_minus(text: &str) -> String {
    text.replace('-', "−")
}

fn reached(ours: &Ours) -> Markup {
    html! {
        @if ours.mean.is_some() {
            big { (accuracy(ours)) }
            @if let Some([low, high]) = ours.interval {
                " " span class="soft" { (format!("[{low:.2}, {high:.2}]")) }
            }
        } @else {
            span class="chip failed" { "diverged" }
        }
        span class="line" {
            (if ours.epochs[0] == ours.epochs[1] { "epoch " } else { "epochs " }) (epochs(ours)) ", "
            (ours.runs) (if ours.runs == 1 { " seed" } else { " seeds" }) ", " (ours.data)
            @if ours.diverged > 0 && ours.mean.is_some() { ", " (ours.diverged) " diverged" }
            @if !ours.ended { ", unfinished" }
            @if ours.shorter > 0 { ", " (ours.shorter) " shorter left out" }
            @if let Some(best) = ours.best { (format!(", best epoch {best:.2}, chosen on the {} set", ours.best_chosen_on)) }
        }
    }
}

/// Ours (dot, with its interval) and the report's figure (diamond) between 0 and 100 percent.
fn range(ours: &Ours, published: Option<f64>) -> Markup {
    let x = |percent: f64| 4.0 + 1.36 * percent.clamp(0.0, 100.0);
    let one = |number: f64| format!("{number:.1}");
    let diamond = |x: f64| format!("M{:.1} 8L{x:.1} 3L{:.1} 8L{x:.1} 13Z", x - 4.0, x + 4.0);
    let Some(mean) = ours.mean else { return html! {} };
    html! {
        svg class="range" viewBox="0 0 144 16" aria-hidden="true" {
            line x1="4" x2="140" y1="8" y2="8" {}
            @if let Some([low, high]) = ours.interval {
                line class="interval" x1=(one(x(low))) x2=(one(x(high))) y1="8" y2="8" {}
            }
            @if let Some(published) = published { path class="theirs" d=(diamond(x(published))) {} }
            circle class="ours" cx=(one(x(mean))) cy="8" r="3.6" {}
        }
    }
}

fn trend(trend: &Trend) -> Markup {
    let verdict = trend.verdict.name();
    html! {
        span class={ "chip " (verdict) @if !trend.decided { " open" } } { (verdict) }
        span class="line" {
            "ours " (signed(trend.ours, 1)) ", report " (signed(trend.report, 1)) ", to " (trend.baseline)
        }
    }
}

/// How far the runs are from the published figures.
pub(super) fn distances(conditions: &[Conditions]) -> Markup {
    if conditions.is_empty() {
        return html! {};
    }
    html! {
        h3 { "Distance to the report" }
        p class="soft" {
            "Ours less the report’s figures, in points, over the figures that runs have reached. The last column compares the report’s \
             epoch E with the mean of the five epochs around E / k: if k > 1 is best, the runs learn faster, epoch by epoch, than the \
             report’s did."
        }
        div class="card wide" {
            table class="origins" {
                thead {
                    tr { th { "Runs" } th { "Within 2 points" } th { "Root mean square" } th { "Mean" } th { "Least" } }
                }
                tbody {
                    @for (name, of) in conditions.iter().flat_map(|of| of.distances.iter().map(move |one| (&of.name, one))) {
                        tr { td class="name" { b { (name) } span class="line" { (of.name()) } } (distance(of)) }
                    }
                }
            }
        }
    }
}

fn distance(of: &TableDistance) -> Markup {
    let Distance { figures, near, root_mean_square, mean } = of.distance;
    let least = of.divided.iter().min_by(|a, b| a.distance.root_mean_square.total_cmp(&b.distance.root_mean_square));
    html! {
        td data-label="Within 2 points" { (near) " of " (figures_text(figures)) }
        td data-label="Root mean square" { (format!("{root_mean_square:.2}")) }
        td data-label="Mean" { (signed(mean, 2)) }
        td data-label="Least" {
            @if let Some(least) = least { (format!("{:.2} at k = {}", least.distance.root_mean_square, least.k)) }
        }
    }
}

pub(super) fn rankings(rankings: &[Ranking]) -> Markup {
    let lines: Vec<(String, String)> =
        rankings.iter().filter_map(|ranking| Some((ranking.sentence(), wide_minus(&ranking.found()?)))).collect();
    if lines.is_empty() {
        return html! {};
    }
    html! {
        h3 { "Rankings that the report publishes" }
        div class="card small" {
            ul { @for (sentence, found) in lines { li { b { (sentence) } ": " (found) } } }
        }
    }
}
