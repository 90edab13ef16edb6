//! The runs on the page, and what computed them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::analysis::{Repeat, Run};
use crate::report::results::Report;
use crate::run::Process;

pub(super) fn provenance(report: &Report) -> Markup {
    html! {
        dl class="facts" {
            dt { "this page" }
            dd {
                (citation(report)) " "
                button type="button" class="copy" data-copy=(citation(report)) aria-label="copy how to cite this page" { "copy" }
            }
            @for data in report.data_sets() {
                dt { (data.name) }
                dd { "SHA-256 " code { (data.checksum) } ": " (data.contents().to_string()) }
            }
        }
        div class="card wide" role="region" tabindex="0" aria-label="Runs and what computed them" {
            table class="origins" {
                thead {
                    tr { @for head in ["Run", "Seed", "State", "Epochs", "Time", "Numbers", "Computed on"] { th scope="col" { (head) } } }
                }
                tbody { @for run in report.runs() { (row(run)) } }
            }
        }
        @let repeats: Vec<&Repeat> = report.groups.iter().flat_map(|group| &group.repeats).collect();
        @if !repeats.is_empty() {
            h3 { "Left out" }
            ul class="small" { @for of in repeats { li { code { (of.folder.display().to_string()) } ": " (repeat(of)) } } }
        }
    }
}

/// What a text that uses the page has to name: the program, the runs and the data.
fn citation(report: &Report) -> String {
    let data: Vec<String> =
        report.data_sets().iter().map(|data| format!("{} (SHA-256 {})", data.name, data.checksum)).collect();
    let programs: BTreeSet<&str> = report.runs().flat_map(|run| &run.programs).map(String::as_str).collect();
    let programs = programs.into_iter().collect::<Vec<_>>().join(", ");
    let folder = report.folder.display();
    format!("asymgrad {programs}, runs in {folder} on {}, {}", data.join(", "), date(report.written))
}

fn repeat(Repeat { seed, epochs, is_equal, .. }: &Repeat) -> String {
    let why = if *is_equal {
        "repeats another run, or a part of it"
    } else {
        "has the settings of another run, but other figures"
    };
    format!("seed {seed}, {epochs} epochs, {why}")
}

fn row(run: &Run) -> Markup {
    let Run { config, status, seconds, folder, process, .. } = run;
    html! {
        tr {
            td class="name" { b { (config.name) } br; code { (folder.display().to_string()) } }
            td data-label="Seed" { (config.seed) }
            td data-label="State" { (status.name()) }
            td data-label="Epochs" { (run.epoch()) " of " (config.epochs) }
            td data-label="Time" { (seconds.map_or_else(|| "–".into(), duration)) }
            td class="small" data-label="Numbers" { @if let Some(process) = process { (kernels(process)) } }
            td class="small" data-label="Computed on" { @if let Some(process) = process { (computed_on(process)) } }
        }
    }
}

fn kernels(process: &Process) -> String {
    format!("{}, {} thread{}", process.kernels, process.threads, if process.threads == 1 { "" } else { "s" })
}

fn computed_on(process: &Process) -> String {
    let job = process.job.as_ref().map_or_else(String::new, |job| format!(", job {job}"));
    format!("{}, {}{job}; asymgrad {}, {}", process.cpu, process.host, process.version, date(process.began))
}

/// `2026-11-24 13:20 UTC`, or nothing for a time that no calendar has.
pub(super) fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(String::new, |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

fn duration(seconds: f64) -> String {
    match seconds {
        ..100.0 => format!("{seconds:.1} s"),
        ..6000.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_a_civil_date() {
        assert_eq!(date(0), "1970-01-01 00:00 UTC");
        assert_eq!(date(951_782_400), "2000-02-29 00:00 UTC");
        assert_eq!(date(1_795_526_100), "2026-11-24 13:15 UTC");
        assert_eq!(date(u64::MAX), "");
    }
}
