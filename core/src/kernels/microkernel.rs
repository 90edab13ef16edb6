//! Microkernels: they add rows of B times scalars of A to a register tile, with the scalars in one of three layouts.
//!
//! | function | the scalars of step k lie |
//! |---|---|
//! | [`add_rows`] | at `rows[row][k]`: a slice for each row of the tile |
//! | [`add_cols`] | at `rows[k][first + row]`: neighbours in the k-th row of weights |
//! | [`add_packed`] | at `panel[k][row]`: an A panel |
//!
//! Every microkernel adds in the order of k, so the choice never changes a bit.

use core::hint::black_box;

use crate::arithmetic::Arithmetic;
use crate::slices::tail;

/// A register tile, see [`TileShape`](super::tile::TileShape). Its vectors are arrays of their own because the compiler keeps
/// whole arrays in registers.
pub(super) type Tile<const LANES: usize, const NR_VECTORS: usize, const MR: usize> = [[[f32; LANES]; NR_VECTORS]; MR];

/// What a microkernel prefetches between its steps.
pub(super) trait Prefetch {
    /// Prefetches a little before the [`STEPS`] steps of a block: a core waits when too many lines are in flight.
    fn prefetch<A: Arithmetic>(&self, block: usize);
}

impl Prefetch for () {
    #[inline(always)]
    fn prefetch<A: Arithmetic>(&self, _: usize) {}
}

/// Steps of [`add_rows`] between two bounds checks, and between two prefetches.
pub(super) const STEPS: usize = 4;

/// Vectors of a tile up to which four steps at a time fit the registers.
const SMALL_TILE: usize = 16;

/// The rows of the B operand, one for each step of the sum, from one column on. Rows are `stride` values apart; the values
/// between belong to other columns.
#[derive(Clone, Copy)]
pub(super) struct BRows<'a> {
    pub(super) values: &'a [f32],
    pub(super) stride: usize,
}

impl<'a> BRows<'a> {
    /// The rows of a B panel from column `col` on: micropanels of `nr` columns, `steps` rows in each.
    #[inline(always)]
    pub(super) fn of_panel(panel: &'a [f32], nr: usize, steps: usize, col: usize) -> Self {
        let from = col / nr * nr * steps + col % nr;
        Self { values: tail(panel, from), stride: nr }
    }

    /// How many of the first `count` rows can be read as `lanes` values.
    ///
    /// A vector may reach into the next row: those lanes are computed and never stored.
    #[inline(always)]
    fn readable(self, count: usize, lanes: usize) -> usize {
        if self.values.len() < lanes { 0 } else { count.min((self.values.len() - lanes) / self.stride.max(1) + 1) }
    }

    /// The vectors of row `k`, padded with zeros where the values end.
    #[inline(always)]
    fn padded<const LANES: usize, const NR_VECTORS: usize>(self, k: usize) -> [[f32; LANES]; NR_VECTORS] {
        let mut vectors = [[0.0; LANES]; NR_VECTORS];
        load(&mut vectors, self.values.get(k * self.stride..).unwrap_or(&[]));
        vectors
    }
}

/// Reads as many values as there are.
#[inline(always)]
pub(super) fn load<const LANES: usize, const NR_VECTORS: usize>(
    vectors: &mut [[f32; LANES]; NR_VECTORS],
    values: &[f32],
) {
    if let Some(values) = first_vectors::<LANES, NR_VECTORS>(values) {
        *vectors = *values;
    } else {
        vectors.as_flattened_mut().iter_mut().zip(values).for_each(|(vector, value)| *vector = *value);
    }
}

/// Writes as many values as there is room for.
#[inline(always)]
pub(super) fn store<const LANES: usize, const NR_VECTORS: usize>(
    vectors: &[[f32; LANES]; NR_VECTORS],
    values: &mut [f32],
) {
    match first_vectors_mut::<LANES, NR_VECTORS>(values) {
        Some(values) => *values = *vectors,
        None => values.iter_mut().zip(vectors.as_flattened()).for_each(|(value, vector)| *value = *vector),
    }
}

/// Adds a tile's row to as many values as there are.
#[inline(always)]
pub(super) fn add_to<const LANES: usize, const NR_VECTORS: usize>(
    values: &mut [f32],
    vectors: &[[f32; LANES]; NR_VECTORS],
) {
    for (value, vector) in values.iter_mut().zip(vectors.as_flattened()) {
        *value += *vector;
    }
}

/// The first values as a tile's row; `None` if there are fewer.
#[inline(always)]
pub(super) fn first_vectors<const LANES: usize, const NR_VECTORS: usize>(
    values: &[f32],
) -> Option<&[[f32; LANES]; NR_VECTORS]> {
    values.as_chunks::<LANES>().0.first_chunk::<NR_VECTORS>()
}

/// The first values as a tile's row, to be written; `None` if there are fewer.
#[inline(always)]
pub(super) fn first_vectors_mut<const LANES: usize, const NR_VECTORS: usize>(
    values: &mut [f32],
) -> Option<&mut [[f32; LANES]; NR_VECTORS]> {
    values.as_chunks_mut::<LANES>().0.first_chunk_mut::<NR_VECTORS>()
}

/// Rows in blocks of `STEPS` values, cut to one length, so that one bounds check serves `STEPS` steps.
pub(super) struct Blocks<'a, const ROWS: usize, const STEPS: usize>([&'a [[f32; STEPS]]; ROWS]);

impl<'a, const ROWS: usize, const STEPS: usize> Blocks<'a, ROWS, STEPS> {
    /// The whole blocks of the first `count` values of each row; `None` if a row is shorter. Loops here and below, because
    /// `array::map` may stay a call for many rows, for which a tile leaves its registers.
    #[inline(always)]
    pub(super) fn new(rows: &[&'a [f32]; ROWS], count: usize) -> Option<Self> {
        let mut blocks: [&[[f32; STEPS]]; ROWS] = [&[]; ROWS];
        for (blocks, row) in blocks.iter_mut().zip(rows) {
            *blocks = row.get(..count)?.as_chunks().0;
        }
        Some(Self(blocks))
    }

    /// Block `index` of each row.
    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> Option<[&'a [f32; STEPS]; ROWS]> {
        let mut block = [&[0.0; STEPS]; ROWS];
        for (block, blocks) in block.iter_mut().zip(&self.0) {
            *block = blocks.get(index)?;
        }
        Some(block)
    }
}

/// `sums[lane] += b[lane] · scalar`.
#[inline(always)]
fn add<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize>(
    sums: &mut [[f32; LANES]; NR_VECTORS],
    column: &[[f32; LANES]; NR_VECTORS],
    scalar: f32,
) {
    for (sums, column) in sums.iter_mut().zip(column) {
        *sums = A::add_scaled(sums, column, scalar);
    }
}

/// The rank-1 update of one step: `tile[row] += b · scalars[row]`.
#[inline(always)]
pub(super) fn add_step<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
    tile: &mut Tile<LANES, NR_VECTORS, MR>,
    column: &[[f32; LANES]; NR_VECTORS],
    scalars: &[f32; MR],
) {
    for (sums, scalar) in tile.iter_mut().zip(scalars) {
        add::<A, LANES, NR_VECTORS>(sums, column, *scalar);
    }
}

/// `sums[row] += Σ_k b_k · rows[row][k]`, k in order.
#[inline(always)]
pub(super) fn add_rows<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
    sums: &mut Tile<LANES, NR_VECTORS, MR>,
    b_rows: BRows<'_>,
    rows: [&[f32]; MR],
) {
    add_rows_prefetching::<A, LANES, NR_VECTORS, MR>(sums, b_rows, rows, &());
}

/// [`add_rows`] with a prefetch before each [`STEPS`] steps.
#[inline(always)]
pub(super) fn add_rows_prefetching<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
    sums: &mut Tile<LANES, NR_VECTORS, MR>,
    b_rows: BRows<'_>,
    rows: [&[f32]; MR],
    prefetch: &impl Prefetch,
) {
    let count = rows.iter().map(|row| row.len()).min().unwrap_or(0);
    let whole = b_rows.readable(count, LANES * NR_VECTORS);
    let mut tile = *sums;
    let mut rest = b_rows.values;
    let Some(blocks) = Blocks::<MR, STEPS>::new(&rows, count) else { return };
    for block in 0..whole / STEPS {
        let Some(scalars) = blocks.get(block) else { break };
        prefetch.prefetch::<A>(block);
        for step in 0..STEPS {
            let Some(column) = first_vectors(rest) else { break };
            for (sums, scalars) in tile.iter_mut().zip(&scalars) {
                add::<A, LANES, NR_VECTORS>(sums, column, scalars[step]);
            }
            rest = rest.get(b_rows.stride..).unwrap_or(&[]);
        }
    }
    for k in whole / STEPS * STEPS..count {
        let column = match first_vectors(rest) {
            Some(column) => *column,
            None => b_rows.padded(k),
        };
        rest = rest.get(b_rows.stride..).unwrap_or(&[]);
        for (sums, row) in tile.iter_mut().zip(&rows) {
            add::<A, LANES, NR_VECTORS>(sums, &column, row.get(k).copied().unwrap_or(0.0));
        }
    }
    *sums = tile;
}

/// `sums[row] += Σ_k b_k · rows[k][first + row]`, k in order; the rows of weights are `width` long.
#[inline(always)]
pub(super) fn add_cols<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
    sums: &mut Tile<LANES, NR_VECTORS, MR>,
    b_rows: BRows<'_>,
    rows: &[f32],
    width: usize,
    first: usize,
) {
    let rows = rows.chunks_exact(width.max(1));
    let whole = b_rows.readable(rows.len(), LANES * NR_VECTORS);
    let mut tile = *sums;
    let mut rest = b_rows.values;
    for weights in rows.clone().take(whole) {
        let Some(column) = first_vectors(rest) else { break };
        let column = *column;
        let Some(weights) = weights.get(first..).and_then(<[f32]>::first_chunk::<MR>) else { break };
        add_step::<A, LANES, NR_VECTORS, MR>(&mut tile, &column, weights);
        rest = rest.get(b_rows.stride..).unwrap_or(&[]);
    }
    for (k, weights) in rows.enumerate().skip(whole) {
        let column = b_rows.padded(k);
        let Some(weights) = weights.get(first..).and_then(<[f32]>::first_chunk::<MR>) else { break };
        add_step::<A, LANES, NR_VECTORS, MR>(&mut tile, &column, weights);
    }
    *sums = tile;
}

/// `sums[row] += Σ_k b_k · panel[k][row]`, k in order.
///
/// The loop depends on the stride of the rows: vectors that overlap the next row for rows shorter than NR; four steps at a time
/// for small tiles, two for contiguous rows, else one.
#[inline(always)]
pub(super) fn add_packed<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
    sums: &mut Tile<LANES, NR_VECTORS, MR>,
    b_rows: BRows<'_>,
    panel: &[[f32; MR]],
) {
    let mut tile = *sums;
    let (nr, stride, values) = (LANES * NR_VECTORS, b_rows.stride.max(1), b_rows.values);
    let done = if stride < nr {
        add_steps::<A, LANES, NR_VECTORS, MR>(&mut tile, values.windows(nr).step_by(stride), panel)
    } else if NR_VECTORS * MR <= SMALL_TILE {
        let fours = add_four_steps::<A, LANES, NR_VECTORS, MR>(&mut tile, b_rows, panel);
        let (values, panel) = (values.get(fours * stride..).unwrap_or(&[]), panel.get(fours..).unwrap_or(&[]));
        fours + add_steps::<A, LANES, NR_VECTORS, MR>(&mut tile, values.chunks_exact(stride), panel)
    } else if stride == nr {
        add_two_steps::<A, LANES, NR_VECTORS, MR>(&mut tile, values, panel)
    } else {
        add_steps::<A, LANES, NR_VECTORS, MR>(&mut tile, values.chunks_exact(stride), panel)
    };
    for (k, scalars) in panel.iter().enumerate().skip(done) {
        let column = b_rows.padded(k);
        add_step::<A, LANES, NR_VECTORS, MR>(&mut tile, &column, scalars);
    }
    *sums = tile;
}

/// Adds as many steps as there are both rows and scalars for, and returns their number. The loop has no early exit: with
/// one, the compiler may keep the tile in memory.
#[inline(always)]
fn add_steps<'a, A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
    tile: &mut Tile<LANES, NR_VECTORS, MR>,
    columns: impl ExactSizeIterator<Item = &'a [f32]>,
    panel: &[[f32; MR]],
) -> usize {
    let count = columns.len().min(panel.len());
    for (column, scalars) in columns.zip(panel) {
        add_step::<A, LANES, NR_VECTORS, MR>(tile, vectors(column), scalars);
    }
    count
}

/// [`add_steps`], four steps at a time: on some CPUs vector instructions wait for the loop's counters and pointers.
#[inline(always)]
fn add_four_steps<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
    tile: &mut Tile<LANES, NR_VECTORS, MR>,
    b_rows: BRows<'_>,
    panel: &[[f32; MR]],
) -> usize {
    // The maximum shows the compiler that a chunk holds a row, so that the loop has no bounds checks.
    let four = (4 * b_rows.stride).max(LANES * NR_VECTORS);
    let of = |step: usize| b_rows.values.get(step * b_rows.stride..).unwrap_or(&[]).chunks_exact(four);
    let (columns, panel) = (of(0).zip(of(1)).zip(of(2)).zip(of(3)), panel.as_chunks::<4>().0);
    let count = columns.len().min(panel.len());
    for ((((a, b), c), d), scalars) in columns.zip(panel) {
        add_step::<A, LANES, NR_VECTORS, MR>(tile, vectors(a), &scalars[0]);
        add_step::<A, LANES, NR_VECTORS, MR>(tile, vectors(b), &scalars[1]);
        add_step::<A, LANES, NR_VECTORS, MR>(tile, vectors(c), &scalars[2]);
        add_step::<A, LANES, NR_VECTORS, MR>(tile, vectors(d), &scalars[3]);
    }
    4 * count
}

/// [`add_steps`], two steps at a time, for contiguous rows.
#[inline(always)]
fn add_two_steps<A: Arithmetic, const LANES: usize, const NR_VECTORS: usize, const MR: usize>(
    tile: &mut Tile<LANES, NR_VECTORS, MR>,
    columns: &[f32],
    panel: &[[f32; MR]],
) -> usize {
    let columns = columns.as_chunks::<LANES>().0.as_chunks::<NR_VECTORS>().0.as_chunks::<2>().0;
    let panel = panel.as_chunks::<2>().0;
    // Hidden from the compiler, which would compute it again in each step.
    let count = black_box(columns.len().min(panel.len()));
    for ([a, b], [first, second]) in columns.iter().zip(panel.get(..count).unwrap_or(&[])) {
        add_step::<A, LANES, NR_VECTORS, MR>(tile, a, first);
        add_step::<A, LANES, NR_VECTORS, MR>(tile, b, second);
    }
    2 * count
}

/// The vectors of a row of B that is at least as long as a tile's row.
#[inline(always)]
fn vectors<const LANES: usize, const NR_VECTORS: usize>(column: &[f32]) -> &[[f32; LANES]; NR_VECTORS] {
    first_vectors(column).unwrap_or(&[[0.0; LANES]; NR_VECTORS])
}
