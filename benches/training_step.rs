//! One training step of each network: forward, loss, backward, Adam. `baselines/torch_step.py` times the same in PyTorch.
#![allow(missing_docs, clippy::print_stderr)]

use std::hint::black_box;
use std::time::Duration;

use asymgrad::kernels::{Aligned, HostKernels};
use asymgrad::{Network, capacity};
use asymgrad_benches::{
    GROWTH, WINOGRAD_NETWORK, WINOGRAD_SUFFIX, kernels, networks, uniform, untied, winograd_kernels,
};
use asymgrad_core::random::SplitMix;
use asymgrad_core::{Trainer, Training, capabilities};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const BATCHES: [usize; 3] = [1, 16, 128];

fn training_step(criterion: &mut Criterion) {
    for (name, network) in networks() {
        steps(criterion, name, &network, |threads| Some(kernels(threads)));
        if name == WINOGRAD_NETWORK {
            steps(criterion, &format!("{name} {WINOGRAD_SUFFIX}"), &network, winograd_kernels);
        }
    }
}

fn steps(criterion: &mut Criterion, name: &str, network: &Network, kernels: impl Fn(usize) -> Option<HostKernels>) {
    let mut group = criterion.benchmark_group(format!("training step {name}"));
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    for batch in BATCHES {
        for threads in [1, 2] {
            let id = BenchmarkId::new(format!("batch {batch}"), format!("{threads} threads"));
            if let Some(kernels) = kernels(threads) {
                step(&mut group, id, network, batch, &kernels);
            }
        }
    }
}

/// How the time of a step of the untied net grows with the batch and with the filters.
fn growth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("growth PGU");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for (filters, batch) in GROWTH {
        let id = BenchmarkId::new(format!("filters {filters}"), format!("batch {batch}"));
        let network = untied(filters);
        let bytes = network.architecture().memory(&Training::new(batch)) * size_of::<f32>();
        if capacity::free().is_some_and(|free| bytes as u64 > free / 2) {
            eprintln!(
                "{filters} filters skipped: their {} MB are more than half of the free memory",
                bytes / 1_000_000
            );
            continue;
        }
        step(&mut group, id, &network, batch, &kernels(2));
    }
}

fn step(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    network: &Network,
    batch: usize,
    kernels: &HostKernels,
) {
    let (architecture, training) = (network.architecture(), Training::new(batch));
    let mut labels: Vec<usize> = (0..batch).map(|sample| sample % architecture.classes()).collect();
    let mut memory = Aligned::zeros(0);
    // Initialized at the first sample, so that a bench that Criterion filters out costs nothing.
    let (mut uninitialized, mut prepared) = (Some(&mut memory), None);
    group.throughput(Throughput::Elements(batch as u64));
    group.bench_function(id, |bencher| {
        if let Some(memory) = uninitialized.take() {
            *memory = Aligned::zeros(architecture.memory(&training));
            let mut trainer =
                Trainer::<{ capabilities::ALL }, _>::with_kernels(architecture, training, memory, kernels)
                    .expect("the memory has the planned length");
            trainer.initialize(&mut SplitMix::new(1), 1);
            let inputs: Vec<f32> = uniform(architecture.input().features() * batch).iter().map(|x| x.abs()).collect();
            trainer.input(batch).expect("the batch fits").copy_from_slice(&inputs);
            prepared = Some(trainer);
        }
        let trainer = prepared.as_mut().expect("the first sample initializes the trainer");
        kernels.install(|| {
            bencher.iter(|| {
                // Other labels in each step: on one fixed batch, the error signals would shrink until they are subnormal.
                for label in &mut labels {
                    *label = (*label + 1) % architecture.classes();
                }
                let step = trainer.start(labels.as_slice()).expect("the labels are classes");
                step.finish().expect("the loss is finite");
                black_box(trainer.steps())
            });
        });
    });
}

criterion_group!(benches, training_step, growth);
criterion_main!(benches);
