//! Training towards values: autoencoders with an anomaly class, regression, and several labels of an image. The references are computed
//! here from the logits that `predict` writes.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::path::Path;

use asymgrad::dataset::{self, Images};
use asymgrad::statistics::roc_auc;
use program::{Sandbox, lines};
use safetensors::SafeTensors;
use serde_json::{Value, json};

/// An autoencoder of the small digits, with a feedback rule.
const AUTOENCODER: &str = "input 1x8x8 - dense12.tanh - dense64(R)";
const TRAIN: usize = 300;
const TEST: usize = 90;

/// An image of the digits at its own size.
fn pixels(images: &Images, index: usize) -> Vec<u8> {
    let image = images.image(index).unwrap();
    (0..64).map(|at| image[at / 8 * 4 * 32 + at % 8 * 4]).collect()
}

/// The first `count` digits that are wanted, as label and pixels.
fn digits(is_train: bool, count: usize, wanted: impl Fn(u8) -> bool) -> Vec<(u8, Vec<u8>)> {
    let digits = dataset::open("digits").unwrap();
    let images = if is_train { &digits.train } else { &digits.test };
    let all = (0..images.len()).take(count).map(|index| (images.labels[index], pixels(images, index)));
    all.filter(|(label, _)| wanted(*label)).collect()
}

/// A folder with small digits and their labels.
fn write_labels(folder: &Path, wanted_in_training: impl Fn(u8) -> bool) {
    fs::create_dir(folder).unwrap();
    let layout = "channels = 1\nheight = 8\nwidth = 8\nclasses = 10\ntrain = [\"a.bin\"]\ntest = [\"b.bin\"]\n";
    fs::write(folder.join("layout.toml"), layout).unwrap();
    for (name, of) in [("a.bin", digits(true, TRAIN, wanted_in_training)), ("b.bin", digits(false, TEST, |_| true))] {
        let records: Vec<u8> = of.into_iter().flat_map(|(label, pixels)| [vec![label], pixels].concat()).collect();
        fs::write(folder.join(name), records).unwrap();
    }
}

/// A folder with small digits and values that `values` makes of label and pixels.
fn write_values(folder: &Path, count: usize, values: impl Fn(u8, &[u8]) -> Vec<f32>) {
    fs::create_dir(folder).unwrap();
    let layout = format!(
        "channels = 1\nheight = 8\nwidth = 8\nvalues = {count}\ntrain = [\"a.bin\"]\ntest = [\"b.bin\"]\ntrain_values = [\"a.f32\"]\n\
         test_values = [\"b.f32\"]\n"
    );
    fs::write(folder.join("layout.toml"), layout).unwrap();
    for (name, of) in [("a", digits(true, TRAIN, |_| true)), ("b", digits(false, TEST, |_| true))] {
        let numbers = of.iter().flat_map(|(label, pixels)| values(*label, pixels)).flat_map(f32::to_le_bytes);
        fs::write(folder.join(name).with_extension("f32"), numbers.collect::<Vec<u8>>()).unwrap();
        let images: Vec<u8> = of.into_iter().flat_map(|(_, pixels)| pixels).collect();
        fs::write(folder.join(name).with_extension("bin"), images).unwrap();
    }
}

/// The mean brightness, and the difference of the halves.
fn brightness(_: u8, pixels: &[u8]) -> Vec<f32> {
    let sum = |of: &[u8]| of.iter().map(|byte| f32::from(*byte)).sum::<f32>() / 255.0;
    let (upper, lower) = (sum(&pixels[..32]), sum(&pixels[32..]));
    vec![(upper + lower) / 64.0, (upper - lower) / 8.0]
}

fn train(sandbox: &Sandbox, options: &str, net: &str) -> String {
    let ended = sandbox.run_with(&format!("run --net {{}} {options}"), net);
    ended.assert(0, &[]);
    ended.out
}

fn read(sandbox: &Sandbox, file: &str) -> Value {
    serde_json::from_slice(&fs::read(sandbox.path(file)).unwrap()).unwrap()
}

/// A tensor of f32 that `predict` writes.
fn predicted(sandbox: &Sandbox, run: &str, name: &str) -> Vec<f32> {
    sandbox.run(&format!("predict {run} -o {run}.safetensors")).assert(0, &[]);
    let bytes = fs::read(sandbox.path(&format!("{run}.safetensors"))).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = file.tensor(name).unwrap().data().as_chunks::<4>().0.to_vec();
    numbers.into_iter().map(f32::from_le_bytes).collect()
}

/// The mean squared difference of two rows.
fn squared(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>() / a.len() as f64
}

#[track_caller]
fn near(found: &Value, expected: f64) {
    let number = found.as_f64().unwrap();
    assert!((number - expected).abs() < 1e-5 * expected.abs(), "{number} instead of {expected}");
}

/// By definition: the share of pairs of a positive and a negative in which the positive's score is larger, equal ones counting half.
fn pairs_in_order(scores: &[(f64, bool)]) -> f64 {
    let of =
        |wanted: bool| scores.iter().filter(move |(_, is_positive)| *is_positive == wanted).map(|(score, _)| *score);
    let pairs = of(true).flat_map(|a| of(false).map(move |b| (a, b)));
    let wins: f64 = pairs.clone().map(|(a, b)| if a > b { 1.0 } else { f64::from(u8::from(a >= b)) / 2.0 }).sum();
    wins / pairs.count() as f64
}

#[test]
fn roc_auc_counts_pairs_and_halves_ties() {
    // The example of scikit-learn's documentation of roc_auc_score.
    assert_eq!(roc_auc(&[(0.1, false), (0.4, false), (0.35, true), (0.8, true)]), Some(0.75));
    assert_eq!(roc_auc(&[(1.0, false), (1.0, true)]), Some(0.5));
    assert_eq!(roc_auc(&[(0.0, true), (-0.0, false), (1.0, true)]), Some(0.75));
    assert_eq!(roc_auc(&[(1.0, true)]), None);
    assert_eq!(roc_auc(&[(f64::NAN, true), (1.0, false)]), None);
    for ties in [1_u32, 3, 7, 100] {
        let score = |index: u32| f64::from(index * 37 % 101 / ties);
        let scores: Vec<(f64, bool)> = (0..97).map(|index| (score(index), index % 5 == 2)).collect();
        assert!((roc_auc(&scores).unwrap() - pairs_in_order(&scores)).abs() < 1e-12, "{ties}");
    }
}

#[test]
fn an_autoencoder_has_a_reconstruction_error_and_no_accuracy() {
    let sandbox = Sandbox::new();
    let net = "input 3x32x32 - dense8 - dense3072(R)";
    let out = train(&sandbox, "--data digits --loss mse --target input --epochs 2 --lr 0.003 --out run", net);
    assert!(out.contains("test loss 0.") && !out.contains("accuracy"), "{out}");
    let epochs = lines(&sandbox.results("run").epochs);
    assert!(epochs.iter().all(|line| line.get("train_accuracy").is_none() && line.get("test_accuracy").is_none()));
    assert!(epochs[1]["test_loss"].as_f64() < epochs[0]["test_loss"].as_f64(), "{epochs:?}");
    // The measures are there, and no confusion of classes.
    assert!((0.1..179.9).contains(&epochs[1]["angles"]["dense2"].as_f64().unwrap()), "{epochs:?}");
    assert!(!sandbox.path("run/confusion.json").exists());
    assert!(read(&sandbox, "run/result.json")["last"].get("test_accuracy").is_none());
    assert_eq!(read(&sandbox, "run/config.json")["target"], "input");
    let digits = dataset::open("digits").unwrap();
    let logits = predicted(&sandbox, "run", "logits");
    let errors = logits.chunks(3072).enumerate().map(|(index, row)| {
        let image: Vec<f32> = digits.test.image(index).unwrap().iter().map(|byte| f32::from(*byte) / 255.0).collect();
        squared(row, &image)
    });
    near(&epochs[1]["test_loss"], errors.sum::<f64>() / 297.0);
    sandbox.run("export run -o exported.safetensors").assert(0, &[]);
    assert!(fs::read(sandbox.path("exported.safetensors")).unwrap() == sandbox.results("run").weights);
}

#[test]
fn an_anomaly_class_is_left_out_of_training_and_detected_by_its_error() {
    let sandbox = Sandbox::new();
    write_labels(&sandbox.path("all"), |_| true);
    write_labels(&sandbox.path("others"), |label| label != 3);
    for options in ["--loss mse", "--loss huber --validation 40", "--loss bce", "--loss mse --standardize"] {
        let common = format!("--target input --epochs 2 --batch 16 {options} --fresh");
        train(&sandbox, &format!("--data all --anomaly-class 3 {common} --out run"), AUTOENCODER);
        train(&sandbox, &format!("--data others {common} --out without"), AUTOENCODER);
        let (run, without) = (sandbox.results("run"), sandbox.results("without"));
        assert_eq!(run.metrics, without.metrics, "{options}");
        assert!(run.weights == without.weights && !run.weights.is_empty(), "{options}");
        // Test images of the class stay, so only ROC-AUC differs.
        let (mut epochs, without) = (lines(&run.epochs), lines(&without.epochs));
        let areas: Vec<Value> =
            epochs.iter_mut().map(|line| line.as_object_mut().unwrap().remove("test_roc_auc").unwrap()).collect();
        assert_eq!(epochs, without, "{options}");
        if options.contains("standardize") {
            continue;
        }
        let logits = predicted(&sandbox, "run", "logits");
        let errors: Vec<(f64, bool)> = digits(false, TEST, |_| true)
            .iter()
            .zip(logits.chunks(64))
            .map(|((label, pixels), row)| {
                let image: Vec<f32> = pixels.iter().map(|byte| f32::from(*byte) / 255.0).collect();
                let sigmoid = |z: &f64| 1.0 / (1.0 + (-z).exp());
                let outputs =
                    row.iter().map(|z| f64::from(*z)).map(|z| if options.contains("bce") { sigmoid(&z) } else { z });
                (outputs.zip(image).map(|(z, x)| (z - f64::from(x)).powi(2)).sum::<f64>(), *label == 3)
            })
            .collect();
        let (found, expected) = (areas[1].as_f64().unwrap(), pairs_in_order(&errors));
        assert!((found - expected).abs() < 1e-9 && found > 0.0 && found < 1.0, "{options}: {found}, {expected}");
    }
}

#[test]
fn a_regression_is_trained_on_the_values_of_a_folder() {
    let sandbox = Sandbox::new();
    write_values(&sandbox.path("data"), 2, brightness);
    let info = sandbox.run("data info --data data");
    assert!(info.out.contains("1 x 8 x 8, 2 target values"), "{}", info.out);
    let net = "input 64 - dense8 - dense2(R)";
    let out = train(&sandbox, "--data data --loss mse --epochs 30 --batch 16 --lr 0.01 --out run", net);
    assert!(!out.contains("accuracy"), "{out}");
    let epochs = lines(&sandbox.results("run").epochs);
    let last = epochs.last().unwrap();
    let (logits, values) = (predicted(&sandbox, "run", "logits"), predicted(&sandbox, "run", "values"));
    assert_eq!(values, digits(false, TEST, |_| true).iter().flat_map(|(l, p)| brightness(*l, p)).collect::<Vec<_>>());
    near(&last["test_loss"], squared(&logits, &values));
    // Better than the mean of the values, which explains nothing.
    let mean: Vec<f32> = (0..2).map(|at| values[at..].iter().step_by(2).sum::<f32>() / TEST as f32).collect();
    assert!(last["test_loss"].as_f64().unwrap() < 0.5 * squared(&values, &mean.repeat(TEST)), "{last}");
}

#[test]
fn several_labels_of_an_image_are_right_if_all_are() {
    let sandbox = Sandbox::new();
    let labels = |label: u8, _: &[u8]| [2, 3, 5].map(|n| f32::from(u8::from(label.is_multiple_of(n)))).to_vec();
    write_values(&sandbox.path("data"), 3, labels);
    train(
        &sandbox,
        "--data data --loss bce --epochs 10 --batch 16 --lr 0.01 --out run",
        "input 64 - dense16 - dense3(R)",
    );
    let epochs = lines(&sandbox.results("run").epochs);
    let (logits, values) = (predicted(&sandbox, "run", "logits"), predicted(&sandbox, "run", "values"));
    let rows = logits.chunks(3).zip(values.chunks(3));
    let right = rows.filter(|(row, values)| row.iter().zip(*values).all(|(z, t)| (*z > 0.0) == (*t > 0.5))).count();
    near(&epochs.last().unwrap()["test_accuracy"], 100.0 * right as f64 / TEST as f64);
}

#[test]
fn one_output_tells_two_classes_apart() {
    let sandbox = Sandbox::new();
    write_labels(&sandbox.path("two"), |_| true);
    for name in ["a.bin", "b.bin"] {
        let mut bytes = fs::read(sandbox.path("two").join(name)).unwrap();
        bytes.chunks_mut(65).for_each(|record| record[0] %= 2);
        fs::write(sandbox.path("two").join(name), bytes).unwrap();
    }
    let layout = fs::read_to_string(sandbox.path("two/layout.toml")).unwrap().replace("= 10", "= 2");
    fs::write(sandbox.path("two/layout.toml"), layout).unwrap();
    train(&sandbox, "--data two --loss bce --epochs 6 --batch 16 --out run", "input 64 - dense16 - dense1");
    let last = lines(&sandbox.results("run").epochs).pop().unwrap();
    let counts: Vec<Vec<u32>> = serde_json::from_value(read(&sandbox, "run/confusion.json")).unwrap();
    assert_eq!(counts.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    near(&last["test_accuracy"], 100.0 * f64::from(counts[0][0] + counts[1][1]) / TEST as f64);
    let refused = sandbox.run_with("run --net {} --data two --epochs 1", "input 64 - dense1");
    refused.assert(
        1,
        &["the loss ce compares outputs, and the last layer has one; end with dense2, or choose --loss bce"],
    );
}

#[test]
fn a_stopped_run_resumes_byte_for_byte_with_any_threads() {
    let sandbox = Sandbox::new();
    write_labels(&sandbox.path("all"), |_| true);
    let to = |out: &str, rest: &str| {
        let line =
            format!("--data all --loss mse --target input --anomaly-class 3 --batch 16 --epochs 2 --out {out} {rest}");
        train(&sandbox, &line, AUTOENCODER);
    };
    to("whole", "--threads 1");
    for steps in [5, 18, 23] {
        let out = format!("cut-{steps}");
        to(&out, &format!("--max-steps {steps} --threads 2"));
        to(&out, "--threads 2");
        sandbox.results(&out).assert_equal(&sandbox.results("whole"));
    }
    // Both are part of what the run is.
    for (options, difference) in [
        ("--target input --anomaly-class 4", "anomaly_class: 3 there, 4 asked for"),
        ("--target input", "anomaly_class: 3 there, the default asked for"),
    ] {
        let line = format!("run --net {{}} --data all --loss mse {options} --batch 16 --epochs 2 --out whole");
        sandbox.run_with(&line, AUTOENCODER).assert(1, &["this folder holds another run", difference]);
    }
}

#[test]
fn what_does_not_go_together_is_refused_before_work_begins() {
    let sandbox = Sandbox::new();
    write_labels(&sandbox.path("labels"), |_| true);
    write_values(&sandbox.path("values"), 2, brightness);
    let refused = |options: &str, net: &str, expected: &[&str]| {
        sandbox.run_with(&format!("run --net {{}} {options} --epochs 1 --out run"), net).assert(1, expected);
        assert!(!sandbox.path("run").exists(), "{options}");
    };
    let (ten, auto) = ("input 64 - dense10", "input 64 - dense64");
    refused("--data labels --target input", auto, &["the loss ce takes classes; choose --loss mse, huber or bce"]);
    refused("--data labels --target input --loss mse", ten, &["has 10 outputs", "end with dense64"]);
    refused("--data labels --loss mse", auto, &["the labels of labels give 10; end with dense10", "--target input"]);
    refused("--data labels --target values --loss mse", ten, &["has labels and no values; leave out --target values"]);
    refused("--data values --loss hinge", "input 64 - dense2", &["the loss hinge takes classes; choose --loss mse"]);
    refused(
        "--data values --target class",
        "input 64 - dense2",
        &["has values and no labels; train with --target values"],
    );
    refused("--data values --loss mse", ten, &["has 10 outputs", "has 2 values an image; end with dense2"]);
    refused("--data values --loss bce", "input 64 - dense2", &["takes values from 0 to 1; choose --loss mse or huber"]);
    refused("--data labels --target input --loss bce --standardize", auto, &["leave out --standardize"]);
    refused(
        "--data labels --anomaly-class 3",
        ten,
        &["--anomaly-class has no effect: the target is class", "--target input"],
    );
    let input = "--data labels --target input --loss mse --anomaly-class";
    refused(&format!("{input} 10"), auto, &["--anomaly-class 10 is no class of labels, which are 0 to 9"]);
    refused("--data labels --target input --loss mse --validation 300", auto, &["leaves none to train on"]);
    // Without test images of the class nothing can be told apart.
    let bytes = fs::read(sandbox.path("labels/b.bin")).unwrap();
    let others: Vec<u8> = bytes.chunks(65).filter(|record| record[0] != 3).flatten().copied().collect();
    fs::write(sandbox.path("labels/b.bin"), others).unwrap();
    refused(&format!("{input} 3"), auto, &["0 of the", "are of class 3", "choose another --anomaly-class"]);
}

#[test]
fn a_file_of_values_that_does_not_fit_is_named() {
    let sandbox = Sandbox::new();
    write_values(&sandbox.path("data"), 2, brightness);
    let layout = fs::read_to_string(sandbox.path("data/layout.toml")).unwrap();
    let says = |expected: &[&str]| sandbox.run("data info --data data").assert(1, expected);
    for (from, to, expected) in [
        ("values = 2", "values = 7", "a.f32: 2400 bytes are no whole number of images of 7 f32"),
        ("values = 2", "values = 1", "the files a.f32 hold the values of 600 images, and a.bin hold 300"),
        ("values = 2", "values = 2\nclasses = 3", "labels or target values, not both"),
        ("values = 2\n", "", "missing field `classes`, or `values`"),
        ("test_values = [\"b.f32\"]", "", "needs the files of `train_values` and `test_values`"),
        ("a.f32", "c.f32", "c.f32: there is no such file, but layout.toml names it"),
    ] {
        fs::write(sandbox.path("data/layout.toml"), layout.replacen(from, to, 1)).unwrap();
        says(&[expected]);
    }
    fs::write(sandbox.path("data/layout.toml"), layout).unwrap();
    let mut bytes = fs::read(sandbox.path("data/a.f32")).unwrap();
    bytes[44..48].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(sandbox.path("data/a.f32"), bytes).unwrap();
    says(&["a.f32: value 1 of image 5 (byte 44) is NaN, but values have to be finite"]);
}

/// The interval at 95 % by Hanley and `McNeil` (1982) of an area over the test images, of which those of class 3 are the positives.
fn roc_auc_interval(area: f64) -> [f64; 2] {
    let labels = digits(false, TEST, |_| true);
    let positives = labels.iter().filter(|(label, _)| *label == 3).count() as f64;
    let negatives = TEST as f64 - positives;
    let mut variance = area * (1.0 - area);
    variance += (positives - 1.0) * (area / (2.0 - area) - area.powi(2));
    variance += (negatives - 1.0) * (2.0 * area.powi(2) / (1.0 + area) - area.powi(2));
    let error = 1.959_963_984_540 * (variance / (positives * negatives)).sqrt();
    [(area - error).max(0.0), (area + error).min(1.0)]
}

#[test]
fn an_area_under_a_curve_is_shown_with_its_interval() {
    let sandbox = Sandbox::new();
    write_labels(&sandbox.path("all"), |_| true);
    let run = "--data all --loss mse --target input --anomaly-class 3 --batch 16 --epochs 1 --out runs/a";
    let out = train(&sandbox, run, AUTOENCODER);
    let area = lines(&sandbox.results("runs/a").epochs)[0]["test_roc_auc"].as_f64().unwrap();
    let [low, high] = roc_auc_interval(area);
    let text = format!("ROC-AUC {area:.4} [{low:.4}, {high:.4}]");
    assert!(out.contains(&text), "no {text} in {out}");
    sandbox.run("evaluate runs/a").assert(0, &[]);
    assert!(sandbox.run("evaluate runs/a").out.contains(&text));
    let json = sandbox.run("evaluate runs/a --json").json();
    near(&json["test_roc_auc_interval"][0], low);
    near(&json["test_roc_auc_interval"][1], high);
    sandbox.run("report runs -o page.html").assert(0, &[]);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    assert!(page.contains(&format!("{area:.4} <span class=\"soft\">[{low:.4}, {high:.4}]</span>")), "{page}");
    assert!(page.contains("Hanley and McNeil 1982"));
    let runs = sandbox.run("report runs --format runs").out;
    let mut reader = csv::Reader::from_reader(runs.as_bytes());
    let heads = reader.headers().unwrap().clone();
    let record = reader.records().next().unwrap().unwrap();
    let field = |name: &str| record[heads.iter().position(|head| head == name).unwrap()].parse::<f64>().unwrap();
    assert!((field("test_roc_auc_low") - low).abs() < 1e-9 && (field("test_roc_auc_high") - high).abs() < 1e-9);
}

#[test]
fn the_report_ranks_regressions_by_their_loss() {
    let sandbox = Sandbox::new();
    write_labels(&sandbox.path("all"), |_| true);
    for (name, rate) in [("slow", "0.00001"), ("fast", "0.01")] {
        for seed in [1, 2] {
            let line = format!(
                "--data all --loss mse --target input --anomaly-class 3 --batch 16 --epochs 2 --lr {rate} --seed {seed} --out runs/{name}-{seed}"
            );
            train(&sandbox, &line, AUTOENCODER);
        }
    }
    train(&sandbox, "--data all --epochs 1 --out runs/classes", "input 64 - dense10");
    let report = sandbox.run("report runs --format json").json();
    let tables = report["tables"].as_array().unwrap();
    let table = tables.iter().find(|table| table["name"] == "regression").unwrap();
    let rows = table["rows"].as_array().unwrap();
    assert!(rows[0]["name"].as_str().unwrap().contains("--lr 0.01") && rows.len() == 2, "{table}");
    let last = |run: &str| lines(&sandbox.results(&format!("runs/{run}")).epochs).pop().unwrap();
    let mean = |figure: &str| {
        [1, 2].map(|seed| last(&format!("fast-{seed}"))[figure].as_f64().unwrap()).iter().sum::<f64>() / 2.0
    };
    let ours = &rows[0]["cells"][0]["ours"];
    near(&ours["mean"], mean("test_loss"));
    near(&ours["roc_auc"], mean("test_roc_auc"));
    assert_eq!(
        (&ours["metric"], &ours["test_error"], &ours["train_accuracy"]),
        (&json!("loss"), &Value::Null, &Value::Null)
    );
    assert!(ours["seeds"][0].get("accuracy").is_none() && ours["seeds"][0]["loss"].is_number(), "{ours}");
    let [low, high] = roc_auc_interval(mean("test_roc_auc"));
    near(&ours["roc_auc_test_interval"][0], low);
    near(&ours["roc_auc_test_interval"][1], high);
    let areas = [1, 2].map(|seed| last(&format!("fast-{seed}"))["test_roc_auc"].as_f64().unwrap());
    near(&ours["roc_auc_deviation"], (areas[0] - areas[1]).abs() / 2f64.sqrt());
    // Student's t with one degree of freedom is 12.706 at 97.5 %.
    let half = 12.706_204_736 * (areas[0] - areas[1]).abs() / 2.0;
    let ends = [mean("test_roc_auc") - half, mean("test_roc_auc") + half].map(|end| end.clamp(0.0, 1.0));
    for (found, expected) in ours["roc_auc_interval"].as_array().unwrap().iter().zip(ends) {
        assert!((found.as_f64().unwrap() - expected).abs() < 1e-6, "{found} instead of {expected}");
    }
    // The classifier stays in its own table.
    let other = tables.iter().find(|table| table["name"] == "other").unwrap();
    assert_eq!(
        (other["rows"].as_array().unwrap().len(), &other["rows"][0]["cells"][0]["ours"]["metric"]),
        (1, &json!("accuracy"))
    );
    let csv = sandbox.run("report runs --format csv").out;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let heads = reader.headers().unwrap().clone();
    let field =
        |record: &csv::StringRecord, name: &str| record[heads.iter().position(|head| head == name).unwrap()].to_owned();
    let record = reader.records().map(Result::unwrap).find(|record| record[1].contains("--lr 0.01")).unwrap();
    assert_eq!((field(&record, "accuracy"), field(&record, "test_loss")), (String::new(), ours["mean"].to_string()));
    for (name, of_json) in [
        ("roc_auc_test_low", &ours["roc_auc_test_interval"][0]),
        ("roc_auc_high", &ours["roc_auc_interval"][1]),
        ("roc_auc_deviation", &ours["roc_auc_deviation"]),
    ] {
        assert_eq!(field(&record, name).parse(), Ok(of_json.as_f64().unwrap()), "{name}");
    }
    let markdown = sandbox.run("report runs --format md").out;
    let line = markdown.lines().find(|line| line.contains("--lr 0.01")).unwrap();
    assert!(
        line.contains(&format!("| {:.4} |", mean("test_loss")))
            && line.contains(&format!("| {:.4} [{low:.4}, {high:.4}] |", mean("test_roc_auc"))),
        "{line}"
    );
    assert!(markdown.contains("| test loss |") && markdown.contains("| ROC-AUC |"), "{markdown}");
    sandbox.run("report runs -o page.html").assert(0, &[]);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    let start = page.find("data-table=\"regression\"").unwrap();
    let table = &page[start..start + page[start..].find("</table>").unwrap()];
    assert!(
        table.contains("Test loss")
            && table.contains("ROC-AUC")
            && !table.contains('%')
            && !table.contains("class=\"strip\"")
    );
}
