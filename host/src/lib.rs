//! Experiments with asymmetric backpropagation: data sets, runs, and the report's tables.

mod atomic;
pub mod claim;
pub mod dataset;
pub mod experiment;
pub mod kernels;
mod network;
pub mod progress;
pub mod run;
pub mod sparse;
pub mod suite;
pub mod weights;

pub use network::Network;

/// Bytes as lower-case hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}
