//! The host's kernel sets: the core's jobs in SIMD tiles, their rows shared out among threads.
//!
//! Which rows a thread computes, and which tile it uses, never changes a bit: see `asymgrad_core::kernels`.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use asymgrad_core::Update;
use asymgrad_core::kernels::{Backward, BiasGradient, Forward, Kernels, Pool, Product, WeightGradient};
use asymgrad_core::random::FeedbackSource;
use rayon::ThreadPool;
use serde::{Deserialize, Serialize};

mod aligned;
mod scratch;
mod sets;

pub use aligned::Aligned;
use scratch::Scratch;
pub use sets::InstructionSet;

/// A class of numbers: results are equal bit for bit within a class, on any machine and with any thread count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// a · b + c with two roundings: every CPU, and the firmware.
    Portable,
    /// Fused multiply-add: every x86-64 CPU with AVX2 and FMA, with or without AVX-512, and every 64-bit ARM. Signals,
    /// velocities and first moments below 2⁻¹⁰⁰ are 0.
    Fused,
    /// As [`Class::Fused`], and convolutions 5 × 5 with fewer products (Winograd), whose sums are off by some 10⁻⁵ of their size.
    Fast,
}

/// How long a thread without work looks out for some all the time, and how long it sleeps between two looks afterwards.
const PATIENCE: Duration = Duration::from_millis(1);
const NAP: Duration = Duration::from_micros(100);

/// A kernel set on a pool of threads.
#[derive(Debug)]
pub struct HostKernels {
    set: InstructionSet,
    pool: ThreadPool,
}

impl HostKernels {
    /// Kernels of `set` on `threads` threads.
    ///
    /// # Errors
    /// If the threads cannot be started.
    pub fn new(set: InstructionSet, threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build()?;
        Ok(Self { set, pool })
    }

    /// The instruction set in use.
    pub fn set(&self) -> InstructionSet {
        self.set
    }

    /// Threads in use.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs `work` on the pool. Until it ends the pool's other threads look out for what its kernels share out: one that
    /// sleeps takes longer to wake up than many a product takes.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let running = AtomicUsize::new(1);
        self.pool.scope(|scope| {
            let (running, own) = (&running, rayon::current_thread_index());
            scope.spawn_broadcast(move |_, context| {
                if Some(context.index()) != own {
                    stay_awake(running);
                }
            });
            let _end = End(running);
            work()
        })
    }

    /// Cuts `rows` rows of `operations` operations into ranges of whole `unit`s: one a thread, fewer if there is little to do.
    fn ranges(&self, rows: usize, unit: usize, operations: usize) -> Vec<Range<usize>> {
        /// Operations below which waking a thread costs more than it brings.
        const WORTH_A_THREAD: usize = 50_000;
        let units = rows.div_ceil(unit);
        let pieces = self.threads().min(operations / WORTH_A_THREAD).min(units).max(1);
        (0..pieces)
            .map(|piece| (units * piece / pieces * unit).min(rows)..(units * (piece + 1) / pieces * unit).min(rows))
            .collect()
    }

    /// Rows of a product with `channels` rows a position that stay together.
    fn unit(product: &Product, channels: usize, fast: bool) -> usize {
        match (product.positions(), fast) {
            (_, true) => product.tile_positions() * channels,
            (2.., false) => channels,
            _ => sets::OUTS,
        }
    }

    /// Calls `run` for each range with its rows of `output`, `width` numbers each.
    fn share(
        &self,
        ranges: Vec<Range<usize>>,
        width: usize,
        output: &mut [f32],
        run: impl Fn(Range<usize>, &mut [f32]) + Sync,
    ) {
        let (run, mut rest, mut pieces) = (&run, output, vec![]);
        for range in ranges {
            let (part, after) = rest.split_at_mut(range.len() * width);
            rest = after;
            pieces.push(move || run(range, part));
        }
        self.at_once(pieces);
    }

    /// Does the pieces of some work, each on a thread, the last one on this thread.
    fn at_once<Piece: FnOnce() + Send>(&self, mut pieces: Vec<Piece>) {
        let Some(own) = pieces.pop() else { return };
        if pieces.is_empty() {
            return own();
        }
        let running = AtomicUsize::new(pieces.len());
        self.pool.in_place_scope(|scope| {
            for piece in pieces {
                let end = End(&running);
                scope.spawn(move |_| {
                    let _end = end;
                    piece();
                });
            }
            own();
            stay_awake(&running);
        });
    }
}

impl HostKernels {
    /// The weight gradient of a fast convolution: rows of tiles each by themselves, then their sum into the optimizer.
    fn fast_gradient(&self, job: &WeightGradient<'_>, mut update: Update<'_>, mut sums: &mut [f32]) {
        let product = job.product;
        let weights = product.weight_rows() * product.inputs;
        let tile_rows = product.tile_rows();
        let mut parts = Scratch::of(tile_rows * weights);
        let ranges = self.ranges(tile_rows, 1, weights * product.positions() * job.samples);
        self.share(ranges, weights, &mut parts, |rows, parts| self.set.gradient_fast(job, rows, parts));
        let (mut pieces, parts) = (vec![], &*parts);
        for range in self.ranges(weights, sets::OUTS, weights) {
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
        self.at_once(pieces);
    }
}

/// Counts one less when it goes, even if a panic takes it away.
struct End<'a>(&'a AtomicUsize);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// Works for the pool that this thread belongs to until nothing is `running`.
fn stay_awake(running: &AtomicUsize) {
    let mut idle = Instant::now();
    while running.load(Ordering::Acquire) > 0 {
        if rayon::yield_now() == Some(rayon::Yield::Executed) {
            idle = Instant::now();
        } else if idle.elapsed() < PATIENCE {
            std::thread::yield_now();
        } else {
            std::thread::sleep(NAP);
        }
    }
}

/// A reference, so that a trainer can be made anew on the same threads.
impl Kernels for &HostKernels {
    fn forward<const KINDS: u32>(&self, job: &Forward<'_>, output: &mut [f32]) {
        let product = job.product;
        let rows = product.positions() * product.outputs;
        let operations = rows * product.taps() * product.inputs * job.samples;
        let fast = self.set.is_fast() && product.is_fast(job.samples);
        let unit = HostKernels::unit(&product, product.outputs, fast);
        self.share(self.ranges(rows, unit, operations), job.samples, output, |rows, output| {
            self.set.forward(job, fast, &rows, output);
        });
    }

    fn backward<const KINDS: u32>(&self, job: &Backward<'_>, output: &mut [f32]) {
        let product = job.product;
        let rows = product.positions() * product.inputs;
        let operations = rows * product.taps() * product.outputs * job.samples;
        let fast = self.set.is_fast() && product.is_fast(job.samples);
        let unit = HostKernels::unit(&product, product.inputs, fast);
        self.share(self.ranges(rows, unit, operations), job.samples, output, |rows, output| {
            self.set.backward(job, fast, &rows, output);
        });
    }

    fn backward_drawn<const KINDS: u32>(&self, job: &Backward<'_>, source: &FeedbackSource, output: &mut [f32]) {
        self.set.backward_drawn(job, source, output);
    }

    fn weight_gradient<const KINDS: u32>(
        &self,
        job: &WeightGradient<'_>,
        mut update: Update<'_>,
        mut sums: &mut [f32],
    ) {
        if self.set.is_fast() && job.is_fast() {
            return self.fast_gradient(job, update, sums);
        }
        let product = job.product;
        let rows = product.weight_rows();
        let positions = if product.untied { 1 } else { product.positions() };
        // What has to stay together is cut nowhere else.
        let unit = match job.unit(self.set.width()) {
            _ if self.set.sums_classes(job) => rows,
            1 => sets::OUTS,
            unit => unit,
        };
        let ranges = self.ranges(rows, unit, rows * product.inputs * positions * job.samples);
        let mut pieces = vec![];
        for range in ranges {
            let weights = range.len() * product.inputs;
            let (part, rest) = update.split(weights);
            let (sums_part, sums_rest) = sums.split_at_mut(weights.min(sums.len()));
            (update, sums) = (rest, sums_rest);
            pieces.push(move || self.set.weight_gradient(job, &range, part, sums_part));
        }
        self.at_once(pieces);
    }

    fn bias_gradient<const KINDS: u32>(&self, job: &BiasGradient<'_>, mut update: Update<'_>) {
        let mut pieces = vec![];
        for range in self.ranges(job.biases(), sets::OUTS, job.gradient.len() * 4) {
            let (part, rest) = update.split(range.len());
            update = rest;
            pieces.push(move || self.set.bias_gradient(job, range, part));
        }
        self.at_once(pieces);
    }

    fn pool(&self, pool: &Pool, input: &[f32], output: &mut [f32]) {
        let width = pool.output_cols() * pool.pixel;
        let ranges = self.ranges(pool.output_rows(), 1, output.len() * pool.size * pool.size);
        self.share(ranges, width, output, |rows, output| self.set.pool(pool, rows, input, output));
    }

    fn pool_backward(&self, pool: &Pool, input: &[f32], gradient: &[f32], relu: bool, output: &mut [f32]) {
        let width = pool.cols * pool.pixel;
        let ranges = self.ranges(pool.rows, 1, output.len() * pool.size * pool.size);
        self.share(ranges, width, output, |rows, output| {
            self.set.pool_backward(pool, rows, input, gradient, relu, output);
        });
    }
}
