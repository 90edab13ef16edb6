//! A 5 × 5 convolution with fewer products: F(4×4, 5×5), 64 products for what takes the direct sum 400.
//!
//! y = Aᵀ[(G w Gᵀ) ⊙ (Bᵀ x B)]A for each tile of 4 × 4 outputs, x the 8 × 8 pixels that it reads, with the interpolation
//! points 0, ±1, ±2, ±½ and ∞ (Winograd 1980; Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016).
//! The input gradient is the same with w turned by 180°; the weight gradient is its transpose, Gᵀ[(A g Aᵀ) ⊙ (Bᵀ x B)]G. As
//! everywhere the batch lies in the lanes. Results are off by some 10⁻⁵ of their size: a class of numbers of its own.

use core::array::from_fn;
use core::ops::Range;

use super::gradient::WeightGradient;
use super::panel::Panel;
use super::product::{Backward, Ends, Forward, Product};
use super::tile::{Columns, Tile, add_packed, add_to, store};
use super::turn::turn;
use crate::arithmetic::Arithmetic;

/// Side of a tile of outputs.
const SIDE: usize = 4;

/// Side of the kernel.
const KERNEL: usize = 5;

/// Interpolation points along a side, as many as the pixels that a tile of outputs reads.
const POINTS: usize = SIDE + KERNEL - 1;

/// Products of a tile.
const ALL: usize = POINTS * POINTS;

/// Samples below which the direct sum is faster: they do not fill the lanes.
const FEW: usize = 16;

/// Samples whose products are summed in one chain of a weight gradient, in every kernel set.
const CHAIN: usize = 64;

/// Numbers between what belongs to one product and to the next beyond those that are used: without them all would lie a power
/// of two apart and find few places in a cache.
const GAP: usize = 16;

impl Product {
    /// Whether the fast convolution computes a forward pass or an input gradient of so many samples.
    pub fn is_fast(&self, samples: usize) -> bool {
        self.kernel == KERNEL && !self.untied && self.positions() > 1 && samples >= FEW
    }

    /// Rows of tiles, which are computed each by itself.
    pub fn tile_rows(&self) -> usize {
        self.rows.div_ceil(SIDE)
    }

    /// Positions of a row of tiles.
    pub fn tile_positions(&self) -> usize {
        SIDE * self.cols
    }
}

impl Forward<'_> {
    /// Numbers of scratch that [`Forward::run_fast`] takes.
    pub fn fast_scratch<const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(&self) -> usize {
        Room::of::<false, WIDTH, VECTORS, OUTS>(&self.product).numbers()
    }

    /// [`Forward::run`] by the fast convolution, which [`Product::is_fast`] admits; `rows` are whole rows of tiles. What is in
    /// `scratch` does not matter.
    #[inline(always)]
    pub fn run_fast<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        rows: &Range<usize>,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let relu = self.relu;
        let start = |_: usize, row: usize| self.bias.get(row).copied().unwrap_or(0.0);
        let finish = |y: f32, _: f32| if relu && y <= 0.0 { 0.0 } else { y };
        let ends = Ends { start: &start, finish: &finish, mask: None };
        let pass =
            Pass::<false> { product: self.product, samples: self.samples, source: self.input, weight: self.weight };
        pass.run::<A, WIDTH, VECTORS, OUTS>(rows, &ends, scratch, output);
    }
}

impl Backward<'_> {
    /// Numbers of scratch that [`Backward::run_fast`] takes.
    pub fn fast_scratch<const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(&self) -> usize {
        Room::of::<true, WIDTH, VECTORS, OUTS>(&self.product).numbers()
    }

    /// [`Backward::run`] by the fast convolution, as [`Forward::run_fast`].
    #[inline(always)]
    pub fn run_fast<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        rows: &Range<usize>,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let finish = |d: f32, h: f32| if h <= 0.0 { 0.0 } else { A::flush(d) };
        let ends = Ends { start: &|_, _| 0.0, finish: &finish, mask: self.mask };
        let pass =
            Pass::<true> { product: self.product, samples: self.samples, source: self.gradient, weight: self.weight };
        pass.run::<A, WIDTH, VECTORS, OUTS>(rows, &ends, scratch, output);
    }
}

/// Lengths of the parts of a pass's scratch.
struct Room {
    /// The weights in groups, as [`Panel`] has them.
    panel: usize,
    /// The transformed weights as product, group, source channel, destination channel of the group.
    weights: usize,
    /// The transformed source of some samples as product, channel, lane, and how far one product is from the next.
    source: usize,
    source_step: usize,
    /// Their products, likewise.
    products: usize,
    products_step: usize,
}

impl Room {
    fn of<const BACKWARD: bool, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        product: &Product,
    ) -> Self {
        let (depth, height) = product.channels::<BACKWARD>();
        let height = height.next_multiple_of(OUTS);
        let source_step = depth * WIDTH * VECTORS + GAP;
        let products_step = height * WIDTH * VECTORS + GAP;
        Self {
            panel: Panel::<BACKWARD, OUTS>::len(product),
            weights: ALL * (depth * OUTS).next_multiple_of(WIDTH) * (height / OUTS),
            source: ALL * source_step,
            source_step,
            products: ALL * products_step,
            products_step,
        }
    }

    fn numbers(&self) -> usize {
        self.panel + self.weights + self.source + self.products
    }
}

/// One of the two products that run over the batch lanes.
struct Pass<'a, const BACKWARD: bool> {
    product: Product,
    samples: usize,
    source: &'a [f32],
    weight: &'a [f32],
}

impl<const BACKWARD: bool> Pass<'_, BACKWARD> {
    #[inline(always)]
    fn run<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        rows: &Range<usize>,
        ends: &Ends<'_, impl Fn(usize, usize) -> f32, impl Fn(f32, f32) -> f32>,
        scratch: &mut [f32],
        output: &mut [f32],
    ) {
        let product = self.product;
        let (depth, height) = product.channels::<BACKWARD>();
        let room = Room::of::<BACKWARD, WIDTH, VECTORS, OUTS>(&product);
        let (panel, scratch) = scratch.split_at_mut_checked(room.panel).unwrap_or((&mut [], &mut []));
        let (weights, scratch) = scratch.split_at_mut_checked(room.weights).unwrap_or((&mut [], &mut []));
        let (source, products) = scratch.split_at_mut_checked(room.source).unwrap_or((&mut [], &mut []));
        let taps = 0..KERNEL;
        Panel::<BACKWARD, OUTS>::pack::<A>(product, self.weight, 0, &taps, &taps, panel);
        transform_weights::<BACKWARD, A, WIDTH>(panel, depth * OUTS, weights);
        let (mut spread, mut gather) = (Lines::new(), Lines::new());
        let per = (product.tile_positions() * height).max(1);
        for tile_row in rows.start / per..rows.end.div_ceil(per) {
            let at = (tile_row * per).saturating_sub(rows.start) * self.samples;
            let output = output.get_mut(at..).unwrap_or(&mut []);
            let ends = &ends.from(tile_row * per * self.samples);
            for tile_col in 0..product.cols.div_ceil(SIDE) {
                for lane in (0..self.samples).step_by(WIDTH * VECTORS) {
                    let place = Place { product, samples: self.samples, tile_row, tile_col };
                    place.spread::<A, WIDTH, VECTORS>(self.source, depth, lane, source, &mut spread);
                    multiply::<A, WIDTH, VECTORS, OUTS>(&room, depth, source, weights, products);
                    place.gather::<A, WIDTH, VECTORS>(height, lane, products, &mut gather, ends, output);
                }
            }
        }
    }
}

/// G w Gᵀ of a [`Panel`] in blocks of `length` numbers, a tap of a group each; turned by 180° backward.
#[inline(always)]
fn transform_weights<const BACKWARD: bool, A: Arithmetic, const WIDTH: usize>(
    panel: &[f32],
    length: usize,
    weights: &mut [f32],
) {
    let mut lines = Lines::<WIDTH, KERNEL, POINTS>::new();
    let step = weights.len() / ALL;
    let mut points = grid_mut::<POINTS>(weights, step);
    for (group, taps) in panel.chunks_exact((KERNEL * KERNEL * length).max(1)).enumerate() {
        let mut kernel = grid::<KERNEL>(taps, length);
        if BACKWARD {
            kernel.as_flattened_mut().reverse();
        }
        for from in (0..length).step_by(UNITS * WIDTH) {
            let (mut at, mut to) = ([0; UNITS], [0; UNITS]);
            for (unit, (at, to)) in at.iter_mut().zip(&mut to).enumerate() {
                *at = from + unit * WIDTH;
                *to = group * length.next_multiple_of(WIDTH) + *at;
            }
            let count = UNITS.min((length - from).div_ceil(WIDTH));
            lines.columns::<Weights, A>(&kernel, at.get(..count).unwrap_or(&[]), 0);
            lines.rows::<Weights, A>(&mut points, to.get(..count).unwrap_or(&[]));
        }
    }
}

/// The products of one tile's samples, for each point a dense product of source channels and transformed weights.
#[inline(always)]
fn multiply<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
    room: &Room,
    depth: usize,
    source: &[f32],
    weights: &[f32],
    products: &mut [f32],
) {
    let lanes = WIDTH * VECTORS;
    let points = products.chunks_exact_mut(room.products_step.max(1)).zip(source.chunks_exact(room.source_step.max(1)));
    for ((products, source), weights) in points.zip(weights.chunks_exact((weights.len() / ALL).max(1))) {
        let columns = Columns { numbers: source.get(..depth * lanes).unwrap_or(&[]), stride: lanes };
        let groups = products
            .chunks_exact_mut(lanes * OUTS)
            .zip(weights.chunks_exact((depth * OUTS).next_multiple_of(WIDTH).max(1)));
        for (products, weights) in groups {
            let mut sums: Tile<WIDTH, VECTORS, OUTS> = [[[0.0; WIDTH]; VECTORS]; OUTS];
            let weights = weights.as_chunks().0.get(..depth).unwrap_or(&[]);
            add_packed::<A, WIDTH, VECTORS, OUTS>(&mut sums, columns, weights);
            for (numbers, sums) in products.chunks_exact_mut(lanes).zip(&sums) {
                store(sums, numbers);
            }
        }
    }
}

/// One tile of an image and its samples.
struct Place {
    product: Product,
    samples: usize,
    tile_row: usize,
    tile_col: usize,
}

impl Place {
    /// Bᵀ x B of all channels, for the samples from number `from` on.
    #[inline(always)]
    fn spread<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        source: &[f32],
        channels: usize,
        from: usize,
        points: &mut [f32],
        lines: &mut Lines<WIDTH, POINTS, POINTS>,
    ) {
        let Product { rows, cols, .. } = self.product;
        let step = points.len() / ALL;
        let mut points = grid_mut::<POINTS>(points, step);
        let mut window: [[&[f32]; POINTS]; POINTS] = [[&[]; POINTS]; POINTS];
        for (r, line) in window.iter_mut().enumerate() {
            for (c, pixel) in line.iter_mut().enumerate() {
                let row = (self.tile_row * SIDE + r).wrapping_sub(KERNEL / 2);
                let col = (self.tile_col * SIDE + c).wrapping_sub(KERNEL / 2);
                if row < rows && col < cols {
                    *pixel = source.get((row * cols + col) * channels * self.samples + from..).unwrap_or(&[]);
                }
            }
        }
        for first in (0..channels * VECTORS).step_by(UNITS) {
            let units = Units::of::<WIDTH, VECTORS>(first, channels, self.samples);
            lines.columns::<Pixels, A>(
                &window,
                units.image.get(..units.count).unwrap_or(&[]),
                UNITS / VECTORS * self.samples,
            );
            lines.rows::<Pixels, A>(&mut points, units.block.get(..units.count).unwrap_or(&[]));
        }
    }

    /// Aᵀ m A of all channels, ended, into the tile's pixels of `output`.
    #[inline(always)]
    fn gather<A: Arithmetic, const WIDTH: usize, const VECTORS: usize>(
        &self,
        channels: usize,
        from: usize,
        points: &[f32],
        lines: &mut Lines<WIDTH, POINTS, SIDE>,
        ends: &Ends<'_, impl Fn(usize, usize) -> f32, impl Fn(f32, f32) -> f32>,
        output: &mut [f32],
    ) {
        let Product { rows, cols, .. } = self.product;
        let points = grid::<POINTS>(points, points.len() / ALL);
        for first in (0..channels * VECTORS).step_by(UNITS) {
            let units = Units::of::<WIDTH, VECTORS>(first, channels, self.samples);
            lines.columns::<Sums, A>(&points, units.block.get(..units.count).unwrap_or(&[]), 0);
            for row in 0..SIDE.min(rows - self.tile_row * SIDE) {
                for (unit, (lines, image)) in lines.0.iter().zip(&units.image).enumerate().take(units.count) {
                    let (channel, lane) = ((first + unit) / VECTORS, (first + unit) % VECTORS * WIDTH);
                    let count = WIDTH.min(self.samples.saturating_sub(from + lane));
                    let start = [(ends.start)(0, channel); WIDTH];
                    let sums = Sums::apply::<A, WIDTH>(lines[row].each_ref());
                    for (col, sums) in sums.iter().enumerate().take(cols - self.tile_col * SIDE) {
                        let pixel = row * cols + self.tile_col * SIDE + col;
                        let at = pixel * channels * self.samples + from + image;
                        let next = at + UNITS / VECTORS * self.samples;
                        A::prefetch(output.get(next..next + count).unwrap_or(&[]));
                        let sums = [A::add_scaled(sums, &start, 1.0)];
                        ends.store(&sums, at, output.get_mut(at..at + count).unwrap_or(&mut []));
                    }
                }
            }
        }
    }
}

impl WeightGradient<'_> {
    /// Whether the fast convolution computes it: fewer inputs do not fill the lanes.
    pub fn is_fast(&self) -> bool {
        self.product.is_fast(self.samples) && self.product.inputs >= FEW
    }

    /// Numbers of scratch that [`WeightGradient::sum_fast`] takes.
    pub fn fast_scratch<const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(&self) -> usize {
        GradientRoom::of::<WIDTH, VECTORS, OUTS>(&self.product).numbers()
    }

    /// What one row of tiles gives to the gradient, into `sums`, which lie as the weights; the gradient is the sum over all
    /// rows of tiles, in order. What is in `scratch` does not matter.
    #[inline(always)]
    pub fn sum_fast<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        tile_row: usize,
        scratch: &mut [f32],
        sums: &mut [f32],
    ) {
        let (product, samples) = (self.product, self.samples);
        let Product { cols, inputs, outputs, .. } = product;
        let room = GradientRoom::of::<WIDTH, VECTORS, OUTS>(&product);
        let (gradients, scratch) = scratch.split_at_mut_checked(room.gradients).unwrap_or((&mut [], &mut []));
        let (pixels, scratch) = scratch.split_at_mut_checked(ALL * room.pixels).unwrap_or((&mut [], &mut []));
        let (signals, scratch) = scratch.split_at_mut_checked(ALL * room.signals).unwrap_or((&mut [], &mut []));
        let (window, tile) = scratch.split_at_mut_checked(ALL * room.pixels).unwrap_or((&mut [], &mut []));
        gradients.fill(0.0);
        let (mut square, mut small, mut sum) = (Lines::new(), Lines::new(), Lines::new());
        for tile_col in 0..cols.div_ceil(SIDE) {
            for from in (0..samples).step_by(CHAIN) {
                let count = CHAIN.min(samples - from);
                let (chain, planes) = ((from, count), (self.input, inputs));
                let corner = ((tile_row * SIDE).wrapping_sub(KERNEL / 2), (tile_col * SIDE).wrapping_sub(KERNEL / 2));
                self.turn::<A, WIDTH, VECTORS, POINTS>(corner, planes, chain, room.pixels, window);
                transform::<Pixels, A, WIDTH, POINTS, POINTS>(window, count * room.inputs, pixels, &mut square);
                let (corner, planes) = ((tile_row * SIDE, tile_col * SIDE), (self.gradient, outputs));
                self.turn::<A, OUTS, 1, SIDE>(corner, planes, chain, room.signals, tile);
                transform::<Gradients, A, WIDTH, SIDE, POINTS>(tile, count * room.outputs, signals, &mut small);
                let points = pixels.chunks_exact(room.pixels).zip(signals.chunks_exact(room.signals));
                for (point, (pixels, signals)) in points.enumerate() {
                    let gradients = gradients.get_mut(point * outputs * inputs..).unwrap_or(&mut []);
                    self.outer::<A, WIDTH, VECTORS, OUTS>(count, pixels, signals.as_chunks().0, gradients);
                }
            }
        }
        self.gather_gradient::<A, WIDTH>(gradients, sums, &mut sum);
    }

    /// Turns the channels of `SIZE` × `SIZE` pixels from a corner on to lie in the lanes: pixel, tile of `VECTORS` × `WIDTH`
    /// channels, sample, channel of the tile; zero outside of the image.
    #[inline(always)]
    fn turn<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const SIZE: usize>(
        &self,
        (top, left): (usize, usize),
        (numbers, channels): (&[f32], usize),
        (from, count): (usize, usize),
        step: usize,
        turned: &mut [f32],
    ) {
        let Product { rows, cols, .. } = self.product;
        let samples = self.samples;
        for (pixel, turned) in turned.chunks_exact_mut(step.max(1)).enumerate() {
            let (row, col) = (top.wrapping_add(pixel / SIZE), left.wrapping_add(pixel % SIZE));
            if row >= rows || col >= cols {
                turned.fill(0.0);
                continue;
            }
            let at = (row * cols + col) * channels * samples;
            let numbers = numbers.get(at..at + channels * samples).unwrap_or(&[]);
            let tiles = turned.as_chunks_mut::<WIDTH>().0.as_chunks_mut::<VECTORS>().0.chunks_exact_mut(count.max(1));
            for (tile, channels) in tiles.zip(numbers.chunks((WIDTH * VECTORS * samples).max(1))) {
                turn::<A, WIDTH, VECTORS>(channels.get(from..).unwrap_or(&[]), samples, tile);
            }
        }
    }

    /// Adds what `count` samples give at one point to the gradients of all its weights.
    #[inline(always)]
    fn outer<A: Arithmetic, const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(
        &self,
        count: usize,
        pixels: &[f32],
        signals: &[[f32; OUTS]],
        gradients: &mut [f32],
    ) {
        let Product { inputs, outputs, .. } = self.product;
        for (out, signals) in (0..outputs).step_by(OUTS).zip(signals.chunks_exact(count.max(1))) {
            for lane in (0..inputs).step_by(WIDTH * VECTORS) {
                let mut tile: Tile<WIDTH, VECTORS, OUTS> = [[[0.0; WIDTH]; VECTORS]; OUTS];
                let columns = Columns::of_strip(pixels, WIDTH * VECTORS, count, lane);
                add_packed::<A, WIDTH, VECTORS, OUTS>(&mut tile, columns, signals);
                for (row, tile) in tile.iter().enumerate().take(outputs - out) {
                    let at = (out + row) * inputs;
                    add_to(gradients.get_mut(at + lane..at + inputs).unwrap_or(&mut []), tile);
                }
            }
        }
    }

    /// Gᵀ u G of all weights.
    #[inline(always)]
    fn gather_gradient<A: Arithmetic, const WIDTH: usize>(
        &self,
        gradients: &[f32],
        sums: &mut [f32],
        lines: &mut Lines<WIDTH, POINTS, KERNEL>,
    ) {
        let length = self.product.outputs * self.product.inputs;
        transform::<WeightSums, A, WIDTH, POINTS, KERNEL>(gradients, length, sums, lines);
    }
}

/// Lengths of the parts of a weight gradient's scratch.
struct GradientRoom {
    /// The gradients as point, output, input.
    gradients: usize,
    /// Inputs and outputs in whole tiles.
    inputs: usize,
    outputs: usize,
    /// From one point of the pixels or of the signals, as tile of channels, sample, channel of the tile, to the next.
    pixels: usize,
    signals: usize,
}

impl GradientRoom {
    fn of<const WIDTH: usize, const VECTORS: usize, const OUTS: usize>(product: &Product) -> Self {
        let Product { inputs, outputs, .. } = *product;
        let gradients = ALL * inputs * outputs;
        let (inputs, outputs) = (inputs.next_multiple_of(WIDTH * VECTORS), outputs.next_multiple_of(OUTS));
        Self { gradients, inputs, outputs, pixels: inputs * CHAIN + GAP, signals: outputs * CHAIN + GAP }
    }

    fn numbers(&self) -> usize {
        self.gradients + 2 * ALL * self.pixels + (ALL + SIDE * SIDE) * self.signals
    }
}

/// Transforms `count` numbers of each pixel into as many of each point.
#[inline(always)]
fn transform<T: Transform<FROM, TO>, A: Arithmetic, const WIDTH: usize, const FROM: usize, const TO: usize>(
    pixels: &[f32],
    count: usize,
    points: &mut [f32],
    lines: &mut Lines<WIDTH, FROM, TO>,
) {
    let step = points.len() / (TO * TO);
    let mut points = grid_mut::<TO>(points, step);
    let pixels = grid::<FROM>(pixels, pixels.len() / (FROM * FROM));
    for from in (0..count).step_by(UNITS * WIDTH) {
        let mut at = [0; UNITS];
        for (unit, at) in at.iter_mut().enumerate() {
            *at = from + unit * WIDTH;
        }
        let at = at.get(..UNITS.min((count - from).div_ceil(WIDTH))).unwrap_or(&[]);
        lines.columns::<T, A>(&pixels, at, 0);
        lines.rows::<T, A>(&mut points, at);
    }
}

/// A transformation of one axis.
trait Transform<const FROM: usize, const TO: usize> {
    /// Of numbers along the axis, each of them a vector.
    fn apply<A: Arithmetic, const WIDTH: usize>(x: [&[f32; WIDTH]; FROM]) -> [[f32; WIDTH]; TO];
}

/// Vectors that are transformed side by side: pixels and points lie pages apart, and so few at a time find their places in a
/// CPU's table of pages.
const UNITS: usize = 8;

/// Transformations of both axes, T x Tᵀ: some vectors after the first.
#[repr(align(64))]
struct Lines<const WIDTH: usize, const FROM: usize, const TO: usize>([[[[f32; WIDTH]; FROM]; TO]; UNITS]);

impl<const WIDTH: usize, const FROM: usize, const TO: usize> Lines<WIDTH, FROM, TO> {
    fn new() -> Self {
        Self([[[[0.0; WIDTH]; FROM]; TO]; UNITS])
    }

    /// Transforms along the columns what the pixels have from the numbers `at` on; of an empty one all is zero. Asks the memory
    /// for what they have `ahead` of them, if that is more than nothing.
    #[inline(always)]
    fn columns<T: Transform<FROM, TO>, A: Arithmetic>(
        &mut self,
        pixels: &[[&[f32]; FROM]; FROM],
        at: &[usize],
        ahead: usize,
    ) {
        for col in 0..FROM {
            for (lines, at) in self.0.iter_mut().zip(at) {
                let mut last = [[0.0; WIDTH]; FROM];
                let mut column = [const { &[0.0; WIDTH] }; FROM];
                for ((number, row), last) in column.iter_mut().zip(pixels).zip(&mut last) {
                    *number = vector(row[col], *at, last);
                    if ahead > 0 {
                        A::prefetch(row[col].get(*at + ahead..*at + ahead + WIDTH).unwrap_or(&[]));
                    }
                }
                for (line, number) in lines.iter_mut().zip(T::apply::<A, WIDTH>(column)) {
                    line[col] = number;
                }
            }
        }
    }

    /// Transforms along the rows, into what the points have from the numbers `at` on.
    #[inline(always)]
    fn rows<T: Transform<FROM, TO>, A: Arithmetic>(&self, points: &mut [[&mut [f32]; TO]; TO], at: &[usize]) {
        for (row, points) in points.iter_mut().enumerate() {
            for (lines, at) in self.0.iter().zip(at) {
                for (number, point) in T::apply::<A, WIDTH>(lines[row].each_ref()).into_iter().zip(&mut *points) {
                    put(point, *at, number);
                }
            }
        }
    }
}

/// The numbers from number `at` on; zeros of a pixel that is empty, and beyond the end, for which there is room in `last`.
#[inline(always)]
fn vector<'a, const WIDTH: usize>(numbers: &'a [f32], at: usize, last: &'a mut [f32; WIDTH]) -> &'a [f32; WIDTH] {
    match numbers.get(at..).and_then(<[f32]>::first_chunk) {
        Some(vector) => vector,
        None if numbers.is_empty() => const { &[0.0; WIDTH] },
        None => copy(last, numbers.get(at..).unwrap_or(&[])),
    }
}

/// As many numbers as there are. By itself, because a loop over lanes would keep vectors in memory on the way of all others.
#[cold]
#[inline(never)]
fn copy<'a, const WIDTH: usize>(last: &'a mut [f32; WIDTH], numbers: &[f32]) -> &'a [f32; WIDTH] {
    last.iter_mut().zip(numbers).for_each(|(to, from)| *to = *from);
    last
}

/// Writes as many numbers from number `at` on as there is room for.
#[inline(always)]
fn put<const WIDTH: usize>(numbers: &mut [f32], at: usize, vector: [f32; WIDTH]) {
    match numbers.get_mut(at..).and_then(<[f32]>::first_chunk_mut) {
        Some(numbers) => *numbers = vector,
        None => put_last(numbers, at, vector),
    }
}

/// [`put`] where the numbers end, by itself as [`copy`].
#[cold]
#[inline(never)]
fn put_last<const WIDTH: usize>(numbers: &mut [f32], at: usize, vector: [f32; WIDTH]) {
    numbers.get_mut(at..).unwrap_or(&mut []).iter_mut().zip(vector).for_each(|(to, from)| *to = from);
}

/// The pixels or points that lie `step` numbers apart.
#[inline(always)]
fn grid<const SIZE: usize>(numbers: &[f32], step: usize) -> [[&[f32]; SIZE]; SIZE] {
    let mut pixels = numbers.chunks_exact(step.max(1));
    from_fn(|_| from_fn(|_| pixels.next().unwrap_or_default()))
}

/// The same to be written to.
#[inline(always)]
fn grid_mut<const SIZE: usize>(numbers: &mut [f32], step: usize) -> [[&mut [f32]; SIZE]; SIZE] {
    let mut points = numbers.chunks_exact_mut(step.max(1));
    from_fn(|_| from_fn(|_| points.next().unwrap_or_default()))
}

/// The numbers of a run of vectors, and those of their places in tiles of `VECTORS` vectors: channel, tile's lane.
struct Units {
    /// In the image, where channels are `samples` apart.
    image: [usize; UNITS],
    /// In a block of so many lanes.
    block: [usize; UNITS],
    count: usize,
}

impl Units {
    #[inline(always)]
    fn of<const WIDTH: usize, const VECTORS: usize>(first: usize, channels: usize, samples: usize) -> Self {
        let count = UNITS.min((channels * VECTORS).saturating_sub(first));
        let (mut image, mut block) = ([0; UNITS], [0; UNITS]);
        for (unit, (image, block)) in (first..).zip(image.iter_mut().zip(&mut block)) {
            let (channel, lane) = (unit / VECTORS, unit % VECTORS * WIDTH);
            *image = channel * samples + lane;
            *block = channel * WIDTH * VECTORS + lane;
        }
        Self { image, block, count }
    }
}

/// `a + b · scalar`; a multiply-add in every case, which no compiler takes apart.
#[inline(always)]
fn plus<A: Arithmetic, const WIDTH: usize>(a: [f32; WIDTH], b: [f32; WIDTH], scalar: f32) -> [f32; WIDTH] {
    A::add_scaled(&a, &b, scalar)
}

/// `a + b` and `a − b`.
#[inline(always)]
fn both<A: Arithmetic, const WIDTH: usize>(a: [f32; WIDTH], b: [f32; WIDTH]) -> ([f32; WIDTH], [f32; WIDTH]) {
    (plus::<A, WIDTH>(a, b, 1.0), plus::<A, WIDTH>(a, b, -1.0))
}

/// Bᵀ: row j has the coefficients of Π (x − aₖ) over all other points aₖ, for ∞ over all points.
struct Pixels;

impl Transform<POINTS, POINTS> for Pixels {
    #[inline(always)]
    fn apply<A: Arithmetic, const WIDTH: usize>(x: [&[f32; WIDTH]; POINTS]) -> [[f32; WIDTH]; POINTS] {
        let [&x0, &x1, &x2, &x3, &x4, &x5, &x6, &x7] = x;
        let zero = plus::<A, WIDTH>(plus::<A, WIDTH>(x0, x6, -1.0), plus::<A, WIDTH>(x4, x2, -1.0), 5.25);
        let even = plus::<A, WIDTH>(plus::<A, WIDTH>(x2, x6, 1.0), x4, -4.25);
        let odd = plus::<A, WIDTH>(plus::<A, WIDTH>(x1, x5, 1.0), x3, -4.25);
        let (one, minus_one) = both::<A, WIDTH>(even, odd);
        let even = plus::<A, WIDTH>(plus::<A, WIDTH>(x6, x2, 0.25), x4, -1.25);
        let odd = plus::<A, WIDTH>(plus::<A, WIDTH>(scaled::<A, WIDTH>(x5, 2.0), x1, 0.5), x3, -2.5);
        let (two, minus_two) = both::<A, WIDTH>(even, odd);
        let even = plus::<A, WIDTH>(plus::<A, WIDTH>(x6, x2, 4.0), x4, -5.0);
        let odd = plus::<A, WIDTH>(plus::<A, WIDTH>(scaled::<A, WIDTH>(x1, 2.0), x5, 0.5), x3, -2.5);
        let (half, minus_half) = both::<A, WIDTH>(even, odd);
        let infinity = plus::<A, WIDTH>(plus::<A, WIDTH>(x7, x1, -1.0), plus::<A, WIDTH>(x3, x5, -1.0), 5.25);
        [zero, one, minus_one, two, minus_two, half, minus_half, infinity]
    }
}

/// `x · scalar`.
#[inline(always)]
fn scaled<A: Arithmetic, const WIDTH: usize>(x: [f32; WIDTH], scalar: f32) -> [f32; WIDTH] {
    plus::<A, WIDTH>([0.0; WIDTH], x, scalar)
}

/// What the points' values are divided by: Π (aⱼ − aₖ) over all other points aₖ, for ±1, ±2 and ±½; for 0 it is −1, and the sign
/// stands in [`Pixels`].
const ONE: f32 = -2.0 / 9.0;
const TWO: f32 = 1.0 / 90.0;
const HALF: f32 = 32.0 / 45.0;

/// G: the kernel as a polynomial at the points, divided.
struct Weights;

impl Transform<KERNEL, POINTS> for Weights {
    #[inline(always)]
    fn apply<A: Arithmetic, const WIDTH: usize>(w: [&[f32; WIDTH]; KERNEL]) -> [[f32; WIDTH]; POINTS] {
        let (one, minus_one) = values::<A, WIDTH>(w, 1.0, ONE);
        let (two, minus_two) = values::<A, WIDTH>(w, 2.0, TWO);
        let (half, minus_half) = values::<A, WIDTH>(w, 0.5, HALF);
        [*w[0], one, minus_one, two, minus_two, half, minus_half, *w[4]]
    }
}

/// `scalar` times the value of a polynomial at `point` and at `−point`.
#[inline(always)]
fn values<A: Arithmetic, const WIDTH: usize>(
    [w0, w1, w2, w3, w4]: [&[f32; WIDTH]; KERNEL],
    point: f32,
    scalar: f32,
) -> ([f32; WIDTH], [f32; WIDTH]) {
    let square = point * point;
    let even = plus::<A, WIDTH>(scaled::<A, WIDTH>(*w0, scalar), *w2, scalar * square);
    let even = plus::<A, WIDTH>(even, *w4, scalar * square * square);
    let odd = plus::<A, WIDTH>(scaled::<A, WIDTH>(*w1, scalar * point), *w3, scalar * square * point);
    both::<A, WIDTH>(even, odd)
}

/// Aᵀ: what each power of x takes from the points.
struct Sums;

impl Transform<POINTS, SIDE> for Sums {
    #[inline(always)]
    fn apply<A: Arithmetic, const WIDTH: usize>(m: [&[f32; WIDTH]; POINTS]) -> [[f32; WIDTH]; SIDE] {
        let [&zero, &one, &minus_one, &two, &minus_two, &half, &minus_half, &infinity] = m;
        let (even1, odd1) = both::<A, WIDTH>(one, minus_one);
        let (even2, odd2) = both::<A, WIDTH>(two, minus_two);
        let (even3, odd3) = both::<A, WIDTH>(half, minus_half);
        [
            plus::<A, WIDTH>(plus::<A, WIDTH>(plus::<A, WIDTH>(zero, even1, 1.0), even2, 1.0), even3, 1.0),
            plus::<A, WIDTH>(plus::<A, WIDTH>(odd1, odd2, 2.0), odd3, 0.5),
            plus::<A, WIDTH>(plus::<A, WIDTH>(even1, even2, 4.0), even3, 0.25),
            plus::<A, WIDTH>(plus::<A, WIDTH>(plus::<A, WIDTH>(odd1, odd2, 8.0), odd3, 0.125), infinity, 1.0),
        ]
    }
}

/// A, the transpose of [`Sums`].
struct Gradients;

impl Transform<SIDE, POINTS> for Gradients {
    #[inline(always)]
    fn apply<A: Arithmetic, const WIDTH: usize>(g: [&[f32; WIDTH]; SIDE]) -> [[f32; WIDTH]; POINTS] {
        let [&g0, &g1, &g2, &g3] = g;
        let (one, minus_one) = both::<A, WIDTH>(plus::<A, WIDTH>(g0, g2, 1.0), plus::<A, WIDTH>(g1, g3, 1.0));
        let odd = plus::<A, WIDTH>(scaled::<A, WIDTH>(g1, 2.0), g3, 8.0);
        let (two, minus_two) = both::<A, WIDTH>(plus::<A, WIDTH>(g0, g2, 4.0), odd);
        let odd = plus::<A, WIDTH>(scaled::<A, WIDTH>(g1, 0.5), g3, 0.125);
        let (half, minus_half) = both::<A, WIDTH>(plus::<A, WIDTH>(g0, g2, 0.25), odd);
        [g0, one, minus_one, two, minus_two, half, minus_half, g3]
    }
}

/// Gᵀ, the transpose of [`Weights`].
struct WeightSums;

impl Transform<POINTS, KERNEL> for WeightSums {
    #[inline(always)]
    fn apply<A: Arithmetic, const WIDTH: usize>(u: [&[f32; WIDTH]; POINTS]) -> [[f32; WIDTH]; KERNEL] {
        let [&zero, &one, &minus_one, &two, &minus_two, &half, &minus_half, &infinity] = u;
        let (even1, odd1) = both::<A, WIDTH>(one, minus_one);
        let (even2, odd2) = both::<A, WIDTH>(two, minus_two);
        let (even3, odd3) = both::<A, WIDTH>(half, minus_half);
        let (even, odd) = ([even1, even2, even3], [odd1, odd2, odd3]);
        [
            power::<A, WIDTH>(zero, &even, 1.0),
            power::<A, WIDTH>([0.0; WIDTH], &odd, 2.0),
            power::<A, WIDTH>([0.0; WIDTH], &even, 4.0),
            power::<A, WIDTH>([0.0; WIDTH], &odd, 8.0),
            power::<A, WIDTH>(infinity, &even, 16.0),
        ]
    }
}

/// `first` and what a power of x, `of_two` at 2, takes from the values at ±1, ±2 and ±½.
#[inline(always)]
fn power<A: Arithmetic, const WIDTH: usize>(
    first: [f32; WIDTH],
    [one, two, half]: &[[f32; WIDTH]; 3],
    of_two: f32,
) -> [f32; WIDTH] {
    let sum = plus::<A, WIDTH>(plus::<A, WIDTH>(first, *one, ONE), *two, TWO * of_two);
    plus::<A, WIDTH>(sum, *half, HALF / of_two)
}
