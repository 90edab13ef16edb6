//! What `run` and `suite` print at their end: ours beside the report's figures and claims, and what several seeds say.

use std::path::Path;

use comfy_table::{CellAlignment, Table, presets};

use super::claims::conclusion;
use super::figures::{AT_START, best, epochs, interval, mean, paired};
use super::trained::{Reached, judged, reached};
use crate::analysis::{Group, Paired, Run, in_groups, together};
use crate::config::after_spaces;
use crate::experiment::{Catalogue, Claim, Published};
use crate::run::Ending;
use crate::suite::TaskResult;
use crate::train::Outcome;

/// Ours beside the report's, grouped by the report's tables.
pub fn table(all: &[TaskResult<'_>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["experiment", "loss", "ours", "epochs", "report", "epochs", "note"]);
    let mut groups: Vec<Option<u8>> = all.iter().map(|result| result.task.table()).collect();
    // The extras come last.
    groups.sort_by_key(|table| table.unwrap_or(u8::MAX));
    groups.dedup();
    for group in groups {
        table.add_row([group.map_or_else(|| "Extras".to_owned(), |number| format!("Table {number}"))]);
        for result in all.iter().filter(|result| result.task.table() == group) {
            add_rows(&mut table, result);
        }
    }
    for column in table.column_iter_mut().skip(2).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// The report's claims, each with the experiments that test it and their verdicts; empty if no experiment does.
pub fn claims(all: &[TaskResult<'_>]) -> String {
    let judged: Vec<_> = all.iter().filter_map(|result| Some((result, judged(result)?))).collect();
    let mut sentences: Vec<&str> = vec![];
    for (_, judged) in &judged {
        if !sentences.contains(&judged.claim.sentence.as_str()) {
            sentences.push(&judged.claim.sentence);
        }
    }
    let mut lines = vec![];
    for sentence in sentences {
        lines.push(format!("\nClaim: {sentence}\n"));
        let mut mine: Vec<_> = judged.iter().filter(|(_, judged)| judged.claim.sentence == sentence).collect();
        while let Some((first, of)) = mine.first() {
            let name = &first.task.request.config.name;
            let (runs, rest): (Vec<_>, Vec<_>) =
                mine.iter().copied().partition(|(result, _)| result.task.request.config.name == *name);
            let seed = |result: &TaskResult<'_>| result.task.request.config.seed;
            let (verdict, undecided) = together(runs.iter().map(|(result, of)| (seed(result), &of.judgement)));
            let Claim { expectation, epochs, .. } = of.claim;
            lines.push(format!("  {name}: {}\n", conclusion(verdict, undecided.as_deref())));
            lines
                .extend(runs.iter().map(|(result, of)| format!("    seed {}: {}\n", seed(result), of.judgement.found)));
            lines.push(format!("    {expectation}; after {epochs} epochs or more\n"));
            mine = rest;
        }
    }
    lines.concat()
}

/// One row of the table for each number of epochs, at least one.
fn add_rows(table: &mut Table, result: &TaskResult<'_>) {
    let config = &result.task.request.config;
    let reached = reached(result);
    for index in 0..reached.len().max(1) {
        let ours = reached.get(index);
        let report = published_at(result, ours.map_or(0, |ours| ours.epochs));
        let last = index + 1 >= reached.len();
        table.add_row([
            if index == 0 { format!("  {}", label(result)) } else { String::new() },
            if index == 0 { config.loss.name().to_owned() } else { String::new() },
            ours.map_or_else(String::new, figure),
            ours.map_or_else(String::new, |ours| ours.epochs.to_string()),
            report.map_or_else(String::new, |report| format!("{:.2} %", report.accuracy)),
            report.map_or_else(String::new, |report| report.epochs.to_string()),
            if last { note(result) } else { String::new() },
        ]);
    }
}

/// `47.06 %`, or `loss 0.0123`.
fn figure(ours: &Reached) -> String {
    let loss = || ours.loss.map_or_else(String::new, |loss| format!("loss {loss:.4}"));
    ours.accuracy.map_or_else(loss, |accuracy| format!("{accuracy:.2} %"))
}

/// Its name, and the settings and the seed in which it may differ from others of that name.
fn label(result: &TaskResult<'_>) -> String {
    let (config, catalogue) = (&result.task.request.config, &result.task.catalogue);
    let seed = if config.seed == 1 { String::new() } else { format!(" --seed {}", config.seed) };
    format!("{}{}{seed}", config.name, after_spaces(&config.settings(catalogue)))
}

/// What the accuracies do not say.
fn note(result: &TaskResult<'_>) -> String {
    match &result.outcome {
        Ok(Outcome::Ended(summary) | Outcome::EndedBefore(summary)) => match summary.status {
            Ending::Finished if summary.last.epoch == 0 => AT_START.into(),
            Ending::Finished => String::new(),
            Ending::Diverged => format!("diverged at step {}", summary.step),
        },
        Ok(Outcome::Stopped { step }) => format!("stopped after step {step}"),
        Err(_) => "failed".into(),
    }
}

/// The report's figure to set beside ours: the last one up to so many epochs, else its first.
fn published_at(result: &TaskResult<'_>, epochs: u32) -> Option<Published> {
    let published = result.task.published();
    published.iter().rev().find(|p| p.epochs <= epochs).or(published.first()).copied()
}

/// What several seeds of the same training say together, a line each, for the runs in these folders; empty if none has several.
pub fn seeds(folders: &[&Path], catalogue: &Catalogue) -> String {
    let runs = folders.iter().filter_map(|folder| Run::read(folder, catalogue).ok().flatten()).collect();
    let mut groups = in_groups(runs);
    // In the order in which they were asked for.
    let position =
        |group: &Group| group.runs.iter().filter_map(|run| folders.iter().position(|f| *f == run.folder)).min();
    groups.sort_by_key(position);
    if groups.iter().all(|group| group.runs.len() < 2) { String::new() } else { seeds_table(&groups) }
}

/// For the terminal: a line a group.
fn seeds_table(groups: &[Group]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "experiment",
        "mean",
        "95 %",
        "epochs",
        "best epoch",
        "runs",
        "to the true gradient, seed by seed",
    ]);
    for group in groups {
        let Some(ours) = group.ours(group.epoch()) else { continue };
        let diverged = if ours.diverged == 0 { String::new() } else { format!(", {} diverged", ours.diverged) };
        table.add_row([
            group.label(),
            mean(&ours),
            interval(&ours),
            epochs(&ours),
            best(&ours),
            format!("{}{diverged}", ours.runs),
            paired(Paired::to_true_gradient(group, groups, ours.epochs[1]).as_ref()),
        ]);
    }
    let chosen =
        "best epoch: chosen on the validation images of --validation, else on the test set, which is optimistic";
    format!("{}\n{chosen}\n", table.trim_fmt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Choices, Config};
    use crate::kernels::{InstructionSet, NumericMode};
    use crate::run::{EpochLine, Summary};
    use crate::suite::{Task, TaskError};
    use crate::train::Request;
    use crate::{dataset, experiment};
    use std::sync::Arc;

    fn task(name: &str, folder: &Path) -> Task {
        let experiment = experiment::find(name).unwrap();
        let dataset = Arc::new(dataset::open("digits").unwrap());
        let config = Config::of_experiment(&experiment, &Choices::default(), &*dataset, NumericMode::Portable).unwrap();
        let request = Request {
            config,
            folder: folder.join(name),
            init: None,
            kernels: InstructionSet::PORTABLE,
            threads: 1,
            fresh: false,
            checkpoint_every: None,
            tensorboard: false,
            save_best: false,
            longer_is_done: true,
            keep_weights: true,
        };
        let (varying, catalogue) = (String::new(), Arc::new(Catalogue::of_report()));
        Task { request, varying, dataset, experiment: Some(experiment), catalogue }
    }

    fn panicked() -> TaskError {
        TaskError::Panicked { folder: "run".into() }
    }

    fn ended(status: Ending, epoch: u32, test_accuracy: f64) -> Outcome {
        let last = EpochLine {
            epoch,
            train_loss: 1.0,
            train_accuracy: Some(2.0),
            validation_loss: None,
            validation_accuracy: None,
            test_loss: 3.0,
            test_accuracy: Some(test_accuracy),
            test_roc_auc: None,
        };
        Outcome::Ended(Summary { status, step: 7, last })
    }

    #[test]
    fn a_claim_has_its_rows_and_their_verdicts_below_it() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = ["PGR1-NESTEROV", "DS0", "DIGITS-DSR2", "PGR2-NESTEROV"].map(|name| task(name, folder.path()));
        let all: Vec<_> = tasks.iter().map(|task| TaskResult { task, outcome: Err(panicked()) }).collect();
        let text = claims(&all);
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains("; after")).collect();
        let about = "    seed 1: the claim is about CIFAR-10, this run is on digits";
        assert_eq!(
            lines,
            [
                "",
                "Claim: Nestrov Momentum fails all the time with random feedback",
                "  PGR1-NESTEROV: not decided (no run decides)",
                about,
                "  PGR2-NESTEROV: not decided (no run decides)",
                about,
                "",
                "Claim: But MNIST is so simple that everythings works.",
                "  DIGITS-DSR2: not decided (no run decides)",
                "    seed 1: DIGITS-DSR2 has not been trained here",
            ]
        );
        assert_eq!(claims(&all[1..2]), "");
    }

    #[test]
    fn a_row_stands_beside_the_reports_figures_at_its_epochs() {
        let folder = tempfile::tempdir().unwrap();
        let tasks = [task("PG-RC", folder.path()), task("PGR1", folder.path()), task("DS0", folder.path())];
        std::fs::create_dir(folder.path().join("PGR1")).unwrap();
        let line = |epoch| {
            format!(
                r#"{{"epoch":{epoch},"train_loss":1.0,"train_accuracy":2.0,"test_loss":3.0,"test_accuracy":{}.0}}"#,
                epoch / 10
            )
        };
        let lines: Vec<String> = (1..=250).map(line).collect();
        std::fs::write(folder.path().join("PGR1/epochs.jsonl"), lines.join("\n") + "\n").unwrap();
        let outcomes = [Ok(ended(Ending::Diverged, 1, 10.0)), Ok(ended(Ending::Finished, 250, 25.0)), Err(panicked())];
        let all: Vec<_> = tasks.iter().zip(outcomes).map(|(task, outcome)| TaskResult { task, outcome }).collect();
        let table = table(&all);
        let words: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            words,
            [
                "Table 1".split(' ').collect::<Vec<_>>(),
                "DS0 ce 50.06 % 100 failed".split(' ').collect(),
                "Table 3".split(' ').collect(),
                "PGR1 ce 10.00 % 100 29.27 % 100".split(' ').collect(),
                "20.00 % 200 40.65 % 200".split(' ').collect(),
                "25.00 % 250 40.65 % 200".split(' ').collect(),
                "Extras".split(' ').collect(),
                "PG-RC ce 10.00 % 1 diverged at step 7".split(' ').collect(),
            ]
        );
    }
}
