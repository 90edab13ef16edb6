//! The experiments at hand: the report's, behind them those that other groups published, and in front of them those of a file of the
//! user's own with the same fields.
//!
//! What is wrong with such a file is reported with its line and, for a mistyped field, the nearest one that there is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::definition::{Experiment, ExperimentError};
use super::published::published;
use super::reader::{Located, experiments};
use super::report::{self, UnknownExperiment};
use crate::dataset;
use crate::settings::values::run_name;
use crate::settings::{self, FileKind, NoEffect, Reader, SettingsFileError};
use crate::shell::quoted;

/// The experiments that a command knows.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The file's, then the report's, then the published ones.
    experiments: Vec<Experiment>,
    /// How many are the file's.
    own: usize,
    /// How many are the file's or the report's.
    report: usize,
    file: Option<PathBuf>,
    /// The checksum of each data set that an experiment names by a path, or why the data set cannot be opened; each is opened once.
    checksums: Arc<Mutex<BTreeMap<String, Result<String, String>>>>,
}

impl Catalogue {
    /// The experiments of `data/experiments.toml`.
    pub fn of_report() -> Self {
        Self::new(vec![], None)
    }

    fn new(mut experiments: Vec<Experiment>, file: Option<PathBuf>) -> Self {
        let own = experiments.len();
        experiments.extend(report::all());
        let report = experiments.len();
        experiments.extend(published());
        Self { experiments, own, report, file, checksums: Arc::default() }
    }

    /// Reads a user's file; without one, only the report's experiments are at hand.
    ///
    /// # Errors
    /// [`SettingsFileError`], which names the file, the line and the nearest field.
    pub fn open(file: Option<&Path>) -> Result<Self, SettingsFileError> {
        let Some(file) = file else { return Ok(Self::of_report()) };
        let text = FileKind::Experiments.read(file)?;
        let experiments = parse(&text).map_err(|problem| SettingsFileError::line(file, problem))?;
        Ok(Self::new(experiments, Some(file.to_owned())))
    }

    /// All of them.
    pub fn all(&self) -> &[Experiment] {
        &self.experiments
    }

    /// The user's own.
    pub fn own(&self) -> &[Experiment] {
        self.experiments.get(..self.own).unwrap_or_default()
    }

    /// The report's.
    pub fn of_the_report(&self) -> &[Experiment] {
        self.experiments.get(self.own..self.report).unwrap_or_default()
    }

    /// Those that a command without names is about: the file's, else the report's.
    pub fn chosen(&self) -> &[Experiment] {
        if self.file.is_some() { self.own() } else { self.of_the_report() }
    }

    /// The user's file.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The experiment called `name`.
    ///
    /// # Errors
    /// [`UnknownExperiment`], which suggests the nearest name.
    pub fn find(&self, name: &str) -> Result<&Experiment, UnknownExperiment> {
        report::find_in(&self.experiments, name)
    }

    /// The checksum of the data set at `path`.
    ///
    /// # Errors
    /// Says why the data set cannot be opened.
    pub(crate) fn checksum_of(&self, path: &str) -> Result<String, String> {
        let mut checksums = self.checksums.lock().unwrap_or_else(PoisonError::into_inner);
        let open = || dataset::open(path).map(|dataset| dataset.checksum).map_err(|error| error.to_string());
        checksums.entry(path.to_owned()).or_insert_with(open).clone()
    }

    /// The option that makes another command know the experiment: none for the report's.
    pub fn option(&self, experiment: &Experiment) -> String {
        let own = self.own().iter().any(|own| own.name == experiment.name);
        let file = self.file.as_ref().filter(|_| own);
        file.map_or_else(String::new, |file| format!(" --experiments {}", quoted(file)))
    }
}

/// The experiments of a user's file.
///
/// # Errors
/// The line and what is wrong there.
pub fn parse(text: &str) -> Result<Vec<Experiment>, (usize, String)> {
    let experiments = experiments(text)?;
    let mut of_program = report::all();
    of_program.extend(published());
    let names: Vec<String> = experiments.iter().map(|located| located.experiment.name.clone()).collect();
    for (index, Located { line, options, experiment }) in experiments.iter().enumerate() {
        let mut known = names.iter().chain(of_program.iter().map(|experiment| &experiment.name));
        let than = experiment.claim.as_ref().and_then(|claim| claim.expectation.than());
        let problem = if names.iter().take(index).any(|name| *name == experiment.name) {
            Err(format!("a second experiment is called `{}`; give each a name of its own", experiment.name))
        } else if let Some(than) = than.filter(|than| !known.any(|name| name == than)) {
            Err(format!(
                "no experiment is called `{than}`, which the claim of `{}` names; `asymgrad list` shows the names",
                experiment.name
            ))
        } else {
            check(experiment, &of_program)
        };
        problem.map_err(|problem| (*line, problem))?;
        if let Some(found) = without_effect(experiment) {
            let line = options.get(&found.field()).unwrap_or(line);
            let value = experiment.options.written(&found.field()).map_or_else(String::new, ToString::to_string);
            return Err((*line, found.of_file(&value)));
        }
    }
    Ok(experiments.into_iter().map(|located| located.experiment).collect())
}

/// Whether a run could be made of an experiment.
fn check(experiment: &Experiment, of_program: &[Experiment]) -> Result<(), String> {
    let name = &experiment.name;
    run_name(name)?;
    if of_program.iter().any(|experiment| experiment.name == *name) {
        return Err(format!(
            "the report has an experiment called `{name}`, or another published one is; choose another name"
        ));
    }
    if let Some(lr) = experiment.lr.filter(|lr| !(*lr > 0.0 && lr.is_finite())) {
        return Err(format!("experiment {name}: lr = {lr}: lr has to be a number above 0"));
    }
    if experiment.epochs == Some(0) {
        return Err(format!("experiment {name}: epochs = 0: epochs has to be above 0"));
    }
    let parse = || {
        experiment.parsed_network()?;
        experiment.parsed_loss()
    };
    parse().map(drop).map_err(|error: ExperimentError| error.to_string())
}

/// The first option of an experiment that its runs do not read.
fn without_effect(experiment: &Experiment) -> Option<NoEffect> {
    let (network, choices) = (experiment.parsed_network().ok()?, &experiment.options.choices);
    settings::without_effect(choices, &[Reader::of(choices, &network)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const ROW: &str = "[[experiment]]\nname = \"MINE\"\nnetwork = \"input 64 - dense10\"\nloss = \"ce\"\n";

    #[track_caller]
    fn refused(text: &str, line: usize, said: &str) {
        let (found, problem) = parse(text).unwrap_err();
        assert_eq!(found, line, "{problem}");
        assert!(problem.contains(said), "no `{said}` in: {problem}");
    }

    #[test]
    fn a_mistake_is_told_with_its_line_and_the_nearest_word() {
        assert_eq!(parse(ROW).unwrap()[0].name, "MINE");
        refused(&format!("{ROW}optimiser = \"sgd\"\n"), 5, "unknown field `optimiser`; the nearest is `optimizer`");
        refused(&format!("# mine\n\n{}", ROW.replace("[[experiment]]", "[[experiments]]")), 3, "is `experiment`");
        refused(&format!("{ROW}published = [{{ epochs = 5, acuracy = 3.0 }}]\n"), 5, "is `accuracy`");
        refused(&format!("{ROW}claim.sentense = \"x\"\n"), 5, "is `sentence`");
        refused(&ROW.replace("loss = \"ce\"", "loss = ce"), 4, "");
        refused(&ROW.replace("loss = \"ce\"\n", ""), 1, "missing field `loss`");
        refused(&format!("{ROW}lr = \"fast\"\n"), 5, "f32");
    }

    #[test]
    fn a_row_that_could_not_run_is_refused_with_its_line() {
        refused(&format!("{ROW}\n{ROW}"), 6, "a second experiment is called `MINE`");
        refused(&ROW.replace("MINE", "DS0"), 1, "the report has an experiment called `DS0`");
        refused(&ROW.replace("MINE", "../mine"), 1, "cannot be a run's folder");
        refused(&ROW.replace("\"ce\"", "\"cee\""), 1, "no loss `cee`");
        refused(&ROW.replace("dense10", "dnse10"), 1, "dnse10");
        refused(&format!("{ROW}lr = -1.0\n"), 1, "lr has to be a number above 0");
        refused(&format!("{ROW}batch = 0\n"), 5, "batch = 0: it has to be a whole number above 0");
        refused(&format!("{ROW}optimizer = \"adagrad\"\n"), 5, "optimizer = adagrad: the optimizers are");
        refused(&format!("{ROW}standardize = 1\n"), 5, "standardize = 1: it has to be true or false");
        refused(&format!("{ROW}schedule = [\"cosine:2\"]\n"), 5, "schedule = array: it has to be a single value");
        refused(&format!("{ROW}learning_rate = 1\n"), 5, "the fields are name, network");
        refused(&format!("{ROW}batch = -1\n"), 5, "-1");
        let claim =
            "claim = { sentence = \"x\", epochs = 2, measure = { expect = \"better\", than = \"NONE\", by = 1 } }\n";
        refused(&format!("{ROW}{claim}"), 1, "`NONE`, which the claim of `MINE` names");
        parse(&format!("{ROW}{}", claim.replace("NONE", "DS0"))).unwrap();
    }

    #[test]
    fn an_option_without_effect_is_refused_with_its_line_its_value_and_a_way_out() {
        let refused_option = |option: &str, said: &str| refused(&format!("{ROW}batch = 9\n{option}\n"), 6, said);
        let adam = "has no effect: the optimizer is adam; leave it out, or choose optimizer = ";
        refused_option("momentum = 0.5", &format!("momentum = 0.5 {adam}\"momentum\" or \"nesterov\""));
        let sgd = "has no effect: the optimizer is sgd; leave it out, or choose optimizer = \"adam\"";
        refused_option("beta1 = 8e-1\noptimizer = \"sgd\"", &format!("beta1 = 0.8 {sgd}"));
        refused_option("kp_decay = 0.1", "kp_decay = 0.1 has no effect: no layer is (KP)");
        refused_option("mirror_rate = 0.1", "mirror_rate = 0.1 has no effect: no layer is (WM)");
        refused_option("mirror_first = 7", "mirror_first = 7 has no effect: no layer is (WM)");
        let feedback = "feedback_init = \"normal:1\" has no effect: no layer has feedback of its own";
        refused_option("feedback_init = \"normal:1\"", feedback);
        let target = "anomaly_class = 3 has no effect: the target is class; leave it out, or choose target = \"input\"";
        refused_option("anomaly_class = 3", target);
        let measures =
            "measures = \"all\" has no effect: nothing is measured; leave it out, or choose measure_every = 1";
        refused_option("measures = \"all\"\nmeasure_every = 0", measures);
        parse(&format!("{ROW}optimizer = \"momentum\"\nmomentum = 0.5\nmeasures = \"all\"\n")).unwrap();
        let mirror = ROW.replace("dense10", "dense9 - dense10(WM)");
        parse(&format!("{mirror}mirror_rate = 0.1\nmirror_first = 7\nfeedback_init = \"normal:1\"\n")).unwrap();
    }

    #[test]
    fn own_rows_come_first_and_the_reports_stay_at_hand() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), ROW).unwrap();
        let catalogue = Catalogue::open(Some(file.path())).unwrap();
        assert_eq!(catalogue.chosen().len(), 1);
        let (mine, theirs) = (catalogue.find("MINE").unwrap(), catalogue.find("DS0").unwrap());
        assert_eq!(catalogue.option(mine), format!(" --experiments {}", file.path().display()));
        assert_eq!(catalogue.option(theirs), "");
        assert_eq!(catalogue.find("MIEN").unwrap_err().nearest.as_deref(), Some("MINE"));
        let missing = Catalogue::open(Some(Path::new("none.toml"))).unwrap_err().to_string();
        assert!(missing.starts_with("none.toml: cannot read"), "{missing}");
    }
}
