//! The products of a device: few instructions and little code, where the tiles want vectors.
//!
//! Two inner loops do everything: [`dots`] for four rows against a column, [`lanes`] for eight neighbours of a row. Both
//! keep the order of the tiles in `product.rs` and `gradient.rs`, so for finite numbers the bits are those of any tile.

use super::gradient::{BiasGradient, WeightGradient};
use super::product::{Backward, Forward, Product};
use crate::arithmetic::Arithmetic;
use crate::kinds::{self, has};
use crate::optimizer::Update;

/// Rows of [`dots`].
const ROWS: usize = 4;
/// Neighbours of [`lanes`].
const LANES: usize = 8;
/// Weights whose gradients meet the optimizer together.
const BLOCK: usize = 16;

/// Whether a product costs so much that it is worth looking for zeros: without a floating-point unit.
const SOFT: bool = cfg!(any(
    all(target_arch = "arm", not(target_abi = "eabihf")),
    all(any(target_arch = "riscv32", target_arch = "riscv64"), not(target_feature = "f"))
));

/// Whether terms with this factor may be left out: what they would add to a sum is 0.
#[inline(always)]
fn idle(factor: f32) -> bool {
    // The sign is shifted out; comparing numbers would be a call.
    SOFT && factor.to_bits() << 1 == 0
}

/// The shape, with what the image knows of it: without convolutions there is one position and one tap.
#[inline(always)]
pub(super) fn known<const KINDS: u32>(product: Product) -> Product {
    if has::<KINDS>(kinds::CONVOLUTION | kinds::UNTIED) {
        product
    } else {
        Product { rows: 1, cols: 1, kernel: 1, untied: false, ..product }
    }
}

/// The samples, with what the image knows of them.
#[inline(always)]
pub(super) fn batch<const KINDS: u32>(samples: usize) -> usize {
    if has::<KINDS>(kinds::BATCH) { samples } else { 1 }
}

/// Calls `visit` for each position with its `numbers` numbers.
#[inline(always)]
pub(super) fn each_position<const KINDS: u32>(
    all: &mut [f32],
    numbers: usize,
    mut visit: impl FnMut(usize, &mut [f32]),
) {
    if !has::<KINDS>(kinds::CONVOLUTION | kinds::UNTIED) {
        return visit(0, all);
    }
    for (position, block) in all.chunks_exact_mut(numbers.max(1)).enumerate() {
        visit(position, block);
    }
}

/// Calls `visit` for each tap in order with the position that it leads to and the number of its first weight row.
#[inline(always)]
pub(super) fn each_tap<const KINDS: u32, const BACKWARD: bool>(
    product: &Product,
    position: usize,
    mut visit: impl FnMut(usize, usize),
) {
    if !has::<KINDS>(kinds::CONVOLUTION | kinds::UNTIED) {
        return visit(0, 0);
    }
    let cols = product.cols.max(1);
    let (row, col) = (position / cols, position % cols);
    for tap_row in product.reach::<BACKWARD>(row, product.rows) {
        for tap_col in product.reach::<BACKWARD>(col, product.cols) {
            let other = product.other::<BACKWARD>(row, tap_row) * cols + product.other::<BACKWARD>(col, tap_col);
            visit(other, product.weight_row(if BACKWARD { other } else { position }, tap_row, tap_col));
        }
    }
}

/// y = x W + b and ReLU.
pub(super) fn forward<A: Arithmetic, const KINDS: u32>(job: &Forward<'_>, output: &mut [f32]) {
    let (product, n) = (known::<KINDS>(job.product), batch::<KINDS>(job.samples));
    let (depth, outputs) = (product.inputs, product.outputs);
    let finish = |y: f32| if job.relu && y <= 0.0 { 0.0 } else { y };
    each_position::<KINDS>(output, outputs * n, |position, block| {
        let bias = job.bias.get(if product.untied { position * outputs } else { 0 }..).unwrap_or(&[]);
        if n == 1 {
            block.iter_mut().zip(bias).for_each(|(y, bias)| *y = *bias);
            each_tap::<KINDS, false>(&product, position, |other, first| {
                let column = part(job.input, other * depth, depth);
                let (quads, tail) = block.as_chunks_mut();
                let mut row = first;
                for sums in quads {
                    dots::<A>(sums, rest(job.weight, row * depth), column);
                    row += ROWS;
                }
                for sum in tail {
                    lane::<A>(sum, rest(job.weight, row * depth), 1, column, 1);
                    row += 1;
                }
            });
            for y in block {
                *y = finish(*y);
            }
        } else {
            for (row, (block, bias)) in block.chunks_exact_mut(n.max(1)).zip(bias).enumerate() {
                tiles(block, *bias, |lane, sums| {
                    each_tap::<KINDS, false>(&product, position, |other, first| {
                        let columns = rest(job.input, other * depth * n + lane);
                        sums.add::<A>(columns, n, part(job.weight, (first + row) * depth, depth), 1);
                    });
                });
                for y in block {
                    *y = finish(*y);
                }
            }
        }
    });
}

/// dL/dx = G Bᵀ, masked.
pub(super) fn backward<A: Arithmetic, const KINDS: u32>(job: &Backward<'_>, output: &mut [f32]) {
    let (product, n) = (known::<KINDS>(job.product), batch::<KINDS>(job.samples));
    let (inputs, outputs) = (product.inputs, product.outputs);
    each_position::<KINDS>(output, inputs * n, |position, block| {
        if n == 1 {
            tiles(block, 0.0, |lane, sums| {
                each_tap::<KINDS, true>(&product, position, |other, first| {
                    let columns = rest(job.weight, first * inputs + lane);
                    sums.add::<A>(columns, inputs, part(job.gradient, other * outputs, outputs), 1);
                });
            });
        } else {
            for (row, block) in block.chunks_exact_mut(n.max(1)).enumerate() {
                tiles(block, 0.0, |lane, sums| {
                    each_tap::<KINDS, true>(&product, position, |other, first| {
                        let columns = rest(job.gradient, other * outputs * n + lane);
                        sums.add::<A>(
                            columns,
                            n,
                            rest(part(job.weight, first * inputs, outputs * inputs), row),
                            inputs,
                        );
                    });
                });
            }
        }
    });
    mask::<A>(job.mask, output);
}

/// Zero where the ReLU before was off, and where the class flushes.
pub(super) fn mask<A: Arithmetic>(heights: Option<&[f32]>, output: &mut [f32]) {
    for d in output.iter_mut() {
        *d = A::flush(*d);
    }
    for (d, h) in output.iter_mut().zip(heights.unwrap_or(&[])) {
        if *h <= 0.0 {
            *d = 0.0;
        }
    }
}

/// hᵀG into the optimizer.
pub(super) fn weight_gradient<A: Arithmetic, const KINDS: u32>(
    job: &WeightGradient<'_>,
    mut update: Update<'_>,
    sums: &mut [f32],
) {
    let (product, n) = (known::<KINDS>(job.product), batch::<KINDS>(job.samples));
    let (inputs, outputs) = (product.inputs, product.outputs);
    sums.fill(0.0);
    for position in 0..product.positions() {
        each_tap::<KINDS, false>(&product, position, |other, first| {
            let columns = part(job.input, other * inputs * n, inputs * n);
            let rows = part(job.gradient, position * outputs * n, outputs * n);
            for (out, row) in rows.chunks_exact(n.max(1)).enumerate() {
                let at = (first + out) * inputs;
                match row {
                    [g] if !product.is_shared() => update_row::<A, KINDS>(&mut update, at, columns, *g),
                    _ => {
                        let blocks = columns.chunks((BLOCK * n).max(1));
                        for (at, columns) in (at..).step_by(BLOCK).zip(blocks) {
                            block::<A, KINDS>(&product, columns, row, at, &mut update, sums);
                        }
                    }
                }
            }
        });
    }
    if product.is_shared() {
        update.apply::<A, KINDS, 1>(0, sums);
    }
}

/// The gradients of a row of weights under one sample, h · g, never stored.
#[inline(always)]
fn update_row<A: Arithmetic, const KINDS: u32>(update: &mut Update<'_>, at: usize, input: &[f32], g: f32) {
    match update.plain::<KINDS>() {
        // Behind a ReLU that was off: the update would add 0.
        Some(_) if g == 0.0 => {}
        Some(rate) => descend(update.weight.get_mut(at..).unwrap_or(&mut []), input, g, rate),
        None => feed_row::<A, KINDS>(update, at, input, g),
    }
}

#[inline(never)]
fn feed_row<A: Arithmetic, const KINDS: u32>(update: &mut Update<'_>, at: usize, input: &[f32], g: f32) {
    update.feed::<A, KINDS, 1>(at, input.iter().map(|h| [A::mul_add(*h, g, 0.0)]));
}

/// Plain gradient descent with the gradients h · g, spelled out because it is half of an online step. The sum h · g + 0
/// of other kernels differs in the sign of a 0 alone, which no weight but −0 would show.
#[inline(never)]
fn descend(weight: &mut [f32], input: &[f32], g: f32, rate: f32) {
    let step = |w: &mut f32, h: f32| {
        if !idle(h) {
            *w += -(rate * (h * g));
        }
    };
    let (blocks, tail) = input.as_chunks();
    let (weight_blocks, weight_tail) = weight.get_mut(..input.len()).unwrap_or(&mut []).as_chunks_mut();
    for ([w0, w1, w2, w3], [h0, h1, h2, h3]) in weight_blocks.iter_mut().zip(blocks) {
        step(w0, *h0);
        step(w1, *h1);
        step(w2, *h2);
        step(w3, *h3);
    }
    weight_tail.iter_mut().zip(tail).for_each(|(w, h)| step(w, *h));
}

/// The gradients of up to [`BLOCK`] neighbouring weights, summed over the batch.
#[inline(always)]
fn block<A: Arithmetic, const KINDS: u32>(
    product: &Product,
    columns: &[f32],
    row: &[f32],
    at: usize,
    update: &mut Update<'_>,
    sums: &mut [f32],
) {
    let mut gradients = [[0.0; ROWS]; BLOCK / ROWS];
    for (gradients, columns) in gradients.iter_mut().zip(columns.chunks((ROWS * row.len()).max(1))) {
        dots::<A>(gradients, columns, row);
    }
    let count = columns.len() / row.len().max(1);
    let gradients = gradients.as_flattened().get(..count).unwrap_or(&[]);
    if product.is_shared() {
        let sums = sums.get_mut(at..at + count).unwrap_or(&mut []);
        sums.iter_mut().zip(gradients).for_each(|(sum, gradient)| *sum += *gradient);
    } else {
        update.apply::<A, KINDS, 1>(at, gradients);
    }
}

/// The bias gradient into the optimizer.
pub(super) fn bias_gradient<A: Arithmetic, const KINDS: u32>(job: &BiasGradient<'_>, mut update: Update<'_>) {
    let (product, n) = (known::<KINDS>(job.product), batch::<KINDS>(job.samples));
    let positions = if product.untied { 1 } else { product.positions() };
    if n == 1 && positions == 1 {
        return update_row::<A, KINDS>(&mut update, 0, job.gradient, 1.0);
    }
    let stride = product.outputs * n;
    let biases = if product.untied { product.positions() * product.outputs } else { product.outputs };
    update.feed::<A, KINDS, 1>(
        0,
        (0..biases).map(|bias| {
            let mut sum = 0.0;
            for positions in rest(job.gradient, bias * n).chunks(stride.max(1)).take(positions) {
                sum += part(positions, 0, n).iter().fold(0.0, |sum, g| sum + g);
            }
            [sum]
        }),
    );
}

/// `sums[r] += Σ_k rows[r][k] · column[k]`, k in order, for four rows as long as the column that lie one after the other.
#[inline(never)]
fn dots<A: Arithmetic>(sums: &mut [f32; ROWS], rows: &[f32], column: &[f32]) {
    let width = column.len();
    // A row that is not there is never stored.
    let row = |number: usize| {
        let row = rows.get(number * width..(number + 1) * width).unwrap_or(column);
        if SOFT { (&[][..], row) } else { row.as_chunks::<4>() }
    };
    let ((a, a_tail), (b, b_tail), (c, c_tail), (d, d_tail)) = (row(0), row(1), row(2), row(3));
    let (blocks, tail) = if SOFT { (&[][..], column) } else { column.as_chunks() };
    let [mut s0, mut s1, mut s2, mut s3] = *sums;
    for ((((a, b), c), d), x) in a.iter().zip(b).zip(c).zip(d).zip(blocks) {
        s0 = along::<A>(s0, a, x);
        s1 = along::<A>(s1, b, x);
        s2 = along::<A>(s2, c, x);
        s3 = along::<A>(s3, d, x);
    }
    for ((((a, b), c), d), x) in a_tail.iter().zip(b_tail).zip(c_tail).zip(d_tail).zip(tail) {
        if idle(*x) {
            continue;
        }
        s0 = A::mul_add(*x, *a, s0);
        s1 = A::mul_add(*x, *b, s1);
        s2 = A::mul_add(*x, *c, s2);
        s3 = A::mul_add(*x, *d, s3);
    }
    *sums = [s0, s1, s2, s3];
}

/// Four terms of a sum, in order; spelled out because the compiler keeps loops when it saves code. More would not fit
/// the registers that a function may use without saving them on the stack.
#[inline(always)]
fn along<A: Arithmetic>(sum: f32, [a0, a1, a2, a3]: &[f32; 4], [x0, x1, x2, x3]: &[f32; 4]) -> f32 {
    A::mul_add(*x3, *a3, A::mul_add(*x2, *a2, A::mul_add(*x1, *a1, A::mul_add(*x0, *a0, sum))))
}

/// Running sums of some neighbours.
enum Sums<'a> {
    Many(&'a mut [f32; LANES]),
    One(&'a mut f32),
}

impl Sums<'_> {
    /// `sums[l] += Σ_k columns[k · stride + l] · scalars[k · step]`, k in order.
    #[inline(always)]
    fn add<A: Arithmetic>(&mut self, columns: &[f32], stride: usize, scalars: &[f32], step: usize) {
        match self {
            Self::Many(sums) => lanes::<A>(sums, columns, stride, scalars, step),
            Self::One(sum) => lane::<A>(sum, columns, stride, scalars, step),
        }
    }
}

/// Fills `output` with sums that begin at `start`, [`LANES`] at a time, what remains one by one.
#[inline(always)]
fn tiles(output: &mut [f32], start: f32, mut sum: impl FnMut(usize, &mut Sums<'_>)) {
    output.fill(start);
    let (blocks, tail) = output.as_chunks_mut::<LANES>();
    let whole = blocks.len() * LANES;
    for (lane, block) in (0..).step_by(LANES).zip(blocks) {
        sum(lane, &mut Sums::Many(block));
    }
    for (lane, number) in (whole..).zip(tail) {
        sum(lane, &mut Sums::One(number));
    }
}

/// [`Sums::add`] of many, spelled out because the compiler keeps an array in memory when it saves code.
#[inline(never)]
fn lanes<A: Arithmetic>(sums: &mut [f32; LANES], columns: &[f32], stride: usize, scalars: &[f32], step: usize) {
    let [mut s0, mut s1, mut s2, mut s3, mut s4, mut s5, mut s6, mut s7] = *sums;
    for (column, scalars) in columns.chunks(stride.max(1)).zip(scalars.chunks(step.max(1))) {
        let (Some(&[x0, x1, x2, x3, x4, x5, x6, x7]), [scalar, ..]) = (column.first_chunk(), scalars) else { break };
        if idle(*scalar) {
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
fn lane<A: Arithmetic>(sum: &mut f32, columns: &[f32], stride: usize, scalars: &[f32], step: usize) {
    for (x, scalar) in columns.iter().step_by(stride.max(1)).zip(scalars.iter().step_by(step.max(1))) {
        if idle(*scalar) {
            continue;
        }
        *sum = A::mul_add(*x, *scalar, *sum);
    }
}

fn part(numbers: &[f32], from: usize, length: usize) -> &[f32] {
    numbers.get(from..from + length).unwrap_or(&[])
}

pub(super) fn rest(numbers: &[f32], from: usize) -> &[f32] {
    numbers.get(from..).unwrap_or(&[])
}
