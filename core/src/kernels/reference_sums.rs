//! The inner loops of the passes on a device, see `reference.rs`: sums of products, each in the order of its terms.

use crate::arithmetic::Arithmetic;

/// Rows of [`dot_rows`].
pub(super) const DOT_ROWS: usize = 4;
/// Values of [`add_neighbours`].
const NEIGHBOURS: usize = 8;

/// Whether the target has no floating-point unit, so that testing a factor for zero is cheaper than a product.
const SOFT_FLOAT: bool = cfg!(any(
    all(target_arch = "arm", not(target_abi = "eabihf")),
    all(any(target_arch = "riscv32", target_arch = "riscv64"), not(target_feature = "f"))
));

/// Whether terms with this factor may be left out, because they add 0.
#[inline(always)]
pub(super) fn skips(factor: f32) -> bool {
    // The bits of +0 alone: the compiler turns every test for both zeros into a comparison of floats, which is a call.
    SOFT_FLOAT && factor.to_bits() == 0
}

/// `sum + Σ_k row[k] · column[k]`, k in order.
#[inline(never)]
pub(super) fn dot<A: Arithmetic>(sum: f32, row: &[f32], column: &[f32]) -> f32 {
    let terms = row.iter().zip(column).filter(|(_, x)| !skips(**x));
    terms.fold(sum, |sum, (w, x)| A::mul_add(*x, *w, sum))
}

/// `sums[r] += Σ_k rows[r][k] · column[k]`, k in order, for up to four rows as long as the column that lie one after the other.
#[inline(never)]
pub(super) fn dot_rows<A: Arithmetic>(sums: &mut [f32; DOT_ROWS], rows: &[f32], column: &[f32]) {
    let width = column.len();
    // The column stands in for rows that are missing; their sums are never stored.
    let row = |value: usize| rows.get(value * width..(value + 1) * width).unwrap_or(column);
    let mut next = *sums;
    for ((((a, b), c), d), x) in row(0).iter().zip(row(1)).zip(row(2)).zip(row(3)).zip(column) {
        if !skips(*x) {
            add_terms::<A>(&mut next, [*a, *b, *c, *d], *x);
        }
    }
    *sums = next;
}

/// Adds a term to each of the sums of [`dot_rows`].
#[inline(always)]
pub(super) fn add_terms<A: Arithmetic>(sums: &mut [f32; DOT_ROWS], [a, b, c, d]: [f32; DOT_ROWS], x: f32) {
    let [s0, s1, s2, s3] = *sums;
    *sums = [A::mul_add(x, a, s0), A::mul_add(x, b, s1), A::mul_add(x, c, s2), A::mul_add(x, d, s3)];
}

/// The sums of a tile: of eight neighbours, or of one value beside them.
pub(super) enum Sums<'a> {
    Many(&'a mut [f32; NEIGHBOURS]),
    One(&'a mut f32),
}

impl Sums<'_> {
    /// `sums[l] += Σ_k columns[k · stride + l] · scalars[k · step]`, k in order.
    #[inline(always)]
    pub(super) fn add<A: Arithmetic>(&mut self, columns: &[f32], stride: usize, scalars: &[f32], step: usize) {
        match self {
            Self::Many(sums) => add_neighbours::<A>(sums, columns, stride, scalars, step),
            Self::One(sum) => add_one::<A>(sum, columns, stride, scalars, step),
        }
    }
}

/// Fills `output` with sums that begin at `start`, [`NEIGHBOURS`] at a time, the remainder one by one.
#[inline(always)]
pub(super) fn each_tile(output: &mut [f32], start: f32, mut sum: impl FnMut(usize, &mut Sums<'_>)) {
    output.fill(start);
    let (blocks, tail) = output.as_chunks_mut::<NEIGHBOURS>();
    let whole = blocks.len() * NEIGHBOURS;
    for (lane, block) in (0..).step_by(NEIGHBOURS).zip(blocks) {
        sum(lane, &mut Sums::Many(block));
    }
    for (lane, value) in (whole..).zip(tail) {
        sum(lane, &mut Sums::One(value));
    }
}

/// [`Sums::add`] of many, unrolled because the compiler keeps an array in memory when it optimises for size.
#[inline(never)]
fn add_neighbours<A: Arithmetic>(
    sums: &mut [f32; NEIGHBOURS],
    columns: &[f32],
    stride: usize,
    scalars: &[f32],
    step: usize,
) {
    let [mut s0, mut s1, mut s2, mut s3, mut s4, mut s5, mut s6, mut s7] = *sums;
    for (column, scalars) in columns.chunks(stride.max(1)).zip(scalars.chunks(step.max(1))) {
        let (Some(&[x0, x1, x2, x3, x4, x5, x6, x7]), [scalar, ..]) = (column.first_chunk(), scalars) else { break };
        if skips(*scalar) {
            continue;
        }
        s0 = A::mul_add(x0, *scalar, s0);
        s1 = A::mul_add(x1, *scalar, s1);
        s2 = A::mul_add(x2, *scalar, s2);
        s3 = A::mul_add(x3, *scalar, s3);
        s4 = A::mul_add(x4, *scalar, s4);
        s5 = A::mul_add(x5, *scalar, s5);
        s6 = A::mul_add(x6, *scalar, s6);
        s7 = A::mul_add(x7, *scalar, s7);
    }
    *sums = [s0, s1, s2, s3, s4, s5, s6, s7];
}

/// [`Sums::add`] of one.
#[inline(never)]
fn add_one<A: Arithmetic>(sum: &mut f32, columns: &[f32], stride: usize, scalars: &[f32], step: usize) {
    for (x, scalar) in columns.iter().step_by(stride.max(1)).zip(scalars.iter().step_by(step.max(1))) {
        if skips(*scalar) {
            continue;
        }
        *sum = A::mul_add(*x, *scalar, *sum);
    }
}
