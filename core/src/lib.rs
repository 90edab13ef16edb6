#![no_std]
#![forbid(unsafe_code)]
//! Training neural networks whose error travels back through other weights than the ones it came through.
//!
//! dL/dh = G·Bᵀ with B a fixed random matrix `(R)`, or one that receives the updates of W `(R*)`, or W itself. No
//! standard library, no allocator, no `unsafe`, no panic: a network is a constant, its memory a static buffer whose
//! size is known at compile time, and the same code trains on a Cortex-M and on a server.
//!
//! ```
//! use asymgrad_core::{Architecture, Feedback, Layer, Shape, Trainer, Training};
//! use asymgrad_core::random::SplitMix;
//!
//! const NET: Architecture = Architecture::new(
//!     Shape::vector(64),
//!     &[Layer::dense(32), Layer::dense(10).feedback(Feedback::Fixed)],
//! );
//! const TRAINING: Training = Training::new(16);
//!
//! let mut memory = [0.0; NET.memory(&TRAINING)];      // a static on a device
//! let mut trainer = Trainer::<{ NET.kinds(&TRAINING) }>::new(NET, TRAINING, &mut memory)?;
//! trainer.initialize(&mut SplitMix::new(1), 2);
//! let score = trainer.step(&[0.5; 16 * 64], &[3; 16])?;
//! assert!(score.loss > 0.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(test)]
extern crate std;

mod activation;
mod architecture;
pub mod arithmetic;
pub mod feedback;
pub mod kernels;
pub mod kinds;
mod loss;
mod memory;
mod notation;
mod optimizer;
mod predictor;
pub mod random;
mod trainer;
mod training;

pub use activation::Activation;
pub use architecture::{Architecture, ArchitectureError, Layer, Operation, Problem, Shape};
pub use feedback::Feedback;
pub use loss::{Loss, Score};
pub use memory::{Part, Region, Tensor};
pub use notation::ParseError;
pub use optimizer::{Adam, Momentum, Optimizer, Rule, Sgd, Update};
pub use predictor::Predictor;
pub use random::Initial;
pub use trainer::{Signal, StepError, Trainer, TrainerError};
pub use training::Training;

/// The README's example is a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
