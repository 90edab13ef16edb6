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
        let rows = catalogue.chosen();
        if self.json {
            return print_json(&rows);
        }
        let mut table = table(["name", "table", "loss", "batch", "published", "network"]);
        for row in rows {
            let published =
                row.published.iter().map(|p| format!("{} % ({})", p.accuracy, p.epochs)).collect::<Vec<_>>();
            let number = row.table.map_or("extra".into(), |table| table.to_string());
            let batch = row.batch.unwrap_or(Config::BATCH).to_string();
            table.add_row([&row.name, &number, &row.loss, &batch, &published.join(", "), &row.network]);
        }
        print(&format!("{}\npublished: test accuracy (epochs)\n", table.trim_fmt()))
    }
}
