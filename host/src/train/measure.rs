//! What the signals of the feedback rules have to do with the true gradient, layer by layer, on one batch.
//!
//! Two passes over the probe batch, one through W everywhere and one by the rules: about the cost of two steps. Besides the
//! true signals it holds two gradients of one layer at a time, and never a second network. [`MeasureSet::All`] takes two more passes and
//! the time of two more steps, and holds the weights and their gradients.

use std::collections::BTreeMap;

use asymgrad_core::capabilities::ALL;
use asymgrad_core::kernels::{Kernels, WeightGradient};
use asymgrad_core::network::Axis;
use asymgrad_core::{Activation, ErrorSignal, Operation, StepError, Targets, Tensor, TensorRole, Trainer};

use super::signals;
use super::whole_network::{WholeNetwork, weight_gradient};
use crate::config::MeasureSet;
use crate::run::{ByLayer, Measures};

/// Layers with more weights than this have no gradient angle: it would take memory of twice their size.
const MOST_WEIGHTS: usize = 1 << 22;
/// The name of what is measured over all layers.
const ALL_LAYERS: &str = "all";

/// Measures a network on the batch that its input holds.
///
/// # Errors
/// [`StepError`] if the targets do not fit, or the loss is not finite.
pub fn measure<'t, K: Kernels>(
    trainer: &mut Trainer<'_, ALL, K>,
    kernels: &impl Kernels,
    targets: impl Into<Targets<'t>>,
    set: MeasureSet,
) -> Result<Measures, StepError> {
    let (network, training, targets) = (trainer.network(), *trainer.training(), targets.into());
    let tensors: Vec<Tensor> = network.tensors(&training).collect();
    let weights: Vec<&Tensor> = tensors.iter().filter(|tensor| tensor.role() == TensorRole::Weight).collect();
    let names: Vec<(usize, String)> = weights.iter().map(|tensor| (tensor.layer(), name(tensor))).collect();
    let position_of = |layer: usize| names.iter().position(|(index, _)| *index == layer);
    let mut true_gradients: BTreeMap<usize, Vec<f32>> = BTreeMap::new();
    trainer.probe(targets, true, &mut |signal| {
        true_gradients.insert(signal.layer, signal.gradient.grad_output.to_vec());
    })?;
    let (mut measures, mut whole) = (Measures::default(), WholeNetwork::default());
    trainer.probe(targets, false, &mut |signal| {
        let (Some(at), Some(true_gradient)) = (position_of(signal.layer), true_gradients.get(&signal.layer)) else {
            return;
        };
        let name = &names[at].1;
        // What arrives here left the next layer with weights.
        if let Some((_, sender)) = names.get(at + 1) {
            compare(&mut measures, sender, &signal, true_gradient);
            insert(&mut measures.dead_units, name, dead_units(&signal));
            if set == MeasureSet::All {
                samples(&mut measures, (sender, name), &signal, network.layers()[signal.layer].activation);
            }
        }
        if weights[at].len() > MOST_WEIGHTS {
            return;
        }
        let true_job = WeightGradient { grad_output: true_gradient, ..signal.gradient };
        let [own, true_gradient] = [&signal.gradient, &true_job].map(|job| weight_gradient(kernels, job));
        insert(&mut measures.gradient_angles, name, angle(pairs(&own, &true_gradient)));
        if set == MeasureSet::All {
            whole.add(signal.layer, own, &true_gradient);
        }
    })?;
    if set == MeasureSet::All {
        of_paths(&mut measures, trainer.state(), &tensors);
        if weights.iter().all(|tensor| tensor.len() <= MOST_WEIGHTS) {
            insert(&mut measures.update_angles, ALL_LAYERS, whole.angle());
            let sharpness = whole.sharpness(trainer, kernels, targets, &weights)?;
            insert(&mut measures.sharpnesses, ALL_LAYERS, sharpness);
        }
    }
    let stored = tensors.iter().filter(|tensor| tensor.role() == TensorRole::Feedback && !tensor.is_direct());
    for feedback in stored {
        let weight =
            tensors.iter().find(|tensor| tensor.role() == TensorRole::Weight && tensor.layer() == feedback.layer());
        let Some(weight) = weight else { continue };
        let (w, b) = (&trainer.state()[weight.range()], &trainer.state()[feedback.range()]);
        let name = name(feedback);
        let used = || on_image(weight, w, b);
        insert(&mut measures.weight_angles, &name, angle(used()));
        let same = used().filter(|(w, b)| (*w > 0.0) == (*b > 0.0)).count();
        measures.sign_agreements.insert(name, 100.0 * same as f64 / used().count() as f64);
    }
    Ok(measures)
}

/// The weights and feedback weights of a layer side by side, without an untied layer's taps that lie on padding, which
/// nothing reads or trains. Those of a tap lie together, as [row, col, tap, out, in].
fn on_image<'a>(tensor: &Tensor<'_>, w: &'a [f32], b: &'a [f32]) -> impl Iterator<Item = (f64, f64)> + Clone + 'a {
    let input = tensor.input();
    let ((rows, cols), block) = match tensor.operation() {
        Operation::Untied { filters, kernel } => (kernel.axes(input), filters * input.channels()),
        _ => ((Axis::ONE, Axis::ONE), w.len()),
    };
    let is_used = move |index: usize| {
        let (tap_col, index) = (index % cols.taps, index / cols.taps);
        let (tap_row, position) = (index % rows.taps, index / rows.taps);
        let reads = |axis: Axis, at, tap| (axis.padding..axis.input + axis.padding).contains(&(at * axis.stride + tap));
        reads(rows, position / cols.output, tap_row) && reads(cols, position % cols.output, tap_col)
    };
    let blocks = w.chunks(block).zip(b.chunks(block)).enumerate();
    blocks.filter(move |(index, _)| is_used(*index)).flat_map(|(_, (w, b))| pairs(w, b))
}

/// `dense2` of `dense2.weight`.
fn name(tensor: &Tensor) -> String {
    let name = tensor.to_string();
    name.split('.').next().unwrap_or_default().to_owned()
}

fn insert(numbers: &mut ByLayer, name: &str, number: Option<f64>) {
    if let Some(number) = number.filter(|number| number.is_finite()) {
        numbers.insert(name.to_owned(), number);
    }
}

/// The angles and the norms of a signal beside the true one, feature × sample.
fn compare(measures: &mut Measures, name: &str, signal: &ErrorSignal<'_>, true_gradient: &[f32]) {
    let (samples, arriving) = (signal.gradient.samples, signal.gradient.grad_output);
    let of_sample = |sample: usize| pairs(&arriving[sample..], &true_gradient[sample..]).step_by(samples);
    let angles: Vec<f64> = (0..samples).filter_map(|sample| angle(of_sample(sample))).collect();
    let mean = angles.iter().sum::<f64>() / angles.len() as f64;
    let variance = angles.iter().map(|angle| (angle - mean).powi(2)).sum::<f64>() / angles.len() as f64;
    insert(&mut measures.angles, name, Some(mean));
    insert(&mut measures.angle_spreads, name, Some(variance.sqrt()));
    let norms = norms(pairs(arriving, true_gradient));
    insert(&mut measures.norm_ratios, name, Some(norms.0 / norms.1));
}

/// The measures of the signal that a layer receives from `sender`, and of its outputs, over the samples.
fn samples(measures: &mut Measures, (sender, name): (&str, &str), signal: &ErrorSignal<'_>, activation: Activation) {
    let (count, arriving) = (signal.gradient.samples, signal.gradient.grad_output);
    insert(&mut measures.signal_ranks, sender, signals::effective_rank(arriving, count));
    insert(&mut measures.signal_cosines, sender, signals::mean_cosine(arriving, count));
    insert(&mut measures.activation_cosines, name, signals::mean_cosine(signal.output, count));
    insert(&mut measures.gate_participation, name, signals::gate_participation(signal.output, count, activation));
    insert(&mut measures.saturated_units, name, signals::saturated_units(signal.output, count, activation));
}

/// The cosines of direct feedback to the product of the weights from its layer to the classes, as long as all of these layers are dense.
fn of_paths(measures: &mut Measures, state: &[f32], tensors: &[Tensor<'_>]) {
    let mut product: Option<Vec<f64>> = None;
    let mut layer = None;
    for tensor in tensors.iter().rev().filter(|tensor| tensor.role() == TensorRole::Weight) {
        let inputs = tensor.input().features();
        let is_next = layer.is_none_or(|layer| tensor.layer() + 1 == layer);
        if !matches!(tensor.operation(), Operation::Dense { .. }) || !is_next {
            return;
        }
        layer = Some(tensor.layer());
        let weight = &state[tensor.range()];
        let through = match product {
            None => weight.iter().map(|w| f64::from(*w)).collect(),
            Some(product) => multiply(&product, weight, inputs),
        };
        let feedback = tensors.iter().find(|of| of.is_direct() && of.layer() == tensor.layer());
        if let Some(feedback) = feedback {
            let cosine = signals::mean_cosine_of_units(&through, &state[feedback.range()], inputs);
            insert(&mut measures.path_cosines, &name(tensor), cosine);
        }
        product = Some(through);
    }
}

/// `[class, out]` times `[out, in]`.
fn multiply(product: &[f64], weight: &[f32], inputs: usize) -> Vec<f64> {
    let mut result = vec![];
    for row in product.chunks_exact((weight.len() / inputs).max(1)) {
        let mut sums = vec![0.0; inputs];
        for (m, weights) in row.iter().zip(weight.chunks_exact(inputs)) {
            sums.iter_mut().zip(weights).for_each(|(sum, w)| *sum += m * f64::from(*w));
        }
        result.extend(sums);
    }
    result
}

/// The share of outputs that are the same for all samples, in percent.
fn dead_units(signal: &ErrorSignal<'_>) -> Option<f64> {
    let units = signal.output.chunks_exact(signal.gradient.samples.max(1));
    let (all, dead) = units.fold((0_u32, 0_u32), |(all, dead), unit| {
        let same = unit.iter().all(|h| h.to_bits() == unit[0].to_bits());
        (all + 1, dead + u32::from(same))
    });
    (signal.gradient.samples > 1).then_some(100.0 * f64::from(dead) / f64::from(all))
}

fn pairs<'a>(a: &'a [f32], b: &'a [f32]) -> impl Iterator<Item = (f64, f64)> + Clone + 'a {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a), f64::from(*b)))
}

fn norms(pairs: impl Iterator<Item = (f64, f64)>) -> (f64, f64) {
    let (a, b) = pairs.fold((0.0, 0.0), |(sum_a, sum_b), (a, b)| (sum_a + a * a, sum_b + b * b));
    (a.sqrt(), b.sqrt())
}

/// The angle between two vectors in degrees, `None` if one is zero. Exact for small angles, where the cosine is not
/// (Kahan 2006): 2 atan(‖a/‖a‖ − b/‖b‖‖ / ‖a/‖a‖ + b/‖b‖‖).
fn angle(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> Option<f64> {
    let (a_norm, b_norm) = norms(pairs.clone());
    if a_norm == 0.0 || b_norm == 0.0 {
        return None;
    }
    let (apart, along) = norms(pairs.map(|(a, b)| (a / a_norm - b / b_norm, a / a_norm + b / b_norm)));
    Some(2.0 * libm::atan2(apart, along).to_degrees())
}
