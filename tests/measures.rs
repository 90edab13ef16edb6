//! The measures of the alignment of feedback against the f64 oracle.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod oracle;
mod trained;

use asymgrad::config::MeasureSet;
use asymgrad::run::Measures;
use asymgrad::train::measure;
use asymgrad_core::arithmetic::Portable;
use asymgrad_core::capabilities::ALL;
use asymgrad_core::{Activation, Loss, Tensor, TensorRole, Trainer, Training};
use oracle::{Oracle, OracleLayer};
use trained::{SAMPLES, degrees, dot, with_trainer};

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
