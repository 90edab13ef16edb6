//! Training: steps and epochs of one run, and what its network says of images.

mod batches;
mod measure;
mod request;
mod scores;
mod session;

pub use batches::{Gather, shuffled};
pub use measure::{Measures, measure};
pub use request::{Observer, Outcome, Progress, Request, Status, Summary, check_fit};
pub use scores::{confusion, predict, read_confusion, scores};
pub(crate) use session::allocate;
pub use session::{pace, train};
