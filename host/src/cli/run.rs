//! The arguments of `asymgrad run`: which experiments or networks to train, and with what.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use asymgrad::config::{self, Choices, Config};
use asymgrad::dataset::Dataset;
use asymgrad::experiment::{Catalogue, Experiment};
use asymgrad::settings::Cell;
use asymgrad::settings::values::{positive, run_name};
use asymgrad::suite::Task;
use asymgrad::{Network, published, run, tensors};
use clap::Args;

use super::datasets::OpenDatasets;
use super::execution::Execution;
use super::experiments::ExperimentsFile;
use super::values::ExperimentName;

#[derive(Args)]
pub(super) struct RunArguments {
    /// Experiments, as `asymgrad list` names them
    #[arg(value_name = "NAME", required_unless_present_any = ["net", "grid"], conflicts_with = "net")]
    #[arg(value_parser = ExperimentName, hide_possible_values = true)]
    names: Vec<String>,
    #[command(flatten)]
    pub(super) own: ExperimentsFile,
    /// A network, such as "input 3x32x32 - dense100 - dense10(R)"; may be repeated
    #[arg(long, value_name = "NETWORK")]
    net: Vec<Network>,
    /// Names of the networks, one for each --net [default: made from the network]
    #[arg(long = "name", value_name = "NAME,…", value_delimiter = ',', value_parser = run_name)]
    #[arg(requires = "net", conflicts_with = "names")]
    net_names: Vec<String>,
    /// Trains every combination of the values in a file of options of this command
    #[arg(long, value_name = "FILE.toml")]
    pub(super) grid: Option<PathBuf>,
    /// digits, cifar10, fashion-mnist, or the path of a data set [default: the experiment's, else cifar10]
    #[arg(long)]
    data: Option<OsString>,
    /// Learning rate; several, as 1e-3,3e-4, are a run each [default: 0.001 for adam, else 0.01]
    #[arg(long, value_name = "X,…", value_delimiter = ',', value_parser = positive, allow_negative_numbers = true)]
    lr: Vec<f32>,
    #[command(flatten)]
    pub(super) choices: Choices,
    /// The run's folder; of several runs, their parent [default: runs/DATA/NAME/seed-N]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Weights to begin with; those that the file lacks are drawn, and named
    #[arg(long, value_name = "FILE.safetensors")]
    init: Option<PathBuf>,
    #[command(flatten)]
    pub(super) execution: Execution,
}

impl RunArguments {
    /// The tasks of these arguments, which are a cell of a grid if `cell` is given.
    pub(super) fn tasks_of(
        &self,
        data: &mut OpenDatasets,
        catalogue: &Arc<Catalogue>,
        cell: Option<&Cell>,
    ) -> anyhow::Result<Vec<Task>> {
        let experiments = self.names.iter().map(|name| catalogue.find(name)).collect::<Result<Vec<_>, _>>()?;
        let networks = self.networks(catalogue)?;
        let mut tasks = vec![];
        for choices in self.combinations()? {
            for (name, net) in &networks {
                let class = self.execution.shared.kernels.class()?;
                let dataset = data.get(self.data.as_deref(), None, &choices)?;
                let config = Config::of_network(name.clone(), (*net).clone(), &choices, &*dataset, class);
                let config = data.complete(config, &choices, &dataset)?;
                tasks.push(self.task(config, dataset, None, catalogue, cell));
            }
            for experiment in &experiments {
                let all = choices.or(&experiment.options.choices);
                let dataset = data.get(self.data.as_deref(), experiment.data.as_deref(), &all)?;
                let config = self.execution.config(experiment, &choices, &dataset, data)?;
                tasks.push(self.task(config, dataset, Some(experiment), catalogue, cell));
            }
        }
        Ok(tasks)
    }

    /// Says that published runs begin with draws of their own, unless weights are given.
    pub(super) fn note_draws(&self) {
        if self.init.is_some() || self.names.is_empty() {
            return;
        }
        let records = published::all();
        let has_draws =
            |name: &&String| records.iter().any(|record| record.experiment.name == **name && record.draws.is_some());
        for name in self.names.iter().filter(has_draws) {
            let _ = writeln!(
                io::stderr(),
                "note: {name} draws weights of its own here; `asymgrad suite --published {name}` begins with the published ones"
            );
        }
    }

    /// Each network with its name.
    fn networks(&self, catalogue: &Catalogue) -> anyhow::Result<Vec<(String, &Network)>> {
        if !self.net_names.is_empty() && self.net_names.len() != self.net.len() {
            let (names, nets) = (self.net_names.len(), self.net.len());
            anyhow::bail!("--name has {names} names for {nets} networks; give a name for each --net, as --name A,B");
        }
        let mut seen = HashSet::new();
        let name = |(index, net): (usize, &Network)| {
            self.net_names.get(index).cloned().unwrap_or_else(|| config::name_of(net))
        };
        let networks: Vec<_> = self.net.iter().enumerate().map(|(index, net)| (name((index, net)), net)).collect();
        if let Some((name, _)) = networks.iter().find(|(name, _)| !seen.insert(name)) {
            anyhow::bail!("two networks are called `{name}`; give each --net a name of its own with --name");
        }
        if let Some(name) = self.net_names.iter().find(|name| catalogue.find(name).is_ok()) {
            anyhow::bail!("there is an experiment called `{name}`; choose another --name");
        }
        Ok(networks)
    }

    /// Every learning rate with every seed.
    fn combinations(&self) -> anyhow::Result<Vec<Choices>> {
        let init = self.init.as_deref().map(tensors::checksum).transpose()?;
        let choices = Choices { init, validation: self.execution.shared.validation, ..self.choices.clone() };
        let seeds = self.execution.shared.seeds();
        let rates: Vec<Option<f32>> =
            if self.lr.is_empty() { vec![None] } else { self.lr.iter().copied().map(Some).collect() };
        let combination = |rate, seed| Choices { rate, seed, ..choices.clone() };
        Ok(rates
            .iter()
            .flat_map(|rate| seeds.iter().map(move |seed| (*rate, *seed)))
            .map(|(rate, seed)| combination(rate, seed))
            .collect())
    }

    fn task(
        &self,
        config: Config,
        dataset: Arc<Dataset>,
        experiment: Option<&Experiment>,
        catalogue: &Arc<Catalogue>,
        cell: Option<&Cell>,
    ) -> Task {
        let rate = || if self.lr.len() > 1 { format!("lr-{}", config.optimizer.rate()) } else { String::new() };
        // Several rates of the command line are no part of a grid's cell.
        let parts = [cell.map_or_else(String::new, Cell::path_part), rate()];
        let varying = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_");
        let (several_names, several_seeds) = (
            self.names.len() + self.net.len() > 1 || cell.is_some(),
            self.execution.shared.seeds().len() > 1 || cell.is_some(),
        );
        let mut folder = match &self.out {
            None => run::default_path(&config.data.name, &config.name, config.seed),
            Some(out) if several_names => out.join(&config.name),
            Some(out) => out.clone(),
        };
        if self.out.is_none() && !varying.is_empty() {
            folder.pop();
        }
        if !varying.is_empty() {
            folder.push(&varying);
        }
        if (self.out.is_some() && several_seeds) || (self.out.is_none() && !varying.is_empty()) {
            folder.push(format!("seed-{}", config.seed));
        }
        let mut task = self.execution.task(config, varying, folder, dataset, experiment, catalogue);
        if self.init.is_some() {
            task.request.init.clone_from(&self.init);
        }
        task
    }
}
