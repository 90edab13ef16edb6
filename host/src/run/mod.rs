//! Runs: one training in one folder, which the same command continues where it was stopped, byte for byte.
//!
//! [`train`] is the way in; [`Config`] is what a run is, [`Request`] how it is carried out, [`Observer`] who watches.

mod batches;
mod checkpoint;
mod config;
mod error;
mod events;
mod folder;
mod measure;
mod metrics;
mod owner;
mod pixels;
mod process;
mod request;
mod schedule;
mod scores;
mod session;
mod stored;

pub use batches::{Gather, shuffled};
pub use checkpoint::{Checkpoint, CheckpointError, Saved, Sums};
pub use config::{Choices, Config, Data, name_of};
pub use error::Error;
pub use folder::{
    CHECKPOINT, CONFIG, CONFUSION, EPOCHS, FAILURE, METRICS, PROCESSES, RESULT, RunFolder, TIMING, WEIGHTS,
    check_place, default_path,
};
pub use measure::{Measures, measure};
pub use metrics::{EpochLine, Lengths, StepLine, read_epochs, read_lines};
pub use owner::{Owner, is_locked, now};
pub use pixels::{Pixels, Standard};
pub use process::{Process, VERSION, data_of};
pub use request::{Observer, Outcome, Progress, Request, Status, Summary, check_fit};
pub use schedule::Schedule;
pub use scores::{confusion, predict, read_confusion, scores};
pub use session::{pace, train};
pub use stored::{ended, read_state, read_summary, stored_config};
