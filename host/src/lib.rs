//! placeholder
pub mod dataset;
pub mod experiment;
