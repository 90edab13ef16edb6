//! The time of a step within a whole run, which also reads the images, writes the logs and makes checkpoints. `training_step` times the
//! step alone; the binary `table` prints the ratio.
#![allow(missing_docs)]

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use asymgrad::Network;
use asymgrad::config::Config;
use asymgrad::dataset::{self, Dataset};
use asymgrad::kernels::InstructionSet;
use asymgrad::settings::Choices;
use asymgrad::train::{self, Observer, Request, TrainProgress};
use asymgrad_benches::{SAMPLES, WINOGRAD_NETWORK, WINOGRAD_SUFFIX, fastest_set, networks, winograd_set};
use asymgrad_core::random::SplitMix;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand_core::Rng;

/// Images to train on, a fifth of those of CIFAR-10: fewer would be held in memory.
const IMAGES: usize = 10_000;
const TEST_IMAGES: usize = 128;
/// Steps before the time is taken: the first ones touch memory for the first time.
const WARM_UP: u64 = 5;
/// Bytes of a label and an image.
const RECORD: usize = 3073;

fn training_run(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let noise = noise(folder.path());
    for (name, network) in networks() {
        runs(criterion, name, &network, &noise, fastest_set());
        if let Some(set) = winograd_set().filter(|_| name == WINOGRAD_NETWORK) {
            runs(criterion, &format!("{name} {WINOGRAD_SUFFIX}"), &network, &noise, set);
        }
    }
}

fn runs(criterion: &mut Criterion, name: &str, network: &Network, noise: &Dataset, kernels: InstructionSet) {
    let mut group = criterion.benchmark_group(format!("training run {name}"));
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(SAMPLES as u64));
    for threads in [1, 2] {
        let id = BenchmarkId::new(format!("batch {SAMPLES}"), format!("{threads} threads"));
        group.bench_function(id, |bencher| bencher.iter_custom(|steps| run(network, noise, kernels, threads, steps)));
    }
}

/// The time that `steps` steps of a run take after [`WARM_UP`].
fn run(network: &Network, noise: &Dataset, kernels: InstructionSet, threads: usize, steps: u64) -> Duration {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let choices = Choices {
        batch: Some(SAMPLES),
        // No evaluation between the steps.
        steps_per_epoch: Some(usize::try_from(WARM_UP + steps).expect("a bench makes few steps")),
        epochs: Some(1),
        measure_every: Some(0),
        ..Choices::default()
    };
    let config = Config::of_network("bench".into(), network.clone(), &choices, noise, kernels.mode());
    let request = Request {
        config,
        folder: folder.path().join("run"),
        init: None,
        kernels,
        threads,
        fresh: false,
        checkpoint_every: None,
        tensorboard: false,
        longer_is_done: false,
        save_best: false,
        keep_weights: false,
    };
    let mut clock = Clock::default();
    train::train(&request, noise, &AtomicBool::new(false), &mut clock).expect("the run ends");
    let (began, ended) = clock.0.expect("the run has made its steps");
    ended - began
}

/// When the steps to be timed began, and when the last one of them ended.
#[derive(Default)]
struct Clock(Option<(Instant, Instant)>);

impl Observer for Clock {
    fn step(&mut self, progress: &TrainProgress) {
        let now = Instant::now();
        if progress.step >= WARM_UP {
            self.0 = Some((self.0.map_or(now, |(began, _)| began), now));
        }
    }
}

/// Images of noise in files, as those of CIFAR-10 are.
fn noise(folder: &Path) -> Dataset {
    let mut generator = SplitMix::new(1);
    for (name, images) in [("train.bin", IMAGES), ("test.bin", TEST_IMAGES)] {
        let mut bytes = vec![0; images * RECORD];
        generator.fill_bytes(&mut bytes);
        bytes.iter_mut().step_by(RECORD).for_each(|label| *label %= 10);
        fs::write(folder.join(name), bytes).expect("the folder can be written");
    }
    let layout =
        "channels = 3\nheight = 32\nwidth = 32\nclasses = 10\ntrain = [\"train.bin\"]\ntest = [\"test.bin\"]\n";
    fs::write(folder.join("layout.toml"), layout).expect("the folder can be written");
    dataset::open(folder).expect("the files are as layout.toml says")
}

criterion_group!(benches, training_run);
criterion_main!(benches);
