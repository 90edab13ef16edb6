//! Several trainings, one after the other or some at once, and what came of them beside the report's figures.
//!
//! A row that fails, diverges or panics does not keep the next from starting; a signal ends them all, each with a checkpoint.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use asymgrad_core::Operation;
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::progress::Watch;
use crate::Network;
use crate::analysis::{self, Claim, Judgement};
use crate::dataset::Dataset;
use crate::experiment::{Catalogue, Experiment, Published};
use crate::run;
use crate::train::{self, Outcome, Request, Status, Summary};

/// Epochs of a quick row on the embedded digits: enough for dense networks to tell most of them apart.
const QUICK_DENSE: u32 = 12;
/// A convolution costs some ten times as much, and an untied one has ten times the weights besides.
const QUICK_CONVOLUTION: u32 = 2;
const QUICK_UNTIED: u32 = 1;
/// The first and the last seed of that table.
pub const RULES_SEEDS: (u64, u64) = (1, 3);
/// A quick suite keeps the weights of networks with so few parameters: some megabytes each, and filters to look at.
const QUICK_KEEPS: usize = 500_000;

/// A training, and what the report says about it.
#[derive(Clone, Debug)]
pub struct Row {
    /// How it is trained.
    pub request: Request,
    /// What it is trained on.
    pub dataset: Arc<Dataset>,
    /// What the report says of it; `None` for a network of the user's own.
    pub experiment: Option<Experiment>,
    /// The experiments that it may be compared with.
    pub catalogue: Arc<Catalogue>,
}

impl Row {
    /// The report's table; `None` for an extra row and a network of the user's own.
    fn table(&self) -> Option<u8> {
        self.experiment.as_ref()?.table
    }

    /// The test accuracies that the report publishes, by rising epochs.
    fn published(&self) -> &[Published] {
        self.experiment.as_ref().map_or(&[], |experiment| &experiment.published)
    }

    /// The multiplications of the whole training: what its time is estimated by.
    pub fn work(&self) -> f64 {
        let config = &self.request.config;
        let samples = config.goal(self.dataset.train.len()) as f64 * config.batch as f64;
        samples * config.network.architecture().multiplications() as f64
    }
}

/// Epochs of a row in the quick suite.
pub fn quick_epochs(network: &Network) -> u32 {
    let has = |kind: fn(&Operation) -> bool| network.architecture().layers().iter().any(|layer| kind(&layer.operation));
    if has(|kind| matches!(kind, Operation::Untied { .. })) {
        QUICK_UNTIED
    } else if has(|kind| matches!(kind, Operation::Convolution { .. })) {
        QUICK_CONVOLUTION
    } else {
        QUICK_DENSE
    }
}

/// Whether a quick suite keeps the weights of this network.
pub fn is_small(network: &Network) -> bool {
    network.architecture().parameters() <= QUICK_KEEPS
}

/// Epochs of a row in the whole protocol: up to the report's last figure, as many as its claim takes for a verdict, or its own.
pub fn whole_epochs(row: &Experiment) -> Option<u32> {
    let last = row.published.last().map(|figure| figure.epochs);
    last.or(row.claim.as_ref().map(|claim| claim.epochs)).or(row.own_epochs())
}

/// The folder of a quick row: not that of a run on the digits, which may have been trained further.
pub fn quick_path(name: &str, seed: u64) -> PathBuf {
    ["runs", "quick", name, &format!("seed-{seed}")].iter().collect()
}

/// A row and what became of it.
#[derive(Debug)]
pub struct Trained<'a> {
    /// The row.
    pub row: &'a Row,
    /// How it went, or why it failed.
    pub outcome: Result<Outcome, String>,
}

/// Trains the rows, `jobs` at once, in their order, until `stop` is set; if `fail_fast`, the first failure sets it. Rows that were not
/// begun are left out. Each row's bits are those that it has alone.
pub fn train<'a>(rows: &'a [Row], jobs: usize, fail_fast: bool, stop: &AtomicBool, watch: &Watch) -> Vec<Trained<'a>> {
    let (next, ended) = (AtomicUsize::new(0), Mutex::new(vec![]));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(row) = rows.get(index) else { break };
            // A row that was not begun before a signal is left out; the first one says that it was stopped.
            if index > 0 && stop.load(Ordering::Relaxed) {
                break;
            }
            let trained = train_row(row, index, stop, watch);
            if fail_fast && trained.outcome.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            ended.lock().unwrap_or_else(PoisonError::into_inner).push((index, trained));
        }
    };
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, rows.len().max(1)) {
            scope.spawn(work);
        }
    });
    watch.finish();
    let mut ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    ended.sort_by_key(|(index, _)| *index);
    ended.into_iter().map(|(_, trained)| trained).collect()
}

fn train_row<'a>(row: &'a Row, index: usize, stop: &AtomicBool, watch: &Watch) -> Trained<'a> {
    let mut observer = watch.begin(index, row);
    // What a panic leaves behind is the row's own: its folder, which the next call continues from its checkpoint.
    let outcome = catch_unwind(AssertUnwindSafe(|| train::train(&row.request, &row.dataset, stop, &mut observer)));
    let outcome = match outcome {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err("the training panicked, which is a bug of this program; please report it".into()),
    };
    let trained = Trained { row, outcome };
    observer.end(&trained);
    trained
}

/// A test accuracy of ours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reached {
    /// Epochs of training.
    pub epochs: u32,
    /// Correct on the test set, in percent.
    pub accuracy: f64,
}

impl Trained<'_> {
    /// Ours at each number of epochs that the report publishes and the run has passed, then at its last epoch.
    fn reached(&self) -> Vec<Reached> {
        let Some(summary) = self.summary() else { return vec![] };
        let last = summary.last;
        // The table must not fail for a log that somebody removed: the result holds the last line.
        let mut lines = run::read_epochs(&self.row.request.folder).unwrap_or_default();
        lines.retain(|line| line.epoch < last.epoch && self.row.published().iter().any(|p| p.epochs == line.epoch));
        lines.push(last);
        lines.iter().map(|line| Reached { epochs: line.epoch, accuracy: line.test_accuracy }).collect()
    }

    /// Its name, and the settings and the seed in which it may differ from others of that name.
    fn label(&self) -> String {
        let (config, catalogue) = (&self.row.request.config, &self.row.catalogue);
        let seed = if config.seed == 1 { String::new() } else { format!(" --seed {}", config.seed) };
        format!("{}{}{seed}", config.name, config.settings(catalogue))
    }

    /// Whether a signal stopped it.
    pub fn is_stopped(&self) -> bool {
        matches!(self.outcome, Ok(Outcome::Stopped { .. }))
    }

    /// Whether it has ended with a result, finished or diverged.
    pub fn has_result(&self) -> bool {
        self.summary().is_some()
    }

    fn summary(&self) -> Option<Summary> {
        match self.outcome {
            Ok(Outcome::Ended(summary) | Outcome::Already(summary)) => Some(summary),
            _ => None,
        }
    }

    /// What the accuracies do not say.
    fn note(&self) -> String {
        match &self.outcome {
            Ok(Outcome::Ended(summary) | Outcome::Already(summary)) => match summary.status {
                Status::Finished => String::new(),
                Status::Diverged => format!("diverged at step {}", summary.step),
            },
            Ok(Outcome::Stopped { step }) => format!("stopped after step {step}"),
            Err(_) => "failed".into(),
        }
    }

    /// What the run says about the report's claim, if the row tests one.
    fn judged(&self) -> Option<Judged<'_>> {
        let experiment = self.row.experiment.as_ref()?;
        let Request { folder, config, .. } = &self.row.request;
        let judgement = analysis::judge(experiment, folder, &config.data, &self.row.catalogue)?;
        Some(Judged { claim: experiment.claim.as_ref()?, judgement })
    }

    /// The report's figure to set beside ours: the last one up to so many epochs, else its first.
    fn published_at(&self, epochs: u32) -> Option<Published> {
        let published = self.row.published();
        published.iter().rev().find(|p| p.epochs <= epochs).or(published.first()).copied()
    }
}

/// A claim of the report, and what a run says about it.
#[derive(Serialize)]
struct Judged<'a> {
    #[serde(flatten)]
    claim: &'a Claim,
    #[serde(flatten)]
    judgement: Judgement,
}

/// `DS0: finished after step 120 (epoch 10), test accuracy 88.89 %, test loss 0.4613, in runs/…`.
impl fmt::Display for Trained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request { config, folder, .. } = &self.row.request;
        let (name, folder) = (&config.name, folder.display());
        let (summary, before) = match &self.outcome {
            Err(reason) => return write!(f, "error: {name}: {reason}"),
            Ok(Outcome::Stopped { step }) => {
                return write!(
                    f,
                    "{name}: stopped after step {step} with a checkpoint in {folder}: the same command continues"
                );
            }
            Ok(Outcome::Ended(summary)) => (summary, ""),
            Ok(Outcome::Already(summary)) => (summary, "before, "),
        };
        let status = match summary.status {
            Status::Finished => "finished",
            Status::Diverged => "diverged",
        };
        let (step, last) = (summary.step, &summary.last);
        write!(
            f,
            "{name}: {status} {before}after step {step} (epoch {}), test accuracy {:.2} %, test loss {:.4}, in {folder}",
            last.epoch, last.test_accuracy, last.test_loss
        )
    }
}

impl Serialize for Trained<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Line<'a> {
            name: &'a str,
            table: Option<u8>,
            network: &'a Network,
            loss: &'a str,
            data: &'a str,
            folder: &'a Path,
            /// finished, diverged, stopped or failed.
            status: &'a str,
            step: Option<u64>,
            last: Option<run::EpochLine>,
            reached: Vec<Reached>,
            published: &'a [Published],
            claim: Option<Judged<'a>>,
            error: Option<&'a str>,
        }
        let Request { config, folder, .. } = &self.row.request;
        let (status, step, error) = match &self.outcome {
            Ok(Outcome::Ended(summary) | Outcome::Already(summary)) => match summary.status {
                Status::Finished => ("finished", Some(summary.step), None),
                Status::Diverged => ("diverged", Some(summary.step), None),
            },
            Ok(Outcome::Stopped { step }) => ("stopped", Some(*step), None),
            Err(reason) => ("failed", None, Some(reason.as_str())),
        };
        Line {
            name: &config.name,
            table: self.row.table(),
            network: &config.network,
            loss: config.loss.name(),
            data: &config.data.name,
            folder,
            status,
            step,
            last: self.summary().map(|summary| summary.last),
            reached: self.reached(),
            published: self.row.published(),
            claim: self.judged(),
            error,
        }
        .serialize(serializer)
    }
}

/// Ours beside the report's, grouped by the report's tables.
pub fn table(all: &[Trained<'_>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["experiment", "loss", "ours", "epochs", "report", "epochs", "note"]);
    let mut groups: Vec<Option<u8>> = all.iter().map(|trained| trained.row.table()).collect();
    // The extras come last.
    groups.sort_by_key(|table| table.unwrap_or(u8::MAX));
    groups.dedup();
    for group in groups {
        table.add_row([group.map_or_else(|| "Extras".to_owned(), |number| format!("Table {number}"))]);
        for trained in all.iter().filter(|trained| trained.row.table() == group) {
            add_rows(&mut table, trained);
        }
    }
    for column in table.column_iter_mut().skip(2).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// The report's claims, each with the rows that test it and their verdicts; empty if no row does.
pub fn claims(all: &[Trained<'_>]) -> String {
    let judged: Vec<_> = all.iter().filter_map(|trained| Some((trained, trained.judged()?))).collect();
    let mut sentences: Vec<&str> = vec![];
    for (_, judged) in &judged {
        if !sentences.contains(&judged.claim.sentence.as_str()) {
            sentences.push(&judged.claim.sentence);
        }
    }
    let mut lines = vec![];
    for sentence in sentences {
        lines.push(format!("\nClaim: {sentence}\n"));
        for (trained, Judged { claim, judgement }) in
            judged.iter().filter(|(_, judged)| judged.claim.sentence == sentence)
        {
            let Judgement { verdict, found } = judgement;
            let (name, Claim { measure, epochs, .. }) = (&trained.row.request.config.name, claim);
            lines.push(format!("  {name}: {verdict}: {found}\n    {measure}; after {epochs} epochs or more\n"));
        }
    }
    lines.concat()
}

/// One row of the table for each number of epochs, at least one.
fn add_rows(table: &mut Table, trained: &Trained<'_>) {
    let config = &trained.row.request.config;
    let reached = trained.reached();
    for index in 0..reached.len().max(1) {
        let ours = reached.get(index);
        let report = trained.published_at(ours.map_or(0, |ours| ours.epochs));
        let last = index + 1 >= reached.len();
        table.add_row([
            if index == 0 { format!("  {}", trained.label()) } else { String::new() },
            if index == 0 { config.loss.name().to_owned() } else { String::new() },
            ours.map_or_else(String::new, |ours| format!("{:.2} %", ours.accuracy)),
            ours.map_or_else(String::new, |ours| ours.epochs.to_string()),
            report.map_or_else(String::new, |report| format!("{:.2} %", report.accuracy)),
            report.map_or_else(String::new, |report| report.epochs.to_string()),
            if last { trained.note() } else { String::new() },
        ]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Choices, Config};
    use crate::kernels::{Class, InstructionSet};
    use crate::run::EpochLine;
    use crate::{dataset, experiment};

    fn row(name: &str, folder: &Path) -> Row {
        let experiment = experiment::find(name).unwrap();
        let dataset = Arc::new(dataset::open("digits").unwrap());
        let config = Config::of_experiment(&experiment, &Choices::default(), &*dataset, Class::Portable).unwrap();
        let request = Request {
            config,
            folder: folder.join(name),
            init: None,
            kernels: InstructionSet::PORTABLE,
            threads: 1,
            fresh: false,
            checkpoint_every: None,
            tensorboard: false,
            longer_is_done: true,
            keep_weights: true,
        };
        Row { request, dataset, experiment: Some(experiment), catalogue: Arc::new(Catalogue::of_report()) }
    }

    fn ended(status: Status, epoch: u32, test_accuracy: f64) -> Outcome {
        let last = EpochLine { epoch, train_loss: 1.0, train_accuracy: 2.0, test_loss: 3.0, test_accuracy };
        Outcome::Ended(Summary { status, step: 7, last })
    }

    #[test]
    fn quick_and_whole_epochs_follow_the_row() {
        let epochs = |name: &str| {
            let row = experiment::find(name).unwrap();
            (quick_epochs(&row.network.parse().unwrap()), whole_epochs(&row))
        };
        assert_eq!(epochs("DS0"), (12, Some(100)));
        assert_eq!(epochs("PGR1"), (2, Some(300)));
        assert_eq!(epochs("PG-Untie"), (1, Some(200)));
        assert_eq!(epochs("PGR1-SGD"), (2, Some(50)));
        assert_eq!(epochs("DDR4-U-LITERAL"), (12, None));
    }

    #[test]
    fn a_claim_has_its_rows_and_their_verdicts_below_it() {
        let folder = tempfile::tempdir().unwrap();
        let rows = ["PGR1-NESTEROV", "DS0", "DIGITS-DSR2", "PGR2-NESTEROV"].map(|name| row(name, folder.path()));
        let all: Vec<_> = rows.iter().map(|row| Trained { row, outcome: Err("no disk".into()) }).collect();
        let text = claims(&all);
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains("; after")).collect();
        let about = "not decided: the claim is about CIFAR-10, this run is on digits";
        assert_eq!(
            lines,
            [
                "",
                "Claim: Nestrov Momentum fails all the time with random feedback",
                &format!("  PGR1-NESTEROV: {about}"),
                &format!("  PGR2-NESTEROV: {about}"),
                "",
                "Claim: But MNIST is so simple that everythings works.",
                "  DIGITS-DSR2: not decided: DIGITS-DSR2 has not been trained here",
            ]
        );
        assert_eq!(claims(&all[1..2]), "");
    }

    #[test]
    fn a_row_stands_beside_the_reports_figures_at_its_epochs() {
        let folder = tempfile::tempdir().unwrap();
        let rows = [row("PG-RC", folder.path()), row("PGR1", folder.path()), row("DS0", folder.path())];
        std::fs::create_dir(folder.path().join("PGR1")).unwrap();
        let line = |epoch| {
            format!(
                r#"{{"epoch":{epoch},"train_loss":1.0,"train_accuracy":2.0,"test_loss":3.0,"test_accuracy":{}.0}}"#,
                epoch / 10
            )
        };
        let lines: Vec<String> = (1..=250).map(line).collect();
        std::fs::write(folder.path().join("PGR1/epochs.jsonl"), lines.join("\n") + "\n").unwrap();
        let outcomes =
            [Ok(ended(Status::Diverged, 1, 10.0)), Ok(ended(Status::Finished, 250, 25.0)), Err("no disk".into())];
        let all: Vec<_> = rows.iter().zip(outcomes).map(|(row, outcome)| Trained { row, outcome }).collect();
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
