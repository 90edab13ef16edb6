//! The arithmetic of the fused numeric mode, and the few instructions that the compiler does not find by itself.
//!
//! [`Fused<WIDEST>`] is tied to an instruction set by its widest vector: the compiler refuses a wider one, so that no kernel of
//! AVX2 can emit an instruction of AVX-512. Its methods are safe to call because the type is private to this folder, and
//! `dispatch.rs` names `Fused<8>` and `Fused<16>` only in code that runs where the CPU has their instructions.
#![allow(unsafe_code)]

use asymgrad_core::arithmetic::{Arithmetic, Portable, TRANSPOSE_BLOCK};

/// The least magnitude that is kept, 2⁻¹⁰⁰: its products with weights above 10⁻⁸ are not subnormal.
const FLUSH_BELOW: f32 = f32::from_bits((127 - 100) << 23);

/// Fused multiply-add with the CPU's square root and shuffles, in vectors of up to `WIDEST` lanes.
///
/// 16 needs AVX-512, 8 needs AVX2 and FMA; 4 needs no instruction that its architecture may lack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fused<const WIDEST: usize>;

impl<const WIDEST: usize> Arithmetic for Fused<WIDEST> {
    #[inline(always)]
    fn mul_add(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn add_scaled<const LANES: usize>(sums: &[f32; LANES], column: &[f32; LANES], scalar: f32) -> [f32; LANES] {
        use core::arch::x86_64::{
            _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_set1_ps, _mm256_storeu_ps, _mm512_fmadd_ps, _mm512_loadu_ps,
            _mm512_set1_ps, _mm512_storeu_ps,
        };
        const {
            assert!(LANES <= WIDEST, "a vector wider than the instruction set has");
        }
        let mut next = [0.0; LANES];
        macro_rules! add_scaled {
            ($load:ident, $set:ident, $multiply_add:ident, $store:ident) => {{
                let (sums, column) = ($load(sums.as_ptr()), $load(column.as_ptr()));
                $store(next.as_mut_ptr(), $multiply_add(column, $set(scalar), sums));
            }};
        }
        // SAFETY: each reads and writes `LANES` values, and the CPU has the instructions: `LANES` is at most `WIDEST`, and a
        // `Fused<WIDEST>` is used only where `InstructionSet::available` found them.
        unsafe {
            match LANES {
                16 => add_scaled!(_mm512_loadu_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps),
                8 => add_scaled!(_mm256_loadu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps),
                // A small batch, for whose tiles the compiler may prefer vectors that broadcast several scalars.
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
        if x.abs() < FLUSH_BELOW { 0.0 } else { x }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn prefetch(values: &[f32]) {
        use asymgrad_core::arithmetic::CACHE_LINE;
        for line in values.chunks(CACHE_LINE) {
            // SAFETY: a prefetch has no effect that the program can observe and cannot fault; every x86-64 CPU has it.
            unsafe {
                core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(line.as_ptr().cast());
            }
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn transpose(rows: [&[f32; TRANSPOSE_BLOCK]; TRANSPOSE_BLOCK]) -> [[f32; TRANSPOSE_BLOCK]; TRANSPOSE_BLOCK] {
        const {
            assert!(TRANSPOSE_BLOCK == 8, "the shuffles transpose blocks of 8 × 8");
            assert!(WIDEST >= 8, "the shuffles need AVX");
        }
        let mut columns = [[0.0; TRANSPOSE_BLOCK]; TRANSPOSE_BLOCK];
        let (low, high) = columns.split_at_mut(TRANSPOSE_BLOCK / 2);
        // SAFETY: the CPU has AVX, because `WIDEST` is 8 or more, see `add_scaled`.
        unsafe {
            transpose_half::<0>(&rows, low);
            transpose_half::<1>(&rows, high);
        }
        columns
    }
}

/// Four columns of a transposed block. Each load puts four values of a row beside those of the fourth row after it, which halves
/// the number of shuffles.
///
/// # Safety
/// The CPU must have AVX.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn transpose_half<const HALF: usize>(
    rows: &[&[f32; TRANSPOSE_BLOCK]; TRANSPOSE_BLOCK],
    columns: &mut [[f32; TRANSPOSE_BLOCK]],
) {
    use core::arch::x86_64::{
        __m256, _mm_loadu_ps, _mm256_castps128_ps256, _mm256_insertf128_ps, _mm256_shuffle_ps, _mm256_storeu_ps,
        _mm256_unpackhi_ps, _mm256_unpacklo_ps,
    };

    /// Half `HALF` of two rows as one vector.
    ///
    /// # Safety
    /// The CPU must have AVX.
    #[inline(always)]
    unsafe fn pair<const HALF: usize>(low: &[f32; TRANSPOSE_BLOCK], high: &[f32; TRANSPOSE_BLOCK]) -> __m256 {
        let (low, high) = (&low.as_chunks::<4>().0[HALF], &high.as_chunks::<4>().0[HALF]);
        // SAFETY: each array holds the four values that are read, and the CPU has AVX.
        unsafe {
            let low = _mm256_castps128_ps256(_mm_loadu_ps(low.as_ptr()));
            _mm256_insertf128_ps::<1>(low, _mm_loadu_ps(high.as_ptr()))
        }
    }
    // SAFETY: the CPU has AVX, and each array holds the eight values that are written.
    unsafe {
        let (a, b) = (pair::<HALF>(rows[0], rows[4]), pair::<HALF>(rows[1], rows[5]));
        let (c, d) = (pair::<HALF>(rows[2], rows[6]), pair::<HALF>(rows[3], rows[7]));
        let (first, second) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
        let (third, fourth) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
        let shuffled = [
            _mm256_shuffle_ps::<0b01_00_01_00>(first, second),
            _mm256_shuffle_ps::<0b11_10_11_10>(first, second),
            _mm256_shuffle_ps::<0b01_00_01_00>(third, fourth),
            _mm256_shuffle_ps::<0b11_10_11_10>(third, fourth),
        ];
        for (column, values) in columns.iter_mut().zip(shuffled) {
            _mm256_storeu_ps(column.as_mut_ptr(), values);
        }
    }
}

/// The portable numeric mode with the CPU's square root, which is exactly rounded as libm's is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unfused;

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
