//! The passes over a layer, and the trait by which a host runs them with vector instructions and threads.
//!
//! | file | what it holds |
//! |---|---|
//! | `select.rs` | which kernel runs when, and why |
//! | `table.rs` | the choice for each layer of a network, for `asymgrad plan --kernels` |
//! | `geometry.rs` | sizes, taps and pixels of a layer with weights |
//! | `jobs.rs` | the operands of each pass |
//! | `tile.rs` | the shape of a register tile, the layout of panels and scratch |
//! | `microkernel.rs` | the inner loops over a register tile |
//! | `transpose.rs`, `pack.rs` | packing operands into panels |
//! | `epilogue.rs` | bias, ReLU and masks at the beginning and end of a sum |
//! | `data_pass.rs`, `data_pass_dense.rs` | forward pass and input gradient |
//! | `weight_gradient.rs`, `gradient_sink.rs`, `bias_gradient.rs` | gradients of weights and biases |
//! | `batch_one.rs`, `small_batch.rs`, `few_channels.rs`, `const_outputs.rs` | special cases of these |
//! | `winograd/` | 5 × 5 convolutions with fewer products |
//! | `pooling.rs` | max and average pooling |
//! | `rows.rs` | a pass over some rows of a layer, for a slice of a step |
//! | `reference.rs`, `reference_sums.rs`, `reference_convolution.rs`, `reference_pooling.rs`, `seeded_feedback.rs` | the passes on a device |
//! | `step.rs`, `update.rs` | the optimizer |
//!
//! Each job is a plain struct of slices, and its `run` functions compute a range of its rows; a kernel set chooses the
//! arithmetic, the tile and the rows of each thread. Within one [`Arithmetic`], results are bit-identical for every choice except
//! Winograd's algorithm, which is opt-in.

mod batch_one;
mod bias_gradient;
mod const_outputs;
mod data_pass;
mod data_pass_dense;
mod epilogue;
mod few_channels;
mod geometry;
mod gradient_sink;
mod jobs;
mod microkernel;
mod pack;
mod pooling;
mod reference;
mod reference_convolution;
mod reference_pooling;
mod reference_sums;
pub(crate) mod rows;
mod seeded_feedback;
pub mod select;
mod small_batch;
pub(crate) mod step;
mod table;
mod tile;
mod transpose;
mod update;
mod weight_gradient;
mod winograd;

pub use self::data_pass::DataPass;
pub use self::geometry::Geometry;
pub use self::jobs::{BiasGradient, Forward, InputGradient, WeightGradient};
pub use self::pooling::PoolGeometry;
pub use self::select::{Algorithm, Pass, Selection, TileSet, select};
pub use self::step::StepCoefficients;
pub use self::table::KernelRow;
pub use self::tile::{ScratchLayout, TileShape};
pub use self::update::Update;

use crate::arithmetic::Arithmetic;
use crate::network::Activation;
use crate::random::FeedbackSource;

/// A set of kernels. Every slice has the length that its job's geometry implies.
///
/// `CAPS` are the [capabilities](crate::capabilities) that the image holds.
pub trait Kernels {
    /// Whether [`Training::slice`](crate::Training::slice) cuts layers. If not, a slice of a step is a whole layer in one direction.
    ///
    /// A kernel set that cuts layers
    ///
    /// - takes an `output` of [`Kernels::input_gradient`] that is some inputs of a dense layer, with the weights from those of the first one
    ///   on;
    /// - adds to `sums` in [`Kernels::weight_gradient`] if the update has no weights;
    /// - adds to the partial sums of [`Kernels::pool_backward`].
    const SLICES: bool = false;

    /// y = h W + b, and ReLU if that is the activation. `output` is position, output channel × samples, and is overwritten.
    fn forward<const CAPS: u32>(&self, job: &Forward<'_>, output: &mut [f32]);

    /// dL/dh = G Bᵀ, masked. `output` is pixel, input channel × samples, and is overwritten.
    fn input_gradient<const CAPS: u32>(&self, job: &InputGradient<'_>, output: &mut [f32]);

    /// [`Kernels::input_gradient`] with B regenerated from `source`; the job's weights are empty.
    fn input_gradient_seeded<const CAPS: u32>(
        &self,
        job: &InputGradient<'_>,
        source: &FeedbackSource,
        output: &mut [f32],
    );

    /// Computes hᵀG and applies it by `update`. `sums` is scratch as long as the weights if positions share them, else empty.
    fn weight_gradient<const CAPS: u32>(&self, job: &WeightGradient<'_>, update: Update<'_>, sums: &mut [f32]);

    /// The bias gradient into the optimizer.
    fn bias_gradient<const CAPS: u32>(&self, job: &BiasGradient<'_>, update: Update<'_>);

    /// Pooling.
    fn pool(&self, pool: &PoolGeometry, input: &[f32], output: &mut [f32]);

    /// dL/dh of pooling; `before` is the activation whose output `input` is. The first `partial` values of `output` are partial sums to which
    /// this pass adds; there are none if the kernel set does not [cut layers](Kernels::SLICES).
    fn pool_backward(
        &self,
        pool: &PoolGeometry,
        input: &[f32],
        grad_output: &[f32],
        before: Option<Activation>,
        partial: usize,
        output: &mut [f32],
    );
}

/// One thread, one value at a time: for devices, and with the same bits as every other set of the same numeric mode.
///
/// `Trainer::new` takes [`Portable`](crate::arithmetic::Portable); a firmware whose processor has a square root gives an
/// [`Arithmetic`] of its own to `Trainer::with_kernels`.
impl<A: Arithmetic> Kernels for A {
    const SLICES: bool = true;

    fn forward<const CAPS: u32>(&self, job: &Forward<'_>, output: &mut [f32]) {
        reference::forward::<A, CAPS>(job, output);
    }

    fn input_gradient<const CAPS: u32>(&self, job: &InputGradient<'_>, output: &mut [f32]) {
        reference::input_gradient::<A, CAPS>(job, output);
    }

    fn input_gradient_seeded<const CAPS: u32>(
        &self,
        job: &InputGradient<'_>,
        source: &FeedbackSource,
        output: &mut [f32],
    ) {
        job.run_seeded::<A, CAPS>(source, output);
    }

    fn weight_gradient<const CAPS: u32>(&self, job: &WeightGradient<'_>, update: Update<'_>, sums: &mut [f32]) {
        reference::weight_gradient::<A, CAPS>(job, update, sums);
    }

    fn bias_gradient<const CAPS: u32>(&self, job: &BiasGradient<'_>, update: Update<'_>) {
        reference::bias_gradient::<A, CAPS>(job, update);
    }

    fn pool(&self, pool: &PoolGeometry, input: &[f32], output: &mut [f32]) {
        reference_pooling::forward(pool, input, output);
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
        reference_pooling::backward(pool, input, grad_output, before, partial, output);
    }
}
