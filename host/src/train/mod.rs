//! Training: steps and epochs of one run, and what its network says of images.
//!
//! - `start`: begins, resumes or leaves alone what a [`Request`] asks for; `pace`: how long it will take;
//!   `refusal`: why it would not start
//! - `initial`: the values that it begins with
//! - `session/`: the loop over epochs and steps, logs and checkpoints
//! - `best`: the best epoch so far, whose weights a run may keep
//! - `evaluation`: loss and accuracy on images, of a run or of a saved state
//! - `measure`: the signals of the feedback rules beside the true gradient; `signals`: statistics of a batch's values;
//!   `whole_network`: all layers' weights as one vector
//! - `logits`: the logits of images, and the confusion matrix
//! - `sampler`: which images each step trains on; `step`: one step; `batches`: shuffles, and the way of bytes into the input;
//!   `targets`: the targets of a batch
//! - `anomaly`: reconstruction errors as anomaly scores, and how many test images they are taken from
//! - `request`: what is asked of a training, and what comes of it

mod anomaly;
mod batches;
mod best;
mod evaluation;
mod initial;
mod logits;
mod measure;
mod pace;
mod refusal;
mod request;
mod sampler;
mod session;
mod signals;
mod start;
mod step;
mod targets;
mod whole_network;

pub use anomaly::AnomalyCounts;
pub use batches::{Gather, shuffled, with_replacement};
pub use evaluation::{ClassScore, Evaluation, evaluate};
pub use logits::{confusion, logits, predict, read_confusion};
pub use measure::measure;
pub use pace::{Pace, pace};
pub use refusal::check;
pub use request::{Observer, Outcome, Request, TrainProgress, check_fit, check_split};
pub use sampler::check_sampling;
pub use start::{ended, train};
