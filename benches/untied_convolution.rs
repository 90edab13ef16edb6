//! The convolutions of Poggio's net, tied and untied, forward and both gradients, and the untied ones beside what others
//! do: the huge sparse matrix, and patches times one dense matrix a position. An element is one floating-point operation
//! that falls inside the image, so the report reads operations a second.
#![allow(missing_docs)]

use std::time::Duration;

use asymgrad::kernels::Aligned;
use asymgrad::tensors::sparse;
use asymgrad_benches::rivals::{Operand, columns, with_gemm};
use asymgrad_benches::{SAMPLES, convolution, kernels, multiplications, numbers};
use asymgrad_core::kernels::{Backward, Forward, Kernels, Product, WeightGradient};
use asymgrad_core::{Adam, Operation, Optimizer, Rule, Shape, Update, kinds};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

/// Side of the image, channels in and out.
const SHAPES: [(usize, usize, usize); 3] = [(32, 3, 32), (16, 32, 64), (8, 64, 64)];
const PASSES: [&str; 3] = ["forward", "input gradient", "weight gradient"];

fn layers(criterion: &mut Criterion) {
    for (side, inputs, outputs) in SHAPES {
        for pass in PASSES {
            let product = convolution(side, inputs, outputs, true);
            let mut group =
                criterion.benchmark_group(format!("convolution {inputs}-{outputs} at {side}x{side} {pass}"));
            group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(500));
            group.throughput(Throughput::Elements(2 * multiplications(&product)));
            for threads in [1, 2] {
                ours(&mut group, &format!("untied, {threads} threads"), product, pass, threads);
                ours(
                    &mut group,
                    &format!("tied, {threads} threads"),
                    convolution(side, inputs, outputs, false),
                    pass,
                    threads,
                );
            }
            patches(&mut group, product, pass);
            if pass != "weight gradient" {
                csr(&mut group, product, pass);
            }
            group.finish();
        }
    }
}

/// asymgrad's kernels; the weight gradient with Adam's update.
fn ours(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, product: Product, pass: &str, threads: usize) {
    let (samples, kernels) = (SAMPLES, kernels(threads));
    let weights = product.weight_rows() * product.inputs;
    let bias = Aligned::zeros(product.outputs * if product.untied { product.positions() } else { 1 });
    let (input, gradient) = (
        numbers(product.positions() * product.inputs * samples),
        numbers(product.positions() * product.outputs * samples),
    );
    let mut weight = numbers(weights);
    let mut result = Aligned::zeros(input.len().max(gradient.len()));
    // Made once: the closure runs for each sample anew, and the system gives memory page by page when it is first touched.
    let (mut first, mut second) = (Aligned::zeros(weights), Aligned::zeros(weights));
    let mut sums = Aligned::zeros(if product.is_shared() { weights } else { 0 });
    group.bench_function(name, |bencher| match pass {
        "forward" => {
            let job = Forward { product, samples, input: &input, weight: &weight, bias: &bias, relu: true };
            bencher.iter(|| (&kernels).forward::<{ kinds::ALL }>(&job, &mut result[..gradient.len()]));
        }
        "input gradient" => {
            let job = Backward { product, samples, gradient: &gradient, weight: &weight, mask: Some(&input) };
            bencher.iter(|| (&kernels).backward::<{ kinds::ALL }>(&job, &mut result[..input.len()]));
        }
        _ => {
            let job = WeightGradient { product, samples, input: &input, gradient: &gradient };
            let rule = Rule::at(Optimizer::Adam(Adam::DEFAULT), None, 1);
            bencher.iter(|| {
                let update = Update::new(rule, &mut weight, &mut first, &mut second, &mut []);
                (&kernels).weight_gradient::<{ kinds::ALL }>(&job, update, &mut sums);
            });
        }
    });
}

/// The report's own way: the flattened image times a matrix that is mostly zero, by nalgebra-sparse on one thread.
fn csr(group: &mut BenchmarkGroup<'_, WallTime>, product: Product, pass: &str) {
    let operation = Operation::Untied { filters: product.outputs, kernel: product.kernel };
    let shape = Shape::image(product.inputs, product.rows, product.cols);
    let weights = numbers(product.weight_rows() * product.inputs);
    let matrix = sparse::matrix(shape, operation, &weights).expect("the weights are as many as the layer has");
    let matrix = if pass == "forward" { matrix.transpose() } else { matrix };
    let right = columns(&numbers(matrix.ncols() * SAMPLES), matrix.ncols(), SAMPLES);
    group.bench_function("CSR (nalgebra-sparse), 1 thread", |bencher| bencher.iter(|| &matrix * &right));
}

/// Patches copied out of the image, then one product a position by the `gemm` crate, on one thread; the weights lie as that
/// product likes them best, [position][out][tap, in].
fn patches(group: &mut BenchmarkGroup<'_, WallTime>, product: Product, pass: &str) {
    let (samples, depth) = (SAMPLES, product.taps() * product.inputs);
    let input = numbers(product.positions() * product.inputs * samples);
    let gradient = numbers(product.positions() * product.outputs * samples);
    let mut weights = numbers(product.positions() * product.outputs * depth);
    let mut result = Aligned::zeros(input.len().max(gradient.len()));
    let mut patch = Aligned::zeros(depth * samples);
    group.bench_function("patches x gemm, 1 thread", |bencher| {
        bencher.iter(|| {
            result.fill(0.0);
            for position in 0..product.positions() {
                let weight = position * product.outputs * depth..(position + 1) * product.outputs * depth;
                let out = position * product.outputs * samples..(position + 1) * product.outputs * samples;
                let g = Operand::new(&gradient[out.clone()], product.outputs, samples);
                if pass == "input gradient" {
                    with_gemm(Operand::transposed(&weights[weight], product.outputs, depth), g, &mut patch);
                    each_tap(&product, position, |tap, pixel| {
                        let width = product.inputs * samples;
                        let (from, to) = (&patch[tap * width..][..width], &mut result[pixel * width..][..width]);
                        to.iter_mut().zip(from).for_each(|(to, from)| *to += *from);
                    });
                    continue;
                }
                patch.fill(0.0);
                each_tap(&product, position, |tap, pixel| {
                    let width = product.inputs * samples;
                    patch[tap * width..][..width].copy_from_slice(&input[pixel * width..][..width]);
                });
                if pass == "forward" {
                    let w = Operand::new(&weights[weight], product.outputs, depth);
                    with_gemm(w, Operand::new(&patch, depth, samples), &mut result[out]);
                } else {
                    with_gemm(g, Operand::transposed(&patch, depth, samples), &mut weights[weight]);
                }
            }
        });
    });
}

/// Calls `act` with each tap at an output position that stays inside the image, and the pixel that it leads to.
fn each_tap(product: &Product, position: usize, mut act: impl FnMut(usize, usize)) {
    let pad = product.kernel / 2;
    let (row, col) = (position / product.cols, position % product.cols);
    for tap in 0..product.taps() {
        let (r, c) = ((row + tap / product.kernel).wrapping_sub(pad), (col + tap % product.kernel).wrapping_sub(pad));
        if r < product.rows && c < product.cols {
            act(tap, r * product.cols + c);
        }
    }
}

criterion_group!(benches, layers);
criterion_main!(benches);
