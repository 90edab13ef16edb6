//! The host's kernel set: the core's kernels compiled for the instruction sets of the CPU, their rows shared by threads.
//!
//! | file | what it holds |
//! |---|---|
//! | `instruction_set.rs` | numeric modes, and the instruction sets that this CPU has |
//! | `dispatch.rs` | the core's kernels, compiled for each instruction set |
//! | `intrinsics.rs` | fused arithmetic, and the instructions that the compiler does not find by itself |
//! | `threads.rs` | threads that share the rows of a pass |
//! | `scratch.rs`, `aligned.rs` | memory for the kernels |
//!
//! `asymgrad_core::kernels::select` chooses the kernel and its scratch; the number of threads never changes a bit.

mod aligned;
mod dispatch;
mod instruction_set;
mod intrinsics;
mod scratch;
mod threads;

use asymgrad_core::kernels::{
    Algorithm, BiasGradient, Forward, InputGradient, Kernels, Pass, PoolGeometry, Selection, WeightGradient, select,
};
use asymgrad_core::random::FeedbackSource;
use asymgrad_core::{Activation, Update};

pub use self::aligned::Aligned;
pub use self::instruction_set::{InstructionSet, NumericMode};
use self::scratch::ScratchBuffer;
use self::threads::KernelThreads;

/// Biases, and weights of a sum over positions, of which threads take whole multiples.
const PARTITION_VALUES: usize = 8;

/// The kernels of one instruction set on a pool of threads.
#[derive(Debug)]
pub struct HostKernels {
    set: InstructionSet,
    threads: KernelThreads,
}

impl HostKernels {
    /// Kernels of `set` on `threads` threads.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn new(set: InstructionSet, threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        Ok(Self { set, threads: KernelThreads::new(threads)? })
    }

    /// The instruction set in use.
    pub fn set(&self) -> InstructionSet {
        self.set
    }

    /// Threads in use.
    pub fn threads(&self) -> usize {
        self.threads.threads()
    }

    /// Runs `work` on the pool. Until it ends, the pool's other threads spin for its passes instead of sleeping.
    ///
    /// Two calls at once, from two threads, share the pool: only the first keeps threads spinning, and results are the same.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.threads.install(work)
    }

    /// The weight gradient by Winograd's algorithm: rows of tiles each by itself, then their sum into the optimizer.
    fn weight_gradient_winograd(
        &self,
        job: &WeightGradient<'_>,
        selection: &Selection,
        mut update: Update<'_>,
        mut sums: &mut [f32],
    ) {
        let weights = job.geometry.weights();
        let mut parts = ScratchBuffer::new(selection.rows * weights);
        let ranges = self.threads.ranges(selection.rows, selection.unit, selection.operations);
        self.threads.run_rows(ranges, weights, &mut parts, |rows, parts| {
            self.set.weight_gradient_winograd(job, &selection.scratch, rows, parts);
        });
        let (mut pieces, parts) = (vec![], &*parts);
        for range in self.threads.ranges(weights, PARTITION_VALUES, weights) {
            let (part, rest) = update.split(range.len());
            let (sums_part, sums_rest) = sums.split_at_mut(range.len().min(sums.len()));
            (update, sums) = (rest, sums_rest);
            pieces.push(move || {
                sums_part.fill(0.0);
                for row in parts.chunks_exact(weights) {
                    sums_part.iter_mut().zip(&row[range.clone()]).for_each(|(sum, part)| *sum += part);
                }
                self.set.update(sums_part, part);
            });
        }
        self.threads.run_parallel(pieces);
    }
}

/// A reference, so that several trainers can use the same threads one after the other.
impl Kernels for &HostKernels {
    fn forward<const CAPS: u32>(&self, job: &Forward<'_>, output: &mut [f32]) {
        let selection = select(Pass::Forward, &job.geometry, job.samples, &self.set.tiles());
        let ranges = self.threads.ranges(selection.rows, selection.unit, selection.operations);
        self.threads.run_rows(ranges, job.samples, output, |rows, output| {
            self.set.forward(job, &selection, &rows, output);
        });
    }

    fn input_gradient<const CAPS: u32>(&self, job: &InputGradient<'_>, output: &mut [f32]) {
        let selection = select(Pass::InputGradient, &job.geometry, job.samples, &self.set.tiles());
        let ranges = self.threads.ranges(selection.rows, selection.unit, selection.operations);
        self.threads.run_rows(ranges, job.samples, output, |rows, output| {
            self.set.input_gradient(job, &selection, &rows, output);
        });
    }

    fn input_gradient_seeded<const CAPS: u32>(
        &self,
        job: &InputGradient<'_>,
        source: &FeedbackSource,
        output: &mut [f32],
    ) {
        self.set.input_gradient_seeded(job, source, output);
    }

    fn weight_gradient<const CAPS: u32>(&self, job: &WeightGradient<'_>, mut update: Update<'_>, mut sums: &mut [f32]) {
        let selection = &select(Pass::WeightGradient, &job.geometry, job.samples, &self.set.tiles());
        if selection.algorithm == Algorithm::Winograd {
            return self.weight_gradient_winograd(job, selection, update, sums);
        }
        let mut pieces = vec![];
        for range in self.threads.ranges(selection.rows, selection.unit, selection.operations) {
            let weights = range.len() * job.geometry.in_channels;
            let (part, rest) = update.split(weights);
            let (sums_part, sums_rest) = sums.split_at_mut(weights.min(sums.len()));
            (update, sums) = (rest, sums_rest);
            pieces.push(move || self.set.weight_gradient(job, selection, &range, part, sums_part));
        }
        self.threads.run_parallel(pieces);
    }

    fn bias_gradient<const CAPS: u32>(&self, job: &BiasGradient<'_>, mut update: Update<'_>) {
        /// Cost of an addition, in multiply-adds of a pass.
        const COST: usize = 4;
        let mut pieces = vec![];
        for range in self.threads.ranges(job.biases(), PARTITION_VALUES, job.grad_output.len() * COST) {
            let (part, rest) = update.split(range.len());
            update = rest;
            pieces.push(move || self.set.bias_gradient(job, range, part));
        }
        self.threads.run_parallel(pieces);
    }

    fn pool(&self, pool: &PoolGeometry, input: &[f32], output: &mut [f32]) {
        let width = pool.output_cols() * pool.pixel;
        let ranges = self.threads.ranges(pool.output_rows(), 1, output.len() * pool.size * pool.size);
        self.threads.run_rows(ranges, width, output, |rows, output| self.set.pool(pool, rows, input, output));
    }

    fn pool_backward(
        &self,
        pool: &PoolGeometry,
        input: &[f32],
        grad_output: &[f32],
        before: Option<Activation>,
        _begun: usize,
        output: &mut [f32],
    ) {
        let width = pool.cols * pool.pixel;
        let ranges = self.threads.ranges(pool.rows, 1, output.len() * pool.size * pool.size);
        self.threads.run_rows(ranges, width, output, |rows, output| {
            self.set.pool_backward(pool, rows, input, grad_output, before, output);
        });
    }
}
