//! The options of a command as fields of a TOML file: `kp_decay = 1e-3` for `--kp-decay 0.001`. The command is the one declaration of
//! both: an option that is added to it is a field at once, with the same values, errors and help.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use toml::de::DeValue;

use crate::diagnostic::nearest;

/// A field of a TOML file, for a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What its value is.
    pub value: String,
    /// What it means.
    pub meaning: String,
}

/// The options of a command as fields of a TOML file.
#[derive(Clone, Debug)]
pub struct Fields {
    command: Command,
}

impl Fields {
    /// The options of `command`.
    pub fn of(command: Command) -> Self {
        Self { command: command.no_binary_name(true).disable_help_flag(true).disable_version_flag(true) }
    }

    /// All of them, but those whose name is in `left_out`.
    pub fn all(&self, left_out: &[&str]) -> Vec<Field> {
        let shown =
            self.command.get_arguments().filter(|arg| !arg.is_hide_set() && !left_out.contains(&&*name_of(arg)));
        let field = |arg: &Arg| {
            let names = arg.get_value_names().unwrap_or_default();
            let value = if is_flag(arg) { "true or false".into() } else { names.join(" ") };
            let meaning = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('\n', " ");
            Field { name: name_of(arg), value, meaning }
        };
        shown.map(field).collect()
    }

    fn find(&self, name: &str) -> Option<&Arg> {
        self.command.get_arguments().find(|arg| !arg.is_hide_set() && name_of(arg) == name)
    }

    /// Whether an option of this name is for the command line alone.
    pub fn is_of_command_line(&self, name: &str) -> bool {
        self.command.get_arguments().any(|arg| arg.is_hide_set() && name_of(arg) == name)
    }

    /// clap's name for an option.
    pub fn id(&self, name: &str) -> Option<&str> {
        self.find(name).map(|arg| arg.get_id().as_str())
    }

    /// Whether there is an option of this name.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// A field as a word of the command line, `--kp-decay=0.001`; `None` for a switch that is off.
    ///
    /// # Errors
    /// Names the field, the value, and what the value has to be.
    pub fn word(&self, name: &str, value: &DeValue<'_>) -> Result<Option<String>, String> {
        let Some(arg) = self.find(name) else { return Err(format!("unknown field `{name}`")) };
        let wrong = |text: &str, why: &str| Err(format!("{name} = {text}: {why}"));
        let Some(text) = text_of(value) else {
            return wrong(value.type_str(), "it has to be a single value");
        };
        if is_flag(arg) {
            let word = || arg.get_long().map(|long| format!("--{long}"));
            return match value.as_bool() {
                Some(is_on) => Ok(is_on.then(word).flatten()),
                None => wrong(&text, "it has to be true or false"),
            };
        }
        if arg.get_value_delimiter().is_some_and(|delimiter| text.contains(delimiter)) {
            return wrong(&text, "several values are a list, such as [1, 2]");
        }
        if arg.get_long().is_none() && text.starts_with('-') {
            return wrong(&text, "it has to be a name");
        }
        let word = arg.get_long().map_or_else(|| text.clone(), |long| format!("--{long}={text}"));
        match self.command.clone().try_get_matches_from([&word]) {
            Err(error) if is_about_a_value(error.kind()) => wrong(&text, &reason(&error)),
            _ => Ok(Some(word)),
        }
    }
}

/// The name of an option in a file. A command's words without an option are experiments.
fn name_of(arg: &Arg) -> String {
    arg.get_long().map_or_else(|| "experiment".into(), |long| long.replace('-', "_"))
}

fn is_flag(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

/// A single value as a word of the command line.
pub(crate) fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => {
            let plain = i128::from_str_radix(number.as_str(), number.radix()).ok().map(|number| number.to_string());
            Some(plain.unwrap_or_else(|| number.as_str().to_owned()))
        }
        DeValue::Float(number) => Some(
            number.as_str().parse::<f64>().map_or_else(|_| number.as_str().to_owned(), |number| number.to_string()),
        ),
        DeValue::Boolean(is_on) => Some(is_on.to_string()),
        _ => None,
    }
}

/// Not about what is missing beside the option or conflicts with it.
fn is_about_a_value(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::NoEquals | ErrorKind::WrongNumberOfValues
    )
}

/// What is wrong with a command line, without the name of the option and without clap's advice.
pub fn reason(error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        return source.to_string();
    }
    if let Some(ContextValue::Strings(values)) = error.get(ContextKind::ValidValue)
        && !values.is_empty()
    {
        return format!("the values are {}", values.join(", "));
    }
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// Says that there is no field `name`, and the nearest one that there is, or all of them.
pub fn unknown(name: &str, known: &[&str]) -> String {
    nearest(name, known.iter().copied()).map_or_else(
        || format!("unknown field `{name}`; the fields are {}", known.join(", ")),
        |nearest| format!("unknown field `{name}`; the nearest is `{nearest}`"),
    )
}
