//! How many instructions a slice of a step takes on a Cortex-M4F at most, so that a deadline is checked while a firmware is compiled.
//!
//! [`Training::slice`] cuts a pass into slices of equal numbers of rows and a last one of fewer; both are counted.
//!
//! Each term counts the passes of a loop in the device's kernels (`kernels/reference*.rs`), times a factor. The factors are fitted to the
//! program `slices` of `tests/mcu`, which measures the longest slice of each kind of training; `tests/mcu/run` fails if one takes longer than its
//! bound, or less than a third of it. They are those of rustc 1.95 with `opt-level = "s"`, and of `Portable`: on another core, measure.

use super::cursor::{LayerCursor, LayerPlan};
use super::layout::max;
use super::rows::Rows;
use crate::capabilities::ALL;
use crate::network::{
    Activation, Architecture, Axis, Feedback, Kernel, Operation, Optimizer, Shape, Storage, Training,
};

/// A number of instructions, saturating.
#[derive(Clone, Copy)]
struct Instructions(usize);

impl Instructions {
    /// Adds the product of `factors`.
    const fn plus(self, mut factors: &[usize]) -> Self {
        let mut product = 1_usize;
        while let [factor, rest @ ..] = factors {
            product = product.saturating_mul(*factor);
            factors = rest;
        }
        Self(self.0.saturating_add(product))
    }
}

/// `first` + `each` · `count`, saturating.
const fn linear(first: usize, each: usize, count: usize) -> usize {
    each.saturating_mul(count).saturating_add(first)
}

const fn min(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

/// The rows of a pass that a slice computes.
#[derive(Clone, Copy)]
struct Part {
    rows: usize,
    all: Rows,
}

impl Part {
    /// The slices of up to `operations` operations: of as many rows as fit, and of those that remain, if any.
    const fn slices(all: Rows, operations: usize) -> [Self; 2] {
        let rows = all.per_slice(operations);
        let remaining = (if rows < all.group { all.group } else { all.count }) % max(rows, 1);
        [Self { rows, all }, Self { rows: if remaining == 0 { rows } else { remaining }, all }]
    }

    /// The part's share of a number of values, rounded up.
    const fn of(self, values: usize) -> usize {
        if self.is_cut() { values.div_ceil(self.all.count).saturating_mul(self.rows) } else { values }
    }

    const fn is_cut(self) -> bool {
        self.rows < self.all.count
    }
}

/// What the kernels of a layer iterate over.
#[derive(Clone, Copy)]
struct Loops {
    /// Pairs of a position and a tap that stays inside the image.
    pairs: usize,
    /// The rows of a convolution, and the pairs of its columns.
    rows: Axis,
    col_pairs: usize,
    inputs: usize,
    outputs: usize,
    is_dense: bool,
    untied: bool,
    /// Whether there are several positions, which share their weights.
    shares: bool,
    /// Taps of a convolution, and those of a row.
    taps: usize,
    tap_cols: usize,
    /// Pairs of a tap and a row of positions; of an image of one row the taps.
    row_visits: usize,
    /// Instructions of a tap at a position for one channel and four others, if they do.
    block: usize,
}

impl Loops {
    const fn dense(inputs: usize, outputs: usize) -> Self {
        Self {
            pairs: 1,
            rows: Axis::ONE,
            col_pairs: 1,
            inputs,
            outputs,
            is_dense: true,
            untied: false,
            shares: false,
            taps: 1,
            tap_cols: 1,
            row_visits: 1,
            block: 0,
        }
    }

    const fn convolution(input: Shape, outputs: usize, kernel: Kernel, untied: bool) -> Self {
        let (rows, cols) = kernel.axes(input);
        let taps = rows.taps.saturating_mul(cols.taps);
        let row_visits = rows.pairs().saturating_mul(cols.taps);
        let (rows, cols) = Axis::long_first(rows, cols);
        Self {
            pairs: rows.pairs().saturating_mul(cols.pairs()),
            rows,
            col_pairs: cols.pairs(),
            inputs: input.channels(),
            outputs,
            is_dense: taps == 1 && input.positions() == 1,
            untied,
            shares: !untied && (rows.output > 1 || cols.output > 1),
            taps,
            tap_cols: cols.taps,
            row_visits,
            block: if kernel.stride() == 1 { 33 } else { 60 },
        }
    }

    /// `None` for a layer without weights.
    const fn of(plan: &LayerPlan<'_>) -> Option<Self> {
        match plan.layer.operation {
            Operation::Dense { outputs } => Some(Self::dense(plan.input.features(), outputs)),
            Operation::Convolution { filters, kernel } => Some(Self::convolution(plan.input, filters, kernel, false)),
            Operation::Untied { filters, kernel } => Some(Self::convolution(plan.input, filters, kernel, true)),
            Operation::MaxPool { .. } | Operation::AveragePool { .. } | Operation::GlobalAveragePool => None,
        }
    }

    /// The loops over a part's rows of outputs or of positions.
    const fn forward(self, part: Part) -> Self {
        if self.is_dense {
            return Self { outputs: part.rows, ..self };
        }
        self.of_pairs(part.rows, min(self.rows.taps, self.rows.input))
    }

    /// The loops over a number of rows with so many rows of taps each.
    const fn of_pairs(self, rows: usize, taps: usize) -> Self {
        let tap_rows = rows.saturating_mul(taps);
        Self {
            pairs: min(self.pairs, self.col_pairs.saturating_mul(tap_rows)),
            row_visits: min(self.row_visits, self.tap_cols.saturating_mul(tap_rows)),
            ..self
        }
    }

    /// The loops over a part's rows of inputs or of pixels.
    const fn backward(self, part: Part) -> Self {
        if self.is_dense {
            return Self { inputs: part.rows, ..self };
        }
        self.of_pairs(part.rows, self.rows.taps_of_pixel())
    }

    /// The loops over a part's weights: of rows of positions, or of rows of taps at all or some of the positions.
    const fn weights(self, part: Part) -> Self {
        if !self.shares {
            return self.forward(part);
        }
        if !part.is_cut() {
            return self;
        }
        let tap_rows = part.rows.div_ceil(max(part.all.group, 1));
        let positions = if part.all.group > 1 { part.rows } else { part.rows.saturating_mul(self.rows.output) };
        Self { taps: self.tap_cols.saturating_mul(tap_rows), ..self.of_pairs(positions, 1) }
    }

    /// Instructions of the calls for each tap and channel and four others of a convolution that shares its weights, and of the rows of
    /// positions that each visits.
    const fn calls(self, part: Part) -> Instructions {
        let each = if part.is_cut() { 150 } else { 0 };
        let rows = linear(0, 60, self.row_visits).saturating_add(linear(0, each, self.taps));
        Instructions(0).plus(&[quads(self.outputs), self.inputs, rows])
    }
}

/// Blocks of four values, and single ones.
const fn quads(values: usize) -> usize {
    values / 4 + values % 4
}

/// Blocks of eight values, and single ones.
const fn tiles(values: usize) -> usize {
    values / 8 + values % 8
}

/// Values of a pooling window.
const fn window(plan: &LayerPlan<'_>) -> usize {
    let (rows, cols) = (plan.input.rows(), plan.input.cols());
    match plan.layer.operation {
        Operation::MaxPool { size, .. } | Operation::AveragePool { size, .. } => {
            (if size < rows { size } else { rows }).saturating_mul(if size < cols { size } else { cols })
        }
        _ => rows.saturating_mul(cols),
    }
}

/// The output of a layer.
const fn forward(plan: &LayerPlan<'_>, samples: usize, part: Part) -> Instructions {
    let features = part.of(plan.output.features());
    let Some(loops) = Loops::of(plan) else {
        return Instructions(0).plus(&[features, samples, linear(30, 22, window(plan))]);
    };
    let loops = loops.forward(part);
    let Loops { pairs, inputs, outputs, shares, block, .. } = loops;
    let sum = if samples > 1 {
        Instructions(0).plus(&[pairs, outputs, tiles(samples), linear(165, 33, inputs)])
    } else if shares {
        loops.calls(part).plus(&[pairs, quads(outputs), inputs, block])
    } else {
        // Per product 3.1, in four rows at a time.
        Instructions(0).plus(&[pairs, outputs, linear(35, 31, inputs / 10 + 1)]).plus(&[pairs, 60])
    };
    let activation = if plan.is_last || matches!(plan.layer.activation, Activation::Relu) { 12 } else { 107 };
    sum.plus(&[features, samples, activation])
}

/// The score of the logits and their gradient.
const fn loss(plan: &LayerPlan<'_>, samples: usize) -> Instructions {
    Instructions(300).plus(&[samples, linear(400, 140, plan.classes)])
}

/// The gradient of a layer's input.
const fn input_gradient(plan: &LayerPlan<'_>, training: &Training, part: Part) -> Instructions {
    let (samples, rule) = (training.batch, plan.layer.feedback);
    let loops = match Loops::of(plan) {
        None => {
            let features = plan.input.features();
            // Rows of windows overlap in a row of the image.
            let overlap = if part.is_cut() { features / max(plan.input.rows(), 1) } else { 0 };
            return Instructions(0)
                .plus(&[part.of(plan.output.features()), samples, linear(60, 22, window(plan))])
                .plus(&[part.of(features).saturating_add(overlap), samples, 10]);
        }
        Some(_) if rule.is_direct() => Loops::dense(plan.input.features(), plan.classes),
        Some(loops) => loops,
    };
    let loops = loops.backward(part);
    let Loops { pairs, inputs, outputs, shares, block, .. } = loops;
    let sum = if samples > 1 {
        Instructions(0).plus(&[pairs, inputs, tiles(samples), linear(165, 33, outputs)])
    } else if shares {
        Loops { inputs: outputs, outputs: inputs, ..loops }.calls(part).plus(&[pairs, quads(inputs), outputs, block])
    } else {
        Instructions(0).plus(&[pairs, inputs / 8, linear(165, 33, outputs)]).plus(&[
            pairs,
            inputs % 8,
            linear(150, 15, outputs),
        ])
    };
    let seeded = plan.fixed_feedback_len().saturating_sub(plan.feedback_in_memory());
    let signs = match rule {
        Feedback::UniformSign | Feedback::FixedSign => 9,
        Feedback::BatchSign => 38,
        _ => 0,
    };
    let regenerated = if matches!(training.storage(), Storage::Seed) { 42 } else { 0 };
    sum.plus(&[part.of(plan.input.features()), samples, 20])
        .plus(&[part.of(seeded), regenerated])
        .plus(&[plan.weights, signs])
}

/// The rule that the backward pass of a layer uses.
const fn rule(plan: &LayerPlan<'_>) -> Feedback {
    if plan.needs_input_gradient { plan.layer.feedback } else { Feedback::Symmetric }
}

/// The update of one weight, and whether it is plain gradient descent.
const fn update_of_one(plan: &LayerPlan<'_>, training: &Training) -> (usize, bool) {
    let follows = matches!(rule(plan), Feedback::Updated | Feedback::KolenPollack);
    let plain = matches!(training.optimizer, Optimizer::Sgd(_)) && training.limit().is_none() && !follows;
    let plain = plain && training.decay <= 0.0;
    let each = match training.optimizer {
        Optimizer::Sgd(_) if plain => 8,
        Optimizer::Sgd(_) => 20,
        Optimizer::Momentum(_) | Optimizer::Nesterov(_) => 22,
        // Two thirds of them are the square root of libm.
        Optimizer::Adam(_) => 97,
        Optimizer::RmsProp(_) => 95,
    };
    (each + if follows { 6 } else { 0 }, plain)
}

/// The update of a layer's weights.
const fn update_weights(plan: &LayerPlan<'_>, training: &Training, part: Part) -> Instructions {
    let Some(loops) = Loops::of(plan) else { return Instructions(0) };
    if plan.is_frozen() {
        return Instructions(0);
    }
    let loops = loops.weights(part);
    let Loops { pairs, inputs, outputs, shares, block, .. } = loops;
    let (samples, (each, plain)) = (training.batch, update_of_one(plan, training));
    // The weights of a row of taps are updated after the last of its rows of positions.
    let updated = if shares && part.is_cut() {
        loops.taps.saturating_mul(outputs).saturating_mul(inputs)
    } else {
        part.of(plan.weights)
    };
    let sum = if samples == 1 && !shares {
        Instructions(0).plus(&[pairs, outputs, 40]).plus(&[pairs, outputs, inputs, if plain { 6 } else { each }])
    } else if samples == 1 && outputs >= 4 {
        loops.calls(part).plus(&[pairs, quads(outputs), inputs, block]).plus(&[updated, each])
    } else {
        Instructions(0)
            .plus(&[pairs, outputs, inputs.div_ceil(16), 280])
            .plus(&[pairs, outputs, 9, inputs, samples / 2 + samples % 2])
            .plus(&[updated, each])
    };
    // The coefficients of Adam are computed for each slice.
    let coefficients = if part.is_cut() && matches!(training.optimizer, Optimizer::Adam(_)) { 600 } else { 0 };
    sum.plus(&[coefficients])
}

/// The update of a layer's biases, and the step of a weight mirror.
const fn update_biases(plan: &LayerPlan<'_>, training: &Training) -> Instructions {
    let Some(Loops { untied, .. }) = Loops::of(plan) else { return Instructions(0) };
    if plan.is_frozen() {
        return Instructions(0);
    }
    let (samples, (each, _)) = (training.batch, update_of_one(plan, training));
    let positions = if untied { 1 } else { plan.output.positions() };
    let sum = Instructions(0).plus(&[plan.biases, each + 40]).plus(&[plan.biases, positions, samples, 14]);
    if matches!(rule(plan), Feedback::WeightMirror) {
        let rows = plan.forward_rows(samples);
        // The response to noise, and the step of the mirror.
        let is_smooth = matches!(training.mirror_activation(), Some(Activation::Sigmoid | Activation::Tanh));
        let activation = if is_smooth { 107 } else { 0 };
        let response = forward(plan, samples, Part { rows: rows.count, all: rows });
        let response = response.plus(&[plan.weights, 20]).plus(&[plan.input.features(), samples, 60]);
        let response = response.plus(&[plan.output.features(), samples, activation]);
        return sum.plus(&[response.0]);
    }
    sum
}

impl Architecture<'_> {
    /// Instructions of the longest slice of [`Step::poll`](crate::Step::poll) on a Cortex-M4F at most, with the kernels `Portable`: a
    /// layer in one direction, the rows of it into which [`Training::slice`] cuts it, or the loss.
    ///
    /// The profile is that of `tests/mcu/Cargo.toml`. Measured slices take a third of the bound or more; [`Step::poll`](crate::Step::poll)
    /// is what to measure on another core.
    ///
    /// ```
    /// use asymgrad_core::{Architecture, Layer, Optimizer, Sgd, Shape, Training};
    /// const NET: Architecture = Architecture::new(Shape::vector(640), &[Layer::dense(128), Layer::dense(10)]);
    /// const TRAINING: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.01 }));
    /// // The weights of the first layer, 81,920 operations.
    /// assert!(NET.longest_slice(&TRAINING) > 500_000);
    /// assert!(NET.longest_slice(&TRAINING.slice(1280)) < 12_000);
    /// ```
    pub const fn longest_slice(&self, training: &Training) -> usize {
        let (mut cursor, mut most) = (LayerCursor::<ALL>::new(self, training), 0);
        let (cuts, samples) = (training.slice < usize::MAX, training.batch);
        while cursor.advance() {
            let plan = &cursor.plan;
            let rows = [plan.forward_rows(samples), plan.input_gradient_rows(samples), plan.weight_rows(samples)];
            let parts = [
                Part::slices(rows[0], training.slice),
                Part::slices(rows[1], training.slice),
                Part::slices(rows[2], training.slice),
            ];
            let biases = update_biases(plan, training);
            let mut which = 0;
            while which < 2 {
                let weights = update_weights(plan, training, parts[2][which]);
                let passes = [
                    forward(plan, samples, parts[0][which]),
                    if plan.is_last { loss(plan, samples) } else { Instructions(0) },
                    if plan.needs_input_gradient {
                        input_gradient(plan, training, parts[1][which])
                    } else {
                        Instructions(0)
                    },
                    if cuts { weights } else { weights.plus(&[biases.0]) },
                    biases,
                ];
                let mut rest: &[Instructions] = &passes;
                while let [pass, tail @ ..] = rest {
                    // A slice first looks its layer up, and its rows.
                    let first =
                        linear(400, 130, plan.index.saturating_add(1)).saturating_add(if cuts { 600 } else { 0 });
                    most = max(most, pass.plus(&[first]).0);
                    rest = tail;
                }
                which += 1;
            }
        }
        most
    }
}
