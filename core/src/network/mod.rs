//! The description of a network and of its training, as values.
//!
//! | file | what it holds |
//! |---|---|
//! | `shape.rs` | the shape of one sample between two layers |
//! | `activation.rs` | nonlinearities and their derivatives |
//! | `feedback/` | the feedback rules, a file each |
//! | `layer.rs` | a layer: operation, activation, feedback |
//! | `architecture.rs` | a network: the input's shape and the layers, checked |
//! | `notation.rs` | a network as text |
//! | `loss.rs` | losses and the score of a batch |
//! | `optimizer.rs` | optimizers and their coefficients |
//! | `training.rs` | how a network is trained: batch, optimizer, loss, clipping |

pub mod activation;
pub mod architecture;
pub mod feedback;
pub mod layer;
pub mod loss;
pub mod notation;
pub mod optimizer;
pub mod shape;
pub mod training;

pub use self::activation::Activation;
pub use self::architecture::{Architecture, ArchitectureError};
pub use self::feedback::{Feedback, Storage};
pub use self::layer::{Layer, Operation, Problem};
pub use self::loss::{Loss, Score};
pub use self::notation::ParseError;
pub use self::optimizer::{Adam, Momentum, Optimizer, Sgd};
pub use self::shape::Shape;
pub use self::training::Training;
