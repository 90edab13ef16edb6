//! Training on borrowed memory.
//!
//! | file | what it holds |
//! |---|---|
//! | `trainer.rs` | [`Trainer`]: construction, state |
//! | `declaration.rs` | [`trainer!`](crate::trainer): a trainer and its memory, checked at compile time |
//! | `views.rs` | weights and feedback as matrices |
//! | `step.rs` | [`Step`]: a step as a loop over slices: forward, loss, input gradient, update |
//! | `targets.rs` | the targets of a step: checks, and how they are stored |
//! | `pass.rs` | one layer in one direction |
//! | `rows.rs` | the rows of a layer that a slice computes |
//! | `probe.rs` | the error signals at every layer, without an update |
//! | `initialize.rs` | initial weights and feedback, warm-up of weight mirrors |
//! | `grow.rs` | the state of a network in that of the same network with more outputs |
//! | `buffers.rs` | where a layer's values lie in the regions of the memory |
//! | `error.rs` | why a trainer cannot be made, why a step is not made |

mod buffers;
mod declaration;
mod error;
mod grow;
mod initialize;
pub(crate) mod pass;
mod probe;
mod rows;
mod step;
mod targets;
mod trainer;
#[cfg(feature = "nalgebra")]
mod views;

pub use self::declaration::Declaration;
pub use self::error::{StepError, TrainerError};
pub use self::probe::ErrorSignal;
pub use self::step::Step;
pub use self::trainer::Trainer;
