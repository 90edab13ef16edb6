//! `asymgrad predict`: the logits of a run's network, or of a file's weights.

use std::path::PathBuf;

use asymgrad::config::Choices;
use asymgrad::{tensors, train};
use clap::Args;

use super::output::print_name;
use super::weights::{Weights, WeightsArguments};

#[derive(Args)]
pub(super) struct PredictArguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// The file to write: `logits` [image, output], and `labels` or `values` [image, value] of the test images
    #[arg(short, long, value_name = "FILE.safetensors")]
    output: PathBuf,
}

impl PredictArguments {
    pub(super) fn predict(&self) -> anyhow::Result<()> {
        let Weights { config, state, dataset } = self.weights.read(&Choices::default())?;
        let logits = train::predict(&config, &state, &dataset)?;
        tensors::write_logits(&self.output, &logits, &dataset.test).map_err(|error| {
            anyhow::anyhow!(
                "{}: cannot write the logits: {error}; check the path, the permissions and the space left",
                self.output.display()
            )
        })?;
        print_name(&self.output)
    }
}
