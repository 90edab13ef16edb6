//! What the signals of the feedback rules have to do with the true gradient, layer by layer, on one batch.
//!
//! Two passes over the probe batch, one through W everywhere and one by the rules: about the cost of two steps. Besides the
//! true signals it holds two gradients of one layer at a time, and never a second network.

use std::collections::BTreeMap;

use asymgrad_core::capabilities::ALL;
use asymgrad_core::kernels::{Kernels, WeightGradient};
use asymgrad_core::network::Axis;
use asymgrad_core::{
    ErrorSignal, Operation, Optimizer, Sgd, StepCoefficients, StepError, Targets, Tensor, TensorRole, Trainer, Update,
};

use crate::run::{ByLayer, Measures};

/// Layers with more weights than this have no gradient angle: it would take memory of twice their size.
const MOST_WEIGHTS: usize = 1 << 22;

/// Measures a network on the batch that its input holds.
///
/// # Errors
/// [`StepError`] if the targets do not fit, or the loss is not finite.
pub fn measure<K: Kernels>(
    trainer: &mut Trainer<'_, ALL, K>,
    kernels: &impl Kernels,
    targets: Targets<'_>,
) -> Result<Measures, StepError> {
    let (network, training) = (trainer.network(), *trainer.training());
    let tensors: Vec<Tensor> = network.tensors(&training).collect();
    let weights = tensors.iter().filter(|tensor| tensor.role() == TensorRole::Weight);
    let names: Vec<(usize, String)> = weights.map(|tensor| (tensor.layer(), name(tensor))).collect();
    let position_of = |layer: usize| names.iter().position(|(index, _)| *index == layer);
    let mut true_gradients: BTreeMap<usize, Vec<f32>> = BTreeMap::new();
    trainer.probe(targets, true, &mut |signal| {
        true_gradients.insert(signal.layer, signal.gradient.grad_output.to_vec());
    })?;
    let mut measures = Measures::default();
    trainer.probe(targets, false, &mut |signal| {
        let (Some(at), Some(true_gradient)) = (position_of(signal.layer), true_gradients.get(&signal.layer)) else {
            return;
        };
        let name = &names[at].1;
        // What arrives here left the next layer with weights.
        if let Some((_, sender)) = names.get(at + 1) {
            compare(&mut measures, sender, &signal, true_gradient);
            insert(&mut measures.dead_units, name, dead_units(&signal));
        }
        insert(&mut measures.gradient_angles, name, gradient_angle(kernels, &signal.gradient, true_gradient));
    })?;
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

/// The angle between hᵀG and hᵀ of the true signal, through the kernels that train.
fn gradient_angle(kernels: &impl Kernels, job: &WeightGradient<'_>, true_gradient: &[f32]) -> Option<f64> {
    let weights = job.geometry.weight_rows() * job.geometry.in_channels;
    if weights > MOST_WEIGHTS {
        return None;
    }
    let mut sums = vec![0.0; if job.geometry.shares_weights() { weights } else { 0 }];
    let mut gradient = |job: &WeightGradient<'_>| {
        // Descent from 0 with rate 1 leaves −hᵀG.
        let (rule, mut numbers) =
            (StepCoefficients::at(Optimizer::Sgd(Sgd { rate: 1.0 }), None, 1), vec![0.0; weights]);
        let update = Update::new(rule, &mut numbers, &mut [], &mut [], &mut []);
        kernels.weight_gradient::<ALL>(job, update, &mut sums);
        numbers
    };
    let (own, true_gradient) = (gradient(job), gradient(&WeightGradient { grad_output: true_gradient, ..*job }));
    angle(pairs(&own, &true_gradient))
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
