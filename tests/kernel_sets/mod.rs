//! Every kernel set that this machine can run, behind one type, so that a test can walk over them.

use std::fmt;

use asymgrad::kernels::{HostKernels, InstructionSet};
use asymgrad_core::Update;
use asymgrad_core::arithmetic::Portable;
use asymgrad_core::kernels::{Backward, BiasGradient, Forward, Kernels, Pool, WeightGradient};
use asymgrad_core::random::FeedbackSource;

/// The core's own scalar kernels, or one of the host's sets on some threads.
#[derive(Debug)]
pub(crate) enum KernelSet {
    Core,
    Host(HostKernels),
}

impl KernelSet {
    /// The core's kernels, then each of the host's on 1, 2 and 3 threads.
    pub(crate) fn all() -> Vec<Self> {
        let host = InstructionSet::available().into_iter().flat_map(|set| [1, 2, 3].map(|threads| (set, threads)));
        let host = host.map(|(set, threads)| Self::Host(HostKernels::new(set, threads).unwrap()));
        [Self::Core].into_iter().chain(host).collect()
    }
}

impl fmt::Display for KernelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core => f.write_str("the core's kernels"),
            Self::Host(kernels) => write!(f, "{} on {} threads", kernels.set(), kernels.threads()),
        }
    }
}

impl Kernels for &KernelSet {
    fn forward<const KINDS: u32>(&self, job: &Forward<'_>, output: &mut [f32]) {
        match self {
            KernelSet::Core => Portable.forward::<KINDS>(job, output),
            KernelSet::Host(kernels) => kernels.forward::<KINDS>(job, output),
        }
    }

    fn backward<const KINDS: u32>(&self, job: &Backward<'_>, output: &mut [f32]) {
        match self {
            KernelSet::Core => Portable.backward::<KINDS>(job, output),
            KernelSet::Host(kernels) => kernels.backward::<KINDS>(job, output),
        }
    }

    fn backward_drawn<const KINDS: u32>(&self, job: &Backward<'_>, source: &FeedbackSource, output: &mut [f32]) {
        match self {
            KernelSet::Core => Portable.backward_drawn::<KINDS>(job, source, output),
            KernelSet::Host(kernels) => kernels.backward_drawn::<KINDS>(job, source, output),
        }
    }

    fn weight_gradient<const KINDS: u32>(&self, job: &WeightGradient<'_>, update: Update<'_>, sums: &mut [f32]) {
        match self {
            KernelSet::Core => Portable.weight_gradient::<KINDS>(job, update, sums),
            KernelSet::Host(kernels) => kernels.weight_gradient::<KINDS>(job, update, sums),
        }
    }

    fn bias_gradient<const KINDS: u32>(&self, job: &BiasGradient<'_>, update: Update<'_>) {
        match self {
            KernelSet::Core => Portable.bias_gradient::<KINDS>(job, update),
            KernelSet::Host(kernels) => kernels.bias_gradient::<KINDS>(job, update),
        }
    }

    fn pool(&self, pool: &Pool, input: &[f32], output: &mut [f32]) {
        match self {
            KernelSet::Core => Portable.pool(pool, input, output),
            KernelSet::Host(kernels) => kernels.pool(pool, input, output),
        }
    }

    fn pool_backward(&self, pool: &Pool, input: &[f32], gradient: &[f32], relu: bool, output: &mut [f32]) {
        match self {
            KernelSet::Core => Portable.pool_backward(pool, input, gradient, relu, output),
            KernelSet::Host(kernels) => kernels.pool_backward(pool, input, gradient, relu, output),
        }
    }
}
