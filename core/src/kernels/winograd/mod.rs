//! A 5 × 5 convolution by Winograd's F(4×4, 5×5): 64 products where the direct sum takes 400.
//!
//! y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A for each tile of 4 × 4 outputs, where x are the 8 × 8 pixels that it reads, with the interpolation
//! points 0, ±1, ±2, ±½ and ∞ (Winograd 1980; Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016).
//! The input gradient is the same with w rotated by 180°; the weight gradient is the transpose, Gᵀ[(A g Aᵀ) ⊙ (Bᵀ x B)]G. As
//! everywhere, the lanes hold the batch. Results differ from the direct sum by about 10⁻⁵ of their size: a numeric mode of its
//! own.
//!
//! | file | what it holds |
//! |---|---|
//! | `data_pass.rs` | forward pass and input gradient |
//! | `gradient.rs` | weight gradient |
//! | `transform.rs` | the loops that transform both axes of a tile |
//! | `matrices.rs` | the transformation matrices A, B and G |

mod data_pass;
mod gradient;
mod matrices;
mod transform;

pub(super) use self::data_pass::data_pass_scratch;
use super::geometry::Geometry;
use crate::network::Axis;

/// Side of a tile of outputs.
const SIDE: usize = 4;

/// Side of the kernel.
const KERNEL: usize = 5;

/// Interpolation points along a side: the pixels that a tile of outputs reads.
const POINTS: usize = SIDE + KERNEL - 1;

/// Products of a tile.
const PRODUCTS: usize = POINTS * POINTS;

/// Values between the operands of one product and the next beyond those that are used: without them the strides would be powers of
/// two, which causes cache-set conflicts.
const GAP: usize = 16;

/// Whether the algorithm computes a layer: tied, 5 × 5, stride 1, and an output of the input's size.
pub(super) fn serves(geometry: &Geometry) -> bool {
    let fits = |axis: Axis| axis.taps == KERNEL && axis.stride == 1 && axis.padding == KERNEL / 2;
    geometry.shares_weights() && fits(geometry.rows) && fits(geometry.cols)
}

/// Rows of tiles, which are computed independently.
pub(super) const fn tile_rows(geometry: &Geometry) -> usize {
    geometry.rows.output.div_ceil(SIDE)
}

/// Positions of a row of tiles.
pub(super) const fn tile_positions(geometry: &Geometry) -> usize {
    SIDE * geometry.cols.output
}
