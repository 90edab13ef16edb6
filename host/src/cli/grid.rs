//! `asymgrad run`: trains what its arguments say, or every combination of a grid file, which is a command line of `run` each.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use asymgrad::config::{self, Config, NoEffect};
use asymgrad::experiment::{Catalogue, UnknownExperiment};
use asymgrad::settings::{self, Cell, Choices, Field, FieldValue, Fields, SettingsFileError};
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
        if let Some(found) = config::without_effect(&arguments.choices, &configs(&tasks)) {
            anyhow::bail!(found.of_command_line());
        }
        return Ok(tasks);
    };
    // The program and `run`.
    let words: Vec<OsString> = std::env::args_os().skip(2).collect();
    tasks_of(file, &words, &catalogue)
}

/// The tasks of a grid file with further words of the command line of `run`, which win over the file.
pub(super) fn tasks_of(file: &Path, words: &[OsString], catalogue: &Arc<Catalogue>) -> anyhow::Result<Vec<Task>> {
    let mut data = OpenDatasets::default();
    let (mut tasks, mut choices, mut identities) = (vec![], Choices::default(), vec![]);
    for (cell, arguments) in with_words(file, words)? {
        let of_cell = arguments.tasks_of(&mut data, catalogue, Some(&cell));
        let of_cell = of_cell.map_err(|error| with_file(file, &cell, &error))?;
        identities.push((cell, of_cell.iter().map(|task| Identity::of(&task.request.config)).collect()));
        tasks.extend(of_cell);
        choices = choices.or(&arguments.choices);
    }
    if let Some(found) = config::without_effect(&choices, &configs(&tasks)) {
        return Err(explain(file, &identities, &found));
    }
    check_values(file, &identities)?;
    Ok(tasks)
}

fn configs(tasks: &[Task]) -> Vec<&Config> {
    tasks.iter().map(|task| &task.request.config).collect()
}

/// What to say of an option of a grid, or of the command line beside it, that has no effect.
fn explain(file: &Path, cells: &[(Cell, Vec<Identity>)], found: &NoEffect) -> anyhow::Error {
    let mut values = cells.iter().flat_map(|(cell, _)| &cell.values);
    match values.find(|value| value.field == found.field()) {
        Some(FieldValue { written, line, .. }) => {
            let (file, line, problem) = (file.to_owned(), *line, found.of_file(written));
            SettingsFileError::Line { file, line, problem }.into()
        }
        None => anyhow::anyhow!(found.of_command_line()),
    }
}

/// What a run is, and where it ends.
#[derive(PartialEq, Eq, Hash)]
struct Identity {
    identity: String,
    epochs: u32,
    max_steps: Option<u64>,
}

impl Identity {
    fn of(config: &Config) -> Self {
        Self { identity: config.identity(), epochs: config.epochs, max_steps: config.max_steps }
    }
}

/// Fails if two values of a field give the same runs, whatever the values of the other fields: `0.1` and `0.10`.
fn check_values(file: &Path, cells: &[(Cell, Vec<Identity>)]) -> Result<(), SettingsFileError> {
    let fields = cells.first().map_or(&[][..], |(cell, _)| &cell.values);
    for (number, field) in fields.iter().enumerate().filter(|(_, field)| field.varies) {
        // In the order of the file.
        let (mut values, mut places): (Vec<(&FieldValue, Vec<&Identity>)>, HashMap<&str, usize>) = Default::default();
        for (cell, identities) in cells {
            let value = &cell.values[number];
            let place = *places.entry(&value.text).or_insert(values.len());
            if place == values.len() {
                values.push((value, vec![]));
            }
            values[place].1.extend(identities);
        }
        let mut seen: HashMap<Vec<&Identity>, &FieldValue> = HashMap::new();
        for (value, runs) in values {
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
