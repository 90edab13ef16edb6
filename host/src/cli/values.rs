//! The values of options that only the command line has.

use std::ffi::OsStr;

use asymgrad::experiment;
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command};

/// The name of an experiment. Completions know the report's; a file may hold others.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExperimentName;

impl TypedValueParser for ExperimentName {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(experiment::all().into_iter().map(|experiment| PossibleValue::new(experiment.name))))
    }
}
