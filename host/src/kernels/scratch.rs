//! Scratch of the kernels: each thread keeps what it has had, because new memory comes page by page and filled with zeros.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};

use super::Aligned;

thread_local! {
    static KEPT: Cell<Option<Aligned>> = const { Cell::new(None) };
}

/// Numbers to work with, of any value at first, which go back to the thread when they are dropped.
pub(super) struct Scratch {
    numbers: Aligned,
    count: usize,
}

impl Scratch {
    /// `count` numbers.
    pub(super) fn of(count: usize) -> Self {
        let numbers = KEPT.take().filter(|kept| kept.len() >= count).unwrap_or_else(|| Aligned::zeros(count));
        Self { numbers, count }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        KEPT.set(Some(std::mem::replace(&mut self.numbers, Aligned::zeros(0))));
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers[..self.count]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[..self.count]
    }
}
