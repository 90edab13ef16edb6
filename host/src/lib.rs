//! Experiments with asymmetric backpropagation: data sets, runs, and the report's tables.
//!
//! The modules from top to bottom; each imports only from those below it:
//!
//! - [`report`]: the results page, and what the terminal shows at the end
//! - [`analysis`]: verdicts on the report's claims, means over seeds, paired comparisons
//! - [`capacity`]: how many trainings fit into memory at once; [`status`]: which runs of a folder are done
//! - [`suite`]: several trainings, one after the other or some at once
//! - [`train`]: one training, from the first step to the result
//! - [`run`]: the folder of a run and the files in it
//! - [`config`]: what a run is: all that its numbers depend on
//! - [`experiment`]: the report's experiments and those of a user's file, as data
//! - [`tensors`]: weights in safetensors files, and convolutions as sparse matrices
//! - [`dataset`]: labelled images and the files they come from
//! - [`kernels`]: the core's kernels in SIMD, on threads
//! - [`Network`], [`statistics`], [`slurm`], and private modules: files written whole, diagnostics of TOML
//!
//! `main.rs` and `cli/` are the program.

pub mod analysis;
mod atomic;
pub mod capacity;
pub mod config;
pub mod dataset;
mod diagnostic;
pub mod experiment;
pub mod kernels;
mod network;
mod output;
pub mod report;
pub mod run;
pub mod slurm;
pub mod statistics;
pub mod status;
pub mod suite;
pub mod tensors;
pub mod train;

pub use network::Network;
pub use output::write_whole;
