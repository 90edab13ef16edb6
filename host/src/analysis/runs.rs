//! The runs below a folder: what each is, how it went, and what its network looks like, read from its files alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::config::{Config, after_spaces};
use crate::experiment::Catalogue;
use crate::lossy;
use crate::published::{suite_command, without_draws};
use crate::run::{self, EPOCHS, EpochLine, Error, METRICS, Process, TIMING, read_lines};
use crate::status::{self, State};
use crate::tensors::filters::{self, Filters};
use crate::train::{self, AnomalyCounts};

/// Points of the loss curve within epochs.
const POINTS: usize = 120;
/// A run of more epochs than this has a curve without its steps.
const SHORT: u32 = 20;

/// A run, as its folder tells it.
#[derive(Debug, Serialize)]
pub struct Run {
    /// Its folder.
    #[serde(serialize_with = "lossy::serialize")]
    pub folder: PathBuf,
    /// What it is.
    pub config: Config,
    /// Where it stands.
    pub status: State,
    /// Its epochs.
    pub epochs: Vec<EpochLine>,
    /// Further numbers of each epoch: by what is measured and by layer, one number an epoch.
    pub measures: BTreeMap<String, BTreeMap<String, Vec<Option<f64>>>>,
    /// The loss of a short run within its epochs.
    pub steps: Vec<StepMean>,
    /// What the network took the test images of each class for, at the end.
    pub confusion: Option<Vec<Vec<u32>>>,
    /// How many test images its ROC-AUC is taken from, if it has an anomaly class.
    pub anomalies: Option<AnomalyCounts>,
    /// The interval of the ROC-AUC of its last epoch, by the number of test images (Hanley and `McNeil` 1982).
    pub roc_auc_interval: Option<[f64; 2]>,
    /// The first layer's filters, if the weights are there.
    pub filters: Option<Filters>,
    /// Wall time of training and testing, in seconds; `None` if its log is missing.
    pub seconds: Option<f64>,
    /// The last process that trained it.
    pub process: Option<Process>,
    /// The versions of the programs that trained it.
    pub programs: BTreeSet<String>,
    /// The command that trains it again.
    pub command: String,
    /// The options of that command in which its training differs from its experiment or network, each after a space.
    pub settings: String,
}

/// The mean loss of some steps.
#[derive(Debug, Serialize)]
pub struct StepMean {
    /// Where they end, in epochs.
    pub epoch: f64,
    /// The mean of their losses.
    pub loss: f64,
}

impl Run {
    /// Reads a run's folder.
    ///
    /// # Errors
    /// [`Error`] if a file of the run is damaged.
    pub fn read(folder: &Path, catalogue: &Catalogue) -> Result<Option<Self>, Error> {
        let Some(config) = run::read_config(folder)? else { return Ok(None) };
        let epochs = run::read_epochs(folder)?;
        let mut lines = read_lines(&folder.join(EPOCHS));
        // A run under way may have written another one by now.
        lines.truncate(epochs.len());
        let (anomalies, area) = (AnomalyCounts::read(folder), epochs.last().and_then(|line| line.test_roc_auc));
        let mut processes = Process::read(folder);
        Ok(Some(Self {
            status: status::state(folder)?,
            measures: measures(&lines),
            steps: if config.epochs <= SHORT { steps(&read_lines(&folder.join(METRICS))) } else { vec![] },
            confusion: train::read_confusion(folder),
            anomalies,
            roc_auc_interval: area.and_then(|area| Some(anomalies?.interval(area))),
            filters: filters::read(&folder.join(run::WEIGHTS), &config.network.architecture()),
            seconds: seconds(&read_lines(&folder.join(TIMING))),
            programs: processes.iter().map(|process| process.version.clone()).collect(),
            process: processes.pop(),
            command: suite_command(&config, config.seed..=config.seed)
                .unwrap_or_else(|| config.command(catalogue, run::data_of(folder, &config))),
            settings: after_spaces(&without_draws(&config).without_measures().settings(catalogue)),
            folder: folder.to_owned(),
            config,
            epochs,
        }))
    }

    /// The epochs it has made.
    pub fn epoch(&self) -> u32 {
        self.epochs.last().map_or(0, |line| line.epoch)
    }

    /// Whether its loss became infinite or NaN.
    pub fn has_diverged(&self) -> bool {
        self.status == State::Diverged
    }
}

/// Whatever an epoch's line holds by layer: `{"angles": {"dense2": 61.5}}`, or `{"mean": 61.5, …}` in place of the number.
fn measures(lines: &[Value]) -> BTreeMap<String, BTreeMap<String, Vec<Option<f64>>>> {
    let mut measures: BTreeMap<String, BTreeMap<String, Vec<Option<f64>>>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        let fields = line.as_object().into_iter().flatten();
        for (name, layers) in fields.filter_map(|(name, value)| Some((name, value.as_object()?))) {
            for (layer, value) in layers {
                let number = value.as_f64().or_else(|| value.get("mean")?.as_f64());
                let series = measures.entry(name.clone()).or_default().entry(layer.clone()).or_default();
                series.resize(index, None);
                series.push(number);
            }
        }
    }
    measures
}

/// The losses of all steps, in at most [`POINTS`] means. The first epoch tells how many steps one has, unless it is still under way.
fn steps(lines: &[Value]) -> Vec<StepMean> {
    let Some(first) = lines.first() else { return vec![] };
    let a_point = lines.len().div_ceil(POINTS);
    let an_epoch = lines.iter().take_while(|line| line["epoch"] == first["epoch"]).count();
    let point = |lines: &[Value]| {
        let losses: Vec<f64> = lines.iter().filter_map(|line| line["loss"].as_f64()).collect();
        let epoch = lines.last()?["step"].as_f64()? / an_epoch as f64;
        (!losses.is_empty()).then(|| StepMean { epoch, loss: losses.iter().sum::<f64>() / losses.len() as f64 })
    };
    lines.chunks(a_point).filter_map(point).collect()
}

fn seconds(lines: &[Value]) -> Option<f64> {
    let of = |line: &Value, name: &str| line[name].as_f64().unwrap_or(0.0);
    let all = lines.iter().map(|line| of(line, "train_seconds") + of(line, "test_seconds"));
    (!lines.is_empty()).then(|| all.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_series_with_holes() {
        let lines: Vec<Value> = [
            r#"{"epoch":1,"test_loss":1.0}"#,
            r#"{"epoch":2,"angles":{"dense2":{"mean":61.5,"deviation":2.0}},"dead":{"dense1":0.25}}"#,
            r#"{"epoch":3}"#,
            r#"{"epoch":4,"angles":{"dense2":50.0}}"#,
        ]
        .map(|line| serde_json::from_str(line).unwrap())
        .into();
        let measures = measures(&lines);
        assert_eq!(measures["angles"]["dense2"], [None, Some(61.5), None, Some(50.0)]);
        assert_eq!(measures["dead"]["dense1"], [None, Some(0.25)]);
    }

    #[test]
    fn many_steps_are_few_points_that_end_where_the_run_stands() {
        let line = |step: u32| serde_json::json!({"step": step, "epoch": step.div_ceil(250), "loss": f64::from(step)});
        let lines: Vec<Value> = (1..=900).map(line).collect();
        let points = steps(&lines);
        assert_eq!((points.len(), points[0].loss), (113, 4.5));
        assert!((points[0].epoch - 8.0 / 250.0).abs() < 1e-9);
        // Within the fourth epoch.
        assert!((points[112].epoch - 3.6).abs() < 1e-9);
        assert!(steps(&[]).is_empty());
    }
}
