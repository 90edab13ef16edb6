//! Experiments with asymmetric backpropagation: data sets, runs, and the report's tables.

pub mod analysis;
mod atomic;
pub mod capacity;
mod cgroup;
pub mod config;
pub mod dataset;
mod diagnostic;
pub mod experiment;
pub mod kernels;
pub mod lossy;
mod network;
mod output;
pub mod report;
pub mod run;
mod shell;
pub mod slurm;
pub mod statistics;
pub mod status;
pub mod suite;
pub mod tensors;
pub mod train;

pub use network::Network;
pub use output::{is_stream, write_whole};
