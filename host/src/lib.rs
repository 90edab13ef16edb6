//! Experiments with asymmetric backpropagation: data sets, runs, and the report's tables.

pub mod analysis;
mod atomic;
pub mod capacity;
pub mod config;
pub mod dataset;
mod diagnostic;
pub mod experiment;
pub mod kernels;
mod network;
pub mod report;
pub mod run;
pub mod slurm;
pub mod statistics;
pub mod status;
pub mod suite;
pub mod tensors;
pub mod train;

pub use network::Network;

/// Writes a text file whole, or leaves it as it was.
///
/// # Errors
/// If the system refuses; it names the file.
pub fn write_whole(file: &std::path::Path, text: &str) -> Result<(), run::Error> {
    atomic::write(file, |out| out.write_all(text.as_bytes())).map_err(run::Error::io("write", file))
}
