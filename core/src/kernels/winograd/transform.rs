//! The transformations of a tile's two axes, vectors of lanes at a time.

use core::array::from_fn;

use super::super::tile::vectors_of;
use super::{KERNEL, POINTS, SIDE};
use crate::arithmetic::Arithmetic;

/// A transformation of one axis.
pub(super) trait Transform<const FROM: usize, const TO: usize> {
    /// Of numbers along the axis, each of them a vector.
    fn apply<A: Arithmetic, const WIDTH: usize>(x: [&[f32; WIDTH]; FROM]) -> [[f32; WIDTH]; TO];
}

/// Vectors that are transformed side by side: pixels and points lie pages apart, and so few at a time find their places in a
/// CPU's table of pages.
pub(super) const UNITS: usize = 8;

/// Transformations of both axes, T x Tᵀ: some vectors after the first.
#[repr(align(64))]
pub(super) struct Lines<const WIDTH: usize, const FROM: usize, const TO: usize>(
    pub(super) [[[[f32; WIDTH]; FROM]; TO]; UNITS],
);

impl<const WIDTH: usize, const FROM: usize, const TO: usize> Lines<WIDTH, FROM, TO> {
    pub(super) fn new() -> Self {
        Self([[[[0.0; WIDTH]; FROM]; TO]; UNITS])
    }

    /// Transforms along the columns what the pixels have from number `at` on: `count` times `VECTORS` vectors, `step` numbers
    /// apart, as many as fit; of an empty pixel all is zero. Asks the memory for what comes after them, if they are apart.
    #[inline(always)]
    pub(super) fn columns<T: Transform<FROM, TO>, A: Arithmetic, const VECTORS: usize>(
        &mut self,
        pixels: &[[&[f32]; FROM]; FROM],
        at: usize,
        (count, step): (usize, usize),
    ) {
        let ahead = UNITS / VECTORS * step;
        let mut last = [[[0.0; WIDTH]; VECTORS]; FROM];
        for col in 0..FROM {
            for (number, lines) in self.0.as_chunks_mut::<VECTORS>().0.iter_mut().enumerate().take(count) {
                let at = at + number * step;
                let mut runs = [const { &[[0.0; WIDTH]; VECTORS] }; FROM];
                // Looked at once for all vectors: a look at each takes longer than its transformation.
                for ((run, row), last) in runs.iter_mut().zip(pixels).zip(&mut last) {
                    *run = vectors(row[col], at, last);
                    if ahead > 0 {
                        A::prefetch(row[col].get(at + ahead..at + ahead + WIDTH * VECTORS).unwrap_or(&[]));
                    }
                }
                for (vector, lines) in lines.iter_mut().enumerate() {
                    let mut column = [const { &[0.0; WIDTH] }; FROM];
                    for (number, run) in column.iter_mut().zip(runs) {
                        *number = &run[vector];
                    }
                    for (line, number) in lines.iter_mut().zip(T::apply::<A, WIDTH>(column)) {
                        line[col] = number;
                    }
                }
            }
        }
    }

    /// Transforms along the rows, into `count` vectors side by side of the points, from number `at` on.
    #[inline(always)]
    pub(super) fn rows<T: Transform<FROM, TO>, A: Arithmetic>(
        &self,
        points: &mut [[&mut [f32]; TO]; TO],
        at: usize,
        count: usize,
    ) {
        for (row, points) in points.iter_mut().enumerate() {
            let mut runs: [Option<&mut [[f32; WIDTH]; UNITS]>; TO] = [const { None }; TO];
            let mut whole = count == UNITS;
            for (run, point) in runs.iter_mut().zip(&mut *points) {
                *run = point.get_mut(at..).unwrap_or(&mut []).as_chunks_mut().0.first_chunk_mut();
                whole &= run.is_some();
            }
            if whole {
                for (unit, lines) in self.0.iter().enumerate() {
                    for (number, run) in T::apply::<A, WIDTH>(lines[row].each_ref()).into_iter().zip(&mut runs) {
                        if let Some(run) = run {
                            run[unit] = number;
                        }
                    }
                }
            } else {
                for (unit, lines) in self.0.iter().enumerate().take(count) {
                    for (number, point) in T::apply::<A, WIDTH>(lines[row].each_ref()).into_iter().zip(&mut *points) {
                        put(point, at + unit * WIDTH, number);
                    }
                }
            }
        }
    }
}

/// The numbers from number `at` on; zeros of a pixel that is empty, and beyond the end, for which there is room in `last`.
#[inline(always)]
fn vectors<'a, const WIDTH: usize, const VECTORS: usize>(
    numbers: &'a [f32],
    at: usize,
    last: &'a mut [[f32; WIDTH]; VECTORS],
) -> &'a [[f32; WIDTH]; VECTORS] {
    let rest = numbers.get(at..).unwrap_or(&[]);
    match vectors_of(rest) {
        Some(vectors) => vectors,
        None if numbers.is_empty() => const { &[[0.0; WIDTH]; VECTORS] },
        None => {
            copy(last.as_flattened_mut(), rest);
            last
        }
    }
}

/// As many numbers as there are. By itself, because a loop over lanes would keep vectors in memory on the way of all others.
#[cold]
#[inline(never)]
fn copy(last: &mut [f32], numbers: &[f32]) {
    last.fill(0.0);
    last.iter_mut().zip(numbers).for_each(|(to, from)| *to = *from);
}

/// Writes as many numbers from number `at` on as there is room for.
#[inline(always)]
fn put<const WIDTH: usize>(numbers: &mut [f32], at: usize, vector: [f32; WIDTH]) {
    match numbers.get_mut(at..).and_then(<[f32]>::first_chunk_mut) {
        Some(numbers) => *numbers = vector,
        None => put_last(numbers, at, vector),
    }
}

/// [`put`] where the numbers end, by itself as [`copy`].
#[cold]
#[inline(never)]
fn put_last<const WIDTH: usize>(numbers: &mut [f32], at: usize, vector: [f32; WIDTH]) {
    numbers.get_mut(at..).unwrap_or(&mut []).iter_mut().zip(vector).for_each(|(to, from)| *to = from);
}

/// The pixels or points that lie `step` numbers apart.
#[inline(always)]
pub(super) fn grid<const SIZE: usize>(numbers: &[f32], step: usize) -> [[&[f32]; SIZE]; SIZE] {
    let mut pixels = numbers.chunks_exact(step.max(1));
    from_fn(|_| from_fn(|_| pixels.next().unwrap_or_default()))
}

/// The same to be written to.
#[inline(always)]
pub(super) fn grid_mut<const SIZE: usize>(numbers: &mut [f32], step: usize) -> [[&mut [f32]; SIZE]; SIZE] {
    let mut points = numbers.chunks_exact_mut(step.max(1));
    from_fn(|_| from_fn(|_| points.next().unwrap_or_default()))
}

/// Transforms the first `count` numbers of each pixel into as many of each point from number `to` on.
#[inline(always)]
pub(super) fn transform<
    T: Transform<FROM, TO>,
    A: Arithmetic,
    const WIDTH: usize,
    const FROM: usize,
    const TO: usize,
>(
    pixels: &[[&[f32]; FROM]; FROM],
    count: usize,
    points: &mut [[&mut [f32]; TO]; TO],
    to: usize,
    lines: &mut Lines<WIDTH, FROM, TO>,
) {
    for from in (0..count).step_by(UNITS * WIDTH) {
        let units = UNITS.min((count - from).div_ceil(WIDTH));
        lines.columns::<T, A, UNITS>(pixels, from, (1, 0));
        lines.rows::<T, A>(points, to + from, units);
    }
}

/// `a + b · scalar`; a multiply-add in every case, which no compiler takes apart.
#[inline(always)]
fn plus<A: Arithmetic, const WIDTH: usize>(a: [f32; WIDTH], b: [f32; WIDTH], scalar: f32) -> [f32; WIDTH] {
    A::add_scaled(&a, &b, scalar)
}

/// `a + b` and `a − b`.
#[inline(always)]
fn both<A: Arithmetic, const WIDTH: usize>(a: [f32; WIDTH], b: [f32; WIDTH]) -> ([f32; WIDTH], [f32; WIDTH]) {
    (plus::<A, WIDTH>(a, b, 1.0), plus::<A, WIDTH>(a, b, -1.0))
}

/// Bᵀ: row j has the coefficients of Π (x − aₖ) over all other points aₖ, for ∞ over all points.
pub(super) struct Pixels;

impl Transform<POINTS, POINTS> for Pixels {
    #[inline(always)]
    fn apply<A: Arithmetic, const WIDTH: usize>(x: [&[f32; WIDTH]; POINTS]) -> [[f32; WIDTH]; POINTS] {
        let [&x0, &x1, &x2, &x3, &x4, &x5, &x6, &x7] = x;
        let zero = plus::<A, WIDTH>(plus::<A, WIDTH>(x0, x6, -1.0), plus::<A, WIDTH>(x4, x2, -1.0), 5.25);
        let even = plus::<A, WIDTH>(plus::<A, WIDTH>(x2, x6, 1.0), x4, -4.25);
        let odd = plus::<A, WIDTH>(plus::<A, WIDTH>(x1, x5, 1.0), x3, -4.25);
        let (one, minus_one) = both::<A, WIDTH>(even, odd);
        let even = plus::<A, WIDTH>(plus::<A, WIDTH>(x6, x2, 0.25), x4, -1.25);
        let odd = plus::<A, WIDTH>(plus::<A, WIDTH>(scaled::<A, WIDTH>(x5, 2.0), x1, 0.5), x3, -2.5);
        let (two, minus_two) = both::<A, WIDTH>(even, odd);
        let even = plus::<A, WIDTH>(plus::<A, WIDTH>(x6, x2, 4.0), x4, -5.0);
        let odd = plus::<A, WIDTH>(plus::<A, WIDTH>(scaled::<A, WIDTH>(x1, 2.0), x5, 0.5), x3, -2.5);
        let (half, minus_half) = both::<A, WIDTH>(even, odd);
        let infinity = plus::<A, WIDTH>(plus::<A, WIDTH>(x7, x1, -1.0), plus::<A, WIDTH>(x3, x5, -1.0), 5.25);
        [zero, one, minus_one, two, minus_two, half, minus_half, infinity]
    }
}

/// `x · scalar`.
#[inline(always)]
fn scaled<A: Arithmetic, const WIDTH: usize>(x: [f32; WIDTH], scalar: f32) -> [f32; WIDTH] {
    plus::<A, WIDTH>([0.0; WIDTH], x, scalar)
}

/// What the points' values are divided by: Π (aⱼ − aₖ) over all other points aₖ, for ±1, ±2 and ±½; for 0 it is −1, and the sign
/// stands in [`Pixels`].
const ONE: f32 = -2.0 / 9.0;
const TWO: f32 = 1.0 / 90.0;
const HALF: f32 = 32.0 / 45.0;

/// G: the kernel as a polynomial at the points, divided.
pub(super) struct Weights;

impl Transform<KERNEL, POINTS> for Weights {
    #[inline(always)]
    fn apply<A: Arithmetic, const WIDTH: usize>(w: [&[f32; WIDTH]; KERNEL]) -> [[f32; WIDTH]; POINTS] {
        let (one, minus_one) = values::<A, WIDTH>(w, 1.0, ONE);
        let (two, minus_two) = values::<A, WIDTH>(w, 2.0, TWO);
        let (half, minus_half) = values::<A, WIDTH>(w, 0.5, HALF);
        [*w[0], one, minus_one, two, minus_two, half, minus_half, *w[4]]
    }
}

/// `scalar` times the value of a polynomial at `point` and at `−point`.
#[inline(always)]
fn values<A: Arithmetic, const WIDTH: usize>(
    [w0, w1, w2, w3, w4]: [&[f32; WIDTH]; KERNEL],
    point: f32,
    scalar: f32,
) -> ([f32; WIDTH], [f32; WIDTH]) {
    let square = point * point;
    let even = plus::<A, WIDTH>(scaled::<A, WIDTH>(*w0, scalar), *w2, scalar * square);
    let even = plus::<A, WIDTH>(even, *w4, scalar * square * square);
    let odd = plus::<A, WIDTH>(scaled::<A, WIDTH>(*w1, scalar * point), *w3, scalar * square * point);
    both::<A, WIDTH>(even, odd)
}

/// Aᵀ: what each power of x takes from the points.
pub(super) struct Sums;

impl Transform<POINTS, SIDE> for Sums {
    #[inline(always)]
    fn apply<A: Arithmetic, const WIDTH: usize>(m: [&[f32; WIDTH]; POINTS]) -> [[f32; WIDTH]; SIDE] {
        let [&zero, &one, &minus_one, &two, &minus_two, &half, &minus_half, &infinity] = m;
        let (even1, odd1) = both::<A, WIDTH>(one, minus_one);
        let (even2, odd2) = both::<A, WIDTH>(two, minus_two);
        let (even3, odd3) = both::<A, WIDTH>(half, minus_half);
        [
            plus::<A, WIDTH>(plus::<A, WIDTH>(plus::<A, WIDTH>(zero, even1, 1.0), even2, 1.0), even3, 1.0),
            plus::<A, WIDTH>(plus::<A, WIDTH>(odd1, odd2, 2.0), odd3, 0.5),
            plus::<A, WIDTH>(plus::<A, WIDTH>(even1, even2, 4.0), even3, 0.25),
            plus::<A, WIDTH>(plus::<A, WIDTH>(plus::<A, WIDTH>(odd1, odd2, 8.0), odd3, 0.125), infinity, 1.0),
        ]
    }
}

/// A, the transpose of [`Sums`].
pub(super) struct Gradients;

impl Transform<SIDE, POINTS> for Gradients {
    #[inline(always)]
    fn apply<A: Arithmetic, const WIDTH: usize>(g: [&[f32; WIDTH]; SIDE]) -> [[f32; WIDTH]; POINTS] {
        let [&g0, &g1, &g2, &g3] = g;
        let (one, minus_one) = both::<A, WIDTH>(plus::<A, WIDTH>(g0, g2, 1.0), plus::<A, WIDTH>(g1, g3, 1.0));
        let odd = plus::<A, WIDTH>(scaled::<A, WIDTH>(g1, 2.0), g3, 8.0);
        let (two, minus_two) = both::<A, WIDTH>(plus::<A, WIDTH>(g0, g2, 4.0), odd);
        let odd = plus::<A, WIDTH>(scaled::<A, WIDTH>(g1, 0.5), g3, 0.125);
        let (half, minus_half) = both::<A, WIDTH>(plus::<A, WIDTH>(g0, g2, 0.25), odd);
        [g0, one, minus_one, two, minus_two, half, minus_half, g3]
    }
}

/// Gᵀ, the transpose of [`Weights`].
pub(super) struct WeightSums;

impl Transform<POINTS, KERNEL> for WeightSums {
    #[inline(always)]
    fn apply<A: Arithmetic, const WIDTH: usize>(u: [&[f32; WIDTH]; POINTS]) -> [[f32; WIDTH]; KERNEL] {
        let [&zero, &one, &minus_one, &two, &minus_two, &half, &minus_half, &infinity] = u;
        let (even1, odd1) = both::<A, WIDTH>(one, minus_one);
        let (even2, odd2) = both::<A, WIDTH>(two, minus_two);
        let (even3, odd3) = both::<A, WIDTH>(half, minus_half);
        let (even, odd) = ([even1, even2, even3], [odd1, odd2, odd3]);
        [
            power::<A, WIDTH>(zero, &even, 1.0),
            power::<A, WIDTH>([0.0; WIDTH], &odd, 2.0),
            power::<A, WIDTH>([0.0; WIDTH], &even, 4.0),
            power::<A, WIDTH>([0.0; WIDTH], &odd, 8.0),
            power::<A, WIDTH>(infinity, &even, 16.0),
        ]
    }
}

/// `first` and what a power of x, `of_two` at 2, takes from the values at ±1, ±2 and ±½.
#[inline(always)]
fn power<A: Arithmetic, const WIDTH: usize>(
    first: [f32; WIDTH],
    [one, two, half]: &[[f32; WIDTH]; 3],
    of_two: f32,
) -> [f32; WIDTH] {
    let sum = plus::<A, WIDTH>(plus::<A, WIDTH>(first, *one, ONE), *two, TWO * of_two);
    plus::<A, WIDTH>(sum, *half, HALF / of_two)
}
