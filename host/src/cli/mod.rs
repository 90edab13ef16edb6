//! The command line: parses, calls one library function a command, prints.
//!
//! Results go to standard output, all else to standard error.

mod execution;
mod train;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use asymgrad::dataset::{self, Info};
use asymgrad::experiment::Catalogue;
use asymgrad::report::{self, Report};
use asymgrad::status::{self, Status};
use asymgrad::tensors::sparse;
use asymgrad::{Network, run, tensors, train as training, write_whole};
use asymgrad_core::{Initial, Loss, Optimizer, Region, Training};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use train::{RunArguments, SuiteArguments};

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
    Run(Box<RunArguments>),
    /// Trains the whole protocol of the report, or all of it in minutes on the embedded digits
    Suite(SuiteArguments),
    /// Fetches, imports and describes data sets
    #[command(subcommand)]
    Data(DataCommand),
    /// Shows every region of the memory that training a network takes
    Plan(PlanArguments),
    /// Writes a run's weights for PyTorch
    Export(ExportArguments),
    /// Shows the runs of a folder beside the report's tables and claims, as a page or for other programs
    Report(ReportArguments),
    /// Says which runs of a folder are done, at work, crashed, failed or missing
    Status(StatusArguments),
    /// Writes what a run's network says of the test images: scores for other programs
    Predict(PredictArguments),
    /// Prints the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Writes the manual pages into a folder
    Man {
        /// The folder
        folder: PathBuf,
    },
}

impl Arguments {
    pub(crate) fn carry_out(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::List(arguments) => arguments.list()?,
            Command::Run(arguments) => return arguments.run(),
            Command::Suite(arguments) => return arguments.run(),
            Command::Data(command) => command.carry_out()?,
            Command::Plan(arguments) => arguments.plan()?,
            Command::Export(arguments) => arguments.export()?,
            Command::Report(arguments) => arguments.report()?,
            Command::Status(arguments) => arguments.status()?,
            Command::Predict(arguments) => arguments.predict()?,
            Command::Completions { shell } => {
                let mut text = vec![];
                clap_complete::generate(shell, &mut Self::command(), "asymgrad", &mut text);
                print(&String::from_utf8_lossy(&text))?;
            }
            Command::Man { folder } => {
                std::fs::create_dir_all(&folder)
                    .and_then(|()| clap_mangen::generate_to(Self::command(), &folder))
                    .map_err(|error| {
                        anyhow::anyhow!(
                            "{}: cannot write the pages: {error}; check the path and the permissions",
                            folder.display()
                        )
                    })?;
                print(&format!("{}\n", folder.display()))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Experiments besides the report's.
#[derive(Args)]
struct Own {
    /// Experiments of your own: a file with the fields of data/experiments.toml
    #[arg(long, value_name = "FILE.toml")]
    experiments: Option<PathBuf>,
}

impl Own {
    fn catalogue(&self) -> anyhow::Result<Catalogue> {
        Ok(Catalogue::open(self.experiments.as_deref())?)
    }
}

#[derive(Args)]
struct ListArguments {
    #[command(flatten)]
    own: Own,
    /// Prints a JSON array
    #[arg(long)]
    json: bool,
}

impl ListArguments {
    fn list(&self) -> anyhow::Result<()> {
        let catalogue = self.own.catalogue()?;
        let rows = catalogue.chosen();
        if self.json {
            return print_json(&rows);
        }
        let mut table = table(["name", "table", "loss", "published", "network"]);
        for row in rows {
            let published =
                row.published.iter().map(|p| format!("{} % ({})", p.accuracy, p.epochs)).collect::<Vec<_>>();
            let number = row.table.map_or("extra".into(), |table| table.to_string());
            table.add_row([&row.name, &number, &row.loss, &published.join(", "), &row.network]);
        }
        print(&format!("{}\npublished: test accuracy (epochs)\n", table.trim_fmt()))
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
        /// digits, cifar10, or the path of a data set [default: cifar10 if imported, else digits]
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
        print(&format!("{}\n{}", table.trim_fmt(), if first_stores_nothing { note } else { "" }))
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
    /// Only this tensor of a convolution, such as conv1.weight, as the matrix that a flattened image is multiplied by
    #[arg(long, value_name = "TENSOR")]
    csr: Option<String>,
}

impl ExportArguments {
    fn export(&self) -> anyhow::Result<()> {
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
        print(&format!("{file}\n"))
    }
}

#[derive(Args)]
struct StatusArguments {
    /// The folder whose runs are shown
    #[arg(default_value = "runs")]
    folder: PathBuf,
    #[command(flatten)]
    own: Own,
    /// Shows it again every few seconds until all runs have ended
    #[arg(long)]
    watch: bool,
    /// Prints a JSON object
    #[arg(long, conflicts_with = "watch")]
    json: bool,
}

impl StatusArguments {
    fn status(&self) -> anyhow::Result<()> {
        let catalogue = self.own.catalogue()?;
        let rows: Vec<String> = catalogue.chosen().iter().map(|row| row.name.clone()).collect();
        loop {
            let (runs, missing) = status::survey(&self.folder, &rows)?;
            if self.json {
                return print_json(&serde_json::json!({ "runs": runs, "missing": missing }));
            }
            let clear = if self.watch && io::stdout().is_terminal() { "\x1b[H\x1b[2J" } else { "" };
            print(&format!("{clear}{}", Self::text(&runs, &missing)))?;
            if !self.watch || runs.iter().all(|run| run.state.has_ended()) {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_secs(5));
        }
    }

    fn text(runs: &[Status], missing: &[String]) -> String {
        let mut table = table(["run", "data", "seed", "state", "epoch", "accuracy", "left", "who", "folder"]);
        for run in runs {
            let silent = run.silent.map_or_else(String::new, |seconds| format!(", {seconds} s ago"));
            let who = run.owner.as_ref().map_or_else(String::new, |owner| format!("{owner}{silent}"));
            let left = run.seconds_left.map_or_else(String::new, |seconds| format!("{:.0} min", seconds / 60.0));
            table.add_row([
                run.name.clone(),
                run.data.clone(),
                run.seed.to_string(),
                run.state.name().into(),
                format!("{}/{}", run.epoch, run.epochs),
                run.accuracy.map_or_else(String::new, |accuracy| format!("{accuracy:.2} %")),
                left,
                run.problem.clone().unwrap_or(who),
                run.folder.display().to_string(),
            ]);
        }
        let mut states: Vec<&str> = runs.iter().map(|run| run.state.name()).collect();
        states.sort_unstable();
        let counts = states.chunk_by(|a, b| a == b).map(|same| format!("{} {}", same.len(), same[0]));
        let counts = counts.chain((!missing.is_empty()).then(|| format!("{} missing", missing.len())));
        let names =
            if missing.is_empty() || runs.is_empty() { String::new() } else { format!(": {}", missing.join(" ")) };
        format!("{}\n{}{names}\n", table.trim_fmt(), counts.collect::<Vec<_>>().join(", "))
    }
}

#[derive(Args)]
struct PredictArguments {
    /// The run's folder
    run: PathBuf,
    /// digits, cifar10, or a path [default: the run's]
    #[arg(long)]
    data: Option<String>,
    /// The file to write: `scores` [image, class] and `labels` of the test images
    #[arg(short, long, value_name = "FILE.safetensors")]
    output: PathBuf,
}

impl PredictArguments {
    fn predict(&self) -> anyhow::Result<()> {
        let (config, state) = run::read_state(&self.run)?;
        let dataset = dataset::open(&self.data.clone().unwrap_or_else(|| run::data_of(&self.run, &config)))?;
        training::check_fit(&config, &dataset)?;
        let scores = training::predict(&config, &state, &dataset)?;
        tensors::write_scores(&self.output, &scores, &dataset.test.labels)
            .map_err(|error| anyhow::anyhow!("{}: cannot write the scores: {error}", self.output.display()))?;
        print(&format!("{}\n", self.output.display()))
    }
}

/// How a report is written.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Format {
    /// One page for a browser, that loads nothing
    Html,
    /// Markdown
    Md,
    /// A line a figure
    Csv,
    /// Everything, the curves included
    Json,
}

#[derive(Args)]
struct ReportArguments {
    /// The folder whose runs are shown
    #[arg(default_value = "runs")]
    folder: PathBuf,
    #[command(flatten)]
    own: Own,
    /// The file to write; `-` is standard output [default: report.html; standard output for the other formats]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to write
    #[arg(long, value_enum, default_value = "html")]
    format: Format,
}

impl ReportArguments {
    fn report(&self) -> anyhow::Result<()> {
        let report = Report::read(&self.folder, &self.own.catalogue()?)?;
        let text = match self.format {
            Format::Html => report::page(&report),
            Format::Md => report::markdown(&report),
            Format::Csv => report::csv(&report),
            Format::Json => serde_json::to_string_pretty(&report)? + "\n",
        };
        let page = PathBuf::from("report.html");
        let file = self.output.as_ref().or((self.format == Format::Html).then_some(&page));
        let Some(file) = file.filter(|file| file.as_os_str() != "-") else { return print(&text) };
        write_whole(file, &text)?;
        print(&format!("{}\n", file.display()))
    }
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

/// `glorot`, `scaled:FACTOR`, `normal:DEVIATION` or `fan:GAIN`.
fn initial(text: &str) -> Result<Initial, String> {
    let known = "the distributions are glorot, scaled:FACTOR, normal:DEVIATION and fan:GAIN";
    match text.split_once(':') {
        None if text == "glorot" => Ok(Initial::Glorot),
        Some(("scaled", number)) => positive(number).map(Initial::Scaled),
        Some(("normal", number)) => positive(number).map(Initial::Normal),
        Some(("fan", number)) => positive(number).map(Initial::Fan),
        _ => Err(known.into()),
    }
}

/// `1..5`, both ends included.
fn seed_range(text: &str) -> Result<(u64, u64), String> {
    let ends = text.split_once("..").and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    ends.filter(|(first, last)| first <= last && last - first < 1000).ok_or_else(|| {
        "it has to be two whole numbers, such as 1..5, the first one not above the last, at most a thousand seeds"
            .into()
    })
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

/// `asymgrad list | head` has done what was wanted.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
