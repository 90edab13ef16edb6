//! `asymgrad run`: trains what its arguments say, or every combination of a grid file, which is a command line of `run` each.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use asymgrad::experiment::UnknownExperiment;
use asymgrad::settings::{self, Cell, Choices, Field, Fields};
use asymgrad::suite::Task;
use clap::parser::ValueSource;
use clap::{Arg, Args, Command, FromArgMatches};

use super::datasets::OpenDatasets;
use super::execution::Execution;
use super::run::{RunArguments, check_effect};
use super::shared::SharedOptions;

/// The options of `run` that describe no training, beside those of [`Execution`].
const LEFT_OUT: [&str; 3] = ["experiments", "grid", "net_names"];

/// Trains the runs of the arguments, or of their grid.
pub(super) fn run(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    arguments.execution.train(&tasks(arguments)?)
}

fn tasks(arguments: &RunArguments) -> anyhow::Result<Vec<Task>> {
    let (mut data, catalogue) = (OpenDatasets::default(), Arc::new(arguments.own.catalogue()?));
    let Some(file) = &arguments.grid else {
        let tasks = arguments.tasks_of(&mut data, &catalogue, None)?;
        check_effect(&arguments.choices, &tasks)?;
        return Ok(tasks);
    };
    let (mut tasks, mut choices) = (vec![], Choices::default());
    for (cell, arguments) in of_command_line(file)? {
        let of_cell = arguments.tasks_of(&mut data, &catalogue, Some(&cell));
        tasks.extend(of_cell.map_err(|error| with_file(file, &cell, &error))?);
        choices = choices.or(&arguments.choices);
    }
    check_effect(&choices, &tasks)?;
    Ok(tasks)
}

fn command() -> Command {
    RunArguments::augment_args(Command::new("asymgrad run").no_binary_name(true))
}

/// The options of `run` that describe the training; the others are hidden.
fn fields() -> Fields {
    let ids = |command: Command| command.get_arguments().map(|arg| arg.get_id().to_string()).collect::<HashSet<_>>();
    let shared = ids(SharedOptions::augment_args(Command::new("shared")));
    let execution = ids(Execution::augment_args(Command::new("execution")));
    let hidden = |arg: Arg| {
        let id = arg.get_id().as_str();
        let is_left_out = LEFT_OUT.contains(&id) || execution.contains(id) && !shared.contains(id);
        if is_left_out { arg.hide(true) } else { arg }
    };
    Fields::of(command().mut_args(hidden))
}

/// The fields of a grid.
pub(super) fn schema() -> Vec<Field> {
    fields().all(&[])
}

/// The runs of a grid file with the rest of this process's command line, which wins over the file.
fn of_command_line(file: &Path) -> anyhow::Result<Vec<(Cell, RunArguments)>> {
    // The program and `run`.
    with_words(file, &std::env::args_os().skip(2).collect::<Vec<_>>())
}

/// The runs of a grid file.
pub(super) fn with_words(file: &Path, words: &[OsString]) -> anyhow::Result<Vec<(Cell, RunArguments)>> {
    let (command, fields) = (command(), fields());
    let matches = command.clone().try_get_matches_from(words)?;
    let given = |field: &str| {
        let id = fields.id(field);
        id.is_some_and(|id| matches.value_source(id) == Some(ValueSource::CommandLine))
    };
    let with_arguments = |cell: Cell| {
        let all = cell.words.iter().map(OsString::from).chain(words.iter().cloned());
        let matches = command.clone().try_get_matches_from(all);
        let arguments = matches.and_then(|matches| RunArguments::from_arg_matches(&matches));
        let arguments =
            arguments.map_err(|error| anyhow::anyhow!("{}: {}", file.display(), settings::reason(&error)))?;
        Ok((cell, arguments))
    };
    settings::cells(file, &fields, given)?.into_iter().map(with_arguments).collect()
}

/// What is wrong with a run of a grid, with the file, and the line of an experiment that there is not.
fn with_file(file: &Path, cell: &Cell, error: &anyhow::Error) -> anyhow::Error {
    let line = if error.is::<UnknownExperiment>() { format!(" line {}:", cell.line) } else { String::new() };
    anyhow::anyhow!("{}:{line} {error}", file.display())
}
