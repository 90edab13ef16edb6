//! What runs say about the report's claims: *agrees*, *contradicts* or *not decided*.
//!
//! A claim is data in its experiment of `data/experiments.toml`. A verdict reads nothing but the folders of the experiment's run and of the run
//! that it is compared with. A run decides after as many epochs as its claim asks for; one that diverged is a finished result, and
//! decides if it was started for as many. All thresholds are here and in the experiments.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::course::{Course, History};
use crate::config::DatasetId;
use crate::experiment::{Catalogue, Claim, Expectation, Experiment, LEARNED, NOTHING_LEARNED, OFF_THE_CHART};

/// What runs say about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// They show what the report says.
    Agrees,
    /// They show the opposite.
    Contradicts,
    /// They are too short, or lie between the two.
    NotDecided,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Agrees => "agrees",
            Self::Contradicts => "contradicts",
            Self::NotDecided => "not decided",
        })
    }
}

/// A verdict, and what it rests on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// What the runs show, or what is missing.
    pub found: String,
    /// What the run shows in numbers; `None` if it is no evidence.
    #[serde(skip)]
    pub(crate) evidence: Option<Evidence>,
}

/// What a run shows about a claim.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Evidence {
    /// A number which agrees from one threshold on, and contradicts below another one.
    Number { number: f64, agrees_from: f64, contradicts_below: f64 },
    /// Only the verdict: a run diverged, or the claim is about no accuracy.
    Verdict,
}

/// What the run of `experiment` in `folder`, trained on `data`, says about the experiment's claim; `None` if the experiment has none.
///
/// The experiment that it is compared with is one of the catalogue's.
pub fn judge(experiment: &Experiment, folder: &Path, data: &DatasetId, catalogue: &Catalogue) -> Option<Judgement> {
    let claim = experiment.claim.as_ref()?;
    Some(match courses(experiment, claim, folder, data, catalogue) {
        Err(missing) => Judgement { verdict: Verdict::NotDecided, found: missing, evidence: None },
        Ok((course, other)) => Judgement {
            verdict: verdict_of(&claim.expectation, course, other),
            evidence: Some(evidence_of(&claim.expectation, course, other)),
            found: match (claim.expectation.than(), other) {
                (Some(than), Some(other)) => format!("{course}; {than}: {other}"),
                _ => course.to_string(),
            },
        },
    })
}

/// How the experiment's run went and how the one did that it is compared with, up to the last epoch that both have; else what is missing.
fn courses(
    experiment: &Experiment,
    claim: &Claim,
    folder: &Path,
    data: &DatasetId,
    catalogue: &Catalogue,
) -> Result<(Course, Option<Course>), String> {
    if !data.is_of(experiment, catalogue)? {
        let about = experiment.data.as_deref().unwrap_or("CIFAR-10");
        return Err(format!("the claim is about {about}, this run is on {}", data.label()));
    }
    let run = History::read(experiment, folder, data, claim.epochs)?;
    let other = claim.expectation.than().map(|than| {
        let experiment = catalogue.find(than).map_err(|error| error.to_string())?;
        History::read(experiment, &beside(folder, &run.name, than), data, claim.epochs)
    });
    let other = other.transpose()?;
    let both = [Some(&run), other.as_ref()].into_iter().flatten();
    let epoch = both.filter(|run| !run.has_diverged()).map(History::epoch).min().unwrap_or(u32::MAX);
    Ok((run.up_to(epoch)?, other.map(|other| other.up_to(epoch)).transpose()?))
}

/// The folder of another experiment's run: the same path with the other's name in it.
fn beside(folder: &Path, name: &str, other: &str) -> PathBuf {
    let exchange = |part: std::path::Component<'_>| -> PathBuf {
        if part.as_os_str() == name { other.into() } else { part.as_os_str().into() }
    };
    folder.components().map(exchange).collect()
}

/// The verdict on a run that is long enough; `other` is the run that it is compared with.
fn verdict_of(expectation: &Expectation, run: Course, other: Option<Course>) -> Verdict {
    use Course::{Diverged, Whole};
    let (agrees, contradicts) = match (expectation, run) {
        (Expectation::Works { .. }, Diverged { .. }) => (false, true),
        (Expectation::Works { from, below }, Whole { accuracy, .. }) => (accuracy >= *from, accuracy < *below),
        (Expectation::Fails | Expectation::Intractable, Diverged { .. }) => (true, false),
        (Expectation::Fails, Whole { accuracy, .. }) => (accuracy < NOTHING_LEARNED, accuracy >= LEARNED),
        (Expectation::Intractable, Whole { accuracy, first, last, .. }) => {
            (last > OFF_THE_CHART || last > first, last < std::f64::consts::LN_10 && accuracy >= LEARNED)
        }
        (Expectation::Better { by, .. }, _) => match (run.accuracy(), other.map(Course::accuracy)) {
            (None, Some(_)) => (false, true),
            (Some(ours), Some(None)) => (ours >= NOTHING_LEARNED, false),
            (Some(ours), Some(Some(other))) => (ours - other >= *by, ours <= other),
            (_, None) => (false, false),
        },
        (Expectation::Worse { by, .. }, _) => match (run.accuracy(), other.map(Course::accuracy)) {
            (None, Some(Some(_))) => (true, false),
            (Some(_), Some(None)) => (false, true),
            (Some(ours), Some(Some(other))) => (other - ours >= *by, ours >= other),
            (None, Some(None)) | (_, None) => (false, false),
        },
    };
    match (agrees, contradicts) {
        (true, _) => Verdict::Agrees,
        (false, true) => Verdict::Contradicts,
        (false, false) => Verdict::NotDecided,
    }
}

/// The number of a run that is long enough, with the thresholds of [`verdict_of`].
fn evidence_of(expectation: &Expectation, run: Course, other: Option<Course>) -> Evidence {
    let number = |number: f64, agrees_from: f64, contradicts_below: f64| Evidence::Number {
        number,
        agrees_from,
        contradicts_below,
    };
    match (expectation, run.accuracy(), other.and_then(Course::accuracy)) {
        (Expectation::Works { from, below }, Some(accuracy), _) => number(accuracy, *from, *below),
        (Expectation::Fails, Some(accuracy), _) => number(-accuracy, -NOTHING_LEARNED, -LEARNED),
        (Expectation::Better { by, .. }, Some(ours), Some(other)) => number(ours - other, *by, 0.0),
        (Expectation::Worse { by, .. }, Some(ours), Some(other)) => number(other - ours, *by, 0.0),
        _ => Evidence::Verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Choices, Config};
    use crate::dataset::{self, Dataset};
    use crate::experiment;
    use crate::kernels::NumericMode;
    use std::fs;
    use tempfile::TempDir;

    /// Runs beside each other.
    struct Runs {
        folder: TempDir,
        dataset: Dataset,
    }

    impl Runs {
        /// On the digits, or on the digits with the checksum of CIFAR-10.
        fn on(data: &str) -> Self {
            let mut dataset = dataset::open("digits").unwrap();
            if data == "cifar10" {
                dataset.checksum = "48e50ac1492cb093f51f71305161989cf805ddffac5c94f00493106470378fd4".into();
            }
            dataset.name = data.into();
            Self { folder: tempfile::tempdir().unwrap(), dataset }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name).join("seed-1")
        }

        /// A run that was started for `asked` epochs, with training loss and test accuracy of those that it made.
        fn run(&self, name: &str, asked: u32, epochs: &[(&str, f64)]) -> &Self {
            let choices = Choices { epochs: Some(asked), ..Choices::default() };
            self.run_with(name, &choices, epochs)
        }

        fn run_with(&self, name: &str, choices: &Choices, epochs: &[(&str, f64)]) -> &Self {
            let experiment = experiment::find(name).unwrap();
            let config = Config::of_experiment(&experiment, choices, &self.dataset, NumericMode::Fused).unwrap();
            let lines = epochs.iter().zip(1..).map(|((loss, accuracy), epoch)| {
                format!(
                    "{{\"epoch\":{epoch},\"train_loss\":{loss},\"train_accuracy\":1.0,\"test_loss\":1.0,\
                     \"test_accuracy\":{accuracy:.1}}}\n"
                )
            });
            let folder = self.path(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("config.json"), serde_json::to_string(&config).unwrap()).unwrap();
            fs::write(folder.join("epochs.jsonl"), lines.collect::<String>()).unwrap();
            self
        }

        fn judge(&self, name: &str) -> Judgement {
            let experiment = experiment::find(name).unwrap();
            judge(&experiment, &self.path(name), &(&self.dataset).into(), &Catalogue::of_report()).unwrap()
        }

        #[track_caller]
        fn assert(&self, name: &str, verdict: Verdict, found: &str) {
            let judgement = self.judge(name);
            assert_eq!(judgement.verdict, verdict, "{judgement:?}");
            assert!(judgement.found.contains(found), "no `{found}` in: {judgement:?}");
        }
    }

    /// So many epochs at an accuracy.
    fn at(accuracy: f64, epochs: usize) -> Vec<(&'static str, f64)> {
        vec![("1.5", accuracy); epochs]
    }

    /// Diverges in that epoch.
    fn diverging(epoch: usize) -> Vec<(&'static str, f64)> {
        let mut lines = at(30.0, epoch);
        lines[epoch - 1] = ("\"NaN\"", 10.0);
        lines
    }

    use Verdict::{Agrees, Contradicts, NotDecided};

    #[test]
    fn a_run_works_or_not() {
        let runs = Runs::on("cifar10");
        for (accuracy, verdict) in [(50.0, Agrees), (49.9, NotDecided), (40.0, NotDecided), (39.9, Contradicts)] {
            runs.run("PGR1-SGD", 50, &at(accuracy, 50)).assert("PGR1-SGD", verdict, "in epochs 48–50");
        }
        runs.run("PGR1-SGD", 50, &diverging(2)).assert("PGR1-SGD", Contradicts, "diverged in epoch 2");
    }

    #[test]
    fn a_run_fails_or_not() {
        let runs = Runs::on("cifar10");
        for (accuracy, verdict) in [(19.9, Agrees), (20.0, NotDecided), (39.9, NotDecided), (40.0, Contradicts)] {
            runs.run("PGR2-SGD", 20, &at(accuracy, 20)).assert("PGR2-SGD", verdict, "in epochs 19–20");
        }
        runs.run("PGR2-SGD", 20, &diverging(1)).assert("PGR2-SGD", Agrees, "diverged in epoch 1");
    }

    #[test]
    fn accuracy_is_the_mean_of_the_last_three_epochs() {
        let mut epochs = at(10.0, 47);
        epochs.extend([("1.0", 30.0), ("1.0", 60.0), ("1.0", 60.0)]);
        let runs = Runs::on("cifar10");
        runs.run("PGR1-SGD", 50, &epochs).assert("PGR1-SGD", Agrees, "50.00 % in epochs 48–50");
    }

    #[test]
    fn fewer_epochs_decide_nothing() {
        let runs = Runs::on("cifar10");
        runs.run("PGR1-SGD", 50, &at(99.0, 49)).assert("PGR1-SGD", NotDecided, "49 of 50 epochs");
        // "One epoch never agrees", a diverged one neither, unless it was started for as many as the claim asks for.
        runs.run("PGR2-SGD", 1, &at(10.0, 1)).assert("PGR2-SGD", NotDecided, "1 of 20 epochs");
        runs.run("PGR2-SGD", 1, &diverging(1)).assert("PGR2-SGD", NotDecided, "1 of 20 epochs");
        runs.run("PGR2-SGD", 20, &[]).assert("PGR2-SGD", NotDecided, "0 of 20 epochs");
    }

    #[test]
    fn a_run_is_better_than_another_at_the_same_epochs() {
        let runs = Runs::on("cifar10");
        let name = "PGR2-MAX-SGD";
        runs.run(name, 20, &at(40.0, 20));
        runs.assert(name, NotDecided, "PGR2-SGD has not been trained");
        for (other, verdict) in [(30.0, Agrees), (30.1, NotDecided), (39.9, NotDecided), (40.0, Contradicts)] {
            // What the other did after epoch 20 is left out.
            let mut lines = at(other, 20);
            lines.extend(diverging(5));
            runs.run("PGR2-SGD", 100, &lines).assert(name, verdict, "PGR2-SGD: ");
        }
        runs.run("PGR2-SGD", 19, &at(10.0, 19)).assert(name, NotDecided, "PGR2-SGD has 19 of 20 epochs");
        runs.run("PGR2-SGD", 20, &diverging(3)).assert(name, Agrees, "PGR2-SGD: diverged in epoch 3");
        runs.run(name, 20, &at(19.9, 20)).assert(name, NotDecided, "19.90 %");
        runs.run(name, 20, &diverging(4)).assert(name, Contradicts, "diverged in epoch 4; PGR2-SGD: diverged");
    }

    #[test]
    fn a_run_is_worse_than_another_at_the_same_epochs() {
        let runs = Runs::on("cifar10");
        let name = "PGR1-CLIP-1";
        runs.run("PGR1", 300, &at(50.0, 60));
        for (ours, verdict) in [(45.0, Agrees), (45.1, NotDecided), (49.9, NotDecided), (50.0, Contradicts)] {
            runs.run(name, 50, &at(ours, 50)).assert(name, verdict, "PGR1: 50.00 % in epochs 48–50");
        }
        runs.run(name, 50, &diverging(2)).assert(name, Agrees, "diverged in epoch 2; PGR1: 50.00 %");
        runs.run("PGR1", 300, &diverging(7)).assert(name, NotDecided, "PGR1: diverged in epoch 7");
        runs.run(name, 50, &at(15.0, 50)).assert(name, Contradicts, "PGR1: diverged in epoch 7");
    }

    #[test]
    fn a_loss_leaves_the_chart() {
        let runs = Runs::on("cifar10");
        let name = "PG-Untie-RC";
        let with_losses = |first, last, accuracy| {
            let mut epochs = at(accuracy, 5);
            (epochs[0].0, epochs[4].0) = (first, last);
            epochs
        };
        runs.run(name, 5, &with_losses("20.0", "10.1", 30.0)).assert(name, Agrees, "10.1000");
        runs.run(name, 5, &with_losses("2.3", "2.4", 30.0)).assert(name, Agrees, "2.4000");
        runs.run(name, 5, &diverging(2)).assert(name, Agrees, "diverged in epoch 2");
        runs.run(name, 5, &with_losses("9.0", "2.31", 45.0)).assert(name, NotDecided, "2.3100");
        runs.run(name, 5, &with_losses("9.0", "2.3", 39.9)).assert(name, NotDecided, "39.90 %");
        runs.run(name, 5, &with_losses("9.0", "2.3", 40.0)).assert(name, Contradicts, "40.00 %");
    }

    #[test]
    fn only_the_rows_own_training_is_evidence() {
        let runs = Runs::on("digits");
        runs.run("PGR1-SGD", 50, &at(99.0, 50)).assert("PGR1-SGD", NotDecided, "is about CIFAR-10");
        runs.run("DIGITS-DSR2", 20, &at(85.0, 20)).assert("DIGITS-DSR2", Agrees, "85.00 %");
        // CIFAR-10 by its name, another data set by its checksum.
        let mut named = Runs::on("cifar10");
        named.dataset.checksum = "0".repeat(64);
        let about = "is about CIFAR-10, this run is on cifar10, which is not CIFAR-10";
        named.run("PGR1-SGD", 50, &at(99.0, 50)).assert("PGR1-SGD", NotDecided, about);
        let runs = Runs::on("cifar10");
        runs.run("DIGITS-DSR2", 20, &at(99.0, 20)).assert("DIGITS-DSR2", NotDecided, "is about digits");
        let epochs = Some(50);
        let faster = Choices { rate: Some(0.1), epochs, ..Choices::default() };
        runs.run_with("PGR1-SGD", &faster, &at(99.0, 50)).assert(
            "PGR1-SGD",
            NotDecided,
            "as its experiment says (optimizer",
        );
        let cut = Choices { max_steps: Some(9), epochs, ..Choices::default() };
        runs.run_with("PGR1-SGD", &cut, &at(99.0, 50)).assert("PGR1-SGD", NotDecided, "--max-steps cut PGR1-SGD short");
        let seldom = Choices { measure_every: Some(10), epochs, ..Choices::default() };
        runs.run_with("PGR1-SGD", &seldom, &at(99.0, 50)).assert("PGR1-SGD", Agrees, "99.00 %");
        let another = Choices { seed: Some(7), epochs, ..Choices::default() };
        runs.run_with("PGR1-SGD", &another, &at(99.0, 50)).assert("PGR1-SGD", Agrees, "99.00 %");
    }
}
