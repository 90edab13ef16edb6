//! Runs: one training in one folder, which the same command continues where it was stopped, byte for byte.

mod checkpoint;
mod error;
pub(crate) mod events;
mod folder;
mod lock;
mod logs;
mod process;
mod stored;

pub use checkpoint::{Checkpoint, CheckpointError, Saved, Sums};
pub use error::Error;
pub use folder::{
    CHECKPOINT, CONFIG, CONFUSION, EPOCHS, FAILURE, METRICS, PROCESSES, RESULT, RunFolder, TIMING, WEIGHTS,
    check_place, default_path,
};
pub use lock::{Owner, is_locked, now};
pub use logs::{EpochLine, Lengths, StepLine, read_epochs, read_lines};
pub(crate) use logs::{Logs, MeasuredLine, TimingLine};
pub use process::{Process, VERSION, data_of};
pub use stored::{ended, read_state, read_summary, stored_config};
