//! Each convolution of Poggio's net, tied and untied, and each dense layer: forward, input gradient, weight gradient with
//! Adam. An element is one floating-point operation, so the report reads operations a second.
#![allow(missing_docs)]

use std::time::Duration;

use asymgrad_benches::{kernels, numbers};
use asymgrad_core::kernels::{Backward, Forward, Kernels, Product, WeightGradient};
use asymgrad_core::{Adam, Optimizer, Rule, Update, kinds};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const SAMPLES: usize = 128;

const fn dense(inputs: usize, outputs: usize) -> Product {
    Product { rows: 1, cols: 1, inputs, outputs, kernel: 1, untied: false }
}

const fn convolution(side: usize, inputs: usize, outputs: usize, untied: bool) -> Product {
    Product { rows: side, cols: side, inputs, outputs, kernel: 5, untied }
}

fn layers(criterion: &mut Criterion) {
    let products = [
        ("dense 3072-512", dense(3072, 512)),
        ("dense 512-512", dense(512, 512)),
        ("dense 512-256", dense(512, 256)),
        ("dense 1024-128", dense(1024, 128)),
        ("conv 3-32 at 32x32", convolution(32, 3, 32, false)),
        ("conv 32-64 at 16x16", convolution(16, 32, 64, false)),
        ("conv 64-64 at 8x8", convolution(8, 64, 64, false)),
        ("untied 3-32 at 32x32", convolution(32, 3, 32, true)),
        ("untied 32-64 at 16x16", convolution(16, 32, 64, true)),
        ("untied 64-64 at 8x8", convolution(8, 64, 64, true)),
    ];
    for (name, product) in products {
        layer(criterion, name, product);
    }
}

/// Products of columns and weights: taps that fall on the padding are left out.
fn multiplications(product: &Product) -> u64 {
    let taps = inside(product.rows, product.kernel) * inside(product.cols, product.kernel);
    (taps * product.inputs * product.outputs * SAMPLES) as u64
}

/// Pairs of a position and a tap along one axis that stay inside the image.
fn inside(size: usize, kernel: usize) -> usize {
    (0..size)
        .map(|at| {
            (0..kernel).filter(|tap| (at + tap).checked_sub(kernel / 2).is_some_and(|other| other < size)).count()
        })
        .sum()
}

fn layer(criterion: &mut Criterion, name: &str, product: Product) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1));
    group.throughput(Throughput::Elements(2 * multiplications(&product)));
    let weights = product.weight_rows() * product.inputs;
    let biases = product.outputs * if product.untied { product.positions() } else { 1 };
    let (input, gradient) = (
        numbers(product.positions() * product.inputs * SAMPLES),
        numbers(product.positions() * product.outputs * SAMPLES),
    );
    let (mut weight, bias) = (numbers(weights), numbers(biases));
    let (mut output, mut back) = (vec![0.0; gradient.len()], vec![0.0; input.len()]);
    let (mut first, mut second) = (vec![0.0; weights], vec![0.0; weights]);
    let mut sums = vec![0.0; if product.is_shared() { weights } else { 0 }];
    for threads in [1, 2] {
        let kernels = kernels(threads);
        let samples = SAMPLES;
        group.bench_function(format!("forward, {threads} threads"), |bencher| {
            let job = Forward { product, samples, input: &input, weight: &weight, bias: &bias, relu: true };
            bencher.iter(|| (&kernels).forward::<{ kinds::ALL }>(&job, &mut output));
        });
        group.bench_function(format!("input gradient, {threads} threads"), |bencher| {
            let job = Backward { product, samples, gradient: &gradient, weight: &weight, mask: Some(&input) };
            bencher.iter(|| (&kernels).backward::<{ kinds::ALL }>(&job, &mut back));
        });
        group.bench_function(format!("weight gradient, {threads} threads"), |bencher| {
            let job = WeightGradient { product, samples, input: &input, gradient: &gradient };
            let rule = Rule::at(Optimizer::Adam(Adam::DEFAULT), None, 1);
            bencher.iter(|| {
                let update = Update::new(rule, &mut weight, &mut first, &mut second, &mut []);
                (&kernels).weight_gradient::<{ kinds::ALL }>(&job, update, &mut sums);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, layers);
criterion_main!(benches);
