//! Runs: one training in one folder, which the same command continues where it was stopped, byte for byte.
//!
//! What the folder holds, file by file; `train` is what fills it.
//!
//! - `logs`: the logs while they are written; `events`: the same for `TensorBoard`
//! - `folder`: the folder, locked; `lock`: the lock, and the process that holds it
//! - `state`: the trainer's state that the folder holds; `checkpoint`: the file it lies in
//! - `config_file`, `result`, `process`: `config.json`, `result.json`, `processes.jsonl`
//! - `lines`: the lines of the logs
//! - `files`: the names of all files; `leftover`: files that make a folder no other's; `error`: what can be wrong with them

mod checkpoint;
mod config_file;
mod error;
pub(crate) mod events;
mod files;
mod folder;
mod leftover;
mod lines;
mod lock;
mod logs;
mod process;
mod result;
mod state;

pub use checkpoint::{Checkpoint, CheckpointReader, Sums};
pub(crate) use config_file::write_config;
pub use config_file::{read_config, stored_config};
pub use error::{CheckpointError, Error};
pub use files::{
    ANOMALIES, BEST, CHECKPOINT, CONFIG, CONFUSION, EPOCHS, FAILURE, METRICS, PROCESSES, RESULT, TIMING, WEIGHTS,
    default_path, pending_best,
};
pub use folder::{RunFolder, check_place, check_strangers};
pub(crate) use lines::{ByLayer, MeasuredLine, TimingLine};
pub use lines::{EpochLine, Lengths, Measures, StepLine, read_epochs, read_lines};
pub use lock::{LockHolder, is_locked, now};
pub(crate) use logs::Logs;
pub use process::{Process, VERSION, data_of, test_indices_of};
pub use result::{Ending, Summary, read_summary};
pub(crate) use state::allocate;
pub use state::read_state;
