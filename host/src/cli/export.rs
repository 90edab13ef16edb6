//! `asymgrad export`: the weights of a run.

use std::path::PathBuf;

use asymgrad::run;
use asymgrad::tensors::{self, sparse};
use clap::Args;

use super::output::print_name;

#[derive(Args)]
pub(super) struct ExportArguments {
    /// The run's folder
    run: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE.safetensors")]
    output: PathBuf,
    /// Only this tensor of a convolution, such as conv1.weight, as the matrix that a flattened image is multiplied by
    #[arg(long, value_name = "TENSOR")]
    csr: Option<String>,
}

impl ExportArguments {
    pub(super) fn export(&self) -> anyhow::Result<()> {
        let (config, state) = run::read_state(&self.run)?;
        let (network, training) = (config.network.architecture(), config.training());
        let written = match &self.csr {
            None => tensors::write(&self.output, &network, &training, &state, config.standard.as_ref()),
            Some(name) => tensors::write_csr(&self.output, &sparse::of_name(&network, &training, &state, name)?),
        };
        let file = self.output.display();
        written.map_err(|error| {
            anyhow::anyhow!(
                "{file}: cannot write the weights: {error}; check the path, the permissions and the space left"
            )
        })?;
        print_name(&self.output)
    }
}
