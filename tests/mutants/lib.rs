//! In place of the host's kernels: those of no instruction set, so that the tests run the core's kernels alone.

pub mod kernels;
