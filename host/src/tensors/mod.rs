//! Tensors in files: safetensors for PyTorch and back, and convolutions as sparse matrices.
//!
//! - `weights`: reads and writes safetensors files
//! - `parameters`: writes the parameters for a firmware
//! - `filters`: the first layer as pictures
//! - `sparse`: a convolution as a CSR matrix

pub mod filters;
mod parameters;
pub mod sparse;
mod weights;

pub use parameters::{write_raw, write_rust};
pub use weights::{
    Error, check, checksum, read, read_parameters, read_standard, write, write_csr, write_indices, write_logits,
};
