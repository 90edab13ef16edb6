//! The settings of several runs as the columns of a table.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fields::Config;

/// The fields that every table has, whether they differ or not.
const ALWAYS: [&str; 5] = ["name", "network", "loss", "data", "seed"];

/// Settings by name: a field of `config.json`, or a part of one such as `optimizer.rate`.
pub type Settings = BTreeMap<String, Value>;

/// The settings in which some of the configurations differ, of each configuration. A setting that a configuration lacks, such as
/// `optimizer.beta1` of `sgd`, or that is at a default which is not written, is null. Name, network, loss, data and seed are left out.
pub fn differing<'a>(configs: impl IntoIterator<Item = &'a Config>) -> Vec<Settings> {
    let mut all: Vec<Settings> = configs.into_iter().map(settings).collect();
    let names: BTreeSet<String> = all.iter().flat_map(Settings::keys).cloned().collect();
    for name in names {
        let values = || all.iter().map(|settings| settings.get(&name));
        let differ = values().any(|value| value != all.first().and_then(|first| first.get(&name)));
        for settings in &mut all {
            if differ {
                settings.entry(name.clone()).or_insert(Value::Null);
            } else {
                settings.remove(&name);
            }
        }
    }
    all
}

fn settings(config: &Config) -> Settings {
    let mut settings = Settings::new();
    for (name, value) in config.fields() {
        if !ALWAYS.contains(&name.as_str()) {
            add(&mut settings, name, value);
        }
    }
    settings
}

/// Adds a field. One of several kinds, `{"adam": {"rate": 0.001}}`, is the name of its kind, and its parts under the field's own name.
fn add(settings: &mut Settings, name: String, value: Value) {
    match value {
        Value::Object(fields) if fields.len() == 1 => {
            for (kind, inner) in fields {
                settings.insert(name.clone(), kind.clone().into());
                match inner {
                    Value::Object(parts) => add_parts(settings, &name, parts),
                    inner => add(settings, format!("{name}.{kind}"), inner),
                }
            }
        }
        Value::Object(parts) => add_parts(settings, &name, parts),
        value => {
            settings.insert(name, value);
        }
    }
}

fn add_parts(settings: &mut Settings, name: &str, parts: serde_json::Map<String, Value>) {
    for (part, value) in parts {
        add(settings, format!("{name}.{part}"), value);
    }
}
