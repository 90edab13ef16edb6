//! Suites: several trainings, one after the other or some at once.
//!
//! - `train`: the trainings of a suite
//! - `progress`: bars and lines on standard error
//! - `task`: a training of a suite, and what became of it
//! - `protocol`: how long a suite trains each experiment, and where

mod progress;
mod protocol;
mod task;
mod train;

pub use progress::ProgressBars;
pub use protocol::{RULES_SEEDS, is_small, quick_epochs, quick_path, whole_epochs};
pub use task::{Task, TaskError, TaskResult};
pub use train::train;
