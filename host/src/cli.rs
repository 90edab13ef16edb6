//! The command line: parses, calls one library function a command, prints.
//!
//! Results go to standard output, all else to standard error.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::Context;
use asymgrad::dataset::{self, Dataset, Info};
use asymgrad::experiment::{self, Experiment};
use asymgrad::kernels::InstructionSet;
use asymgrad::progress::Lines;
use asymgrad::run::{self, Choices, Config, Outcome, Request, Status, Summary};
use asymgrad::{Network, weights};
use asymgrad_core::{Loss, Optimizer, Region, Training};
use clap::{Args, Parser, Subcommand, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

/// Stopped by a signal, with a checkpoint: `EX_TEMPFAIL`, try again.
const STOPPED: u8 = 75;

/// Trains networks whose error travels back through other weights than the ones it came through.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists the report's 39 experiments and the extra ones
    List(ListArguments),
    /// Trains experiments, or any network; the same command continues a stopped run
    Run(RunArguments),
    /// Fetches, imports and describes data sets
    #[command(subcommand)]
    Data(DataCommand),
    /// Shows every region of the memory that training a network takes
    Plan(PlanArguments),
    /// Writes a run's weights for PyTorch
    Export(ExportArguments),
}

impl Arguments {
    pub(crate) fn carry_out(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(arguments) => arguments.list()?,
            Command::Run(arguments) => return arguments.run(),
            Command::Data(command) => command.carry_out()?,
            Command::Plan(arguments) => arguments.plan()?,
            Command::Export(arguments) => arguments.export()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Args)]
struct ListArguments {
    /// Prints a JSON array
    #[arg(long)]
    json: bool,
}

impl ListArguments {
    fn list(&self) -> anyhow::Result<()> {
        let rows = experiment::all();
        if self.json {
            return print_json(&rows);
        }
        let mut table = table(["name", "table", "loss", "published", "network"]);
        for row in rows {
            let published =
                row.published.iter().map(|p| format!("{} % ({})", p.accuracy, p.epochs)).collect::<Vec<_>>();
            let number = row.table.map_or("extra".into(), |table| table.to_string());
            table.add_row([row.name, number, row.loss, published.join(", "), row.network]);
        }
        print(&format!("{table}\npublished: test accuracy (epochs)\n"))
    }
}

/// Which kernels compute.
#[derive(Clone, Copy, ValueEnum)]
enum KernelChoice {
    /// The fastest that this CPU has
    Auto,
    /// The same bits on every CPU
    Portable,
}

impl KernelChoice {
    fn set(self) -> InstructionSet {
        match self {
            Self::Auto => InstructionSet::fastest(),
            Self::Portable => InstructionSet::PORTABLE,
        }
    }
}

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
struct RunArguments {
    /// Experiments, as `asymgrad list` names them
    #[arg(value_name = "NAME", value_parser = experiment::find, required_unless_present = "net", conflicts_with = "net")]
    experiments: Vec<Experiment>,
    /// A network, such as "input 3x32x32 - dense100 - dense10(R)"
    #[arg(long, value_name = "NETWORK")]
    net: Option<Network>,
    /// digits, cifar10, or a path to CIFAR-10's files [default: cifar10 if imported, else digits]
    #[arg(long)]
    data: Option<String>,
    /// Epochs to train [default: the fewest that the report publishes, else 100]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,
    /// Draws weights, feedback and the order of the samples [default: 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Samples of a step [default: 128]
    #[arg(long, value_parser = count)]
    batch: Option<usize>,
    /// sgd, momentum, nesterov or adam [default: the experiment's, else adam]
    #[arg(long, value_parser = optimizer)]
    optimizer: Option<Optimizer>,
    /// Learning rate [default: 0.001 for adam, else 0.01]
    #[arg(long, value_name = "X", value_parser = positive)]
    lr: Option<f32>,
    /// ce, hinge, crammer-singer, softmax-hinge or softmax-crammer-singer [default: the experiment's, else ce]
    #[arg(long, value_parser = loss)]
    loss: Option<Loss>,
    /// Clips each element of the weight gradients to [-X, X]
    #[arg(long, value_name = "X", value_parser = positive)]
    clip: Option<f32>,
    /// Threads; they never change a number [default: all cores]
    #[arg(long, value_parser = count)]
    threads: Option<usize>,
    /// Which kernels compute
    #[arg(long, value_enum, default_value = "auto")]
    kernels: KernelChoice,
    /// The run's folder; with several experiments, their parent [default: runs/DATA/NAME/seed-N]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Weights to begin with; those that the file lacks are drawn
    #[arg(long, value_name = "FILE.safetensors")]
    init: Option<PathBuf>,
    /// Keeps the samples in the order of the files
    #[arg(long)]
    no_shuffle: bool,
    /// Steps to train in all, if that is less than the epochs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max_steps: Option<u64>,
    /// Shows what would be done
    #[arg(long)]
    dry_run: bool,
    /// Starts over in a folder that holds a run
    #[arg(long)]
    fresh: bool,
    /// Prints one JSON object a run
    #[arg(long)]
    json: bool,
    /// Steps between checkpoints, besides those that the clock makes
    #[arg(long, hide = true, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_every: Option<u64>,
}

impl RunArguments {
    /// Trains one run after the other; a failure is told at once and does not keep the next from starting.
    fn run(&self) -> anyhow::Result<ExitCode> {
        let stop = stop_on_signals()?;
        self.notice_default();
        let mut datasets = HashMap::new();
        let mut failed = false;
        for row in self.rows() {
            let spec = self.data_of(row);
            let request = match datasets.entry(spec.clone()).or_insert_with(|| dataset::open(&spec)) {
                Err(error) => Err(anyhow::anyhow!("{error}")),
                Ok(dataset) => self.request(row, dataset).map(|request| (request, &*dataset)),
            };
            let outcome = request.and_then(|(request, dataset)| self.train(&request, dataset, &stop));
            match outcome {
                Ok(Some(Outcome::Stopped { .. })) => return Ok(ExitCode::from(STOPPED)),
                Ok(_) => {}
                Err(error) if error.is::<io::Error>() => return Err(error),
                Err(error) => {
                    failed = true;
                    let name = row.map_or("run", |row| &row.name);
                    let _ = writeln!(io::stderr(), "error: {name}: {error:#}");
                }
            }
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    /// The experiments; `None` stands for the network of `--net`.
    fn rows(&self) -> Vec<Option<&Experiment>> {
        if self.net.is_some() { vec![None] } else { self.experiments.iter().map(Some).collect() }
    }

    fn data_of(&self, row: Option<&Experiment>) -> String {
        let named = self.data.as_deref().or_else(|| row.and_then(|row| row.data.as_deref()));
        named.unwrap_or_else(|| dataset::default_name()).to_owned()
    }

    /// Says once that the report's data is not at hand, if a row would have used it.
    fn notice_default(&self) {
        let default = self.data.is_none() && self.rows().iter().any(|row| row.is_none_or(|row| row.data.is_none()));
        let name = dataset::default_name();
        if default && name != "cifar10" {
            let _ = writeln!(
                io::stderr(),
                "note: CIFAR-10 has not been imported, so this trains on the {name}; see `asymgrad data fetch`"
            );
        }
    }

    fn request(&self, row: Option<&Experiment>, dataset: &Dataset) -> anyhow::Result<Request> {
        let kernels = self.kernels.set();
        let choices = self.choices()?;
        let config = match (row, &self.net) {
            (Some(row), _) => {
                Config::of_experiment(row, &choices, dataset, kernels.class()).map_err(anyhow::Error::msg)?
            }
            (None, Some(net)) => Config::of_network(run::name_of(net), net.clone(), &choices, dataset, kernels.class()),
            (None, None) => anyhow::bail!("name an experiment, or give --net"),
        };
        let folder = match &self.out {
            None => run::default_path(&config.data.name, &config.name, config.seed),
            Some(out) if self.experiments.len() > 1 => out.join(&config.name),
            Some(out) => out.clone(),
        };
        let threads = self.threads.unwrap_or_else(all_cores);
        let Self { fresh, checkpoint_every, .. } = *self;
        Ok(Request { config, folder, init: self.init.clone(), kernels, threads, fresh, checkpoint_every })
    }

    fn choices(&self) -> anyhow::Result<Choices> {
        Ok(Choices {
            loss: self.loss,
            optimizer: self.optimizer,
            rate: self.lr,
            clip: self.clip,
            seed: self.seed,
            batch: self.batch,
            epochs: self.epochs,
            max_steps: self.max_steps,
            no_shuffle: self.no_shuffle,
            init: self.init.as_deref().map(weights::checksum).transpose()?,
        })
    }

    /// Trains one run and prints how it ended; `None` for a dry run.
    fn train(&self, request: &Request, dataset: &Dataset, stop: &AtomicBool) -> anyhow::Result<Option<Outcome>> {
        if self.dry_run {
            self.print_plan(request, dataset)?;
            return Ok(None);
        }
        let outcome = run::train(request, dataset, stop, &mut Lines::new(&request.config.name))?;
        match &outcome {
            Outcome::Ended(summary) | Outcome::Already(summary) => self.print_summary(request, summary)?,
            Outcome::Stopped { step } => {
                let _ = writeln!(
                    io::stderr(),
                    "stopped after step {step} with a checkpoint in {}: the same command continues",
                    request.folder.display()
                );
            }
        }
        Ok(Some(outcome))
    }

    fn print_summary(&self, request: &Request, summary: &Summary) -> anyhow::Result<()> {
        if self.json {
            #[derive(Serialize)]
            struct Line<'a> {
                name: &'a str,
                folder: &'a std::path::Path,
                #[serde(flatten)]
                summary: &'a Summary,
            }
            let line = Line { name: &request.config.name, folder: &request.folder, summary };
            return print(&format!("{}\n", serde_json::to_string(&line)?));
        }
        let status = match summary.status {
            Status::Finished => "finished",
            Status::Diverged => "diverged",
        };
        let last = &summary.last;
        print(&format!(
            "{}: {status} after step {} (epoch {}), test accuracy {:.2} %, test loss {:.4}, in {}\n",
            request.config.name,
            summary.step,
            last.epoch,
            last.test_accuracy,
            last.test_loss,
            request.folder.display()
        ))
    }

    fn print_plan(&self, request: &Request, dataset: &Dataset) -> anyhow::Result<()> {
        #[derive(Serialize)]
        struct Plan<'a> {
            folder: &'a std::path::Path,
            kernels: String,
            threads: usize,
            steps: u64,
            parameters: usize,
            memory_bytes: usize,
            config: &'a Config,
        }
        let config = &request.config;
        let network = config.network.architecture();
        let plan = Plan {
            folder: &request.folder,
            kernels: request.kernels.to_string(),
            threads: request.threads,
            steps: config.goal(dataset.train.len()),
            parameters: network.parameters(),
            memory_bytes: network.memory(&config.training()).saturating_mul(size_of::<f32>()),
            config,
        };
        if self.json { print(&format!("{}\n", serde_json::to_string(&plan)?)) } else { print(&toml::to_string(&plan)?) }
    }
}

#[derive(Subcommand)]
enum DataCommand {
    /// Downloads CIFAR-10, verifies and imports it; a broken download is resumed
    #[cfg(feature = "download")]
    Fetch {
        /// A mirror of the official archive
        #[arg(long, default_value = dataset::fetch::OFFICIAL_URL)]
        url: String,
        /// Prints a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Imports cifar-10-binary.tar.gz
    Import {
        /// The archive
        file: PathBuf,
        /// Prints a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Describes a data set: counts, class balance, means and deviations
    Info {
        /// digits, cifar10, or a path to CIFAR-10's files [default: cifar10 if imported, else digits]
        #[arg(long)]
        data: Option<String>,
        /// Prints a JSON object
        #[arg(long)]
        json: bool,
    },
}

impl DataCommand {
    fn carry_out(self) -> anyhow::Result<()> {
        let (import, json) = match self {
            #[cfg(feature = "download")]
            Self::Fetch { url, json } => {
                (dataset::fetch::fetch(&url, &dataset::fetch::OFFICIAL, &dataset::data_dir())?, json)
            }
            Self::Import { file, json } => (dataset::import(&file, &dataset::data_dir())?, json),
            Self::Info { data, json } => {
                let info = Info::of(&dataset::open(data.as_deref().unwrap_or(dataset::default_name()))?);
                return if json { print_json(&info) } else { print(&format!("{info}\n")) };
            }
        };
        if json { print_json(&import) } else { print(&format!("{import}\n")) }
    }
}

#[derive(Args)]
struct PlanArguments {
    /// A network, such as "input 3x32x32 - dense100 - dense10(R)"
    network: Network,
    /// Samples of a step
    #[arg(long, value_parser = count, default_value = "128")]
    batch: usize,
    /// sgd, momentum, nesterov or adam
    #[arg(long, value_parser = optimizer, default_value = "adam")]
    optimizer: Optimizer,
    /// Prints a JSON object
    #[arg(long)]
    json: bool,
}

impl PlanArguments {
    fn plan(&self) -> anyhow::Result<()> {
        let training = Training::new(self.batch).optimizer(self.optimizer);
        let network = self.network.architecture();
        let regions: Vec<Region> = network.plan(&training).collect();
        let first_stores_nothing = network.layers().first().is_some_and(|layer| layer.feedback.is_stored());
        if self.json {
            return self.print_json(&regions, &training);
        }
        let mut table = table(["layer", "region", "numbers", "bytes"]);
        for region in &regions {
            let layer = region.layer.and_then(|number| Some(format!("{number} {}", network.layers().get(number - 1)?)));
            let numbers = region.numbers;
            table.add_row([
                layer.unwrap_or_else(|| "all".into()),
                region.content.into(),
                numbers.to_string(),
                bytes(numbers),
            ]);
        }
        let total = network.memory(&training);
        table.add_row(["all".into(), "total".into(), total.to_string(), bytes(total)]);
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let note = "layer 1 has no layer with weights before it, so its feedback stores nothing and is never used\n";
        print(&format!("{table}\n{}", if first_stores_nothing { note } else { "" }))
    }

    fn print_json(&self, regions: &[Region], training: &Training) -> anyhow::Result<()> {
        let network = self.network.architecture();
        let rows: Vec<_> = regions
            .iter()
            .map(|region| {
                let Region { layer, content, numbers } = region;
                serde_json::json!({"layer": layer, "region": content, "numbers": numbers, "bytes": numbers.saturating_mul(4)})
            })
            .collect();
        print_json(&serde_json::json!({
            "network": self.network,
            "batch": self.batch,
            "optimizer": self.optimizer.name(),
            "parameters": network.parameters(),
            "bytes": network.memory(training).saturating_mul(4),
            "regions": rows,
        }))
    }
}

#[derive(Args)]
struct ExportArguments {
    /// The run's folder
    run: PathBuf,
    /// The file to write
    #[arg(short, long, value_name = "FILE.safetensors")]
    output: PathBuf,
}

impl ExportArguments {
    fn export(&self) -> anyhow::Result<()> {
        let (config, state) = run::read_state(&self.run)?;
        weights::write(&self.output, &config.network.architecture(), &config.training(), &state).with_context(
            || format!("{}: cannot write the weights; check the path and the permissions", self.output.display()),
        )?;
        print(&format!("{}\n", self.output.display()))
    }
}

/// A flag that Ctrl-C, a scheduler's TERM or Slurm's USR1 sets; a second Ctrl-C ends the process at once.
fn stop_on_signals() -> io::Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&stop))?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&stop))?;
    Ok(stop)
}

fn all_cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn optimizer(name: &str) -> Result<Optimizer, String> {
    let known = Optimizer::DEFAULTS.into_iter().find(|optimizer| optimizer.name() == name);
    known.ok_or_else(|| {
        format!("the optimizers are {}", Optimizer::DEFAULTS.map(|optimizer| optimizer.name()).join(", "))
    })
}

fn loss(name: &str) -> Result<Loss, String> {
    let known = Loss::ALL.into_iter().find(|loss| loss.name() == name);
    known.ok_or_else(|| format!("the losses are {}", Loss::ALL.map(Loss::name).join(", ")))
}

fn positive(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|number: &f32| *number > 0.0 && number.is_finite());
    number.ok_or_else(|| "it has to be a number above 0".into())
}

fn count(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|count| *count > 0).ok_or_else(|| "it has to be a whole number above 0".into())
}

fn bytes(numbers: usize) -> String {
    numbers.saturating_mul(size_of::<f32>()).to_string()
}

fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}
