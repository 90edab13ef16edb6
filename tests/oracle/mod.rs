//! A network in f64, written as plainly as the mathematics: every layer with weights is a list of products
//! `output += weight · input`, every pooling a list of windows. All orders are the outer ones: images
//! `[channel][row][col]`, filters `[row, col,] out, in, k, k`.

#![allow(dead_code, reason = "not every test needs all of it")]

use asymgrad_core::{Activation, Architecture, Feedback, Loss, Operation, TensorRole, Training};

/// One geometry: `output[to] += weight[by] * input[from]`.
struct Geometry {
    to: usize,
    by: usize,
    from: usize,
}

enum Kind {
    /// The products, and the bias of each output.
    Weighted {
        products: Vec<Geometry>,
        bias_of: Vec<usize>,
    },
    /// The inputs of each output's window, in row order.
    Max(Vec<Vec<usize>>),
    Average(Vec<Vec<usize>>),
}

/// A layer and its numbers; `feedback` carries the error back unless it is empty.
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
    /// Which weights are used: all but an untied layer's taps that lie on padding.
    pub(crate) fn used(&self) -> Vec<bool> {
        let mut used = vec![false; self.weight.len()];
        if let Kind::Weighted { products, .. } = &self.kind {
            for geometry in products {
                used[geometry.by] = true;
            }
        }
        used
    }

    /// Carries the error back through the weights from now on.
    pub(crate) fn carry_truth(&mut self) {
        (self.rule, self.feedback) = (Feedback::Symmetric, vec![]);
    }
}

/// A network in f64.
pub(crate) struct Oracle {
    pub(crate) layers: Vec<OracleLayer>,
    inputs: usize,
    /// Kolen–Pollack's λ.
    pub(crate) shrink: f64,
}

/// The loss of a batch and its gradients, layer by layer.
pub(crate) struct Gradients {
    pub(crate) loss: f64,
    pub(crate) weight: Vec<Vec<f64>>,
    pub(crate) bias: Vec<Vec<f64>>,
    /// dL/dy at the layer's output before its activation, sample by sample.
    pub(crate) signal: Vec<Vec<f64>>,
}

impl Oracle {
    /// The network with all numbers zero.
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
                    let products = (0..outputs)
                        .flat_map(|to| (0..inputs).map(move |from| Geometry { to, by: to * inputs + from, from }))
                        .collect();
                    let kind = Kind::Weighted { products, bias_of: (0..outputs).collect() };
                    (kind, [outputs, 1, 1], outputs * inputs, outputs)
                }
                Operation::Convolution { filters, kernel } => {
                    let kind = convolution(image, filters, kernel, false);
                    (kind, [filters, rows, cols], filters * channels * kernel * kernel, filters)
                }
                Operation::Untied { filters, kernel } => {
                    let kind = convolution(image, filters, kernel, true);
                    let positions = rows * cols;
                    let weights = positions * filters * channels * kernel * kernel;
                    (kind, [filters, rows, cols], weights, filters * positions)
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
        Self { layers, inputs, shrink: 0.0 }
    }

    /// Takes the numbers of a trainer's state.
    pub(crate) fn read(&mut self, network: &Architecture<'_>, training: &Training, state: &[f32]) {
        for tensor in network.tensors(training) {
            let layer = &mut self.layers[tensor.layer()];
            let numbers = match tensor.role() {
                TensorRole::Weight => &mut layer.weight,
                TensorRole::Bias => &mut layer.bias,
                TensorRole::Feedback => &mut layer.feedback,
            };
            *numbers = (0..tensor.len()).map(|outside| f64::from(state[tensor.index_of(outside)])).collect();
        }
    }

    /// Gives sign-concordant feedback the signs of the weights, as it has them in a step.
    pub(crate) fn renew(&mut self) {
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
                Kind::Weighted { products, bias_of } => {
                    let mut y: Vec<f64> = bias_of.iter().map(|bias| layer.bias[*bias]).collect();
                    for p in products {
                        y[p.to] += layer.weight[p.by] * x[p.from];
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

    /// The scores of some samples, `[sample][class]`.
    pub(crate) fn scores(&self, x: &[f64]) -> Vec<Vec<f64>> {
        x.chunks(self.inputs).map(|x| self.forward(x).pop().unwrap()).collect()
    }

    /// The mean loss of some samples.
    pub(crate) fn loss(&self, loss: Loss, x: &[f64], labels: &[usize]) -> f64 {
        let losses = self.scores(x).into_iter().zip(labels).map(|(z, t)| of_sample(loss, &z, *t).0);
        losses.sum::<f64>() / labels.len() as f64
    }

    /// The mean loss of some samples and its gradients, the error carried back by the feedback where there is one.
    pub(crate) fn gradients(&self, loss: Loss, x: &[f64], labels: &[usize]) -> Gradients {
        let mut gradients = Gradients {
            loss: 0.0,
            weight: self.layers.iter().map(|layer| vec![0.0; layer.weight.len()]).collect(),
            bias: self.layers.iter().map(|layer| vec![0.0; layer.bias.len()]).collect(),
            signal: vec![vec![]; self.layers.len()],
        };
        for (x, label) in x.chunks(self.inputs).zip(labels) {
            let activations = self.forward(x);
            let (value, mut g) = of_sample(loss, activations.last().unwrap(), *label);
            gradients.loss += value / labels.len() as f64;
            for g in &mut g {
                *g /= labels.len() as f64;
            }
            let error = g.clone();
            let wanted = (0..g.len()).map(|class| if class == *label { 1.0 / labels.len() as f64 } else { 0.0 });
            let target: Vec<f64> = wanted.collect();
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
                gradients.signal[index].extend_from_slice(&g);
                let mut dx = vec![0.0; x.len()];
                match &layer.kind {
                    Kind::Weighted { products, bias_of } => {
                        let back = if layer.feedback.is_empty() { &layer.weight } else { &layer.feedback };
                        for p in products {
                            gradients.weight[index][p.by] += g[p.to] * x[p.from];
                            if !layer.rule.is_direct() {
                                dx[p.from] += g[p.to] * back[p.by];
                            }
                        }
                        if layer.rule.is_direct() && !layer.feedback.is_empty() {
                            let signal = if layer.rule == Feedback::Target { &target } else { &error };
                            for (class, e) in signal.iter().enumerate() {
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

    /// Adds `delta(layer, whether it is a bias, index)` to every weight and bias, and to feedback that follows;
    /// Kolen–Pollack's weights and feedback shrink before. Weights that are not used stay as they are.
    pub(crate) fn update(&mut self, mut delta: impl FnMut(usize, bool, usize) -> f64) {
        for (number, layer) in self.layers.iter_mut().enumerate() {
            let follows =
                matches!(layer.rule, Feedback::Updated | Feedback::KolenPollack) && !layer.feedback.is_empty();
            let shrinks = follows && layer.rule == Feedback::KolenPollack;
            let keep = if shrinks { 1.0 - self.shrink } else { 1.0 };
            let used = layer.used();
            for index in (0..used.len()).filter(|index| used[*index]) {
                let delta = delta(number, false, index);
                layer.weight[index] = keep * layer.weight[index] + delta;
                if follows {
                    layer.feedback[index] = keep * layer.feedback[index] + delta;
                }
            }
            for index in 0..layer.bias.len() {
                layer.bias[index] += delta(number, true, index);
            }
        }
    }
}

fn convolution([channels, rows, cols]: [usize; 3], filters: usize, kernel: usize, untied: bool) -> Kind {
    let mut products = vec![];
    for (out, row, col) in places([filters, rows, cols]) {
        for (channel, tap_row, tap_col) in places([channels, kernel, kernel]) {
            let (Some(from_row), Some(from_col)) =
                ((row + tap_row).checked_sub(kernel / 2), (col + tap_col).checked_sub(kernel / 2))
            else {
                continue;
            };
            if from_row < rows && from_col < cols {
                let filter = if untied { (row * cols + col) * filters + out } else { out };
                products.push(Geometry {
                    to: (out * rows + row) * cols + col,
                    by: ((filter * channels + channel) * kernel + tap_row) * kernel + tap_col,
                    from: (channel * rows + from_row) * cols + from_col,
                });
            }
        }
    }
    let outputs = 0..filters * rows * cols;
    Kind::Weighted { products, bias_of: outputs.map(|out| if untied { out } else { out / (rows * cols) }).collect() }
}

/// Windows start every `stride` pixels and are clipped at the bottom and the right edge.
fn windows([channels, rows, cols]: [usize; 3], size: usize, stride: usize) -> ([usize; 3], Vec<Vec<usize>>) {
    let windows_along = |pixels: usize| 1 + if pixels > size { (pixels - size).div_ceil(stride) } else { 0 };
    let output = [channels, windows_along(rows), windows_along(cols)];
    let window = |(channel, row, col): (usize, usize, usize)| {
        let inside = places([1, size, size]).map(move |(_, r, c)| (row * stride + r, col * stride + c));
        inside.filter(|(r, c)| *r < rows && *c < cols).map(|(r, c)| (channel * rows + r) * cols + c).collect()
    };
    (output, places(output).map(window).collect())
}

fn places([a, b, c]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
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

/// The loss of one sample and its gradient with respect to the scores.
fn of_sample(loss: Loss, z: &[f64], target: usize) -> (f64, Vec<f64>) {
    match loss {
        Loss::CrossEntropy => {
            let mut g = softmax(z);
            let loss = -g[target].ln();
            g[target] -= 1.0;
            (loss, g)
        }
        Loss::BinaryCrossEntropy => {
            let p: Vec<f64> = z.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect();
            let of_class = |(class, p): (usize, &f64)| if class == target { -p.ln() } else { -(1.0 - p).ln() };
            let loss = p.iter().enumerate().map(of_class).sum();
            (loss, p.iter().enumerate().map(|(class, p)| if class == target { p - 1.0 } else { *p }).collect())
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

fn hinge(z: &[f64], target: usize, worst_only: bool) -> (f64, Vec<f64>) {
    let mut wrong: Vec<usize> = (0..z.len()).filter(|class| *class != target).collect();
    if worst_only {
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
