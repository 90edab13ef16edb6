//! The cost of convolutions at batch 1: instructions of the forward pass and of the weight gradient, beside those of plain loops over
//! arrays of constant sizes, whose results have to be the same.
#![no_std]
#![no_main]

use core::array::from_fn;
use core::hint::black_box;

use asymgrad_core::kernels::{Forward, Geometry, Kernels, StepCoefficients, Update, WeightGradient};
use asymgrad_core::{Architecture, Kernel, Layer, Optimizer, Sgd, Shape, Training};
use firmware::board::{self, Clock, Device};
use firmware::task;

const NET: Architecture = Architecture::new(
    Shape::image(1, 16, 16),
    &[Layer::conv(4, 3), Layer::max_pool(3, 2), Layer::conv(8, 3), Layer::max_pool(3, 2), Layer::dense(10)],
);
const SGD: Optimizer = Optimizer::Sgd(Sgd { rate: RATE });
const RATE: f32 = 0.01;
const CAPS: u32 = NET.capabilities(&Training::new(1).optimizer(SGD));
/// The kernel is KERNEL × KERNEL.
const KERNEL: usize = 3;

type Image<const SIDE: usize, const CHANNELS: usize> = [[[f32; CHANNELS]; SIDE]; SIDE];
type Weight<const IN: usize, const OUT: usize> = [[[[f32; IN]; OUT]; KERNEL]; KERNEL];

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

fn run() -> Option<()> {
    let mut clock = Clock::new()?;
    measure::<16, 1, 4>(&mut clock, "1x16x16 - conv3x3x4")?;
    measure::<8, 4, 8>(&mut clock, "4x8x8 - conv3x3x8")
}

/// Runs the kernels and the plain loops; `None` if their results differ.
fn measure<const SIDE: usize, const IN: usize, const OUT: usize>(clock: &mut Clock, layer: &str) -> Option<()> {
    let input: Image<SIDE, IN> = from_fn(|y| from_fn(|x| from_fn(|c| value(y + 3 * x + 7 * c))));
    let grad_output: Image<SIDE, OUT> = from_fn(|y| from_fn(|x| from_fn(|c| value(5 * y + x + 2 * c))));
    let weight: Weight<IN, OUT> = from_fn(|r| from_fn(|c| from_fn(|o| from_fn(|i| value(r + 3 * c + 9 * o + 4 * i)))));
    let bias: [f32; OUT] = from_fn(value);
    let (input, grad_output, weight) = (black_box(&input), black_box(&grad_output), black_box(&weight));

    let geometry = Geometry::convolution(Shape::image(IN, SIDE, SIDE), OUT, Kernel::square(KERNEL));
    let flat_input = input.as_flattened().as_flattened();
    let flat_weight = weight.as_flattened().as_flattened().as_flattened();
    let forward =
        Forward { geometry, samples: 1, input: flat_input, weight: flat_weight, bias: &bias, activation: None };
    let mut output = [[[0.0; OUT]; SIDE]; SIDE];
    let flat_output = output.as_flattened_mut().as_flattened_mut();
    time(clock, layer, "forward", || Device.forward::<CAPS>(black_box(&forward), flat_output))?;
    let mut plain_output = [[[0.0; OUT]; SIDE]; SIDE];
    time(clock, layer, "plain forward", || plain_forward(input, weight, &bias, &mut plain_output))?;

    let grad_output_slice = grad_output.as_flattened().as_flattened();
    let gradient = WeightGradient { geometry, samples: 1, input: flat_input, grad_output: grad_output_slice };
    let (mut updated, mut sums) = (*weight, [[[[0.0; IN]; OUT]; KERNEL]; KERNEL]);
    let flat_updated = updated.as_flattened_mut().as_flattened_mut().as_flattened_mut();
    let step = StepCoefficients::at(SGD, None, 1);
    let update = Update::new(step, flat_updated, &mut [], &mut [], &mut []);
    let flat_sums = sums.as_flattened_mut().as_flattened_mut().as_flattened_mut();
    time(clock, layer, "weight gradient", || {
        Device.weight_gradient::<CAPS>(black_box(&gradient), update, flat_sums);
    })?;
    let (mut plain_updated, mut plain_sums) = (*weight, [[[[0.0; IN]; OUT]; KERNEL]; KERNEL]);
    time(clock, layer, "plain weight gradient", || {
        plain_weight_gradient(input, grad_output, &mut plain_updated, &mut plain_sums);
    })?;
    (output == plain_output && sums == plain_sums && updated == plain_updated).then_some(())
}

fn value(index: usize) -> f32 {
    (index * 37 % 101) as f32 / 101.0 - 0.4
}

fn time(clock: &mut Clock, layer: &str, name: &str, pass: impl FnOnce()) -> Option<()> {
    let before = clock.instructions();
    clock.start();
    pass();
    clock.stop();
    board::print(layer);
    board::print(" ");
    task::line(name, u32::try_from(clock.instructions() - before).ok()?);
    Some(())
}

#[inline(never)]
fn plain_forward<const SIDE: usize, const IN: usize, const OUT: usize>(
    input: &Image<SIDE, IN>,
    weight: &Weight<IN, OUT>,
    bias: &[f32; OUT],
    output: &mut Image<SIDE, OUT>,
) {
    for (row, outputs) in output.iter_mut().enumerate() {
        for (col, output) in outputs.iter_mut().enumerate() {
            *output = *bias;
            for (tap_row, weight) in weight.iter().enumerate() {
                for (tap_col, weight) in weight.iter().enumerate() {
                    let (y, x) = ((row + tap_row).wrapping_sub(KERNEL / 2), (col + tap_col).wrapping_sub(KERNEL / 2));
                    let Some(pixel) = input.get(y).and_then(|row| row.get(x)) else { continue };
                    for (sum, weight) in output.iter_mut().zip(weight) {
                        pixel.iter().zip(weight).for_each(|(x, w)| *sum += x * w);
                    }
                }
            }
        }
    }
}

#[inline(never)]
fn plain_weight_gradient<const SIDE: usize, const IN: usize, const OUT: usize>(
    input: &Image<SIDE, IN>,
    grad_output: &Image<SIDE, OUT>,
    weight: &mut Weight<IN, OUT>,
    sums: &mut Weight<IN, OUT>,
) {
    for (row, grad_outputs) in grad_output.iter().enumerate() {
        for (col, grad_output) in grad_outputs.iter().enumerate() {
            for (tap_row, sums) in sums.iter_mut().enumerate() {
                for (tap_col, sums) in sums.iter_mut().enumerate() {
                    let (y, x) = ((row + tap_row).wrapping_sub(KERNEL / 2), (col + tap_col).wrapping_sub(KERNEL / 2));
                    let Some(pixel) = input.get(y).and_then(|row| row.get(x)) else { continue };
                    for (sums, g) in sums.iter_mut().zip(grad_output) {
                        sums.iter_mut().zip(pixel).for_each(|(sum, x)| *sum += x * g);
                    }
                }
            }
        }
    }
    let weight = weight.as_flattened_mut().as_flattened_mut().as_flattened_mut();
    weight.iter_mut().zip(sums.as_flattened().as_flattened().as_flattened()).for_each(|(w, sum)| *w += -(RATE * sum));
}
