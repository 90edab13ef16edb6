//! Numbers that begin with a cache line: a vector as long as a line then lies in one, where a CPU would load from two.

use std::collections::TryReserveError;
use std::ops::{Deref, DerefMut};

use asymgrad_core::arithmetic::LINE;

/// Room to move numbers to the next line.
const ROOM: usize = LINE - 1;

/// A buffer that begins with a cache line.
#[derive(Debug, Default)]
pub struct Aligned {
    numbers: Vec<f32>,
    start: usize,
    count: usize,
}

impl Aligned {
    /// `count` zeros.
    pub fn zeros(count: usize) -> Self {
        Self::of(vec![0.0; count + ROOM], count)
    }

    /// `count` zeros, if there is memory for them.
    ///
    /// # Errors
    /// If there is not.
    pub fn try_zeros(count: usize) -> Result<Self, TryReserveError> {
        let (mut numbers, length) = (Vec::new(), count.saturating_add(ROOM));
        numbers.try_reserve_exact(length)?;
        numbers.resize(length, 0.0);
        Ok(Self::of(numbers, count))
    }

    fn of(numbers: Vec<f32>, count: usize) -> Self {
        let start = numbers.as_ptr().align_offset(LINE * size_of::<f32>()).min(ROOM);
        Self { numbers, start, count }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers[self.start..self.start + self.count]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..self.start + self.count]
    }
}
