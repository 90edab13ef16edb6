//! How many instructions a slice of a step takes on a Cortex-M4F at most, so that a deadline is checked while a firmware is compiled.
//!
//! Each term counts the passes of a loop in the device's kernels (`kernels/reference*.rs`), times a factor. The factors are fitted to the
//! program `slices` of `tests/mcu`, which measures the longest slice of 25 trainings; `tests/mcu/run` fails if one takes longer than its
//! bound, or less than a third of it. They are those of rustc 1.95 with `opt-level = "s"`, and of `Portable`: on another core, measure.

use super::cursor::{LayerCursor, LayerPlan};
use super::layout::max;
use crate::capabilities::ALL;
use crate::network::{Activation, Architecture, Feedback, Kernel, Operation, Optimizer, Shape, Storage, Training};

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

/// What the kernels of a layer iterate over.
struct Loops {
    /// Pairs of a position and a tap that stays inside the image.
    pairs: usize,
    inputs: usize,
    outputs: usize,
    untied: bool,
    /// Whether there are several positions, which share their weights.
    shares: bool,
    /// Instructions of a tap at a position for one channel and four others, if they do.
    block: usize,
}

impl Loops {
    const fn dense(inputs: usize, outputs: usize) -> Self {
        Self { pairs: 1, inputs, outputs, untied: false, shares: false, block: 0 }
    }

    const fn convolution(input: Shape, outputs: usize, kernel: Kernel, untied: bool) -> Self {
        let (rows, cols) = kernel.axes(input);
        let pairs = rows.pairs().saturating_mul(cols.pairs());
        Self {
            pairs,
            inputs: input.channels(),
            outputs,
            untied,
            shares: !untied && (rows.output > 1 || cols.output > 1),
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
const fn forward(plan: &LayerPlan<'_>, samples: usize) -> Instructions {
    let features = plan.output.features();
    let Some(Loops { pairs, inputs, outputs, shares, block, .. }) = Loops::of(plan) else {
        return Instructions(0).plus(&[features, samples, linear(30, 22, window(plan))]);
    };
    let sum = if samples > 1 {
        Instructions(0).plus(&[pairs, outputs, tiles(samples), linear(165, 33, inputs)])
    } else if shares {
        Instructions(0).plus(&[pairs, quads(outputs), inputs, block])
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
const fn input_gradient(plan: &LayerPlan<'_>, training: &Training) -> Instructions {
    let (samples, features) = (training.batch, plan.input.features());
    let rule = plan.layer.feedback;
    let loops = match Loops::of(plan) {
        None => {
            return Instructions(0)
                .plus(&[plan.output.features(), samples, linear(60, 22, window(plan))])
                .plus(&[features, samples, 10]);
        }
        Some(_) if rule.is_direct() => Loops::dense(features, plan.classes),
        Some(loops) => loops,
    };
    let Loops { pairs, inputs, outputs, shares, block, .. } = loops;
    let sum = if samples > 1 {
        Instructions(0).plus(&[pairs, inputs, tiles(samples), linear(165, 33, outputs)])
    } else if shares {
        Instructions(0).plus(&[pairs, quads(inputs), outputs, block])
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
    let regenerated = if matches!(training.storage, Storage::Seed) { 42 } else { 0 };
    sum.plus(&[features, samples, 20]).plus(&[seeded, regenerated]).plus(&[plan.weights, signs])
}

/// The update of a layer's weights and biases.
const fn update(plan: &LayerPlan<'_>, training: &Training) -> Instructions {
    let Some(Loops { pairs, inputs, outputs, shares, untied, block }) = Loops::of(plan) else { return Instructions(0) };
    if plan.is_frozen() {
        return Instructions(0);
    }
    let (samples, rule) =
        (training.batch, if plan.needs_input_gradient { plan.layer.feedback } else { Feedback::Symmetric });
    let follows = matches!(rule, Feedback::Updated | Feedback::KolenPollack);
    let plain = matches!(training.optimizer, Optimizer::Sgd(_)) && training.limit().is_none() && !follows;
    let plain = plain && training.decay <= 0.0;
    let each = match training.optimizer {
        Optimizer::Sgd(_) if plain => 8,
        Optimizer::Sgd(_) => 20,
        Optimizer::Momentum(_) | Optimizer::Nesterov(_) => 22,
        // Two thirds of them are the square root of libm.
        Optimizer::Adam(_) => 97,
        Optimizer::RmsProp(_) => 95,
    } + if follows { 6 } else { 0 };
    let sum = if samples == 1 && !shares {
        Instructions(0).plus(&[pairs, outputs, 40]).plus(&[pairs, outputs, inputs, if plain { 6 } else { each }])
    } else if samples == 1 && outputs >= 4 {
        Instructions(0).plus(&[pairs, quads(outputs), inputs, block]).plus(&[plan.weights, each])
    } else {
        Instructions(0)
            .plus(&[pairs, outputs, inputs.div_ceil(16), 280])
            .plus(&[pairs, outputs, 9, inputs, samples / 2 + samples % 2])
            .plus(&[plan.weights, each])
    };
    let positions = if untied { 1 } else { plan.output.positions() };
    let sum = sum.plus(&[plan.biases, each + 40]).plus(&[plan.biases, positions, samples, 14]);
    if matches!(rule, Feedback::WeightMirror) {
        // The response to noise, and the step of the mirror.
        let activation = match training.mirror_activation() {
            None | Some(Activation::Relu) => 0,
            Some(Activation::Sigmoid | Activation::Tanh) => 107,
        };
        let response = forward(plan, samples).plus(&[plan.weights, 20]).plus(&[plan.input.features(), samples, 60]);
        let response = response.plus(&[plan.output.features(), samples, activation]);
        return sum.plus(&[response.0]);
    }
    sum
}

impl Architecture<'_> {
    /// Instructions of the longest slice of [`Step::poll`](crate::Step::poll) on a Cortex-M4F at most, with the kernels `Portable`: a
    /// layer in one direction, or the loss.
    ///
    /// The profile is that of `tests/mcu/Cargo.toml`. Measured slices take a third of the bound or more; [`Step::poll`](crate::Step::poll)
    /// is what to measure on another core.
    pub const fn longest_slice(&self, training: &Training) -> usize {
        let (mut cursor, mut most) = (LayerCursor::<ALL>::new(self, training), 0);
        while cursor.advance() {
            let plan = &cursor.plan;
            let passes = [
                forward(plan, training.batch),
                if plan.is_last { loss(plan, training.batch) } else { Instructions(0) },
                if plan.needs_input_gradient { input_gradient(plan, training) } else { Instructions(0) },
                update(plan, training),
            ];
            let mut rest: &[Instructions] = &passes;
            while let [pass, tail @ ..] = rest {
                // A slice first looks its layer up.
                most = max(most, pass.plus(&[plan.index.saturating_add(1), 130]).plus(&[400]).0);
                rest = tail;
            }
        }
        most
    }
}
