//! The distances to the report's figures, and its rankings as a matrix.

use maud::{Markup, html};

use super::cells::{signed, wide_minus};
use crate::analysis::{Distance, Ranking};
use crate::report::conditions::{Conditions, TableDistance, figures_text};

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
        div class="card wide" role="region" tabindex="0" aria-label="Distance to the report" {
            table class="origins" {
                thead {
                    tr {
                        @for head in ["Runs", "Within 2 points", "Root mean square", "Mean", "Least"] { th scope="col" { (head) } }
                    }
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

/// A matrix for each table, and all rankings in words, the decided ones first.
pub(super) fn rankings(rankings: &[Ranking]) -> Markup {
    let mut made: Vec<&Ranking> = rankings.iter().filter(|ranking| ranking.ours.is_some()).collect();
    if made.is_empty() {
        return html! {};
    }
    made.sort_by_key(|ranking| !ranking.decided);
    let tested = made.first().map_or(0, |ranking| ranking.tested);
    let decided = made.iter().filter(|ranking| ranking.decided).count();
    let lines: Vec<(String, String)> =
        made.iter().filter_map(|ranking| Some((ranking.sentence(), wide_minus(&ranking.found()?)))).collect();
    let tables: std::collections::BTreeSet<u8> = made.iter().map(|ranking| ranking.table).collect();
    html! {
        h3 { "Rankings that the report publishes" }
        p class="soft" {
            "Each cell is ours: the experiment of the column less that of the row, in points, seed by seed. The report has all of them \
             above 0. Of " (made.len()) " rankings with runs, " (tested) " are tested (CIFAR-10, the report’s epochs, two seeds or more, \
             no network near chance) and " (decided) " decided: p of a t test, corrected for all of them (Holm), is below 0.05. "
            span class="chip agrees" { "holds" } " " span class="chip contradicts" { "reversed" } " "
            span class="chip open" { "not decided" }
        }
        @for table in tables { (matrix(table, &made)) }
        details class="missing" {
            summary { "All " (lines.len()) " rankings in words" }
            div class="card small" { ul { @for (sentence, found) in lines { li { b { (sentence) } ": " (found) } } } }
        }
    }
}

fn matrix(table: u8, rankings: &[&Ranking]) -> Markup {
    let mine: Vec<&&Ranking> = rankings.iter().filter(|ranking| ranking.table == table).collect();
    // In the order of the rankings, of which the decided ones come first.
    let distinct = |name: fn(&Ranking) -> &str| {
        let mut names: Vec<&str> = vec![];
        for ranking in &mine {
            if !names.contains(&name(ranking)) {
                names.push(name(ranking));
            }
        }
        names
    };
    let (lower, higher) = (distinct(|ranking| &ranking.lower), distinct(|ranking| &ranking.higher));
    html! {
        div class="card wide" role="region" tabindex="0" aria-label=(format!("Rankings of Table {table}")) {
            table class="matrix rankings" {
                caption { "Table " (table) }
                thead { tr { td {} @for name in &higher { th scope="col" { (name) } } } }
                tbody {
                    @for low in &lower {
                        tr {
                            th scope="row" { (low) }
                            @for high in &higher {
                                td {
                                    @for of in mine.iter().filter(|of| of.lower == *low && of.higher == *high) { (cell(of)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(ranking: &Ranking) -> Markup {
    let class = match ranking.verdict() {
        "holds" => "agrees",
        "reversed" => "contradicts",
        _ => "open",
    };
    let difference = ranking.ours.as_ref().and_then(|ours| ours.difference);
    let title = format!("{}: {}", ranking.sentence(), wide_minus(&ranking.found().unwrap_or_default()));
    html! {
        span class={ "chip " (class) } title=(title) {
            (difference.map_or_else(|| "–".into(), |difference| signed(difference.mean, 1)))
            @if ranking.epochs != 100 { span class="soft" { " @" (ranking.epochs) } }
        }
    }
}
