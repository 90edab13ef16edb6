//! The baselines: matrix products of other libraries on row-major slices, C (m × n) = A (m × k) · B (k × n), where memory may
//! hold the transpose of an operand.
//!
//! The only file of the benches with `unsafe`: two of the libraries take pointers, and the roofline uses intrinsics.
#![allow(unsafe_code)]

use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut, Dyn};

/// A row-major matrix, or the transpose of one.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a> {
    /// The values, row after row.
    pub values: &'a [f32],
    /// Rows of the operand as it is multiplied.
    pub rows: usize,
    /// Columns of the operand as it is multiplied.
    pub cols: usize,
    /// Whether memory holds the transpose.
    pub transposed: bool,
}

impl<'a> Operand<'a> {
    /// `values` as `rows` × `cols`.
    pub fn new(values: &'a [f32], rows: usize, cols: usize) -> Self {
        Self { values, rows, cols, transposed: false }
    }

    /// The transpose of `values` as `rows` × `cols`.
    pub fn transposed(values: &'a [f32], rows: usize, cols: usize) -> Self {
        Self { values, rows: cols, cols: rows, transposed: true }
    }

    /// The row stride and the column stride.
    fn strides(&self) -> (isize, isize) {
        let length = if self.transposed { self.rows } else { self.cols };
        let length = isize::try_from(length).expect("a slice's length");
        if self.transposed { (1, length) } else { (length, 1) }
    }
}

/// A library's matrix product: C = A · B.
pub type Multiply = fn(Operand<'_>, Operand<'_>, &mut [f32]);

/// The libraries, by name.
pub const BASELINES: [(&str, Multiply); 3] =
    [("gemm", with_gemm), ("matrixmultiply", with_matrixmultiply), ("nalgebra", with_nalgebra)];

/// # Panics
/// If the slices are not as long as the shapes say.
fn check(a: &Operand<'_>, b: &Operand<'_>, c: &[f32]) {
    assert!(a.values.len() == a.rows * a.cols && b.values.len() == b.rows * b.cols, "operands as long as their shapes");
    assert!(a.cols == b.rows && c.len() == a.rows * b.cols, "shapes that go together");
}

/// The `gemm` crate, one thread.
///
/// # Panics
/// If the slices are not as long as the shapes say.
pub fn with_gemm(a: Operand<'_>, b: Operand<'_>, c: &mut [f32]) {
    check(&a, &b, c);
    let ((a_row, a_col), (b_row, b_col)) = (a.strides(), b.strides());
    let c_row = isize::try_from(b.cols).expect("a slice's length");
    // SAFETY: `check` ensures that all three slices hold their matrices, and `c` is borrowed mutably.
    unsafe {
        gemm::gemm(
            a.rows,
            b.cols,
            a.cols,
            c.as_mut_ptr(),
            1,
            c_row,
            false,
            a.values.as_ptr(),
            a_col,
            a_row,
            b.values.as_ptr(),
            b_col,
            b_row,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// The `matrixmultiply` crate, one thread.
///
/// # Panics
/// If the slices are not as long as the shapes say.
pub fn with_matrixmultiply(a: Operand<'_>, b: Operand<'_>, c: &mut [f32]) {
    check(&a, &b, c);
    let ((a_row, a_col), (b_row, b_col)) = (a.strides(), b.strides());
    let c_row = isize::try_from(b.cols).expect("a slice's length");
    // SAFETY: `check` ensures that all three slices hold their matrices, and `c` is borrowed mutably.
    unsafe {
        matrixmultiply::sgemm(
            a.rows,
            a.cols,
            b.cols,
            1.0,
            a.values.as_ptr(),
            a_row,
            a_col,
            b.values.as_ptr(),
            b_row,
            b_col,
            0.0,
            c.as_mut_ptr(),
            c_row,
            1,
        );
    }
}

/// nalgebra's matrix product.
///
/// # Panics
/// If the slices are not as long as the shapes say.
pub fn with_nalgebra(a: Operand<'_>, b: Operand<'_>, c: &mut [f32]) {
    /// nalgebra is column-major: a row-major matrix is its transpose.
    fn view<'a>(operand: &Operand<'a>) -> DMatrixView<'a, f32, Dyn, Dyn> {
        let (row, col) = operand.strides();
        let strides = (Dyn(row.unsigned_abs()), Dyn(col.unsigned_abs()));
        DMatrixView::from_slice_with_strides_generic(
            operand.values,
            Dyn(operand.rows),
            Dyn(operand.cols),
            strides.0,
            strides.1,
        )
    }
    check(&a, &b, c);
    let mut c = DMatrixViewMut::from_slice_with_strides_generic(c, Dyn(a.rows), Dyn(b.cols), Dyn(b.cols), Dyn(1));
    c.gemm(1.0, &view(&a), &view(&b), 0.0);
}

/// A dense matrix of nalgebra from row-major values.
pub fn columns(values: &[f32], rows: usize, cols: usize) -> DMatrix<f32> {
    DMatrix::from_row_slice(rows, cols, values)
}

/// Floating-point operations of [`peak`].
pub const PEAK_OPERATIONS: u64 = 2 * 12 * 16 * PEAK_STEPS as u64;
const PEAK_STEPS: usize = 100_000;

/// Multiply-adds in registers only, with the widest vectors of the CPU.
pub fn peak() -> f32 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the CPU has these instructions.
            return unsafe { peak_avx512() };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the CPU has these instructions.
            return unsafe { peak_avx2() };
        }
    }
    let mut sums = [1.0_f32; 12 * 16];
    for _ in 0..PEAK_STEPS {
        for sum in &mut sums {
            *sum = *sum * 0.5 + 0.5;
        }
    }
    std::hint::black_box(sums)[0]
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn peak_avx512() -> f32 {
    use std::arch::x86_64::{_mm512_fmadd_ps, _mm512_reduce_add_ps, _mm512_set1_ps};
    let half = _mm512_set1_ps(std::hint::black_box(0.5));
    let mut sums = [_mm512_set1_ps(1.0); 12];
    for _ in 0..PEAK_STEPS {
        for sum in &mut sums {
            *sum = _mm512_fmadd_ps(*sum, half, half);
        }
    }
    sums.iter().map(|sum| _mm512_reduce_add_ps(*sum)).sum()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn peak_avx2() -> f32 {
    use std::arch::x86_64::{_mm256_cvtss_f32, _mm256_fmadd_ps, _mm256_set1_ps};
    let half = _mm256_set1_ps(std::hint::black_box(0.5));
    let mut sums = [_mm256_set1_ps(1.0); 12];
    for _ in 0..2 * PEAK_STEPS {
        for sum in &mut sums {
            *sum = _mm256_fmadd_ps(*sum, half, half);
        }
    }
    sums.iter().map(|sum| _mm256_cvtss_f32(*sum)).sum()
}
