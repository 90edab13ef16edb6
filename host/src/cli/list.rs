//! `asymgrad list`: the experiments.

use asymgrad::config::Config;
use asymgrad::experiment::Experiment;
use asymgrad_core::{Adam, Optimizer};
use clap::Args;

use super::experiments::ExperimentsFile;
use super::output::{print, print_json, table};

#[derive(Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    own: ExperimentsFile,
    /// Prints a JSON array
    #[arg(long)]
    json: bool,
}

impl ListArguments {
    pub(super) fn list(&self) -> anyhow::Result<()> {
        let catalogue = self.own.catalogue()?;
        let experiments = catalogue.chosen();
        if self.json {
            return print_json(&experiments);
        }
        let header = ["name", "table", "loss", "optimizer", "rate", "clip", "batch", "published", "claim", "network"];
        let mut table = table(header);
        for experiment in experiments {
            table.add_row(row(experiment));
        }
        print(&format!(
            "{}\npublished: test accuracy (epochs); claim: what its text expects, `list --json` has the sentence\n",
            table.trim_fmt()
        ))
    }
}

fn row(experiment: &Experiment) -> [String; 10] {
    let choices = &experiment.options.choices;
    let optimizer = choices.optimizer.unwrap_or(Optimizer::Adam(Adam::DEFAULT));
    let published = experiment.published.iter().map(|p| format!("{} % ({})", p.accuracy, p.epochs)).collect::<Vec<_>>();
    [
        experiment.name.clone(),
        experiment.table.map_or("extra".into(), |table| table.to_string()),
        experiment.loss.clone(),
        optimizer.name().into(),
        experiment.lr.unwrap_or(optimizer.rate()).to_string(),
        choices.clip.map_or_else(String::new, |limit| limit.to_string()),
        choices.batch.unwrap_or(Config::BATCH).to_string(),
        published.join(", "),
        experiment.claim.as_ref().map_or_else(String::new, |claim| claim.expectation.summary()),
        experiment.network.clone(),
    ]
}
