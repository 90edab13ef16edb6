//! Tensors in files: safetensors for PyTorch and back, and convolutions as sparse matrices.
//!
//! - `weights`: reads and writes safetensors files
//! - `filters`: the first layer as pictures
//! - `sparse`: a convolution as a CSR matrix

pub mod filters;
pub mod sparse;
mod weights;

pub use weights::{Error, check, checksum, read, write, write_csr, write_logits};
