//! The options of `asymgrad run` that an experiment states.

use std::collections::BTreeMap;

use clap::{Args, Command, FromArgMatches};
use serde::{Serialize, Serializer};
use serde_json::Value;
use toml::de::DeValue;

use super::fields;
use crate::settings::{Choices, Fields, reason, text_of};

/// The options of `asymgrad run` that an experiment states.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// What it chooses.
    pub choices: Choices,
    /// The values as they were written, by field.
    written: BTreeMap<String, Value>,
}

impl Options {
    /// The value of a field as it was written.
    pub(super) fn written(&self, field: &str) -> Option<&Value> {
        self.written.get(field)
    }
}

/// Every option is a field, `null` if it is not stated.
impl Serialize for Options {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = options().all(&fields::names());
        serializer.collect_map(known.iter().map(|field| (&field.name, self.written.get(&field.name))))
    }
}

/// The options as fields of an experiment.
pub(super) fn options() -> Fields {
    Fields::of(command())
}

fn command() -> Command {
    Choices::augment_args(Command::new("experiment").no_binary_name(true))
}

/// Collects the options of an experiment field by field.
#[derive(Default)]
pub(super) struct OptionsReader {
    words: Vec<String>,
    written: BTreeMap<String, Value>,
}

impl OptionsReader {
    /// Adds a field of `fields`.
    ///
    /// # Errors
    /// Names the field and the value, and says what the value has to be.
    pub(super) fn add(&mut self, fields: &Fields, name: &str, value: &DeValue<'_>) -> Result<(), String> {
        self.words.extend(fields.word(name, value)?);
        let text = text_of(value).unwrap_or_default();
        let json = serde_json::from_str(&text).unwrap_or(Value::String(text));
        self.written.insert(name.to_owned(), json);
        Ok(())
    }

    /// The options that were added.
    pub(super) fn finish(self) -> Result<Options, String> {
        let matches = command().try_get_matches_from(&self.words);
        let choices = matches.and_then(|matches| Choices::from_arg_matches(&matches));
        let choices = choices.map_err(|error| reason(&error))?;
        Ok(Options { choices, written: self.written })
    }
}
