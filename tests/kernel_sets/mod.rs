//! Every kernel set that this machine can run, as one type, so that a test can loop over them.

use std::fmt;

use asymgrad::kernels::{HostKernels, InstructionSet};
use asymgrad_core::arithmetic::Portable;
use asymgrad_core::kernels::{BiasGradient, Forward, InputGradient, Kernels, PoolGeometry, WeightGradient};
use asymgrad_core::random::FeedbackSource;
use asymgrad_core::{Activation, Update};

/// The core's portable kernels, or one of the host's kernel sets on some threads.
#[derive(Debug)]
pub(crate) enum KernelSet {
    Core,
    Host(HostKernels),
}

impl KernelSet {
    /// The core's kernels, then each kernel set of the host on 1, 2 and 3 threads.
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
    fn forward<const CAPS: u32>(&self, job: &Forward<'_>, output: &mut [f32]) {
        match self {
            KernelSet::Core => Portable.forward::<CAPS>(job, output),
            KernelSet::Host(kernels) => kernels.forward::<CAPS>(job, output),
        }
    }

    fn input_gradient<const CAPS: u32>(&self, job: &InputGradient<'_>, output: &mut [f32]) {
        match self {
            KernelSet::Core => Portable.input_gradient::<CAPS>(job, output),
            KernelSet::Host(kernels) => kernels.input_gradient::<CAPS>(job, output),
        }
    }

    fn input_gradient_seeded<const CAPS: u32>(
        &self,
        job: &InputGradient<'_>,
        source: &FeedbackSource,
        output: &mut [f32],
    ) {
        match self {
            KernelSet::Core => Portable.input_gradient_seeded::<CAPS>(job, source, output),
            KernelSet::Host(kernels) => kernels.input_gradient_seeded::<CAPS>(job, source, output),
        }
    }

    fn weight_gradient<const CAPS: u32>(&self, job: &WeightGradient<'_>, update: Update<'_>, sums: &mut [f32]) {
        match self {
            KernelSet::Core => Portable.weight_gradient::<CAPS>(job, update, sums),
            KernelSet::Host(kernels) => kernels.weight_gradient::<CAPS>(job, update, sums),
        }
    }

    fn bias_gradient<const CAPS: u32>(&self, job: &BiasGradient<'_>, update: Update<'_>) {
        match self {
            KernelSet::Core => Portable.bias_gradient::<CAPS>(job, update),
            KernelSet::Host(kernels) => kernels.bias_gradient::<CAPS>(job, update),
        }
    }

    fn pool(&self, pool: &PoolGeometry, input: &[f32], output: &mut [f32]) {
        match self {
            KernelSet::Core => Portable.pool(pool, input, output),
            KernelSet::Host(kernels) => kernels.pool(pool, input, output),
        }
    }

    fn pool_backward(
        &self,
        pool: &PoolGeometry,
        input: &[f32],
        grad_output: &[f32],
        before: Option<Activation>,
        partial: usize,
        output: &mut [f32],
    ) {
        match self {
            KernelSet::Core => Portable.pool_backward(pool, input, grad_output, before, partial, output),
            KernelSet::Host(kernels) => kernels.pool_backward(pool, input, grad_output, before, partial, output),
        }
    }
}
