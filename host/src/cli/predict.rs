//! `asymgrad predict`: the logits of a run's network.

use std::ffi::OsString;
use std::path::PathBuf;

use asymgrad::{dataset, run, tensors, train};
use clap::Args;

use super::output::print_name;

#[derive(Args)]
pub(super) struct PredictArguments {
    /// The run's folder
    run: PathBuf,
    /// digits, cifar10, or a path [default: the run's]
    #[arg(long)]
    data: Option<OsString>,
    /// The file to write: `scores` [image, output], and `labels` or `values` [image, value] of the test images
    #[arg(short, long, value_name = "FILE.safetensors")]
    output: PathBuf,
}

impl PredictArguments {
    pub(super) fn predict(&self) -> anyhow::Result<()> {
        let (config, state) = run::read_state(&self.run)?;
        let dataset = dataset::open(self.data.clone().unwrap_or_else(|| run::data_of(&self.run, &config)))?;
        train::check_fit(&config, &dataset)?;
        let logits = train::predict(&config, &state, &dataset)?;
        tensors::write_logits(&self.output, &logits, &dataset.test)
            .map_err(|error| anyhow::anyhow!("{}: cannot write the logits: {error}", self.output.display()))?;
        print_name(&self.output)
    }
}
