//! What targets do in their own way, behind one trait: multiply-add rounds once or twice, the square root, the same bits
//! everywhere, may be an instruction, and memory may be told what is read next.
//!
//! A kernel is one text; instantiated with [`Portable`] it gives the same bits on every CPU, with a fused
//! implementation (the host's AVX2 and AVX-512 kernels) the same bits on every CPU that has fused multiply-add.

/// Multiply-add, square root and prefetch in one class of numbers.
pub trait Arithmetic: Copy + Send + Sync + 'static {
    /// `a * b + c`, rounded once or twice as the class says.
    fn mul_add(a: f32, b: f32, c: f32) -> f32;

    /// The square root, exactly rounded (IEEE 754), so that every implementation gives the same bits.
    fn sqrt(x: f32) -> f32;

    /// A hint that these numbers are read soon; it may do nothing.
    #[inline(always)]
    fn prefetch(_: &[f32]) {}
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
