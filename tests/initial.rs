//! Initial weights, feedback and biases have the distributions that are asked for, and a layer may have its own.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use asymgrad_core::capabilities::ALL;
use asymgrad_core::random::SplitMix;
use asymgrad_core::{Architecture, Initial, Layer, TensorRole, Trainer, TrainerError, Training};

const TEXT: &str = "input 2x6x5 - conv3x3x40 - maxpool3x3/2 - untied3x3x20(R) - dense300(R*) - dense10(DFA)";
/// Fan-in and fan-out of the weights of each layer of [`TEXT`]: taps × channels, inputs and outputs.
const FANS: [[f64; 2]; 5] = [[18.0, 360.0], [0.0, 0.0], [360.0, 180.0], [120.0, 300.0], [300.0, 10.0]];
const SEED: u64 = 4;

fn with_trainer<R>(text: &str, training: Training, act: impl FnOnce(&mut Trainer<'_, ALL>) -> R) -> R {
    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse(text, &mut layers).unwrap();
    let mut memory = vec![f32::NAN; network.memory(&training)];
    let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
    trainer.initialize(&mut SplitMix::new(3), SEED);
    act(&mut trainer)
}

/// The values of each tensor, with its layer from 0 and its role.
fn tensors(trainer: &Trainer<'_, ALL>) -> Vec<(usize, TensorRole, Vec<f32>)> {
    let network = trainer.network();
    let tensors = network.tensors(trainer.training());
    tensors.map(|tensor| (tensor.layer(), tensor.role(), trainer.state()[tensor.range()].to_vec())).collect()
}

/// The tensors that `act` changes, as layer and role.
fn changed(trainer: &mut Trainer<'_, ALL>, act: impl FnOnce(&mut Trainer<'_, ALL>)) -> Vec<(usize, TensorRole)> {
    let before = tensors(trainer);
    act(trainer);
    let after = tensors(trainer);
    let pairs = before.into_iter().zip(after).filter(|(before, after)| before.2 != after.2);
    pairs.map(|(_, (layer, role, _))| (layer, role)).collect()
}

fn mean_square(values: &[f32]) -> f64 {
    values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / values.len() as f64
}

#[test]
fn uniform_values_reach_to_their_bound_and_not_beyond() {
    type Bound = fn([f64; 2]) -> f64;
    let cases: [(Initial, Bound); 5] = [
        (Initial::Glorot, |[inputs, outputs]| (6.0 / (inputs + outputs)).sqrt()),
        (Initial::Scaled(0.5), |[inputs, outputs]| 0.5 * (6.0 / (inputs + outputs)).sqrt()),
        (Initial::Uniform(0.25), |_| 0.25),
        (Initial::UniformFanIn(1.0), |[inputs, _]| 1.0 / inputs.sqrt()),
        (Initial::UniformFanOut(3.0), |[_, outputs]| 3.0 / outputs.sqrt()),
    ];
    for (initial, bound) in cases {
        with_trainer(TEXT, Training::new(1).initial(initial, initial), |trainer| {
            for layer in 0..FANS.len() {
                trainer.draw_biases(layer, initial, &mut SplitMix::new(5)).unwrap();
            }
            for (layer, role, values) in tensors(trainer) {
                let bound = bound(FANS[layer]);
                let largest = values.iter().fold(0.0_f64, |largest, x| largest.max(f64::from(x.abs())));
                let what = format!("{initial}, layer {layer}, {role:?}: {largest} of {bound}");
                assert!(largest <= bound * 1.000_001, "{what}");
                // Ten biases are too few for more.
                assert!(largest > if role == TensorRole::Bias { 0.5 } else { 0.97 } * bound, "{what}");
                if role != TensorRole::Bias {
                    assert!((mean_square(&values) / (bound * bound / 3.0) - 1.0).abs() < 0.12, "{what}");
                }
            }
        });
    }
}

#[test]
fn normal_values_have_their_standard_deviation() {
    type Deviation = fn([f64; 2]) -> f64;
    let cases: [(Initial, Deviation); 2] =
        [(Initial::Normal(0.3), |_| 0.3), (Initial::Fan(2.0), |[inputs, outputs]| 2.0 / (inputs + outputs).sqrt())];
    for (initial, deviation) in cases {
        with_trainer(TEXT, Training::new(1).initial(initial, initial), |trainer| {
            for (layer, _, values) in tensors(trainer).into_iter().filter(|tensor| tensor.1 != TensorRole::Bias) {
                let ratio = mean_square(&values).sqrt() / deviation(FANS[layer]);
                assert!((ratio - 1.0).abs() < 0.1, "{initial}, layer {layer}: {ratio}");
            }
        });
    }
}

/// The square root of the variance: a / √3 of a uniform distribution on (−a, a).
#[test]
fn the_standard_deviation_is_that_of_the_distribution() {
    let (inputs, outputs) = (360, 180);
    let (fan_in, fan_out) = (360.0_f64, 180.0_f64);
    let glorot = (6.0 / (fan_in + fan_out)).sqrt();
    let root_3 = 3.0_f64.sqrt();
    for (initial, expected) in [
        (Initial::Glorot, glorot / root_3),
        (Initial::Scaled(0.5), 0.5 * glorot / root_3),
        (Initial::Normal(0.3), 0.3),
        (Initial::Fan(2.0), 2.0 / (fan_in + fan_out).sqrt()),
        (Initial::Zero, 0.0),
        (Initial::Uniform(0.25), 0.25 / root_3),
        (Initial::UniformFanIn(3.0), 3.0 / fan_in.sqrt() / root_3),
        (Initial::UniformFanOut(3.0), 3.0 / fan_out.sqrt() / root_3),
    ] {
        let found = f64::from(initial.standard_deviation(inputs, outputs));
        assert!((found - expected).abs() <= 1e-6 * expected, "{initial}: {found}, expected {expected}");
    }
}

/// The forms that the guide's table of distributions lists.
#[test]
fn distributions_print_as_the_command_line_takes_them() {
    for (initial, text) in [
        (Initial::Glorot, "glorot"),
        (Initial::Scaled(2.0), "scaled:2"),
        (Initial::Normal(0.05), "normal:0.05"),
        (Initial::Fan(1.0), "fan:1"),
        (Initial::Zero, "zero"),
        (Initial::Uniform(0.1), "uniform:0.1"),
        (Initial::UniformFanIn(1.0), "uniform-fan-in:1"),
        (Initial::UniformFanOut(1.5), "uniform-fan-out:1.5"),
    ] {
        assert_eq!(initial.to_string(), text);
    }
}

#[test]
fn zero_is_zero_and_biases_are_by_default() {
    with_trainer(TEXT, Training::new(1).initial(Initial::Zero, Initial::Zero), |trainer| {
        assert!(trainer.state().iter().take(trainer.parameters().len()).all(|x| x.to_bits() == 0));
        assert!(tensors(trainer).iter().all(|(_, _, values)| values.iter().all(|x| *x == 0.0)));
    });
    with_trainer(TEXT, Training::new(1), |trainer| {
        for (_, role, values) in tensors(trainer) {
            assert_eq!(values.iter().all(|x| *x == 0.0), role == TensorRole::Bias);
        }
    });
}

#[test]
fn a_layer_is_drawn_without_the_others() {
    with_trainer(TEXT, Training::new(1), |trainer| {
        let mut generator = SplitMix::new(9);
        for layer in [0, 2, 3, 4] {
            let found = changed(trainer, |t| t.draw_weights(layer, Initial::Normal(1.0), &mut generator).unwrap());
            assert_eq!(found, [(layer, TensorRole::Weight)]);
            let found = changed(trainer, |t| t.draw_biases(layer, Initial::Uniform(1.0), &mut generator).unwrap());
            assert_eq!(found, [(layer, TensorRole::Bias)]);
            let found = changed(trainer, |t| t.draw_feedback(layer, Initial::Uniform(1.0), 7).unwrap());
            let expected: &[_] = if layer == 0 { &[] } else { &[(layer, TensorRole::Feedback)] };
            assert_eq!(found, expected);
        }
        // A pooling layer, and one that does not exist.
        for layer in [1, 5] {
            let found = changed(trainer, |t| {
                t.draw_weights(layer, Initial::Uniform(1.0), &mut generator).unwrap();
                t.draw_biases(layer, Initial::Uniform(1.0), &mut generator).unwrap();
                t.draw_feedback(layer, Initial::Uniform(1.0), 7).unwrap();
            });
            assert_eq!(found, []);
        }
        for bad in [Initial::Uniform(-1.0), Initial::Normal(0.0), Initial::UniformFanIn(f32::NAN)] {
            let found = changed(trainer, |t| {
                let weights = t.draw_weights(0, bad, &mut generator).unwrap_err();
                let biases = t.draw_biases(0, bad, &mut generator).unwrap_err();
                let feedback = t.draw_feedback(2, bad, 7).unwrap_err();
                assert!([weights, biases, feedback].iter().all(|error| matches!(error, TrainerError::Coefficient(_))));
            });
            assert_eq!(found, []);
        }
    });
}

#[test]
fn a_layer_that_is_drawn_alone_has_the_values_that_all_layers_draw() {
    let normal = Initial::Normal(0.2);
    let expected = with_trainer(TEXT, Training::new(1).initial(normal, normal), |trainer| tensors(trainer));
    with_trainer(TEXT, Training::new(1), |trainer| {
        trainer.draw_weights(0, normal, &mut SplitMix::new(3)).unwrap();
        (0..FANS.len()).for_each(|layer| trainer.draw_feedback(layer, normal, SEED).unwrap());
        for (found, expected) in tensors(trainer).iter().zip(&expected) {
            if found.0 == 0 || found.1 == TensorRole::Feedback {
                assert_eq!(found, expected);
            }
        }
    });
}

#[test]
fn feedback_with_the_signs_of_the_weights_takes_those_of_new_weights() {
    with_trainer("input 20 - dense30 - dense20(uSF) - dense10(frSF)", Training::new(1), |trainer| {
        for layer in [1, 2] {
            trainer.draw_weights(layer, Initial::Uniform(1.0), &mut SplitMix::new(8)).unwrap();
            trainer.draw_feedback(layer, Initial::Uniform(0.5), 7).unwrap();
            trainer.draw_weights(layer, Initial::Uniform(1.0), &mut SplitMix::new(9)).unwrap();
            let of =
                |role| tensors(trainer).into_iter().find(|tensor| (tensor.0, tensor.1) == (layer, role)).unwrap().2;
            let (weights, feedback) = (of(TensorRole::Weight), of(TensorRole::Feedback));
            assert!(weights.iter().zip(&feedback).all(|(w, b)| w.is_sign_negative() == b.is_sign_negative()));
        }
    });
}
