//! The names of the files in a run's folder, and the folder of a run that names none.

use std::path::PathBuf;

use crate::atomic::PART;

/// What the run is.
pub const CONFIG: &str = "config.json";
/// All that the next step depends on.
pub const CHECKPOINT: &str = "checkpoint";
/// One line a step.
pub const METRICS: &str = "metrics.jsonl";
/// One line an epoch.
pub const EPOCHS: &str = "epochs.jsonl";
/// Wall times, one line an epoch.
pub const TIMING: &str = "timing.jsonl";
/// The final weights.
pub const WEIGHTS: &str = "weights.safetensors";
/// The weights of the best epoch so far, if they are kept.
pub const BEST: &str = "best.safetensors";
/// The weights of a best epoch that no checkpoint has made final: with the next one they become [`BEST`].
pub fn pending_best(epoch: u32) -> String {
    format!("{BEST}.{epoch}{PART}")
}
/// How the run ended; there is none while it has not.
pub const RESULT: &str = "result.json";
/// The processes that trained it, one line each.
pub const PROCESSES: &str = "processes.jsonl";
/// What the network took the test images of each class for, at the end.
pub const CONFUSION: &str = "confusion.json";
/// How many test images are of the anomaly class, and how many are not.
pub const ANOMALIES: &str = "anomalies.json";
/// Why the last process that trained it failed.
pub const FAILURE: &str = "failure.txt";
/// Locked by the process that trains.
pub(crate) const LOCK: &str = "lock";
/// The process that holds the lock, or crashed.
pub(crate) const LOCK_HOLDER: &str = "owner.json";

/// The folder of a run that names none.
pub fn default_path(data: &str, name: &str, seed: u64) -> PathBuf {
    ["runs", data, name, &format!("seed-{seed}")].iter().collect()
}
