//! Which kernel runs when: one pure function of the pass, the geometry, the samples and the instruction set.
//!
//! The first line that applies decides. *Tied* is a convolution whose positions share weights, *untied* one with weights for
//! each position; *convolution* is either.
//!
//! | pass | when | algorithm | why |
//! |---|---|---|---|
//! | all | `TileSet::winograd` (`--kernels fast`), tied 5 × 5 that keeps the image's size, ≥ 16 samples (dL/dW: and ≥ 16 inputs) | Winograd | a sixth of the products |
//! | forward | 1 sample, dense or tied | batch one | samples would fill one lane; outputs fill all |
//! | forward | ≤ 4 samples | small batch | tiles of 8 rows × 4 samples |
//! | dL/dh | 1 sample | batch one | inputs fill the lanes, and their weights are contiguous |
//! | dL/dh | dense with 10 outputs | const outputs | known sizes keep tiles in registers |
//! | dL/dW | convolution, inputs fill half a vector or less | few channels | outputs fill the lanes |
//! | dL/dW | 1 sample, tied | batch one | sums stay in registers from position to position |
//! | dL/dW | dense ≤ 4 samples, untied ≤ 16 | small batch | weights move in the order of memory |
//! | dL/dW | dense with 10 outputs, vectors of 16 lanes | const outputs | 10 sums and 8 transposed rows need 32 registers |
//! | all | dense | dense | |
//! | all | else | convolution | |
//!
//! What is packed follows from the algorithm:
//!
//! | algorithm | A panel | B panel |
//! |---|---|---|
//! | dense, data pass with ≥ 4 tiles in each direction | weights, for dL/dh | columns of samples |
//! | convolution, data pass | weights, if tied, or used by ≥ 4 vectors of samples, or with < 8 channels of the sum | |
//! | dense and convolution, dL/dW | G, if ≥ 8 tiles of inputs read it | inputs, transposed |
//!
//! `asymgrad plan --kernels` prints the choice for a network. Devices run `reference.rs` for every pass over a
//! layer with weights; regenerated feedback runs in `seeded_feedback.rs` everywhere. Whether Winograd's algorithm runs must not
//! depend on the instruction set, because its results have other bits: it is part of the numeric mode.

use super::data_pass::PACK_BELOW_K;
use super::geometry::Geometry;
use super::jobs::{Forward, InputGradient, WeightGradient};
use super::pack::packed_weights_len;
use super::tile::{ScratchLayout, TileShape};
use super::{batch_one, data_pass, few_channels, winograd};
use crate::arithmetic::TRANSPOSE_BLOCK;

/// Samples of the vectors of a small batch's forward pass.
pub const SMALL_BATCH_LANES: usize = 4;

/// Rows of a small batch's tile: as many sums as hide the latency of an addition.
pub const SMALL_BATCH_MR: usize = 8;

/// Outputs of a dense layer with kernels of its own: the classes of CIFAR-10 and of the digits.
pub const CONST_OUTPUTS: usize = 10;

/// Outputs of a batch-one tile of a dense layer's forward pass, whose weights are transposed.
pub const BATCH_ONE_NR: usize = 32;

/// Rows of a dense layer of which threads take whole multiples.
const PARTITION_ROWS: usize = 8;

/// Samples up to which the weight gradient of a dense layer updates weights in the order of memory.
const SMALL_BATCH: usize = 4;

/// Samples up to which that of an untied convolution does.
const SMALL_BATCH_UNTIED: usize = 16;

/// Samples, and inputs of a weight gradient, from which Winograd's transformations fill the lanes.
const WINOGRAD_MIN: usize = 16;

/// Tiles in each direction from which packing a dense layer's columns pays.
const PACKED_TILES: usize = 4;

/// A pass over a layer with weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// y = h W + b.
    Forward,
    /// dL/dh = G Bᵀ.
    InputGradient,
    /// dL/dW = hᵀ G.
    WeightGradient,
}

impl Pass {
    /// The name in the table of kernels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::InputGradient => "input gradient",
            Self::WeightGradient => "weight gradient",
        }
    }
}

/// How a pass is computed, and the file of `kernels/` that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `winograd/`.
    Winograd,
    /// `batch_one.rs`: dense layers, and the input gradient of untied convolutions.
    BatchOne,
    /// `batch_one.rs`: tied convolutions.
    BatchOneConvolution,
    /// `data_pass.rs` with short vectors, or `small_batch.rs`.
    SmallBatch,
    /// `few_channels.rs`.
    FewChannels,
    /// `const_outputs.rs`.
    ConstOutputs,
    /// `data_pass_dense.rs` or `weight_gradient.rs`.
    Dense,
    /// `data_pass.rs` or `weight_gradient.rs`.
    Convolution,
}

impl Algorithm {
    /// The name in the table of kernels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Winograd => "Winograd",
            Self::BatchOne | Self::BatchOneConvolution => "batch one",
            Self::SmallBatch => "small batch",
            Self::FewChannels => "few channels",
            Self::ConstOutputs => "const outputs",
            Self::Dense => "dense",
            Self::Convolution => "convolution",
        }
    }
}

/// The register tiles of an instruction set.
///
/// Some shapes make the compiler keep a tile in memory; the benches `matmul` and `untied_convolution` show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileSet {
    /// Values of a vector.
    pub lanes: usize,
    /// The tile of dense layers.
    pub dense: TileShape,
    /// The tile of convolutions.
    pub convolution: TileShape,
    /// The tile of the input gradient of a layer with [`CONST_OUTPUTS`] outputs.
    pub const_outputs: TileShape,
    /// Whether Winograd's algorithm may be used: it is a numeric mode of its own.
    pub winograd: bool,
}

impl TileSet {
    const fn new(lanes: usize, dense: [usize; 2], convolution: [usize; 2], const_outputs: [usize; 2]) -> Self {
        Self {
            lanes,
            dense: TileShape::new(dense[0], dense[1], lanes),
            convolution: TileShape::new(convolution[0], convolution[1], lanes),
            const_outputs: TileShape::new(const_outputs[0], const_outputs[1], lanes),
            winograd: false,
        }
    }

    /// Any CPU: 4 lanes, which compilers have vectors for nearly everywhere.
    pub const BASELINE: Self = Self::new(4, [4, 2], [4, 2], [4, 2]);
    /// AVX2: 16 registers of 8 lanes.
    pub const AVX2: Self = Self::new(8, [6, 2], [6, 2], [4, 2]);
    /// AVX-512: 32 registers of 16 lanes.
    pub const AVX512: Self = Self::new(16, [6, 4], [8, 2], [8, 1]);
    /// NEON: 32 registers of 4 lanes.
    pub const NEON: Self = Self::new(4, [4, 4], [4, 4], [4, 2]);
}

/// How a pass runs: the algorithm, its tile, how threads share it, and what scratch a thread needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The register tile.
    pub tile: TileShape,
    /// Rows of the result, or rows of tiles for Winograd's weight gradient.
    pub rows: usize,
    /// Rows that stay together: threads take whole multiples.
    pub unit: usize,
    /// Multiply-adds of the pass.
    pub operations: usize,
    /// The scratch of a thread. Operands without a panel are read where they lie.
    pub scratch: ScratchLayout,
}

/// Chooses how to run `pass` on a layer of this geometry for so many samples. See the table above.
pub fn select(pass: Pass, geometry: &Geometry, samples: usize, tiles: &TileSet) -> Selection {
    let weights = geometry.weights();
    let operations = weights * samples * if geometry.untied { 1 } else { geometry.positions() };
    let (algorithm, tile, rows, unit, scratch) = match pass {
        Pass::Forward => forward(geometry, samples, tiles),
        Pass::InputGradient => input_gradient(geometry, samples, tiles),
        Pass::WeightGradient => weight_gradient(geometry, samples, tiles),
    };
    Selection { algorithm, tile, rows, unit, operations, scratch }
}

/// Algorithm, tile, rows, unit and scratch.
type Choice = (Algorithm, TileShape, usize, usize, ScratchLayout);

fn forward(geometry: &Geometry, samples: usize, tiles: &TileSet) -> Choice {
    let job = Forward { geometry: *geometry, samples, input: &[], weight: &[], bias: &[], activation: None };
    let (algorithm, tile, scratch) = if uses_winograd(geometry, samples, tiles) {
        let scratch = winograd::data_pass_scratch::<false>(geometry, tiles.convolution);
        (Algorithm::Winograd, tiles.convolution, scratch)
    } else if samples == 1 && geometry.is_dense() {
        let tile = TileShape::new(1, BATCH_ONE_NR / tiles.lanes, tiles.lanes);
        (Algorithm::BatchOne, tile, Forward::batch_one_scratch(tile))
    } else if samples == 1 && geometry.shares_weights() {
        let tile = TileShape { mr: batch_one::PIXELS, ..tiles.convolution };
        (Algorithm::BatchOneConvolution, tile, job.batch_one_convolution_scratch(tile))
    } else if samples <= SMALL_BATCH_LANES {
        let tile = TileShape::new(SMALL_BATCH_MR, 1, SMALL_BATCH_LANES);
        (Algorithm::SmallBatch, tile, convolution_scratch::<false>(geometry, samples, tile))
    } else if geometry.is_dense() {
        (Algorithm::Dense, tiles.dense, dense_scratch::<false>(geometry, samples, tiles.dense))
    } else {
        let scratch = convolution_scratch::<false>(geometry, samples, tiles.convolution);
        (Algorithm::Convolution, tiles.convolution, scratch)
    };
    let (rows, unit) = data_pass_rows::<false>(geometry, algorithm);
    (algorithm, tile, rows, unit, scratch)
}

fn input_gradient(geometry: &Geometry, samples: usize, tiles: &TileSet) -> Choice {
    let job = InputGradient { geometry: *geometry, samples, grad_output: &[], weight: &[], mask: None };
    let (algorithm, tile, scratch) = if uses_winograd(geometry, samples, tiles) {
        let scratch = winograd::data_pass_scratch::<true>(geometry, tiles.convolution);
        (Algorithm::Winograd, tiles.convolution, scratch)
    } else if samples == 1 && geometry.shares_weights() {
        let tile = TileShape { mr: batch_one::PIXELS, ..tiles.convolution };
        (Algorithm::BatchOneConvolution, tile, ScratchLayout::default())
    } else if samples == 1 {
        let tile = if geometry.is_dense() { tiles.dense } else { tiles.convolution };
        (Algorithm::BatchOne, TileShape { mr: 1, ..tile }, ScratchLayout::default())
    } else if geometry.is_dense() && geometry.out_channels == CONST_OUTPUTS {
        (Algorithm::ConstOutputs, tiles.const_outputs, job.const_outputs_scratch(tiles.const_outputs))
    } else if geometry.is_dense() {
        (Algorithm::Dense, tiles.dense, dense_scratch::<true>(geometry, samples, tiles.dense))
    } else {
        let scratch = convolution_scratch::<true>(geometry, samples, tiles.convolution);
        (Algorithm::Convolution, tiles.convolution, scratch)
    };
    let (rows, unit) = data_pass_rows::<true>(geometry, algorithm);
    (algorithm, tile, rows, unit, scratch)
}

fn weight_gradient(geometry: &Geometry, samples: usize, tiles: &TileSet) -> Choice {
    let job = WeightGradient { geometry: *geometry, samples, input: &[], grad_output: &[] };
    let (tile, rows) = (tiles.convolution, geometry.weight_rows());
    // The weights of one position stay together where they are untied.
    let position_rows = geometry.taps() * geometry.out_channels;
    let unit = if geometry.untied { position_rows } else { PARTITION_ROWS };
    let small = if geometry.untied { SMALL_BATCH_UNTIED } else { SMALL_BATCH };
    if uses_winograd(geometry, samples, tiles) && geometry.in_channels >= WINOGRAD_MIN {
        (Algorithm::Winograd, tile, winograd::tile_rows(geometry), 1, job.winograd_scratch(tile))
    } else if geometry.positions() > 1 && 2 * geometry.in_channels <= tiles.lanes {
        let unit = if geometry.untied { position_rows } else { geometry.out_channels };
        let tile = TileShape { mr: few_channels::INPUTS, ..tile };
        (Algorithm::FewChannels, tile, rows, unit, job.few_channels_scratch(tile))
    } else if samples == 1 && geometry.shares_weights() {
        (Algorithm::BatchOneConvolution, tile, rows, unit, ScratchLayout::default())
    } else if samples <= small && !geometry.shares_weights() {
        let tile = TileShape::new(1, 1, tiles.lanes);
        (Algorithm::SmallBatch, tile, rows, unit, job.small_batch_scratch(tiles.lanes))
    } else if tiles.lanes > TRANSPOSE_BLOCK && geometry.is_dense() && geometry.out_channels == CONST_OUTPUTS {
        // One thread computes all rows, because the inputs are transposed once for all outputs.
        let tile = TileShape::new(CONST_OUTPUTS, 1, tiles.lanes);
        (Algorithm::ConstOutputs, tile, rows, rows, job.const_outputs_scratch(tiles.lanes))
    } else if geometry.is_dense() {
        (Algorithm::Dense, tiles.dense, rows, unit, job.tile_scratch(tiles.dense))
    } else {
        (Algorithm::Convolution, tile, rows, unit, job.tile_scratch(tile))
    }
}

/// Whether Winograd's algorithm computes the data passes of a layer.
fn uses_winograd(geometry: &Geometry, samples: usize, tiles: &TileSet) -> bool {
    tiles.winograd && winograd::serves(geometry) && samples >= WINOGRAD_MIN
}

/// Rows of a data pass, and the unit in which threads share them.
fn data_pass_rows<const BACKWARD: bool>(geometry: &Geometry, algorithm: Algorithm) -> (usize, usize) {
    let (places, channels) = (geometry.places::<BACKWARD>(), geometry.channels::<BACKWARD>().1);
    let unit = match (algorithm, places) {
        (Algorithm::Winograd, _) => winograd::tile_positions(geometry) * channels,
        (_, 2..) => channels,
        _ => PARTITION_ROWS,
    };
    (places * channels, unit)
}

/// The scratch of [`DataPass::run`](super::DataPass::run): packed weights, if positions share them, or if each is used for so
/// many samples, or the sum has so few channels, that packing pays.
fn convolution_scratch<const BACKWARD: bool>(geometry: &Geometry, samples: usize, tile: TileShape) -> ScratchLayout {
    let channels = geometry.channels::<BACKWARD>();
    let pays = !geometry.untied || samples >= 4 * tile.lanes || channels.0 < PACK_BELOW_K;
    let packs = geometry.places::<BACKWARD>() > 1 && pays;
    let a_panel = if packs { packed_weights_len(geometry, channels, tile.mr) } else { 0 };
    ScratchLayout { a_panel, ..ScratchLayout::default() }
}

/// The scratch of [`DataPass::run_dense`](super::DataPass::run_dense): packed columns and, for the input gradient, a group of
/// packed weights.
fn dense_scratch<const BACKWARD: bool>(geometry: &Geometry, samples: usize, tile: TileShape) -> ScratchLayout {
    let (k, m) = geometry.channels::<BACKWARD>();
    if samples < PACKED_TILES * tile.nr() || m < PACKED_TILES * tile.mr {
        return ScratchLayout::default();
    }
    let kc = k.min(data_pass::KC);
    let a_panel = if BACKWARD { kc * tile.mr } else { 0 };
    ScratchLayout { a_panel, b_panel: kc * samples.next_multiple_of(tile.nr()), ..ScratchLayout::default() }
}
