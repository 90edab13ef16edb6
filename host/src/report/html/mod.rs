//! The page: tables, claims and provenance as plain HTML that needs no script, and the numbers as JSON for the curves.
//!
//! One file that loads nothing. maud escapes all text; only the page's own style and script, and the JSON, are written as they are.
//!
//! - `tables`: the report's tables, the distances to its figures, and its rankings
//! - `claims`: its claims; `provenance`: the runs, and what computed them

mod claims;
mod provenance;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::claims::claim;
use self::provenance::{date, provenance};
use self::tables::{distances, rankings, table};
use super::results::Report;
use crate::analysis::{Agreement, Trend, Verdict};

const SECTIONS: [(&str, &str); 5] = [
    ("tables", "Tables"),
    ("curves", "Curves"),
    ("claims", "Claims"),
    ("run", "One run"),
    ("provenance", "Provenance"),
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
            style { (PreEscaped(include_str!("page.css"))) }
            header class="top" {
                h1 { "Asymmetric backpropagation, reproduced" }
                p class="soft" {
                    "Runs in " code { (folder) } ", beside the figures and claims of the report. Written " (date(report.written))
                    " by asymgrad " (report.version) "."
                }
                (tiles(report))
                (banners(report))
            }
            nav { ul { @for (id, name) in SECTIONS { li { a href={ "#" (id) } { (name) } } } } }
            main { (sections(report)) }
            footer { "asymgrad " (report.version) ". This page is one file and loads nothing." }
            script type="application/json" id="data" { (PreEscaped(data)) }
            script { (PreEscaped(include_str!("page.js"))) }
        }
    };
    Ok(page.into_string() + "\n")
}

fn sections(report: &Report) -> Markup {
    html! {
        section id="tables" {
            h2 { "The report’s tables" }
            p class="soft" {
                "Test accuracy in percent. " b { "Ours" } " is the mean over the runs and over the epochs that are named, with its \
                 95\u{a0}% interval from two seeds on. The " b { "trend" } " is the distance in points to the experiment of the same \
                 table and loss that is trained with the true gradient: both distances worse, both the same (within 2 points), or both \
                 better. A dashed verdict decides nothing: other data than CIFAR-10, or fewer epochs. Networks are those behind "
                code { "input 3x32x32" } "."
            }
            @for of in &report.tables { (table(of)) }
            (distances(&report.conditions))
            (rankings(&report.rankings))
        }
        section id="curves" {
            h2 { "Learning curves" }
            p class="soft" {
                "The mean over seeds with the range between the least and the greatest; dashed with the hinge loss. A name in the legend \
                 switches its curve."
            }
            div class="bar" id="curves-bar" {}
            div class="plots" id="curves-plots" {}
        }
        section id="claims" {
            h2 { "The claims of the report" }
            p class="soft" { "Sentences of the report’s text, and what the runs of the experiments that test them say." }
            @for of in &report.claims { (claim(of)) }
        }
        section id="run" {
            h2 { "One run" }
            div class="bar" id="run-bar" {}
            div id="run-view" {}
        }
        section id="provenance" {
            h2 { "Provenance" }
            (provenance(report))
        }
    }
}

fn tiles(report: &Report) -> Markup {
    let rows = || report.tables.iter().filter(|table| table.number.is_some()).flat_map(|table| &table.rows);
    let trained = rows().filter(|row| row.cells.iter().any(|cell| cell.ours.is_some())).count();
    let ended = report.runs().filter(|run| run.status.has_ended()).count();
    let decided = trends(report).any(|trend| trend.decided);
    let trends: Vec<&Trend> = trends(report).filter(|trend| trend.decided == decided).collect();
    let agreeing = trends.iter().filter(|trend| trend.verdict == Agreement::Agrees).count();
    let undecided = if decided || trends.is_empty() { "" } else { ", though none is decided" };
    let claims = |verdict: Verdict| report.claims.iter().filter(|claim| claim.verdict() == verdict).count();
    let (agree, contradict) = (claims(Verdict::Agrees), claims(Verdict::Contradicts));
    html! {
        div class="tiles" {
            div class="tile" {
                b { (trained) " of " (rows().count()) }
                span { "experiments of the four tables have runs" }
            }
            div class="tile" {
                b { (ended) " of " (report.runs().count()) }
                span { "runs have come to their end" }
            }
            div class="tile" {
                b { (agreeing) " of " (trends.len()) }
                span { "trends agree" (undecided) }
            }
            div class="tile" {
                b { (agree) " : " (contradict) }
                span { "claims agree : contradict, of " (report.claims.len()) }
            }
        }
    }
}

fn trends(report: &Report) -> impl Iterator<Item = &Trend> {
    report.tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.cells).filter_map(|cell| cell.trend.as_ref())
}

fn banners(report: &Report) -> Markup {
    html! {
        @if trends(report).next().is_some() && !trends(report).any(|trend| trend.decided) {
            p class="banner" {
                "These runs are on other data than the report’s, or shorter: they show how everything works, and decide nothing."
            }
        }
        @if report.runs().next().is_none() {
            p class="banner" { "There are no runs yet: " code { "asymgrad suite --quick" } " makes some in minutes." }
        }
        @for problem in &report.problems { p class="banner bad" { (problem) } }
    }
}
