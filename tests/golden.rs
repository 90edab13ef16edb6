//! PyTorch's golden vectors: layers, losses, optimizers and whole trainings, on every kernel set of this machine.
//!
//! `golden/make_golden.py` describes what each file holds and the tolerance of a float32 result.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "golden/reader.rs"]
mod reader;

mod kernel_sets;

use std::collections::BTreeSet;

use asymgrad_core::capabilities::ALL;
use asymgrad_core::kernels::{BiasGradient, Forward, Geometry, InputGradient, Kernels, PoolGeometry, WeightGradient};
use asymgrad_core::{
    Activation, Adam, Architecture, ErrorSignal, Feedback, Kernel, Layer, Loss, Momentum, Optimizer, Padding, RmsProp,
    Sgd, Shape, StepCoefficients, TensorRole, Trainer, Training, Update,
};
use kernel_sets::KernelSet;
use reader::Golden;

/// A golden file and the function that checks it.
type Check = (&'static str, fn(&Golden, &KernelSet));

const LAYERS: &[Check] = &[
    ("dense", dense),
    ("conv2d", convolution),
    ("untied_conv2d", convolution),
    ("untied_equals_tied", untied_equals_tied),
    ("conv2d_3x5", convolution),
    ("conv2d_4x2", convolution),
    ("conv2d_5x3_stride2", convolution),
    ("conv2d_4x4_stride2", convolution),
    ("conv2d_4x3_stride2_valid", convolution),
    ("conv2d_1x5_stride2", convolution),
    ("conv2d_1x1_stride3", convolution),
    ("untied_conv2d_3x3_stride2", convolution),
    ("untied_conv2d_2x5_stride2_valid", convolution),
    ("globalavgpool", pooling),
    ("maxpool_32", pooling),
    ("maxpool_9", pooling),
    ("avgpool_32", pooling),
    ("avgpool_9", pooling),
    ("activation_relu", relu),
    ("activation_sigmoid", activation),
    ("activation_tanh", activation),
];

const LOSSES: &[Check] = &[
    ("loss_cross_entropy", loss),
    ("loss_sigmoid_binary_cross_entropy", loss),
    ("loss_hinge_crammer_singer", loss),
    ("loss_hinge_weston_watkins", loss),
    ("loss_softmax_hinge_crammer_singer", loss),
    ("loss_softmax_hinge_weston_watkins", loss),
    ("loss_values_binary_cross_entropy_1", loss),
    ("loss_values_binary_cross_entropy_6", loss),
    ("loss_values_huber_1", loss),
    ("loss_values_huber_6", loss),
    ("loss_values_mean_squared_1", loss),
    ("loss_values_mean_squared_6", loss),
];

const OPTIMIZERS: &[Check] = &[
    ("optim_sgd", optimizer),
    ("optim_momentum", optimizer),
    ("optim_nesterov", optimizer),
    ("optim_adam", optimizer),
    ("optim_rmsprop", optimizer),
    ("optim_rmsprop_clip_value_0.1", optimizer),
    ("optim_rmsprop_clip_value_0.1_decay_0.01", optimizer),
    ("optim_sgd_clip_value_0.1", optimizer),
    ("optim_momentum_clip_value_0.1", optimizer),
    ("optim_nesterov_clip_value_0.1", optimizer),
    ("optim_adam_clip_value_0.1", optimizer),
    ("optim_sgd_clip_value_0.1_decay_0.01", optimizer),
    ("optim_adam_clip_value_0.1_decay_0.01", optimizer),
];

const TRAININGS: &[Check] = &[
    ("train_symmetric0_adam", training),
    ("train_symmetric0_sgd", training),
    ("train_fixed1_adam", training),
    ("train_fixed1_sgd", training),
    ("train_fixed2_adam", training),
    ("train_fixed2_sgd", training),
    ("train_updated1_adam", training),
    ("train_updated1_sgd", training),
    ("train_updated2_adam", training),
    ("train_updated2_sgd", training),
];

#[test]
fn layers_agree_with_pytorch() {
    run(LAYERS);
}

#[test]
fn losses_agree_with_pytorch() {
    run(LOSSES);
}

#[test]
fn optimizers_agree_with_pytorch() {
    run(OPTIMIZERS);
}

#[test]
fn trainings_agree_with_pytorch() {
    run(TRAININGS);
}

#[test]
fn every_golden_file_is_checked() {
    let files: BTreeSet<String> = std::fs::read_dir(reader::FOLDER)
        .unwrap()
        .filter_map(|entry| {
            entry.unwrap().file_name().to_str().unwrap().strip_suffix(".safetensors").map(str::to_owned)
        })
        .collect();
    let checks = [LAYERS, LOSSES, OPTIMIZERS, TRAININGS].concat();
    let named: BTreeSet<String> = checks.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, named);
}

fn run(checks: &[Check]) {
    for set in KernelSet::all() {
        for (name, check) in checks {
            check(&Golden::read(name), &set);
        }
    }
}

/// Converts `[sample][channel][row][col]` to the core's order, `[row][col][channel][sample]`, and back.
fn inside(outside: &[f32], [samples, channels, positions]: [usize; 3]) -> Vec<f32> {
    let mut inside = vec![0.0; outside.len()];
    for (index, x) in outside.iter().enumerate() {
        let (sample, channel, position) =
            (index / (channels * positions), index / positions % channels, index % positions);
        inside[(position * channels + channel) * samples + sample] = *x;
    }
    inside
}

fn outside(inside: &[f32], [samples, channels, positions]: [usize; 3]) -> Vec<f32> {
    let mut outside = vec![0.0; inside.len()];
    for (index, x) in inside.iter().enumerate() {
        let (position, channel, sample) = (index / (channels * samples), index / samples % channels, index % samples);
        outside[(sample * channels + channel) * positions + position] = *x;
    }
    outside
}

/// Converts filters `[position][out][in][tap]` to the core's order, `[position][tap][out][in]`, and back.
fn filters_inside(outside: &[f32], geometry: Geometry) -> Vec<f32> {
    filters(outside, geometry, true)
}

fn filters_outside(inside: &[f32], geometry: Geometry) -> Vec<f32> {
    filters(inside, geometry, false)
}

fn filters(from: &[f32], geometry: Geometry, inwards: bool) -> Vec<f32> {
    let (taps, block) = (geometry.taps(), geometry.in_channels * geometry.out_channels);
    let mut to = vec![0.0; from.len()];
    for position in 0..from.len() / (taps * block) {
        for pair in 0..block {
            for tap in 0..taps {
                let (outside, inside) =
                    ((position * block + pair) * taps + tap, (position * taps + tap) * block + pair);
                let (source, target) = if inwards { (outside, inside) } else { (inside, outside) };
                to[target] = from[source];
            }
        }
    }
    to
}

/// The operands of one layer, in the core's order.
struct Operands {
    geometry: Geometry,
    samples: usize,
    x: Vec<f32>,
    dy: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    feedback: Vec<f32>,
}

impl Operands {
    fn y(&self, set: &KernelSet) -> Vec<f32> {
        let Self { geometry, samples, .. } = *self;
        let mut y = vec![f32::NAN; geometry.positions() * geometry.out_channels * samples];
        let job =
            Forward { geometry, samples, input: &self.x, weight: &self.weight, bias: &self.bias, activation: None };
        set.forward::<ALL>(&job, &mut y);
        y
    }

    fn dx(&self, set: &KernelSet, weight: &[f32]) -> Vec<f32> {
        let Self { geometry, samples, .. } = *self;
        let mut dx = vec![f32::NAN; self.x.len()];
        set.input_gradient::<ALL>(
            &InputGradient { geometry, samples, grad_output: &self.dy, weight, mask: None },
            &mut dx,
        );
        dx
    }

    /// dL/dW, the negative of the weights after one step of plain gradient descent at rate 1 from 0.
    fn dw(&self, set: &KernelSet) -> Vec<f32> {
        let Self { geometry, samples, .. } = *self;
        let (mut weight, mut sums) = (vec![0.0; self.weight.len()], vec![f32::NAN; self.weight.len()]);
        let job = WeightGradient { geometry, samples, input: &self.x, grad_output: &self.dy };
        let sums = if geometry.shares_weights() { sums.as_mut_slice() } else { &mut [] };
        set.weight_gradient::<ALL>(&job, descent(&mut weight), sums);
        weight.iter().map(|w| -w).collect()
    }

    fn db(&self, set: &KernelSet) -> Vec<f32> {
        let Self { geometry, samples, .. } = *self;
        let mut bias = vec![0.0; self.bias.len()];
        set.bias_gradient::<ALL>(&BiasGradient { geometry, samples, grad_output: &self.dy }, descent(&mut bias));
        bias.iter().map(|b| -b).collect()
    }
}

/// w ← w − g.
fn descent(weight: &mut [f32]) -> Update<'_> {
    let step = StepCoefficients::at(Optimizer::Sgd(Sgd { rate: 1.0 }), None, 1);
    Update::new(step, weight, &mut [], &mut [], &mut [])
}

fn dense(golden: &Golden, set: &KernelSet) {
    let [samples, inputs] = golden.shape("x")[..] else { panic!() };
    let outputs = golden.shape("y")[1];
    let layer = Operands {
        geometry: Geometry::dense(inputs, outputs),
        samples,
        x: inside(&golden.floats("x"), [samples, inputs, 1]),
        dy: inside(&golden.floats("dy"), [samples, outputs, 1]),
        weight: golden.floats("weight"),
        bias: golden.floats("bias"),
        feedback: golden.floats("feedback"),
    };
    let by = &set.to_string();
    golden.check(by, "y", &outside(&layer.y(set), [samples, outputs, 1]));
    golden.check(by, "dx", &outside(&layer.dx(set, &layer.weight), [samples, inputs, 1]));
    golden.check(by, "dx_feedback", &outside(&layer.dx(set, &layer.feedback), [samples, inputs, 1]));
    golden.check(by, "dw", &layer.dw(set));
    golden.check(by, "db", &layer.db(set));
}

fn convolution(golden: &Golden, set: &KernelSet) {
    let [samples, inputs, rows, cols] = golden.shape("x")[..] else { panic!() };
    let [_, outputs, output_rows, output_cols] = golden.shape("y")[..] else { panic!() };
    let filter = golden.shape("weight");
    let [.., kernel_rows, kernel_cols] = filter[..] else { panic!() };
    let untied = filter.len() == 6;
    let stride = golden.name.split_once("_stride").map_or(1, |(_, rest)| rest[..1].parse().unwrap());
    let padding = if golden.name.ends_with("_valid") { Padding::Valid } else { Padding::Same };
    let kernel = Kernel::new(kernel_rows, kernel_cols).with_stride(stride).with_padding(padding);
    let image = Shape::image(inputs, rows, cols);
    let geometry = Geometry { untied, ..Geometry::convolution(image, outputs, kernel) };
    assert_eq!([geometry.rows.output, geometry.cols.output], [output_rows, output_cols]);
    let (pixels, positions) = (rows * cols, output_rows * output_cols);
    // An untied bias is [out][row][col], one value a position.
    let biases = [1, outputs, if untied { positions } else { 1 }];
    let layer = Operands {
        geometry,
        samples,
        x: inside(&golden.floats("x"), [samples, inputs, pixels]),
        dy: inside(&golden.floats("dy"), [samples, outputs, positions]),
        weight: filters_inside(&golden.floats("weight"), geometry),
        bias: inside(&golden.floats("bias"), biases),
        feedback: filters_inside(&golden.floats("feedback"), geometry),
    };
    let by = &set.to_string();
    golden.check(by, "y", &outside(&layer.y(set), [samples, outputs, positions]));
    golden.check(by, "dx", &outside(&layer.dx(set, &layer.weight), [samples, inputs, pixels]));
    golden.check(by, "dx_feedback", &outside(&layer.dx(set, &layer.feedback), [samples, inputs, pixels]));
    golden.check(by, "dw", &filters_outside(&layer.dw(set), geometry));
    golden.check(by, "db", &outside(&layer.db(set), biases));
}

/// The same filter at every position gives the tied convolution.
fn untied_equals_tied(golden: &Golden, set: &KernelSet) {
    let [samples, inputs, rows, cols] = golden.shape("x")[..] else { panic!() };
    let [outputs, _, kernel, _] = golden.shape("tied_weight")[..] else { panic!() };
    let positions = rows * cols;
    let mut layer = Operands {
        geometry: Geometry::convolution(Shape::image(inputs, rows, cols), outputs, Kernel::square(kernel)),
        samples,
        x: inside(&golden.floats("x"), [samples, inputs, positions]),
        dy: vec![],
        weight: vec![],
        bias: vec![0.0; outputs * positions],
        feedback: vec![],
    };
    layer.weight = filters_inside(&golden.floats("tied_weight"), layer.geometry);
    golden.check(&format!("{set}, tied"), "y", &outside(&layer.y(set), [samples, outputs, positions]));
    layer.geometry.untied = true;
    layer.weight = layer.weight.repeat(positions);
    golden.check(&format!("{set}, untied"), "y", &outside(&layer.y(set), [samples, outputs, positions]));
}

fn pooling(golden: &Golden, set: &KernelSet) {
    let [samples, channels, rows, cols] = golden.shape("x")[..] else { panic!() };
    let [_, _, output_rows, output_cols] = golden.shape("y")[..] else { panic!() };
    let average = golden.name.contains("avg");
    let (size, stride) = if golden.name.starts_with("global") { (rows.max(cols), rows.max(cols)) } else { (3, 2) };
    let pool = PoolGeometry { rows, cols, pixel: channels * samples, size, stride, average };
    assert_eq!([pool.output_rows(), pool.output_cols()], [output_rows, output_cols]);
    let (input, output) = ([samples, channels, rows * cols], [samples, channels, output_rows * output_cols]);
    let (x, dy) = (inside(&golden.floats("x"), input), inside(&golden.floats("dy"), output));
    let (mut y, mut dx) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()]);
    set.pool(&pool, &x, &mut y);
    set.pool_backward(&pool, &x, &dy, None, 0, &mut dx);
    golden.check(&set.to_string(), "y", &outside(&y, output));
    golden.check(&set.to_string(), "dx", &outside(&dx, input));
}

/// ReLU after a layer that is the identity, and its mask before one.
fn relu(golden: &Golden, set: &KernelSet) {
    let [samples, features] = golden.shape("x")[..] else { panic!() };
    let geometry = Geometry::dense(features, features);
    let (weight, bias) = (identity(features, features), vec![0.0; features]);
    let x = inside(&golden.floats("x"), [samples, features, 1]);
    let dy = inside(&golden.floats("dy"), [samples, features, 1]);
    let (mut y, mut dx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
    set.forward::<ALL>(
        &Forward { geometry, samples, input: &x, weight: &weight, bias: &bias, activation: Some(Activation::Relu) },
        &mut y,
    );
    set.input_gradient::<ALL>(
        &InputGradient { geometry, samples, grad_output: &dy, weight: &weight, mask: Some(&y) },
        &mut dx,
    );
    golden.check(&set.to_string(), "y", &outside(&y, [samples, features, 1]));
    golden.check(&set.to_string(), "dx", &outside(&dx, [samples, features, 1]));
}

/// An activation between two layers. The first is the identity; `dy` are the weights of the second layer's class 1, so that
/// the error signal of the first layer is dx.
fn activation(golden: &Golden, set: &KernelSet) {
    let activation = match golden.name.as_str() {
        "activation_sigmoid" => Activation::Sigmoid,
        "activation_tanh" => Activation::Tanh,
        name => panic!("{name}"),
    };
    let [samples, features] = golden.shape("x")[..] else { panic!() };
    let (x, dy) = (golden.floats("x"), golden.floats("dy"));
    let (mut y, mut dx) = (vec![], vec![]);
    for (x, dy) in x.chunks(features).zip(dy.chunks(features)) {
        // The logit of class 1 violates the margin of the hinge loss, whose gradient is then (−1, 1).
        let layers = [Layer::dense(features).activation(activation), Layer::dense(2)];
        let network = Architecture::new(Shape::vector(features), &layers);
        let training = Training::new(1).loss(Loss::Hinge).optimizer(Optimizer::Sgd(Sgd { rate: 1.0 }));
        let mut memory = vec![0.0; network.memory(&training)];
        let mut trainer = Trainer::<ALL, _>::with_kernels(network, training, &mut memory, set).unwrap();
        let state = trainer.state_mut();
        state[..features * features].copy_from_slice(&identity(features, features));
        let second = features * features + features + features;
        state[second..second + features].copy_from_slice(dy);
        // The bias that makes it violate the margin for every dy · h.
        state[second + features + 1] = 100.0;
        trainer.input(1).unwrap().copy_from_slice(x);
        let mut visit = |signal: ErrorSignal<'_>| {
            if signal.layer == 0 {
                y.extend_from_slice(signal.output);
                dx.extend_from_slice(signal.gradient.grad_output);
            }
        };
        trainer.probe(&[0], false, &mut visit).unwrap();
    }
    golden.check(&set.to_string(), "y", &y);
    golden.check(&set.to_string(), "dx", &dx);
    assert_eq!(y.len(), samples * features);
}

/// The identity as `[out][in]`: 1 where out = in, else 0.
fn identity(outputs: usize, inputs: usize) -> Vec<f32> {
    let mut weight = vec![0.0; outputs * inputs];
    weight.chunks_mut(inputs).enumerate().for_each(|(out, row)| row[out] = 1.0);
    weight
}

/// A network of one layer whose logits are its first inputs. Behind them each sample has an input of its own, whose weights
/// are 0 before and −dz after one step of gradient descent at rate 1.
fn loss(golden: &Golden, set: &KernelSet) {
    let by = &set.to_string();
    let [samples, classes] = golden.shape("z")[..] else { panic!() };
    let layers = [Layer::dense(classes)];
    let inputs = classes + samples;
    let network = Architecture::new(Shape::vector(inputs), &layers);
    let loss = match golden.name.as_str() {
        "loss_cross_entropy" => Loss::CrossEntropy,
        "loss_hinge_weston_watkins" => Loss::Hinge,
        "loss_hinge_crammer_singer" => Loss::CrammerSinger,
        "loss_softmax_hinge_weston_watkins" => Loss::SoftmaxHinge,
        "loss_softmax_hinge_crammer_singer" => Loss::SoftmaxCrammerSinger,
        "loss_sigmoid_binary_cross_entropy"
        | "loss_values_binary_cross_entropy_1"
        | "loss_values_binary_cross_entropy_6" => Loss::BinaryCrossEntropy,
        "loss_values_mean_squared_1" | "loss_values_mean_squared_6" => Loss::MeanSquared,
        "loss_values_huber_1" | "loss_values_huber_6" => Loss::Huber,
        name => panic!("{name}"),
    };
    let training = Training::new(samples).loss(loss).optimizer(Optimizer::Sgd(Sgd { rate: 1.0 }));
    let mut memory = vec![0.0; network.memory(&training)];
    let mut trainer = Trainer::<ALL, _>::with_kernels(network, training, &mut memory, set).unwrap();
    trainer.state_mut()[..classes * inputs].copy_from_slice(&identity(classes, inputs));

    let z = golden.floats("z");
    let mut x = vec![0.0; samples * inputs];
    for (sample, (row, z)) in x.chunks_mut(inputs).zip(z.chunks(classes)).enumerate() {
        row[..classes].copy_from_slice(z);
        row[classes + sample] = 1.0;
    }
    let score = if golden.name.contains("values") {
        trainer.step(&x, golden.floats("target").as_slice()).unwrap()
    } else {
        trainer.step(&x, golden.targets().as_slice()).unwrap()
    };
    golden.check(by, "loss", &[score.loss]);
    let weight = &trainer.state()[..classes * inputs];
    let dz: Vec<f32> =
        (0..samples).flat_map(|s| (0..classes).map(move |c| -weight[c * inputs + classes + s])).collect();
    golden.check(by, "dz", &dz);
}

/// Ten updates by given gradients, once as the weights of one output, once as those of one input.
fn optimizer(golden: &Golden, set: &KernelSet) {
    let mut words = golden.name.split('_');
    let optimizer = match words.nth(1).unwrap() {
        "sgd" => Optimizer::Sgd(Sgd { rate: 0.05 }),
        "momentum" => Optimizer::Momentum(Momentum { rate: 0.05, momentum: 0.9 }),
        "nesterov" => Optimizer::Nesterov(Momentum { rate: 0.05, momentum: 0.9 }),
        "rmsprop" => Optimizer::RmsProp(RmsProp { rate: 0.01, alpha: 0.9, epsilon: 1e-8 }),
        _ => Optimizer::Adam(Adam::DEFAULT),
    };
    let clip = golden.name.contains("clip").then_some(0.1);
    let decay = if golden.name.contains("decay") { 0.01 } else { 0.0 };
    let weights = golden.shape("w0")[0];
    for [inputs, outputs] in [[weights, 1], [1, weights]] {
        let by = &format!("{set}, {inputs} to {outputs}");
        let geometry = Geometry::dense(inputs, outputs);
        let (mut weight, mut first, mut second) = (golden.floats("w0"), vec![0.0; weights], vec![0.0; weights]);
        let mut path = vec![];
        for (step, gradient) in (1..).zip(golden.floats("grads").chunks(weights)) {
            let coefficients = StepCoefficients::at(optimizer, clip, step).decay(decay);
            let update = Update::new(
                coefficients,
                &mut weight,
                if optimizer.states() > 0 { &mut first } else { &mut [] },
                if optimizer.states() > 1 { &mut second } else { &mut [] },
                &mut [],
            );
            let (input, gradient): (&[f32], &[f32]) =
                if outputs == 1 { (gradient, &[1.0]) } else { (&[1.0], gradient) };
            set.weight_gradient::<ALL>(
                &WeightGradient { geometry, samples: 1, input, grad_output: gradient },
                update,
                &mut [],
            );
            path.extend_from_slice(&weight);
        }
        if clip.is_some() {
            golden.check(by, "last", &weight);
        } else {
            golden.check(by, "path", &path);
        }
    }
}

/// Five full-batch steps of 12-8-6-4 from given weights and feedback.
fn training(golden: &Golden, set: &KernelSet) {
    let by = &set.to_string();
    let (mode, optimizer) = golden.name["train_".len()..].split_once('_').unwrap();
    let (rule, count) = mode.split_at(mode.len() - 1);
    let feedback = match rule {
        "symmetric" => Feedback::Symmetric,
        "fixed" => Feedback::Fixed,
        "updated" => Feedback::Updated,
        _ => panic!("{rule}"),
    };
    let count: usize = count.parse().unwrap();
    let mut layers = [8, 6, 4].map(Layer::dense);
    layers.iter_mut().rev().take(count).for_each(|layer| layer.feedback = feedback);
    let network = Architecture::new(Shape::vector(12), &layers);
    let samples = golden.shape("x")[0];
    let optimizer = match optimizer {
        "adam" => Optimizer::Adam(Adam { rate: 0.01, ..Adam::DEFAULT }),
        _ => Optimizer::Sgd(Sgd { rate: 0.1 }),
    };
    let training = Training::new(samples).optimizer(optimizer);
    let tensors: Vec<_> = network.tensors(&training).collect();
    assert_eq!(tensors.iter().filter(|tensor| tensor.role() == TensorRole::Feedback).count(), count);

    let mut memory = vec![0.0; network.memory(&training)];
    let mut trainer = Trainer::<ALL, _>::with_kernels(network, training, &mut memory, set).unwrap();
    for tensor in &tensors {
        let layer = tensor.number() - 1;
        let values = match tensor.role() {
            TensorRole::Weight => golden.floats(&format!("w0_{layer}")),
            TensorRole::Feedback => golden.floats(&format!("fb0_{layer}")),
            TensorRole::Bias => continue,
        };
        values.iter().enumerate().for_each(|(outside, x)| trainer.state_mut()[tensor.index_of(outside)] = *x);
    }
    let (x, targets) = (golden.floats("x"), golden.targets());
    let losses: Vec<f32> = (0..5).map(|_| trainer.step(&x, targets.as_slice()).unwrap().loss).collect();
    golden.check(by, "losses", &losses);
    for tensor in &tensors {
        let prefix = match tensor.role() {
            TensorRole::Weight => "w5",
            TensorRole::Bias => "b5",
            TensorRole::Feedback => "fb5",
        };
        let got: Vec<f32> = (0..tensor.len()).map(|outside| trainer.state()[tensor.index_of(outside)]).collect();
        golden.check(by, &format!("{prefix}_{}", tensor.number() - 1), &got);
    }
}
