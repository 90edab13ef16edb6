//! The cost of a convolution at batch 1: instructions of the forward pass and of the weight gradient, beside those of plain loops.
#![no_std]
#![no_main]

use core::hint::black_box;

use asymgrad_core::kernels::{Forward, Geometry, Kernels, StepCoefficients, Update, WeightGradient};
use asymgrad_core::{Activation, Architecture, Layer, Optimizer, Sgd, Shape, Training};
use firmware::board::{self, Clock, Device};
use firmware::task;

const NET: Architecture = Architecture::new(
    Shape::image(1, 16, 16),
    &[Layer::conv(4, 3), Layer::max_pool(3, 2), Layer::conv(8, 3), Layer::max_pool(3, 2), Layer::dense(10)],
);
const SGD: Optimizer = Optimizer::Sgd(Sgd { rate: 0.01 });
const CAPS: u32 = NET.capabilities(&Training::new(1).optimizer(SGD));

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

fn run() -> Option<()> {
    let mut clock = Clock::new()?;
    measure::<256, 1024, 36>(&mut clock, "1x16x16 - conv3x3x4", Geometry::convolution(Shape::image(1, 16, 16), 4, 3))?;
    measure::<256, 512, 288>(&mut clock, "4x8x8 - conv3x3x8", Geometry::convolution(Shape::image(4, 8, 8), 8, 3))
}

/// Runs the kernels and the plain loops; `None` if their results differ.
fn measure<const IN: usize, const OUT: usize, const WEIGHTS: usize>(
    clock: &mut Clock,
    name: &str,
    geometry: Geometry,
) -> Option<()> {
    let value = |index: usize| (index * 37 % 101) as f32 / 101.0 - 0.4;
    let (input, grad_output): ([f32; IN], [f32; OUT]) = (core::array::from_fn(value), core::array::from_fn(value));
    let (weight, bias): ([f32; WEIGHTS], [f32; 8]) = (core::array::from_fn(value), [0.25; 8]);
    let bias = bias.get(..geometry.out_channels)?;
    let (input, grad_output) = (black_box(&input), black_box(&grad_output));
    let activation = Some(Activation::Relu);
    let forward = Forward { geometry, samples: 1, input, weight: black_box(&weight), bias, activation };
    let gradient = WeightGradient { geometry, samples: 1, input, grad_output };
    let (mut output, mut plain_output) = ([0.0; OUT], [0.0; OUT]);
    task::line(name, u32::try_from(WEIGHTS).ok()?);
    time(clock, "forward", || Device.forward::<CAPS>(black_box(&forward), &mut output))?;
    time(clock, "plain forward", || plain_forward(black_box(&forward), &mut plain_output))?;
    let (mut updated, mut plain_updated, mut sums, mut plain_sums) = (weight, weight, [0.0; WEIGHTS], [0.0; WEIGHTS]);
    let step = StepCoefficients::at(SGD, None, 1);
    let update = Update::new(step, &mut updated, &mut [], &mut [], &mut []);
    time(clock, "weight gradient", || Device.weight_gradient::<CAPS>(black_box(&gradient), update, &mut sums))?;
    time(clock, "plain weight gradient", || {
        plain_weight_gradient(black_box(&gradient), &mut plain_updated, &mut plain_sums);
    })?;
    (output == plain_output && sums == plain_sums && updated == plain_updated).then_some(())
}

fn time(clock: &mut Clock, name: &str, pass: impl FnOnce()) -> Option<()> {
    let before = clock.instructions();
    clock.start();
    pass();
    clock.stop();
    task::line(name, u32::try_from(clock.instructions() - before).ok()?);
    Some(())
}

/// Calls `visit` with the output position, the tap and the input position of each term.
#[inline(always)]
fn each_term(geometry: &Geometry, mut visit: impl FnMut(usize, usize, usize)) {
    let Geometry { rows, cols, kernel, .. } = *geometry;
    for row in 0..rows {
        for col in 0..cols {
            for tap_row in valid_taps(row, rows, kernel) {
                for tap_col in valid_taps(col, cols, kernel) {
                    let pixel = (row + tap_row - kernel / 2) * cols + col + tap_col - kernel / 2;
                    visit(row * cols + col, tap_row * kernel + tap_col, pixel);
                }
            }
        }
    }
}

#[inline(never)]
fn plain_forward(job: &Forward<'_>, output: &mut [f32]) {
    let (inputs, outputs) = (job.geometry.in_channels.max(1), job.geometry.out_channels.max(1));
    for y in output.chunks_exact_mut(outputs) {
        y.iter_mut().zip(job.bias).for_each(|(y, bias)| *y = *bias);
    }
    each_term(&job.geometry, |position, tap, pixel| {
        let x = job.input.get(pixel * inputs..(pixel + 1) * inputs).unwrap_or(&[]);
        let y = output.get_mut(position * outputs..(position + 1) * outputs).unwrap_or(&mut []);
        let weight = job.weight.get(tap * outputs * inputs..).unwrap_or(&[]);
        for (y, weight) in y.iter_mut().zip(weight.chunks_exact(inputs)) {
            x.iter().zip(weight).for_each(|(x, w)| *y += x * w);
        }
    });
    output.iter_mut().filter(|y| **y <= 0.0).for_each(|y| *y = 0.0);
}

#[inline(never)]
fn plain_weight_gradient(job: &WeightGradient<'_>, weight: &mut [f32], sums: &mut [f32]) {
    let (inputs, outputs) = (job.geometry.in_channels.max(1), job.geometry.out_channels.max(1));
    each_term(&job.geometry, |position, tap, pixel| {
        let x = job.input.get(pixel * inputs..(pixel + 1) * inputs).unwrap_or(&[]);
        let g = job.grad_output.get(position * outputs..(position + 1) * outputs).unwrap_or(&[]);
        let sums = sums.get_mut(tap * outputs * inputs..).unwrap_or(&mut []);
        for (g, sums) in g.iter().zip(sums.chunks_exact_mut(inputs)) {
            sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += x * g);
        }
    });
    weight.iter_mut().zip(sums).for_each(|(w, sum)| *w += -(0.01 * *sum));
}

/// The taps that read a pixel inside the image at a coordinate of an axis of `size`.
fn valid_taps(at: usize, size: usize, kernel: usize) -> core::ops::Range<usize> {
    (kernel / 2).saturating_sub(at)..kernel.min((size + kernel / 2).saturating_sub(at))
}
