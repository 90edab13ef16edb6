//! The operations that targets implement differently: multiply-add, square root, flushing of small values,
//! prefetching, and the transpose of a block.
//!
//! A kernel is written once and instantiated for an [`Arithmetic`]. Every implementation has a numeric mode, portable or
//! fused, by the rounding of its multiply-add. All implementations of one mode give the same bits: [`Portable`] on every
//! CPU, the host's vector kernels on every CPU with a fused multiply-add.

/// Rows and columns of a block that is transposed in registers.
pub const TRANSPOSE_BLOCK: usize = 8;

/// Values in a cache line of 64 bytes, the size on every CPU with vector kernels.
pub const CACHE_LINE: usize = 16;

/// Multiply-add, square root and the like in one numeric mode.
pub trait Arithmetic: Copy + Send + Sync + 'static {
    /// `a * b + c`: rounded after the product and after the sum in the portable mode, only after the sum in the fused mode.
    fn mul_add(a: f32, b: f32, c: f32) -> f32;

    /// `sums + column · scalar` for all lanes of a vector.
    ///
    /// One call for each vector keeps compilers from combining the scalars of several steps into a vector instead.
    #[inline(always)]
    fn add_scaled<const LANES: usize>(sums: &[f32; LANES], column: &[f32; LANES], scalar: f32) -> [f32; LANES] {
        let mut next = [0.0; LANES];
        for ((next, sum), x) in next.iter_mut().zip(sums).zip(column) {
            *next = Self::mul_add(*x, scalar, *sum);
        }
        next
    }

    /// The square root, correctly rounded (IEEE 754), so that every implementation gives the same bits.
    fn sqrt(x: f32) -> f32;

    /// The stored form of an error signal (dL/dh), a velocity or a first moment, and what a step reads of RMSprop's mean of the squared
    /// gradients; by default the value itself.
    ///
    /// An implementation may flush a value to 0 if it or its products are subnormal, that is below
    /// [`MIN_POSITIVE`](f32::MIN_POSITIVE): CPUs compute with subnormal values up to a hundred times slower. Such values
    /// are the error signals of samples that the network classifies with certainty, and the first moments of a unit some
    /// 800 steps after its ReLU has become 0 for good. Second moments take 70,000 steps to become so small.
    #[inline(always)]
    fn flush(x: f32) -> f32 {
        x
    }

    /// Hints that these values are read soon. The default does nothing.
    #[inline(always)]
    fn prefetch(_: &[f32]) {}

    /// The transpose of a block: `result[k][row] = rows[row][k]`.
    ///
    /// Compilers seldom find the shuffle instructions that CPUs have for it, so implementations may name them.
    #[inline(always)]
    fn transpose(rows: [&[f32; TRANSPOSE_BLOCK]; TRANSPOSE_BLOCK]) -> [[f32; TRANSPOSE_BLOCK]; TRANSPOSE_BLOCK] {
        core::array::from_fn(|k| core::array::from_fn(|row| rows[row][k]))
    }
}

/// The portable mode: the product is rounded before the sum, and the square root is libm's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Portable;

impl Arithmetic for Portable {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }

    #[inline(always)]
    fn sqrt(x: f32) -> f32 {
        libm::sqrtf(x)
    }
}
