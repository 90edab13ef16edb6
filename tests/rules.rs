//! Properties of each feedback rule, and its steps against the f64 oracle.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod kernel_sets;
mod oracle;
mod trained;

use std::collections::BTreeMap;

use asymgrad_core::capabilities::ALL;
use asymgrad_core::random::{FeedbackSource, SplitMix, symmetric};
use asymgrad_core::{
    Activation, Architecture, Feedback, Initial, Layer, Loss, Optimizer, Sgd, StepError, Tensor, TensorRole, Trainer,
    Training,
};
use kernel_sets::KernelSet;
use oracle::Oracle;
use trained::{SAMPLES, degrees, samples, with_trainer};

const SGD: Optimizer = Optimizer::Sgd(Sgd { rate: 0.1 });

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

/// The targets that (DRTP) projects are classes or values, divided by the number of samples.
#[test]
fn target_projection_of_classes_and_of_values_agrees_with_float64() {
    const RATE: f64 = 0.1;
    for loss in Loss::ALL.into_iter().filter(|loss| loss.takes_values()) {
        for of_values in [false, true] {
            let training = Training::new(SAMPLES).optimizer(SGD).loss(loss);
            with_trainer("input 7 - dense6.tanh - dense5.tanh(DRTP) - dense4(DRTP)", training, |trainer, x, labels| {
                let network = trainer.network();
                let mut oracle = Oracle::new(&network);
                oracle.read(&network, &training, trainer.state());
                let values: Vec<f32> = (0..SAMPLES * 4).map(|at| (at * at % 11) as f32 / 11.0).collect();
                let mut targets = oracle.one_hot(labels);
                if of_values {
                    targets = values.chunks(4).map(|of| of.iter().map(|t| f64::from(*t)).collect()).collect();
                    trainer.step(x, values.as_slice()).unwrap();
                } else {
                    trainer.step(x, labels).unwrap();
                }
                let x64: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
                let gradients = oracle.gradients_for(loss, &x64, &targets);
                oracle.update(|layer, is_bias, index| {
                    -RATE * if is_bias { gradients.bias[layer][index] } else { gradients.weight[layer][index] }
                });
                for tensor in network.tensors(&training).filter(|tensor| tensor.role() == TensorRole::Weight) {
                    for (outside, expected) in oracle.layers[tensor.layer()].weight.iter().enumerate() {
                        let found = f64::from(trainer.state()[tensor.index_of(outside)]);
                        let passes = (found - expected).abs() <= 1e-5 * expected.abs() + 1e-6;
                        assert!(passes, "{}, {of_values}, {tensor}[{outside}]: {found}, {expected}", loss.name());
                    }
                }
            });
        }
    }
}

/// The magnitudes of (brSF) in step t: |symmetric(mix(|b| ⊕ mix(i ⊕ mix(t))))| times Glorot's bound, where b is the last magnitude of
/// weight i, in bits, and mix is the hash with the constants 21f0aaad and 735a2d97 of hash-prospector.
#[test]
fn magnitudes_of_batch_sign_are_the_hash_of_step_index_and_last_magnitude() {
    fn mix(x: u32) -> u32 {
        let x = (x ^ x >> 16).wrapping_mul(0x21F0_AAAD);
        let x = (x ^ x >> 15).wrapping_mul(0x735A_2D97);
        x ^ x >> 15
    }
    let bound = (6.0_f64 / (12.0 + 5.0)).sqrt();
    with_trainer("input 9 - dense12 - dense5(brSF)", Training::new(SAMPLES).optimizer(SGD), |trainer, x, labels| {
        let tensors: Vec<Tensor> = trainer.network().tensors(trainer.training()).collect();
        for step in 1..=3 {
            let last = values_of(&tensors, trainer.state(), "dense2.feedback").to_vec();
            trainer.step(x, labels).unwrap();
            for (index, (last, found)) in
                (0..).zip(last.iter().zip(values_of(&tensors, trainer.state(), "dense2.feedback")))
            {
                let expected = bound * f64::from(symmetric(mix(last.abs().to_bits() ^ mix(index ^ mix(step)))).abs());
                let found = f64::from(found.abs());
                assert!((found - expected).abs() < 1e-6, "step {step}, weight {index}: {found}, expected {expected}");
            }
        }
    });
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
    let angles = |steps: usize| {
        let mut found = BTreeMap::new();
        let text = "input 2x5x4 - conv3x3x6 - conv3x3x6(WM) - dense20(WM) - dense4(WM)";
        with_trainer(text, training, |trainer, x, labels| {
            let tensors: Vec<Tensor> = trainer.network().tensors(&training).collect();
            for _ in 0..steps {
                trainer.step(x, labels).unwrap();
            }
            for layer in ["conv2", "dense1", "dense2"] {
                let [weight, feedback] = ["weight", "feedback"].map(|what| -> Vec<f64> {
                    let values = values_of(&tensors, trainer.state(), &format!("{layer}.{what}"));
                    values.iter().map(|x| f64::from(*x)).collect()
                });
                found.insert(layer, degrees(&weight, &feedback));
            }
        });
        found
    };
    let (before, after) = (angles(1), angles(1000));
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
