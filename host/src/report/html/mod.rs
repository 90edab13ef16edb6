//! The page: tables, claims and provenance as plain HTML that needs no script, and the numbers as JSON for the curves.
//!
//! One file that loads nothing. maud escapes all text; only the page's own style and script, and the JSON, are written as they are.
//!
//! - `tables`: the report's tables and those of the user's own runs; `rules`: the feedback rules of each network; `cells`: the cells of both
//! - `rankings`: the distances to the report's figures, and its rankings
//! - `claims`: its claims; `published`: the runs of other groups; `provenance`: the runs, and what computed them

mod cells;
mod claims;
mod provenance;
mod published;
mod rankings;
mod rules;
mod tables;

use std::collections::BTreeSet;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::cells::legend;
use self::claims::claim;
use self::provenance::{date, provenance};
use self::published::published;
use self::rankings::{distances, rankings};
use self::rules::{answers, rules};
use self::tables::table;
use super::claims::ClaimSummary;
use super::results::Report;
use super::table::Table;
use crate::analysis::{Agreement, Trend, Verdict};

const STYLE: [&str; 2] = [include_str!("page.css"), include_str!("media.css")];
/// In this order: each file uses what stands in those before it.
const SCRIPT: [&str; 7] = [
    include_str!("base.js"),
    include_str!("chart.js"),
    include_str!("series.js"),
    include_str!("curves.js"),
    include_str!("compare.js"),
    include_str!("run.js"),
    include_str!("tables.js"),
];

/// The whole page.
///
/// # Errors
/// If the numbers cannot be written as JSON.
pub fn page(report: &Report) -> serde_json::Result<String> {
    // The end of a script's tag inside of JSON would end the script.
    let data = serde_json::to_string(report)?.replace('<', "\\u003c");
    let folder = report.folder.display().to_string();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            link rel="icon" href="data:,";
            title { "asymgrad: runs in " (folder) }
            style { @for style in STYLE { (PreEscaped(style)) } }
            header class="top" {
                h1 { "Runs in " code { (folder) } }
                p class="soft" { (contents(report)) " Written " (date(report.written)) " by asymgrad " (report.version) "." }
                (tiles(report))
                (answers(&report.families))
                (banners(report))
            }
            nav aria-label="Sections" {
                ul { @for (id, name) in names(report) { li { a href={ "#" (id) } { (name) } } } }
                div class="bar" id="filter-bar" role="search" aria-label="Filter of tables and curves" {}
            }
            main { (sections(report)) }
            footer { "asymgrad " (report.version) ". This page is one file and loads nothing." }
            script type="application/json" id="data" { (PreEscaped(data)) }
            script { @for script in SCRIPT { (PreEscaped(script)) } }
        }
    };
    Ok(page.into_string() + "\n")
}

/// The sections with their names; those of which there are no runs are left out.
fn names(report: &Report) -> Vec<(&'static str, &'static str)> {
    let mut names = vec![];
    if !own(report).is_empty() {
        names.push(("own", "Own runs"));
    }
    if !report.families.is_empty() {
        names.push(("rules", "Feedback rules"));
    }
    names.extend([("curves", "Curves"), ("compare", "Compare"), ("tables", "The report"), ("claims", "Claims")]);
    if !report.published.is_empty() {
        names.push(("published", "Published runs"));
    }
    names.extend([("run", "One run"), ("provenance", "Provenance")]);
    names
}

/// The user's experiments and networks.
fn own(report: &Report) -> Vec<&Table> {
    report.tables_to_read().into_iter().filter(|table| matches!(table.name, "own" | "other" | "regression")).collect()
}

/// How many runs of what there are.
fn contents(report: &Report) -> String {
    let plural = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let names: Vec<&str> = report.data_sets().iter().map(|data| data.name.as_str()).collect();
    let on = if names.is_empty() { String::new() } else { format!(" on {}", names.join(", ")) };
    let seeds: BTreeSet<u64> = report.runs().map(|run| run.config.seed).collect();
    let runs = plural(report.runs().count(), "run");
    format!("{runs}{on}, {}, {}.", plural(report.groups.len(), "configuration"), plural(seeds.len(), "seed"))
}

fn sections(report: &Report) -> Markup {
    let own = own(report);
    html! {
        @if !own.is_empty() {
            section id="own" aria-label="Own runs" { h2 { "Own networks and settings" } (reading()) @for of in &own { (table(of)) } }
        }
        @if !report.families.is_empty() {
            section id="rules" aria-label="Feedback rules" {
                h2 { "Feedback rules" }
                p class="soft" {
                    "All rules of a network on one data set, whatever suite or table they are from, the best first, at the last epoch that \
                     at least half of the runs have reached."
                }
                @if own.is_empty() { (reading()) }
                (rules(&report.families))
            }
        }
        section id="curves" aria-label="Curves" {
            h2 { "Curves" }
            p class="soft" {
                "The mean over the n runs that the legend names, the same in each epoch; the band is the 95\u{a0}% interval of that mean, \
                 a thin line without one is a single seed. ◇ is the report’s figure, the dotted line is the accuracy of guessing. A click \
                 on a name shows that curve alone, further clicks add others."
            }
            div class="bar" id="curves-bar" {}
            div class="plots" id="curves-plots" {}
        }
        section id="compare" aria-label="Compare" {
            h2 { "Compare two" }
            p class="soft" {
                "The difference of any two, seed by seed: with the same seed both start with the same weights and take the same batches."
            }
            div class="bar" id="compare-bar" {}
            div id="compare-view" aria-live="polite" {}
        }
        (of_the_report(report, own.is_empty() && report.families.is_empty()))
        @if !report.published.is_empty() {
            section id="published" aria-label="Published runs" {
                h2 { "Runs that other groups published" }
                p class="soft" {
                    "A figure agrees if ours is as near as the column “may differ by” says: by a distance for runs with the published draws, \
                     else by Student’s test with a common variance, at 95\u{a0}%."
                }
                @for of in &report.published { (published(of)) }
            }
        }
        section id="run" aria-label="One run" {
            h2 { "One run" }
            div class="bar" id="run-bar" {}
            div id="run-view" {}
        }
        section id="provenance" aria-label="Provenance" {
            h2 { "Provenance" }
            (provenance(report))
        }
    }
}

/// The report's tables, its rankings and its claims.
fn of_the_report(report: &Report, is_first: bool) -> Markup {
    let is_of_report = |table: &&Table| table.name == "extra" || table.number.is_some();
    html! {
        section id="tables" aria-label="The report" {
            h2 { "The report’s tables" }
            p class="soft" {
                b { "Difference" } " is ours less the report’s figure, on its data alone. " b { "Trend" } " is the distance to the \
                 experiment of the same table and loss that is trained with the true gradient: it agrees if both distances are worse, both \
                 the same (within 2 points) or both better. A trend is decided if the runs are on the figure’s data and as long, no \
                 network is near chance, and all of the interval is of one kind. Networks are those behind " code { "input 3x32x32" } "."
            }
            @if is_first { (reading()) }
            @for of in report.tables_to_read().into_iter().filter(is_of_report) { (table(of)) }
            (distances(&report.conditions))
            (rankings(&report.rankings))
        }
        section id="claims" aria-label="Claims" {
            h2 { "The claims of the report" }
            p class="soft" {
                "Sentences of the report’s text, and what the runs of the experiments that test them say. It takes two seeds that say the \
                 same, with an interval on the same side."
            }
            @let (tested, untested): (Vec<&ClaimSummary>, Vec<&ClaimSummary>) = report.claims.iter().partition(|of| of.has_runs());
            @for of in tested { (claim(of)) }
            @if !untested.is_empty() {
                details class="missing" {
                    summary { "No run yet for " (untested.len()) (if untested.len() == 1 { " claim" } else { " claims" }) }
                    @for of in untested { (claim(of)) }
                }
            }
        }
    }
}

/// How the figures of all tables are read.
fn reading() -> Markup {
    html! {
        (legend())
        details class="missing" {
            summary { "How the figures are read" }
            p class="soft" {
                b { "Ours" } " is the test accuracy in percent, the mean over n seeds, each the mean of its last epochs: an eighth of them, \
                 at most three, which the column names. The interval is Student’s, at 95\u{a0}%: two seeds make it ± 12.7 standard errors \
                 wide, three ± 4.3 and five ± 2.8, so a third seed says far more than a second. " b { "Test loss" } " stands in its place where \
                 predictions are neither right nor wrong, the lowest first of what has the same data, target and loss. The test set’s own error, which more seeds do \
                 not reduce, stands in the tooltip of an accuracy and under " a href="#compare" { "Compare" } ". "
                b { "To backprop" } " is the difference to the true gradient with the same settings, seed by seed. "
                b { "Angles" } " and " b { "norm ratios" } " compare the signal that a layer sends back with the true gradient, layer by \
                 layer; " b { "B and W" } " is the angle between the feedback and the forward weights."
            }
        }
    }
}

fn tiles(report: &Report) -> Markup {
    let ended = report.runs().filter(|run| run.status.has_ended()).count();
    let several = report.groups.iter().filter(|group| group.runs.len() > 1).count();
    let (decided, undecided): (Vec<&Trend>, Vec<&Trend>) = trends(report).partition(|trend| trend.decided);
    let agreeing = decided.iter().filter(|trend| trend.verdict == Agreement::Agrees).count();
    let tested: Vec<&ClaimSummary> = report.claims.iter().filter(|claim| claim.has_runs()).collect();
    let claims = |verdict: Verdict| tested.iter().filter(|claim| claim.verdict() == verdict).count();
    let (agree, contradict) = (claims(Verdict::Agrees), claims(Verdict::Contradicts));
    let tile = |number: String, of: String| html! { div class="tile" { b { (number) } span { (of) } } };
    html! {
        div class="tiles" {
            (tile(format!("{ended} of {}", report.runs().count()), "runs have finished".into()))
            (tile(format!("{several} of {}", report.groups.len()), "configurations have several seeds".into()))
            @if decided.len() + undecided.len() > 0 {
                (tile(
                    format!("{agreeing} of {}", decided.len()),
                    format!("decided trends agree with the report; {} not decided", undecided.len()),
                ))
            }
            @if !tested.is_empty() {
                (tile(
                    format!("{agree} : {contradict}"),
                    format!("claims agree : contradict; {} not decided", tested.len() - agree - contradict),
                ))
            }
        }
    }
}

fn trends(report: &Report) -> impl Iterator<Item = &Trend> {
    report.tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.cells).filter_map(|cell| cell.trend.as_ref())
}

fn banners(report: &Report) -> Markup {
    html! {
        @if report.runs().next().is_none() {
            p class="banner" { "There are no runs yet: " code { "asymgrad suite --quick" } " makes some in minutes." }
        }
        @for problem in &report.problems { p class="banner bad" { (problem) } }
    }
}
