//! The loops that transform both axes of a tile, some vectors at a time.

use core::array::from_fn;

use super::super::microkernel::first_vectors;
use crate::arithmetic::Arithmetic;

/// The transformation of one axis by a constant matrix.
pub(super) trait Transform<const FROM: usize, const TO: usize> {
    /// Transforms the values along the axis, each of them a vector.
    fn apply<A: Arithmetic, const LANES: usize>(x: [&[f32; LANES]; FROM]) -> [[f32; LANES]; TO];
}

/// Vectors that are transformed side by side. Pixels and points lie pages apart: more at a time would not fit the translation
/// lookaside buffer.
pub(super) const UNITS: usize = 8;

/// The transformation of both axes, T x Tᵀ: some vectors after that of the first axis.
#[repr(align(64))]
pub(super) struct Lines<const LANES: usize, const FROM: usize, const TO: usize>(
    pub(super) [[[[f32; LANES]; FROM]; TO]; UNITS],
);

impl<const LANES: usize, const FROM: usize, const TO: usize> Lines<LANES, FROM, TO> {
    pub(super) fn new() -> Self {
        Self([[[[0.0; LANES]; FROM]; TO]; UNITS])
    }

    /// Transforms the pixels' values from `at` on along the columns: `count` times `NR_VECTORS` vectors, `step` values apart, as
    /// many as fit; an empty pixel counts as zeros. Prefetches the values after them if `step` is not 0.
    #[inline(always)]
    pub(super) fn columns<T: Transform<FROM, TO>, A: Arithmetic, const NR_VECTORS: usize>(
        &mut self,
        pixels: &[[&[f32]; FROM]; FROM],
        at: usize,
        (count, step): (usize, usize),
    ) {
        let distance = UNITS / NR_VECTORS * step;
        let mut last = [[[0.0; LANES]; NR_VECTORS]; FROM];
        for col in 0..FROM {
            for (value, lines) in self.0.as_chunks_mut::<NR_VECTORS>().0.iter_mut().enumerate().take(count) {
                let at = at + value * step;
                let mut runs = [const { &[[0.0; LANES]; NR_VECTORS] }; FROM];
                // One bounds check for all vectors: a check of each takes longer than its transformation.
                for ((run, row), last) in runs.iter_mut().zip(pixels).zip(&mut last) {
                    *run = vectors(row[col], at, last);
                    if distance > 0 {
                        A::prefetch(row[col].get(at + distance..at + distance + LANES * NR_VECTORS).unwrap_or(&[]));
                    }
                }
                for (vector, lines) in lines.iter_mut().enumerate() {
                    let mut column = [const { &[0.0; LANES] }; FROM];
                    for (value, run) in column.iter_mut().zip(runs) {
                        *value = &run[vector];
                    }
                    for (line, value) in lines.iter_mut().zip(T::apply::<A, LANES>(column)) {
                        line[col] = value;
                    }
                }
            }
        }
    }

    /// Transforms along the rows, into `count` contiguous vectors of the points from `at` on.
    #[inline(always)]
    pub(super) fn rows<T: Transform<FROM, TO>, A: Arithmetic>(
        &self,
        points: &mut [[&mut [f32]; TO]; TO],
        at: usize,
        count: usize,
    ) {
        for (row, points) in points.iter_mut().enumerate() {
            let mut runs: [Option<&mut [[f32; LANES]; UNITS]>; TO] = [const { None }; TO];
            let mut whole = count == UNITS;
            for (run, point) in runs.iter_mut().zip(&mut *points) {
                *run = point.get_mut(at..).unwrap_or(&mut []).as_chunks_mut().0.first_chunk_mut();
                whole &= run.is_some();
            }
            if whole {
                for (unit, lines) in self.0.iter().enumerate() {
                    for (value, run) in T::apply::<A, LANES>(lines[row].each_ref()).into_iter().zip(&mut runs) {
                        if let Some(run) = run {
                            run[unit] = value;
                        }
                    }
                }
            } else {
                for (unit, lines) in self.0.iter().enumerate().take(count) {
                    for (value, point) in T::apply::<A, LANES>(lines[row].each_ref()).into_iter().zip(&mut *points) {
                        put(point, at + unit * LANES, value);
                    }
                }
            }
        }
    }
}

/// The values from `at` on; zeros for an empty pixel, and beyond the end, where `last` is the buffer.
#[inline(always)]
fn vectors<'a, const LANES: usize, const NR_VECTORS: usize>(
    values: &'a [f32],
    at: usize,
    last: &'a mut [[f32; LANES]; NR_VECTORS],
) -> &'a [[f32; LANES]; NR_VECTORS] {
    let rest = values.get(at..).unwrap_or(&[]);
    match first_vectors(rest) {
        Some(vectors) => vectors,
        None if values.is_empty() => const { &[[0.0; LANES]; NR_VECTORS] },
        None => {
            copy(last.as_flattened_mut(), rest);
            last
        }
    }
}

/// Copies as many values as there are. A function of its own, because a loop over lanes would keep vectors in memory on the path
/// of all others.
#[cold]
#[inline(never)]
fn copy(last: &mut [f32], values: &[f32]) {
    last.fill(0.0);
    last.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
}

/// Writes as many values from `at` on as there is room for.
#[inline(always)]
fn put<const LANES: usize>(values: &mut [f32], at: usize, vector: [f32; LANES]) {
    match values.get_mut(at..).and_then(<[f32]>::first_chunk_mut) {
        Some(values) => *values = vector,
        None => put_last(values, at, vector),
    }
}

/// [`put`] at the end of the values, a function of its own as [`copy`].
#[cold]
#[inline(never)]
fn put_last<const LANES: usize>(values: &mut [f32], at: usize, vector: [f32; LANES]) {
    values.get_mut(at..).unwrap_or(&mut []).iter_mut().zip(vector).for_each(|(to, from)| *to = from);
}

/// The pixels or points of a tile, which lie `step` values apart.
#[inline(always)]
pub(super) fn grid<const SIZE: usize>(values: &[f32], step: usize) -> [[&[f32]; SIZE]; SIZE] {
    let mut pixels = values.chunks_exact(step.max(1));
    from_fn(|_| from_fn(|_| pixels.next().unwrap_or_default()))
}

/// The same to be written to.
#[inline(always)]
pub(super) fn grid_mut<const SIZE: usize>(values: &mut [f32], step: usize) -> [[&mut [f32]; SIZE]; SIZE] {
    let mut points = values.chunks_exact_mut(step.max(1));
    from_fn(|_| from_fn(|_| points.next().unwrap_or_default()))
}

/// Transforms the first `count` values of each pixel into as many of each point from `to` on.
#[inline(always)]
pub(super) fn transform<
    T: Transform<FROM, TO>,
    A: Arithmetic,
    const LANES: usize,
    const FROM: usize,
    const TO: usize,
>(
    pixels: &[[&[f32]; FROM]; FROM],
    count: usize,
    points: &mut [[&mut [f32]; TO]; TO],
    to: usize,
    lines: &mut Lines<LANES, FROM, TO>,
) {
    for from in (0..count).step_by(UNITS * LANES) {
        let units = UNITS.min((count - from).div_ceil(LANES));
        lines.columns::<T, A, UNITS>(pixels, from, (1, 0));
        lines.rows::<T, A>(points, to + from, units);
    }
}
