//! Training: steps and epochs of one run, and what its network says of images.
//!
//! - `start`: begins, resumes or leaves alone what a [`Request`] asks for; `pace`: how long it will take;
//!   `refusal`: why it would not start
//! - `session`: the loop over epochs and steps, logs and checkpoints
//! - `measure`: the signals of the feedback rules beside the true gradient
//! - `scores`: what the network says of images
//! - `step`: one step; `batches`: the order of samples, and the way of their bytes into the input
//! - `request`: what is asked of a training, and what comes of it

mod batches;
mod measure;
mod pace;
mod refusal;
mod request;
mod scores;
mod session;
mod start;
mod step;

pub use batches::{Gather, shuffled};
pub use measure::measure;
pub use pace::pace;
pub use refusal::check;
pub use request::{Observer, Outcome, Request, TrainProgress, check_fit};
pub use scores::{confusion, predict, read_confusion, scores};
pub use start::{ended, train};
