//! `asymgrad list`: the experiments.

use asymgrad::config::Config;
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
        let mut table = table(["name", "table", "loss", "batch", "published", "network"]);
        for experiment in experiments {
            let published =
                experiment.published.iter().map(|p| format!("{} % ({})", p.accuracy, p.epochs)).collect::<Vec<_>>();
            let number = experiment.table.map_or("extra".into(), |table| table.to_string());
            let batch = experiment.batch.unwrap_or(Config::BATCH).to_string();
            table.add_row([
                &experiment.name,
                &number,
                &experiment.loss,
                &batch,
                &published.join(", "),
                &experiment.network,
            ]);
        }
        print(&format!("{}\npublished: test accuracy (epochs)\n", table.trim_fmt()))
    }
}
