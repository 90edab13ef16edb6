//! Slices of a region by offset and length, or by range.
//!
//! A range outside its region is an error in the memory plan. Debug builds stop there; other builds give an empty slice,
//! so that no image holds the code of a panic. Kernels use `get` directly where data may end before a vector or a block does.

use core::ops::Range;

/// The values `from..from + len`.
#[inline]
pub(crate) fn range(values: &[f32], from: usize, len: usize) -> &[f32] {
    let found = values.get(from..from.wrapping_add(len));
    debug_assert!(found.is_some(), "{from}..{from}+{len} of {}", values.len());
    found.unwrap_or(&[])
}

/// The values `from..from + len`, to be written.
#[inline]
pub(crate) fn range_mut(values: &mut [f32], from: usize, len: usize) -> &mut [f32] {
    debug_assert!(from.saturating_add(len) <= values.len(), "{from}..{from}+{len} of {}", values.len());
    values.get_mut(from..from.wrapping_add(len)).unwrap_or(&mut [])
}

/// The values of a range.
#[inline]
pub(crate) fn subslice<'a>(values: &'a [f32], at: &Range<usize>) -> &'a [f32] {
    range(values, at.start, at.len())
}

/// The values of a range, to be written.
#[inline]
pub(crate) fn subslice_mut<'a>(values: &'a mut [f32], at: &Range<usize>) -> &'a mut [f32] {
    range_mut(values, at.start, at.len())
}

/// The values from `from` on.
#[inline]
pub(crate) fn tail(values: &[f32], from: usize) -> &[f32] {
    let found = values.get(from..);
    debug_assert!(found.is_some(), "{from}.. of {}", values.len());
    found.unwrap_or(&[])
}

/// The values from `from` on, to be written.
#[inline]
pub(crate) fn tail_mut(values: &mut [f32], from: usize) -> &mut [f32] {
    debug_assert!(from <= values.len(), "{from}.. of {}", values.len());
    values.get_mut(from..).unwrap_or(&mut [])
}

/// The first `len` values and the rest.
#[inline]
pub(crate) fn split_mut(values: &mut [f32], len: usize) -> (&mut [f32], &mut [f32]) {
    debug_assert!(len <= values.len(), "{len} of {}", values.len());
    values.split_at_mut_checked(len).unwrap_or((&mut [], &mut []))
}
