//! The oracle: a network in f64, written as plainly as the mathematics. A layer with weights is a list of multiply-adds
//! `output += weight · input`, a pooling layer a list of windows. Values have the order of files: images
//! `[channel][row][col]`, filters `[row, col,] out, in, kh, kw`.

#![allow(dead_code, reason = "not every test needs all of it")]

use asymgrad_core::{Activation, Architecture, Feedback, Kernel, Loss, Operation, Padding, TensorRole, Training};

/// The indices of one multiply-add: `output[output] += weight[weight] * input[input]`.
struct MultiplyAdd {
    output: usize,
    weight: usize,
    input: usize,
}

enum Kind {
    /// The multiply-adds, and the index of each output's bias.
    Weighted {
        multiply_adds: Vec<MultiplyAdd>,
        bias_of: Vec<usize>,
    },
    /// The inputs of each output's window, in row order.
    Max(Vec<Vec<usize>>),
    Average(Vec<Vec<usize>>),
}

/// A layer and its values; the backward pass uses `feedback` unless it is empty.
pub(crate) struct OracleLayer {
    kind: Kind,
    outputs: usize,
    activation: Option<Activation>,
    rule: Feedback,
    pub(crate) weight: Vec<f64>,
    pub(crate) bias: Vec<f64>,
    pub(crate) feedback: Vec<f64>,
}

impl OracleLayer {
    /// Which weights are used: all but the taps of an untied layer that lie on padding.
    pub(crate) fn used(&self) -> Vec<bool> {
        let mut used = vec![false; self.weight.len()];
        if let Kind::Weighted { multiply_adds, .. } = &self.kind {
            for term in multiply_adds {
                used[term.weight] = true;
            }
        }
        used
    }

    /// Makes the backward pass use the weights from now on.
    pub(crate) fn use_true_gradient(&mut self) {
        (self.rule, self.feedback) = (Feedback::Symmetric, vec![]);
    }
}

/// A network in f64.
pub(crate) struct Oracle {
    pub(crate) layers: Vec<OracleLayer>,
    inputs: usize,
    /// The decay λ of Kolen–Pollack.
    pub(crate) kp_decay: f64,
}

/// The loss of a batch and its gradients, layer by layer.
pub(crate) struct Gradients {
    pub(crate) loss: f64,
    pub(crate) weight: Vec<Vec<f64>>,
    pub(crate) bias: Vec<Vec<f64>>,
    /// dL/dy of each layer's output before its activation, sample by sample.
    pub(crate) grad_output: Vec<Vec<f64>>,
}

impl Oracle {
    /// The network with all weights and biases 0.
    pub(crate) fn new(network: &Architecture<'_>) -> Self {
        let shape = network.input();
        let inputs = shape.features();
        let mut image = [shape.channels(), shape.rows(), shape.cols()];
        let mut layers = vec![];
        for layer in network.layers() {
            let [channels, rows, cols] = image;
            let (kind, output, weights, biases) = match layer.operation {
                Operation::Dense { outputs } => {
                    let inputs = channels * rows * cols;
                    let terms_of = |output| {
                        (0..inputs).map(move |input| MultiplyAdd { output, weight: output * inputs + input, input })
                    };
                    let multiply_adds = (0..outputs).flat_map(terms_of).collect();
                    let kind = Kind::Weighted { multiply_adds, bias_of: (0..outputs).collect() };
                    (kind, [outputs, 1, 1], outputs * inputs, outputs)
                }
                Operation::Convolution { filters, kernel } => {
                    let (kind, output) = convolution(image, filters, kernel, false);
                    (kind, output, filters * channels * kernel.rows() * kernel.cols(), filters)
                }
                Operation::Untied { filters, kernel } => {
                    let (kind, output) = convolution(image, filters, kernel, true);
                    let outputs = output.iter().product::<usize>();
                    (kind, output, outputs * channels * kernel.rows() * kernel.cols(), outputs)
                }
                Operation::GlobalAveragePool => {
                    let window = |channel| (channel * rows * cols..(channel + 1) * rows * cols).collect();
                    (Kind::Average((0..channels).map(window).collect()), [channels, 1, 1], 0, 0)
                }
                Operation::MaxPool { size, stride } => {
                    let (output, windows) = windows(image, size, stride);
                    (Kind::Max(windows), output, 0, 0)
                }
                Operation::AveragePool { size, stride } => {
                    let (output, windows) = windows(image, size, stride);
                    (Kind::Average(windows), output, 0, 0)
                }
            };
            image = output;
            layers.push(OracleLayer {
                kind,
                outputs: image.iter().product(),
                activation: (weights > 0).then_some(layer.activation),
                rule: layer.feedback,
                weight: vec![0.0; weights],
                bias: vec![0.0; biases],
                feedback: vec![],
            });
        }
        layers.last_mut().unwrap().activation = None;
        Self { layers, inputs, kp_decay: 0.0 }
    }

    /// Copies the values of a trainer's state.
    pub(crate) fn read(&mut self, network: &Architecture<'_>, training: &Training, state: &[f32]) {
        for tensor in network.tensors(training) {
            let layer = &mut self.layers[tensor.layer()];
            let values = match tensor.role() {
                TensorRole::Weight => &mut layer.weight,
                TensorRole::Bias => &mut layer.bias,
                TensorRole::Feedback => &mut layer.feedback,
            };
            *values = (0..tensor.len()).map(|outside| f64::from(state[tensor.index_of(outside)])).collect();
        }
    }

    /// Gives sign-concordant feedback the signs of the weights, as a step does.
    pub(crate) fn refresh_signs(&mut self) {
        for layer in &mut self.layers {
            if matches!(layer.rule, Feedback::UniformSign | Feedback::FixedSign | Feedback::BatchSign) {
                layer.feedback.iter_mut().zip(&layer.weight).for_each(|(b, w)| *b = b.abs() * w.signum());
            }
        }
    }

    /// The activations of one sample: the input and each layer's output.
    pub(crate) fn forward(&self, x: &[f64]) -> Vec<Vec<f64>> {
        let mut activations = vec![x.to_vec()];
        for layer in &self.layers {
            let x = activations.last().unwrap();
            let mut y = match &layer.kind {
                Kind::Weighted { multiply_adds, bias_of } => {
                    let mut y: Vec<f64> = bias_of.iter().map(|bias| layer.bias[*bias]).collect();
                    for term in multiply_adds {
                        y[term.output] += layer.weight[term.weight] * x[term.input];
                    }
                    y
                }
                Kind::Max(windows) => windows.iter().map(|window| x[first_largest(window, x)]).collect(),
                Kind::Average(windows) => {
                    windows.iter().map(|w| w.iter().map(|i| x[*i]).sum::<f64>() / w.len() as f64).collect()
                }
            };
            for y in &mut y {
                *y = match layer.activation {
                    Some(Activation::Relu) if *y <= 0.0 => 0.0,
                    Some(Activation::Sigmoid) => 1.0 / (1.0 + (-*y).exp()),
                    Some(Activation::Tanh) => y.tanh(),
                    _ => *y,
                };
            }
            activations.push(y);
        }
        activations
    }

    /// The logits of some samples, `[sample][class]`.
    pub(crate) fn logits(&self, x: &[f64]) -> Vec<Vec<f64>> {
        x.chunks(self.inputs).map(|x| self.forward(x).pop().unwrap()).collect()
    }

    /// The mean loss of some samples.
    pub(crate) fn loss(&self, loss: Loss, x: &[f64], targets: &[Vec<f64>]) -> f64 {
        let losses = self.logits(x).into_iter().zip(targets).map(|(z, t)| sample_loss(loss, &z, t).0);
        losses.sum::<f64>() / targets.len() as f64
    }

    /// Classes as values: 1 for the class of each sample, 0 for the others.
    pub(crate) fn one_hot(&self, classes: &[usize]) -> Vec<Vec<f64>> {
        let outputs = self.layers.last().unwrap().outputs;
        let of = |class: usize| (0..outputs).map(|output| f64::from(u8::from(output == class))).collect();
        classes.iter().map(|class| of(*class)).collect()
    }

    /// The mean loss of some samples and its gradients; the backward pass uses the feedback where there is one.
    pub(crate) fn gradients(&self, loss: Loss, x: &[f64], classes: &[usize]) -> Gradients {
        self.gradients_for(loss, x, &self.one_hot(classes))
    }

    /// [`Oracle::gradients`] for targets that are values.
    pub(crate) fn gradients_for(&self, loss: Loss, x: &[f64], targets: &[Vec<f64>]) -> Gradients {
        let mut gradients = Gradients {
            loss: 0.0,
            weight: self.layers.iter().map(|layer| vec![0.0; layer.weight.len()]).collect(),
            bias: self.layers.iter().map(|layer| vec![0.0; layer.bias.len()]).collect(),
            grad_output: vec![vec![]; self.layers.len()],
        };
        let samples = targets.len() as f64;
        for (x, target) in x.chunks(self.inputs).zip(targets) {
            let activations = self.forward(x);
            let (value, mut g) = sample_loss(loss, activations.last().unwrap(), target);
            gradients.loss += value / samples;
            for g in &mut g {
                *g /= samples;
            }
            let error = g.clone();
            let target: Vec<f64> = target.iter().map(|t| t / samples).collect();
            for (index, layer) in self.layers.iter().enumerate().rev() {
                let (x, y) = (&activations[index], &activations[index + 1]);
                assert_eq!(y.len(), layer.outputs);
                for (g, y) in g.iter_mut().zip(y) {
                    *g *= match layer.activation {
                        Some(Activation::Relu) if *y <= 0.0 => 0.0,
                        Some(Activation::Sigmoid) => y * (1.0 - y),
                        Some(Activation::Tanh) => 1.0 - y * y,
                        _ => 1.0,
                    };
                }
                gradients.grad_output[index].extend_from_slice(&g);
                let mut dx = vec![0.0; x.len()];
                match &layer.kind {
                    Kind::Weighted { multiply_adds, bias_of } => {
                        let feedback = if layer.feedback.is_empty() { &layer.weight } else { &layer.feedback };
                        for term in multiply_adds {
                            gradients.weight[index][term.weight] += g[term.output] * x[term.input];
                            if !layer.rule.is_direct() {
                                dx[term.input] += g[term.output] * feedback[term.weight];
                            }
                        }
                        if layer.rule.is_direct() && !layer.feedback.is_empty() {
                            let source = if layer.rule == Feedback::Target { &target } else { &error };
                            for (class, e) in source.iter().enumerate() {
                                let row = &layer.feedback[class * x.len()..][..x.len()];
                                dx.iter_mut().zip(row).for_each(|(dx, b)| *dx += e * b);
                            }
                        }
                        bias_of.iter().zip(&g).for_each(|(bias, g)| gradients.bias[index][*bias] += g);
                    }
                    Kind::Max(windows) => {
                        windows.iter().zip(&g).for_each(|(window, g)| dx[first_largest(window, x)] += g);
                    }
                    Kind::Average(windows) => {
                        for (window, g) in windows.iter().zip(&g) {
                            for i in window {
                                dx[*i] += g / window.len() as f64;
                            }
                        }
                    }
                }
                g = dx;
            }
        }
        gradients
    }

    /// Adds `delta(layer, is_bias, index)` to every weight and bias, and to the feedback that receives the same updates.
    /// Under Kolen–Pollack, weights and feedback decay first. Unused weights stay unchanged.
    pub(crate) fn update(&mut self, mut delta: impl FnMut(usize, bool, usize) -> f64) {
        for (number, layer) in self.layers.iter_mut().enumerate() {
            let follows =
                matches!(layer.rule, Feedback::Updated | Feedback::KolenPollack) && !layer.feedback.is_empty();
            let decays = follows && layer.rule == Feedback::KolenPollack;
            let retain = if decays { 1.0 - self.kp_decay } else { 1.0 };
            let used = layer.used();
            for index in (0..used.len()).filter(|index| used[*index]) {
                let delta = delta(number, false, index);
                layer.weight[index] = retain * layer.weight[index] + delta;
                if follows {
                    layer.feedback[index] = retain * layer.feedback[index] + delta;
                }
            }
            for index in 0..layer.bias.len() {
                layer.bias[index] += delta(number, true, index);
            }
        }
    }
}

/// The multiply-adds, and the shape of the output. Padding `Same` puts (k − 1) / 2 zeros before the first pixel and as many after the last
/// as keep the size at a stride of 1; a stride keeps every so many-th of those positions.
fn convolution(image: [usize; 3], filters: usize, kernel: Kernel, untied: bool) -> (Kind, [usize; 3]) {
    let ([channels, rows, cols], stride) = (image, kernel.stride());
    let same = kernel.padding() == Padding::Same;
    let before = |taps: usize| if same { (taps - 1) / 2 } else { 0 };
    let positions = |pixels: usize, taps: usize| (if same { pixels } else { pixels + 1 - taps }).div_ceil(stride);
    let output = [filters, positions(rows, kernel.rows()), positions(cols, kernel.cols())];
    let [_, out_rows, out_cols] = output;
    let mut multiply_adds = vec![];
    for (out, row, col) in indices(output) {
        for (channel, tap_row, tap_col) in indices([channels, kernel.rows(), kernel.cols()]) {
            let (Some(in_row), Some(in_col)) = (
                (row * stride + tap_row).checked_sub(before(kernel.rows())),
                (col * stride + tap_col).checked_sub(before(kernel.cols())),
            ) else {
                continue;
            };
            if in_row < rows && in_col < cols {
                let filter = if untied { (row * out_cols + col) * filters + out } else { out };
                multiply_adds.push(MultiplyAdd {
                    output: (out * out_rows + row) * out_cols + col,
                    weight: ((filter * channels + channel) * kernel.rows() + tap_row) * kernel.cols() + tap_col,
                    input: (channel * rows + in_row) * cols + in_col,
                });
            }
        }
    }
    let outputs = 0..filters * out_rows * out_cols;
    let bias_of = outputs.map(|out| if untied { out } else { out / (out_rows * out_cols) }).collect();
    (Kind::Weighted { multiply_adds, bias_of }, output)
}

/// Windows start every `stride` pixels and are clipped at the bottom and the right edge.
fn windows([channels, rows, cols]: [usize; 3], size: usize, stride: usize) -> ([usize; 3], Vec<Vec<usize>>) {
    let windows_along = |pixels: usize| 1 + if pixels > size { (pixels - size).div_ceil(stride) } else { 0 };
    let output = [channels, windows_along(rows), windows_along(cols)];
    let window = |(channel, row, col): (usize, usize, usize)| {
        let pixels = indices([1, size, size]).map(move |(_, r, c)| (row * stride + r, col * stride + c));
        pixels.filter(|(r, c)| *r < rows && *c < cols).map(|(r, c)| (channel * rows + r) * cols + c).collect()
    };
    (output, indices(output).map(window).collect())
}

/// All indices of an array with these three lengths, in order.
fn indices([a, b, c]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k))))
}

fn first_largest(window: &[usize], x: &[f64]) -> usize {
    window.iter().copied().reduce(|best, i| if x[i] > x[best] { i } else { best }).unwrap()
}

fn softmax(z: &[f64]) -> Vec<f64> {
    let largest = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let e: Vec<f64> = z.iter().map(|z| (z - largest).exp()).collect();
    let sum: f64 = e.iter().sum();
    e.iter().map(|e| e / sum).collect()
}

/// The loss of one sample and its gradient with respect to the logits.
fn sample_loss(loss: Loss, z: &[f64], targets: &[f64]) -> (f64, Vec<f64>) {
    let target = targets.iter().position(|t| *t > 0.5).unwrap_or(0);
    let outputs = z.len() as f64;
    match loss {
        Loss::CrossEntropy => {
            let mut g = softmax(z);
            let loss = -g[target].ln();
            g[target] -= 1.0;
            (loss, g)
        }
        Loss::BinaryCrossEntropy => {
            let p: Vec<f64> = z.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect();
            let loss = p.iter().zip(targets).map(|(p, t)| -t * p.ln() - (1.0 - t) * (1.0 - p).ln()).sum();
            (loss, p.iter().zip(targets).map(|(p, t)| p - t).collect())
        }
        Loss::MeanSquared => {
            let d: Vec<f64> = z.iter().zip(targets).map(|(z, t)| z - t).collect();
            let loss = d.iter().map(|d| d * d).sum::<f64>() / outputs;
            (loss, d.iter().map(|d| 2.0 * d / outputs).collect())
        }
        Loss::Huber => {
            let d: Vec<f64> = z.iter().zip(targets).map(|(z, t)| z - t).collect();
            let of = |d: f64| if d.abs() <= 1.0 { d * d / 2.0 } else { d.abs() - 0.5 };
            (d.iter().map(|d| of(*d)).sum::<f64>() / outputs, d.iter().map(|d| d.clamp(-1.0, 1.0) / outputs).collect())
        }
        Loss::Hinge => hinge(z, target, false),
        Loss::CrammerSinger => hinge(z, target, true),
        Loss::SoftmaxHinge | Loss::SoftmaxCrammerSinger => {
            let p = softmax(z);
            let (loss, d) = hinge(&p, target, loss == Loss::SoftmaxCrammerSinger);
            let mean: f64 = p.iter().zip(&d).map(|(p, d)| p * d).sum();
            (loss, p.iter().zip(&d).map(|(p, d)| p * (d - mean)).collect())
        }
        loss => panic!("{loss:?} is not in the oracle"),
    }
}

fn hinge(z: &[f64], target: usize, largest_only: bool) -> (f64, Vec<f64>) {
    let mut wrong: Vec<usize> = (0..z.len()).filter(|class| *class != target).collect();
    if largest_only {
        wrong = vec![first_largest(&wrong, z)];
    }
    let (mut loss, mut g) = (0.0, vec![0.0; z.len()]);
    for class in wrong {
        let margin = 1.0 + z[class] - z[target];
        if margin > 0.0 {
            loss += margin;
            g[class] += 1.0;
            g[target] -= 1.0;
        }
    }
    (loss, g)
}
