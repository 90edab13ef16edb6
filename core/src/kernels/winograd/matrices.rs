//! The transformation matrices of F(4×4, 5×5), applied to vectors: A, B and G, and their transposes.
//!
//! With the points aₖ = 0, ±1, ±2, ±½ and ∞, Bᵀ maps pixels to points, G maps the kernel to points, and Aᵀ maps products to
//! outputs. The weight gradient uses A and Gᵀ.

use super::transform::Transform;
use super::{KERNEL, POINTS, SIDE};
use crate::arithmetic::Arithmetic;

/// `a + b · scalar`, always one multiply-add, which no compiler splits.
#[inline(always)]
fn plus<A: Arithmetic, const LANES: usize>(a: [f32; LANES], b: [f32; LANES], scalar: f32) -> [f32; LANES] {
    A::add_scaled(&a, &b, scalar)
}

/// `a + b` and `a − b`.
#[inline(always)]
fn both<A: Arithmetic, const LANES: usize>(a: [f32; LANES], b: [f32; LANES]) -> ([f32; LANES], [f32; LANES]) {
    (plus::<A, LANES>(a, b, 1.0), plus::<A, LANES>(a, b, -1.0))
}

/// Bᵀ: row j has the coefficients of Π (x − aₖ) over all other points aₖ, for ∞ over all points.
pub(super) struct Pixels;

impl Transform<POINTS, POINTS> for Pixels {
    #[inline(always)]
    fn apply<A: Arithmetic, const LANES: usize>(x: [&[f32; LANES]; POINTS]) -> [[f32; LANES]; POINTS] {
        let [&x0, &x1, &x2, &x3, &x4, &x5, &x6, &x7] = x;
        let zero = plus::<A, LANES>(plus::<A, LANES>(x0, x6, -1.0), plus::<A, LANES>(x4, x2, -1.0), 5.25);
        let even = plus::<A, LANES>(plus::<A, LANES>(x2, x6, 1.0), x4, -4.25);
        let odd = plus::<A, LANES>(plus::<A, LANES>(x1, x5, 1.0), x3, -4.25);
        let (one, minus_one) = both::<A, LANES>(even, odd);
        let even = plus::<A, LANES>(plus::<A, LANES>(x6, x2, 0.25), x4, -1.25);
        let odd = plus::<A, LANES>(plus::<A, LANES>(scaled::<A, LANES>(x5, 2.0), x1, 0.5), x3, -2.5);
        let (two, minus_two) = both::<A, LANES>(even, odd);
        let even = plus::<A, LANES>(plus::<A, LANES>(x6, x2, 4.0), x4, -5.0);
        let odd = plus::<A, LANES>(plus::<A, LANES>(scaled::<A, LANES>(x1, 2.0), x5, 0.5), x3, -2.5);
        let (half, minus_half) = both::<A, LANES>(even, odd);
        let infinity = plus::<A, LANES>(plus::<A, LANES>(x7, x1, -1.0), plus::<A, LANES>(x3, x5, -1.0), 5.25);
        [zero, one, minus_one, two, minus_two, half, minus_half, infinity]
    }
}

/// `x · scalar`.
#[inline(always)]
fn scaled<A: Arithmetic, const LANES: usize>(x: [f32; LANES], scalar: f32) -> [f32; LANES] {
    plus::<A, LANES>([0.0; LANES], x, scalar)
}

/// The scale of a row of G: 1 / Π (aⱼ − aₖ) over all other finite points aₖ, for aⱼ = ±1, ±2 and ±½. For 0 the product is −1, and
/// [`Pixels`] has the sign.
const ONE: f32 = -2.0 / 9.0;
const TWO: f32 = 1.0 / 90.0;
const HALF: f32 = 32.0 / 45.0;

/// G: the kernel as a polynomial at the points, divided.
pub(super) struct Weights;

impl Transform<KERNEL, POINTS> for Weights {
    #[inline(always)]
    fn apply<A: Arithmetic, const LANES: usize>(w: [&[f32; LANES]; KERNEL]) -> [[f32; LANES]; POINTS] {
        let (one, minus_one) = values::<A, LANES>(w, 1.0, ONE);
        let (two, minus_two) = values::<A, LANES>(w, 2.0, TWO);
        let (half, minus_half) = values::<A, LANES>(w, 0.5, HALF);
        [*w[0], one, minus_one, two, minus_two, half, minus_half, *w[4]]
    }
}

/// `scalar` times the value of a polynomial at `point` and at `−point`.
#[inline(always)]
fn values<A: Arithmetic, const LANES: usize>(
    [w0, w1, w2, w3, w4]: [&[f32; LANES]; KERNEL],
    point: f32,
    scalar: f32,
) -> ([f32; LANES], [f32; LANES]) {
    let square = point * point;
    let even = plus::<A, LANES>(scaled::<A, LANES>(*w0, scalar), *w2, scalar * square);
    let even = plus::<A, LANES>(even, *w4, scalar * square * square);
    let odd = plus::<A, LANES>(scaled::<A, LANES>(*w1, scalar * point), *w3, scalar * square * point);
    both::<A, LANES>(even, odd)
}

/// Aᵀ: what each power of x takes from the points.
pub(super) struct Sums;

impl Transform<POINTS, SIDE> for Sums {
    #[inline(always)]
    fn apply<A: Arithmetic, const LANES: usize>(m: [&[f32; LANES]; POINTS]) -> [[f32; LANES]; SIDE] {
        let [&zero, &one, &minus_one, &two, &minus_two, &half, &minus_half, &infinity] = m;
        let (even1, odd1) = both::<A, LANES>(one, minus_one);
        let (even2, odd2) = both::<A, LANES>(two, minus_two);
        let (even3, odd3) = both::<A, LANES>(half, minus_half);
        [
            plus::<A, LANES>(plus::<A, LANES>(plus::<A, LANES>(zero, even1, 1.0), even2, 1.0), even3, 1.0),
            plus::<A, LANES>(plus::<A, LANES>(odd1, odd2, 2.0), odd3, 0.5),
            plus::<A, LANES>(plus::<A, LANES>(even1, even2, 4.0), even3, 0.25),
            plus::<A, LANES>(plus::<A, LANES>(plus::<A, LANES>(odd1, odd2, 8.0), odd3, 0.125), infinity, 1.0),
        ]
    }
}

/// A, the transpose of [`Sums`].
pub(super) struct Gradients;

impl Transform<SIDE, POINTS> for Gradients {
    #[inline(always)]
    fn apply<A: Arithmetic, const LANES: usize>(g: [&[f32; LANES]; SIDE]) -> [[f32; LANES]; POINTS] {
        let [&g0, &g1, &g2, &g3] = g;
        let (one, minus_one) = both::<A, LANES>(plus::<A, LANES>(g0, g2, 1.0), plus::<A, LANES>(g1, g3, 1.0));
        let odd = plus::<A, LANES>(scaled::<A, LANES>(g1, 2.0), g3, 8.0);
        let (two, minus_two) = both::<A, LANES>(plus::<A, LANES>(g0, g2, 4.0), odd);
        let odd = plus::<A, LANES>(scaled::<A, LANES>(g1, 0.5), g3, 0.125);
        let (half, minus_half) = both::<A, LANES>(plus::<A, LANES>(g0, g2, 0.25), odd);
        [g0, one, minus_one, two, minus_two, half, minus_half, g3]
    }
}

/// Gᵀ, the transpose of [`Weights`].
pub(super) struct WeightSums;

impl Transform<POINTS, KERNEL> for WeightSums {
    #[inline(always)]
    fn apply<A: Arithmetic, const LANES: usize>(u: [&[f32; LANES]; POINTS]) -> [[f32; LANES]; KERNEL] {
        let [&zero, &one, &minus_one, &two, &minus_two, &half, &minus_half, &infinity] = u;
        let (even1, odd1) = both::<A, LANES>(one, minus_one);
        let (even2, odd2) = both::<A, LANES>(two, minus_two);
        let (even3, odd3) = both::<A, LANES>(half, minus_half);
        let (even, odd) = ([even1, even2, even3], [odd1, odd2, odd3]);
        [
            power::<A, LANES>(zero, &even, 1.0),
            power::<A, LANES>([0.0; LANES], &odd, 2.0),
            power::<A, LANES>([0.0; LANES], &even, 4.0),
            power::<A, LANES>([0.0; LANES], &odd, 8.0),
            power::<A, LANES>(infinity, &even, 16.0),
        ]
    }
}

/// `first` and what a power of x, `of_two` at 2, takes from the values at ±1, ±2 and ±½.
#[inline(always)]
fn power<A: Arithmetic, const LANES: usize>(
    first: [f32; LANES],
    [one, two, half]: &[[f32; LANES]; 3],
    of_two: f32,
) -> [f32; LANES] {
    let sum = plus::<A, LANES>(plus::<A, LANES>(first, *one, ONE), *two, TWO * of_two);
    plus::<A, LANES>(sum, *half, HALF / of_two)
}
