//! Scratch memory of the kernels. Each thread keeps what it has used: new memory comes page by page and filled with zeros.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use super::Aligned;

thread_local! {
    /// Buffers that are not in use; several where one kernel calls another.
    static UNUSED: RefCell<Vec<Aligned>> = const { RefCell::new(vec![]) };
}

/// A buffer of unspecified values, which the thread keeps when it is dropped.
pub(super) struct ScratchBuffer {
    values: Aligned,
    len: usize,
}

impl ScratchBuffer {
    /// A buffer of `len` values.
    pub(super) fn new(len: usize) -> Self {
        let unused = UNUSED.with_borrow_mut(Vec::pop);
        let mut values = unused.filter(|buffer| buffer.len() >= len).unwrap_or_else(|| Aligned::zeros(len));
        // So that a kernel that reads what it has not written fails a test.
        if cfg!(debug_assertions) {
            values.fill(f32::NAN);
        }
        Self { values, len }
    }
}

impl Drop for ScratchBuffer {
    fn drop(&mut self) {
        let values = std::mem::take(&mut self.values);
        UNUSED.with_borrow_mut(|unused| unused.push(values));
    }
}

impl Deref for ScratchBuffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[..self.len]
    }
}

impl DerefMut for ScratchBuffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[..self.len]
    }
}
