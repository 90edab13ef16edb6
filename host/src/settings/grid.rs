//! A grid file: options of `asymgrad run`, each with a value or a list of values, and every combination is a run.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fields::{Fields, text_of, unknown};
use super::file::{FileKind, SettingsFileError};
use super::values::{run_name, seed_range};
use crate::diagnostic::{diagnose, line_of};

/// The runs of the largest grid.
const MOST_RUNS: usize = 10_000;

/// What a grid is about; one of them has to be there.
const SUBJECTS: [&str; 2] = ["net", "experiment"];
const SEEDS: [&str; 2] = [SEED, "seeds"];
const SEED: &str = "seed";

/// A run of a grid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// The options of `asymgrad run`, as words of the command line.
    pub words: Vec<String>,
    /// The value of each field of the grid.
    pub values: Vec<FieldValue>,
}

impl Cell {
    /// What varies, without networks, experiments and seeds, as part of a path: `lr-0.001_batch-64`, or nothing.
    pub fn path_part(&self) -> String {
        let is_plain = |letter: &char| letter.is_alphanumeric() || "-+.".contains(*letter);
        let plain =
            |text: &str| text.chars().map(|letter| if is_plain(&letter) { letter } else { '-' }).collect::<String>();
        let varying = self.values.iter().filter(|of| of.varies && !of.is_subject() && of.field != SEED);
        let parts = varying.map(|of| format!("{}-{}", plain(&of.field.replace('_', "-")), plain(&of.text)));
        parts.collect::<Vec<_>>().join("_")
    }
}

/// The value that a field of the grid has in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldValue {
    /// The field.
    pub field: String,
    /// The value; of a network with a name its name.
    pub text: String,
    /// The value as the file has it.
    pub written: String,
    /// Its line, from 1.
    pub line: usize,
    /// Whether the field has several values in the grid.
    pub varies: bool,
}

impl FieldValue {
    /// Whether it is a network or an experiment.
    pub fn is_subject(&self) -> bool {
        SUBJECTS.contains(&&*self.field)
    }

    /// Says that it is the same value as `first`, which stands before it in `file`.
    pub fn repeats(&self, first: &Self, file: &Path) -> SettingsFileError {
        SettingsFileError::line(file, (self.line, twice(&self.field, &first.written, &self.written)))
    }
}

fn twice(field: &str, first: &str, second: &str) -> String {
    format!("`{field}` has one value twice: {first} and {second}; leave one of them out")
}

/// The values of a field.
struct Axis {
    field: String,
    /// The line of its name.
    line: usize,
    points: Vec<Point>,
}

struct Point {
    words: Vec<String>,
    text: String,
    /// The value as the file has it, and its line.
    written: String,
    line: usize,
}

/// The runs of a grid file whose fields are those of `fields`, seed by seed; a field for which `given` is true is left out, because the
/// command line decides it.
///
/// # Errors
/// [`SettingsFileError`], which names the file, the line, the field and the value.
pub fn cells(file: &Path, fields: &Fields, given: impl Fn(&str) -> bool) -> Result<Vec<Cell>, SettingsFileError> {
    let text = FileKind::Grid.read(file)?;
    let axes = Axes { text: &text, fields }.of_file();
    let mut axes = axes.map_err(|problem| SettingsFileError::line(file, problem))?;
    let given_of = |group: &[&str]| group.iter().any(|field| given(field));
    axes.retain(|axis| {
        let group = [SUBJECTS, SEEDS].into_iter().find(|group| group.contains(&&*axis.field));
        !group.map_or_else(|| given(&axis.field), |group| given_of(&group))
    });
    if !given_of(&SUBJECTS) && !axes.iter().any(|axis| SUBJECTS.contains(&&*axis.field)) {
        return Err(FileKind::Grid.whole(file, "it names nothing to train: give `net` or `experiment`"));
    }
    let runs = axes.iter().try_fold(1_usize, |runs, axis| runs.checked_mul(axis.points.len()));
    match runs {
        Some(runs) if runs <= MOST_RUNS => Ok(product(&axes)),
        runs => {
            let sizes: Vec<String> = axes.iter().map(|axis| format!("{} {}", axis.points.len(), axis.field)).collect();
            let runs = runs.map_or_else(|| "too many".into(), |runs| runs.to_string());
            let problem = format!("{} are {runs} runs, and {MOST_RUNS} are the most", sizes.join(" × "));
            Err(FileKind::Grid.whole(file, problem))
        }
    }
}

/// Every combination, the last axis first.
fn product(axes: &[Axis]) -> Vec<Cell> {
    let mut cells = vec![Cell::default()];
    for axis in axes {
        let with = |cell: &Cell, point: &Point| {
            let mut cell = cell.clone();
            cell.words.extend(point.words.iter().cloned());
            let (field, varies) = (axis.field.clone(), axis.points.len() > 1);
            let (text, written, line) = (point.text.clone(), point.written.clone(), point.line);
            cell.values.push(FieldValue { field, text, written, line, varies });
            cell
        };
        cells = cells.iter().flat_map(|cell| axis.points.iter().map(move |point| with(cell, point))).collect();
    }
    cells
}

/// Reads the axes of a grid.
struct Axes<'a> {
    text: &'a str,
    fields: &'a Fields,
}

type Problem = (usize, String);

impl Axes<'_> {
    /// The axes in the order of the file, but networks first and seeds last.
    fn of_file(&self) -> Result<Vec<Axis>, Problem> {
        let table = DeTable::parse(self.text).map_err(|error| diagnose(self.text, &error))?;
        let mut entries: Vec<_> = table.get_ref().iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut axes = vec![];
        for (name, value) in entries {
            let axis = self.axis(name, value)?;
            let alike = |other: &&Axis| {
                [SUBJECTS, SEEDS].iter().any(|group| group.contains(&&*other.field) && group.contains(&&*axis.field))
            };
            if let Some(other) = axes.iter().find(alike) {
                return Err((axis.line, format!("`{}` cannot stand beside `{}`", name.get_ref(), other.field)));
            }
            axes.push(axis);
        }
        let order = |axis: &Axis| match &*axis.field {
            field if SUBJECTS.contains(&field) => 0,
            SEED => 2,
            _ => 1,
        };
        axes.sort_by_key(order);
        Ok(axes)
    }

    fn line(&self, span: &Range<usize>) -> usize {
        line_of(self.text, span.start)
    }

    fn axis(&self, name: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) -> Result<Axis, Problem> {
        let (field, line) = (&**name.get_ref(), self.line(&name.span()));
        if self.fields.is_of_command_line(field) {
            let option = field.replace('_', "-");
            return Err((line, format!("`{field}` is no field: give --{option} on the command line")));
        }
        if !self.fields.has(field) {
            let known = self.fields.all(&[]);
            return Err((line, unknown(field, &known.iter().map(|field| &*field.name).collect::<Vec<_>>())));
        }
        let points = match value.get_ref() {
            DeValue::Table(table) if field == "net" => self.networks(table)?,
            DeValue::Array(values) => {
                let points = values.iter().map(|value| self.points(field, value));
                points.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect()
            }
            _ => self.points(field, value)?,
        };
        let mut seen: BTreeMap<&[String], &Point> = BTreeMap::new();
        for point in &points {
            if let Some(first) = seen.insert(&point.words, point) {
                return Err((point.line, twice(field, &first.written, &point.written)));
            }
        }
        match points.len() {
            0 => Err((line, format!("`{field}` is empty: it takes a value, or a list of at least one"))),
            2.. if field == "out" => Err((line, "`out` takes one folder, the parent of the runs' folders".into())),
            _ => Ok(Axis { field: if field == "seeds" { SEED.into() } else { field.into() }, line, points }),
        }
    }

    /// Networks by name.
    fn networks(&self, table: &DeTable<'_>) -> Result<Vec<Point>, Problem> {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let named = |(name, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
            let name = run_name(name.get_ref()).map_err(|problem| (self.line(&name.span()), problem))?;
            let mut points = self.points("net", value)?;
            for point in &mut points {
                point.words.push(format!("--name={name}"));
                point.text.clone_from(&name);
            }
            Ok(points)
        };
        Ok(entries.into_iter().map(named).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// A value as a point, or a range of seeds as many.
    fn points(&self, field: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<Point>, Problem> {
        let line = self.line(&value.span());
        let at = |problem: String| (line, problem);
        let text = text_of(value.get_ref()).unwrap_or_default();
        let written = self.text.get(value.span()).unwrap_or(&text).to_owned();
        if field != "seeds" {
            let word = self.fields.word(field, value.get_ref()).map_err(at)?;
            return Ok(vec![Point { words: word.into_iter().collect(), text, written, line }]);
        }
        let one = text.parse::<u64>().map(|seed| (seed, seed));
        let (first, last) = one.or_else(|_| seed_range(&text)).map_err(|why| at(format!("seeds = {text}: {why}")))?;
        let point = |seed: u64| Point {
            words: vec![format!("--seed={seed}")],
            text: seed.to_string(),
            written: written.clone(),
            line,
        };
        Ok((first..=last).map(point).collect())
    }
}
