//! `run` and `suite`: which rows to train and how, then all of them, then what came of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use asymgrad::capacity;
use asymgrad::catalogue::Catalogue;
use asymgrad::dataset::{self, Dataset};
use asymgrad::experiment::Experiment;
use asymgrad::kernels::InstructionSet;
use asymgrad::progress::Watch;
use asymgrad::report;
use asymgrad::run::{self, Choices, Config, Request, Standard};
use asymgrad::slurm::Array;
use asymgrad::status::{self, Standing};
use asymgrad::suite::{self, Row, Trained};
use asymgrad::{Network, weights};
use asymgrad_core::{Initial, Loss, Optimizer};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, ValueEnum};
use serde::Serialize;

use super::{Arguments, Own, count, is_broken_pipe, loss, optimizer, positive, print};
use super::{initial, seed_range};

/// Stopped by a signal, with a checkpoint: `EX_TEMPFAIL`, try again.
const STOPPED: u8 = 75;

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

/// How trainings are carried out, one or many.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct Execution {
    /// Draws weights, feedback and the order of the samples [default: 1]
    #[arg(long)]
    seed: Option<u64>,
    /// Several seeds, both ends included: a run each
    #[arg(long, value_name = "FIRST..LAST", value_parser = seed_range, conflicts_with = "seed")]
    seeds: Option<(u64, u64)>,
    /// Trains so many rows at once; they never change a number
    #[arg(long, value_name = "N", default_value = "1", value_parser = count, conflicts_with_all = ["slurm", "print_script"])]
    jobs: usize,
    /// Memory in MB for all rows at once [default: what is free]
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u64).range(1..))]
    memory: Option<u64>,
    /// Threads of each row; they never change a number [default: all cores, shared out among --jobs]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Which kernels compute
    #[arg(long, value_enum, default_value = "auto")]
    kernels: KernelChoice,
    /// Shows what would be done
    #[arg(long)]
    dry_run: bool,
    /// Starts over in a folder that holds a run
    #[arg(long)]
    fresh: bool,
    /// Prints JSON: an object for one run, an array for several
    #[arg(long)]
    json: bool,
    /// Trains the other rows when one fails; this is the default
    #[arg(long, conflicts_with = "fail_fast")]
    keep_going: bool,
    /// Stops at the first row that fails
    #[arg(long)]
    fail_fast: bool,
    /// Submits the rows as a Slurm array, a task for each row; tasks go on after their time limit
    #[arg(long, conflicts_with = "dry_run")]
    slurm: bool,
    /// Prints the script of --slurm, and submits nothing
    #[arg(long)]
    print_script: bool,
    /// A further option for sbatch, such as --sbatch=--time=8:00:00; may be repeated
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    sbatch: Vec<String>,
    /// Trains only this row, counted from 1: a task of a Slurm array
    #[arg(long, hide = true, value_name = "N", value_parser = count)]
    task: Option<usize>,
    #[arg(long, help = "Writes TensorBoard's event files into the runs' folders, too")]
    tensorboard: bool,
    /// Steps between checkpoints, besides those that the clock makes
    #[arg(long, hide = true, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_every: Option<u64>,
}

/// What is seldom changed.
#[derive(Args)]
struct Tuning {
    /// L2 weight decay: X times the weight is added to its clipped gradient
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    weight_decay: Option<f32>,
    /// How the learning rate falls: step:EPOCHS:FACTOR or cosine:EPOCHS [default: constant]
    #[arg(long, value_name = "SCHEDULE")]
    schedule: Option<run::Schedule>,
    /// (KP): share by which weights and feedback shrink each step [default: 0.0001]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    kp_decay: Option<f32>,
    /// (WM): share of the way that a mirror goes each step [default: 0.01]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    mirror_rate: Option<f32>,
    /// How weights are drawn: glorot, scaled:FACTOR, normal:DEVIATION or fan:GAIN, normal with GAIN/√(in + out)
    #[arg(long, value_name = "INITIAL", value_parser = initial)]
    weights_init: Option<Initial>,
    /// How feedback is drawn, likewise
    #[arg(long, value_name = "INITIAL", value_parser = initial)]
    feedback_init: Option<Initial>,
    /// Gives each channel of the training images mean 0 and variance 1, and the test images the same numbers
    #[arg(long)]
    standardize: bool,
    /// Epochs between two measurements of the feedback's angles; 0 is never [default: 1]
    #[arg(long, value_name = "EPOCHS")]
    measure_every: Option<u32>,
}

#[derive(Args)]
pub(super) struct RunArguments {
    /// Experiments, as `asymgrad list` names them
    #[arg(value_name = "NAME", required_unless_present = "net", conflicts_with = "net")]
    names: Vec<String>,
    #[command(flatten)]
    own: Own,
    /// A network, such as "input 3x32x32 - dense100 - dense10(R)"
    #[arg(long, value_name = "NETWORK")]
    net: Option<Network>,
    /// digits, cifar10, or the path of a data set [default: cifar10 if imported, else digits]
    #[arg(long)]
    data: Option<String>,
    /// Epochs to train [default: the fewest that the report publishes, else 100]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,
    /// Samples of a step [default: 128]
    #[arg(long, value_parser = count)]
    batch: Option<usize>,
    /// sgd, momentum, nesterov or adam [default: the experiment's, else adam]
    #[arg(long, value_parser = optimizer)]
    optimizer: Option<Optimizer>,
    /// Learning rate; several, as 1e-3,3e-4, are a run each [default: 0.001 for adam, else 0.01]
    #[arg(long, value_name = "X,…", value_delimiter = ',', value_parser = positive, allow_negative_numbers = true)]
    lr: Vec<f32>,
    /// ce, bce, hinge, crammer-singer, softmax-hinge or softmax-crammer-singer [default: the experiment's, else ce]
    #[arg(long, value_parser = loss)]
    loss: Option<Loss>,
    /// Clips each element of the weight gradients to [-X, X]
    #[arg(long, value_name = "X", value_parser = positive, allow_negative_numbers = true)]
    clip: Option<f32>,
    #[command(flatten)]
    tuning: Tuning,
    /// The run's folder; of several runs, their parent [default: runs/DATA/NAME/seed-N]
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
    #[command(flatten)]
    execution: Execution,
}

impl RunArguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        self.execution.train(&self.rows()?)
    }

    fn rows(&self) -> anyhow::Result<Vec<Row>> {
        let mut data = Data::new(self.data.as_deref());
        let catalogue = Arc::new(self.own.catalogue()?);
        let experiments = self.names.iter().map(|name| catalogue.find(name)).collect::<Result<Vec<_>, _>>();
        // As clap says it of a word that it does not know.
        let experiments =
            experiments.unwrap_or_else(|error| Arguments::command().error(ErrorKind::InvalidValue, error).exit());
        let mut rows = vec![];
        for choices in self.cells()? {
            if let Some(net) = &self.net {
                let (dataset, class) = (data.of_row(None)?, self.execution.kernels.set().class());
                let config = Config::of_network(run::name_of(net), net.clone(), &choices, &*dataset, class);
                rows.push(self.row(config, dataset, None, &catalogue));
            }
            for experiment in &experiments {
                let dataset = data.of_row(experiment.data.as_deref())?;
                let config = self.execution.config(experiment, &choices, &dataset)?;
                rows.push(self.row(config, dataset, Some(experiment), &catalogue));
            }
        }
        Ok(rows)
    }

    /// Every learning rate with every seed.
    fn cells(&self) -> anyhow::Result<Vec<Choices>> {
        let (choices, seeds) = (self.choices()?, self.execution.seeds());
        let rates: Vec<Option<f32>> =
            if self.lr.is_empty() { vec![None] } else { self.lr.iter().copied().map(Some).collect() };
        let cell = |rate, seed| Choices { rate, seed, ..choices.clone() };
        Ok(rates
            .iter()
            .flat_map(|rate| seeds.iter().map(move |seed| (*rate, *seed)))
            .map(|(r, s)| cell(r, s))
            .collect())
    }

    fn row(
        &self,
        mut config: Config,
        dataset: Arc<Dataset>,
        experiment: Option<&Experiment>,
        catalogue: &Arc<Catalogue>,
    ) -> Row {
        config.standard = self.tuning.standardize.then(|| Standard::of(&dataset));
        let (seed, rate) = (format!("seed-{}", config.seed), format!("lr-{}", config.optimizer.rate()));
        let (many_rates, many_seeds) = (self.lr.len() > 1, self.execution.seeds().len() > 1);
        let mut folder = match &self.out {
            None => run::default_path(&config.data.name, &config.name, config.seed),
            Some(out) if self.names.len() > 1 => out.join(&config.name),
            Some(out) => out.clone(),
        };
        if self.out.is_none() && many_rates {
            folder.pop();
        }
        if many_rates {
            folder.push(rate);
        }
        if (self.out.is_some() && many_seeds) || (self.out.is_none() && many_rates) {
            folder.push(seed);
        }
        let mut row = self.execution.row(config, folder, dataset, experiment, catalogue);
        row.request.init.clone_from(&self.init);
        row
    }

    fn choices(&self) -> anyhow::Result<Choices> {
        Ok(Choices {
            loss: self.loss,
            optimizer: self.optimizer,
            rate: None,
            clip: self.clip,
            decay: self.tuning.weight_decay,
            schedule: self.tuning.schedule.unwrap_or_default(),
            kp_decay: self.tuning.kp_decay,
            mirror_rate: self.tuning.mirror_rate,
            weights_init: self.tuning.weights_init.unwrap_or_default(),
            feedback_init: self.tuning.feedback_init.unwrap_or_default(),
            measure_every: self.tuning.measure_every,
            seed: None,
            batch: self.batch,
            epochs: self.epochs,
            max_steps: self.max_steps,
            no_shuffle: self.no_shuffle,
            init: self.init.as_deref().map(weights::checksum).transpose()?,
        })
    }
}

#[derive(Args)]
pub(super) struct SuiteArguments {
    /// A few epochs of every row on the embedded digits: minutes instead of days
    #[arg(long)]
    quick: bool,
    /// Only the rows of one of the report's tables
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=4))]
    table: Option<u8>,
    /// The table of feedback rules: each on both upper layers of DS, 25 epochs, seeds 1 to 3 unless told otherwise
    #[arg(long, conflicts_with = "table")]
    rules: bool,
    #[command(flatten)]
    own: Own,
    /// digits, cifar10, or the path of a data set [default: cifar10 if imported, else digits]
    #[arg(long, conflicts_with = "quick")]
    data: Option<String>,
    /// Epochs to train each row [default: up to the report's last figure; less with --quick]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: Option<u32>,
    /// The parent of the rows' folders [default: runs/DATA/NAME/seed-N, or runs/quick/NAME/seed-N]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    execution: Execution,
}

impl SuiteArguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        self.execution.train(&self.rows()?)
    }

    fn rows(&self) -> anyhow::Result<Vec<Row>> {
        let catalogue = Arc::new(self.own.catalogue()?);
        let mut data = Data::new(if self.quick { Some("digits") } else { self.data.as_deref() });
        let chosen =
            |row: &Experiment| self.table.is_none_or(|table| row.table == Some(table)) && (row.rules || !self.rules);
        let seeds = self.seeds();
        let many = seeds.len() > 1;
        let row = |(experiment, seed): (Experiment, Option<u64>)| {
            let dataset = data.of_row(experiment.data.as_deref())?;
            let choices = Choices { seed, ..Choices::default() };
            let mut config = self.execution.config(&experiment, &choices, &dataset)?;
            let protocol = if self.quick {
                Some(suite::quick_epochs(&config.network))
            } else if self.rules {
                Some(suite::RULES_EPOCHS)
            } else {
                suite::whole_epochs(&experiment)
            };
            config.epochs = self.epochs.or(protocol).unwrap_or(config.epochs);
            let folder = match &self.out {
                Some(out) if many => out.join(&config.name).join(format!("seed-{}", config.seed)),
                Some(out) => out.join(&config.name),
                None if self.quick => suite::quick_path(&config.name, config.seed),
                None => run::default_path(&config.data.name, &config.name, config.seed),
            };
            let mut row = self.execution.row(config, folder, dataset, Some(&experiment), &catalogue);
            row.request.longer_is_done = true;
            // The dense and untied rows would leave gigabytes for a look at the table.
            row.request.keep_weights = !self.quick || suite::is_small(&row.request.config.network);
            Ok(row)
        };
        let rows = catalogue.chosen().iter().filter(|row| chosen(row));
        rows.flat_map(|experiment| seeds.iter().map(move |seed| (experiment.clone(), *seed))).map(row).collect()
    }

    fn seeds(&self) -> Vec<Option<u64>> {
        let seeds = self.execution.seeds();
        let (first, last) = suite::RULES_SEEDS;
        if self.rules && seeds == [None] { (first..=last).map(Some).collect() } else { seeds }
    }
}

impl Execution {
    /// The seeds to train with; one `None` where nothing is said.
    fn seeds(&self) -> Vec<Option<u64>> {
        self.seeds.map_or_else(|| vec![self.seed], |(first, last)| (first..=last).map(Some).collect())
    }

    fn config(&self, experiment: &Experiment, choices: &Choices, dataset: &Dataset) -> anyhow::Result<Config> {
        Config::of_experiment(experiment, choices, dataset, self.kernels.set().class()).map_err(anyhow::Error::msg)
    }

    fn row(
        &self,
        config: Config,
        folder: PathBuf,
        dataset: Arc<Dataset>,
        experiment: Option<&Experiment>,
        catalogue: &Arc<Catalogue>,
    ) -> Row {
        let threads = self.threads.map_or_else(|| (all_cores() / self.jobs).max(1), usize::from);
        let Self { fresh, checkpoint_every, tensorboard, .. } = *self;
        let kernels = self.kernels.set();
        Row {
            request: Request {
                config,
                folder,
                init: None,
                kernels,
                threads,
                fresh,
                checkpoint_every,
                tensorboard,
                longer_is_done: false,
                keep_weights: true,
            },
            dataset,
            experiment: experiment.cloned(),
            catalogue: Arc::clone(catalogue),
        }
    }

    /// Trains the rows and prints how they ended.
    fn train(&self, rows: &[Row]) -> anyhow::Result<ExitCode> {
        let rows = match self.task {
            Some(task) => rows.get(task - 1..task).ok_or_else(|| {
                anyhow::anyhow!("there is no row {task}, only {}; the array belongs to other options", rows.len())
            })?,
            None => rows,
        };
        if self.slurm || self.print_script {
            return self.submit(rows).map(|()| ExitCode::SUCCESS);
        }
        if self.dry_run {
            return self.print_plans(rows).map(|()| ExitCode::SUCCESS);
        }
        if let Some(free) = self.memory.map(|mega| mega.saturating_mul(1_000_000)).or_else(capacity::free) {
            capacity::check(rows, self.jobs, free)?;
        }
        let stop = stop_on_signals()?;
        let all = suite::train(rows, self.jobs, self.fail_fast, &stop, &Watch::new(rows));
        let failures: Vec<&Trained> = all.iter().filter(|trained| trained.outcome.is_err()).collect();
        // With --fail-fast a failure stops the others.
        let told_to_stop = !self.fail_fast || failures.is_empty();
        let code = if told_to_stop && all.iter().any(Trained::is_stopped) {
            ExitCode::from(STOPPED)
        } else if failures.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
        let printed = self.print_results(&all, rows.len());
        if rows.len() > 1 && !failures.is_empty() {
            let _ = writeln!(io::stderr(), "{} of {} rows failed:", failures.len(), rows.len());
            for failure in failures {
                let _ = writeln!(io::stderr(), "{failure}");
            }
        }
        match printed {
            // Nobody reads the table any more; how the trainings ended still counts.
            Err(error) if !is_broken_pipe(&error) => Err(error),
            _ => Ok(code),
        }
    }

    /// Hands the rows to Slurm: this command once more in each task, without what makes it an array.
    fn submit(&self, rows: &[Row]) -> anyhow::Result<()> {
        let mut command = vec![std::env::current_exe()?.display().to_string()];
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--slurm" | "--print-script" => {}
                "--sbatch" => drop(words.next()),
                word if word.starts_with("--sbatch=") => {}
                _ => command.push(word),
            }
        }
        let memory = rows.iter().map(|row| {
            let Config { network, .. } = &row.request.config;
            network.architecture().memory(&row.request.config.training()).saturating_mul(size_of::<f32>())
        });
        let array = Array {
            command: &command,
            tasks: rows.len(),
            threads: self.threads.map(usize::from),
            memory: memory.max().unwrap_or(0),
            folder: &std::env::current_dir()?.display().to_string(),
            options: &self.sbatch,
        };
        if self.print_script {
            return print(&array.script());
        }
        print(&format!("{}\n", array.submit()?))
    }

    fn print_results(&self, all: &[Trained], rows: usize) -> anyhow::Result<()> {
        match all {
            _ if self.json => print_json_of(all, rows),
            _ if rows > 1 => print(&format!(
                "{}\nours: test accuracy on {}; report: on CIFAR-10\n{}{}",
                suite::table(all),
                names_of(all),
                seeds_of(all),
                suite::claims(all)
            )),
            [trained] if trained.has_result() => print(&format!("{trained}\n")),
            // A failure has been told.
            _ => Ok(()),
        }
    }

    fn print_plans(&self, rows: &[Row]) -> anyhow::Result<()> {
        let mut paces = HashMap::new();
        let plans: Vec<Plan> = rows.iter().map(|row| Plan::of(row, &mut paces)).collect();
        if self.json {
            return print_json_of(&plans, rows.len());
        }
        let texts = plans.iter().map(toml::to_string).collect::<Result<Vec<_>, _>>()?;
        print(&texts.join("\n"))
    }
}

/// One JSON document: an object for one row, an array for several.
fn print_json_of<T: Serialize>(all: &[T], rows: usize) -> anyhow::Result<()> {
    let text = match all {
        [one] if rows == 1 => serde_json::to_string(one),
        all => serde_json::to_string(all),
    };
    print(&format!("{}\n", text?))
}

/// What several seeds of a row say together.
fn seeds_of(all: &[Trained]) -> String {
    let folders: Vec<&Path> = all.iter().map(|trained| trained.row.request.folder.as_path()).collect();
    let text = all.first().map_or_else(String::new, |first| report::seeds(&folders, &first.row.catalogue));
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// The data sets of these rows.
fn names_of(all: &[Trained]) -> String {
    let mut names: Vec<&str> = all.iter().map(|trained| trained.row.dataset.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(" and ")
}

/// What a dry run shows.
#[derive(Serialize)]
struct Plan<'a> {
    folder: &'a Path,
    kernels: String,
    threads: usize,
    steps: u64,
    parameters: usize,
    memory_bytes: usize,
    /// At the pace of some steps on this machine; evaluation left out.
    estimated_seconds: Option<f64>,
    /// What the folder holds: missing, stopped, finished, and so on.
    state: &'static str,
    /// Why the run would not start.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    config: &'a Config,
}

impl<'a> Plan<'a> {
    fn of(row: &'a Row, paces: &mut HashMap<String, Option<f64>>) -> Self {
        let Request { config, folder, kernels, threads, fresh, .. } = &row.request;
        let network = config.network.architecture();
        let standing = status::standing(folder);
        let stored = if *fresh { Ok(None) } else { run::stored_config(config, folder) };
        let problem = standing.as_ref().err().map(ToString::to_string);
        let problem = problem.or_else(|| stored.err().map(|error| error.to_string()));
        let problem = problem.or_else(|| run::check_fit(config, &row.dataset).err().map(|error| error.to_string()));
        let steps = config.goal(row.dataset.train.len());
        // Rows that differ in the rule alone take the same time.
        let key = format!("{}{}", config.network.without_feedback(), config.optimizer.name());
        let pace = *paces
            .entry(key)
            .or_insert_with(|| if problem.is_some() { None } else { run::pace(&row.request, &row.dataset).ok() });
        Self {
            folder,
            kernels: kernels.to_string(),
            threads: *threads,
            steps,
            parameters: network.parameters(),
            memory_bytes: network.memory(&config.training()).saturating_mul(size_of::<f32>()),
            estimated_seconds: pace.map(|pace| pace * steps as f64),
            state: standing.as_ref().map_or("damaged", Standing::name),
            problem,
            config,
        }
    }
}

/// The data sets of a command's rows, each opened once.
struct Data<'a> {
    /// What the command line says; it wins over the row.
    chosen: Option<&'a str>,
    open: HashMap<String, Arc<Dataset>>,
    /// Whether the user knows that the default is not CIFAR-10.
    told: bool,
}

impl<'a> Data<'a> {
    fn new(chosen: Option<&'a str>) -> Self {
        Self { chosen, open: HashMap::new(), told: false }
    }

    fn of_row(&mut self, row: Option<&str>) -> anyhow::Result<Arc<Dataset>> {
        let named = self.chosen.or(row);
        let spec = named.unwrap_or_else(|| dataset::default_name());
        if named.is_none() && spec != "cifar10" && !self.told {
            self.told = true;
            let _ = writeln!(
                io::stderr(),
                "note: CIFAR-10 has not been imported, so this trains on the {spec}; see `asymgrad data fetch`"
            );
        }
        Ok(match self.open.entry(spec.to_owned()) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => entry.insert(Arc::new(dataset::open(spec)?)).clone(),
        })
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
