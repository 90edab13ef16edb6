//! What came of a training beside the report's figures and claims, for programs.

use std::path::Path;

use serde::Serialize;

use crate::Network;
use crate::analysis::{self, Judgement};
use crate::config::{Settings, differing};
use crate::experiment::{Claim, Published};
use crate::lossy;
use crate::run::{self, Ending};
use crate::suite::TaskResult;
use crate::train::{Outcome, Request};

/// What `run --json` and `suite --json` print of a training.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
    name: &'a str,
    table: Option<u8>,
    network: &'a Network,
    loss: &'a str,
    data: &'a str,
    seed: u64,
    /// The settings in which the trainings that are printed together differ.
    settings: Settings,
    #[serde(serialize_with = "lossy::serialize")]
    folder: &'a Path,
    /// finished, diverged, stopped or failed.
    status: &'a str,
    step: Option<u64>,
    last: Option<run::EpochLine>,
    /// The interval of the ROC-AUC of `last`, by the number of test images (Hanley and `McNeil` 1982).
    #[serde(skip_serializing_if = "Option::is_none")]
    test_roc_auc_interval: Option<[f64; 2]>,
    reached: Vec<Reached>,
    published: &'a [Published],
    claim: Option<Judged<'a>>,
    error: Option<String>,
}

/// A test accuracy of ours or, of a run without accuracies, a test loss.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reached {
    /// Epochs of training.
    pub epochs: u32,
    /// Correct on the test set, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Only without an accuracy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
}

/// A claim of the report, and what a run says about it.
#[derive(Debug, Serialize)]
pub(crate) struct Judged<'a> {
    #[serde(flatten)]
    pub(crate) claim: &'a Claim,
    #[serde(flatten)]
    pub(crate) judgement: Judgement,
}

/// What is printed of trainings, one line for each.
pub fn lines<'a>(all: &'a [TaskResult<'_>]) -> Vec<Line<'a>> {
    let settings = differing(all.iter().map(|result| &result.task.request.config));
    all.iter().zip(settings).map(|(result, settings)| Line::of(result, settings)).collect()
}

impl<'a> Line<'a> {
    fn of(result: &'a TaskResult<'_>, settings: Settings) -> Self {
        let Request { config, folder, .. } = &result.task.request;
        let (status, step, error) = match &result.outcome {
            Ok(Outcome::Ended(summary) | Outcome::EndedBefore(summary)) => match summary.status {
                Ending::Finished => ("finished", Some(summary.step), None),
                Ending::Diverged => ("diverged", Some(summary.step), None),
            },
            Ok(Outcome::Stopped { step }) => ("stopped", Some(*step), None),
            Err(error) => ("failed", None, Some(error.to_string())),
        };
        Line {
            name: &config.name,
            table: result.task.table(),
            network: &config.network,
            loss: config.loss.name(),
            data: &config.data.name,
            seed: config.seed,
            settings,
            folder,
            status,
            step,
            last: result.summary().map(|summary| summary.last),
            test_roc_auc_interval: result.roc_auc_interval(),
            reached: reached(result),
            published: result.task.published(),
            claim: judged(result),
            error,
        }
    }
}

/// Ours at each number of epochs that the report publishes and the run has passed, then at its last epoch.
pub(crate) fn reached(result: &TaskResult<'_>) -> Vec<Reached> {
    let Some(summary) = result.summary() else { return vec![] };
    let last = summary.last;
    // The table must not fail for a log that somebody removed: the result holds the last line.
    let mut lines = run::read_epochs(&result.task.request.folder).unwrap_or_default();
    lines.retain(|line| line.epoch < last.epoch && result.task.published().iter().any(|p| p.epochs == line.epoch));
    lines.push(last);
    let of_line = |line: &run::EpochLine| {
        let loss = line.test_accuracy.is_none().then_some(line.test_loss);
        Reached { epochs: line.epoch, accuracy: line.test_accuracy, loss }
    };
    lines.iter().map(of_line).collect()
}

/// What the run says about the report's claim, if the experiment tests one.
pub(crate) fn judged<'a>(result: &'a TaskResult<'_>) -> Option<Judged<'a>> {
    let experiment = result.task.experiment.as_ref()?;
    let Request { folder, config, .. } = &result.task.request;
    let judgement = analysis::judge(experiment, folder, &config.data, &result.task.catalogue)?;
    Some(Judged { claim: experiment.claim.as_ref()?, judgement })
}
