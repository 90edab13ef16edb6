//! The weights that a command takes: those of a run, or of a file beside the notation of its network.

use std::ffi::OsString;
use std::path::PathBuf;

use asymgrad::config::{self, Choices, Config, Target};
use asymgrad::dataset::{self, Dataset};
use asymgrad::{Network, run, tensors, train};
use asymgrad_core::{Optimizer, Sgd};
use clap::Args;

use super::datasets::target_on;
use super::shared::KernelChoice;

#[derive(Args)]
pub(super) struct WeightsArguments {
    /// The run's folder, or a file of weights with --net
    #[arg(value_name = "RUN|FILE.safetensors")]
    source: PathBuf,
    /// The network of a file of weights
    #[arg(long, value_name = "NETWORK")]
    net: Option<Network>,
    /// digits, cifar10, fashion-mnist, or the path of a data set [default: the run's, of a file cifar10]
    #[arg(long)]
    data: Option<OsString>,
    /// Takes these training images by index, integers in .npy, .npz or .safetensors, in place of the test images [default: the run's]
    #[arg(long, value_name = "FILE")]
    test_indices: Option<PathBuf>,
    /// The kernels for a file of weights; a run has its own [default: auto]
    #[arg(long, value_enum, requires = "net")]
    kernels: Option<KernelChoice>,
}

/// Weights, the network's settings, and the data set.
pub(super) struct Weights {
    pub(super) config: Config,
    /// The trainer's state.
    pub(super) state: Vec<f32>,
    pub(super) dataset: Dataset,
}

impl WeightsArguments {
    /// Reads the weights. `choices` are the settings for a file; a run has its own.
    pub(super) fn read(&self, choices: &Choices) -> anyhow::Result<Weights> {
        match &self.net {
            Some(network) => self.read_file(network, choices),
            None if self.source.is_file() => {
                anyhow::bail!(
                    "{}: this is no run; if it is a file of weights, name its network with --net",
                    self.source.display()
                )
            }
            None => self.read_run(),
        }
    }

    fn read_run(&self) -> anyhow::Result<Weights> {
        let (config, state) = run::read_state(&self.source)?;
        let dataset = dataset::open(self.data.clone().unwrap_or_else(|| run::data_of(&self.source, &config)))?;
        let dataset = self.with_test_indices(&config, dataset)?;
        check(&config, &dataset)?;
        Ok(Weights { config, state: state.to_vec(), dataset })
    }

    /// The data set with the images that a run tests on.
    fn with_test_indices(&self, config: &Config, dataset: Dataset) -> anyhow::Result<Dataset> {
        if let Some(file) = &self.test_indices {
            return Ok(dataset.with_indices(None, Some(file))?);
        }
        let Some(checksum) = config.test_indices.as_ref().filter(|_| config.data.checksum == dataset.checksum) else {
            return Ok(dataset);
        };
        let run = self.source.display();
        let file = run::test_indices_of(&self.source).ok_or_else(|| {
            anyhow::anyhow!("{run}: the run tests on training images by index, and nothing says which file has them; give --test-indices FILE")
        })?;
        let dataset = dataset.with_indices(None, Some(&file))?;
        let found = dataset.test_indices.as_ref().map(|found| &found.checksum);
        if found != Some(checksum) {
            let file = file.display();
            anyhow::bail!(
                "{file}: the file has changed since {run} was trained, when its SHA-256 was {checksum}; give that one as --test-indices"
            );
        }
        Ok(dataset)
    }

    fn read_file(&self, network: &Network, choices: &Choices) -> anyhow::Result<Weights> {
        let dataset = dataset::open(self.data.clone().unwrap_or_else(|| dataset::DEFAULT.into()))?;
        let dataset = dataset.with_indices(None, self.test_indices.as_deref())?;
        let class = self.kernels.unwrap_or(KernelChoice::Auto).class()?;
        // The optimizer that takes no memory: nothing is trained.
        let choices = Choices { optimizer: Some(Optimizer::Sgd(Sgd::DEFAULT)), ..choices.clone() };
        let mut config = Config::of_network(config::name_of(network), network.clone(), &choices, &dataset, class);
        config.target = target_on(&dataset, choices.target);
        let (inputs, outputs) = (network.architecture().input().features(), network.architecture().classes());
        if config.target == Target::Class && outputs == inputs && outputs > dataset.classes {
            anyhow::bail!(
                "the network has as many outputs as inputs, {outputs}, and {} has {} classes; of an autoencoder give --target input and its \
                 --loss",
                dataset.name,
                dataset.classes
            );
        }
        check(&config, &dataset)?;
        config.standard = tensors::read_standard(&self.source, dataset.channels)?;
        let architecture = network.architecture();
        let mut state = tensors::read_parameters(&self.source, &architecture)?;
        // A prediction reads no feedback.
        state.resize(architecture.state(&config.training()), 0.0);
        Ok(Weights { config, state, dataset })
    }
}

/// Fails if the network does not take the images, or the validation split leaves none.
fn check(config: &Config, dataset: &Dataset) -> Result<(), run::Error> {
    train::check_fit(config, dataset)?;
    train::check_split(config, dataset)
}
