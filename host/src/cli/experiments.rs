//! The option `--experiments`.

use std::path::PathBuf;

use asymgrad::experiment::Catalogue;
use clap::Args;

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
}
