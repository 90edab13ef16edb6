//! Transposes rows into lanes: value k of row `lane` becomes value `lane` of vector k.
//!
//! It is how rows are packed for a microkernel that reads them lane by lane; no value changes.

use crate::arithmetic::{Arithmetic, TRANSPOSE_BLOCK};

/// `lanes[k][lane] = rows[lane · stride + k]`, for as many rows as there are lanes. A lane beyond the last row may hold any
/// of the rows' values.
#[inline(always)]
pub(super) fn transpose<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
    rows: &[f32],
    stride: usize,
    lanes: &mut [[[f32; LANES]; NR_VECTORS]],
) {
    if lanes.len() < TRANSPOSE_BLOCK {
        return transpose_short::<LANES, NR_VECTORS>(rows, stride, lanes);
    }
    let first_lanes = (0..LANES * NR_VECTORS).step_by(TRANSPOSE_BLOCK);
    let mut rest = rows;
    for lane in first_lanes {
        transpose_rows::<A, LANES, NR_VECTORS>(rest, stride, lanes, lane);
        rest = rest.get(TRANSPOSE_BLOCK * stride..).unwrap_or(&[]);
    }
}

/// [`transpose`] for up to [`TRANSPOSE_BLOCK`] rows, into the lanes from `lane` on. Prefetches the rows after them if the rows
/// are contiguous.
#[inline(always)]
fn transpose_rows<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
    rows: &[f32],
    stride: usize,
    lanes: &mut [[[f32; LANES]; NR_VECTORS]],
    lane: usize,
) {
    let count = lanes.len();
    let after = if stride == count { rows.get(TRANSPOSE_BLOCK * stride..).unwrap_or(&[]) } else { &[] };
    let mut after = after.chunks(TRANSPOSE_BLOCK * TRANSPOSE_BLOCK);
    // The first row stands in for rows that are missing.
    let mut sides: [&[[f32; TRANSPOSE_BLOCK]]; TRANSPOSE_BLOCK] =
        [rows.get(..count).unwrap_or(&[]).as_chunks().0; TRANSPOSE_BLOCK];
    for (side, row) in sides.iter_mut().zip(rows.chunks(stride.max(1))) {
        *side = row.get(..count).unwrap_or(&[]).as_chunks().0;
    }
    let [a, b, c, d, e, f, g, h] = sides;
    // Zipped iterators: a bounds check of each row would double the time of a block.
    let sides = a.iter().zip(b).zip(c).zip(d).zip(e).zip(f).zip(g).zip(h);
    for (block, (((((((a, b), c), d), e), f), g), h)) in
        lanes.as_chunks_mut::<TRANSPOSE_BLOCK>().0.iter_mut().zip(sides)
    {
        A::prefetch(after.next().unwrap_or(&[]));
        store_block::<A, LANES, NR_VECTORS>([a, b, c, d, e, f, g, h], block, lane);
    }
    if !count.is_multiple_of(TRANSPOSE_BLOCK)
        && let Some(last) = lanes.last_chunk_mut::<TRANSPOSE_BLOCK>()
    {
        let mut last_blocks = [&[0.0; TRANSPOSE_BLOCK]; TRANSPOSE_BLOCK];
        for (block, row) in last_blocks.iter_mut().zip(rows.chunks(stride.max(1))) {
            *block = row.get(..count).and_then(<[f32]>::last_chunk).unwrap_or(block);
        }
        store_block::<A, LANES, NR_VECTORS>(last_blocks, last, lane);
    }
}

/// [`transpose`] for rows shorter than a block.
#[inline(always)]
fn transpose_short<const LANES: usize, const NR_VECTORS: usize>(
    rows: &[f32],
    stride: usize,
    lanes: &mut [[[f32; LANES]; NR_VECTORS]],
) {
    for (lane, row) in (0..LANES * NR_VECTORS).zip(rows.chunks(stride.max(1))) {
        for (lanes, value) in lanes.iter_mut().zip(row) {
            if let Some(to) = lanes.as_flattened_mut().get_mut(lane) {
                *to = *value;
            }
        }
    }
}

/// Writes the transposed block of `rows` to the lanes from `lane` on.
#[inline(always)]
pub(super) fn store_block<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
    rows: [&[f32; TRANSPOSE_BLOCK]; TRANSPOSE_BLOCK],
    lanes: &mut [[[f32; LANES]; NR_VECTORS]; TRANSPOSE_BLOCK],
    lane: usize,
) {
    const {
        assert!(LANES * NR_VECTORS < TRANSPOSE_BLOCK || (LANES * NR_VECTORS).is_multiple_of(TRANSPOSE_BLOCK));
    }
    let columns = A::transpose(rows);
    if LANES * NR_VECTORS < TRANSPOSE_BLOCK {
        // Whole vectors: the next row overwrites what is too much for a row.
        let mut rest = lanes.as_flattened_mut().as_flattened_mut();
        for column in columns {
            if let Some(row) = rest.first_chunk_mut() {
                *row = column;
            }
            rest = rest.get_mut(LANES * NR_VECTORS..).unwrap_or(&mut []);
        }
        let ([.., row], [.., column]) = (lanes, columns);
        row.as_flattened_mut().iter_mut().zip(column).for_each(|(to, from)| *to = from);
    } else {
        for (row, column) in lanes.iter_mut().zip(columns) {
            if let Some(row) = row.as_flattened_mut().get_mut(lane..).and_then(<[f32]>::first_chunk_mut) {
                *row = column;
            }
        }
    }
}
