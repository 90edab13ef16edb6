//! In place of the host's kernels: none.

use asymgrad_core::kernels::{BiasGradient, Forward, InputGradient, Kernels, PoolGeometry, WeightGradient};
use asymgrad_core::random::FeedbackSource;
use asymgrad_core::{Activation, Update};

/// No instruction set.
#[derive(Clone, Copy, Debug)]
pub enum InstructionSet {}

impl InstructionSet {
    /// None.
    pub fn available() -> Vec<Self> {
        vec![]
    }
}

impl std::fmt::Display for InstructionSet {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {}
    }
}

/// The kernels of no instruction set.
#[derive(Debug)]
pub struct HostKernels(InstructionSet);

impl HostKernels {
    /// The kernels of `set`.
    ///
    /// # Errors
    /// None.
    pub fn new(set: InstructionSet, _threads: usize) -> Result<Self, std::convert::Infallible> {
        Ok(Self(set))
    }

    /// The instruction set.
    pub fn set(&self) -> InstructionSet {
        self.0
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        match self.0 {}
    }
}

impl Kernels for HostKernels {
    fn forward<const CAPS: u32>(&self, _: &Forward<'_>, _: &mut [f32]) {
        match self.0 {}
    }

    fn input_gradient<const CAPS: u32>(&self, _: &InputGradient<'_>, _: &mut [f32]) {
        match self.0 {}
    }

    fn input_gradient_seeded<const CAPS: u32>(&self, _: &InputGradient<'_>, _: &FeedbackSource, _: &mut [f32]) {
        match self.0 {}
    }

    fn weight_gradient<const CAPS: u32>(&self, _: &WeightGradient<'_>, _: Update<'_>, _: &mut [f32]) {
        match self.0 {}
    }

    fn bias_gradient<const CAPS: u32>(&self, _: &BiasGradient<'_>, _: Update<'_>) {
        match self.0 {}
    }

    fn pool(&self, _: &PoolGeometry, _: &[f32], _: &mut [f32]) {
        match self.0 {}
    }

    fn pool_backward(&self, _: &PoolGeometry, _: &[f32], _: &[f32], _: Option<Activation>, _: usize, _: &mut [f32]) {
        match self.0 {}
    }
}
