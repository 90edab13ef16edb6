//! The instruction sets: the core's kernels compiled for each, chosen at run time.
//!
//! The one place with `unsafe`: calling a function compiled for instructions that the CPU was asked about, and the few
//! instructions that the compiler does not find by itself.
#![allow(unsafe_code)]

use std::fmt;
use std::ops::Range;

use asymgrad_core::Update;
use asymgrad_core::arithmetic::{Arithmetic, BLOCK, Portable};
use asymgrad_core::kernels::{Backward, BiasGradient, Forward, Pass, Pool, WeightGradient};
use asymgrad_core::kinds::ALL;
use asymgrad_core::random::FeedbackSource;

use super::Class;
use super::scratch::Scratch;

/// Outputs of which threads share out multiples, so that little is left for lower tiles.
pub(super) const OUTS: usize = 8;

/// Numbers of inputs that the weight gradient meets weights with in one run: long enough for the memory, short enough to stay
/// in the second-level cache.
const STRIP: usize = 1 << 16;

/// Samples that the shortest vectors hold: more of those than of the wide ones are computed at a time.
const FEW: usize = 4;

/// Outputs of a tile of [`FEW`] samples, and biases whose gradients are summed up side by side: as many chains of sums as
/// hide how long an addition takes.
const CHAINS: usize = 8;

/// Outputs of a layer whose gradients have kernels of their own: the classes of the data sets.
const CLASSES: usize = 10;

/// Outputs of a tile of one sample's dense layer, whose weights are turned.
const SINGLE: usize = 32;

/// The least signal or moment that is kept, 2⁻¹⁰⁰: its products with weights above 10⁻⁸ are no subnormal numbers.
const LEAST: f32 = f32::from_bits((127 - 100) << 23);

/// Fused multiply-add and the CPU's square root and shuffles.
#[derive(Clone, Copy, Debug)]
struct Fused;

impl Arithmetic for Fused {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn add_scaled<const WIDTH: usize>(sums: &[f32; WIDTH], column: &[f32; WIDTH], scalar: f32) -> [f32; WIDTH] {
        use core::arch::x86_64::{
            _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps, _mm512_fmadd_ps, _mm512_loadu_ps,
            _mm512_set1_ps, _mm512_storeu_ps,
        };
        let mut next = [0.0; WIDTH];
        macro_rules! add_scaled {
            ($load:ident, $set:ident, $multiply_add:ident, $store:ident) => {{
                let (sums, column) = ($load(sums.as_ptr()), $load(column.as_ptr()));
                $store(next.as_mut_ptr(), $multiply_add(column, $set(scalar), sums));
            }};
        }
        // SAFETY: each takes as many numbers as there are, and only sets with the instructions have vectors so wide, see
        // `compiled`.
        unsafe {
            match WIDTH {
                16 => add_scaled!(_mm512_loadu_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps),
                8 => add_scaled!(_mm256_loadu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps),
                // Of few samples, for whose tiles a vector of scalars may be the better one.
                _ => next.iter_mut().zip(sums).zip(column).for_each(|((n, sum), x)| *n = x.mul_add(scalar, *sum)),
            }
        }
        next
    }

    #[inline(always)]
    fn sqrt(x: f32) -> f32 {
        x.sqrt()
    }

    #[inline(always)]
    fn flush(x: f32) -> f32 {
        if x.abs() < LEAST { 0.0 } else { x }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn prefetch(numbers: &[f32]) {
        use asymgrad_core::arithmetic::LINE;
        for line in numbers.chunks(LINE) {
            // SAFETY: a prefetch reads nothing that the program sees, and cannot fault; every x86-64 CPU has it.
            unsafe {
                core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(line.as_ptr().cast());
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn transpose(rows: [&[f32; BLOCK]; BLOCK]) -> [[f32; BLOCK]; BLOCK] {
        let mut turned = [[0.0; BLOCK]; BLOCK];
        let (low, high) = turned.split_at_mut(BLOCK / 2);
        // SAFETY: only the sets with AVX2 use this arithmetic, see `available`.
        unsafe {
            turn_half::<0>(&rows, low);
            turn_half::<1>(&rows, high);
        }
        turned
    }
}

/// Four columns of a block. Loads put a row's numbers beside those of the fourth row after it, so that half of the shuffles
/// remain. Always inlined, as all that is between loops and instructions.
///
/// # Safety
/// The CPU has AVX.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn turn_half<const HALF: usize>(rows: &[&[f32; BLOCK]; BLOCK], turned: &mut [[f32; BLOCK]]) {
    use core::arch::x86_64::{
        __m256, _mm_loadu_ps, _mm256_castps128_ps256, _mm256_insertf128_ps, _mm256_shuffle_ps, _mm256_storeu_ps,
        _mm256_unpackhi_ps, _mm256_unpacklo_ps,
    };

    #[inline(always)]
    unsafe fn pair<const HALF: usize>(low: &[f32; BLOCK], high: &[f32; BLOCK]) -> __m256 {
        let (low, high) = (&low.as_chunks::<4>().0[HALF], &high.as_chunks::<4>().0[HALF]);
        // SAFETY: each is four numbers, and the CPU has AVX.
        unsafe {
            let low = _mm256_castps128_ps256(_mm_loadu_ps(low.as_ptr()));
            _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(high.as_ptr()))
        }
    }
    // SAFETY: the CPU has AVX, and what is written to is eight numbers.
    unsafe {
        let (a, b) = (pair::<HALF>(rows[0], rows[4]), pair::<HALF>(rows[1], rows[5]));
        let (c, d) = (pair::<HALF>(rows[2], rows[6]), pair::<HALF>(rows[3], rows[7]));
        let (first, second) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
        let (third, fourth) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
        let columns = [
            _mm256_shuffle_ps::<0b01_00_01_00>(first, second),
            _mm256_shuffle_ps::<0b11_10_11_10>(first, second),
            _mm256_shuffle_ps::<0b01_00_01_00>(third, fourth),
            _mm256_shuffle_ps::<0b11_10_11_10>(third, fourth),
        ];
        for (turned, column) in turned.iter_mut().zip(columns) {
            _mm256_storeu_ps(turned.as_mut_ptr(), column);
        }
    }
}

/// The portable class with the CPU's square root, which is exactly rounded as libm's is.
#[derive(Clone, Copy, Debug)]
struct Unfused;

impl Arithmetic for Unfused {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        Portable::mul_add(a, b, c)
    }

    #[inline(always)]
    fn sqrt(x: f32) -> f32 {
        x.sqrt()
    }
}

/// Instructions that a kernel set is compiled for, and whether it has fast convolutions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstructionSet {
    instructions: Instructions,
    fast: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instructions {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl InstructionSet {
    /// What every CPU of this architecture has, in the portable class of numbers.
    pub const PORTABLE: Self = Self::direct(Instructions::Baseline);

    const fn direct(instructions: Instructions) -> Self {
        Self { instructions, fast: false }
    }

    /// The sets that this CPU has, the fastest first, but those with fast convolutions, which are asked for by their class, last.
    pub fn available() -> Vec<Self> {
        let mut sets = vec![];
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw");
            if avx2 && avx512 {
                sets.push(Self::direct(Instructions::Avx512));
            }
            if avx2 {
                sets.push(Self::direct(Instructions::Avx2));
            }
        }
        #[cfg(target_arch = "aarch64")]
        sets.push(Self::direct(Instructions::Neon));
        let fast: Vec<Self> = sets.iter().map(|set| Self { fast: true, ..*set }).collect();
        sets.push(Self::PORTABLE);
        sets.extend(fast);
        sets
    }

    /// The fastest set of this CPU.
    pub fn fastest() -> Self {
        Self::available()[0]
    }

    /// The fastest set whose numbers are of a class; where this CPU has none, the fastest of all.
    pub fn of(class: Class) -> Self {
        Self::available().into_iter().find(|set| set.class() == class).unwrap_or_else(Self::fastest)
    }

    /// Feedback drawn from its seed is for devices: here, where memory is no matter, it takes no vectors and no threads.
    pub(super) fn backward_drawn(self, job: &Backward<'_>, source: &FeedbackSource, output: &mut [f32]) {
        match self.class() {
            Class::Portable => job.run_drawn::<Unfused, ALL>(source, output),
            Class::Fused | Class::Fast => job.run_drawn::<Fused, ALL>(source, output),
        }
    }

    /// Lanes of a vector.
    pub(super) fn width(self) -> usize {
        match self.instructions {
            Instructions::Baseline => baseline::WIDTH,
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => avx2::WIDTH,
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => avx512::WIDTH,
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => neon::WIDTH,
        }
    }

    /// Whether it has fast convolutions.
    pub(super) fn is_fast(self) -> bool {
        self.fast
    }

    /// The class of its numbers.
    pub fn class(self) -> Class {
        match (self.instructions, self.fast) {
            (Instructions::Baseline, _) => Class::Portable,
            (_, false) => Class::Fused,
            (_, true) => Class::Fast,
        }
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.instructions {
            Instructions::Baseline => "portable",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => "neon",
        })?;
        f.write_str(if self.fast { ", fast convolutions" } else { "" })
    }
}

/// Which of the jobs does what is to be done.
impl InstructionSet {
    /// Computes the columns `rows` of a forward pass, by the fast convolution if `fast`.
    pub(super) fn forward(self, job: &Forward<'_>, fast: bool, rows: &Range<usize>, output: &mut [f32]) {
        let (product, samples) = (job.product, job.samples);
        if fast {
            self.pass_fast(&job.pass(), rows, output);
        } else if samples == 1 && product.is_dense() {
            self.forward_single(job, rows, output);
        } else if samples == 1 && product.is_shared() {
            self.forward_single_shared(job, rows, output);
        } else if samples <= FEW {
            self.forward_few(job, rows, output);
        } else if product.is_dense() {
            self.pass_dense(&job.pass(), rows, output);
        } else {
            self.pass_convolution(&job.pass(), rows, output);
        }
    }

    /// Computes the columns `rows` of an input gradient, likewise.
    pub(super) fn backward(self, job: &Backward<'_>, fast: bool, rows: &Range<usize>, output: &mut [f32]) {
        let (product, samples) = (job.product, job.samples);
        if fast {
            self.pass_fast(&job.pass(), rows, output);
        } else if samples == 1 && product.is_dense() {
            self.backward_single(job, rows, output);
        } else if samples == 1 && product.is_shared() {
            self.backward_single_shared(job, rows, output);
        } else if samples == 1 {
            self.backward_single_untied(job, rows, output);
        } else if product.has_classes::<CLASSES>() {
            self.backward_classes(job, rows, output);
        } else if product.is_dense() {
            self.pass_dense(&job.pass(), rows, output);
        } else {
            self.pass_convolution(&job.pass(), rows, output);
        }
    }

    /// Whether the weight gradient is one of classes, all of which it takes at once. Shorter vectors are too few registers for it.
    pub(super) fn sums_classes(self, job: &WeightGradient<'_>) -> bool {
        self.width() > BLOCK && job.product.has_classes::<CLASSES>() && !job.is_few()
    }

    /// Updates the rows `rows` of the weights.
    pub(super) fn weight_gradient(
        self,
        job: &WeightGradient<'_>,
        rows: &Range<usize>,
        update: Update<'_>,
        sums: &mut [f32],
    ) {
        if job.is_narrow(self.width()) {
            self.gradient_narrow(job, rows, update, sums);
        } else if job.samples == 1 && job.product.is_shared() {
            self.gradient_single_shared(job, rows, update, sums);
        } else if job.is_few() {
            self.gradient_few(job, rows, update);
        } else if self.sums_classes(job) {
            self.gradient_classes(job, update);
        } else if job.product.is_dense() {
            self.gradient_dense(job, rows, update);
        } else {
            self.gradient_convolution(job, rows, update, sums);
        }
    }
}

/// The core's jobs: a method of [`InstructionSet`] each, which calls the function compiled for its set.
macro_rules! jobs {
    ($($name:ident $(<const $direction:ident: bool>)? ($($argument:ident: $type:ty),*);)*) => {
        impl InstructionSet {
            $(pub(super) fn $name $(<const $direction: bool>)? (self, $($argument: $type),*) {
                match self.instructions {
                    Instructions::Baseline => baseline::$name($($argument),*),
                    // SAFETY: the set exists only where the CPU has its instructions, see `available`.
                    #[cfg(target_arch = "x86_64")]
                    Instructions::Avx2 => unsafe { avx2::$name($($argument),*) },
                    // SAFETY: as above.
                    #[cfg(target_arch = "x86_64")]
                    Instructions::Avx512 => unsafe { avx512::$name($($argument),*) },
                    #[cfg(target_arch = "aarch64")]
                    Instructions::Neon => neon::$name($($argument),*),
                }
            })*
        }
    };
}

jobs! {
    pass_convolution<const BACKWARD: bool>(pass: &Pass<'_, BACKWARD>, rows: &Range<usize>, output: &mut [f32]);
    pass_dense<const BACKWARD: bool>(pass: &Pass<'_, BACKWARD>, rows: &Range<usize>, output: &mut [f32]);
    pass_fast<const BACKWARD: bool>(pass: &Pass<'_, BACKWARD>, rows: &Range<usize>, output: &mut [f32]);
    forward_few(job: &Forward<'_>, rows: &Range<usize>, output: &mut [f32]);
    forward_single(job: &Forward<'_>, rows: &Range<usize>, output: &mut [f32]);
    forward_single_shared(job: &Forward<'_>, rows: &Range<usize>, output: &mut [f32]);
    backward_single(job: &Backward<'_>, rows: &Range<usize>, output: &mut [f32]);
    backward_single_untied(job: &Backward<'_>, rows: &Range<usize>, output: &mut [f32]);
    backward_classes(job: &Backward<'_>, rows: &Range<usize>, output: &mut [f32]);
    backward_single_shared(job: &Backward<'_>, rows: &Range<usize>, output: &mut [f32]);
    gradient_convolution(job: &WeightGradient<'_>, rows: &Range<usize>, update: Update<'_>, sums: &mut [f32]);
    gradient_dense(job: &WeightGradient<'_>, rows: &Range<usize>, update: Update<'_>);
    gradient_classes(job: &WeightGradient<'_>, update: Update<'_>);
    gradient_narrow(job: &WeightGradient<'_>, rows: &Range<usize>, update: Update<'_>, sums: &mut [f32]);
    gradient_few(job: &WeightGradient<'_>, rows: &Range<usize>, update: Update<'_>);
    gradient_single_shared(job: &WeightGradient<'_>, rows: &Range<usize>, update: Update<'_>, sums: &mut [f32]);
    gradient_fast(job: &WeightGradient<'_>, tile_rows: Range<usize>, sums: &mut [f32]);
    update(gradient: &[f32], update: Update<'_>);
    bias_gradient(job: &BiasGradient<'_>, rows: Range<usize>, update: Update<'_>);
    pool(pool: &Pool, rows: Range<usize>, input: &[f32], output: &mut [f32]);
    pool_backward(pool: &Pool, rows: Range<usize>, input: &[f32], gradient: &[f32], relu: bool, output: &mut [f32]);
}

/// The jobs of one set: its arithmetic, its vector width, vectors × rows of its register tiles, for dense layers, for
/// convolutions, whose channels are few, and for the input gradient of classes, and whether it has fast convolutions. Some tiles
/// make the compiler give up vectors: the benches of the kernels show it.
macro_rules! compiled {
    ($set:ident, $arithmetic:ty, $width:literal, dense [$vectors:literal, $outs:literal],
     convolution [$lanes:literal, $height:literal], classes [$few:literal, $many:literal], fast $fast:literal, $attribute:meta) => {
        mod $set {
            use super::*;

            pub(super) const WIDTH: usize = $width;

            #[$attribute]
            pub(super) fn pass_convolution<const BACKWARD: bool>(
                pass: &Pass<'_, BACKWARD>,
                rows: &Range<usize>,
                output: &mut [f32],
            ) {
                let mut scratch = Scratch::of(pass.scratch::<WIDTH, $height>());
                pass.run::<$arithmetic, WIDTH, $lanes, $height>(rows, &mut scratch, output);
            }

            #[$attribute]
            pub(super) fn pass_dense<const BACKWARD: bool>(
                pass: &Pass<'_, BACKWARD>,
                rows: &Range<usize>,
                output: &mut [f32],
            ) {
                let mut scratch = Scratch::of(pass.dense_scratch::<WIDTH, $vectors, $outs>());
                pass.run_dense::<$arithmetic, WIDTH, $vectors, $outs>(rows, &mut scratch, output);
            }

            #[$attribute]
            pub(super) fn forward_few(job: &Forward<'_>, rows: &Range<usize>, output: &mut [f32]) {
                let mut scratch = Scratch::of(job.pass().scratch::<FEW, CHAINS>());
                job.pass().run::<$arithmetic, FEW, 1, CHAINS>(rows, &mut scratch, output);
            }

            #[$attribute]
            pub(super) fn forward_single(job: &Forward<'_>, rows: &Range<usize>, output: &mut [f32]) {
                let mut scratch = Scratch::of(Forward::single_scratch::<WIDTH, { SINGLE / WIDTH }>());
                job.run_single::<$arithmetic, WIDTH, { SINGLE / WIDTH }>(rows, &mut scratch, output);
            }

            #[$attribute]
            pub(super) fn forward_single_shared(job: &Forward<'_>, rows: &Range<usize>, output: &mut [f32]) {
                let mut scratch = Scratch::of(job.single_shared_scratch::<WIDTH, $lanes>());
                job.run_single_shared::<$arithmetic, WIDTH, $lanes>(rows, &mut scratch, output);
            }

            #[$attribute]
            pub(super) fn pass_fast<const BACKWARD: bool>(
                pass: &Pass<'_, BACKWARD>,
                rows: &Range<usize>,
                output: &mut [f32],
            ) {
                if $fast {
                    let mut scratch = Scratch::of(pass.fast_scratch::<WIDTH, $lanes, $height>());
                    pass.run_fast::<$arithmetic, WIDTH, $lanes, $height>(rows, &mut scratch, output);
                }
            }

            #[$attribute]
            pub(super) fn backward_single(job: &Backward<'_>, rows: &Range<usize>, output: &mut [f32]) {
                job.run_single::<$arithmetic, WIDTH, $vectors>(rows, output);
            }

            #[$attribute]
            pub(super) fn backward_single_untied(job: &Backward<'_>, rows: &Range<usize>, output: &mut [f32]) {
                job.run_single::<$arithmetic, WIDTH, $lanes>(rows, output);
            }

            #[$attribute]
            pub(super) fn backward_single_shared(job: &Backward<'_>, rows: &Range<usize>, output: &mut [f32]) {
                job.run_single_shared::<$arithmetic, WIDTH, $lanes>(rows, output);
            }

            #[$attribute]
            pub(super) fn gradient_convolution(
                job: &WeightGradient<'_>,
                rows: &Range<usize>,
                update: Update<'_>,
                sums: &mut [f32],
            ) {
                let mut scratch = Scratch::of(job.scratch::<WIDTH, $lanes, $height>(STRIP / job.samples.max(1)));
                job.run::<$arithmetic, ALL, WIDTH, $lanes, $height>(rows, update, &mut scratch, sums);
            }

            #[$attribute]
            pub(super) fn gradient_dense(job: &WeightGradient<'_>, rows: &Range<usize>, update: Update<'_>) {
                let mut scratch = Scratch::of(job.scratch::<WIDTH, $vectors, $outs>(STRIP / job.samples.max(1)));
                job.run::<$arithmetic, ALL, WIDTH, $vectors, $outs>(rows, update, &mut scratch, &mut []);
            }

            #[$attribute]
            pub(super) fn backward_classes(job: &Backward<'_>, rows: &Range<usize>, output: &mut [f32]) {
                let mut scratch = Scratch::of(job.classes_scratch::<WIDTH, $few, CLASSES>());
                job.run_classes::<$arithmetic, WIDTH, $few, $many, CLASSES>(rows, &mut scratch, output);
            }

            #[$attribute]
            pub(super) fn gradient_classes(job: &WeightGradient<'_>, update: Update<'_>) {
                let mut scratch = Scratch::of(job.classes_scratch::<WIDTH, CLASSES>());
                job.run_classes::<$arithmetic, ALL, WIDTH, CLASSES>(update, &mut scratch);
            }

            #[$attribute]
            pub(super) fn gradient_narrow(
                job: &WeightGradient<'_>,
                rows: &Range<usize>,
                update: Update<'_>,
                sums: &mut [f32],
            ) {
                let mut scratch = Scratch::of(job.narrow_scratch::<WIDTH, $lanes>());
                job.run_narrow::<$arithmetic, ALL, WIDTH, $lanes>(rows, update, &mut scratch, sums);
            }

            #[$attribute]
            pub(super) fn gradient_few(job: &WeightGradient<'_>, rows: &Range<usize>, update: Update<'_>) {
                let mut scratch = Scratch::of(job.few_scratch::<WIDTH>());
                job.run_few::<$arithmetic, ALL, WIDTH>(rows, update, &mut scratch);
            }

            #[$attribute]
            pub(super) fn gradient_single_shared(
                job: &WeightGradient<'_>,
                rows: &Range<usize>,
                update: Update<'_>,
                sums: &mut [f32],
            ) {
                job.run_single_shared::<$arithmetic, ALL, WIDTH, $lanes, $height>(rows, update, sums);
            }

            #[$attribute]
            pub(super) fn gradient_fast(job: &WeightGradient<'_>, tile_rows: Range<usize>, sums: &mut [f32]) {
                if $fast {
                    let mut scratch = Scratch::of(job.fast_scratch::<WIDTH, $lanes, $height>());
                    let weights = (job.product.weight_rows() * job.product.inputs).max(1);
                    for (tile_row, sums) in tile_rows.zip(sums.chunks_exact_mut(weights)) {
                        job.sum_fast::<$arithmetic, WIDTH, $lanes, $height>(tile_row, &mut scratch, sums);
                    }
                }
            }

            #[$attribute]
            pub(super) fn update(gradient: &[f32], mut update: Update<'_>) {
                update.apply::<$arithmetic, ALL, WIDTH>(0, gradient);
            }

            #[$attribute]
            pub(super) fn bias_gradient(job: &BiasGradient<'_>, rows: Range<usize>, update: Update<'_>) {
                job.run::<$arithmetic, ALL, CHAINS>(rows, update);
            }

            #[$attribute]
            pub(super) fn pool(pool: &Pool, rows: Range<usize>, input: &[f32], output: &mut [f32]) {
                pool.forward(rows, input, output);
            }

            #[$attribute]
            pub(super) fn pool_backward(
                pool: &Pool,
                rows: Range<usize>,
                input: &[f32],
                gradient: &[f32],
                relu: bool,
                output: &mut [f32],
            ) {
                pool.backward(rows, input, gradient, relu, output);
            }
        }
    };
}

compiled!(baseline, Unfused, 4, dense [2, 4], convolution [2, 4], classes [2, 4], fast false, inline(never));
#[cfg(target_arch = "x86_64")]
compiled!(avx2, Fused, 8, dense [2, 6], convolution [2, 6], classes [2, 4], fast true, target_feature(enable = "avx2,fma"));
#[cfg(target_arch = "x86_64")]
compiled!(avx512, Fused, 16, dense [4, 6], convolution [2, 8], classes [1, 8], fast true,
    target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"));
// Every CPU of this architecture has NEON.
#[cfg(target_arch = "aarch64")]
compiled!(neon, Fused, 4, dense [4, 4], convolution [4, 4], classes [2, 4], fast true, inline(never));
