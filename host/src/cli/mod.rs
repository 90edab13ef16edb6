//! The command line: parses, calls one library function a command, prints.
//!
//! Results go to standard output, all else to standard error. Each command has a file of its name.
//!
//! - `execution`: the options of `run` and `suite` that change no result, and how both train
//! - `dry_run`: what `--dry-run` shows
//! - `datasets`: the data sets of a command, each opened once
//! - `experiments`: the option `--experiments`, and the command of that name
//! - `run`: the arguments of `run`; `grid`: their tasks, or those of a grid file
//! - `shared`: the options of a training that `run` and `suite` share
//! - `weights`: the weights of `predict` and `evaluate`
//! - `published_runs`: the runs of `suite --published`; `kernel_table`: what `plan --kernels` prints
//! - `values`: parsers of values; `output`: standard output

mod data;
mod datasets;
mod dry_run;
mod evaluate;
mod execution;
mod experiments;
mod export;
mod grid;
mod kernel_table;
mod list;
mod output;
mod plan;
mod predict;
mod published_runs;
mod report;
mod run;
mod shared;
mod status;
mod suite;
mod values;
mod weights;

use std::path::PathBuf;
use std::process::ExitCode;

use asymgrad::experiment::UnknownExperiment;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

use data::DataCommand;
use evaluate::EvaluateArguments;
use experiments::ExperimentsArguments;
use export::ExportArguments;
use list::ListArguments;
pub(crate) use output::is_broken_pipe;
use output::print;
use plan::PlanArguments;
use predict::PredictArguments;
use report::ReportArguments;
use run::RunArguments;
use status::StatusArguments;
use suite::SuiteArguments;

/// Trains neural networks whose backward pass uses different weights from the forward pass.
#[derive(Parser)]
#[command(version, long_version = asymgrad::run::VERSION, about, max_term_width = 100)]
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
    /// Describes files of experiments and of grids
    Experiments(ExperimentsArguments),
    /// Trains all of the report's experiments; with --quick for a few epochs each on the embedded digits
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
    /// Says which runs of a folder are done, running, crashed, failed or missing
    Status(StatusArguments),
    /// Prints loss and accuracy of a run's weights, or of a file's, class by class
    Evaluate(EvaluateArguments),
    /// Writes the logits of a run's network, or of a file's weights, for the test images, for other programs
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
            Command::Run(arguments) => return grid::run(&arguments).map_err(explain_name),
            Command::Experiments(arguments) => arguments.print(&grid::schema())?,
            Command::Suite(arguments) => return arguments.run(),
            Command::Data(command) => command.carry_out()?,
            Command::Plan(arguments) => arguments.plan()?,
            Command::Export(arguments) => arguments.export()?,
            Command::Report(arguments) => arguments.report()?,
            Command::Status(arguments) => arguments.status()?,
            Command::Evaluate(arguments) => arguments.evaluate()?,
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

/// A name that no experiment has is wrong usage, as clap says it of a word that it does not know.
fn explain_name(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<UnknownExperiment>() {
        Ok(unknown) => Arguments::command().error(ErrorKind::InvalidValue, unknown).exit(),
        Err(error) => error,
    }
}
