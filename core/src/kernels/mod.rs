//! The hot loops, and the trait by which a host puts SIMD and threads under the same trainer.
//!
//! Each job is a plain struct of slices whose `run` computes a range of its rows; a kernel set chooses the arithmetic,
//! the tile and who computes which rows. None of these choices changes a bit within one [`Arithmetic`].
//!
//! [`Arithmetic`]: crate::arithmetic::Arithmetic

mod classes;
mod drawn;
mod few;
mod gradient;
mod narrow;
mod panel;
mod pooling;
mod product;
mod scalar;
mod single;
mod tile;
mod turn;
mod winograd;

pub use gradient::{BiasGradient, WeightGradient};
pub use pooling::Pool;
pub use product::{Backward, Forward, Pass, Product};

use crate::arithmetic::Arithmetic;
use crate::optimizer::Update;
use crate::random::FeedbackSource;

/// A set of kernels. Every slice has the length that its job's shapes imply.
pub trait Kernels {
    /// y = x W + b and ReLU.
    ///
    /// `KINDS` are the kinds that the image holds, here as in the other functions.
    fn forward<const KINDS: u32>(&self, job: &Forward<'_>, output: &mut [f32]);

    /// dL/dx = G Bᵀ, masked.
    fn backward<const KINDS: u32>(&self, job: &Backward<'_>, output: &mut [f32]);

    /// [`Kernels::backward`] with B drawn from `source` while it is used; the job's weights are empty.
    fn backward_drawn<const KINDS: u32>(&self, job: &Backward<'_>, source: &FeedbackSource, output: &mut [f32]);

    /// hᵀG into the optimizer; `sums` is scratch for a gradient that is a sum over positions.
    fn weight_gradient<const KINDS: u32>(&self, job: &WeightGradient<'_>, update: Update<'_>, sums: &mut [f32]);

    /// The bias gradient into the optimizer.
    fn bias_gradient<const KINDS: u32>(&self, job: &BiasGradient<'_>, update: Update<'_>);

    /// Pooling.
    fn pool(&self, pool: &Pool, input: &[f32], output: &mut [f32]);

    /// dL/dx of pooling, masked if `relu`.
    fn pool_backward(&self, pool: &Pool, input: &[f32], gradient: &[f32], relu: bool, output: &mut [f32]);
}

/// One thread, one number at a time: for devices, and the reference for every other set of the class.
///
/// `Trainer::new` takes [`Portable`](crate::arithmetic::Portable); a firmware whose processor has a square root gives an
/// [`Arithmetic`] of its own to `Trainer::with_kernels`.
impl<A: Arithmetic> Kernels for A {
    fn forward<const KINDS: u32>(&self, job: &Forward<'_>, output: &mut [f32]) {
        scalar::forward::<A, KINDS>(job, output);
    }

    fn backward<const KINDS: u32>(&self, job: &Backward<'_>, output: &mut [f32]) {
        scalar::backward::<A, KINDS>(job, output);
    }

    fn backward_drawn<const KINDS: u32>(&self, job: &Backward<'_>, source: &FeedbackSource, output: &mut [f32]) {
        job.run_drawn::<A, KINDS>(source, output);
    }

    fn weight_gradient<const KINDS: u32>(&self, job: &WeightGradient<'_>, update: Update<'_>, sums: &mut [f32]) {
        scalar::weight_gradient::<A, KINDS>(job, update, sums);
    }

    fn bias_gradient<const KINDS: u32>(&self, job: &BiasGradient<'_>, update: Update<'_>) {
        scalar::bias_gradient::<A, KINDS>(job, update);
    }

    fn pool(&self, pool: &Pool, input: &[f32], output: &mut [f32]) {
        pool.forward(0..pool.output_rows(), input, output);
    }

    fn pool_backward(&self, pool: &Pool, input: &[f32], gradient: &[f32], relu: bool, output: &mut [f32]) {
        pool.backward(0..pool.rows, input, gradient, relu, output);
    }
}
