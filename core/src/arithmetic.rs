//! What targets do in their own way, behind one trait: multiply-add rounds once or twice, signals and moments may end above
//! subnormal numbers, the square root, the same bits everywhere, and the transposition of a block may be instructions, and
//! memory may be told what is read next.
//!
//! A kernel is one text; instantiated with [`Portable`] it gives the same bits on every CPU, with a fused
//! implementation (the host's AVX2 and AVX-512 kernels) the same bits on every CPU that has fused multiply-add.

/// Rows and columns of a block that is transposed in registers.
pub const TRANSPOSE_BLOCK: usize = 8;

/// Numbers of a cache line, 64 bytes, of the CPUs with instructions of their own for the kernels.
pub const CACHE_LINE: usize = 16;

/// Multiply-add, square root and the like in one class of numbers.
pub trait Arithmetic: Copy + Send + Sync + 'static {
    /// `a * b + c`, rounded once or twice as the class says.
    fn mul_add(a: f32, b: f32, c: f32) -> f32;

    /// `sums + column · scalar` for all lanes of a vector. Left to find vectors itself, a compiler may take the scalars of
    /// several steps for one.
    #[inline(always)]
    fn add_scaled<const WIDTH: usize>(sums: &[f32; WIDTH], column: &[f32; WIDTH], scalar: f32) -> [f32; WIDTH] {
        let mut next = [0.0; WIDTH];
        for ((next, sum), x) in next.iter_mut().zip(sums).zip(column) {
            *next = Self::mul_add(*x, scalar, *sum);
        }
        next
    }

    /// The square root, exactly rounded (IEEE 754), so that every implementation gives the same bits.
    fn sqrt(x: f32) -> f32;

    /// A signal (dL/dx), velocity or first moment as it is stored. A class may flush to 0 what is so small that it or its
    /// products are subnormal, below [`MIN_POSITIVE`](f32::MIN_POSITIVE), for which a CPU takes up to a hundred times as
    /// long: signals of samples that a network is sure of, and moments 800 steps after a ReLU went off for good. The second
    /// moment gets there in 70,000 steps.
    #[inline(always)]
    fn flush(x: f32) -> f32 {
        x
    }

    /// A hint that these numbers are read soon; it may do nothing.
    #[inline(always)]
    fn prefetch(_: &[f32]) {}

    /// The transposed block, `turned[k][row] = rows[row][k]`. Compilers find few of the shuffles that a CPU has for it.
    #[inline(always)]
    fn transpose(rows: [&[f32; TRANSPOSE_BLOCK]; TRANSPOSE_BLOCK]) -> [[f32; TRANSPOSE_BLOCK]; TRANSPOSE_BLOCK] {
        core::array::from_fn(|k| core::array::from_fn(|row| rows[row][k]))
    }
}

/// The portable class: the product is rounded before the sum, the root is libm's.
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
