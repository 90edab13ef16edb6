//! Properties of each feedback rule, and the measures of its alignment, against the f64 oracle.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod kernel_sets;
mod oracle;

use asymgrad::config::MeasureSet;
use asymgrad::run::Measures;
use asymgrad::train::measure;
use asymgrad_core::arithmetic::Portable;
use asymgrad_core::capabilities::ALL;
use asymgrad_core::random::{FeedbackSource, SplitMix, symmetric};
use asymgrad_core::{
    Activation, Architecture, Feedback, Initial, Layer, Loss, Optimizer, Sgd, StepError, Tensor, TensorRole, Trainer,
    Training,
};
use kernel_sets::KernelSet;
use oracle::{Oracle, OracleLayer};
use rand_core::Rng;

const SGD: Optimizer = Optimizer::Sgd(Sgd { rate: 0.1 });
const SAMPLES: usize = 24;

/// Trains a network and calls `visit` with the state before the first step and after each one.
fn train(text: &str, training: Training, steps: usize, mut visit: impl FnMut(usize, &[Tensor], &[f32])) {
    with_trainer(text, training, |trainer, x, labels| {
        let tensors: Vec<Tensor> = trainer.network().tensors(&training).collect();
        visit(0, &tensors, trainer.state());
        for step in 1..=steps {
            trainer.step(x, labels).unwrap();
            visit(step, &tensors, trainer.state());
        }
    });
}

/// Samples for a network, and labels with unequal class counts.
fn samples(network: &Architecture<'_>) -> (Vec<f32>, Vec<usize>) {
    let mut generator = SplitMix::new(5);
    let x = (0..SAMPLES * network.input().features()).map(|_| symmetric(generator.next_u32())).collect();
    (x, (0..SAMPLES).map(|sample| sample * sample % network.classes()).collect())
}

fn with_trainer(text: &str, training: Training, act: impl FnOnce(&mut Trainer<'_, ALL>, &[f32], &[usize])) {
    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse(text, &mut layers).unwrap();
    let mut memory = vec![0.0; network.memory(&training)];
    let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
    trainer.initialize(&mut SplitMix::new(3), 4);
    let (x, labels) = samples(&network);
    act(&mut trainer, &x, &labels);
}

/// The values of one tensor.
fn values_of<'s>(tensors: &[Tensor], state: &'s [f32], name: &str) -> &'s [f32] {
    &state[tensors.iter().find(|tensor| tensor.to_string() == name).unwrap().range()]
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn updated_feedback_keeps_its_distance_to_the_weights_and_kolen_pollack_reduces_it() {
    const LAMBDA: f32 = 0.01;
    // Weight decay is part of the update that both receive, so it changes neither.
    for (rule, lambda, decay) in
        [("R*", 0.0, 0.0), ("KP", f64::from(LAMBDA), 0.0), ("R*", 0.0, 0.5), ("KP", f64::from(LAMBDA), 0.5)]
    {
        let text = format!("input 2x5x4 - conv3x3x3 - conv3x3x4({rule}) - dense6({rule}) - dense4({rule})");
        let training = Training::new(SAMPLES).optimizer(SGD).kp_decay(LAMBDA).decay(decay);
        let mut first = vec![];
        train(&text, training, 50, |step, tensors, state| {
            for (index, layer) in ["conv2", "dense1", "dense2"].into_iter().enumerate() {
                let weight = values_of(tensors, state, &format!("{layer}.weight"));
                let found = distance(weight, values_of(tensors, state, &format!("{layer}.feedback")));
                if step == 0 {
                    first.push(found);
                }
                let expected = first[index] * (1.0 - lambda).powi(i32::try_from(step).unwrap());
                // Each step rounds each weight twice, and the weights are below 1.
                let allowed = step as f64 * f64::from(f32::EPSILON) * (weight.len() as f64).sqrt();
                assert!(
                    (found - expected).abs() <= allowed,
                    "{layer}({rule}), step {step}: found {found}, expected {expected}"
                );
            }
        });
    }
}

/// (R*) that starts at W is the true gradient, bit for bit, under every optimizer.
#[test]
fn updated_feedback_that_starts_as_the_weights_is_exact_backpropagation() {
    for optimizer in Optimizer::DEFAULTS {
        let training = Training::new(SAMPLES).optimizer(optimizer).clip(0.1).decay(0.01);
        let [updated, true_gradient] = ["(R*)", ""].map(|rule| {
            let text =
                format!("input 2x5x4 - conv3x3x3 - conv3x3x4{rule} - untied3x3x2{rule} - dense6{rule} - dense4{rule}");
            let mut parameters = vec![];
            with_trainer(&text, training, |trainer, x, labels| {
                let tensors: Vec<Tensor> = trainer.network().tensors(&training).collect();
                for feedback in tensors.iter().filter(|tensor| tensor.role() == TensorRole::Feedback) {
                    let weight =
                        tensors.iter().find(|t| t.role() == TensorRole::Weight && t.layer() == feedback.layer());
                    trainer.state_mut().copy_within(weight.unwrap().range(), feedback.range().start);
                }
                let before: Vec<u32> = trainer.parameters().iter().map(|x| x.to_bits()).collect();
                for _ in 0..20 {
                    trainer.step(x, labels).unwrap();
                }
                parameters = trainer.parameters().iter().map(|x| x.to_bits()).collect();
                assert_ne!(parameters, before);
            });
            parameters
        });
        assert_eq!(updated, true_gradient, "{}", optimizer.name());
    }
}

/// A step of one sample takes another path through the core's kernels. The rate is so small that every gradient is rounded
/// away: after t steps W is (1 − λ)ᵗ W under Kolen–Pollack, and (1 − rate · decay)ᵗ W under weight decay.
#[test]
fn weights_decay_in_steps_of_one_sample() {
    let text = |rule| format!("input 12 - dense6 - dense4{rule}");
    let cases = [
        (text("(KP)"), Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 1e-30 })).kp_decay(0.01), 0.99_f64),
        (text(""), Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 1e-9 })).decay(1e7), 0.99),
    ];
    for (text, training, retained) in cases {
        with_trainer(&text, training, |trainer, x, labels| {
            let tensors: Vec<Tensor> = trainer.network().tensors(&training).collect();
            let before = values_of(&tensors, trainer.state(), "dense2.weight").to_vec();
            for step in 0..20 {
                trainer.step(&x[12 * step..][..12], &labels[step..=step]).unwrap();
            }
            for (before, after) in before.iter().zip(values_of(&tensors, trainer.state(), "dense2.weight")) {
                let expected = f64::from(*before) * retained.powi(20);
                assert!(
                    (f64::from(*after) - expected).abs() < 1e-5 * expected.abs() + 1e-7,
                    "{text}: {after}, {expected}"
                );
            }
        });
    }
}

#[test]
fn sign_rules_have_the_signs_of_the_weights_and_their_own_magnitudes_at_every_step() {
    for rule in ["uSF", "frSF", "brSF"] {
        let text = format!("input 2x5x4 - conv3x3x3 - conv3x3x4({rule}) - dense6.tanh({rule}) - dense4({rule})");
        let training = Training::new(SAMPLES).optimizer(Optimizer::Sgd(Sgd { rate: 0.5 }));
        with_trainer(&text, training, |trainer, x, labels| {
            let tensors: Vec<Tensor> = trainer.network().tensors(&training).collect();
            let name = |layer: &str, tensor: &str| format!("{layer}.{tensor}");
            for step in 0..20 {
                let before = trainer.state().to_vec();
                trainer.step(x, labels).unwrap();
                for layer in ["conv2", "dense1", "dense2"] {
                    // The step used B with the signs of the weights before its update.
                    let weight = values_of(&tensors, &before, &name(layer, "weight"));
                    let used = values_of(&tensors, trainer.state(), &name(layer, "feedback"));
                    let last = values_of(&tensors, &before, &name(layer, "feedback"));
                    let same_sign = |(w, b): (&f32, &f32)| w.is_sign_negative() == b.is_sign_negative();
                    assert!(weight.iter().zip(used).all(same_sign), "{layer}({rule}), step {step}");
                    let unchanged =
                        used.iter().zip(last).filter(|(a, b)| a.abs().to_bits() == b.abs().to_bits()).count();
                    let uniform = used.iter().all(|b| b.abs().to_bits() == used[0].abs().to_bits());
                    match rule {
                        "uSF" => assert!(uniform && unchanged == used.len()),
                        "frSF" => assert!(!uniform && unchanged == used.len()),
                        _ => assert!(!uniform && unchanged < used.len() / 2),
                    }
                }
            }
        });
    }
}

#[test]
fn hidden_updates_under_target_projection_do_not_depend_on_the_output() {
    let mut hidden = vec![];
    for scale in [1.0, -3.0] {
        let training = Training::new(SAMPLES).optimizer(SGD);
        with_trainer("input 7 - dense6.tanh - dense5.tanh(DRTP) - dense4(DRTP)", training, |trainer, x, labels| {
            let tensors: Vec<Tensor> = trainer.network().tensors(&training).collect();
            let last = tensors.iter().find(|tensor| tensor.to_string() == "dense3.weight").unwrap().range();
            let bits = |state: &[f32]| -> Vec<u32> {
                let names = ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"];
                names.iter().flat_map(|name| values_of(&tensors, state, name)).map(|x| x.to_bits()).collect()
            };
            let before = bits(trainer.state());
            trainer.state_mut()[last].iter_mut().for_each(|w| *w *= scale);
            trainer.step(x, labels).unwrap();
            assert_ne!(bits(trainer.state()), before, "the hidden layers are never trained");
            hidden.push(bits(trainer.state()));
        });
    }
    assert_eq!(hidden[0], hidden[1]);
}

#[test]
fn a_mirror_learns_the_weights() {
    let training = Training::new(SAMPLES).optimizer(Optimizer::Sgd(Sgd { rate: 1e-6 })).mirror_rate(0.02);
    let measures = |steps: usize| {
        let mut found = Measures::default();
        with_trainer(
            "input 2x5x4 - conv3x3x6 - conv3x3x6(WM) - dense20(WM) - dense4(WM)",
            training,
            |trainer, x, labels| {
                for _ in 0..steps {
                    trainer.step(x, labels).unwrap();
                }
                found = measured(trainer, x, labels);
            },
        );
        found.weight_angles
    };
    let (before, after) = (measures(1), measures(1000));
    for layer in ["conv2", "dense1", "dense2"] {
        assert!(before[layer] > 70.0, "{layer}: {before:?}");
        assert!(after[layer] < 35.0, "{layer}: {after:?}");
    }
}

/// Each round adds η (xᵀy / n − B) to B. With x of variance 1 and fourth moment 9/5, the mean of xᵀy / n is W and its variance,
/// summed over the weights of a layer with N inputs, ‖W‖² (N − 1/5) / n; the variance of B converges to η / (2 − η) of that.
#[test]
fn warmed_up_mirrors_differ_from_the_weights_by_the_variance_of_their_noise() {
    const RATE: f32 = 0.02;
    let training = Training::new(SAMPLES).mirror_rate(RATE);
    with_trainer("input 9 - dense60 - dense50(WM) - dense4(WM)", training, |trainer, x, labels| {
        let tensors: Vec<Tensor> = trainer.network().tensors(&training).collect();
        let before = trainer.state().to_vec();
        // Twice 4 / η rounds: e⁻⁸ of the initial B is left, far below its noise.
        trainer.warm_up_mirrors(400).unwrap();
        for tensor in &tensors {
            let same = before[tensor.range()] == trainer.state()[tensor.range()];
            assert_eq!(same, tensor.role() != TensorRole::Feedback, "{tensor}");
        }
        let (w, b) =
            ["weight", "feedback"].map(|what| values_of(&tensors, trainer.state(), &format!("dense2.{what}"))).into();
        let fraction = f64::from(RATE) / (2.0 - f64::from(RATE));
        let expected = (fraction * (60.0 - 0.2) / SAMPLES as f64).sqrt();
        let found = distance(w, b) / distance(w, &vec![0.0; w.len()]);
        assert!((found / expected - 1.0).abs() < 0.1, "found {found}, expected {expected}");

        trainer.step(x, labels).unwrap();
        trainer.input(labels.len()).unwrap();
        drop(trainer.start(labels).unwrap());
        assert_eq!(trainer.warm_up_mirrors(1), Err(StepError::StepRunning));
    });
}

/// One mirror step in float64 on given noise: B ← (1 − η) B + η ξᵀy / n, or without the leak, with y = ξW or y = f(ξW + b).
fn mirrored(
    [feedback, weight, bias]: [&[f64]; 3],
    noise: &[Vec<f64>],
    (rate, response, leaks): (f64, Option<Activation>, bool),
) -> Vec<f64> {
    let inputs = weight.len() / bias.len();
    let retain = if leaks { 1.0 - rate } else { 1.0 };
    let mut mirror: Vec<f64> = feedback.iter().map(|b| retain * b).collect();
    for noise in noise {
        for ((row, weight), bias) in mirror.chunks_mut(inputs).zip(weight.chunks(inputs)).zip(bias) {
            let product: f64 = weight.iter().zip(noise).map(|(w, x)| w * x).sum();
            let y = match response {
                None => product,
                Some(Activation::Sigmoid) => 1.0 / (1.0 + (-product - bias).exp()),
                Some(Activation::Tanh) => (product + bias).tanh(),
                Some(_) => (product + bias).max(0.0),
            };
            row.iter_mut().zip(noise).for_each(|(b, x)| *b += rate / SAMPLES as f64 * y * x);
        }
    }
    mirror
}

/// Combinations of a mirror's settings on the noise that the core draws, in a warm-up round and in the round after a step. The authors'
/// code is the third row: B ← B + 0.01 ξᵀσ(ξW + b), summed over the samples.
#[test]
fn settings_of_mirrors_agree_with_float64() {
    const SUM: f32 = 0.01 * SAMPLES as f32;
    const ROOT: f32 = Training::MIRROR_NOISE;
    for (rate, bound, response, leaks) in [
        (0.02, ROOT, None, true),
        (0.02, 0.5, None, true),
        (SUM, 0.05, Some(Activation::Sigmoid), false),
        (0.02, 0.5, Some(Activation::Tanh), true),
        (1.5, 0.5, Some(Activation::Relu), false),
        (1.5, ROOT, None, false),
    ] {
        let training = Training::new(SAMPLES).optimizer(SGD).mirror_rate(rate).mirror_noise(bound);
        let training = response.map_or(training, |f| training.mirror_response(f));
        let training = if leaks { training } else { training.no_mirror_leak() };
        for set in KernelSet::all() {
            let mut layers = [Layer::dense(1); 3];
            let network = Architecture::parse("input 9 - dense8 - dense7.tanh(WM) - dense4(WM)", &mut layers).unwrap();
            let mut memory = vec![0.0; network.memory(&training)];
            let mut trainer = Trainer::<ALL, _>::with_kernels(network, training, &mut memory, &set).unwrap();
            trainer.initialize(&mut SplitMix::new(3), 4);
            for layer in 0..3 {
                trainer.draw_biases(layer, Initial::Uniform(1.0), &mut SplitMix::new(6)).unwrap();
            }
            let ((x, labels), tensors) = (samples(&network), network.tensors(&training).collect::<Vec<Tensor>>());
            for time in [u64::MAX, 1] {
                let before = trainer.state().to_vec();
                if time == 1 {
                    trainer.step(&x, labels.as_slice()).unwrap();
                } else {
                    trainer.warm_up_mirrors(1).unwrap();
                }
                for number in [2, 3] {
                    let of = |state, what: &str| -> Vec<f64> {
                        let values = values_of(&tensors, state, &format!("dense{number}.{what}"));
                        values.iter().map(|x| f64::from(*x)).collect()
                    };
                    let (weight, bias) = (of(trainer.state(), "weight"), of(trainer.state(), "bias"));
                    let first = values_of(&tensors, &before, &format!("dense{number}.feedback"))[0].to_bits();
                    let source = FeedbackSource::new(u64::from(first) << 32 ^ time, number - 1, bound);
                    let at = |input, sample| f64::from(source.at(u32::try_from(input * SAMPLES + sample).unwrap()));
                    let inputs = weight.len() / bias.len();
                    let noise: Vec<Vec<f64>> =
                        (0..SAMPLES).map(|sample| (0..inputs).map(|input| at(input, sample)).collect()).collect();
                    let feedback = of(&before, "feedback");
                    let expected = mirrored([&feedback, &weight, &bias], &noise, (rate.into(), response, leaks));
                    let largest = expected.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
                    for (found, expected) in of(trainer.state(), "feedback").iter().zip(&expected) {
                        let passes = (found - expected).abs() <= 1e-5 * expected.abs() + 1e-6 * largest;
                        assert!(passes, "{response:?}, {bound}, {leaks}, {set}: {found}, {expected}");
                    }
                }
            }
        }
    }
}

fn measured(trainer: &mut Trainer<'_, ALL>, x: &[f32], labels: &[usize]) -> Measures {
    let network = trainer.network();
    let input = trainer.input(labels.len()).unwrap();
    network.input().load(x, labels.len(), input);
    let before = trainer.state().to_vec();
    let measures = measure(trainer, &Portable, labels, MeasureSet::All).unwrap();
    assert_eq!(trainer.parameters(), &before[..trainer.parameters().len()], "a measurement changes no weight");
    assert_eq!(trainer.state(), before, "a measurement changes nothing");
    measures
}

#[test]
fn the_true_gradient_has_angle_0_and_ratio_1() {
    let text = "input 2x5x4 - conv3x3x3 - maxpool3x3/2 - untied3x3x4 - dense6.sigmoid - dense4";
    with_trainer(text, Training::new(SAMPLES), |trainer, x, labels| {
        let measures = measured(trainer, x, labels);
        for layer in ["conv2", "dense1", "dense2"] {
            for degrees in [&measures.angles, &measures.angle_spreads, &measures.gradient_angles] {
                assert!(degrees[layer].abs() < 1e-12, "{layer}: {degrees:?}");
            }
            assert!((measures.norm_ratios[layer] - 1.0).abs() < 1e-12);
        }
        assert!(measures.update_angles["all"] < 1e-6);
        assert!(measures.weight_angles.is_empty());
    });
}

/// Compares every measure with float64, under every rule, in networks with dead units.
#[test]
fn measures_agree_with_float64() {
    for text in [
        "input 9 - dense8.tanh - dense7(R) - dense5.sigmoid(DFA) - dense4(R*)",
        "input 2x6x5 - conv3x3x4 - avgpool3x3/2 - conv3x3x5(R) - dense7(frSF) - dense4(KP)",
        "input 9 - dense8 - dense7(uSF) - dense6.tanh(WM) - dense5(DRTP) - dense4(brSF)",
        "input 2x5x4 - conv3x3x3 - maxpool3x3/2 - untied3x3x4(KP) - dense6.sigmoid(brSF) - dense4",
        "input 2x9x8 - conv3x2x4/2 - untied4x2x5/2(R) - untied2x1x4.valid(KP) - globalavgpool - dense6(uSF) - dense4",
    ] {
        with_trainer(text, Training::new(SAMPLES), |trainer, x, labels| {
            let bias =
                trainer.network().tensors(&Training::new(SAMPLES)).find(|t| t.role() == TensorRole::Bias).unwrap();
            let first = bias.index_of(0);
            trainer.state_mut()[first] = -100.0;
            let found = measured(trainer, x, labels);
            let expected = measures_in_float64(trainer, x, labels);
            // Error signals agree to 1e-5, so angles in degrees agree to 1e-3.
            for (measure, found, expected, allowed) in [
                ("angles", &found.angles, &expected.angles, 1e-3),
                ("angle_spreads", &found.angle_spreads, &expected.angle_spreads, 1e-3),
                ("norm_ratios", &found.norm_ratios, &expected.norm_ratios, 1e-5),
                ("gradient_angles", &found.gradient_angles, &expected.gradient_angles, 1e-3),
                ("weight_angles", &found.weight_angles, &expected.weight_angles, 1e-6),
                ("sign_agreements", &found.sign_agreements, &expected.sign_agreements, 1e-9),
                ("dead_units", &found.dead_units, &expected.dead_units, 1e-9),
                ("signal_ranks", &found.signal_ranks, &expected.signal_ranks, 1e-4),
                ("signal_cosines", &found.signal_cosines, &expected.signal_cosines, 1e-5),
                ("activation_cosines", &found.activation_cosines, &expected.activation_cosines, 1e-5),
                ("gate_participation", &found.gate_participation, &expected.gate_participation, 1e-5),
                ("saturated_units", &found.saturated_units, &expected.saturated_units, 1e-9),
                ("path_cosines", &found.path_cosines, &expected.path_cosines, 1e-9),
                ("update_angles", &found.update_angles, &expected.update_angles, 1e-3),
                ("sharpnesses", &found.sharpnesses, &expected.sharpnesses, 1e-4),
            ] {
                assert!(found.keys().eq(expected.keys()), "{text}, {measure}: {found:?}, {expected:?}");
                for (layer, expected) in expected {
                    assert!(
                        (found[layer] - expected).abs() < allowed,
                        "{text}, {measure}, {layer}: {found:?}, {expected}"
                    );
                }
            }
            assert!(expected.dead_units.values().any(|percent| *percent > 0.0) && !expected.weight_angles.is_empty());
        });
    }
}

/// The expected result of `measure`, by the f64 oracle.
fn measures_in_float64(trainer: &Trainer<'_, ALL>, x: &[f32], labels: &[usize]) -> Measures {
    let (network, training) = (trainer.network(), *trainer.training());
    let [mut own, mut symmetric] = [Oracle::new(&network), Oracle::new(&network)];
    own.read(&network, &training, trainer.state());
    symmetric.read(&network, &training, trainer.state());
    symmetric.layers.iter_mut().for_each(OracleLayer::use_true_gradient);
    let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
    let activations: Vec<_> = x.chunks(x.len() / SAMPLES).map(|x| own.forward(x)).collect();
    let [a, b] = [&own, &symmetric].map(|oracle| oracle.gradients(Loss::CrossEntropy, &x, labels));
    let mut measures = Measures::default();
    let name = |tensor: &Tensor| tensor.to_string().split('.').next().unwrap().to_owned();
    let weighted: Vec<Tensor> = network.tensors(&training).filter(|t| t.role() == TensorRole::Weight).collect();
    for tensor in &weighted {
        let layer = tensor.layer();
        measures.gradient_angles.insert(name(tensor), degrees(&a.weight[layer], &b.weight[layer]));
        let (w, feedback) = (&own.layers[layer].weight, &own.layers[layer].feedback);
        if !feedback.is_empty() && !network.layers()[layer].feedback.is_direct() {
            let used = own.layers[layer].used();
            let both = w.iter().zip(feedback).zip(&used).filter(|(_, used)| **used);
            let (w, feedback): (Vec<f64>, Vec<f64>) = both.map(|((w, b), _)| (*w, *b)).unzip();
            measures.weight_angles.insert(name(tensor), degrees(&w, &feedback));
            let same = w.iter().zip(&feedback).filter(|(w, b)| w.signum() == b.signum()).count();
            measures.sign_agreements.insert(name(tensor), 100.0 * same as f64 / w.len() as f64);
        }
    }
    for (receiver, sender) in weighted.iter().zip(&weighted[1..]) {
        let layer = receiver.layer();
        let (signal, true_signal) = (&a.grad_output[layer], &b.grad_output[layer]);
        let features = signal.len() / SAMPLES;
        let of_sample = signal.chunks(features).zip(true_signal.chunks(features)).map(|(a, b)| degrees(a, b));
        // Where all units are dead for a sample, its error signal is 0 and has no angle.
        let angles: Vec<f64> = of_sample.filter(|angle| angle.is_finite()).collect();
        let mean = angles.iter().sum::<f64>() / angles.len() as f64;
        let variance = angles.iter().map(|angle| (angle - mean).powi(2)).sum::<f64>() / angles.len() as f64;
        measures.angles.insert(name(sender), mean);
        measures.angle_spreads.insert(name(sender), variance.sqrt());
        measures.norm_ratios.insert(name(sender), (dot(signal, signal) / dot(true_signal, true_signal)).sqrt());
        let output = |sample: usize, unit: usize| activations[sample][layer + 1][unit].to_bits();
        let is_dead = |unit: &usize| (0..SAMPLES).all(|sample| output(sample, *unit) == output(0, *unit));
        let dead = (0..features).filter(is_dead).count();
        measures.dead_units.insert(name(receiver), 100.0 * dead as f64 / features as f64);
        let signals: Vec<&[f64]> = signal.chunks(features).collect();
        let outputs: Vec<&[f64]> = activations.iter().map(|of| &of[layer + 1][..features]).collect();
        measures.signal_ranks.insert(name(sender), effective_rank(&signals));
        measures.signal_cosines.insert(name(sender), mean_cosine(&signals));
        measures.activation_cosines.insert(name(receiver), mean_cosine(&outputs));
        let activation = network.layers()[layer].activation;
        let squares: Vec<f64> = (0..features)
            .map(|unit| outputs.iter().map(|h| derivative(activation, h[unit]).powi(2)).sum::<f64>() / SAMPLES as f64)
            .collect();
        let participation = squares.iter().sum::<f64>().powi(2) / (features as f64 * dot(&squares, &squares));
        measures.gate_participation.insert(name(receiver), participation);
        if activation != Activation::Relu {
            let middle = if activation == Activation::Sigmoid { 0.5 } else { 0.0 };
            let mean = |unit: usize| outputs.iter().map(|h| h[unit]).sum::<f64>() / SAMPLES as f64;
            let near_an_end = |unit: &usize| (mean(*unit) - middle).abs() / (1.0 - middle) > 0.9;
            let saturated = (0..features).filter(near_an_end).count();
            measures.saturated_units.insert(name(receiver), 100.0 * saturated as f64 / features as f64);
        }
        if network.layers()[sender.layer()].feedback.is_direct() {
            measures.path_cosines.insert(name(sender), path_cosine(&own.layers[sender.layer()..], features));
        }
    }
    let flat = |of: &[Vec<f64>]| of.concat();
    measures.update_angles.insert("all".into(), degrees(&flat(&a.weight), &flat(&b.weight)));
    measures.sharpnesses.insert("all".into(), sharpness(&mut symmetric, &a.weight, &x, labels));
    measures
}

/// The exponential of the entropy of the squared singular values of the rows, which are the eigenvalues of their products.
fn effective_rank(rows: &[&[f64]]) -> f64 {
    let mut products: Vec<Vec<f64>> = rows.iter().map(|a| rows.iter().map(|b| dot(a, b)).collect()).collect();
    let squares = eigenvalues(&mut products);
    let total: f64 = squares.iter().sum();
    let shares = squares.iter().map(|square| square / total).filter(|share| *share > 0.0);
    shares.map(|share| -share * share.ln()).sum::<f64>().exp()
}

/// The eigenvalues of a symmetric matrix, by Jacobi's rotations.
fn eigenvalues(matrix: &mut [Vec<f64>]) -> Vec<f64> {
    let size = matrix.len();
    for _ in 0..30 {
        for (p, q) in (0..size).flat_map(|p| (p + 1..size).map(move |q| (p, q))) {
            let angle = 0.5 * (2.0 * matrix[p][q]).atan2(matrix[q][q] - matrix[p][p]);
            let (sin, cos) = angle.sin_cos();
            let rotate = |a: f64, b: f64| (cos * a - sin * b, sin * a + cos * b);
            for row in &mut *matrix {
                (row[p], row[q]) = rotate(row[p], row[q]);
            }
            let (above, below) = matrix.split_at_mut(q);
            for (a, b) in above[p].iter_mut().zip(&mut below[0]) {
                (*a, *b) = rotate(*a, *b);
            }
        }
    }
    (0..size).map(|at| matrix[at][at]).collect()
}

/// The mean cosine of the pairs of rows that are not 0.
fn mean_cosine(rows: &[&[f64]]) -> f64 {
    let rows: Vec<&[f64]> = rows.iter().copied().filter(|row| dot(row, row) > 0.0).collect();
    let pairs = (0..rows.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
    let cosines: Vec<f64> = pairs.map(|(a, b)| degrees(rows[a], rows[b]).to_radians().cos()).collect();
    cosines.iter().sum::<f64>() / cosines.len() as f64
}

fn derivative(activation: Activation, h: f64) -> f64 {
    match activation {
        Activation::Sigmoid => h * (1.0 - h),
        Activation::Tanh => 1.0 - h * h,
        _ => f64::from(u8::from(h > 0.0)),
    }
}

/// The mean over units of the cosine between a unit's feedback from the classes and the product of the weights of `layers`.
fn path_cosine(layers: &[OracleLayer], units: usize) -> f64 {
    let (classes, feedback) = (layers.last().unwrap().bias.len(), &layers[0].feedback);
    let cosine = |unit: usize| {
        let mut values: Vec<f64> = (0..units).map(|at| f64::from(u8::from(at == unit))).collect();
        for layer in layers {
            values = layer.weight.chunks(values.len()).map(|row| dot(row, &values)).collect();
        }
        let feedback: Vec<f64> = (0..classes).map(|class| feedback[class * units + unit]).collect();
        dot(&values, &feedback) / (dot(&values, &values) * dot(&feedback, &feedback)).sqrt()
    };
    (0..units).map(cosine).sum::<f64>() / units as f64
}

/// The curvature along `direction`, by the same central difference as the measure's.
fn sharpness(network: &mut Oracle, direction: &[Vec<f64>], x: &[f64], labels: &[usize]) -> f64 {
    let weights: Vec<Vec<f64>> = network.layers.iter().map(|layer| layer.weight.clone()).collect();
    let [norm, of_weights] = [direction, &weights[..]].map(|of| of.iter().map(|of| dot(of, of)).sum::<f64>().sqrt());
    let step = 1e-3 * of_weights;
    let mut slope = |signed: f64| {
        for ((layer, w), d) in network.layers.iter_mut().zip(&weights).zip(direction) {
            layer.weight = w.iter().zip(d).map(|(w, d)| w + signed * d / norm).collect();
        }
        let gradients = network.gradients(Loss::CrossEntropy, x, labels);
        gradients.weight.iter().zip(direction).map(|(g, d)| dot(g, d)).sum::<f64>() / norm
    };
    (slope(step) - slope(-step)) / (2.0 * step)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn degrees(a: &[f64], b: &[f64]) -> f64 {
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).clamp(-1.0, 1.0).acos().to_degrees()
}

/// Compares steps under every rule with float64, on every kernel set, with clipping, weight decay and the decay of
/// Kolen–Pollack at once. The random values, the magnitudes of (brSF) and the mirrors, are those of the core.
#[test]
fn steps_under_every_rule_agree_with_float64() {
    const RATE: f64 = 0.1;
    const CLIP: f64 = 0.02;
    const DECAY: f64 = 0.25;
    const KP_DECAY: f64 = 0.03125;
    let training = Training::new(SAMPLES).optimizer(SGD).clip(0.02).decay(0.25).kp_decay(0.03125);
    for text in [
        "input 9 - dense8.tanh - dense7(KP) - dense6(uSF) - dense5(KP) - dense4(frSF)",
        "input 2x6x5 - conv3x3x4 - conv3x3x3(KP) - maxpool3x3/2 - untied3x3x3(KP) - dense5.sigmoid(brSF) - dense4(R*)",
        "input 9 - dense8 - dense7(WM) - dense6(DFA) - dense5.tanh(DRTP) - dense4(R)",
    ] {
        for set in KernelSet::all() {
            let mut layers = [Layer::dense(1); 8];
            let network = Architecture::parse(text, &mut layers).unwrap();
            let mut memory = vec![0.0; network.memory(&training)];
            let mut trainer = Trainer::<ALL, _>::with_kernels(network, training, &mut memory, &set).unwrap();
            trainer.initialize(&mut SplitMix::new(3), 4);
            let (x, labels) = samples(&network);
            let x64: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
            let mut oracle = Oracle::new(&network);
            oracle.read(&network, &training, trainer.state());
            oracle.kp_decay = KP_DECAY;
            for _ in 0..3 {
                let before = trainer.state().to_vec();
                trainer.step(&x, labels.as_slice()).unwrap();
                for tensor in network.tensors(&training).filter(|tensor| tensor.role() == TensorRole::Feedback) {
                    let state = match network.layers()[tensor.layer()].feedback {
                        Feedback::WeightMirror => &before,
                        Feedback::BatchSign => trainer.state(),
                        _ => continue,
                    };
                    let values = (0..tensor.len()).map(|outside| f64::from(state[tensor.index_of(outside)]));
                    oracle.layers[tensor.layer()].feedback = values.collect();
                }
                oracle.refresh_signs();
                let gradients = oracle.gradients(Loss::CrossEntropy, &x64, &labels);
                let weights: Vec<Vec<f64>> = oracle.layers.iter().map(|layer| layer.weight.clone()).collect();
                oracle.update(|layer, is_bias, index| {
                    if is_bias {
                        return -RATE * gradients.bias[layer][index];
                    }
                    -RATE * (gradients.weight[layer][index].clamp(-CLIP, CLIP) + DECAY * weights[layer][index])
                });
            }
            for tensor in network.tensors(&training) {
                let layer = &oracle.layers[tensor.layer()];
                let expected = match tensor.role() {
                    TensorRole::Weight => &layer.weight,
                    TensorRole::Bias => &layer.bias,
                    // The core has made one more mirror step.
                    TensorRole::Feedback if network.layers()[tensor.layer()].feedback == Feedback::WeightMirror => {
                        continue;
                    }
                    TensorRole::Feedback => &layer.feedback,
                };
                let largest = expected.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
                for (outside, expected) in expected.iter().enumerate() {
                    let found = f64::from(trainer.state()[tensor.index_of(outside)]);
                    let passes = (found - expected).abs() <= 1e-5 * expected.abs() + 1e-6 * largest;
                    assert!(passes, "{text}, {set}, {tensor}[{outside}]: {found}, {expected}");
                }
            }
        }
    }
}

/// Fixed feedback at a rate that is too large is chaotic: a float64 training whose weights are rounded to float32 after each
/// step diverges from an exact one as fast as the core does. Under the true gradient the core stays close.
#[test]
fn where_fixed_feedback_is_chaotic_the_core_diverges_from_float64_as_rounding_does() {
    let training = Training::new(SAMPLES).optimizer(Optimizer::Sgd(Sgd { rate: 1.0 })).loss(Loss::BinaryCrossEntropy);
    let distances = |rule: &str| {
        let text = format!("input 30 - dense60.sigmoid - dense6{rule}");
        let mut distances = vec![];
        with_trainer(&text, training, |trainer, x, labels| {
            let network = trainer.network();
            let x: Vec<f32> = x.iter().map(|x| x.abs()).collect();
            let x64: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
            let [mut exact, mut rounded] = [Oracle::new(&network), Oracle::new(&network)];
            let mut core = Oracle::new(&network);
            exact.read(&network, &training, trainer.state());
            rounded.read(&network, &training, trainer.state());
            for _ in 0..60 {
                for oracle in [&mut exact, &mut rounded] {
                    let gradients = oracle.gradients(Loss::BinaryCrossEntropy, &x64, labels);
                    oracle.update(
                        |layer, is_bias, index| {
                            -if is_bias { gradients.bias[layer][index] } else { gradients.weight[layer][index] }
                        },
                    );
                }
                let values = rounded.layers.iter_mut().flat_map(|layer| layer.weight.iter_mut().chain(&mut layer.bias));
                #[expect(clippy::cast_possible_truncation, reason = "the test rounds")]
                values.for_each(|value| *value = f64::from(*value as f32));
                trainer.step(&x, labels).unwrap();
                core.read(&network, &training, trainer.state());
                let from_exact = |oracle: &Oracle| {
                    let pairs = oracle.layers.iter().zip(&exact.layers);
                    let squares = pairs.flat_map(|(a, b)| a.weight.iter().zip(&b.weight)).map(|(a, b)| (a - b).powi(2));
                    squares.sum::<f64>().sqrt()
                };
                distances.push((from_exact(&core), from_exact(&rounded)));
            }
        });
        distances
    };
    let fixed = distances("(R)");
    assert!(fixed.iter().all(|(core, rounded)| *core < 100.0 * rounded), "{fixed:?}");
    assert!(fixed[59].1 > 1e5 * fixed[0].1, "no chaos: {fixed:?}");
    let symmetric = distances("");
    assert!(symmetric.iter().all(|(core, _)| *core < 1e-4), "{symmetric:?}");
}

/// Steps are the same whether somebody looks in between or not, and what is exported is what the next step uses.
#[test]
fn a_probe_changes_no_step_and_renewed_feedback_is_that_of_the_next_step() {
    for rule in ["uSF", "frSF", "brSF", "WM", "KP", "R*", "DFA"] {
        let text = format!("input 2x5x4 - conv3x3x3 - conv3x3x4({rule}) - dense6.tanh({rule}) - dense4({rule})");
        let training = Training::new(SAMPLES).optimizer(Optimizer::Sgd(Sgd { rate: 0.5 }));
        with_trainer(&text, training, |probed, x, labels| {
            let network = probed.network();
            let mut memories = [vec![0.0; network.memory(&training)], vec![0.0; network.memory(&training)]];
            let [memory, other] = &mut memories;
            let mut alone = Trainer::<ALL>::new(network, training, memory).unwrap();
            alone.state_mut().copy_from_slice(probed.state());
            for step in 0..10 {
                let input = probed.input(labels.len()).unwrap();
                network.input().load(x, labels.len(), input);
                for true_gradient in [false, true] {
                    probed.probe(labels, true_gradient, &mut |_| {}).unwrap();
                }
                let mut exported = Trainer::<ALL>::new(network, training, &mut *other).unwrap();
                exported.state_mut().copy_from_slice(alone.state());
                exported.resume(alone.steps());
                exported.refresh_feedback();
                probed.step(x, labels).unwrap();
                alone.step(x, labels).unwrap();
                let bits = |state: &[f32]| state.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(probed.state()), bits(alone.state()), "{rule}, step {step}");
                let feedback = |tensor: &Tensor| tensor.role() == TensorRole::Feedback && rule.ends_with("SF");
                for tensor in network.tensors(&training).filter(feedback) {
                    let [used, expected] = [alone.state(), exported.state()].map(|state| bits(&state[tensor.range()]));
                    assert_eq!(used, expected, "{rule}, step {step}, {tensor}");
                }
            }
        });
    }
}
