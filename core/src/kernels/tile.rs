//! The shape of a register tile, and the scratch memory that a kernel works in.
//!
//! A microkernel keeps one tile of the result in registers: MR rows × NR columns, where NR is a whole number of vectors.
//! For each step of the sum it multiplies one vector of the B operand with one scalar of the A operand for each row:
//!
//! ```text
//!              B: one row of NR values for each step k
//!              ├─ LANES ─┼─ LANES ─┤   NR_VECTORS = 2
//!   A: MR     ┌─────────┬─────────┐
//!   scalars ─▶│ row 0   │         │
//!   for each  │ row 1   │         │   tile[row][lane] += A[k][row] · B[k][lane], k in order
//!   step k    │ …       │         │
//!             └─────────┴─────────┘
//! ```
//!
//! Packed operands lie in the order in which the microkernel reads them, as panels (Goto and van de Geijn 2008):
//!
//! ```text
//!   A panel: for each group of MR rows   [step k][row]     MR scalars, then the next step
//!   B panel: for each group of NR lanes  [step k][lane]    NR values, then the next step
//! ```

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

/// Lengths of the parts of a kernel's scratch memory, in `f32`; 0 for what a kernel reads where it lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scratch {
    /// The A operand in panels.
    pub a_panel: usize,
    /// The A operand after Winograd's transformation.
    pub a_transformed: usize,
    /// The B operand in panels.
    pub b_panel: usize,
    /// Results that wait to be written.
    pub c_buffer: usize,
}

impl Scratch {
    /// Length of the whole.
    pub const fn len(&self) -> usize {
        self.a_panel + self.a_transformed + self.b_panel + self.c_buffer
    }

    /// Whether a kernel needs no scratch.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The parts in order: A panel, transformed A, B panel, C buffer.
    #[inline(always)]
    pub(super) fn split<'a>(&self, values: &'a mut [f32]) -> [&'a mut [f32]; 4] {
        let (a_panel, rest) = split_mut(values, self.a_panel);
        let (a_transformed, rest) = split_mut(rest, self.a_transformed);
        let (b_panel, rest) = split_mut(rest, self.b_panel);
        let (c_buffer, _) = split_mut(rest, self.c_buffer);
        [a_panel, a_transformed, b_panel, c_buffer]
    }
}
