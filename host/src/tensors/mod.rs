//! Tensors in files: safetensors for PyTorch and back, and convolutions as sparse matrices.

pub mod sparse;
mod weights;

pub use weights::{Error, Filters, check, checksum, read, read_filters, write, write_csr, write_scores};
