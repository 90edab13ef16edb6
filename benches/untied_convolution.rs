//! The passes of the convolutions of Poggio's net, tied and untied (locally connected), and two other algorithms for the untied
//! ones: a sparse matrix, and im2col with a dense matrix product for each position. An element is one floating-point operation
//! inside the image, so Criterion reports operations a second.
#![allow(missing_docs)]

use std::time::Duration;

use asymgrad::kernels::Aligned;
use asymgrad::tensors::sparse;
use asymgrad_benches::baselines::{Operand, columns, with_gemm};
use asymgrad_benches::{CONVOLUTIONS, SAMPLES, convolution, kernels, multiply_adds, uniform};
use asymgrad_core::kernels::{Forward, Geometry, InputGradient, Kernels, WeightGradient};
use asymgrad_core::{Activation, Adam, Kernel, Operation, Optimizer, Shape, StepCoefficients, Update, capabilities};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

const PASSES: [&str; 3] = ["forward", "input gradient", "weight gradient"];

fn layers(criterion: &mut Criterion) {
    for (side, inputs, outputs) in CONVOLUTIONS {
        for pass in PASSES {
            let geometry = convolution(side, inputs, outputs, true);
            let mut group =
                criterion.benchmark_group(format!("convolution {inputs}-{outputs} at {side}x{side} {pass}"));
            group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(500));
            group.throughput(Throughput::Elements(2 * multiply_adds(&geometry)));
            for threads in [1, 2] {
                ours(&mut group, &format!("untied, {threads} threads"), geometry, pass, threads);
                ours(
                    &mut group,
                    &format!("tied, {threads} threads"),
                    convolution(side, inputs, outputs, false),
                    pass,
                    threads,
                );
            }
            patches(&mut group, geometry, pass);
            if pass != "weight gradient" {
                csr(&mut group, geometry, pass);
            }
            group.finish();
        }
    }
}

/// asymgrad's kernels; the weight gradient includes Adam's update.
fn ours(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, geometry: Geometry, pass: &str, threads: usize) {
    let (samples, kernels) = (SAMPLES, kernels(threads));
    let weights = geometry.weight_rows() * geometry.in_channels;
    let bias = Aligned::zeros(geometry.out_channels * if geometry.untied { geometry.positions() } else { 1 });
    let (input, gradient) = (
        uniform(geometry.positions() * geometry.in_channels * samples),
        uniform(geometry.positions() * geometry.out_channels * samples),
    );
    let mut weight = uniform(weights);
    let mut result = Aligned::zeros(input.len().max(gradient.len()));
    // Allocated once: the closure runs once for each sample, and the system maps memory page by page at the first access.
    let (mut first, mut second) = (Aligned::zeros(weights), Aligned::zeros(weights));
    let mut sums = Aligned::zeros(if geometry.shares_weights() { weights } else { 0 });
    group.bench_function(name, |bencher| match pass {
        "forward" => {
            let job = Forward {
                geometry,
                samples,
                input: &input,
                weight: &weight,
                bias: &bias,
                activation: Some(Activation::Relu),
            };
            bencher.iter(|| (&kernels).forward::<{ capabilities::ALL }>(&job, &mut result[..gradient.len()]));
        }
        "input gradient" => {
            let job = InputGradient { geometry, samples, grad_output: &gradient, weight: &weight, mask: Some(&input) };
            bencher.iter(|| (&kernels).input_gradient::<{ capabilities::ALL }>(&job, &mut result[..input.len()]));
        }
        _ => {
            let job = WeightGradient { geometry, samples, input: &input, grad_output: &gradient };
            let step = StepCoefficients::at(Optimizer::Adam(Adam::DEFAULT), None, 1);
            bencher.iter(|| {
                let update = Update::new(step, &mut weight, &mut first, &mut second, &mut []);
                (&kernels).weight_gradient::<{ capabilities::ALL }>(&job, update, &mut sums);
            });
        }
    });
}

/// The report's algorithm: the flattened image times a sparse matrix, by nalgebra-sparse on one thread.
fn csr(group: &mut BenchmarkGroup<'_, WallTime>, geometry: Geometry, pass: &str) {
    let kernel = Kernel::new(geometry.rows.taps, geometry.cols.taps);
    let operation = Operation::Untied { filters: geometry.out_channels, kernel };
    let shape = Shape::image(geometry.in_channels, geometry.rows.input, geometry.cols.input);
    let weights = uniform(geometry.weight_rows() * geometry.in_channels);
    let matrix = sparse::matrix(shape, operation, &weights).expect("as many weights as the layer has");
    let matrix = if pass == "forward" { matrix.transpose() } else { matrix };
    let right = columns(&uniform(matrix.ncols() * SAMPLES), matrix.ncols(), SAMPLES);
    group.bench_function("CSR (nalgebra-sparse), 1 thread", |bencher| bencher.iter(|| &matrix * &right));
}

/// im2col: patches copied out of the image, then one matrix product for each position by the `gemm` crate, on one thread. The
/// weights have the order that is best for it, [position][out][tap, in].
fn patches(group: &mut BenchmarkGroup<'_, WallTime>, geometry: Geometry, pass: &str) {
    let (samples, k) = (SAMPLES, geometry.taps() * geometry.in_channels);
    let input = uniform(geometry.positions() * geometry.in_channels * samples);
    let gradient = uniform(geometry.positions() * geometry.out_channels * samples);
    let mut weights = uniform(geometry.positions() * geometry.out_channels * k);
    let mut result = Aligned::zeros(input.len().max(gradient.len()));
    let mut patch = Aligned::zeros(k * samples);
    group.bench_function("patches x gemm, 1 thread", |bencher| {
        bencher.iter(|| {
            result.fill(0.0);
            for position in 0..geometry.positions() {
                let weight = position * geometry.out_channels * k..(position + 1) * geometry.out_channels * k;
                let out = position * geometry.out_channels * samples..(position + 1) * geometry.out_channels * samples;
                let g = Operand::new(&gradient[out.clone()], geometry.out_channels, samples);
                if pass == "input gradient" {
                    with_gemm(Operand::transposed(&weights[weight], geometry.out_channels, k), g, &mut patch);
                    each_tap(&geometry, position, |tap, pixel| {
                        let width = geometry.in_channels * samples;
                        let (from, to) = (&patch[tap * width..][..width], &mut result[pixel * width..][..width]);
                        to.iter_mut().zip(from).for_each(|(to, from)| *to += *from);
                    });
                    continue;
                }
                patch.fill(0.0);
                each_tap(&geometry, position, |tap, pixel| {
                    let width = geometry.in_channels * samples;
                    patch[tap * width..][..width].copy_from_slice(&input[pixel * width..][..width]);
                });
                if pass == "forward" {
                    let w = Operand::new(&weights[weight], geometry.out_channels, k);
                    with_gemm(w, Operand::new(&patch, k, samples), &mut result[out]);
                } else {
                    with_gemm(g, Operand::transposed(&patch, k, samples), &mut weights[weight]);
                }
            }
        });
    });
}

/// Calls `visit` with each valid tap of an output position and the input pixel that it reads.
fn each_tap(geometry: &Geometry, position: usize, mut visit: impl FnMut(usize, usize)) {
    let Geometry { rows, cols, .. } = geometry;
    let (row, col) = (position / cols.output, position % cols.output);
    for tap in 0..geometry.taps() {
        let r = (row * rows.stride + tap / cols.taps).wrapping_sub(rows.padding);
        let c = (col * cols.stride + tap % cols.taps).wrapping_sub(cols.padding);
        if r < rows.input && c < cols.input {
            visit(tap, r * cols.input + c);
        }
    }
}

criterion_group!(benches, layers);
criterion_main!(benches);
