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
    if turned.len() < BLOCK {
        return turn_short::<WIDTH, VECTORS>(rows, stride, turned);
    }
    let lanes = (0..WIDTH * VECTORS).step_by(BLOCK);
    let mut rest = rows;
    for lane in lanes {
        turn_block::<A, WIDTH, VECTORS>(rest, stride, turned, lane);
        rest = rest.get(BLOCK * stride..).unwrap_or(&[]);
    }
}

/// [`turn`] for up to [`BLOCK`] rows, which go to the lanes from `lane` on. Meanwhile the memory is asked for the rows after them,
/// if rows lie without gaps.
#[inline(always)]
fn turn_block<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
    rows: &[f32],
    stride: usize,
    turned: &mut [[[f32; WIDTH]; VECTORS]],
    lane: usize,
) {
    let count = turned.len();
    let after = if stride == count { rows.get(BLOCK * stride..).unwrap_or(&[]) } else { &[] };
    let mut after = after.chunks(BLOCK * BLOCK);
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
        place::<A, WIDTH, VECTORS>([a, b, c, d, e, f, g, h], block, lane);
    }
    if !count.is_multiple_of(BLOCK)
        && let Some(last) = turned.last_chunk_mut::<BLOCK>()
    {
        let mut ends = [&[0.0; BLOCK]; BLOCK];
        for (end, row) in ends.iter_mut().zip(rows.chunks(stride.max(1))) {
            *end = row.get(..count).and_then(<[f32]>::last_chunk).unwrap_or(end);
        }
        place::<A, WIDTH, VECTORS>(ends, last, lane);
    }
}

/// [`turn`] for rows that are shorter than a block.
#[inline(always)]
fn turn_short<const WIDTH: usize, const VECTORS: usize>(
    rows: &[f32],
    stride: usize,
    turned: &mut [[[f32; WIDTH]; VECTORS]],
) {
    for (lane, row) in (0..WIDTH * VECTORS).zip(rows.chunks(stride.max(1))) {
        for (turned, number) in turned.iter_mut().zip(row) {
            if let Some(place) = turned.as_flattened_mut().get_mut(lane) {
                *place = *number;
            }
        }
    }
}

/// Writes the block of `rows` transposed to the lanes from `lane` on.
#[inline(always)]
pub(super) fn place<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
    rows: [&[f32; BLOCK]; BLOCK],
    turned: &mut [[[f32; WIDTH]; VECTORS]; BLOCK],
    lane: usize,
) {
    const {
        assert!(WIDTH * VECTORS < BLOCK || (WIDTH * VECTORS).is_multiple_of(BLOCK));
    }
    let columns = A::transpose(rows);
    if WIDTH * VECTORS < BLOCK {
        // Whole vectors: what is too much for a row the next one overwrites.
        let mut rest = turned.as_flattened_mut().as_flattened_mut();
        for numbers in columns {
            if let Some(row) = rest.first_chunk_mut() {
                *row = numbers;
            }
            rest = rest.get_mut(WIDTH * VECTORS..).unwrap_or(&mut []);
        }
        let ([.., row], [.., numbers]) = (turned, columns);
        row.as_flattened_mut().iter_mut().zip(numbers).for_each(|(to, from)| *to = from);
    } else {
        for (row, numbers) in turned.iter_mut().zip(columns) {
            if let Some(row) = row.as_flattened_mut().get_mut(lane..).and_then(<[f32]>::first_chunk_mut) {
                *row = numbers;
            }
        }
    }
}
