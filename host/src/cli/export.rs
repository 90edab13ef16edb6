//! `asymgrad export`: the weights of a run, or of a file, for other programs and for a firmware.

use std::io;
use std::path::{Path, PathBuf};

use asymgrad::Network;
use asymgrad::run;
use asymgrad::tensors::{self, sparse};
use clap::{ArgGroup, Args};

use super::output::print_name;

#[derive(Args)]
#[command(group(ArgGroup::new("file").args(["output", "rust", "raw"]).required(true).multiple(true)))]
pub(super) struct ExportArguments {
    /// The run's folder, or a file of weights with --net
    #[arg(value_name = "RUN|FILE.safetensors")]
    source: PathBuf,
    /// The network of a file of weights
    #[arg(long, value_name = "NETWORK")]
    net: Option<Network>,
    /// The file to write, as safetensors
    #[arg(short, long, value_name = "FILE.safetensors")]
    output: Option<PathBuf>,
    /// Writes weights and biases as an array in Rust, for `include!` in a firmware
    #[arg(long, value_name = "FILE.rs")]
    rust: Option<PathBuf>,
    /// Writes weights and biases as bytes, for `include_bytes!` in a firmware
    #[arg(long, value_name = "FILE.bin")]
    raw: Option<PathBuf>,
    /// Only this tensor of a convolution, such as conv1.weight, as the matrix that a flattened image is multiplied by
    #[arg(long, value_name = "TENSOR", requires = "output", conflicts_with = "net")]
    csr: Option<String>,
}

impl ExportArguments {
    pub(super) fn export(&self) -> anyhow::Result<()> {
        match &self.net {
            Some(network) => self.export_file(network),
            None if self.source.is_file() => {
                anyhow::bail!(
                    "{}: this is no run; if it is a file of weights, name its network with --net",
                    self.source.display()
                )
            }
            None => self.export_run(),
        }
    }

    fn export_run(&self) -> anyhow::Result<()> {
        let (config, state) = run::read_state(&self.source)?;
        let (network, training) = (config.network.architecture(), config.training());
        if let Some(output) = &self.output {
            let written = match &self.csr {
                None => tensors::write(output, &network, &training, &state, config.standard.as_ref()),
                Some(name) => tensors::write_csr(output, &sparse::of_name(&network, &training, &state, name)?),
            };
            report(output, written)?;
        }
        self.write_parameters(&config.network, state.get(..network.parameters()).unwrap_or_default())
    }

    fn export_file(&self, network: &Network) -> anyhow::Result<()> {
        let parameters = tensors::read_parameters(&self.source, &network.architecture())?;
        if let Some(output) = &self.output {
            anyhow::bail!(
                "{}: weights in a file are safetensors already; export them with --rust or --raw",
                output.display()
            )
        }
        self.write_parameters(network, &parameters)
    }

    fn write_parameters(&self, network: &Network, parameters: &[f32]) -> anyhow::Result<()> {
        let network = network.architecture();
        if let Some(file) = &self.rust {
            report(file, tensors::write_rust(file, &network, parameters))?;
        }
        if let Some(file) = &self.raw {
            report(file, tensors::write_raw(file, &network, parameters))?;
        }
        Ok(())
    }
}

/// Prints the name of a file that is written, or says why it is not.
fn report(file: &Path, written: io::Result<()>) -> anyhow::Result<()> {
    written.map_err(|error| {
        let file = file.display();
        anyhow::anyhow!("{file}: cannot write the weights: {error}; check the path, the permissions and the space left")
    })?;
    print_name(file)
}
