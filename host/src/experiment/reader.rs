//! Experiments from TOML: what is wrong is reported with its line, the field and the value.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::definition::Experiment;
use super::fields::{self, FIELDS};
use super::options::{OptionsReader, options};
use crate::diagnostic::{diagnose, line_of};
use crate::settings::{Field, Fields, unknown};

/// A line, from 1, and what is wrong there.
pub(super) type Problem = (usize, String);

/// The fields of an experiment: its own, then the options of `asymgrad run`.
pub fn schema() -> Vec<Field> {
    let own = FIELDS.map(|[name, value, meaning]| [name, value, meaning].map(str::to_owned));
    let own = own.into_iter().map(|[name, value, meaning]| Field { name, value, meaning });
    own.chain(options().all(&fields::names())).collect()
}

/// An experiment and where it stands.
#[derive(Debug)]
pub(super) struct Located {
    /// Its line.
    pub(super) line: usize,
    /// The line of each of its options.
    pub(super) options: BTreeMap<String, usize>,
    pub(super) experiment: Experiment,
}

/// The `[[experiment]]` tables of a text that has nothing else.
pub(super) fn experiments(text: &str) -> Result<Vec<Located>, Problem> {
    experiments_beside(text, &[])
}

/// The `[[experiment]]` tables of a text. It may have tables of the names `others` as well.
pub(super) fn experiments_beside(text: &str, others: &[&str]) -> Result<Vec<Located>, Problem> {
    let table = DeTable::parse(text).map_err(|error| diagnose(text, &error))?;
    let is_known = |name: &str| name == "experiment" || others.contains(&name);
    if let Some((name, _)) = table.get_ref().iter().find(|(name, _)| !is_known(name.get_ref())) {
        return Err((line_of(text, name.span().start), unknown(name.get_ref(), &["experiment"])));
    }
    let Some((_, experiments)) = table.into_inner().into_iter().find(|(name, _)| name.get_ref() == "experiment") else {
        return Err((1, "missing field `experiment`: each experiment is a table [[experiment]]".into()));
    };
    let line = line_of(text, experiments.span().start);
    let DeValue::Array(tables) = experiments.into_inner() else {
        return Err((line, "`experiment` is no array of tables: write [[experiment]]".into()));
    };
    let options = options();
    tables.into_iter().map(|table| experiment(text, table, &options)).collect()
}

fn experiment(text: &str, table: Spanned<DeValue<'_>>, options: &Fields) -> Result<Located, Problem> {
    let span = table.span();
    let line = line_of(text, span.start);
    let DeValue::Table(table) = table.into_inner() else {
        return Err((line, "an experiment is a table: write [[experiment]]".into()));
    };
    let (mut own, mut reader, mut lines) = (DeTable::new(), OptionsReader::default(), BTreeMap::new());
    let mut entries: Vec<_> = table.into_iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    for (name, value) in entries {
        if fields::names().contains(&&**name.get_ref()) {
            own.insert(name, value);
        } else if options.has(name.get_ref()) {
            let line = line_of(text, value.span().start);
            reader.add(options, name.get_ref(), value.get_ref()).map_err(|problem| (line, problem))?;
            lines.insert(name.get_ref().to_string(), line);
        } else {
            let known = schema();
            let known: Vec<&str> = known.iter().map(|field| &*field.name).collect();
            return Err((line_of(text, name.span().start), unknown(name.get_ref(), &known)));
        }
    }
    let own = ValueDeserializer::from(Spanned::new(span, DeValue::Table(own)));
    let experiment = Experiment::deserialize(own).map_err(|error| diagnose(text, &error))?;
    let options = reader.finish().map_err(|problem| (line, problem))?;
    Ok(Located { line, options: lines, experiment: Experiment { options, ..experiment } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_schema_has_every_field() {
        let text = "[[experiment]]\nname = \"A\"\nnetwork = \"input 4 - dense2\"\nloss = \"ce\"\n";
        let json = serde_json::to_value(experiments(text).unwrap().remove(0).experiment).unwrap();
        let written: BTreeSet<String> = json.as_object().unwrap().keys().cloned().collect();
        assert_eq!(written, schema().into_iter().map(|field| field.name).collect());
    }
}
