//! The passes of every dense layer of the networks, the same matrix products in other libraries, and the machine's limits.
//! An element is one floating-point operation, so Criterion reports operations a second.
#![allow(missing_docs)]

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use asymgrad::kernels::Aligned;
use asymgrad_benches::baselines::{BASELINES, Operand, PEAK_OPERATIONS, peak};
use asymgrad_benches::{SAMPLES, close, dense, kernels, networks, uniform};
use asymgrad_core::kernels::{Forward, InputGradient, Kernels, WeightGradient};
use asymgrad_core::{Optimizer, Sgd, StepCoefficients, Update, capabilities};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Inputs and outputs of the dense layers of the four networks.
const SHAPES: [(usize, usize); 7] =
    [(3072, 512), (512, 512), (512, 256), (256, 256), (256, 10), (1024, 128), (128, 10)];

/// The limits of the machine: multiply-adds without memory, and memory without arithmetic.
fn roofline(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("roofline");
    group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(500));
    group.throughput(Throughput::Elements(PEAK_OPERATIONS));
    group.bench_function("multiply-add in registers", |bencher| bencher.iter(peak));
    // Far larger than the caches; each value is read and written once.
    let mut stream = vec![1.0_f32; 1 << 26];
    group.throughput(Throughput::Bytes(2 * 4 * stream.len() as u64));
    group.bench_function("memory, read and written", |bencher| {
        bencher.iter(|| black_box(&mut stream).iter_mut().for_each(|value| *value += 1.0));
    });
    for (name, network) in networks() {
        let parameters = network.architecture().parameters();
        group.throughput(Throughput::Bytes((4 + 3 * 2 * 4) * parameters as u64));
        for threads in [1, 2] {
            let id = BenchmarkId::new(format!("state of {name}"), format!("{threads} threads"));
            let mut state = Aligned::zeros(3 * parameters);
            group.bench_function(id, |bencher| bencher.iter_custom(|steps| stream_state(&mut state, threads, steps)));
        }
    }
    group.finish();
}

/// The time of `steps` times the memory traffic that no step of Adam can avoid: the forward pass reads the weights, and the update
/// reads and writes the weights and Adam's two means of each. `state` holds these three; each thread takes its own part.
fn stream_state(state: &mut [f32], threads: usize, steps: u64) -> Duration {
    let start = Instant::now();
    thread::scope(|scope| {
        for part in state.chunks_mut(state.len().div_ceil(threads)) {
            scope.spawn(move || {
                for _ in 0..steps {
                    let mut sums = [0.0_f32; 16];
                    for values in part[..part.len() / 3].as_chunks::<16>().0 {
                        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                    }
                    black_box(sums);
                    for value in black_box(&mut *part) {
                        *value += 1.0;
                    }
                }
            });
        }
    });
    start.elapsed()
}

fn matmul(criterion: &mut Criterion) {
    for (inputs, outputs) in SHAPES {
        products(criterion, inputs, outputs);
    }
}

/// Forward pass, input gradient and weight gradient of one dense layer. The baselines store the weight gradient; asymgrad
/// applies it by plain gradient descent.
fn products(criterion: &mut Criterion, inputs: usize, outputs: usize) {
    let (geometry, samples) = (dense(inputs, outputs), SAMPLES);
    let (x, g, w) = (uniform(inputs * samples), uniform(outputs * samples), uniform(inputs * outputs));
    let bias = Aligned::zeros(outputs);
    let ours = kernels(1);
    let passes = [
        ("forward", Operand::new(&w, outputs, inputs), Operand::new(&x, inputs, samples)),
        ("input gradient", Operand::transposed(&w, outputs, inputs), Operand::new(&g, outputs, samples)),
        ("weight gradient", Operand::new(&g, outputs, samples), Operand::transposed(&x, inputs, samples)),
    ];
    for (pass, a, b) in passes {
        let mut group = criterion.benchmark_group(format!("dense {inputs}-{outputs} {pass}"));
        group.sample_size(10).warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(300));
        group.throughput(Throughput::Elements(2 * (inputs * outputs * samples) as u64));
        let mut result = Aligned::zeros(a.rows * b.cols);
        // One step at rate 1 from weights of 0 gives the negative of the weight gradient.
        let mut weight = if pass == "weight gradient" { Aligned::zeros(w.len()) } else { uniform(w.len()) };
        let run = |weight: &mut [f32], result: &mut [f32]| match pass {
            "forward" => {
                let job = Forward { geometry, samples, input: &x, weight, bias: &bias, activation: None };
                (&ours).forward::<{ capabilities::ALL }>(&job, result);
            }
            "input gradient" => {
                let job = InputGradient { geometry, samples, grad_output: &g, weight, mask: None };
                (&ours).input_gradient::<{ capabilities::ALL }>(&job, result);
            }
            _ => {
                let job = WeightGradient { geometry, samples, input: &x, grad_output: &g };
                let step = StepCoefficients::at(Optimizer::Sgd(Sgd { rate: 1.0 }), None, 1);
                let update = Update::new(step, weight, &mut [], &mut [], &mut []);
                (&ours).weight_gradient::<{ capabilities::ALL }>(&job, update, &mut []);
            }
        };
        run(&mut weight, &mut result);
        let reference = if pass == "weight gradient" { weight.iter().map(|w| -w).collect() } else { result.to_vec() };
        group.bench_function("asymgrad", |bencher| bencher.iter(|| run(&mut weight, &mut result)));
        for (name, multiply) in BASELINES {
            multiply(a, b, &mut result);
            assert!(close(&reference, &result), "{name} gives another result");
            group.bench_function(name, |bencher| bencher.iter(|| multiply(a, b, &mut result)));
        }
        group.finish();
    }
}

criterion_group!(benches, roofline, matmul);
criterion_main!(benches);
