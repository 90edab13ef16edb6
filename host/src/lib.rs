//! Experiments with asymmetric backpropagation: data sets, runs, and the report's tables.

pub mod dataset;
pub mod experiment;
pub mod kernels;
mod network;

pub use network::Network;
