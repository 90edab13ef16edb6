//! Rows laid side by side: what lies number after number of a row is turned to lie lane by lane.
//!
//! Turning moves numbers and never changes one.

use crate::arithmetic::{Arithmetic, BLOCK};

/// Writes neighbouring rows side by side, `turned[k][lane] = rows[lane · stride + k]`, for as many lanes as there are. A lane
/// beyond the last row may hold any number of them.
#[inline(always)]
pub(super) fn turn<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
    rows: &[f32],
    stride: usize,
    turned: &mut [[[f32; WIDTH]; VECTORS]],
) {
    let lanes = (0..WIDTH * VECTORS).step_by(BLOCK);
    let mut rest = rows;
    for lane in lanes {
        let (rows, after) = rest.split_at_checked(BLOCK * stride).unwrap_or((rest, &[]));
        turn_block::<A, WIDTH, VECTORS>(rows, after, stride, turned, lane);
        rest = after;
    }
}

/// [`turn`] for up to [`BLOCK`] rows, which go to the lanes from `lane` on. Meanwhile the memory is asked for the rows `after` them,
/// if rows lie without gaps.
#[inline(always)]
fn turn_block<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
    rows: &[f32],
    after: &[f32],
    stride: usize,
    turned: &mut [[[f32; WIDTH]; VECTORS]],
    lane: usize,
) {
    let count = turned.len();
    let mut after = if stride == count { after } else { &[] }.chunks(BLOCK * BLOCK);
    // In place of a row that is not there the first one comes again.
    let mut sides: [&[[f32; BLOCK]]; BLOCK] = [rows.get(..count).unwrap_or(&[]).as_chunks().0; BLOCK];
    for (side, row) in sides.iter_mut().zip(rows.chunks(stride.max(1))) {
        *side = row.get(..count).unwrap_or(&[]).as_chunks().0;
    }
    let [a, b, c, d, e, f, g, h] = sides;
    // Iterators beside each other: with a look at each row's length, a block takes twice as long.
    let sides = a.iter().zip(b).zip(c).zip(d).zip(e).zip(f).zip(g).zip(h);
    for (block, (((((((a, b), c), d), e), f), g), h)) in turned.as_chunks_mut::<BLOCK>().0.iter_mut().zip(sides) {
        A::prefetch(after.next().unwrap_or(&[]));
        for (row, numbers) in block.iter_mut().zip(A::transpose([a, b, c, d, e, f, g, h])) {
            let row = row.as_flattened_mut().get_mut(lane..).unwrap_or(&mut []);
            match row.first_chunk_mut() {
                Some(row) => *row = numbers,
                None => row.iter_mut().zip(numbers).for_each(|(to, from)| *to = from),
            }
        }
    }
    for (k, turned) in turned.iter_mut().enumerate().skip(count / BLOCK * BLOCK) {
        let lanes = turned.as_flattened_mut().iter_mut().skip(lane);
        for (number, row) in lanes.zip(rows.chunks(stride.max(1))) {
            *number = row.get(k).copied().unwrap_or(0.0);
        }
    }
}
