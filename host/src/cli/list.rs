//! `asymgrad list`: the experiments.

use asymgrad::config::Config;
use asymgrad::experiment::Experiment;
use asymgrad::published;
use clap::Args;

use super::experiments::ExperimentsFile;
use super::output::{print, print_json, table};

#[derive(Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    own: ExperimentsFile,
    /// Lists the experiments that other groups published, which `suite --published` trains
    #[arg(long, conflicts_with = "experiments")]
    published: bool,
    /// Prints a JSON array
    #[arg(long)]
    json: bool,
}

impl ListArguments {
    pub(super) fn list(&self) -> anyhow::Result<()> {
        if self.published {
            return self.list_published();
        }
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
            "{}\npublished: test accuracy (epochs); claim: what its text expects, `list --json` has the sentence\n\
             list --published: the experiments of other groups\n",
            table.trim_fmt()
        ))
    }

    fn list_published(&self) -> anyhow::Result<()> {
        let records = published::all();
        if self.json {
            return print_json(&records.iter().map(|record| &record.experiment).collect::<Vec<_>>());
        }
        let mut table = table(["name", "source", "loss", "optimizer", "rate", "seeds", "epochs", "network"]);
        for record in records {
            let experiment = &record.experiment;
            let optimizer = experiment.options.choices.optimizer_or_default();
            let seeds = record.seeds.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            table.add_row([
                experiment.name.clone(),
                record.source.name.clone(),
                experiment.loss.clone(),
                optimizer.name().into(),
                experiment.lr.unwrap_or(optimizer.rate()).to_string(),
                seeds,
                record.epochs().to_string(),
                experiment.network.clone(),
            ]);
        }
        print(&format!("{}\nsuite --published SOURCE trains those of a source\n", table.trim_fmt()))
    }
}

fn row(experiment: &Experiment) -> [String; 10] {
    let choices = &experiment.options.choices;
    let optimizer = choices.optimizer_or_default();
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
