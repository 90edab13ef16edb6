//! Which images each step trains on and which ones a run tests on: the losses of a network whose weights stand still are those of images
//! that the test chooses by itself.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::sync::LazyLock;

use asymgrad::dataset::{self, Images};
use program::{Ended, Sandbox, lines};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

const NET: &str = "input 3x32x32 - dense10";
const FEATURES: usize = 3072;
const CLASSES: usize = 10;
/// Training images of the digits, and steps of a pass over them in batches of 128.
const IMAGES: u32 = 1500;
const PASS: usize = 12;

/// The weights that runs begin with: small, and different for each input and class.
fn weight(class: usize, feature: usize) -> f32 {
    let hash = (class * FEATURES + feature).wrapping_mul(2_654_435_761) % 1000;
    (f32::from(u16::try_from(hash).unwrap()) - 500.0) / 5000.0
}

/// The cross-entropy of each image in float64, and whether the network is right.
fn scores(images: &Images) -> Vec<(f64, bool)> {
    let score = |index: usize| {
        let pixels = images.image(index).iter().map(|byte| f64::from(*byte) / 255.0);
        let pixels: Vec<f64> = pixels.collect();
        let logit = |class: usize| (0..FEATURES).map(|at| f64::from(weight(class, at)) * pixels[at]).sum();
        let logits: Vec<f64> = (0..CLASSES).map(logit).collect();
        let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logits.iter().map(|z| (z - most).exp()).sum();
        let own = logits[usize::from(images.labels[index])];
        (most + sum.ln() - own, own >= most)
    };
    (0..images.len()).map(score).collect()
}

static TRAIN: LazyLock<Vec<(f64, bool)>> = LazyLock::new(|| scores(&dataset::open("digits").unwrap().train));

/// A sandbox with a file of those weights.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let bytes: Vec<u8> = (0..CLASSES)
        .flat_map(|class| (0..FEATURES).flat_map(move |feature| weight(class, feature).to_le_bytes()))
        .collect();
    let (weight, bias) = (TensorView::new(Dtype::F32, vec![CLASSES, FEATURES], &bytes), [0; 4 * CLASSES]);
    let bias = TensorView::new(Dtype::F32, vec![CLASSES], &bias);
    let tensors = [("dense1.weight", weight.unwrap()), ("dense1.bias", bias.unwrap())];
    fs::write(sandbox.path("w"), safetensors::serialize(tensors, None).unwrap()).unwrap();
    sandbox
}

/// Trains with a rate so small that no weight moves.
fn still(sandbox: &Sandbox, rest: &str) -> Ended {
    sandbox.run_with(
        &format!("run --net {{}} --data digits --init w --optimizer sgd --lr 1e-30 --measure-every 0 {rest}"),
        NET,
    )
}

/// Trains with a rate that moves them.
fn run(sandbox: &Sandbox, rest: &str) -> Ended {
    sandbox.run_with(&format!("run --net {{}} --data digits {rest}"), NET)
}

/// Asserts that the steps of a run of [`still`] trained on these images.
#[track_caller]
fn assert_batches(sandbox: &Sandbox, out: &str, expected: &[Vec<u32>]) {
    let losses = sandbox.results(out).losses();
    assert_eq!(losses.len(), expected.len());
    for (step, (loss, images)) in losses.iter().zip(expected).enumerate() {
        let sum: f64 = images.iter().map(|image| TRAIN[*image as usize].0).sum();
        let expected = sum / images.len() as f64;
        let loss = loss.as_f64().unwrap();
        assert!((loss - expected).abs() < 1e-5, "step {}: {loss}, and {expected} of {images:?}", step + 1);
    }
}

/// The generator of a pass: `ChaCha8`, whose key is the seed and whose stream is the pass.
fn generator(seed: u64, pass: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(pass);
    generator
}

/// A number below `limit`: the upper half of a product, drawn again where its lower half is below 2³² mod `limit`.
fn below(limit: u32, generator: &mut ChaCha8Rng) -> u32 {
    loop {
        let product = u64::from(generator.next_u32()) * u64::from(limit);
        if product % (1 << 32) >= (1 << 32) % u64::from(limit) {
            return u32::try_from(product >> 32).unwrap();
        }
    }
}

/// The batches of a pass over the digits in a random order.
fn shuffled(seed: u64, pass: u64, batch: usize) -> Vec<Vec<u32>> {
    let mut generator = generator(seed, pass);
    let mut order: Vec<u32> = (0..IMAGES).collect();
    for last in (1..IMAGES).rev() {
        order.swap(last as usize, below(last + 1, &mut generator) as usize);
    }
    order.chunks(batch).map(<[u32]>::to_vec).collect()
}

/// The epochs that the lines of a log belong to.
fn epochs_of(log: &str) -> Vec<u64> {
    lines(log).iter().map(|line| line["epoch"].as_u64().unwrap()).collect()
}

#[test]
fn passes_continue_across_epochs_of_any_number_of_steps() {
    let sandbox = sandbox();
    let expected: Vec<Vec<u32>> = (1..=3).flat_map(|pass| shuffled(7, pass, 128)).take(30).collect();
    for steps in [1, 5, 12, 20, 1000] {
        let epochs = 30_u64.div_ceil(steps);
        let out = format!("still-{steps}");
        still(&sandbox, &format!("--seed 7 --steps-per-epoch {steps} --epochs {epochs} --max-steps 30 --out {out}"))
            .assert(0, &[]);
        assert_batches(&sandbox, &out, &expected);
        let results = sandbox.results(&out);
        assert_eq!(epochs_of(&results.epochs), (1..=epochs).collect::<Vec<_>>());
        assert_eq!(epochs_of(&results.metrics), (0..30).map(|step| step / steps + 1).collect::<Vec<_>>());
        // The figures of an epoch are those of its own steps, the smaller batches weighted by their images.
        for (epoch, line) in lines(&results.epochs).iter().enumerate() {
            let steps = usize::try_from(steps).unwrap();
            let of_epoch = expected.iter().skip(epoch * steps).take(steps).flatten();
            let chosen: Vec<(f64, bool)> = of_epoch.map(|image| TRAIN[*image as usize]).collect();
            let loss = chosen.iter().map(|(loss, _)| loss).sum::<f64>() / chosen.len() as f64;
            let right = chosen.iter().filter(|(_, right)| *right).count();
            assert!((line["train_loss"].as_f64().unwrap() - loss).abs() < 1e-5, "{line}");
            assert_eq!(line["train_accuracy"].as_f64().unwrap(), 100.0 * right as f64 / chosen.len() as f64);
        }
    }
}

#[test]
fn weights_depend_on_the_steps_and_not_on_how_many_are_an_epoch() {
    let sandbox = Sandbox::new();
    run(&sandbox, "--max-steps 31 --epochs 9 --out whole").assert(0, &[]);
    let whole = sandbox.results("whole");
    for (steps, rest) in [(1, ""), (5, "--threads 1"), (12, "--threads 2"), (31, "--checkpoint-every 1")] {
        let out = format!("{steps}");
        run(&sandbox, &format!("--steps-per-epoch {steps} --epochs 99 --max-steps 31 --out {out} {rest}"))
            .assert(0, &[]);
        let results = sandbox.results(&out);
        assert!(results.weights == whole.weights, "{steps} steps an epoch");
        assert_eq!(results.losses(), whole.losses());
    }
    // Of a whole pass nothing but the configuration differs.
    assert_eq!(sandbox.results("12").epochs, whole.epochs);
}

#[test]
fn a_run_of_short_epochs_resumes_byte_for_byte() {
    let sandbox = Sandbox::new();
    let train = |out: &str, steps: usize| {
        run(&sandbox, &format!("--steps-per-epoch 5 --epochs 7 --max-steps {steps} --out {out}")).assert(0, &[]);
    };
    train("whole", 35);
    // At the end of an epoch, within one, at the end of a pass, and within the next one.
    for steps in [5, 7, PASS, 13, 33, 35] {
        train("cut", steps);
        let made = sandbox.results("cut");
        assert_eq!(made.losses().len(), steps);
    }
    sandbox.results("cut").assert_equal(&sandbox.results("whole"));
    run(&sandbox, "--steps-per-epoch 6 --epochs 7 --max-steps 35 --out cut")
        .assert(1, &["another run (steps_per_epoch: 5 there, 6 asked for)"]);
}

#[test]
fn the_rate_falls_by_epochs_of_so_many_steps() {
    let sandbox = Sandbox::new();
    let rest = "--optimizer sgd --no-shuffle --batch 1500";
    run(&sandbox, &format!("{rest} --steps-per-epoch 2 --epochs 3 --lr 0.1 --schedule step:1:0.5 --out a"))
        .assert(0, &[]);
    let (a, mut rates) = (sandbox.results("a").losses(), vec![]);
    // Each pair of steps goes on with the weights of the pair before.
    for (epoch, rate) in [(1, "0.1"), (2, "0.05"), (3, "0.025")] {
        let init = if epoch > 1 { format!("--init {}/weights.safetensors", epoch - 1) } else { String::new() };
        run(&sandbox, &format!("{rest} --epochs 2 --lr {rate} {init} --out {epoch}")).assert(0, &[]);
        rates.extend(sandbox.results(&epoch.to_string()).losses());
    }
    assert_eq!(a, rates);
}

#[test]
fn steps_of_an_epoch_are_planned_reported_and_repeated() {
    let sandbox = Sandbox::new();
    let rest = "--steps-per-epoch 5 --epochs 3 --out a";
    let plan = run(&sandbox, &format!("{rest} --dry-run --json")).json();
    assert_eq!((&plan["steps"], &plan["config"]["steps_per_epoch"]), (&15.into(), &5.into()));
    let ended = run(&sandbox, &format!("{rest} --json")).json();
    assert_eq!((&ended["step"], &ended["last"]["epoch"]), (&15.into(), &3.into()));
    let status = sandbox.run("status a --json").json();
    assert_eq!((&status["runs"][0]["epoch"], &status["runs"][0]["state"]), (&3.into(), &"finished".into()));
    let report = sandbox.run("report a --format json").json();
    let reported = &report["groups"][0]["runs"][0];
    assert!(reported["command"].as_str().unwrap().contains(" --steps-per-epoch 5"), "{reported}");
    let points: Vec<f64> =
        reported["steps"].as_array().unwrap().iter().map(|at| at["epoch"].as_f64().unwrap()).collect();
    assert_eq!(points.last(), Some(&3.0));
    // A grid and a file of experiments have the same field.
    fs::write(sandbox.path("grid.toml"), format!("net = \"{NET}\"\nsteps_per_epoch = [5, 6]\nepochs = 3\n")).unwrap();
    sandbox.run("run --grid grid.toml --data digits --out grid").assert(0, &[]);
    let cell = fs::read_dir(sandbox.path("grid")).unwrap().next().unwrap().unwrap().path();
    for (steps, made) in [(5, 15), (6, 18)] {
        let metrics = fs::read_to_string(cell.join(format!("steps-per-epoch-{steps}/seed-1/metrics.jsonl"))).unwrap();
        assert_eq!(metrics.lines().count(), made);
    }
    fs::write(
        sandbox.path("mine.toml"),
        format!(
            "[[experiment]]\nname = \"MINE\"\nnetwork = \"{NET}\"\nloss = \"ce\"\nsteps_per_epoch = 4\nepochs = 2\n"
        ),
    )
    .unwrap();
    let mine = sandbox.run("run MINE --experiments mine.toml --data digits --out mine --json").json();
    assert_eq!(mine["step"], 8);
    run(&sandbox, "--steps-per-epoch 0").assert(2, &["--steps-per-epoch", "it has to be a whole number above 0"]);
}
