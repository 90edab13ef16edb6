//! One layer, forward and back, and the loss between.
//!
//! A device's stack holds one of these functions at a time: none is part of another, and each looks its layer up.

use super::Trainer;
use super::regions::{State, biases_of, direct, neighbours, part, slice, sums_of, take, turn, weights_of};
use crate::activation::Activation;
use crate::architecture::{Architecture, Operation, Site};
use crate::feedback::{self, Feedback, Storage, counter};
use crate::kernels::{Backward, BiasGradient, Forward, Kernels, Pool, Product, WeightGradient};
use crate::kinds::{self, has};
use crate::loss;
use crate::optimizer::{Corrections, Optimizer, Rule, Sgd, Update};
use crate::random::FeedbackSource;
use crate::training::Training;

impl<const KINDS: u32, K: Kernels> Trainer<'_, KINDS, K> {
    #[inline(never)]
    pub(super) fn forward(&mut self, site: &Site<'_>) {
        let samples = self.samples();
        let (input, output) = neighbours(self.work.activations, self.training.batch, site, samples);
        let (weight, bias) = (slice(self.state, site.parameters, site.weights), site.parameters + site.weights);
        let bias = slice(self.state, bias, site.biases);
        forward::<KINDS, K>(&self.kernels, site, samples, input, weight, bias, output);
    }

    #[inline(never)]
    pub(super) fn loss(&mut self, last: &Site<'_>) {
        let samples = self.samples();
        let work = &mut self.work;
        let (labels, rest) = take(work.activations, self.training.batch);
        let (_, scores) = neighbours(rest, 0, last, samples);
        let (gradient, _) = turn(work.even, work.odd, last, samples);
        let labels = part(labels, 0, samples);
        self.score = loss::score::<KINDS>(self.training.loss, scores, labels, gradient);
        if has::<KINDS>(kinds::DIRECT) {
            let (odd, errors, targets) = direct(work.odd, &self.network, &self.training);
            let (gradient, _) = turn(work.even, odd, last, samples);
            errors.iter_mut().zip(gradient).for_each(|(error, g)| *error = *g);
            feedback::target::project(labels, part(targets, 0, last.classes * samples));
        }
    }

    /// Gives B the signs of W, and new magnitudes where the rule asks for them.
    fn renew(&mut self, site: &Site<'_>) {
        if !has::<KINDS>(kinds::SIGN) || !site.layer.feedback.has_weights_signs() {
            return;
        }
        let (steps, sizes, (inputs, outputs)) = (self.steps, self.sizes(), site.fans());
        let deviation = self.training.feedback.deviation(inputs, outputs);
        let state = State::of::<KINDS>(self.state, sizes);
        let feedback = part(state.feedback, site.feedback, site.feedback_weights());
        if site.layer.feedback == Feedback::BatchSign {
            feedback::batch_sign::redraw(feedback, libm::sqrtf(3.0) * deviation, steps);
        }
        feedback::uniform_sign::copy_signs(feedback, weights_of(state.parameters, 0, site));
    }

    /// Shows a layer noise and moves its mirror towards what comes out. The noise and the answer lie where the layer's
    /// input and output lay, which nothing needs after its update. The noise is a function of `time`.
    pub(super) fn reflect(&mut self, site: &Site<'_>, time: u64) {
        let Some(product) = product_of::<KINDS>(site) else { return };
        let (samples, sizes, share) = (self.samples(), self.sizes(), self.training.mirror);
        let state = State::of::<KINDS>(self.state, sizes);
        let mirror = part(state.feedback, site.feedback, site.feedback_weights());
        let weight = weights_of(state.parameters, 0, site);
        let (inputs, outputs) = (site.input.features() * samples, site.output.features() * samples);
        let both = part(self.work.activations, self.training.batch + site.features * samples, inputs + outputs);
        let (input, output) = both.split_at_mut_checked(inputs).unwrap_or((&mut [], &mut []));
        feedback::weight_mirror::noise(input, mirror, counter(site.index), time);
        // The gradient of the layer's output has done its work, too: its place holds biases of 0.
        let (odd, sums) = sums_of(self.work.odd, site, product);
        let (spent, _) = turn(self.work.even, odd, site, samples);
        let bias = part(spent, 0, site.biases);
        bias.fill(0.0);
        self.kernels.forward::<KINDS>(&Forward { product, samples, input, weight, bias, relu: false }, output);
        // Descent by the negative share: B ← (1 − η) B + η xᵀy / n.
        let shown = samples * if product.untied { 1 } else { product.positions() };
        let descent = Optimizer::Sgd(Sgd { rate: -share / shown as f32 });
        let rule = Rule::new::<KINDS>(descent, None, Corrections::default()).shrink(share);
        let job = WeightGradient { product, samples, input, gradient: output };
        let update = Update { rule, weight: mirror, first: &mut [], second: &mut [], feedback: &mut [] };
        self.kernels.weight_gradient::<KINDS>(&job, update, sums);
    }

    /// The signal that a layer sends back, through what its rule says or, for the `truth`, through W.
    #[inline(never)]
    pub(super) fn backward(&mut self, site: &Site<'_>, truth: bool) {
        let samples = self.samples();
        if !truth {
            self.renew(site);
        }
        let before = activation_before(&self.network, site);
        let relu = before == Some(Activation::Relu);
        let rule = if truth { Feedback::Symmetric } else { site.layer.feedback };
        let (input, _) = neighbours(self.work.activations, self.training.batch, site, samples);
        let (odd, errors, targets): (&mut [f32], &mut [f32], &mut [f32]) =
            if has::<KINDS>(kinds::DIRECT) && rule.is_direct() {
                direct(self.work.odd, &self.network, &self.training)
            } else {
                (self.work.odd, &mut [], &mut [])
            };
        let (gradient, output) = turn(self.work.even, odd, site, samples);
        if let Some(pool) = pool_of::<KINDS>(site, samples) {
            self.kernels.pool_backward(&pool, input, gradient, relu, output);
        } else if let Some(product) = product_of::<KINDS>(site) {
            let storage = self.training.storage;
            let weight = match rule {
                Feedback::Symmetric => slice(self.state, site.parameters, site.weights),
                _ if has::<KINDS>(kinds::TABLE) && rule.is_fixed() && storage == Storage::Table => {
                    slice(self.table, self.network.table_offset(&self.training, site.index), site.feedback_numbers())
                }
                // Nothing where it is drawn.
                _ => slice(self.state, self.parameters + site.feedback, site.feedback_weights()),
            };
            let (product, gradient) = if has::<KINDS>(kinds::DIRECT) && rule.is_direct() {
                let (inputs, outputs) = (site.input.features(), site.classes);
                let direct = Product { rows: 1, cols: 1, inputs, outputs, kernel: 1, untied: false };
                (direct, &*part(if rule == Feedback::Target { targets } else { errors }, 0, outputs * samples))
            } else {
                (product, &*gradient)
            };
            let mask = relu.then_some(input);
            let job = Backward { product, samples, gradient, weight, mask };
            if has::<KINDS>(kinds::DRAWN) && rule.is_fixed() && storage == Storage::Seed {
                let seed =
                    slice(self.state, (self.parameters + self.feedback).wrapping_sub(Storage::SEED), Storage::SEED);
                let (seed, layer) = (feedback::read_seed(seed), counter(site.index));
                let source = FeedbackSource::of(self.training.feedback, seed, layer, site.feedback_fans());
                self.kernels.backward_drawn::<KINDS>(&job, &source, output);
            } else {
                self.kernels.backward::<KINDS>(&job, output);
            }
        }
        if let Some(before) = before {
            before.derive::<KINDS>(input, output);
        }
    }

    /// The gradients of a layer's weights and biases, into the optimizer.
    pub(super) fn update(&mut self, site: &Site<'_>) {
        if has::<KINDS>(kinds::FROZEN) && site.is_frozen() {
            return;
        }
        let Some(product) = product_of::<KINDS>(site) else { return };
        self.update_weights(site, product);
        self.update_biases(site, product);
        if has::<KINDS>(kinds::MIRROR) && is_mirror(site) {
            self.reflect(site, self.steps);
        }
    }

    #[inline(never)]
    fn update_weights(&mut self, site: &Site<'_>, product: Product) {
        let (samples, sizes, mut rule) = (self.samples(), self.sizes(), self.rule());
        if has::<KINDS>(kinds::SHRINK) && site.sends_back && site.layer.feedback == Feedback::KolenPollack {
            rule = rule.shrink(self.training.shrink);
        }
        let (input, _) = neighbours(self.work.activations, self.training.batch, site, samples);
        let (odd, sums) = sums_of(self.work.odd, site, product);
        let (gradient, _) = turn(self.work.even, odd, site, samples);
        let state = State::of::<KINDS>(self.state, sizes);
        let feedback = if has::<KINDS>(kinds::UPDATED) && site.layer.feedback.follows_weight() {
            part(state.feedback, site.feedback, site.feedback_weights())
        } else {
            &mut []
        };
        let (weight, first, second) = (
            weights_of(state.parameters, 0, site),
            weights_of(state.first, state.frozen, site),
            weights_of(state.second, state.frozen, site),
        );
        let update = Update { rule, weight, first, second, feedback };
        self.kernels.weight_gradient::<KINDS>(&WeightGradient { product, samples, input, gradient }, update, sums);
    }

    #[inline(never)]
    fn update_biases(&mut self, site: &Site<'_>, product: Product) {
        let (samples, sizes, rule) = (self.samples(), self.sizes(), self.rule().unclipped());
        let (gradient, _) = turn(self.work.even, self.work.odd, site, samples);
        let state = State::of::<KINDS>(self.state, sizes);
        let (weight, first, second) = (
            biases_of(state.parameters, 0, site),
            biases_of(state.first, state.frozen, site),
            biases_of(state.second, state.frozen, site),
        );
        let update = Update { rule, weight, first, second, feedback: &mut [] };
        self.kernels.bias_gradient::<KINDS>(&BiasGradient { product, samples, gradient }, update);
    }

    fn rule(&self) -> Rule {
        let Training { optimizer, decay, .. } = self.training;
        Rule::new::<KINDS>(optimizer, self.training.limit(), self.corrections).decay(decay)
    }
}

/// Whether a layer's feedback is a weight mirror that is used.
pub(super) fn is_mirror(site: &Site<'_>) -> bool {
    site.sends_back && site.layer.feedback == Feedback::WeightMirror
}

/// One layer forward.
pub(crate) fn forward<const KINDS: u32, K: Kernels>(
    kernels: &K,
    site: &Site<'_>,
    samples: usize,
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    output: &mut [f32],
) {
    if let Some(pool) = pool_of::<KINDS>(site, samples) {
        kernels.pool(&pool, input, output);
    } else if let Some(product) = product_of::<KINDS>(site) {
        let relu = !site.last && site.layer.activation == Activation::Relu;
        kernels.forward::<KINDS>(&Forward { product, samples, input, weight, bias, relu }, output);
        site.layer.activation.apply::<KINDS>(output);
    }
}

/// The product of a layer with weights.
pub(super) fn product_of<const KINDS: u32>(site: &Site<'_>) -> Option<Product> {
    let (input, output) = (site.input, site.output);
    let image = |kernel, untied| Product {
        rows: input.rows(),
        cols: input.cols(),
        inputs: input.channels(),
        outputs: output.channels(),
        kernel,
        untied,
    };
    match site.layer.operation {
        Operation::Dense { outputs } if has::<KINDS>(kinds::DENSE) => {
            Some(Product { rows: 1, cols: 1, inputs: input.features(), outputs, kernel: 1, untied: false })
        }
        Operation::Convolution { kernel, .. } if has::<KINDS>(kinds::CONVOLUTION) => Some(image(kernel, false)),
        Operation::Untied { kernel, .. } if has::<KINDS>(kinds::UNTIED) => Some(image(kernel, true)),
        _ => None,
    }
}

/// The pooling of a layer without weights.
fn pool_of<const KINDS: u32>(site: &Site<'_>, samples: usize) -> Option<Pool> {
    let pool = |size, stride, average| Pool {
        rows: site.input.rows(),
        cols: site.input.cols(),
        pixel: site.input.channels() * samples,
        size,
        stride,
        average,
    };
    match site.layer.operation {
        Operation::MaxPool { size, stride } if has::<KINDS>(kinds::MAX_POOL) => Some(pool(size, stride, false)),
        Operation::AveragePool { size, stride } if has::<KINDS>(kinds::AVERAGE_POOL) => Some(pool(size, stride, true)),
        _ => None,
    }
}

/// The activation whose output is a layer's input.
fn activation_before(network: &Architecture<'_>, site: &Site<'_>) -> Option<Activation> {
    let before = site.index.checked_sub(1).and_then(|index| network.layers().get(index));
    before.filter(|layer| layer.operation.has_weights()).map(|layer| layer.activation)
}
