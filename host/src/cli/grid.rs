//! `asymgrad run`: trains what its arguments say, or every combination of a grid file, which is a command line of `run` each.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use asymgrad::config::Config;
use asymgrad::experiment::{Catalogue, UnknownExperiment};
use asymgrad::settings::{self, Cell, Choices, Field, FieldValue, Fields, NoEffect, Reader, SettingsFileError};
use asymgrad::suite::Task;
use clap::parser::ValueSource;
use clap::{Arg, Args, Command, FromArgMatches};

use super::datasets::OpenDatasets;
use super::execution::Execution;
use super::run::RunArguments;
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
        if let Some(found) = settings::without_effect(&arguments.choices, &readers(&tasks)) {
            anyhow::bail!(found.of_command_line());
        }
        arguments.note_draws();
        return Ok(tasks);
    };
    // The program and `run`.
    let words: Vec<OsString> = std::env::args_os().skip(2).collect();
    tasks_of(file, &words, &catalogue)
}

/// The tasks of a grid file with further words of the command line of `run`, which win over the file.
pub(super) fn tasks_of(file: &Path, words: &[OsString], catalogue: &Arc<Catalogue>) -> anyhow::Result<Vec<Task>> {
    let mut data = OpenDatasets::default();
    let (mut tasks, mut choices, mut cells) = (vec![], Choices::default(), vec![]);
    for (cell, arguments) in with_words(file, words)? {
        let of_cell = arguments.tasks_of(&mut data, catalogue, Some(&cell));
        let of_cell = of_cell.map_err(|error| with_file(file, &cell, &error))?;
        cells.push((cell, of_cell.iter().map(|task| run_of(&task.request.config)).collect()));
        tasks.extend(of_cell);
        choices = choices.or(&arguments.choices);
    }
    if let Some(found) = settings::without_effect(&choices, &readers(&tasks)) {
        return Err(explain(file, &cells, &found));
    }
    check_values(file, &cells)?;
    Ok(tasks)
}

fn readers(tasks: &[Task]) -> Vec<Reader<'_>> {
    tasks.iter().map(|task| task.request.config.reader()).collect()
}

/// What to say of an option of a grid, or of the command line beside it, that has no effect.
fn explain(file: &Path, cells: &[(Cell, Vec<Run>)], found: &NoEffect) -> anyhow::Error {
    let mut values = cells.iter().flat_map(|(cell, _)| &cell.values);
    match values.find(|value| value.field == found.field()) {
        Some(FieldValue { written, line, .. }) => {
            let (file, line, problem) = (file.to_owned(), *line, found.of_file(written));
            SettingsFileError::Line { file, line, problem }.into()
        }
        None => anyhow::anyhow!(found.of_command_line()),
    }
}

/// What a run is, and where it ends: its identity, epochs and steps.
type Run = (String, u32, Option<u64>);

fn run_of(config: &Config) -> Run {
    (config.identity(), config.epochs, config.max_steps)
}

/// Fails if two values of a field give the same runs, whatever the values of the other fields: `0.1` and `0.10`.
fn check_values(file: &Path, cells: &[(Cell, Vec<Run>)]) -> Result<(), SettingsFileError> {
    for number in 0..cells.first().map_or(0, |(cell, _)| cell.values.len()) {
        let mut runs_of: Vec<(&FieldValue, Vec<&Run>)> = vec![];
        for (cell, runs) in cells {
            let value = &cell.values[number];
            match runs_of.iter_mut().find(|(known, _)| known.text == value.text) {
                Some((_, known)) => known.extend(runs),
                None => runs_of.push((value, runs.iter().collect())),
            }
        }
        let mut seen: HashMap<Vec<&Run>, &FieldValue> = HashMap::new();
        for (value, runs) in runs_of {
            if let Some(first) = seen.insert(runs, value) {
                return Err(value.repeats(first, file));
            }
        }
    }
    Ok(())
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

/// The arguments of each run of a grid file.
fn with_words(file: &Path, words: &[OsString]) -> anyhow::Result<Vec<(Cell, RunArguments)>> {
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
    let subject = cell.values.iter().find(|value| value.is_subject());
    let line = subject.filter(|_| error.is::<UnknownExperiment>());
    let line = line.map_or_else(String::new, |subject| format!(" line {}:", subject.line));
    anyhow::anyhow!("{}:{line} {error}", file.display())
}
