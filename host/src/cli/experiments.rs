//! The option `--experiments`, and the command of that name.

use std::path::PathBuf;

use asymgrad::experiment::{self, Catalogue};
use asymgrad::settings::Field;
use clap::Args;

use super::output::print;

/// Experiments besides the report's.
#[derive(Args)]
pub(super) struct ExperimentsFile {
    /// Experiments of your own: a file with the fields of data/experiments.toml
    #[arg(long, value_name = "FILE.toml")]
    experiments: Option<PathBuf>,
}

impl ExperimentsFile {
    pub(super) fn catalogue(&self) -> anyhow::Result<Catalogue> {
        Ok(Catalogue::open(self.experiments.as_deref())?)
    }

    pub(super) fn is_given(&self) -> bool {
        self.experiments.is_some()
    }
}

#[derive(Args)]
pub(super) struct ExperimentsArguments {
    /// Prints the fields of experiments and of grids, as Markdown tables
    #[arg(long, required = true)]
    schema: bool,
}

impl ExperimentsArguments {
    /// `grid` are the fields of a grid.
    pub(super) fn print(&self, grid: &[Field]) -> anyhow::Result<()> {
        debug_assert!(self.schema, "clap requires it");
        let (own, options): (Vec<Field>, Vec<Field>) =
            experiment::schema().into_iter().partition(|field| !grid.contains(field));
        let of_grid: Vec<Field> = grid.iter().filter(|field| !options.contains(field)).cloned().collect();
        print(&format!(
            "Fields of an experiment:\n\n{}\nFields of a grid:\n\n{}\nFields of both:\n\n{}",
            table(&own),
            table(&of_grid),
            table(&options)
        ))
    }
}

fn table(fields: &[Field]) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let row = |field: &Field| format!("| `{}` | {} | {} |\n", field.name, cell(&field.value), cell(&field.meaning));
    format!("| field | value | meaning |\n|---|---|---|\n{}", fields.iter().map(row).collect::<String>())
}
