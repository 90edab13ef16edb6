//! Scratch of the kernels: each thread keeps what it has had, because new memory comes page by page and filled with zeros.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use super::Aligned;

thread_local! {
    /// What is not in use; several where one kernel calls another.
    static KEPT: RefCell<Vec<Aligned>> = const { RefCell::new(vec![]) };
}

/// Numbers to work with, of any value at first, which go back to the thread when they are dropped.
pub(super) struct Scratch {
    numbers: Aligned,
    count: usize,
}

impl Scratch {
    /// `count` numbers.
    pub(super) fn of(count: usize) -> Self {
        let kept = KEPT.with_borrow_mut(Vec::pop);
        let mut numbers = kept.filter(|kept| kept.len() >= count).unwrap_or_else(|| Aligned::zeros(count));
        // A kernel that counts on any value of them shows in a test.
        if cfg!(debug_assertions) {
            numbers.fill(f32::NAN);
        }
        Self { numbers, count }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let numbers = std::mem::take(&mut self.numbers);
        KEPT.with_borrow_mut(|kept| kept.push(numbers));
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
