//! Buffers that begin with a cache line: a vector as long as a line then lies in one, where a CPU would load from two.

use std::collections::TryReserveError;
use std::ops::{Deref, DerefMut};

use asymgrad_core::arithmetic::CACHE_LINE;

/// Room to move the first value to the next line.
const PADDING: usize = CACHE_LINE - 1;

/// A buffer that begins with a cache line.
#[derive(Debug, Default)]
pub struct Aligned {
    values: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self::align(vec![0.0; len + PADDING], len)
    }

    /// `len` zeros, if there is memory for them.
    ///
    /// # Errors
    /// If there is not.
    pub fn try_zeros(len: usize) -> Result<Self, TryReserveError> {
        let (mut values, padded) = (Vec::new(), len.saturating_add(PADDING));
        values.try_reserve_exact(padded)?;
        values.resize(padded, 0.0);
        Ok(Self::align(values, len))
    }

    fn align(values: Vec<f32>, len: usize) -> Self {
        let start = values.as_ptr().align_offset(CACHE_LINE * size_of::<f32>()).min(PADDING);
        Self { values, start, len }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.values[self.start..self.start + self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..self.start + self.len]
    }
}
