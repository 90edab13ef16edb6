//! Runs that other groups published, to be repeated: `data/published.toml` has their settings and figures.
//!
//! - `catalogue`: the runs, and where they were published
//! - `draws`: the weights and batches of a published run made again; `random`: by the numbers of PyTorch and `NumPy`

mod catalogue;
mod draws;
mod random;

pub use catalogue::{Figure, Quantity, Record, Source, Within, all};
pub(crate) use catalogue::{suite_command, without_draws};
pub use draws::{DrawError, DrawFiles, Drawn, Protocol};
