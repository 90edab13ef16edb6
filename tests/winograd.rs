//! The error of Winograd convolutions against the direct sum in f64.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;

use asymgrad::kernels::{HostKernels, InstructionSet, NumericMode};
use asymgrad_core::capabilities::ALL;
use asymgrad_core::kernels::{Forward, Geometry, InputGradient, Kernels, WeightGradient};
use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Kernel, Optimizer, Sgd, Shape, StepCoefficients, Update};
use rand_core::Rng;

/// Bounds on the largest error and on the root mean square of the errors, relative to the root mean square of the exact result.
const LARGEST: f64 = 1e-4;
const ROOT_MEAN_SQUARE: f64 = 1e-5;

/// The operands of a layer.
struct Case {
    geometry: Geometry,
    samples: usize,
    input: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
    grad_output: Vec<f32>,
}

impl Case {
    fn new((rows, cols): (usize, usize), inputs: usize, outputs: usize, samples: usize) -> Self {
        let geometry = Geometry::convolution(Shape::image(inputs, rows, cols), outputs, Kernel::square(5));
        let mut generator = SplitMix::new(11);
        let mut uniform = |count: usize| (0..count).map(|_| symmetric(generator.next_u32())).collect::<Vec<f32>>();
        let positions = rows * cols * samples;
        let mut case = Self {
            geometry,
            samples,
            input: uniform(positions * inputs),
            weight: uniform(25 * inputs * outputs),
            bias: uniform(outputs),
            grad_output: uniform(positions * outputs),
        };
        // As the output of a ReLU.
        case.input.iter_mut().for_each(|x| *x = x.max(0.0));
        case
    }

    /// y without ReLU, dL/dx without mask, and dL/dW, in f64.
    fn exact(&self) -> [Vec<f64>; 3] {
        let Geometry { in_channels: inputs, out_channels: outputs, .. } = self.geometry;
        let (rows, cols) = (self.geometry.rows.output, self.geometry.cols.output);
        let n = self.samples;
        let mut y = vec![0.0; rows * cols * outputs * n];
        let mut dx = vec![0.0; self.input.len()];
        let mut dw = vec![0.0; self.weight.len()];
        for (position, tap) in (0..rows * cols).flat_map(|position| (0..25).map(move |tap| (position, tap))) {
            let (row, col) = (position / cols + tap / 5, position % cols + tap % 5);
            if !(2..rows + 2).contains(&row) || !(2..cols + 2).contains(&col) {
                continue;
            }
            let pixel = (row - 2) * cols + col - 2;
            for (output, input) in (0..outputs).flat_map(|output| (0..inputs).map(move |input| (output, input))) {
                let at = (tap * outputs + output) * inputs + input;
                let w = f64::from(self.weight[at]);
                let input = (pixel * inputs + input) * n;
                let output = (position * outputs + output) * n;
                for sample in 0..n {
                    let x = f64::from(self.input[input + sample]);
                    let g = f64::from(self.grad_output[output + sample]);
                    y[output + sample] += w * x;
                    dx[input + sample] += w * g;
                    dw[at] += x * g;
                }
            }
        }
        for (index, y) in y.iter_mut().enumerate() {
            *y += f64::from(self.bias[index / n % outputs]);
        }
        [y, dx, dw]
    }

    /// The same three results by the host's kernels.
    fn computed(&self, kernels: &HostKernels) -> [Vec<f32>; 3] {
        let Self { geometry, samples, input, weight, grad_output, bias } = self;
        let (geometry, samples) = (*geometry, *samples);
        let mut y = vec![f32::NAN; grad_output.len()];
        kernels.forward::<ALL>(&Forward { geometry, samples, input, weight, bias, activation: None }, &mut y);
        let mut dx = vec![f32::NAN; input.len()];
        kernels.input_gradient::<ALL>(&InputGradient { geometry, samples, grad_output, weight, mask: None }, &mut dx);
        let (mut dw, mut sums) = (vec![0.0; weight.len()], vec![f32::NAN; weight.len()]);
        let step = StepCoefficients::at(Optimizer::Sgd(Sgd { rate: -1.0 }), None, 1);
        let update = Update::new(step, &mut dw, &mut [], &mut [], &mut []);
        kernels.weight_gradient::<ALL>(&WeightGradient { geometry, samples, input, grad_output }, update, &mut sums);
        [y, dx, dw]
    }
}

fn root_mean_square(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    (values.map(|x| x * x).sum::<f64>() / count).sqrt()
}

#[test]
fn winograd_convolutions_are_close_to_the_direct_sum() {
    let set = InstructionSet::of(NumericMode::Winograd);
    if set.mode() != NumericMode::Winograd {
        // Not by println, whose output the harness hides when the test passes.
        let _ = std::io::stderr().write_all(b"SKIPPED: this CPU has no Winograd kernels\n");
        return;
    }
    for (image, inputs, outputs, samples) in [
        ((16, 16), 32, 64, 16),
        ((8, 8), 64, 64, 128),
        ((9, 6), 19, 13, 21),
        ((3, 13), 17, 40, 80),
        ((32, 32), 3, 32, 17),
    ] {
        let case = Case::new(image, inputs, outputs, samples);
        let kernels = HostKernels::new(set, 2).unwrap();
        let names = ["output", "input gradient", "weight gradient"];
        for ((name, exact), found) in names.into_iter().zip(case.exact()).zip(case.computed(&kernels)) {
            let scale = root_mean_square(exact.iter().copied());
            let errors = || exact.iter().zip(&found).map(|(exact, found)| (exact - f64::from(*found)) / scale);
            let (mean, largest) =
                (root_mean_square(errors()), errors().fold(0.0, |most: f64, error| most.max(error.abs())));
            let found_nan = found.iter().any(|x| x.is_nan());
            println!("{image:?} {inputs}-{outputs} × {samples}: {name} {mean:.1e}, largest {largest:.1e}");
            assert!(
                !found_nan && mean < ROOT_MEAN_SQUARE && largest < LARGEST,
                "{image:?} {name}: {mean:.1e}, {largest:.1e}"
            );
        }
    }
}
