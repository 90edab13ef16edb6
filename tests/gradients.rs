//! Gradients of whole networks against finite differences and the f64 oracle, with odd sizes, every loss, feedback rule and
//! optimizer, on every kernel set of this machine.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod kernel_sets;
mod oracle;

use asymgrad_core::capabilities::ALL;
use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{
    Adam, Architecture, Feedback, Layer, Loss, Momentum, Operation, Optimizer, RmsProp, Sgd, Shape, StepError, Targets,
    Tensor, TensorRole, Trainer, Training,
};
use kernel_sets::KernelSet;
use oracle::Oracle;
use rand_core::Rng;

/// So large that the updates of plain gradient descent exceed the rounding of the weights: g = (before − after) / RATE.
const RATE: f32 = 1024.0;

/// Half the step of the finite differences.
const H: f64 = 1e-5;

/// A network with its values, in f32 for the core and in f64 for the oracle, and some samples.
struct Case<'a> {
    network: Architecture<'a>,
    training: Training,
    state: Vec<f32>,
    oracle: Oracle,
    x: Vec<f32>,
    labels: Vec<usize>,
    /// Targets in [0, 0.3] for losses that take values.
    values: Vec<f32>,
}

impl<'a> Case<'a> {
    /// `samples` samples in a trainer for `batch`; all values uniform, weights so large that error signals keep their size.
    fn new(text: &str, layers: &'a mut [Layer], batch: usize, samples: usize) -> Self {
        let network = Architecture::parse(text, layers).unwrap();
        let mut generator = SplitMix::new(20_261_123);
        let mut uniform = move || symmetric(generator.next_u32());
        let x = (0..samples * network.input().features()).map(|_| uniform()).collect();
        // Unequal class counts: with equal ones, hinge gradients of the biases cancel, and only rounding remains.
        let labels = (0..samples).map(|sample| sample * sample % network.classes()).collect();
        let training = Training::new(batch).optimizer(Optimizer::Sgd(Sgd { rate: RATE }));
        let mut memory = vec![0.0; network.memory(&training)];
        let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
        trainer.initialize(&mut SplitMix::new(7), 8);
        let mut oracle = Oracle::new(&network);
        for tensor in network.tensors(&training) {
            let values = values_of(&mut oracle, &network, &tensor);
            values.resize(tensor.len(), 0.0);
            for (outside, value) in values.iter_mut().enumerate() {
                let stored = &mut trainer.state_mut()[tensor.index_of(outside)];
                if tensor.role() == TensorRole::Bias {
                    *stored = 0.1 * uniform();
                }
                *value = f64::from(*stored);
            }
        }
        let state = trainer.state().to_vec();
        // Below most outputs of a sigmoid: around them, gradients of the biases cancel as well.
        let values = (0..samples * network.classes()).map(|_| 0.15 + 0.15 * uniform()).collect();
        Self { network, training, state, oracle, x, labels, values }
    }

    fn x64(&self) -> Vec<f64> {
        self.x.iter().map(|x| f64::from(*x)).collect()
    }

    /// Targets as values for the oracle.
    fn targets64(&self, targets: Targets<'_>) -> Vec<Vec<f64>> {
        let of_sample = |values: &[f32]| values.iter().map(|t| f64::from(*t)).collect();
        match targets {
            Targets::Classes(classes) => self.oracle.one_hot(classes),
            Targets::Values(values) => values.chunks(self.network.classes()).map(of_sample).collect(),
        }
    }

    /// [`Case::gradients_for`] the classes.
    fn gradients(&self, set: &KernelSet, loss: Loss) -> (f64, Vec<(Tensor<'_>, Vec<f64>)>) {
        self.gradients_for(set, loss, self.labels.as_slice().into())
    }

    /// The loss of one step and the gradient of every tensor but feedback, as the core computes them.
    fn gradients_for(&self, set: &KernelSet, loss: Loss, targets: Targets<'_>) -> (f64, Vec<(Tensor<'_>, Vec<f64>)>) {
        let training = self.training.loss(loss);
        let mut memory = vec![0.0; self.network.memory(&training)];
        let mut trainer = Trainer::<ALL, _>::with_kernels(self.network, training, &mut memory, set).unwrap();
        trainer.state_mut().copy_from_slice(&self.state);
        let score = trainer.step(&self.x, targets).unwrap();
        let gradient = |tensor: &Tensor| {
            let change = |at: usize| f64::from(self.state[at]) - f64::from(trainer.state()[at]);
            (0..tensor.len()).map(|outside| change(tensor.index_of(outside)) / f64::from(RATE)).collect()
        };
        let tensors = self.network.tensors(&training).filter(|tensor| tensor.role() != TensorRole::Feedback);
        (f64::from(score.loss), tensors.map(|tensor| (tensor, gradient(&tensor))).collect())
    }
}

/// The oracle's values of one tensor.
fn values_of<'o>(oracle: &'o mut Oracle, network: &Architecture<'_>, tensor: &Tensor) -> &'o mut Vec<f64> {
    let index = index_of(network, tensor);
    let layer = &mut oracle.layers[index];
    match tensor.role() {
        TensorRole::Weight => &mut layer.weight,
        TensorRole::Bias => &mut layer.bias,
        TensorRole::Feedback => &mut layer.feedback,
    }
}

/// Number of a tensor's layer in the network, from 0.
fn index_of(network: &Architecture<'_>, tensor: &Tensor) -> usize {
    let kind = |layer: &Layer| match layer.operation {
        Operation::Dense { .. } => !tensor.is_convolution(),
        Operation::Convolution { .. } | Operation::Untied { .. } => tensor.is_convolution(),
        _ => false,
    };
    let mut layers = network.layers().iter().enumerate().filter(|(_, layer)| kind(layer));
    layers.nth(tensor.number() - 1).unwrap().0
}

/// Asserts |got − want| <= 1e-5 |want| + 1e-6 max|want|, the tolerance of the golden vectors.
fn assert_close(what: &str, got: &[f64], want: &[f64]) {
    assert_near(what, got, want, 0.0);
}

/// The same for a `want` that itself has an error of up to `uncertainty`.
fn assert_near(what: &str, got: &[f64], want: &[f64], uncertainty: f64) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    let largest = want.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    let mut worst: f64 = 0.0;
    for (index, (got, want)) in got.iter().zip(want).enumerate() {
        let allowed = 1e-5 * want.abs() + 1e-6 * largest + uncertainty;
        let passes = (got - want).abs() <= allowed;
        assert!(passes, "{what}[{index}]: found {got:e}, expected {want:e}, allowed {allowed:e}");
        if allowed > 0.0 {
            worst = worst.max((got - want).abs() / allowed);
        }
    }
    println!("{what}: worst error {worst:.3} of the tolerance");
}

/// Small networks with every operation: odd and even sides, one channel and more, kernels larger than the image, pooling
/// first, twice in a row, and with other windows and strides.
const NETWORKS: [&str; 16] = [
    "input 7 - dense5.sigmoid - dense4.tanh - dense3",
    "input 2x5x7 - conv3x3x3.tanh - avgpool3x3/2 - untied3x3x4.sigmoid - maxpool3x3/2 - dense5.tanh - dense3",
    "input 7 - dense5 - dense4 - dense3",
    "input 1x5x7 - conv3x3x2 - dense3",
    "input 2x5x7 - conv5x5x3 - maxpool3x3/2 - conv3x3x4 - avgpool3x3/2 - dense5 - dense3",
    "input 1x5x7 - untied3x3x2 - dense3",
    "input 2x6x5 - untied5x5x3 - avgpool3x3/2 - untied3x3x2 - maxpool3x3/2 - dense4 - dense3",
    "input 1x2x3 - conv5x5x2 - untied5x5x2 - conv1x1x3 - dense3",
    "input 2x9x8 - avgpool2x2/2 - maxpool3x3 - conv3x3x2 - dense3",
    "input 3x1x1 - conv3x3x4 - untied3x3x4 - dense3",
    "input 1x7x5 - conv3x3x5 - maxpool2x2/2 - avgpool3x3/1 - untied3x3x7 - dense9 - dense3",
    "input 2x5x7 - conv2x3x5/2.tanh - conv4x2x3 - globalavgpool - dense5.tanh - dense3",
    "input 2x6x7 - conv3x2x5.valid - conv2x2x3/3.valid - dense3",
    "input 1x6x5 - untied2x4x3/2 - untied3x2x4.valid - globalavgpool - conv1x1x3 - dense3",
    "input 2x1x11 - conv1x5x5/2 - untied1x4x3 - conv1x2x4/4 - dense3",
    "input 5x3x2 - conv3x2x6.valid - untied1x1x3/5 - dense3",
];

#[test]
fn gradients_are_finite_differences_of_the_loss() {
    let sets = KernelSet::all();
    for text in NETWORKS {
        for (batch, samples) in [(1, 1), (3, 3), (4, 3)] {
            let mut layers = [Layer::dense(1); 8];
            let mut case = Case::new(text, &mut layers, batch, samples);
            let (labels, values) = (case.labels.clone(), case.values.clone());
            let of = |loss: Loss| [Some(Targets::from(&labels[..])), loss.takes_values().then(|| (&values[..]).into())];
            for (loss, targets) in Loss::ALL.into_iter().flat_map(|loss| of(loss).map(|targets| (loss, targets))) {
                let Some(targets) = targets else { continue };
                let (network, x, targets64) = (case.network, case.x64(), case.targets64(targets));
                let want: Vec<_> = (network.tensors(&case.training))
                    .map(|tensor| {
                        let slope = |i| slope(&mut case, &tensor, i, &|oracle| oracle.loss(loss, &x, &targets64));
                        (0..tensor.len()).map(slope).collect::<Vec<_>>()
                    })
                    .collect();
                let want_loss = case.oracle.loss(loss, &x, &targets64);
                for set in &sets {
                    let kind = if matches!(targets, Targets::Values(_)) { "values" } else { "classes" };
                    let what = format!("{text}, {samples} of {batch}, {} of {kind}, {set}", loss.name());
                    let (loss, gradients) = case.gradients_for(set, loss, targets);
                    assert_close(&format!("{what}: loss"), &[loss], &[want_loss]);
                    // The difference of two losses has an error of a few roundings of the loss.
                    let uncertainty = 8.0 * f64::EPSILON * want_loss / H;
                    for ((tensor, got), want) in gradients.iter().zip(&want) {
                        assert_near(&format!("{what}: {tensor}"), got, want, uncertainty);
                    }
                }
            }
        }
    }
}

/// The central difference of a loss of the oracle along one weight or bias.
fn slope(case: &mut Case<'_>, tensor: &Tensor, index: usize, loss: &dyn Fn(&Oracle) -> f64) -> f64 {
    let network = case.network;
    let at = values_of(&mut case.oracle, &network, tensor)[index];
    let mut loss_at = |value: f64| {
        values_of(&mut case.oracle, &network, tensor)[index] = value;
        loss(&case.oracle)
    };
    let slope = (loss_at(at + H) - loss_at(at - H)) / (2.0 * H);
    loss_at(at);
    slope
}

/// Networks with every feedback rule in every kind of layer, and sums longer than the kernels take in one pass.
const ASYMMETRIC: [&str; 15] = [
    "input 12 - dense8.tanh - dense6.sigmoid(DFA) - dense5(DRTP) - dense4(uSF)",
    "input 12 - dense8 - dense6.sigmoid(frSF) - dense5(WM) - dense4(DFA)",
    "input 2x6x5 - conv3x3x4 - conv3x3x3.tanh(DFA) - avgpool3x3/2 - untied3x3x3(DRTP) - dense4(uSF)",
    "input 2x6x5 - conv3x3x4 - conv3x3x3(uSF) - maxpool3x3/2 - untied3x3x3(WM) - conv3x3x5(frSF) - dense4(WM)",
    "input 12 - dense8 - dense6(R) - dense4(R*)",
    "input 3x9x11 - conv5x5x4 - maxpool3x3/2 - conv5x5x6(R) - avgpool3x3/2 - dense7(R) - dense4(R)",
    "input 3x9x11 - conv5x5x4 - maxpool3x3/2 - conv5x5x6(R*) - avgpool3x3/2 - dense7(R*) - dense4(R*)",
    "input 2x8x7 - untied5x5x3(R) - avgpool3x3/2 - untied5x5x4(R*) - untied3x3x5(R) - maxpool3x3/2 - dense4(R)",
    "input 1030 - dense1027 - dense520(R) - dense4",
    "input 1x2x2 - conv1x1x530 - conv3x3x520 - dense4(R*)",
    "input 2x3x4 - conv3x3x200(R) - conv3x3x60 - dense4",
    "input 3x9x11 - conv4x2x6/2 - conv3x5x7/2(R*) - conv1x1x5/3(R) - globalavgpool - dense4(R*)",
    "input 2x9x8 - conv3x3x4 - conv5x2x6/2.valid(uSF) - untied2x3x5(R*) - conv2x2x9.valid(DFA) - dense4(WM)",
    "input 2x8x7 - untied4x2x5/2(R) - untied1x1x9/3(frSF) - untied2x2x3(R*) - globalavgpool - dense4(DRTP)",
    "input 4x1x50 - conv1x5x20/2 - conv1x4x19/3.valid(R) - untied1x3x18/2(frSF) - dense4(R)",
];

#[test]
fn asymmetric_gradients_agree_with_the_oracle() {
    let sets = KernelSet::all();
    for text in ASYMMETRIC {
        for (batch, samples) in [(1, 1), (3, 3), (64, 37)] {
            let mut layers = [Layer::dense(1); 8];
            let case = Case::new(text, &mut layers, batch, samples);
            let want = case.oracle.gradients(Loss::CrossEntropy, &case.x64(), &case.labels);
            for set in &sets {
                let what = format!("{text}, {samples} of {batch}, {set}");
                let (loss, gradients) = case.gradients(set, Loss::CrossEntropy);
                assert_close(&format!("{what}: loss"), &[loss], &[want.loss]);
                for (tensor, got) in gradients {
                    let parts = if tensor.role() == TensorRole::Bias { &want.bias } else { &want.weight };
                    assert_close(&format!("{what}: {tensor}"), &got, &parts[index_of(&case.network, &tensor)]);
                }
            }
        }
    }
}

/// An optimizer and its state in f64, as its paper or PyTorch's documentation defines it.
struct Optimization {
    optimizer: Optimizer,
    clip: Option<f64>,
    /// The biases' learning rate over that of the weights.
    bias_rate: f64,
    step: i32,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Optimization {
    /// The update of parameter `at`, counted over all layers, for its gradient `g`; `step` counts from 1.
    fn delta(&mut self, at: usize, is_bias: bool, g: f64) -> f64 {
        let g = self.clip.filter(|_| !is_bias).map_or(g, |limit| g.clamp(-limit, limit));
        let length = self.first.len().max(at + 1);
        self.first.resize(length, 0.0);
        self.second.resize(length, 0.0);
        let (m, v) = (&mut self.first[at], &mut self.second[at]);
        let factor = if is_bias { self.bias_rate } else { 1.0 };
        factor
            * match self.optimizer {
                Optimizer::Sgd(Sgd { rate }) => -f64::from(rate) * g,
                Optimizer::Momentum(Momentum { rate, momentum }) => {
                    *m = f64::from(momentum) * *m + g;
                    -f64::from(rate) * *m
                }
                Optimizer::Nesterov(Momentum { rate, momentum }) => {
                    *m = f64::from(momentum) * *m + g;
                    -f64::from(rate) * (g + f64::from(momentum) * *m)
                }
                Optimizer::Adam(Adam { rate, beta1, beta2, epsilon }) => {
                    let [rate, beta1, beta2, epsilon] = [rate, beta1, beta2, epsilon].map(f64::from);
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                    let mean = *m / (1.0 - beta1.powi(self.step));
                    -rate * mean / ((*v / (1.0 - beta2.powi(self.step))).sqrt() + epsilon)
                }
                Optimizer::RmsProp(RmsProp { rate, alpha, epsilon }) => {
                    let [rate, alpha, epsilon] = [rate, alpha, epsilon].map(f64::from);
                    *v = alpha * *v + (1.0 - alpha) * g * g;
                    -rate * g / (v.sqrt() + epsilon)
                }
                optimizer => panic!("{optimizer:?} is not in the oracle"),
            }
    }
}

#[test]
fn steps_of_every_optimizer_agree_with_the_oracle() {
    const STEPS: i32 = 3;
    let text = "input 2x7x5 - conv3x3x4 - avgpool3x3/2 - untied3x3x3(R*) - dense6(R) - dense4(R*)";
    let optimizers = [
        Optimizer::Sgd(Sgd { rate: 0.1 }),
        Optimizer::Momentum(Momentum { rate: 0.1, momentum: 0.9 }),
        Optimizer::Nesterov(Momentum { rate: 0.1, momentum: 0.9 }),
        Optimizer::Adam(Adam { rate: 0.01, ..Adam::DEFAULT }),
        Optimizer::RmsProp(RmsProp { rate: 0.01, alpha: 0.9, epsilon: 1e-4 }),
    ];
    let sets = KernelSet::all();
    for optimizer in optimizers {
        for (clip, bias_rate) in [(None, 1.0), (Some(0.01), 1.0), (None, 0.007_812_5)] {
            let mut layers = [Layer::dense(1); 8];
            let mut case = Case::new(text, &mut layers, 5, 5);
            let mut state = Optimization {
                optimizer,
                clip: clip.map(f64::from),
                bias_rate: f64::from(bias_rate),
                step: 0,
                first: vec![],
                second: vec![],
            };
            let x = case.x64();
            let mut largest: f64 = 0.0;
            for _ in 0..STEPS {
                state.step += 1;
                let gradients = case.oracle.gradients(Loss::CrossEntropy, &x, &case.labels);
                largest = gradients.weight.iter().flatten().fold(largest, |largest, g| largest.max(g.abs()));
                let mut at = 0;
                case.oracle.update(|layer, is_bias, index| {
                    let parts = if is_bias { &gradients.bias } else { &gradients.weight };
                    at += 1;
                    state.delta(at - 1, is_bias, parts[layer][index])
                });
            }
            assert!(largest > 0.01, "the clipping limit is never reached");

            let training = clip.map_or(case.training, |clip| case.training.clip(clip));
            let training = training.optimizer(optimizer).bias_rate(bias_rate);
            for set in &sets {
                let mut memory = vec![0.0; case.network.memory(&training)];
                let mut trainer = Trainer::<ALL, _>::with_kernels(case.network, training, &mut memory, set).unwrap();
                trainer.state_mut()[..case.state.len()].copy_from_slice(&case.state);
                for _ in 0..STEPS {
                    trainer.step(&case.x, case.labels.as_slice()).unwrap();
                }
                let network = case.network;
                for tensor in network.tensors(&training) {
                    let got: Vec<f64> =
                        (0..tensor.len()).map(|outside| f64::from(trainer.state()[tensor.index_of(outside)])).collect();
                    let what = format!("{}, clip {clip:?}, bias rate {bias_rate}, {set}: {tensor}", optimizer.name());
                    assert_close(&what, &got, values_of(&mut case.oracle, &network, &tensor));
                }
            }
        }
    }
}

#[test]
fn feedback_that_starts_as_its_weight_stays_equal_under_updated_feedback() {
    let mut layers = [Layer::dense(1); 8];
    let case = Case::new("input 2x7x5 - conv3x3x4 - conv3x3x3(R*) - untied3x3x3(R*) - dense4(R*)", &mut layers, 5, 5);
    for set in KernelSet::all() {
        let training = case.training.optimizer(Optimizer::Adam(Adam::DEFAULT));
        let mut memory = vec![0.0; case.network.memory(&training)];
        let mut trainer = Trainer::<ALL, _>::with_kernels(case.network, training, &mut memory, &set).unwrap();
        trainer.state_mut()[..case.state.len()].copy_from_slice(&case.state);
        let tensors: Vec<Tensor> = case.network.tensors(&training).collect();
        let pairs: Vec<(&Tensor, &Tensor)> = tensors
            .iter()
            .filter(|tensor| tensor.role() == TensorRole::Feedback)
            .map(|feedback| {
                let weight = |tensor: &&Tensor| {
                    tensor.role() == TensorRole::Weight
                        && (tensor.is_convolution(), tensor.number()) == (feedback.is_convolution(), feedback.number())
                };
                (tensors.iter().find(weight).unwrap(), feedback)
            })
            .collect();
        assert_eq!(pairs.len(), 3);
        for (weight, feedback) in &pairs {
            trainer.state_mut().copy_within(weight.range(), feedback.range().start);
        }
        for _ in 0..5 {
            trainer.step(&case.x, case.labels.as_slice()).unwrap();
        }
        for (weight, feedback) in pairs {
            let bits =
                |tensor: &Tensor| trainer.state()[tensor.range()].iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(weight), bits(feedback), "{set}: {feedback}");
            let before: Vec<u32> = case.state[weight.range()].iter().map(|x| x.to_bits()).collect();
            assert_ne!(bits(weight), before, "{set}: {weight} was never updated");
        }
    }
}

/// One step of a whole network: the loss is the same, and the gradients of the untied filters add up to the tied filter's.
#[test]
fn untied_gradients_of_shared_filters_add_up_to_the_tied_gradient() {
    let network =
        |conv: Layer| [conv, Layer::max_pool(3, 2), Layer::dense(6), Layer::dense(4).feedback(Feedback::Fixed)];
    let (tied, untied) = (network(Layer::conv(3, 5)), network(Layer::untied(3, 5)));
    let shape = Shape::image(2, 5, 7);
    let mut layers = [Layer::dense(1); 4];
    let tied = Case::new(&Architecture::new(shape, &tied).to_string(), &mut layers, 6, 6);
    let mut layers = [Layer::dense(1); 4];
    let mut untied = Case::new(&Architecture::new(shape, &untied).to_string(), &mut layers, 6, 6);
    (untied.x, untied.labels) = (tied.x.clone(), tied.labels.clone());
    for (from, to) in tied.network.tensors(&tied.training).zip(untied.network.tensors(&untied.training)) {
        for outside in 0..to.len() {
            let shared = match to.role() {
                TensorRole::Weight if to.is_convolution() => outside % from.len(),
                TensorRole::Bias if to.is_convolution() => outside / shape.positions(),
                _ => outside,
            };
            untied.state[to.index_of(outside)] = tied.state[from.index_of(shared)];
        }
    }
    for set in KernelSet::all() {
        let (tied_loss, tied_gradients) = tied.gradients(&set, Loss::CrossEntropy);
        let (untied_loss, untied_gradients) = untied.gradients(&set, Loss::CrossEntropy);
        assert_close(&format!("{set}: loss"), &[untied_loss], &[tied_loss]);
        for ((tensor, got), (_, want)) in untied_gradients.iter().zip(&tied_gradients) {
            let got: Vec<f64> = match tensor.role() {
                _ if !tensor.is_convolution() => got.clone(),
                TensorRole::Bias => got.chunks(shape.positions()).map(|positions| positions.iter().sum()).collect(),
                _ => (0..want.len()).map(|i| got.iter().skip(i).step_by(want.len()).sum()).collect(),
            };
            assert_close(&format!("{set}: {tensor}"), &got, want);
        }
    }
}

#[test]
fn nan_in_any_pixel_reaches_the_logits_through_relu_and_pooling_and_refuses_the_step() {
    let sets = KernelSet::all();
    for text in [
        "input 4 - dense3 - dense2",
        "input 1x3x3 - maxpool3x3 - dense2",
        "input 1x5x5 - maxpool3x3/2 - maxpool3x3/2 - dense2",
        "input 1x5x4 - conv3x3x2 - maxpool3x3/2 - untied3x3x2 - avgpool3x3/2 - dense2",
    ] {
        let mut layers = [Layer::dense(1); 8];
        let case = Case::new(text, &mut layers, 2, 2);
        let features = case.network.input().features();
        let mut memory = vec![0.0; case.network.memory(&case.training)];
        for pixel in 0..case.x.len() {
            let mut x = case.x.clone();
            x[pixel] = f32::NAN;
            for set in &sets {
                let mut trainer =
                    Trainer::<ALL, _>::with_kernels(case.network, case.training, &mut memory, set).unwrap();
                trainer.state_mut().copy_from_slice(&case.state);
                let what = format!("{text}, pixel {pixel}, {set}");
                let logits = trainer.predict(&x).unwrap();
                assert!(logits.iter().any(|logit| logit.is_nan()), "{what}: {logits:?}");
                match trainer.step(&x, case.labels.as_slice()) {
                    Err(StepError::NonFiniteInput { sample, feature, found }) => {
                        assert_eq!((sample, feature), (pixel / features, pixel % features), "{what}");
                        assert!(found.is_nan(), "{what}");
                    }
                    result => panic!("{what}: {result:?}"),
                }
                assert_eq!(trainer.state(), case.state, "{what}");
                assert_eq!(trainer.steps(), 0, "{what}");
            }
        }
    }
}

#[test]
fn a_nan_logit_of_any_class_reaches_every_loss() {
    for (loss, class) in Loss::ALL.into_iter().flat_map(|loss| (0..4).map(move |class| (loss, class))) {
        let mut layers = [Layer::dense(1); 8];
        let case = Case::new("input 3 - dense4", &mut layers, 4, 4);
        let training = case.training.loss(loss);
        let bias = case.network.tensors(&training).find(|tensor| tensor.role() == TensorRole::Bias).unwrap();
        for label in 0..4 {
            let mut memory = vec![0.0; case.network.memory(&training)];
            let mut trainer = Trainer::<ALL>::new(case.network, training, &mut memory).unwrap();
            trainer.state_mut().copy_from_slice(&case.state);
            trainer.state_mut()[bias.index_of(class)] = f32::NAN;
            let result = trainer.step(&case.x, &[label; 4]);
            let is_nan = matches!(result, Err(StepError::NonFinite(score)) if score.loss.is_nan());
            assert!(is_nan, "{}, class {class}, label {label}: {result:?}", loss.name());
        }
    }
}
