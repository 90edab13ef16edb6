//! The indirect matrix product: an output column is a sum of input columns times scalars.
//!
//! Dense, convolution and untied convolution differ only in which input columns a row of weights names. A column is
//! one feature of all samples, so the batch lies in the lanes. Every sum runs in order — taps by row and column, then
//! features — whatever the tile, vector width or thread count: those choose speed, never bits.

use core::ops::Range;

use super::panel::Panel;
use super::tile::{Columns, Tile, add_across, add_along, add_packed, load, store, vectors_of, vectors_of_mut};
use crate::arithmetic::{Arithmetic, LINE};

/// Source columns that one pass over the destination takes at most, so that they stay in the second-level cache.
const BUDGET: usize = 512;

/// Tiles along both sides of a dense layer's destination that make it worth while to lay its columns out anew.
const MANY: usize = 4;

/// Source channels below which even few samples make packed weights worth while.
const NARROW: usize = 8;

/// The shape of a product: images of `rows` × `cols` × `inputs` in, × `outputs` out; a dense layer is a 1×1 image.
///
/// Weights lie as [row, col,] tap, output, input (row and column only if untied), activations as row, column,
/// channel, each × samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Rows of the image.
    pub rows: usize,
    /// Columns of the image.
    pub cols: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Side of the square kernel, odd.
    pub kernel: usize,
    /// Whether each position has weights of its own.
    pub untied: bool,
}

impl Product {
    /// Positions of the image.
    pub fn positions(&self) -> usize {
        self.rows * self.cols
    }

    /// Taps of the kernel.
    pub fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Rows of weights, `inputs` long each: untied position, tap, output.
    pub fn weight_rows(&self) -> usize {
        self.taps() * self.outputs * if self.untied { self.positions() } else { 1 }
    }

    /// Whether one weight serves several positions, so that its gradient is a sum over them.
    pub fn is_shared(&self) -> bool {
        !self.untied && self.positions() > 1
    }

    /// Whether each weight meets one number of a sample.
    pub fn is_dense(&self) -> bool {
        self.positions() == 1 && self.kernel == 1
    }

    /// Channels of the source, which are summed over, and of the destination.
    #[inline(always)]
    pub(super) fn channels<const BACKWARD: bool>(&self) -> (usize, usize) {
        if BACKWARD { (self.outputs, self.inputs) } else { (self.inputs, self.outputs) }
    }

    /// Numbers of scratch for packed weights; 0 where packing is not worth while.
    fn packing<const BACKWARD: bool, const WIDTH: usize, const OUTS: usize>(&self, samples: usize) -> usize {
        let often = !self.untied || samples >= 4 * WIDTH || self.channels::<BACKWARD>().0 < NARROW;
        if self.positions() > 1 && often { Panel::<BACKWARD, OUTS>::len(self) } else { 0 }
    }

    /// Numbers of scratch in which the columns, and a group's weights, of a dense layer are laid out anew; 0 where that is not
    /// worth while.
    fn laying<const BACKWARD: bool, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        samples: usize,
    ) -> usize {
        let (depth, height) = self.channels::<BACKWARD>();
        let many = samples >= MANY * WIDTH * VECTORS && height >= MANY * OUTS;
        if many { depth.min(BUDGET) * (OUTS + samples.next_multiple_of(WIDTH * VECTORS)) } else { 0 }
    }

    /// Number of the first weight row of a tap at an output position.
    pub(super) fn weight_row(&self, position: usize, tap_row: usize, tap_col: usize) -> usize {
        let position = if self.untied { position * self.taps() } else { 0 };
        (position + tap_row * self.kernel + tap_col) * self.outputs
    }

    /// Taps that stay inside an axis of `size` when seen from `at`, forward (at + tap) or backward (at − tap).
    #[inline(always)]
    pub(super) fn reach<const BACKWARD: bool>(&self, at: usize, size: usize) -> Range<usize> {
        let pad = self.kernel / 2;
        if BACKWARD {
            (at + pad + 1).saturating_sub(size)..self.kernel.min(at + pad + 1)
        } else {
            pad.saturating_sub(at)..self.kernel.min((size + pad).saturating_sub(at))
        }
    }

    /// Positions of an axis of `size` from which `tap` leads to a pixel of the image.
    #[inline(always)]
    pub(super) fn met(&self, tap: usize, size: usize) -> Range<usize> {
        let pad = self.kernel / 2;
        pad.saturating_sub(tap)..size.min((size + pad).saturating_sub(tap))
    }

    /// The coordinate that a tap of [`Product::reach`] leads to.
    #[inline(always)]
    pub(super) fn other<const BACKWARD: bool>(&self, at: usize, tap: usize) -> usize {
        let pad = self.kernel / 2;
        if BACKWARD { (at + pad).wrapping_sub(tap) } else { (at + tap).wrapping_sub(pad) }
    }

    /// The position that a tap inside the image leads to from a position.
    #[inline(always)]
    pub(super) fn pixel<const BACKWARD: bool>(&self, position: usize, tap_row: usize, tap_col: usize) -> usize {
        let cols = self.cols.max(1);
        self.other::<BACKWARD>(position / cols, tap_row) * cols + self.other::<BACKWARD>(position % cols, tap_col)
    }
}

/// y = x W + b, and ReLU.
#[derive(Clone, Copy, Debug)]
pub struct Forward<'a> {
    /// Shapes.
    pub product: Product,
    /// Samples of the batch.
    pub samples: usize,
    /// x: position, input × samples.
    pub input: &'a [f32],
    /// W.
    pub weight: &'a [f32],
    /// b: one for each output, or for each position and output if untied.
    pub bias: &'a [f32],
    /// Whether `if y <= 0 {0} else {y}` follows.
    pub relu: bool,
}

impl Forward<'_> {
    /// The product in register tiles.
    pub fn pass(&self) -> Pass<'_, false> {
        let step = if self.product.untied { self.product.outputs } else { 0 };
        let ends = Ends { bias: self.bias, step, relu: self.relu, mask: None };
        Pass { product: self.product, samples: self.samples, source: self.input, weight: self.weight, ends }
    }
}

/// dL/dx = G Bᵀ, masked where a ReLU before it was off.
#[derive(Clone, Copy, Debug)]
pub struct Backward<'a> {
    /// Shapes.
    pub product: Product,
    /// Samples of the batch.
    pub samples: usize,
    /// G: position, output × samples.
    pub gradient: &'a [f32],
    /// B, laid out as the weights.
    pub weight: &'a [f32],
    /// x, the output of a ReLU; `None` if no ReLU stands before.
    pub mask: Option<&'a [f32]>,
}

impl Backward<'_> {
    /// The product in register tiles.
    pub fn pass(&self) -> Pass<'_, true> {
        let ends = Ends { bias: &[], step: 0, relu: false, mask: self.mask };
        Pass { product: self.product, samples: self.samples, source: self.gradient, weight: self.weight, ends }
    }
}

/// One of the two products that run over the batch lanes, of [`Forward::pass`] and [`Backward::pass`]; its source is x or G.
#[derive(Clone, Copy, Debug)]
pub struct Pass<'a, const BACKWARD: bool> {
    pub(super) product: Product,
    pub(super) samples: usize,
    pub(super) source: &'a [f32],
    pub(super) weight: &'a [f32],
    pub(super) ends: Ends<'a, BACKWARD>,
}

/// Kernel rows and columns that stay inside the image at a position.
type Taps = (Range<usize>, Range<usize>);

/// Part of the sum of one position: some kernel rows, kernel columns and source channels.
struct Part<'a> {
    position: usize,
    tap_rows: Range<usize>,
    tap_cols: Range<usize>,
    depth: Range<usize>,
    /// What is asked for meanwhile.
    next: Option<&'a Next>,
    /// The source's columns in tiles of so many lanes, if they are laid out so.
    strip: Option<(&'a [f32], usize)>,
    first: bool,
    last: bool,
}

/// The position whose untied weights are packed next. While the one before it is summed up, each of its tiles asks the memory
/// for a share of each tap's.
struct Next {
    position: usize,
    taps: Taps,
    /// Lanes of a tile.
    lanes: usize,
    /// Weights of a share; 0 where a tap has fewer cache lines than there are tiles, as an image's channels have.
    share: usize,
}

impl<const BACKWARD: bool> Pass<'_, BACKWARD> {
    /// Numbers of scratch with which [`Pass::run`] is fastest.
    pub fn scratch<const WIDTH: usize, const OUTS: usize>(&self) -> usize {
        self.product.packing::<BACKWARD, WIDTH, OUTS>(self.samples)
    }

    /// Computes the columns `rows` of y or dL/dx, counted as position × channels + channel, in register tiles of
    /// `VECTORS` × `WIDTH` samples × `OUTS` columns. `scratch` is as long as [`Pass::scratch`] says, or empty.
    #[inline(always)]
    pub fn run<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        rows: &Range<usize>,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let product = self.product;
        let height = product.channels::<BACKWARD>().1.max(1);
        let packs = !scratch.is_empty() && rows.start.is_multiple_of(height) && rows.end.is_multiple_of(height);
        let (once, often) = if product.untied { (&mut [][..], scratch) } else { (scratch, &mut [][..]) };
        let all = 0..product.kernel;
        // No closures here and below: one may be compiled without the vector instructions of its caller.
        let shared = if packs && !product.untied {
            Some(Panel::pack::<A>(product, self.weight, 0, &all, &all, once))
        } else {
            None
        };
        let mut row = rows.start;
        while row < rows.end {
            let (position, from) = (row / height, row % height);
            let to = height.min(from + rows.end - row);
            let at = (row - rows.start) * self.samples..(row - rows.start + to - from) * self.samples;
            let block = output.get_mut(at).unwrap_or(&mut []);
            let ends = self.ends.from(row * self.samples);
            let taps = self.taps(position);
            let panel = if packs && product.untied {
                Some(Panel::pack::<A>(product, self.weight, position, &taps.0, &taps.1, &mut *often))
            } else {
                shared
            };
            row += to - from;
            let next = if packs && product.untied && row < rows.end {
                Some(&self.next::<OUTS>(position + 1, WIDTH * VECTORS))
            } else {
                None
            };
            self.position::<A, WIDTH, VECTORS, OUTS>((position, taps), from..to, panel, next, ends, block);
        }
    }

    /// Numbers of scratch with which [`Pass::run_dense`] is fastest.
    pub fn dense_scratch<const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(&self) -> usize {
        self.product.laying::<BACKWARD, WIDTH, VECTORS, OUTS>(self.samples)
    }

    /// [`Pass::run`] for a [dense](Product::is_dense) layer; `scratch` is as long as [`Pass::dense_scratch`] says, or empty.
    ///
    /// The source's columns, and where tiles read across the rows of weights those too, lie there in the order in which they
    /// are read. As the layer has them, they are powers of two apart and find few places in a cache.
    #[inline(always)]
    pub fn run_dense<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        rows: &Range<usize>,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let (depth, width) = (self.product.channels::<BACKWARD>().0, WIDTH * VECTORS);
        let ends = self.ends.from(rows.start * self.samples);
        let lays = !scratch.is_empty();
        let (group, strip) = scratch.split_at_mut_checked(depth.min(BUDGET) * OUTS).unwrap_or((&mut [], &mut []));
        for from in (0..depth).step_by(BUDGET) {
            let to = depth.min(from + BUDGET);
            self.lay::<WIDTH, VECTORS>(from..to, strip);
            let part = Part {
                position: 0,
                tap_rows: 0..1,
                tap_cols: 0..1,
                depth: from..to,
                next: None,
                strip: lays.then_some((&*strip, width)),
                first: from == 0,
                last: to == depth,
            };
            if !BACKWARD || !lays {
                self.part::<A, WIDTH, VECTORS, OUTS>(&part, rows.clone(), None, ends, output);
                continue;
            }
            for row in rows.clone().step_by(OUTS) {
                let panel = Panel::group(self.product, self.weight, from..to, row, &mut *group);
                let at = (row - rows.start) * self.samples;
                let output = output.get_mut(at..).unwrap_or(&mut []);
                self.lanes::<A, WIDTH, VECTORS, OUTS>(&part, row, Some(panel), ends.from(at), output);
            }
        }
    }

    /// Lays the source's columns `depth` out in tiles of `VECTORS` × `WIDTH` lanes, in each column after column.
    #[inline(always)]
    pub(super) fn lay<const WIDTH: usize, const VECTORS: usize>(&self, depth: Range<usize>, strip: &mut [f32]) {
        let width = WIDTH * VECTORS;
        for (number, tile) in strip.chunks_exact_mut((width * depth.len()).max(1)).enumerate() {
            let columns = self.source.get(depth.start * self.samples..).unwrap_or(&[]);
            for (lanes, column) in tile.chunks_exact_mut(width).zip(columns.chunks(self.samples.max(1))) {
                if let Some(lanes) = vectors_of_mut::<WIDTH, VECTORS>(lanes) {
                    load(lanes, column.get(number * width..).unwrap_or(&[]));
                }
            }
        }
    }

    /// The taps of a position.
    fn taps(&self, position: usize) -> Taps {
        let (product, cols) = (self.product, self.product.cols.max(1));
        (
            product.reach::<BACKWARD>(position / cols, product.rows),
            product.reach::<BACKWARD>(position % cols, product.cols),
        )
    }

    /// All parts of the sum for some channels of one position.
    #[inline(always)]
    fn position<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        (position, (tap_rows, tap_cols)): (usize, Taps),
        rows: Range<usize>,
        panel: Option<Panel<'_, BACKWARD, OUTS>>,
        next: Option<&Next>,
        ends: Ends<'_, BACKWARD>,
        output: &mut [f32],
    ) {
        let (product, depth) = (self.product, self.product.channels::<BACKWARD>().0);
        // Few samples leave untied weights to the memory, which likes them one tap after the other, as they lie; the input
        // gradient meets them in another order anyway.
        let streams = !BACKWARD && product.untied && self.samples <= WIDTH && depth >= NARROW;
        let (row_step, col_step) = if depth > BUDGET || streams {
            (1, 1)
        } else {
            ((BUDGET / (product.kernel * depth).max(1)).max(1), product.kernel.max(1))
        };
        for tap_row in tap_rows.clone().step_by(row_step) {
            for tap_col in tap_cols.clone().step_by(col_step) {
                for channel in (0..depth).step_by(BUDGET) {
                    let part = Part {
                        position,
                        tap_rows: tap_row..tap_rows.end.min(tap_row + row_step),
                        tap_cols: tap_col..tap_cols.end.min(tap_col + col_step),
                        depth: channel..depth.min(channel + BUDGET),
                        next,
                        strip: None,
                        first: tap_row == tap_rows.start && tap_col == tap_cols.start && channel == 0,
                        last: tap_row + row_step >= tap_rows.end
                            && tap_col + col_step >= tap_cols.end
                            && channel + BUDGET >= depth,
                    };
                    self.part::<A, WIDTH, VECTORS, OUTS>(&part, rows.clone(), panel, ends, output);
                }
            }
        }
    }

    /// One part for all tiles of the destination. A panel is padded to whole tiles; what remains beside whole tiles
    /// without one goes through lower ones.
    #[inline(always)]
    fn part<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        part: &Part<'_>,
        rows: Range<usize>,
        panel: Option<Panel<'_, BACKWARD, OUTS>>,
        ends: Ends<'_, BACKWARD>,
        output: &mut [f32],
    ) {
        let mut row = rows.start;
        while row < rows.end {
            let left = rows.end - row;
            let at = (row - rows.start) * self.samples;
            let output = output.get_mut(at..).unwrap_or(&mut []);
            let ends = ends.from(at);
            row += if left >= OUTS || panel.is_some() {
                self.lanes::<A, WIDTH, VECTORS, OUTS>(part, row, panel, ends, output)
            } else if OUTS > 4 && left >= 4 {
                self.lanes::<A, WIDTH, VECTORS, 4>(part, row, None, ends, output)
            } else if OUTS > 2 && left >= 2 {
                self.lanes::<A, WIDTH, VECTORS, 2>(part, row, None, ends, output)
            } else {
                self.lanes::<A, WIDTH, VECTORS, 1>(part, row, None, ends, output)
            };
        }
    }

    /// One row of tiles over all lanes of the batch, the last one maybe in part; returns its height.
    #[inline(always)]
    fn lanes<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        part: &Part<'_>,
        row: usize,
        panel: Option<Panel<'_, BACKWARD, OUTS>>,
        ends: Ends<'_, BACKWARD>,
        output: &mut [f32],
    ) -> usize {
        let mut lane = 0;
        while lane + WIDTH * VECTORS <= self.samples {
            self.tile::<A, WIDTH, VECTORS, OUTS>(part, row, lane, panel, ends, output);
            lane += WIDTH * VECTORS;
        }
        while lane < self.samples {
            self.tile::<A, WIDTH, 1, OUTS>(part, row, lane, panel, ends, output);
            lane += WIDTH;
        }
        OUTS
    }

    /// One register tile: `OUTS` destination columns × `VECTORS` × `WIDTH` samples.
    #[inline(always)]
    fn tile<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        part: &Part<'_>,
        row: usize,
        lane: usize,
        panel: Option<Panel<'_, BACKWARD, OUTS>>,
        ends: Ends<'_, BACKWARD>,
        output: &mut [f32],
    ) {
        let samples = self.samples.max(1);
        let mut sums: Tile<WIDTH, VECTORS, OUTS> = [[[0.0; WIDTH]; VECTORS]; OUTS];
        if part.first {
            // What is about to be written nothing has read, so nothing else asks the memory for it in time.
            for column in output.chunks_exact(samples).take(OUTS) {
                A::prefetch(column.get(lane..samples.min(lane + WIDTH * VECTORS)).unwrap_or(&[]));
            }
            for (out, sums) in sums.iter_mut().enumerate() {
                *sums = [[ends.start(part.position, row + out); WIDTH]; VECTORS];
            }
        } else {
            for (sums, column) in sums.iter_mut().zip(output.chunks_exact(samples)) {
                load(sums, column.get(lane..).unwrap_or(&[]));
            }
        }
        match panel {
            None => self.accumulate::<A, WIDTH, VECTORS, OUTS>(part, row, lane, &mut sums),
            Some(panel) => self.accumulate_packed::<A, WIDTH, VECTORS, OUTS>(part, row, lane, panel, &mut sums),
        }
        for (out, (sums, column)) in sums.iter().zip(output.chunks_exact_mut(samples)).enumerate() {
            let numbers = column.get_mut(lane..).unwrap_or(&mut []);
            if part.last {
                ends.store::<A, WIDTH, VECTORS>(sums, out * samples + lane, numbers);
            } else {
                store(sums, numbers);
            }
        }
    }

    /// Adds one part's columns times scalars to a register tile.
    #[inline(always)]
    fn accumulate<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        part: &Part<'_>,
        row: usize,
        lane: usize,
        sums: &mut Tile<WIDTH, VECTORS, OUTS>,
    ) {
        let (product, inputs) = (self.product, self.product.inputs.max(1));
        for tap_row in part.tap_rows.clone() {
            for tap_col in part.tap_cols.clone() {
                let other = self.product.pixel::<BACKWARD>(part.position, tap_row, tap_col);
                let columns = self.columns(part, other, lane);
                let weight_row = product.weight_row(if BACKWARD { other } else { part.position }, tap_row, tap_col);
                if BACKWARD {
                    let from = (weight_row + part.depth.start) * inputs;
                    let rows = self.weight.get(from..from + part.depth.len() * inputs).unwrap_or(&[]);
                    add_across::<A, WIDTH, VECTORS, OUTS>(sums, columns, rows, inputs, row);
                } else {
                    let rows = core::array::from_fn(|out| {
                        let from = (weight_row + row + out) * inputs + part.depth.start;
                        self.weight.get(from..from + part.depth.len()).unwrap_or(&[])
                    });
                    add_along::<A, WIDTH, VECTORS, OUTS>(sums, columns, rows);
                }
            }
        }
    }

    /// The same with packed weights. Forward, the pixels of a kernel row and its packed weights are one run.
    #[inline(always)]
    fn accumulate_packed<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        part: &Part<'_>,
        row: usize,
        lane: usize,
        panel: Panel<'_, BACKWARD, OUTS>,
        sums: &mut Tile<WIDTH, VECTORS, OUTS>,
    ) {
        let (product, channel) = (self.product, part.depth.start);
        let run = if !BACKWARD && part.depth.len() == product.inputs { part.tap_cols.len().max(1) } else { 1 };
        for tap_row in part.tap_rows.clone() {
            for tap_col in part.tap_cols.clone().step_by(run) {
                let columns = self.columns(part, self.product.pixel::<BACKWARD>(part.position, tap_row, tap_col), lane);
                let tap = tap_row * product.kernel + tap_col;
                if let Some(next) = part.next {
                    self.ask::<A, OUTS>(next, (tap_row, tap_col..tap_col + run), (row, lane));
                }
                let scalars = panel.scalars(row, tap, channel, run * part.depth.len());
                add_packed::<A, WIDTH, VECTORS, OUTS>(sums, columns, scalars);
            }
        }
    }

    /// What to ask for while the position before `position` is summed up in tiles of `lanes` × `OUTS`.
    fn next<const OUTS: usize>(&self, position: usize, lanes: usize) -> Next {
        let (product, height) = (self.product, self.product.channels::<BACKWARD>().1);
        let tiles = (height.div_ceil(OUTS) * self.samples).div_ceil(lanes.max(1)).max(1);
        let lines = product.inputs * product.outputs / LINE;
        let share = if lines >= tiles { lines.div_ceil(tiles) * LINE } else { 0 };
        Next { position, taps: self.taps(position), lanes, share }
    }

    /// Asks the memory for the share that the tile at `row` and `lane` has of the next position's weights at some taps.
    #[inline(always)]
    fn ask<A: Arithmetic, const OUTS: usize>(
        &self,
        next: &Next,
        (tap_row, tap_cols): (usize, Range<usize>),
        (row, lane): (usize, usize),
    ) {
        let (product, (rows, cols)) = (self.product, &next.taps);
        if next.share == 0 || !rows.contains(&tap_row) {
            return;
        }
        let at = (row / OUTS * self.samples + lane) / next.lanes.max(1) * next.share;
        for tap_col in tap_cols.start.max(cols.start)..tap_cols.end.min(cols.end) {
            let of = if BACKWARD { product.pixel::<true>(next.position, tap_row, tap_col) } else { next.position };
            let from = product.weight_row(of, tap_row, tap_col) * product.inputs + at;
            A::prefetch(self.weight.get(from..from + next.share).unwrap_or(&[]));
        }
    }

    /// The source's columns of a part at a position, from some lane on.
    #[inline(always)]
    fn columns<'a>(&'a self, part: &Part<'a>, position: usize, lane: usize) -> Columns<'a> {
        if let Some((strip, width)) = part.strip {
            return Columns::of_strip(strip, width, part.depth.len(), lane);
        }
        let from = (position * self.product.channels::<BACKWARD>().0 + part.depth.start) * self.samples + lane;
        Columns { numbers: self.source.get(from..).unwrap_or(&[]), stride: self.samples }
    }
}

/// How the numbers of a destination column begin and end: forward with a bias and, maybe, the ReLU, backward with 0 and, maybe,
/// the mask of a ReLU.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends<'a, const BACKWARD: bool> {
    bias: &'a [f32],
    /// Biases between one position and the next.
    step: usize,
    relu: bool,
    mask: Option<&'a [f32]>,
}

impl<const BACKWARD: bool> Ends<'_, BACKWARD> {
    /// The same for the columns from number `at` on.
    #[inline(always)]
    pub(super) fn from(self, at: usize) -> Self {
        Self { mask: self.mask.map(|mask| mask.get(at..).unwrap_or(&[])), ..self }
    }

    /// What the sum of a column begins with.
    #[inline(always)]
    pub(super) fn start(&self, position: usize, channel: usize) -> f32 {
        self.bias.get(position * self.step + channel).copied().unwrap_or(0.0)
    }

    /// The end of a sum that meets the number `height` of a mask.
    #[inline(always)]
    fn finish<A: Arithmetic>(&self, sum: f32, height: f32) -> f32 {
        if BACKWARD {
            // Flushed before the mask is looked at, or the compiler may make a branch of it for each number.
            let signal = A::flush(sum);
            if height <= 0.0 { 0.0 } else { signal }
        } else if self.relu && sum <= 0.0 {
            0.0
        } else {
            sum
        }
    }

    /// Writes the end of a tile's row, whose numbers the mask has from number `at` on, into as many numbers as there is
    /// room for.
    #[inline(always)]
    pub(super) fn store<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        sums: &[[f32; WIDTH]; VECTORS],
        at: usize,
        numbers: &mut [f32],
    ) {
        if let Some(numbers) = vectors_of_mut(numbers) {
            self.store_whole::<A, WIDTH, VECTORS>(sums, at, numbers);
        } else {
            let mask = self.mask.map(|mask| mask.get(at..).unwrap_or(&[]));
            self.store_some::<A>({ *sums }.as_flattened(), mask, numbers);
        }
    }

    /// [`Ends::store`] of a whole row. From registers to memory in one go: finished in place, the numbers would take a way through
    /// the stack.
    #[inline(always)]
    pub(super) fn store_whole<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        sums: &[[f32; WIDTH]; VECTORS],
        at: usize,
        numbers: &mut [[f32; WIDTH]; VECTORS],
    ) {
        let off = const { &[[f32::INFINITY; WIDTH]; VECTORS] };
        let heights = match self.mask {
            Some(mask) => mask.get(at..).and_then(vectors_of).unwrap_or(off),
            None => off,
        };
        for ((numbers, sums), heights) in numbers.iter_mut().zip(sums).zip(heights) {
            let mut ends = [0.0; WIDTH];
            for ((end, sum), height) in ends.iter_mut().zip(sums).zip(heights) {
                *end = self.finish::<A>(*sum, *height);
            }
            *numbers = ends;
        }
    }

    /// [`Ends::store`] where the numbers end. By itself, because a loop over lanes would keep vectors in memory on the way of all
    /// others.
    #[cold]
    #[inline(never)]
    fn store_some<A: Arithmetic>(self, sums: &[f32], mask: Option<&[f32]>, numbers: &mut [f32]) {
        for (lane, (number, sum)) in numbers.iter_mut().zip(sums).enumerate() {
            let height = mask.and_then(|mask| mask.get(lane)).unwrap_or(&f32::INFINITY);
            *number = self.finish::<A>(*sum, *height);
        }
    }
}
