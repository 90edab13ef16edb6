//! What has to hold of each feedback rule, and of what is measured about it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod oracle;

use asymgrad::run::{Measures, measure};
use asymgrad_core::arithmetic::Portable;
use asymgrad_core::kinds::ALL;
use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Architecture, Layer, Loss, Optimizer, Part, Sgd, Tensor, Trainer, Training};
use oracle::Oracle;
use rand_core::Rng;

const SGD: Optimizer = Optimizer::Sgd(Sgd { rate: 0.1 });
const SAMPLES: usize = 24;

/// A trained network's state after some steps, seen step by step.
fn train(text: &str, training: Training, steps: usize, mut see: impl FnMut(usize, &[Tensor], &[f32])) {
    with_trainer(text, training, |trainer, x, labels| {
        let tensors: Vec<Tensor> = trainer.network().tensors(&training).collect();
        see(0, &tensors, trainer.state());
        for step in 1..=steps {
            trainer.step(x, labels).unwrap();
            see(step, &tensors, trainer.state());
        }
    });
}

fn with_trainer(text: &str, training: Training, act: impl FnOnce(&mut Trainer<'_, ALL>, &[f32], &[usize])) {
    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse(text, &mut layers).unwrap();
    let mut memory = vec![0.0; network.memory(&training)];
    let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
    trainer.initialize(&mut SplitMix::new(3), 4);
    let mut generator = SplitMix::new(5);
    let x: Vec<f32> = (0..SAMPLES * network.input().features()).map(|_| symmetric(generator.next_u32())).collect();
    let labels: Vec<usize> = (0..SAMPLES).map(|sample| sample * sample % network.classes()).collect();
    act(&mut trainer, &x, &labels);
}

fn part<'s>(tensors: &[Tensor], state: &'s [f32], name: &str) -> &'s [f32] {
    &state[tensors.iter().find(|tensor| tensor.to_string() == name).unwrap().range()]
}

fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}

#[test]
fn updated_feedback_keeps_its_distance_and_kolen_pollack_shrinks_it() {
    const SHRINK: f32 = 0.01;
    for (rule, share) in [("R*", 0.0), ("KP", f64::from(SHRINK))] {
        let text = format!("input 2x5x4 - conv3x3x3 - conv3x3x4({rule}) - dense6({rule}) - dense4({rule})");
        let training = Training::new(SAMPLES).optimizer(SGD).shrink(SHRINK);
        let mut first = vec![];
        train(&text, training, 50, |step, tensors, state| {
            for (index, layer) in ["conv2", "dense1", "dense2"].into_iter().enumerate() {
                let weight = part(tensors, state, &format!("{layer}.weight"));
                let found = distance(weight, part(tensors, state, &format!("{layer}.feedback")));
                if step == 0 {
                    first.push(found);
                }
                let wanted = first[index] * (1.0 - share).powi(i32::try_from(step).unwrap());
                // Two roundings of numbers below 1 a step and weight.
                let allowed = step as f64 * f64::from(f32::EPSILON) * (weight.len() as f64).sqrt();
                assert!((found - wanted).abs() <= allowed, "{layer}({rule}), step {step}: {found} and not {wanted}");
            }
        });
    }
}

/// A step of one sample takes another path through the core's kernels: with a rate that rounds every gradient away, what is
/// left of W after t steps is (1 − λ)ᵗ W under Kolen–Pollack, and (1 − rate · decay)ᵗ W under weight decay.
#[test]
fn weights_shrink_and_decay_in_steps_of_one_sample() {
    let text = |rule| format!("input 12 - dense6 - dense4{rule}");
    let cases = [
        (text("(KP)"), Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 1e-30 })).shrink(0.01), 0.99_f64),
        (text(""), Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 1e-9 })).decay(1e7), 0.99),
    ];
    for (text, training, kept) in cases {
        with_trainer(&text, training, |trainer, x, labels| {
            let tensors: Vec<Tensor> = trainer.network().tensors(&training).collect();
            let before = part(&tensors, trainer.state(), "dense2.weight").to_vec();
            for step in 0..20 {
                trainer.step(&x[12 * step..][..12], &labels[step..=step]).unwrap();
            }
            for (before, after) in before.iter().zip(part(&tensors, trainer.state(), "dense2.weight")) {
                let wanted = f64::from(*before) * kept.powi(20);
                assert!((f64::from(*after) - wanted).abs() < 1e-5 * wanted.abs() + 1e-7, "{text}: {after}, {wanted}");
            }
        });
    }
}

#[test]
fn sign_rules_have_the_weights_signs_and_their_own_magnitudes_at_every_step() {
    for rule in ["uSF", "frSF", "brSF"] {
        let text = format!("input 2x5x4 - conv3x3x3 - conv3x3x4({rule}) - dense6.tanh({rule}) - dense4({rule})");
        let training = Training::new(SAMPLES).optimizer(Optimizer::Sgd(Sgd { rate: 0.5 }));
        with_trainer(&text, training, |trainer, x, labels| {
            let tensors: Vec<Tensor> = trainer.network().tensors(&training).collect();
            let name = |layer: &str, what: &str| format!("{layer}.{what}");
            for step in 0..20 {
                let before = trainer.state().to_vec();
                trainer.step(x, labels).unwrap();
                for layer in ["conv2", "dense1", "dense2"] {
                    // The step used B with the signs of the weights before its update.
                    let weight = part(&tensors, &before, &name(layer, "weight"));
                    let used = part(&tensors, trainer.state(), &name(layer, "feedback"));
                    let last = part(&tensors, &before, &name(layer, "feedback"));
                    let same_sign = |(w, b): (&f32, &f32)| w.is_sign_negative() == b.is_sign_negative();
                    assert!(weight.iter().zip(used).all(same_sign), "{layer}({rule}), step {step}");
                    let kept = used.iter().zip(last).filter(|(a, b)| a.abs().to_bits() == b.abs().to_bits()).count();
                    let uniform = used.iter().all(|b| b.abs().to_bits() == used[0].abs().to_bits());
                    match rule {
                        "uSF" => assert!(uniform && kept == used.len()),
                        "frSF" => assert!(!uniform && kept == used.len()),
                        _ => assert!(!uniform && kept < used.len() / 2),
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
                names.iter().flat_map(|name| part(&tensors, state, name)).map(|x| x.to_bits()).collect()
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
    let training = Training::new(SAMPLES).optimizer(Optimizer::Sgd(Sgd { rate: 1e-6 })).mirror(0.02);
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

fn measured(trainer: &mut Trainer<'_, ALL>, x: &[f32], labels: &[usize]) -> Measures {
    let network = trainer.network();
    let input = trainer.input(labels.len()).unwrap();
    network.input().load(x, labels.len(), input);
    let before = trainer.state().to_vec();
    let measures = measure(trainer, &Portable, labels).unwrap();
    assert_eq!(trainer.state(), before, "a measurement changes nothing");
    measures
}

#[test]
fn the_true_gradient_has_angle_0_and_ratio_1() {
    let text = "input 2x5x4 - conv3x3x3 - maxpool3x3/2 - untied3x3x4 - dense6.sigmoid - dense4";
    with_trainer(text, Training::new(SAMPLES), |trainer, x, labels| {
        let measures = measured(trainer, x, labels);
        for layer in ["conv2", "dense1", "dense2"] {
            for numbers in [&measures.angles, &measures.angle_spreads, &measures.gradient_angles] {
                assert!(numbers[layer].abs() < 1e-12, "{layer}: {numbers:?}");
            }
            assert!((measures.norm_ratios[layer] - 1.0).abs() < 1e-12);
        }
        assert!(measures.weight_angles.is_empty());
    });
}

/// Gradient angles, weight angles and sign agreements beside the same in float64.
#[test]
fn angles_agree_with_float64() {
    for text in [
        "input 9 - dense8.tanh - dense7(R) - dense5.sigmoid(DFA) - dense4(R*)",
        "input 2x6x5 - conv3x3x4 - avgpool3x3/2 - conv3x3x5(R) - dense7(frSF) - dense4(KP)",
    ] {
        with_trainer(text, Training::new(SAMPLES), |trainer, x, labels| {
            let measures = measured(trainer, x, labels);
            let (network, training) = (trainer.network(), *trainer.training());
            let [mut own, mut truth] = [Oracle::new(&network), Oracle::new(&network)];
            for tensor in network.tensors(&training) {
                let numbers: Vec<f64> =
                    (0..tensor.len()).map(|i| f64::from(trainer.state()[tensor.place(i)])).collect();
                let index = tensor.layer();
                match tensor.part() {
                    Part::Weight => [&mut own, &mut truth].map(|o| o.layers[index].weight = numbers.clone()),
                    Part::Bias => [&mut own, &mut truth].map(|o| o.layers[index].bias = numbers.clone()),
                    Part::Feedback => [(); 2].map(|()| own.layers[index].feedback = numbers.clone()),
                };
            }
            for layer in &mut truth.layers {
                layer.carry_truth();
            }
            let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
            let own_gradients = own.gradients(Loss::CrossEntropy, &x, labels);
            let true_gradients = truth.gradients(Loss::CrossEntropy, &x, labels);
            for tensor in network.tensors(&training) {
                let (name, index) = (tensor.to_string(), tensor.layer());
                let layer = name.split('.').next().unwrap();
                if tensor.part() == Part::Weight {
                    let wanted = degrees(&own_gradients.weight[index], &true_gradients.weight[index]);
                    assert!((measures.gradient_angles[layer] - wanted).abs() < 1e-3, "{text}, {layer}: {wanted}");
                }
                if tensor.part() == Part::Feedback && !tensor.is_direct() {
                    let (w, b) = (&own.layers[index].weight, &own.layers[index].feedback);
                    assert!((measures.weight_angles[layer] - degrees(w, b)).abs() < 1e-6, "{text}, {layer}");
                }
            }
            assert!(measures.angles.values().all(|angle| *angle > 1.0), "{text}: {measures:?}");
        });
    }
}

fn degrees(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).clamp(-1.0, 1.0).acos().to_degrees()
}
