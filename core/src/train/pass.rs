//! One layer in one direction, and the loss.
//!
//! A device's stack holds one of these functions at a time: none is inlined into another, and each looks its layer up.

use core::ops::Range;

use super::buffers::{
    State, direct_buffers, gradient_buffers, gradient_sums, layer_activations, layer_biases, layer_weights,
    targets_and_activations,
};
use super::rows::{cuts_layers, update_rows};
use super::trainer::{NOT_COUNTED, Trainer};
use crate::capabilities::{self, enabled};
use crate::kernels::step::{Corrections, StepCoefficients};
use crate::kernels::{BiasGradient, Forward, Geometry, InputGradient, Kernels, PoolGeometry, Update, WeightGradient};
use crate::network::feedback::{self, Feedback};
use crate::network::{Activation, Architecture, Operation, Optimizer, Sgd, Storage, Training, loss};
use crate::plan::LayerPlan;
use crate::random::{FeedbackSource, saturating_u32};
use crate::slices::{range, range_mut, split_mut, subslice, subslice_mut};

impl<const CAPS: u32, K: Kernels> Trainer<'_, CAPS, K> {
    /// The output of a layer: the next rows, of up to so many operations, if slices cut layers.
    #[inline(never)]
    pub(super) fn forward(&mut self, plan: &LayerPlan<'_>, operations: usize) {
        let samples = self.samples();
        let rows = self.slice_of(|| plan.forward_rows(samples), operations);
        let (input, output) = layer_activations::<CAPS>(self.work.forward, &self.training, plan, samples);
        let in_table =
            enabled::<CAPS>(capabilities::TABLE) && enabled::<CAPS>(capabilities::FROZEN) && plan.is_in_table();
        let values = if in_table { self.table } else { &*self.state };
        let weight = range(values, plan.parameter_offset, plan.weights);
        let bias = range(values, plan.parameter_offset + plan.weights, plan.biases);
        forward::<CAPS, K>(&self.kernels, plan, samples, input, (weight, bias), rows, output);
    }

    /// The score of the logits, their gradient, and what direct rules project.
    #[inline(never)]
    pub(super) fn loss(&mut self, last: &LayerPlan<'_>) {
        let samples = self.samples();
        let work = &mut self.work;
        let (targets, activations) = targets_and_activations::<CAPS>(work.forward, &self.training, last.classes);
        let logits = last.activation_offset + last.input.features();
        let logits = range_mut(activations, logits * samples, last.output.features() * samples);
        let (gradient, _) = gradient_buffers(work.even, work.odd, last, samples);
        let len = if has_values::<CAPS>(&self.training) { last.classes * samples } else { samples };
        let targets = &*range_mut(targets, 0, len);
        let of_classes = self.correct != NOT_COUNTED;
        let score = loss::score::<CAPS>(self.training.loss, logits, (targets, of_classes), samples, gradient);
        (self.loss, self.correct) = (score.loss, score.correct.unwrap_or(NOT_COUNTED));
        if enabled::<CAPS>(capabilities::DIRECT) {
            let (odd, errors, scaled) = direct_buffers::<CAPS>(work.odd, &self.network, &self.training);
            let (gradient, _) = gradient_buffers(work.even, odd, last, samples);
            errors.iter_mut().zip(gradient).for_each(|(error, g)| *error = *g);
            let len = (last.classes * samples).min(scaled.len());
            let scaled = range_mut(scaled, 0, len);
            if has_values::<CAPS>(&self.training) {
                feedback::target::scaled(targets, samples, scaled);
            } else {
                feedback::target::scaled_one_hot(targets, scaled);
            }
        }
    }

    /// Gives B the signs of W and, for a step, new magnitudes where the rule asks for them.
    pub(super) fn refresh_signs(&mut self, plan: &LayerPlan<'_>, step: Option<u64>) {
        if !enabled::<CAPS>(capabilities::SIGN) || !plan.layer.feedback.has_weight_signs() {
            return;
        }
        let (sizes, (fan_in, fan_out)) = (self.sizes(), plan.fans());
        let deviation = self.training.initial_feedback().standard_deviation(fan_in, fan_out);
        let state = State::new::<CAPS>(self.state, sizes);
        let feedback = range_mut(state.feedback, plan.feedback_offset, plan.feedback_in_memory());
        if let (Feedback::BatchSign, Some(step)) = (plan.layer.feedback, step) {
            feedback::batch_sign::redraw(feedback, libm::sqrtf(3.0) * deviation, step);
        }
        feedback::uniform_sign::copy_signs(feedback, layer_weights(state.parameters, 0, plan));
    }

    /// Moves a weight mirror towards W by the layer's response to noise, a function of `time`.
    ///
    /// The noise and the response overwrite the layer's input and output, which nothing needs after its update.
    pub(super) fn mirror_step(&mut self, plan: &LayerPlan<'_>, time: u64) {
        let Some(geometry) = Geometry::of::<CAPS>(plan) else { return };
        let (samples, sizes, rate) = (self.samples(), self.sizes(), self.training.mirror_rate);
        let state = State::new::<CAPS>(self.state, sizes);
        let mirror = range_mut(state.feedback, plan.feedback_offset, plan.feedback_in_memory());
        let parameters = &*state.parameters;
        let weight = range(parameters, plan.parameter_offset, plan.weights);
        let (_, activations) = targets_and_activations::<CAPS>(self.work.forward, &self.training, plan.classes);
        let (inputs, outputs) = (plan.input.features() * samples, plan.output.features() * samples);
        let (input, output) =
            split_mut(range_mut(activations, plan.activation_offset * samples, inputs + outputs), inputs);
        let (bound, response, leaks) = if enabled::<CAPS>(capabilities::MIRROR_OPTIONS) {
            (self.training.mirror_noise, self.training.mirror_activation(), self.training.mirror_leaks())
        } else {
            (Training::MIRROR_NOISE, None, true)
        };
        feedback::weight_mirror::noise(input, mirror, saturating_u32(plan.index), time, bound);
        // The gradient of the layer's output is no longer needed either: its memory serves as biases of 0.
        let (odd, sums) = gradient_sums(self.work.odd, plan, geometry);
        let (spent, _) = gradient_buffers(self.work.even, odd, plan, samples);
        let zeros = range_mut(spent, 0, plan.biases);
        zeros.fill(0.0);
        let bias = if enabled::<CAPS>(capabilities::MIRROR_OPTIONS) && response.is_some() {
            range(parameters, plan.parameter_offset + plan.weights, plan.biases)
        } else {
            zeros
        };
        let job = Forward { geometry, samples, input, weight, bias, activation: response };
        self.kernels.forward::<CAPS>(&job, output);
        if let Some(activation) = response {
            activation.apply::<CAPS>(output);
        }
        // Gradient descent at a negative rate: B ← (1 − η) B + η xᵀy / n.
        let shown = samples * if geometry.untied { 1 } else { geometry.positions() };
        let descent = Optimizer::Sgd(Sgd { rate: -rate / shown as f32 });
        let mut step = StepCoefficients::new::<CAPS>(descent, None, Corrections::default());
        if leaks {
            step = step.retaining(rate);
        }
        let job = WeightGradient { geometry, samples, input, grad_output: output };
        let update = Update { step, weight: mirror, first: &mut [], second: &mut [], feedback: &mut [] };
        self.kernels.weight_gradient::<CAPS>(&job, update, sums);
    }

    /// The input gradient of a layer, through the feedback of its rule or, for the true gradient, through W; the next rows as in
    /// [`Trainer::forward`].
    #[inline(never)]
    pub(super) fn input_gradient(&mut self, plan: &LayerPlan<'_>, true_gradient: bool, operations: usize) {
        let (samples, [parameters, feedback, _]) = (self.samples(), self.sizes());
        let rows = self.slice_of(|| plan.input_gradient_rows(samples), operations);
        let before = activation_before(&self.network, plan);
        let rule = if true_gradient { Feedback::Symmetric } else { plan.layer.feedback };
        let (input, _) = layer_activations::<CAPS>(self.work.forward, &self.training, plan, samples);
        let input = &*input;
        let (odd, errors, targets): (&mut [f32], &mut [f32], &mut [f32]) =
            if enabled::<CAPS>(capabilities::DIRECT) && rule.is_direct() {
                direct_buffers::<CAPS>(self.work.odd, &self.network, &self.training)
            } else {
                (self.work.odd, &mut [], &mut [])
            };
        let (grad_output, output) = gradient_buffers(self.work.even, odd, plan, samples);
        // The values that are complete after this slice.
        let mut complete = 0..output.len();
        if let Some(pool) = pool_of::<CAPS>(plan, samples) {
            if Self::SLICES
                && let Some(rows) = rows
            {
                let part = pool.of_rows(&rows);
                let (grad_output, input) = (subslice(grad_output, &part.output), subslice(input, &part.input));
                let output = subslice_mut(output, &part.input);
                self.kernels.pool_backward(&part.pool, input, grad_output, before, part.partial, output);
                complete = part.complete;
            } else {
                self.kernels.pool_backward(&pool, input, grad_output, before, 0, output);
            }
        } else if let Some(geometry) = Geometry::of::<CAPS>(plan) {
            let storage = self.training.storage();
            let weight = match rule {
                Feedback::Symmetric => range(self.state, plan.parameter_offset, plan.weights),
                _ if enabled::<CAPS>(capabilities::TABLE) && rule.is_fixed() && storage == Storage::Table => range(
                    self.table,
                    self.network.table_offset::<CAPS>(&self.training, plan.index),
                    plan.feedback_len(),
                ),
                // Empty where the feedback is regenerated.
                _ => range(self.state, parameters + plan.feedback_offset, plan.feedback_in_memory()),
            };
            let (geometry, grad_output) = if enabled::<CAPS>(capabilities::DIRECT) && rule.is_direct() {
                let direct = Geometry::direct(plan);
                let source = if rule == Feedback::Target { targets } else { errors };
                (direct, &*range_mut(source, 0, plan.classes * samples))
            } else {
                (geometry, &*grad_output)
            };
            let mask = (before == Some(Activation::Relu)).then_some(input);
            let mut job = InputGradient { geometry, samples, grad_output, weight, mask };
            let mut first_weight = 0;
            if Self::SLICES
                && let Some(rows) = rows
            {
                let part = job.of_rows(&rows);
                (job, first_weight, complete) = (part.job, part.first_weight, part.values);
            }
            let output = if Self::SLICES { subslice_mut(output, &complete) } else { &mut *output };
            if enabled::<CAPS>(capabilities::SEEDED) && rule.is_fixed() && storage == Storage::Seed {
                let seed = (parameters + feedback).wrapping_sub(Storage::SEED_LEN);
                let seed = feedback::read_seed(range(self.state, seed, Storage::SEED_LEN));
                let source = FeedbackSource::of(
                    self.training.initial_feedback(),
                    seed,
                    saturating_u32(plan.index),
                    plan.feedback_fans(),
                );
                self.kernels.input_gradient_seeded::<CAPS>(&job, &source.from(first_weight), output);
            } else {
                self.kernels.input_gradient::<CAPS>(&job, output);
            }
        }
        if let Some(before) = before {
            if Self::SLICES {
                before.derive::<CAPS>(subslice(input, &complete), subslice_mut(output, &complete));
            } else {
                before.derive::<CAPS>(input, output);
            }
        }
    }

    /// Applies the gradients of a layer's weights and biases. If slices cut layers, the biases follow in a slice after the last weights.
    pub(super) fn update(&mut self, plan: &LayerPlan<'_>, operations: usize) {
        if enabled::<CAPS>(capabilities::FROZEN) && plan.is_frozen() {
            return;
        }
        if Self::is_cut(operations) {
            let rows = plan.weight_rows(self.samples());
            if self.rows_done < rows.count {
                let slice = self.next_rows(rows, operations);
                return self.update_weights(plan, Some(slice));
            }
            self.rows_done = 0;
        } else {
            self.update_weights(plan, None);
        }
        self.update_biases(plan);
        if enabled::<CAPS>(capabilities::MIRROR) && has_mirror(plan) {
            self.mirror_step(plan, self.steps);
        }
    }

    #[inline(never)]
    fn update_weights(&mut self, plan: &LayerPlan<'_>, rows: Option<Range<usize>>) {
        let Some(geometry) = Geometry::of::<CAPS>(plan) else { return };
        let (samples, sizes, mut step) = (self.samples(), self.sizes(), self.coefficients());
        let decays = plan.needs_input_gradient && plan.layer.feedback == Feedback::KolenPollack;
        if enabled::<CAPS>(capabilities::KP_DECAY) && decays {
            step = step.retaining(self.training.kp_decay);
        }
        let (input, _) = layer_activations::<CAPS>(self.work.forward, &self.training, plan, samples);
        let (odd, sums) = gradient_sums(self.work.odd, plan, geometry);
        let (grad_output, _) = gradient_buffers(self.work.even, odd, plan, samples);
        let state = State::new::<CAPS>(self.state, sizes);
        let feedback = if enabled::<CAPS>(capabilities::UPDATED) && plan.layer.feedback.receives_weight_updates() {
            range_mut(state.feedback, plan.feedback_offset, plan.feedback_in_memory())
        } else {
            &mut []
        };
        let update = Update {
            step,
            weight: layer_weights(state.parameters, 0, plan),
            first: layer_weights(state.first, state.frozen, plan),
            second: layer_weights(state.second, state.frozen, plan),
            feedback,
        };
        let job = WeightGradient { geometry, samples, input, grad_output };
        if Self::SLICES
            && let Some(rows) = rows
        {
            update_rows::<CAPS, K>(&self.kernels, &job.of_rows(&rows), update, sums);
        } else {
            self.kernels.weight_gradient::<CAPS>(&job, update, sums);
        }
    }

    #[inline(never)]
    fn update_biases(&mut self, plan: &LayerPlan<'_>) {
        let Some(geometry) = Geometry::of::<CAPS>(plan) else { return };
        let (samples, sizes, mut step) = (self.samples(), self.sizes(), self.coefficients().for_biases());
        if enabled::<CAPS>(capabilities::BIAS_RATE) {
            step = step.scale_rate(self.training.bias_rate);
        }
        let (grad_output, _) = gradient_buffers(self.work.even, self.work.odd, plan, samples);
        let state = State::new::<CAPS>(self.state, sizes);
        let update = Update {
            step,
            weight: layer_biases(state.parameters, 0, plan),
            first: layer_biases(state.first, state.frozen, plan),
            second: layer_biases(state.second, state.frozen, plan),
            feedback: &mut [],
        };
        self.kernels.bias_gradient::<CAPS>(&BiasGradient { geometry, samples, grad_output }, update);
    }

    fn coefficients(&self) -> StepCoefficients {
        let Training { optimizer, decay, .. } = self.training;
        StepCoefficients::new::<CAPS>(optimizer, self.training.limit(), self.corrections).decay(decay)
    }
}

/// Whether the targets are stored as values.
pub(super) fn has_values<const CAPS: u32>(training: &Training) -> bool {
    enabled::<CAPS>(capabilities::VALUES) && training.loss.takes_values()
}

/// Whether a layer's feedback is a weight mirror that the backward pass uses.
pub(super) fn has_mirror(plan: &LayerPlan<'_>) -> bool {
    plan.needs_input_gradient && plan.layer.feedback == Feedback::WeightMirror
}

/// One layer forward, or some of its rows.
pub(crate) fn forward<const CAPS: u32, K: Kernels>(
    kernels: &K,
    plan: &LayerPlan<'_>,
    samples: usize,
    input: &[f32],
    (weight, bias): (&[f32], &[f32]),
    rows: Option<Range<usize>>,
    mut output: &mut [f32],
) {
    if let Some(pool) = pool_of::<CAPS>(plan, samples) {
        if cuts_layers::<CAPS, K>()
            && let Some(rows) = rows
        {
            let part = pool.of_rows(&rows);
            return kernels.pool(&part.pool, subslice(input, &part.input), subslice_mut(output, &part.output));
        }
        kernels.pool(&pool, input, output);
    } else if let Some(geometry) = Geometry::of::<CAPS>(plan) {
        // Not `then_some`: a device would keep both of its operands on the stack.
        let activation = if plan.is_last { None } else { Some(plan.layer.activation) };
        let mut job = Forward { geometry, samples, input, weight, bias, activation };
        if cuts_layers::<CAPS, K>()
            && let Some(rows) = rows
        {
            (job, output) = job.of_rows(&rows, output);
        }
        kernels.forward::<CAPS>(&job, output);
        plan.layer.activation.apply::<CAPS>(output);
    }
}

/// The geometry of a pooling layer; `None` for other layers, and for those whose code is left out.
fn pool_of<const CAPS: u32>(plan: &LayerPlan<'_>, samples: usize) -> Option<PoolGeometry> {
    let pool = |size, stride, average| PoolGeometry {
        rows: plan.input.rows(),
        cols: plan.input.cols(),
        pixel: plan.input.channels() * samples,
        size,
        stride,
        average,
    };
    match plan.layer.operation {
        Operation::MaxPool { size, stride } if enabled::<CAPS>(capabilities::MAX_POOL) => {
            Some(pool(size, stride, false))
        }
        Operation::AveragePool { size, stride } if enabled::<CAPS>(capabilities::AVERAGE_POOL) => {
            Some(pool(size, stride, true))
        }
        // One window that is clipped to the image.
        Operation::GlobalAveragePool if enabled::<CAPS>(capabilities::AVERAGE_POOL) => {
            let side = plan.input.rows().max(plan.input.cols());
            Some(pool(side, side, true))
        }
        Operation::MaxPool { .. }
        | Operation::AveragePool { .. }
        | Operation::GlobalAveragePool
        | Operation::Dense { .. }
        | Operation::Convolution { .. }
        | Operation::Untied { .. } => None,
    }
}

/// The activation whose output is a layer's input.
fn activation_before(network: &Architecture<'_>, plan: &LayerPlan<'_>) -> Option<Activation> {
    let before = plan.index.checked_sub(1).and_then(|index| network.layers().get(index));
    before.filter(|layer| layer.operation.has_weights()).map(|layer| layer.activation)
}
