//! Which images each step trains on and which ones a run tests on: the losses of a network whose weights stand still are those of images
//! that the test chooses by itself.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::sync::LazyLock;

use asymgrad::dataset::{self, Images};
use asymgrad::run::read_config;
use program::{Ended, Sandbox, lines, npy, npz};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use sha2::{Digest, Sha256};
use zip::CompressionMethod;

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
        let image = images.image(index).unwrap();
        let pixels = image.iter().map(|byte| f64::from(*byte) / 255.0);
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
            assert_eq!(line["train_accuracy"], 100.0 * right as f64 / chosen.len() as f64);
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

/// Rows of a file of batches, and the same as the bytes of an `.npy` file of little-endian int64.
fn rows(steps: usize, batch: usize) -> Vec<Vec<u32>> {
    let image = |at: usize| u32::try_from(at * at * 31 + at * 7).unwrap() % IMAGES;
    (0..steps).map(|step| (0..batch).map(|col| image(step * batch + col)).collect()).collect()
}

fn int64(shape: &[usize], indices: &[u32]) -> Vec<u8> {
    npy("<i8", shape, &indices.iter().flat_map(|index| i64::from(*index).to_le_bytes()).collect::<Vec<_>>())
}

/// A data set with the same images as the digits has no index 1500, so that a run on it needs this many.
fn write_batches(sandbox: &Sandbox, name: &str, rows: &[Vec<u32>]) {
    let bytes = int64(&[rows.len(), rows[0].len()], &rows.concat());
    fs::write(sandbox.path(name), bytes).unwrap();
}

#[test]
fn each_step_trains_on_its_row_of_a_file_of_batches() {
    let sandbox = sandbox();
    let rows = rows(7, 20);
    write_batches(&sandbox, "b.npy", &rows);
    let expected: Vec<Vec<u32>> = rows.iter().cycle().take(16).cloned().collect();
    still(&sandbox, "--batches b.npy --epochs 3 --max-steps 16 --out a").assert(0, &[]);
    assert_batches(&sandbox, "a", &expected);
    let results = sandbox.results("a");
    let metrics = epochs_of(&results.metrics);
    assert_eq!((metrics[6], metrics[7], metrics[13], metrics[14]), (1, 2, 2, 3), "a pass is all rows");
    let config = read_config(&sandbox.path("a")).unwrap().unwrap();
    let sha256 = hex::encode(Sha256::digest(fs::read(sandbox.path("b.npy")).unwrap()));
    assert_eq!((config.batch, config.batches.as_deref()), (20, Some(&*sha256)));
    still(&sandbox, "--batches b.npy --steps-per-epoch 4 --epochs 4 --out b").assert(0, &[]);
    assert_batches(&sandbox, "b", &expected);
    assert_eq!(epochs_of(&sandbox.results("b").epochs), [1, 2, 3, 4]);
}

#[test]
fn every_form_of_a_file_of_batches_trains_alike() {
    let sandbox = Sandbox::new();
    let rows = rows(4, 9);
    let (all, shape) = (rows.concat(), [4, 9]);
    let bytes = |of: fn(u32) -> Vec<u8>| all.iter().flat_map(|index| of(*index)).collect::<Vec<u8>>();
    let int16 = |index| i16::try_from(index).unwrap().to_be_bytes().to_vec();
    let other = npy("<f4", &[2], &[0; 8]);
    let tensor = |bytes: &[u8]| {
        let view = TensorView::new(Dtype::I32, shape.into(), bytes).unwrap();
        safetensors::serialize([("order", view)], None).unwrap()
    };
    let (int32, int64) = (bytes(|index| index.to_le_bytes().to_vec()), int64(&shape, &all));
    let files = [
        ("int64.npy", int64.clone()),
        ("int32.npy", npy("<i4", &shape, &int32)),
        ("int16.npy", npy(">i2", &shape, &bytes(int16))),
        ("uint64.npy", npy("<u8", &shape, &bytes(|index| u64::from(index).to_le_bytes().to_vec()))),
        ("only.npz", npz(&[("any", int64.clone())], CompressionMethod::Stored)),
        ("named.npz", npz(&[("a", other), ("batches", int64)], CompressionMethod::Deflated)),
        ("int32.safetensors", tensor(&int32)),
    ];
    for (name, bytes) in &files {
        fs::write(sandbox.path(name), bytes).unwrap();
        run(&sandbox, &format!("--batches {name} --epochs 3 --out run-{name}")).assert(0, &[]);
        sandbox.results("run-int64.npy").assert_equal(&sandbox.results(&format!("run-{name}")));
    }
}

/// Images that a row names twice, and more images than the data set has.
#[test]
fn a_row_may_be_longer_than_the_data_set() {
    let sandbox = sandbox();
    let rows = rows(2, 2000);
    write_batches(&sandbox, "b.npy", &rows);
    still(&sandbox, "--batches b.npy --epochs 1 --out a").assert(0, &[]);
    assert_batches(&sandbox, "a", &rows);
}

#[test]
fn a_run_on_batches_of_a_file_resumes_with_this_file_alone() {
    let sandbox = Sandbox::new();
    write_batches(&sandbox, "b.npy", &rows(7, 20));
    let train = |out: &str, rest: &str| run(&sandbox, &format!("--batches b.npy --epochs 4 --out {out} {rest}"));
    train("whole", "--threads 2").assert(0, &[]);
    for steps in [1, 6, 7, 8, 20] {
        train("cut", &format!("--threads 1 --max-steps {steps}")).assert(0, &[]);
    }
    train("cut", "--threads 1").assert(0, &[]);
    sandbox.results("cut").assert_equal(&sandbox.results("whole"));
    // The same content by another name is the same file.
    fs::rename(sandbox.path("b.npy"), sandbox.path("c.npy")).unwrap();
    run(&sandbox, "--batches c.npy --epochs 5 --out cut").assert(0, &[]);
    write_batches(&sandbox, "b.npy", &rows(7, 21));
    for rest in ["", "--dry-run"] {
        let ended = train("whole", rest);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let text = ended.out + &ended.err;
        assert!(text.contains("this folder holds another run (batch: 20 there, 21 asked for; batches: "), "{text}");
    }
    run(&sandbox, "--epochs 4 --out whole").assert(1, &["another run (batch: 20 there, 128 asked for; batches: "]);
}

#[test]
fn a_file_of_batches_is_planned_reported_and_a_field_of_experiments_and_grids() {
    let sandbox = sandbox();
    let (first, second) = (rows(7, 20), rows(3, 5));
    write_batches(&sandbox, "b.npy", &first);
    write_batches(&sandbox, "c.npy", &second);
    let plan = run(&sandbox, "--batches b.npy --epochs 3 --out a --dry-run --json").json();
    assert_eq!((&plan["steps"], &plan["config"]["batch"]), (&21.into(), &20.into()));
    run(&sandbox, "--batches b.npy --test-indices t.npy --out a").assert(1, &["t.npy: cannot read it"]);
    run(&sandbox, "--batches b.npy --batch 20 --epochs 3 --out a").assert(0, &[]);
    let report = sandbox.run("report a --format json").json();
    let command = report["groups"][0]["runs"][0]["command"].as_str().unwrap();
    assert!(command.contains(" --batches FILE") && !command.contains("--batch "), "{command}");
    let script = run(&sandbox, "--batches b.npy --epochs 3 --out a --print-script");
    assert!(script.out.contains(" --batches b.npy "), "{script:?}");
    let grid = format!(
        "net = \"{NET}\"\nbatches = [\"b.npy\", \"c.npy\"]\nlr = 1e-30\noptimizer = \"sgd\"\nepochs = 2\nmeasure_every = 0\n"
    );
    fs::write(sandbox.path("grid.toml"), grid).unwrap();
    sandbox.run("run --grid grid.toml --data digits --init w --out grid").assert(0, &[]);
    let cell = fs::read_dir(sandbox.path("grid")).unwrap().next().unwrap().unwrap().file_name();
    for (name, rows) in [("b", &first), ("c", &second)] {
        let out = format!("grid/{}/batches-{name}.npy/seed-1", cell.display());
        assert_batches(&sandbox, &out, &[rows.clone(), rows.clone()].concat());
    }
    let mine = format!(
        "[[experiment]]\nname = \"MINE\"\nnetwork = \"{NET}\"\nloss = \"ce\"\nepochs = 2\nbatches = \"c.npy\"\n"
    );
    fs::write(sandbox.path("mine.toml"), mine).unwrap();
    let mine = sandbox.run("run MINE --experiments mine.toml --data digits --out mine --json").json();
    assert_eq!((&mine["step"], read_config(&sandbox.path("mine")).unwrap().unwrap().batch), (&6.into(), 5));
    let report = sandbox.run("report mine --experiments mine.toml --format json").json();
    let command = report["groups"][0]["runs"][0]["command"].as_str().unwrap();
    assert!(!command.contains("--batch"), "the experiment states it: {command}");
}

#[test]
fn a_wrong_file_of_batches_is_named_with_its_place_before_work_begins() {
    let sandbox = Sandbox::new();
    let refused = |name: &str, bytes: &[u8], rest: &str, texts: &[&str]| {
        fs::write(sandbox.path(name), bytes).unwrap();
        let ended = run(&sandbox, &format!("--batches {name} --epochs 1 --out a {rest}"));
        ended.assert(1, &[&[name], texts].concat());
        assert!(!sandbox.path("a").exists(), "work began");
    };
    let good = int64(&[2, 3], &[0, 1, 2, 3, 4, 1499]);
    let bad = |index: i64| {
        let indices = [0, 1, 2, 3, index, 5];
        npy("<i8", &[2, 3], &indices.iter().flat_map(|index| index.to_le_bytes()).collect::<Vec<_>>())
    };
    for index in [1500, -1, 1 << 40] {
        let said = format!(
            "row 1, column 1 is {index}, but the data set digits has 1500 training images, which are 0 to 1499"
        );
        refused("b.npy", &bad(index), "", &[&said]);
    }
    refused("b.npy", &int64(&[6], &[0; 6]), "", &["shape is [6]", "[steps, batch]"]);
    refused("b.npy", &int64(&[0, 6], &[]), "", &["shape is [0, 6], so it names no image"]);
    refused("b.npy", &npy("<f8", &[2, 3], &[0; 48]), "", &["it holds <f8, but indices are integers"]);
    refused("b.npy", &good[..good.len() - 1], "", &["its numbers are not as many as its shape [2, 3] of int64 says"]);
    refused("b.npy", b"0 1 2", "", &["it is damaged", "`numpy.save`"]);
    refused("b.npz", b"0 1 2", "", &["cannot be read"]);
    refused("b.txt", b"0 1 2", "", &["a file of indices is an array of integers in .npy, .npz or .safetensors"]);
    let two = npz(&[("a", good.clone()), ("b", good.clone())], CompressionMethod::Stored);
    refused("b.npz", &two, "", &["it has the arrays a, b; save one array, or call it `batches`"]);
    refused("b.npy", &good, "--batch 4", &["--batch is 4, but each row of", "has 3 images; leave --batch out"]);
    for rest in ["--validation 1", "--train-images 1499"] {
        refused("b.npy", &good, rest, &["row 1, column 2 is 1499", "leave 1499 of the 1500 training images"]);
    }
    let said = "--batches says which images each step trains on, and so does --no-shuffle; leave one of them out";
    run(&sandbox, "--batches b.npy --no-shuffle --out a").assert(1, &[said]);
    fs::write(sandbox.path("mine.toml"), format!("net = \"{NET}\"\nbatches = \"none.npy\"\n")).unwrap();
    sandbox
        .run("run --grid mine.toml --data digits --out a")
        .assert(1, &["none.npy: cannot read it", "check the path"]);
    fs::create_dir(sandbox.path("folder")).unwrap();
    run(&sandbox, "--batches folder --out a").assert(1, &["folder: cannot read it", "give the path of a file"]);
    // Of --train-images and --validation that leave the images of the file, nothing is wrong.
    fs::write(sandbox.path("b.npy"), int64(&[2, 3], &[0, 1, 2, 3, 4, 5])).unwrap();
    run(&sandbox, "--batches b.npy --epochs 1 --out a --train-images 6 --validation 9").assert(0, &[]);
}

#[test]
fn a_run_tests_on_training_images_by_index() {
    let sandbox = sandbox();
    let chosen: Vec<u32> = (0..333).map(|at| at * at % 700).collect();
    fs::write(sandbox.path("t.npy"), int64(&[333], &chosen)).unwrap();
    still(&sandbox, "--test-indices t.npy --epochs 1 --out a").assert(0, &[]);
    let line = lines(&sandbox.results("a").epochs).remove(0);
    let of_chosen: Vec<(f64, bool)> = chosen.iter().map(|image| TRAIN[*image as usize]).collect();
    let loss = of_chosen.iter().map(|(loss, _)| loss).sum::<f64>() / 333.0;
    let right = of_chosen.iter().filter(|(_, right)| *right).count();
    assert!((line["test_loss"].as_f64().unwrap() - loss).abs() < 1e-5, "{line}, not {loss}");
    assert_eq!(line["test_accuracy"], 100.0 * right as f64 / 333.0);
    let labels = &dataset::open("digits").unwrap().train.labels;
    let of_class = |class: usize| chosen.iter().filter(|image| usize::from(labels[**image as usize]) == class).count();
    let confusion: Vec<Vec<usize>> =
        serde_json::from_slice(&fs::read(sandbox.path("a/confusion.json")).unwrap()).unwrap();
    for (class, row) in confusion.iter().enumerate() {
        assert_eq!(row.iter().sum::<usize>(), of_class(class), "{confusion:?}");
    }
    assert_eq!((0..10).map(|class| confusion[class][class]).sum::<usize>(), right);
    // What trains is as without the option.
    still(&sandbox, "--epochs 1 --out b").assert(0, &[]);
    assert_eq!(sandbox.results("a").metrics, sandbox.results("b").metrics);
    assert_ne!(sandbox.results("a").epochs, sandbox.results("b").epochs);
    // `evaluate` finds the file, and says if it is another one by now.
    let evaluated = sandbox.run("evaluate a --json").json();
    assert_eq!((&evaluated["test_loss"], &evaluated["images"]), (&line["test_loss"], &333.into()));
    let given = sandbox.run("evaluate a --json --test-indices t.npy").json();
    assert_eq!(given, evaluated);
    let of_file =
        sandbox.run_with("evaluate a/weights.safetensors --net {} --data digits --test-indices t.npy --json", NET);
    assert_eq!(of_file.json()["test_accuracy"], line["test_accuracy"]);
    // The error of a share of 333 images.
    let report = sandbox.run("report a --format json").json();
    let all = |value: &serde_json::Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let rows = all(&report, "tables").iter().flat_map(|table| all(table, "rows")).collect::<Vec<_>>();
    let mut cells = rows.iter().flat_map(|row| all(row, "cells"));
    let ours = cells.find(|cell| !cell["ours"].is_null()).unwrap()["ours"].clone();
    let (mean, error) = (ours["mean"].as_f64().unwrap(), ours["test_error"].as_f64().unwrap());
    assert!((error - 1.959_964 * (mean * (100.0 - mean) / 333.0).sqrt()).abs() < 1e-4, "{ours}");
    sandbox.run("predict a -o logits.safetensors").assert(0, &[]);
    let logits = fs::read(sandbox.path("logits.safetensors")).unwrap();
    let logits = safetensors::SafeTensors::deserialize(&logits).unwrap();
    assert_eq!(logits.tensor("logits").unwrap().shape(), [333, 10]);
    fs::write(sandbox.path("t.npy"), int64(&[2], &[0, 1])).unwrap();
    sandbox.run("evaluate a").assert(1, &["t.npy: the file has changed since a was trained"]);
    fs::remove_file(sandbox.path("t.npy")).unwrap();
    sandbox.run("evaluate a").assert(1, &["t.npy: cannot read it"]);
}

#[test]
fn test_images_by_index_are_part_of_what_a_run_is() {
    let sandbox = Sandbox::new();
    let write = |name: &str, indices: &[u32]| fs::write(sandbox.path(name), int64(&[indices.len()], indices)).unwrap();
    write("t.npy", &[5, 5, 9]);
    write("u.npy", &[5, 9]);
    let plan = run(&sandbox, "--test-indices t.npy --epochs 1 --out a --dry-run --json").json();
    assert_eq!(plan["test_images"], 3);
    run(&sandbox, "--test-indices t.npy --epochs 1 --max-steps 5 --out a").assert(0, &[]);
    run(&sandbox, "--test-indices t.npy --epochs 1 --out a").assert(0, &[]);
    run(&sandbox, "--test-indices t.npy --epochs 1 --threads 2 --out b").assert(0, &[]);
    sandbox.results("a").assert_equal(&sandbox.results("b"));
    run(&sandbox, "--test-indices u.npy --epochs 1 --out a").assert(1, &["another run (test_indices: "]);
    run(&sandbox, "--epochs 1 --out a").assert(1, &["another run (test_indices: "]);
    let report = sandbox.run("report a --format json").json();
    let command = report["groups"][0]["runs"][0]["command"].as_str().unwrap();
    assert!(command.contains(" --test-indices FILE"), "{command}");
    write("t.npy", &[5, 1500]);
    let said = "index 1 is 1500, but the data set digits has 1500 training images, which are 0 to 1499";
    run(&sandbox, "--test-indices t.npy --epochs 1 --out c").assert(1, &["t.npy", said]);
    write_batches(&sandbox, "t.npy", &rows(2, 3));
    run(&sandbox, "--test-indices t.npy --epochs 1 --out c").assert(1, &["shape is [2, 3]", "[images]"]);
    assert!(!sandbox.path("c").exists(), "work began");
}

#[test]
fn drop_last_leaves_out_the_smaller_batch_of_each_pass() {
    let sandbox = sandbox();
    let whole = |batch: usize| move |pass| shuffled(1, pass, batch).into_iter().filter(move |row| row.len() == batch);
    still(&sandbox, "--drop-last --epochs 2 --out a").assert(0, &[]);
    let expected: Vec<Vec<u32>> = (1..=2).flat_map(whole(128)).collect();
    assert_eq!(expected.len(), 22, "1500 images are 11 batches of 128, and 92 images");
    assert_batches(&sandbox, "a", &expected);
    // The images of an epoch are those of its batches.
    let line = lines(&sandbox.results("a").epochs).remove(0);
    let right = expected[..11].concat().iter().filter(|image| TRAIN[**image as usize].1).count();
    assert_eq!(line["train_accuracy"], 100.0 * right as f64 / 1408.0);
    still(&sandbox, "--drop-last --no-shuffle --batch 700 --epochs 2 --out b").assert(0, &[]);
    let in_order: Vec<Vec<u32>> = [0..700, 700..1400, 0..700, 700..1400].map(Iterator::collect).into();
    assert_batches(&sandbox, "b", &in_order);
    // Where the batches are whole, nothing is left out.
    run(&sandbox, "--drop-last --batch 500 --epochs 2 --out c").assert(0, &[]);
    run(&sandbox, "--batch 500 --epochs 2 --out d").assert(0, &[]);
    sandbox.results("c").assert_equal(&sandbox.results("d"));
    for rest in ["--batch 1501", "--batch 11 --train-images 10"] {
        run(&sandbox, &format!("--drop-last {rest} --out e"))
            .assert(1, &["--drop-last leaves no batch of", "smaller --batch"]);
        assert!(!sandbox.path("e").exists(), "work began");
    }
}

/// The images of each batch of a pass, drawn with replacement.
fn drawn(seed: u64, pass: u64, images: &[u32], batch: usize) -> Vec<Vec<u32>> {
    let (mut generator, count) = (generator(seed, pass), u32::try_from(images.len()).unwrap());
    let order: Vec<u32> = images.iter().map(|_| images[below(count, &mut generator) as usize]).collect();
    order.chunks(batch).map(<[u32]>::to_vec).collect()
}

#[test]
fn replacement_draws_each_image_independently_of_the_others() {
    let sandbox = sandbox();
    let all: Vec<u32> = (0..IMAGES).collect();
    let expected: Vec<Vec<u32>> = (1..=3).flat_map(|pass| drawn(3, pass, &all, 128)).collect();
    still(&sandbox, "--replacement --seed 3 --epochs 3 --out a").assert(0, &[]);
    assert_batches(&sandbox, "a", &expected);
    // A pass of 1500 draws leaves out one image of e, about 552; a shuffle none.
    let distinct: std::collections::BTreeSet<u32> = expected[..PASS].concat().into_iter().collect();
    assert!((880..1020).contains(&distinct.len()), "{}", distinct.len());
    let rest = "--replacement --seed 3 --train-images 100 --validation 5 --batch 30 --drop-last --steps-per-epoch 4";
    still(&sandbox, &format!("{rest} --epochs 2 --out b")).assert(0, &[]);
    let few = (1..=3).flat_map(|pass| drawn(3, pass, &all[..100], 30).into_iter().take(3)).take(8);
    assert_batches(&sandbox, "b", &few.collect::<Vec<_>>());
}

#[test]
fn runs_with_replacement_or_drop_last_resume_byte_for_byte_on_any_threads() {
    let sandbox = Sandbox::new();
    for rest in ["--replacement", "--drop-last", "--replacement --drop-last --steps-per-epoch 7"] {
        let name = rest.replace(' ', "");
        run(&sandbox, &format!("{rest} --epochs 3 --threads 2 --out whole{name}")).assert(0, &[]);
        for steps in [1, 11, 12, 17] {
            run(&sandbox, &format!("{rest} --epochs 3 --threads 1 --max-steps {steps} --out cut{name}")).assert(0, &[]);
        }
        run(&sandbox, &format!("{rest} --epochs 3 --threads 1 --out cut{name}")).assert(0, &[]);
        sandbox.results(&format!("cut{name}")).assert_equal(&sandbox.results(&format!("whole{name}")));
        run(&sandbox, &format!("--epochs 3 --out cut{name}")).assert(1, &["another run ("]);
        let report = sandbox.run(&format!("report whole{name} --format json")).json();
        let command = report["groups"][0]["runs"][0]["command"].as_str().unwrap();
        assert!(rest.split(" --").all(|option| command.contains(option.trim_start_matches('-'))), "{command}");
    }
}

#[test]
fn options_that_choose_the_images_and_contradict_each_other_are_refused() {
    let sandbox = Sandbox::new();
    write_batches(&sandbox, "b.npy", &rows(2, 3));
    let said = "--replacement draws the images, and --no-shuffle keeps their order; leave one of them out";
    run(&sandbox, "--replacement --no-shuffle --out a").assert(1, &[said]);
    for option in ["--replacement", "--drop-last"] {
        let said = format!("--batches says which images each step trains on, and so does {option}");
        run(&sandbox, &format!("--batches b.npy {option} --out a")).assert(1, &[&said]);
    }
    assert!(!sandbox.path("a").exists(), "work began");
}
