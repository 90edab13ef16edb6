//! What came of a training beside the report's figures and claims, for programs.

use std::path::Path;

use serde::Serialize;

use crate::Network;
use crate::analysis::{self, Judgement};
use crate::experiment::{Claim, Published};
use crate::run::{self, Status};
use crate::suite::Trained;
use crate::train::{Outcome, Request};

/// What `run --json` and `suite --json` print of a training.
#[derive(Debug, Serialize)]
pub struct Line<'a> {
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

/// A test accuracy of ours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reached {
    /// Epochs of training.
    pub epochs: u32,
    /// Correct on the test set, in percent.
    pub accuracy: f64,
}

/// A claim of the report, and what a run says about it.
#[derive(Debug, Serialize)]
pub(crate) struct Judged<'a> {
    #[serde(flatten)]
    pub(crate) claim: &'a Claim,
    #[serde(flatten)]
    pub(crate) judgement: Judgement,
}

impl<'a> From<&'a Trained<'_>> for Line<'a> {
    fn from(trained: &'a Trained<'_>) -> Self {
        let Request { config, folder, .. } = &trained.row.request;
        let (status, step, error) = match &trained.outcome {
            Ok(Outcome::Ended(summary) | Outcome::Already(summary)) => match summary.status {
                Status::Finished => ("finished", Some(summary.step), None),
                Status::Diverged => ("diverged", Some(summary.step), None),
            },
            Ok(Outcome::Stopped { step }) => ("stopped", Some(*step), None),
            Err(reason) => ("failed", None, Some(reason.as_str())),
        };
        Line {
            name: &config.name,
            table: trained.row.table(),
            network: &config.network,
            loss: config.loss.name(),
            data: &config.data.name,
            folder,
            status,
            step,
            last: trained.summary().map(|summary| summary.last),
            reached: reached(trained),
            published: trained.row.published(),
            claim: judged(trained),
            error,
        }
    }
}

/// Ours at each number of epochs that the report publishes and the run has passed, then at its last epoch.
pub(crate) fn reached(trained: &Trained<'_>) -> Vec<Reached> {
    let Some(summary) = trained.summary() else { return vec![] };
    let last = summary.last;
    // The table must not fail for a log that somebody removed: the result holds the last line.
    let mut lines = run::read_epochs(&trained.row.request.folder).unwrap_or_default();
    lines.retain(|line| line.epoch < last.epoch && trained.row.published().iter().any(|p| p.epochs == line.epoch));
    lines.push(last);
    lines.iter().map(|line| Reached { epochs: line.epoch, accuracy: line.test_accuracy }).collect()
}

/// What the run says about the report's claim, if the row tests one.
pub(crate) fn judged<'a>(trained: &'a Trained<'_>) -> Option<Judged<'a>> {
    let experiment = trained.row.experiment.as_ref()?;
    let Request { folder, config, .. } = &trained.row.request;
    let judgement = analysis::judge(experiment, folder, &config.data, &trained.row.catalogue)?;
    Some(Judged { claim: experiment.claim.as_ref()?, judgement })
}
