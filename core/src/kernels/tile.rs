//! The register tile: some columns' lanes times scalars, and the three ways in which the scalars lie.
//!
//! Every way adds in order of k, so that which one is taken never changes a bit.

use core::hint::black_box;

use crate::arithmetic::Arithmetic;

/// A register tile. Its vectors are spelled out because the compiler keeps whole arrays of them in registers.
pub(super) type Tile<const WIDTH: usize, const VECTORS: usize, const OUTS: usize> = [[[f32; WIDTH]; VECTORS]; OUTS];

/// What the memory is asked for while a tile is summed up.
pub(super) trait Ask {
    /// Asks for a little before the four steps number `block`: more lines at once than a core has under way would make it wait.
    fn ask<A: Arithmetic>(&self, block: usize);
}

impl Ask for () {
    #[inline(always)]
    fn ask<A: Arithmetic>(&self, _: usize) {}
}

/// Vectors of a tile that leaves registers for several steps at once.
const LOW: usize = 16;

/// Columns from one lane on, `stride` numbers apart; what lies between belongs to other lanes.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) numbers: &'a [f32],
    pub(super) stride: usize,
}

impl<'a> Columns<'a> {
    /// The columns of a strip from one lane on: it holds them in tiles of `width` lanes, in each `length` columns.
    #[inline(always)]
    pub(super) fn of_strip(strip: &'a [f32], width: usize, length: usize, lane: usize) -> Self {
        let from = lane / width * width * length + lane % width;
        Self { numbers: strip.get(from..).unwrap_or(&[]), stride: width }
    }

    /// How many of the first `count` columns can be read as `lanes` numbers.
    ///
    /// A vector may reach into the next column: those lanes are computed and never stored.
    #[inline(always)]
    fn readable(self, count: usize, lanes: usize) -> usize {
        if self.numbers.len() < lanes { 0 } else { count.min((self.numbers.len() - lanes) / self.stride.max(1) + 1) }
    }

    /// The vectors of column `k`; zero where the numbers end.
    #[inline(always)]
    fn padded<const WIDTH: usize, const VECTORS: usize>(self, k: usize) -> [[f32; WIDTH]; VECTORS] {
        let mut vectors = [[0.0; WIDTH]; VECTORS];
        load(&mut vectors, self.numbers.get(k * self.stride..).unwrap_or(&[]));
        vectors
    }
}

/// Reads as many numbers as there are.
#[inline(always)]
pub(super) fn load<const WIDTH: usize, const VECTORS: usize>(vectors: &mut [[f32; WIDTH]; VECTORS], numbers: &[f32]) {
    if let Some(numbers) = vectors_of::<WIDTH, VECTORS>(numbers) {
        *vectors = *numbers;
    } else {
        vectors.as_flattened_mut().iter_mut().zip(numbers).for_each(|(vector, number)| *vector = *number);
    }
}

/// Writes as many numbers as there is room for.
#[inline(always)]
pub(super) fn store<const WIDTH: usize, const VECTORS: usize>(vectors: &[[f32; WIDTH]; VECTORS], numbers: &mut [f32]) {
    match vectors_of_mut::<WIDTH, VECTORS>(numbers) {
        Some(numbers) => *numbers = *vectors,
        None => numbers.iter_mut().zip(vectors.as_flattened()).for_each(|(number, vector)| *number = *vector),
    }
}

/// Adds a tile's row to as many numbers as there are.
#[inline(always)]
pub(super) fn add_to<const WIDTH: usize, const VECTORS: usize>(numbers: &mut [f32], vectors: &[[f32; WIDTH]; VECTORS]) {
    for (number, vector) in numbers.iter_mut().zip(vectors.as_flattened()) {
        *number += *vector;
    }
}

/// The first numbers as a tile's row, if there are enough.
#[inline(always)]
pub(super) fn vectors_of<const WIDTH: usize, const VECTORS: usize>(
    numbers: &[f32],
) -> Option<&[[f32; WIDTH]; VECTORS]> {
    numbers.as_chunks::<WIDTH>().0.first_chunk::<VECTORS>()
}

/// The same to be written to.
#[inline(always)]
pub(super) fn vectors_of_mut<const WIDTH: usize, const VECTORS: usize>(
    numbers: &mut [f32],
) -> Option<&mut [[f32; WIDTH]; VECTORS]> {
    numbers.as_chunks_mut::<WIDTH>().0.first_chunk_mut::<VECTORS>()
}

/// Rows in blocks of `STEPS` numbers. They are cut to one length, so that one look at it in so many steps is enough.
pub(super) struct Blocks<'a, const ROWS: usize, const STEPS: usize>([&'a [[f32; STEPS]]; ROWS]);

impl<'a, const ROWS: usize, const STEPS: usize> Blocks<'a, ROWS, STEPS> {
    /// The whole blocks of the first `count` numbers of each row, if each has so many. Loops here and below, because
    /// `array::map` may stay a call for many rows, for which a tile leaves its registers.
    #[inline(always)]
    pub(super) fn of(rows: &[&'a [f32]; ROWS], count: usize) -> Option<Self> {
        let mut blocks: [&[[f32; STEPS]]; ROWS] = [&[]; ROWS];
        for (blocks, row) in blocks.iter_mut().zip(rows) {
            *blocks = row.get(..count)?.as_chunks().0;
        }
        Some(Self(blocks))
    }

    /// Block number `number` of each row.
    #[inline(always)]
    pub(super) fn get(&self, number: usize) -> Option<[&'a [f32; STEPS]; ROWS]> {
        let mut block = [&[0.0; STEPS]; ROWS];
        for (block, blocks) in block.iter_mut().zip(&self.0) {
            *block = blocks.get(number)?;
        }
        Some(block)
    }
}

/// `sums[j][l] += column_k[l] · scalar`.
#[inline(always)]
pub(super) fn add<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
    sums: &mut [[f32; WIDTH]; VECTORS],
    column: &[[f32; WIDTH]; VECTORS],
    scalar: f32,
) {
    for (sums, column) in sums.iter_mut().zip(column) {
        *sums = A::add_scaled(sums, column, scalar);
    }
}

/// `sums[j] += Σ_k column_k · rows[j][k]`, k in order.
#[inline(always)]
pub(super) fn add_along<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
    sums: &mut Tile<WIDTH, VECTORS, OUTS>,
    columns: Columns<'_>,
    rows: [&[f32]; OUTS],
) {
    add_along_asking::<A, WIDTH, VECTORS, OUTS>(sums, columns, rows, &());
}

/// [`add_along`], while the memory is asked for something.
#[inline(always)]
pub(super) fn add_along_asking<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
    sums: &mut Tile<WIDTH, VECTORS, OUTS>,
    columns: Columns<'_>,
    rows: [&[f32]; OUTS],
    asks: &impl Ask,
) {
    /// Steps between two checks of the rows' lengths.
    const STEPS: usize = 4;
    let count = rows.iter().map(|row| row.len()).min().unwrap_or(0);
    let whole = columns.readable(count, WIDTH * VECTORS);
    let mut tile = *sums;
    let mut rest = columns.numbers;
    let Some(blocks) = Blocks::<OUTS, STEPS>::of(&rows, count) else { return };
    for block in 0..whole / STEPS {
        let Some(scalars) = blocks.get(block) else { break };
        asks.ask::<A>(block);
        for step in 0..STEPS {
            let Some(column) = vectors_of(rest) else { break };
            for (sums, scalars) in tile.iter_mut().zip(&scalars) {
                add::<A, WIDTH, VECTORS>(sums, column, scalars[step]);
            }
            rest = rest.get(columns.stride..).unwrap_or(&[]);
        }
    }
    for k in whole / STEPS * STEPS..count {
        let column = match vectors_of(rest) {
            Some(column) => *column,
            None => columns.padded(k),
        };
        rest = rest.get(columns.stride..).unwrap_or(&[]);
        for (sums, row) in tile.iter_mut().zip(&rows) {
            add::<A, WIDTH, VECTORS>(sums, &column, row.get(k).copied().unwrap_or(0.0));
        }
    }
    *sums = tile;
}

/// `sums[j] += Σ_k column_k · rows[k][row + j]`, k in order; a row of weights is `width` long.
#[inline(always)]
pub(super) fn add_across<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
    sums: &mut Tile<WIDTH, VECTORS, OUTS>,
    columns: Columns<'_>,
    rows: &[f32],
    width: usize,
    row: usize,
) {
    let rows = rows.chunks_exact(width.max(1));
    let whole = columns.readable(rows.len(), WIDTH * VECTORS);
    let mut tile = *sums;
    let mut rest = columns.numbers;
    for weights in rows.clone().take(whole) {
        let Some(column) = vectors_of(rest) else { break };
        let column = *column;
        let Some(weights) = weights.get(row..).and_then(<[f32]>::first_chunk::<OUTS>) else { break };
        add_step::<A, WIDTH, VECTORS, OUTS>(&mut tile, &column, weights);
        rest = rest.get(columns.stride..).unwrap_or(&[]);
    }
    for (k, weights) in rows.enumerate().skip(whole) {
        let column = columns.padded(k);
        let Some(weights) = weights.get(row..).and_then(<[f32]>::first_chunk::<OUTS>) else { break };
        add_step::<A, WIDTH, VECTORS, OUTS>(&mut tile, &column, weights);
    }
    *sums = tile;
}

/// `sums[j] += Σ_k column_k · scalars[k][j]`, k in order: the scalars of a [`Panel`](super::panel::Panel).
#[inline(always)]
pub(super) fn add_packed<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
    sums: &mut Tile<WIDTH, VECTORS, OUTS>,
    columns: Columns<'_>,
    scalars: &[[f32; OUTS]],
) {
    let mut tile = *sums;
    let (lanes, stride, numbers) = (WIDTH * VECTORS, columns.stride.max(1), columns.numbers);
    // Whole columns take less than vectors that reach into the next one, which a batch smaller than a vector needs; columns side
    // by side, which large tiles meet, take the least.
    let done = if stride < lanes {
        add_steps::<A, WIDTH, VECTORS, OUTS>(&mut tile, numbers.windows(lanes).step_by(stride), scalars)
    } else if VECTORS * OUTS <= LOW {
        let fours = add_fours::<A, WIDTH, VECTORS, OUTS>(&mut tile, columns, scalars);
        let (numbers, scalars) = (numbers.get(fours * stride..).unwrap_or(&[]), scalars.get(fours..).unwrap_or(&[]));
        fours + add_steps::<A, WIDTH, VECTORS, OUTS>(&mut tile, numbers.chunks_exact(stride), scalars)
    } else if stride == lanes {
        add_twos::<A, WIDTH, VECTORS, OUTS>(&mut tile, numbers, scalars)
    } else {
        add_steps::<A, WIDTH, VECTORS, OUTS>(&mut tile, numbers.chunks_exact(stride), scalars)
    };
    for (k, scalars) in scalars.iter().enumerate().skip(done) {
        let column = columns.padded(k);
        add_step::<A, WIDTH, VECTORS, OUTS>(&mut tile, &column, scalars);
    }
    *sums = tile;
}

/// Adds as many steps as there are both columns and scalars of; returns how many. A loop without a way out: with one, the
/// compiler may keep the tile in memory.
#[inline(always)]
fn add_steps<'a, A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
    tile: &mut Tile<WIDTH, VECTORS, OUTS>,
    columns: impl ExactSizeIterator<Item = &'a [f32]>,
    scalars: &[[f32; OUTS]],
) -> usize {
    let count = columns.len().min(scalars.len());
    for (column, scalars) in columns.zip(scalars) {
        add_step::<A, WIDTH, VECTORS, OUTS>(tile, whole(column), scalars);
    }
    count
}

/// [`add_steps`] in fours: on some CPUs vectors wait for a loop's arithmetic of numbers and pointers.
#[inline(always)]
fn add_fours<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
    tile: &mut Tile<WIDTH, VECTORS, OUTS>,
    columns: Columns<'_>,
    scalars: &[[f32; OUTS]],
) -> usize {
    // As can be seen, no less than a column, so that the loop need not look.
    let four = (4 * columns.stride).max(WIDTH * VECTORS);
    let of = |number: usize| columns.numbers.get(number * columns.stride..).unwrap_or(&[]).chunks_exact(four);
    let (columns, scalars) = (of(0).zip(of(1)).zip(of(2)).zip(of(3)), scalars.as_chunks::<4>().0);
    let count = columns.len().min(scalars.len());
    for ((((a, b), c), d), scalars) in columns.zip(scalars) {
        add_step::<A, WIDTH, VECTORS, OUTS>(tile, whole(a), &scalars[0]);
        add_step::<A, WIDTH, VECTORS, OUTS>(tile, whole(b), &scalars[1]);
        add_step::<A, WIDTH, VECTORS, OUTS>(tile, whole(c), &scalars[2]);
        add_step::<A, WIDTH, VECTORS, OUTS>(tile, whole(d), &scalars[3]);
    }
    4 * count
}

/// [`add_steps`] in twos, for columns side by side.
#[inline(always)]
fn add_twos<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
    tile: &mut Tile<WIDTH, VECTORS, OUTS>,
    columns: &[f32],
    scalars: &[[f32; OUTS]],
) -> usize {
    let columns = columns.as_chunks::<WIDTH>().0.as_chunks::<VECTORS>().0.as_chunks::<2>().0;
    let scalars = scalars.as_chunks::<2>().0;
    // Hidden, because the compiler would work it out anew in each step.
    let count = black_box(columns.len().min(scalars.len()));
    for ([a, b], [first, second]) in columns.iter().zip(scalars.get(..count).unwrap_or(&[])) {
        add_step::<A, WIDTH, VECTORS, OUTS>(tile, a, first);
        add_step::<A, WIDTH, VECTORS, OUTS>(tile, b, second);
    }
    2 * count
}

/// The vectors of a column that is whole.
#[inline(always)]
fn whole<const WIDTH: usize, const VECTORS: usize>(column: &[f32]) -> &[[f32; WIDTH]; VECTORS] {
    vectors_of(column).unwrap_or(&[[0.0; WIDTH]; VECTORS])
}

/// `tile[j] += column · scalars[j]`.
#[inline(always)]
pub(super) fn add_step<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
    tile: &mut Tile<WIDTH, VECTORS, OUTS>,
    column: &[[f32; WIDTH]; VECTORS],
    scalars: &[f32; OUTS],
) {
    for (sums, scalar) in tile.iter_mut().zip(scalars) {
        add::<A, WIDTH, VECTORS>(sums, column, *scalar);
    }
}
