//! Runs a selected kernel in the code that was compiled for the instruction set.
//!
//! `compiled!` builds a module of kernels for each set; `dispatch!` calls the module of the chosen set.
#![allow(unsafe_code)]

use std::ops::Range;

use asymgrad_core::Activation;
use asymgrad_core::Update;
use asymgrad_core::capabilities::ALL;
use asymgrad_core::kernels::select::{BATCH_ONE_NR, CONST_OUTPUTS, SMALL_BATCH_LANES, SMALL_BATCH_MR};
use asymgrad_core::kernels::{
    Algorithm, BiasGradient, DataPass, Forward, InputGradient, PoolGeometry, ScratchLayout, Selection, TileSet,
    WeightGradient,
};
use asymgrad_core::random::FeedbackSource;

use super::instruction_set::{InstructionSet, Instructions, NumericMode};
use super::intrinsics::{Fused, Unfused};
use super::scratch::ScratchBuffer;

/// Biases whose gradients are summed side by side: as many sums as hide the latency of an addition.
const BIAS_CHAINS: usize = 8;

impl InstructionSet {
    /// Computes the rows `rows` of a forward pass, counted as position × channels + channel.
    pub(super) fn forward(self, job: &Forward<'_>, selection: &Selection, rows: &Range<usize>, output: &mut [f32]) {
        let layout = &selection.scratch;
        match selection.algorithm {
            Algorithm::Winograd => self.data_pass_winograd(&DataPass::from(job), layout, rows, output),
            Algorithm::BatchOne => self.forward_batch_one(job, layout, rows, output),
            Algorithm::BatchOneConvolution => self.forward_batch_one_convolution(job, layout, rows, output),
            Algorithm::SmallBatch => self.forward_small_batch(job, layout, rows, output),
            Algorithm::Dense => self.data_pass_dense(&DataPass::from(job), layout, rows, output),
            Algorithm::Convolution => self.data_pass_convolution(&DataPass::from(job), layout, rows, output),
            Algorithm::FewChannels | Algorithm::ConstOutputs => unreachable!("no algorithm of a forward pass"),
        }
    }

    /// Computes the rows `rows` of an input gradient, counted likewise.
    pub(super) fn input_gradient(
        self,
        job: &InputGradient<'_>,
        selection: &Selection,
        rows: &Range<usize>,
        output: &mut [f32],
    ) {
        let layout = &selection.scratch;
        match selection.algorithm {
            Algorithm::Winograd => self.data_pass_winograd(&DataPass::from(job), layout, rows, output),
            Algorithm::BatchOne if job.geometry.is_dense() => self.input_gradient_batch_one(job, rows, output),
            Algorithm::BatchOne => self.input_gradient_batch_one_untied(job, rows, output),
            Algorithm::BatchOneConvolution => self.input_gradient_batch_one_convolution(job, rows, output),
            Algorithm::ConstOutputs => self.input_gradient_const_outputs(job, layout, rows, output),
            Algorithm::Dense => self.data_pass_dense(&DataPass::from(job), layout, rows, output),
            Algorithm::Convolution => self.data_pass_convolution(&DataPass::from(job), layout, rows, output),
            Algorithm::FewChannels | Algorithm::SmallBatch => unreachable!("no algorithm of an input gradient"),
        }
    }

    /// Updates the rows `rows` of the weights; Winograd's algorithm has [`InstructionSet::weight_gradient_winograd`].
    pub(super) fn weight_gradient(
        self,
        job: &WeightGradient<'_>,
        selection: &Selection,
        rows: &Range<usize>,
        update: Update<'_>,
        sums: &mut [f32],
    ) {
        let layout = &selection.scratch;
        match selection.algorithm {
            Algorithm::FewChannels => self.weight_gradient_few_channels(job, layout, rows, update, sums),
            Algorithm::BatchOneConvolution => self.weight_gradient_batch_one(job, rows, update, sums),
            Algorithm::SmallBatch => self.weight_gradient_small_batch(job, layout, rows, update),
            Algorithm::ConstOutputs => self.weight_gradient_const_outputs(job, layout, update),
            Algorithm::Dense => self.weight_gradient_dense(job, layout, rows, update),
            Algorithm::Convolution => self.weight_gradient_convolution(job, layout, rows, update, sums),
            Algorithm::BatchOne => unreachable!("no algorithm of a weight gradient"),
            Algorithm::Winograd => unreachable!("computed by rows of tiles"),
        }
    }

    /// The input gradient through regenerated feedback, which is for devices: here it uses neither vectors nor threads.
    pub(super) fn input_gradient_seeded(self, job: &InputGradient<'_>, source: &FeedbackSource, output: &mut [f32]) {
        match self.mode() {
            NumericMode::Portable => job.run_seeded::<Unfused, ALL>(source, output),
            NumericMode::Fused | NumericMode::Winograd => job.run_seeded::<Fused<4>, ALL>(source, output),
        }
    }
}

/// A method of [`InstructionSet`] for each kernel, which calls the function compiled for its set.
macro_rules! dispatch {
    ($($name:ident $(<const $direction:ident: bool>)? ($($argument:ident: $type:ty),*);)*) => {
        impl InstructionSet {
            $(pub(super) fn $name $(<const $direction: bool>)? (self, $($argument: $type),*) {
                match self.instructions {
                    Instructions::Baseline => baseline::$name($($argument),*),
                    // SAFETY: the set exists only where the CPU has its instructions, see `InstructionSet::available`.
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

dispatch! {
    data_pass_convolution<const BACKWARD: bool>(pass: &DataPass<'_, BACKWARD>, layout: &ScratchLayout, rows: &Range<usize>, output: &mut [f32]);
    data_pass_dense<const BACKWARD: bool>(pass: &DataPass<'_, BACKWARD>, layout: &ScratchLayout, rows: &Range<usize>, output: &mut [f32]);
    data_pass_winograd<const BACKWARD: bool>(pass: &DataPass<'_, BACKWARD>, layout: &ScratchLayout, rows: &Range<usize>, output: &mut [f32]);
    forward_small_batch(job: &Forward<'_>, layout: &ScratchLayout, rows: &Range<usize>, output: &mut [f32]);
    forward_batch_one(job: &Forward<'_>, layout: &ScratchLayout, rows: &Range<usize>, output: &mut [f32]);
    forward_batch_one_convolution(job: &Forward<'_>, layout: &ScratchLayout, rows: &Range<usize>, output: &mut [f32]);
    input_gradient_batch_one(job: &InputGradient<'_>, rows: &Range<usize>, output: &mut [f32]);
    input_gradient_batch_one_untied(job: &InputGradient<'_>, rows: &Range<usize>, output: &mut [f32]);
    input_gradient_batch_one_convolution(job: &InputGradient<'_>, rows: &Range<usize>, output: &mut [f32]);
    input_gradient_const_outputs(job: &InputGradient<'_>, layout: &ScratchLayout, rows: &Range<usize>, output: &mut [f32]);
    weight_gradient_convolution(job: &WeightGradient<'_>, layout: &ScratchLayout, rows: &Range<usize>, update: Update<'_>, sums: &mut [f32]);
    weight_gradient_dense(job: &WeightGradient<'_>, layout: &ScratchLayout, rows: &Range<usize>, update: Update<'_>);
    weight_gradient_const_outputs(job: &WeightGradient<'_>, layout: &ScratchLayout, update: Update<'_>);
    weight_gradient_few_channels(job: &WeightGradient<'_>, layout: &ScratchLayout, rows: &Range<usize>, update: Update<'_>, sums: &mut [f32]);
    weight_gradient_small_batch(job: &WeightGradient<'_>, layout: &ScratchLayout, rows: &Range<usize>, update: Update<'_>);
    weight_gradient_batch_one(job: &WeightGradient<'_>, rows: &Range<usize>, update: Update<'_>, sums: &mut [f32]);
    weight_gradient_winograd(job: &WeightGradient<'_>, layout: &ScratchLayout, tile_rows: Range<usize>, sums: &mut [f32]);
    update(gradient: &[f32], update: Update<'_>);
    bias_gradient(job: &BiasGradient<'_>, rows: Range<usize>, update: Update<'_>);
    pool(pool: &PoolGeometry, rows: Range<usize>, input: &[f32], output: &mut [f32]);
    pool_backward(pool: &PoolGeometry, rows: Range<usize>, input: &[f32], grad_output: &[f32], before: Option<Activation>, output: &mut [f32]);
}

/// The kernels of one instruction set: its arithmetic, its tiles, whether it has Winograd's algorithm, and the attribute that
/// enables its instructions.
macro_rules! compiled {
    ($set:ident, $arithmetic:ty, $tiles:expr, winograd $winograd:literal, $attribute:meta) => {
        mod $set {
            use super::*;

            const TILES: TileSet = $tiles;
            const LANES: usize = TILES.lanes;
            const DENSE_MR: usize = TILES.dense.mr;
            const DENSE_VECTORS: usize = TILES.dense.nr_vectors;
            const MR: usize = TILES.convolution.mr;
            const VECTORS: usize = TILES.convolution.nr_vectors;
            const CONST_OUTPUTS_MR: usize = TILES.const_outputs.mr;
            const CONST_OUTPUTS_VECTORS: usize = TILES.const_outputs.nr_vectors;

            #[$attribute]
            pub(super) fn data_pass_convolution<const BACKWARD: bool>(
                pass: &DataPass<'_, BACKWARD>,
                layout: &ScratchLayout,
                rows: &Range<usize>,
                output: &mut [f32],
            ) {
                let mut scratch = ScratchBuffer::new(layout.total());
                pass.run::<$arithmetic, LANES, VECTORS, MR>(rows, layout, &mut scratch, output);
            }

            #[$attribute]
            pub(super) fn data_pass_dense<const BACKWARD: bool>(
                pass: &DataPass<'_, BACKWARD>,
                layout: &ScratchLayout,
                rows: &Range<usize>,
                output: &mut [f32],
            ) {
                let mut scratch = ScratchBuffer::new(layout.total());
                pass.run_dense::<$arithmetic, LANES, DENSE_VECTORS, DENSE_MR>(rows, layout, &mut scratch, output);
            }

            #[$attribute]
            pub(super) fn data_pass_winograd<const BACKWARD: bool>(
                pass: &DataPass<'_, BACKWARD>,
                layout: &ScratchLayout,
                rows: &Range<usize>,
                output: &mut [f32],
            ) {
                if $winograd {
                    let mut scratch = ScratchBuffer::new(layout.total());
                    pass.run_winograd::<$arithmetic, LANES, VECTORS, MR>(rows, layout, &mut scratch, output);
                }
            }

            #[$attribute]
            pub(super) fn forward_small_batch(
                job: &Forward<'_>,
                layout: &ScratchLayout,
                rows: &Range<usize>,
                output: &mut [f32],
            ) {
                let mut scratch = ScratchBuffer::new(layout.total());
                DataPass::from(job).run::<$arithmetic, SMALL_BATCH_LANES, 1, SMALL_BATCH_MR>(
                    rows,
                    layout,
                    &mut scratch,
                    output,
                );
            }

            #[$attribute]
            pub(super) fn forward_batch_one(
                job: &Forward<'_>,
                layout: &ScratchLayout,
                rows: &Range<usize>,
                output: &mut [f32],
            ) {
                let mut scratch = ScratchBuffer::new(layout.total());
                job.run_batch_one::<$arithmetic, LANES, { BATCH_ONE_NR / LANES }>(rows, &mut scratch, output);
            }

            #[$attribute]
            pub(super) fn forward_batch_one_convolution(
                job: &Forward<'_>,
                layout: &ScratchLayout,
                rows: &Range<usize>,
                output: &mut [f32],
            ) {
                let mut scratch = ScratchBuffer::new(layout.total());
                job.run_batch_one_convolution::<$arithmetic, LANES, VECTORS>(rows, &mut scratch, output);
            }

            #[$attribute]
            pub(super) fn input_gradient_batch_one(job: &InputGradient<'_>, rows: &Range<usize>, output: &mut [f32]) {
                job.run_batch_one::<$arithmetic, LANES, DENSE_VECTORS>(rows, output);
            }

            #[$attribute]
            pub(super) fn input_gradient_batch_one_untied(
                job: &InputGradient<'_>,
                rows: &Range<usize>,
                output: &mut [f32],
            ) {
                job.run_batch_one::<$arithmetic, LANES, VECTORS>(rows, output);
            }

            #[$attribute]
            pub(super) fn input_gradient_batch_one_convolution(
                job: &InputGradient<'_>,
                rows: &Range<usize>,
                output: &mut [f32],
            ) {
                job.run_batch_one_convolution::<$arithmetic, LANES, VECTORS>(rows, output);
            }

            #[$attribute]
            pub(super) fn input_gradient_const_outputs(
                job: &InputGradient<'_>,
                layout: &ScratchLayout,
                rows: &Range<usize>,
                output: &mut [f32],
            ) {
                let mut scratch = ScratchBuffer::new(layout.total());
                job.run_const_outputs::<$arithmetic, LANES, CONST_OUTPUTS_VECTORS, CONST_OUTPUTS_MR, CONST_OUTPUTS>(
                    rows,
                    &mut scratch,
                    output,
                );
            }

            #[$attribute]
            pub(super) fn weight_gradient_convolution(
                job: &WeightGradient<'_>,
                layout: &ScratchLayout,
                rows: &Range<usize>,
                update: Update<'_>,
                sums: &mut [f32],
            ) {
                let mut scratch = ScratchBuffer::new(layout.total());
                job.run::<$arithmetic, ALL, LANES, VECTORS, MR>(rows, update, layout, &mut scratch, sums);
            }

            #[$attribute]
            pub(super) fn weight_gradient_dense(
                job: &WeightGradient<'_>,
                layout: &ScratchLayout,
                rows: &Range<usize>,
                update: Update<'_>,
            ) {
                let mut scratch = ScratchBuffer::new(layout.total());
                job.run::<$arithmetic, ALL, LANES, DENSE_VECTORS, DENSE_MR>(
                    rows,
                    update,
                    layout,
                    &mut scratch,
                    &mut [],
                );
            }

            #[$attribute]
            pub(super) fn weight_gradient_const_outputs(
                job: &WeightGradient<'_>,
                layout: &ScratchLayout,
                update: Update<'_>,
            ) {
                let mut scratch = ScratchBuffer::new(layout.total());
                job.run_const_outputs::<$arithmetic, ALL, LANES, CONST_OUTPUTS>(update, layout, &mut scratch);
            }

            #[$attribute]
            pub(super) fn weight_gradient_few_channels(
                job: &WeightGradient<'_>,
                layout: &ScratchLayout,
                rows: &Range<usize>,
                update: Update<'_>,
                sums: &mut [f32],
            ) {
                let mut scratch = ScratchBuffer::new(layout.total());
                job.run_few_channels::<$arithmetic, ALL, LANES, VECTORS>(rows, update, layout, &mut scratch, sums);
            }

            #[$attribute]
            pub(super) fn weight_gradient_small_batch(
                job: &WeightGradient<'_>,
                layout: &ScratchLayout,
                rows: &Range<usize>,
                update: Update<'_>,
            ) {
                let mut scratch = ScratchBuffer::new(layout.total());
                job.run_small_batch::<$arithmetic, ALL, LANES>(rows, update, &mut scratch);
            }

            #[$attribute]
            pub(super) fn weight_gradient_batch_one(
                job: &WeightGradient<'_>,
                rows: &Range<usize>,
                update: Update<'_>,
                sums: &mut [f32],
            ) {
                job.run_batch_one_convolution::<$arithmetic, ALL, LANES, VECTORS, MR>(rows, update, sums);
            }

            #[$attribute]
            pub(super) fn weight_gradient_winograd(
                job: &WeightGradient<'_>,
                layout: &ScratchLayout,
                tile_rows: Range<usize>,
                sums: &mut [f32],
            ) {
                if $winograd {
                    let mut scratch = ScratchBuffer::new(layout.total());
                    let weights = job.geometry.weights().max(1);
                    for (tile_row, sums) in tile_rows.zip(sums.chunks_exact_mut(weights)) {
                        job.sum_winograd::<$arithmetic, LANES, VECTORS, MR>(tile_row, layout, &mut scratch, sums);
                    }
                }
            }

            #[$attribute]
            pub(super) fn update(gradient: &[f32], mut update: Update<'_>) {
                update.apply::<$arithmetic, ALL, LANES>(0, gradient);
            }

            #[$attribute]
            pub(super) fn bias_gradient(job: &BiasGradient<'_>, rows: Range<usize>, update: Update<'_>) {
                job.run::<$arithmetic, ALL, BIAS_CHAINS>(rows, update);
            }

            #[$attribute]
            pub(super) fn pool(pool: &PoolGeometry, rows: Range<usize>, input: &[f32], output: &mut [f32]) {
                pool.forward(rows, input, output);
            }

            #[$attribute]
            pub(super) fn pool_backward(
                pool: &PoolGeometry,
                rows: Range<usize>,
                input: &[f32],
                grad_output: &[f32],
                before: Option<Activation>,
                output: &mut [f32],
            ) {
                pool.backward(rows, input, grad_output, before, output);
            }
        }
    };
}

compiled!(baseline, Unfused, TileSet::BASELINE, winograd false, inline(never));
#[cfg(target_arch = "x86_64")]
compiled!(avx2, Fused<8>, TileSet::AVX2, winograd true, target_feature(enable = "avx2,fma"));
#[cfg(target_arch = "x86_64")]
compiled!(avx512, Fused<16>, TileSet::AVX512, winograd true,
    target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"));
// Every CPU of this architecture has NEON.
#[cfg(target_arch = "aarch64")]
compiled!(neon, Fused<4>, TileSet::NEON, winograd true, inline(never));
