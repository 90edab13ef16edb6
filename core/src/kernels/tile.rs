//! The shape of a register tile, and the scratch memory that a kernel works in.
//!
//! A pass is a matrix product C = A · B, m × n = (m × k) · (k × n). In the data pass A are weights, a row of B is an input channel
//! and a column a sample; in the weight gradient A is G, a row of B is a sample and a column an input channel.
//!
//! A microkernel keeps one tile of C in registers: MR rows × NR columns, where NR is a whole number of vectors. For each step of
//! the sum it multiplies one row of B with one scalar of A for each row of the tile:
//!
//! ```text
//!              B: a row of NR values for each step k
//!              ├─ LANES ─┼─ LANES ─┤   NR_VECTORS = 2
//!   A: MR     ┌─────────┬─────────┐
//!   scalars ─▶│ row 0   │         │
//!   for each  │ row 1   │         │   tile[row][lane] += A[k][row] · B[k][lane], k in order
//!   step k    │ …       │         │
//!             └─────────┴─────────┘
//! ```
//!
//! Packed operands lie in the order in which the microkernel reads them, as panels of micropanels (Goto and van de Geijn 2008):
//!
//! ```text
//!   A panel: for each micropanel of MR rows       [step k][row]    MR scalars, then the next step
//!   B panel: for each micropanel of NR columns    [step k][col]    NR values, then the next step
//! ```
//!
//! The steps of a convolution's A panel are taps, and within a tap the channels of the sum.

use crate::slices::split_mut;

/// The shape of a register tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileShape {
    /// Rows.
    pub mr: usize,
    /// Vectors of a row.
    pub nr_vectors: usize,
    /// Values of a vector.
    pub lanes: usize,
}

impl TileShape {
    /// A tile of `mr` rows × `nr_vectors` vectors of `lanes` values.
    pub const fn new(mr: usize, nr_vectors: usize, lanes: usize) -> Self {
        Self { mr, nr_vectors, lanes }
    }

    /// Columns: `nr_vectors` × `lanes`.
    pub const fn nr(&self) -> usize {
        self.nr_vectors * self.lanes
    }
}

/// Lengths of the parts of a kernel's scratch memory, in `f32`; 0 for an operand that is read where it lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScratchLayout {
    /// The A operand in panels.
    pub a_panel: usize,
    /// The A operand after Winograd's transformation.
    pub a_transformed: usize,
    /// The B operand in panels.
    pub b_panel: usize,
    /// Results that wait to be written.
    pub c_buffer: usize,
}

impl ScratchLayout {
    /// Length of the whole.
    pub const fn total(&self) -> usize {
        self.a_panel + self.a_transformed + self.b_panel + self.c_buffer
    }

    /// Cuts scratch memory into its parts.
    #[inline(always)]
    pub(super) fn split<'a>(&self, values: &'a mut [f32]) -> Scratch<'a> {
        let (a_panel, rest) = split_mut(values, self.a_panel);
        let (a_transformed, rest) = split_mut(rest, self.a_transformed);
        let (b_panel, rest) = split_mut(rest, self.b_panel);
        let (c_buffer, _) = split_mut(rest, self.c_buffer);
        Scratch { a_panel, a_transformed, b_panel, c_buffer }
    }
}

/// The parts of a kernel's scratch memory, see [`ScratchLayout`].
pub(super) struct Scratch<'a> {
    pub(super) a_panel: &'a mut [f32],
    pub(super) a_transformed: &'a mut [f32],
    pub(super) b_panel: &'a mut [f32],
    pub(super) c_buffer: &'a mut [f32],
}

/// Rows of the next tile where `left` rows are left: `mr`, or fewer beside whole tiles.
#[inline(always)]
pub(super) const fn tile_rows(left: usize, mr: usize) -> usize {
    if left >= mr {
        mr
    } else if mr > 4 && left >= 4 {
        4
    } else if mr > 2 && left >= 2 {
        2
    } else {
        1
    }
}
