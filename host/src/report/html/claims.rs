//! The claims on the page.

use maud::{Markup, html};

use super::cells::command;
use crate::analysis::Verdict;
use crate::report::claims::{ClaimExperiment, ClaimSummary};

pub(super) fn claim(claim: &ClaimSummary) -> Markup {
    html! {
        div class="card claim" {
            blockquote { "“" (claim.sentence) "”" }
            (chip(claim.verdict()))
            ul { @for of in &claim.experiments { li { (experiment(of)) } } }
        }
    }
}

fn experiment(experiment: &ClaimExperiment) -> Markup {
    html! {
        b { (experiment.name) } ": " (experiment.measure) "; after " (experiment.epochs) " epochs or more."
        @if experiment.runs.is_empty() {
            " " span class="soft" { "No run yet." }
        } @else {
            " " (chip(experiment.verdict)) @if let Some(reason) = &experiment.undecided { " " span class="soft" { (reason) } }
        }
        @for run in &experiment.runs {
            span class="line" { "seed " (run.seed) ", " (run.data) ": " (run.judgement.found) }
        }
        (command(&experiment.command))
    }
}

fn chip(verdict: Verdict) -> Markup {
    let class = match verdict {
        Verdict::Agrees => "agrees",
        Verdict::Contradicts => "contradicts",
        Verdict::NotDecided => "none",
    };
    html! { span class={ "chip " (class) } { (verdict.to_string()) } }
}
