//! `--validation N`: the last N training images are held out of training, and the best epoch is chosen on them.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::ops::Range;
use std::path::Path;

use asymgrad::config::{Choices, Config};
use asymgrad::dataset::{self, Dataset, Images};
use asymgrad::experiment::Catalogue;
use asymgrad::kernels::NumericMode;
use asymgrad::run::{self, Error};
use asymgrad::train;
use program::{Sandbox, lines};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Images of the data sets below: 230 of training, of which the last 80 are held out.
const IMAGES: usize = 230;
const HELD_OUT: usize = 80;
const NET: &str = "input 3x32x32 - dense12(brSF) - dense11(R) - dense10(brSF)";

/// Some images of these.
type Chosen<'a> = (&'a Images, Range<usize>);

fn digits() -> Dataset {
    dataset::open("digits").unwrap()
}

/// Writes some of the digits in CIFAR-10's binary layout, with a `layout.toml`.
fn write_layout(folder: &Path, train: Chosen, test: Chosen) {
    fs::create_dir(folder).unwrap();
    let layout = "channels = 3\nheight = 32\nwidth = 32\nclasses = 10\ntrain = [\"a.bin\"]\ntest = [\"b.bin\"]\n";
    fs::write(folder.join("layout.toml"), layout).unwrap();
    for (name, (images, range)) in [("a.bin", train), ("b.bin", test)] {
        let record = |index: usize| [&[images.labels[index]], &*images.image(index).unwrap()].concat();
        fs::write(folder.join(name), range.flat_map(record).collect::<Vec<u8>>()).unwrap();
    }
}

/// Writes one channel of some of the digits as MNIST's IDX files.
fn write_idx(folder: &Path, train: Chosen, test: Chosen) {
    fs::create_dir(folder).unwrap();
    for (prefix, (images, range)) in [("train", train), ("t10k", test)] {
        let count = u32::try_from(range.len()).unwrap().to_be_bytes();
        let header = [&[0, 0, 8, 3], &count[..], &[0, 0, 0, 32, 0, 0, 0, 32]].concat();
        let pixels: Vec<u8> = range.clone().flat_map(|index| images.image(index).unwrap()[..1024].to_vec()).collect();
        fs::write(folder.join(format!("{prefix}-images-idx3-ubyte")), [header, pixels].concat()).unwrap();
        let labels = [&[0, 0, 8, 1], &count[..], &images.labels[range]].concat();
        fs::write(folder.join(format!("{prefix}-labels-idx1-ubyte")), labels).unwrap();
    }
}

/// `all` of the images, the `rest` without those held out, and the same with those `heldout` as test images.
fn write_data(sandbox: &Sandbox, write: fn(&Path, Chosen, Chosen)) {
    let digits = digits();
    let (train, test, rest) = (&digits.train, &digits.test, IMAGES - HELD_OUT);
    write(&sandbox.path("all"), (train, 0..IMAGES), (test, 0..70));
    write(&sandbox.path("rest"), (train, 0..rest), (test, 0..70));
    write(&sandbox.path("heldout"), (train, 0..rest), (train, rest..IMAGES));
}

fn read(sandbox: &Sandbox, file: &str) -> Value {
    serde_json::from_slice(&fs::read(sandbox.path(file)).unwrap()).unwrap()
}

/// Asserts that a training with a validation split equals one on a data set without the images held out, and that its validation
/// figures are those that images held out have as test images.
#[track_caller]
fn assert_held_out(sandbox: &Sandbox, net: &str, options: &str) {
    for (data, option) in
        [("all", format!("--validation {HELD_OUT}")), ("rest", String::new()), ("heldout", String::new())]
    {
        let line = format!("run --net {{}} --data {data} --epochs 3 {option} {options} --fresh --out runs/{data}");
        sandbox.run_with(&line, net).assert(0, &[]);
    }
    let [all, rest, heldout] = ["all", "rest", "heldout"].map(|run| sandbox.results(&format!("runs/{run}")));
    assert_eq!(all.metrics, rest.metrics, "{options}");
    assert!(all.weights == rest.weights && !all.weights.is_empty(), "{options}: the weights differ");
    assert_eq!(read(sandbox, "runs/all/confusion.json"), read(sandbox, "runs/rest/confusion.json"), "{options}");
    let result = read(sandbox, "runs/all/result.json")["last"].clone();
    let (mut epochs, rest, heldout) = (lines(&all.epochs), lines(&rest.epochs), lines(&heldout.epochs));
    assert_eq!(epochs.len(), rest.len());
    assert_eq!(result["validation_loss"], epochs.last().unwrap()["validation_loss"]);
    for ((line, rest), heldout) in epochs.iter_mut().zip(&rest).zip(&heldout) {
        let fields = line.as_object_mut().unwrap();
        for figure in ["loss", "accuracy"] {
            let found = fields.remove(&format!("validation_{figure}")).unwrap();
            assert_eq!(found, heldout[format!("test_{figure}")], "{options}");
        }
        assert_eq!(line, rest, "{options}");
    }
}

#[test]
fn training_equals_training_on_a_data_set_without_the_images_held_out() {
    let sandbox = Sandbox::new();
    write_data(&sandbox, write_layout);
    for options in [
        "--batch 16",
        // A batch larger than the data set: one step an epoch.
        "--batch 500",
        "--standardize --batch 32",
        "--no-shuffle --batch 64 --measure-every 2",
        "--batch 30 --max-steps 7 --optimizer sgd --lr 0.1",
    ] {
        assert_held_out(&sandbox, NET, options);
    }
    let convolution = "input 3x32x32 - conv3x3x4 - maxpool3x3/2 - dense10(WM)";
    assert_held_out(&sandbox, convolution, "--batch 200 --mirror-first 3");
}

#[test]
fn images_of_idx_files_are_held_out() {
    let sandbox = Sandbox::new();
    write_data(&sandbox, write_idx);
    assert_held_out(&sandbox, "input 1x32x32 - dense9 - dense10(R*)", "--batch 16 --standardize");
}

/// The images held out are white, so that they would move the mean.
#[test]
fn images_held_out_do_not_standardise() {
    let sandbox = Sandbox::new();
    let mut digits = digits();
    let rest = IMAGES - HELD_OUT;
    let mut pixels = vec![];
    digits.train.read(&(0..1500).collect::<Vec<_>>(), &mut pixels).unwrap();
    pixels[rest * 3072..IMAGES * 3072].fill(255);
    digits.train = Images::in_memory(3072, pixels, digits.train.labels.clone(), vec![]).into();
    write_layout(&sandbox.path("all"), (&digits.train, 0..IMAGES), (&digits.test, 0..70));
    write_layout(&sandbox.path("rest"), (&digits.train, 0..rest), (&digits.test, 0..70));
    let standard = |data: &str, option: &str| {
        let line = format!("run --net {{}} --data {data} --standardize {option} --dry-run --json");
        sandbox.run_with(&line, NET).json()["config"]["standard"].clone()
    };
    let split = standard("all", &format!("--validation {HELD_OUT}"));
    assert_eq!(split, standard("rest", ""));
    assert_ne!(split, standard("all", ""));
}

#[test]
fn threads_change_no_byte_of_the_evaluation() {
    let sandbox = Sandbox::new();
    for threads in [1, 2, 3] {
        let line =
            format!("run --net {{}} --data digits --validation 301 --max-steps 5 --threads {threads} --out {threads}");
        sandbox.run_with(&line, "input 3x32x32 - dense512 - dense130(R) - dense10(R*)").assert(0, &[]);
        sandbox.results(&threads.to_string()).assert_equal(&sandbox.results("1"));
    }
}

#[test]
fn a_split_that_leaves_no_image_is_refused_before_anything_is_written() {
    let sandbox = Sandbox::new();
    for command in [
        "run DS0 DSR2 --data digits",
        "suite --quick",
        "run DS0 --data digits --dry-run",
        "suite --quick --print-script",
    ] {
        for images in [1500, 1501, usize::MAX] {
            let ended = sandbox.run(&format!("{command} --validation {images}"));
            let error = format!("a validation split of {images} images leaves none to train on");
            ended.assert(1, &[&error, "the data set digits has 1500 training images", "--validation"]);
            assert_eq!(ended.out, "");
        }
    }
    sandbox.run("run DS0 --data digits --standardize --validation 1500").assert(1, &["1500 training images"]);
    assert!(!sandbox.path("runs").exists());
    sandbox.run("run DS0 --data digits --validation many").assert(2, &["--validation"]);
    // One image is enough to train.
    let one = "run --net {} --data digits --validation 1499 --epochs 2 --out one";
    sandbox.run_with(one, "input 3x32x32 - dense4 - dense10").assert(0, &[]);
    assert_eq!(lines(&sandbox.results("one").metrics).len(), 2);
}

#[test]
fn the_library_refuses_with_a_typed_error() {
    let (dataset, catalogue) = (digits(), Catalogue::of_report());
    let experiment = catalogue.find("DS0").unwrap();
    let check = |images: usize| {
        let choices = Choices { validation: Some(images), ..Choices::default() };
        let config = Config::of_experiment(experiment, &choices, &dataset, NumericMode::Portable).unwrap();
        train::check_split(&config, &dataset)
    };
    assert!(check(0).is_ok() && check(1499).is_ok());
    let error = check(2000).unwrap_err();
    assert!(matches!(&error, Error::Split { validation: 2000, images: 1500, name } if name == "digits"), "{error}");
}

#[test]
fn the_split_is_part_of_what_a_run_is() {
    let sandbox = Sandbox::new();
    let net = "input 3x32x32 - dense4 - dense10";
    let run = |rest: &str| sandbox.run_with(&format!("run --net {{}} --data digits --max-steps 2 {rest}"), net);
    run("--out plain").assert(0, &[]);
    let config = fs::read(sandbox.path("plain/config.json")).unwrap();
    assert!(!String::from_utf8(config.clone()).unwrap().contains("validation"));
    assert!(!sandbox.results("plain").epochs.contains("validation"));
    run("--out plain --validation 10")
        .assert(1, &["another run (validation: the default there, 10 asked for)", "--out"]);
    // 0 is the default.
    sandbox.run_with("run --net {} --data digits --max-steps 4 --validation 0 --out plain", net).assert(0, &[]);
    sandbox.run_with("run --net {} --data digits --max-steps 4 --out whole", net).assert(0, &[]);
    sandbox.results("plain").assert_equal(&sandbox.results("whole"));
    assert_eq!(
        fs::read(sandbox.path("plain/config.json")).unwrap(),
        fs::read(sandbox.path("whole/config.json")).unwrap()
    );
    run("--out split --validation 10").assert(0, &[]);
    run("--out split").assert(1, &["another run (validation: 10 there, the default asked for)"]);
    run("--out split --validation 11").assert(1, &["another run (validation: 10 there, 11 asked for)"]);
}

/// The identity is the SHA-256 of the fields that a file holds, which another program can compute.
#[test]
fn kept_configurations_keep_their_bytes_and_their_identity() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/results");
    let (mut folders, mut configs) = (vec![kept], 0);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        folders.extend(entries.filter(|path| path.is_dir()));
        let Some(config) = run::read_config(&folder).unwrap() else { continue };
        configs += 1;
        let text = fs::read_to_string(folder.join("config.json")).unwrap();
        assert_eq!(serde_json::to_string_pretty(&config).unwrap() + "\n", text, "{}", folder.display());
        let mut fields: Value = serde_json::from_str(&text).unwrap();
        fields.as_object_mut().unwrap().retain(|name, _| name != "epochs" && name != "max_steps");
        assert_eq!(config.identity(), hex::encode(Sha256::digest(fields.to_string())));
    }
    assert!(configs > 10, "{configs}");
}

#[test]
fn a_dry_run_shows_the_split_and_a_script_carries_it() {
    let sandbox = Sandbox::new();
    let plan = sandbox.run("run DS0 --data digits --epochs 3 --validation 200 --dry-run --json").json();
    let images = ["train_images", "validation_images", "test_images", "steps"].map(|field| plan[field].clone());
    // 11 batches of 128 in 1,300 images.
    assert_eq!(images, [json!(1300), json!(200), json!(297), json!(33)]);
    assert_eq!(plan["config"]["validation"], 200);
    let plan = sandbox.run("run DS0 --data digits --epochs 3 --dry-run --json").json();
    assert_eq!((&plan["train_images"], &plan["validation_images"]), (&json!(1500), &json!(0)));
    assert!(plan["config"]["validation"].is_null());
    let plans = sandbox.run("suite --quick --table 1 --validation 200 --dry-run --json").json();
    let plans = plans.as_array().unwrap();
    assert!(plans.len() == 10 && plans.iter().all(|plan| plan["validation_images"] == 200), "{plans:?}");
    for command in ["run DS0 DSR2 --data digits", "suite --quick"] {
        let script = sandbox.run(&format!("{command} --validation 200 --print-script")).out;
        assert!(script.contains(" --validation 200 "), "{script}");
    }
}

#[test]
fn an_experiment_of_a_file_says_its_split_and_the_option_wins() {
    let sandbox = Sandbox::new();
    let own = "[[experiment]]\nname = \"OWN\"\nnetwork = \"input 3x32x32 - dense4 - dense10\"\nloss = \"ce\"\n\
               data = \"digits\"\nvalidation = 50\nepochs = 1\n";
    fs::write(sandbox.path("own.toml"), own).unwrap();
    let run = "run OWN --experiments own.toml";
    for (option, expected) in [("", json!(50)), ("--validation 60", json!(60)), ("--validation 0", Value::Null)] {
        let plan = sandbox.run(&format!("{run} {option} --dry-run --json")).json();
        assert_eq!(plan["config"]["validation"], expected, "{option}");
    }
    for option in ["", "--validation 60"] {
        sandbox.run(&format!("{run} {option} --out runs/{}", option.len())).assert(0, &[]);
    }
    let report = sandbox.run("report runs --experiments own.toml --format json").json();
    let runs = report["groups"].as_array().unwrap().iter().flat_map(|group| group["runs"].as_array().unwrap());
    let mut settings: Vec<&str> = runs.map(|run| run["settings"].as_str().unwrap()).collect();
    settings.sort_unstable();
    assert_eq!(settings, ["", " --validation 60"]);
}

/// The rows of a table whose title contains `title`.
fn rows<'a>(report: &'a Value, title: &str) -> &'a Vec<Value> {
    let tables = report["tables"].as_array().unwrap();
    let table = tables.iter().find(|table| table["title"].as_str().unwrap().contains(title)).unwrap();
    table["rows"].as_array().unwrap()
}

/// Writes the test and validation accuracies of the epochs of a run.
fn write_accuracies(sandbox: &Sandbox, run: &str, test: [f64; 4], validation: Option<[f64; 4]>) {
    let line = |epoch: usize| {
        let mut line = json!({"epoch": epoch + 1, "train_loss": 1.0, "train_accuracy": 50.0, "test_loss": 1.0});
        line["test_accuracy"] = test[epoch].into();
        if let Some(validation) = validation {
            line["validation_loss"] = 1.0.into();
            line["validation_accuracy"] = validation[epoch].into();
        }
        format!("{line}\n")
    };
    fs::write(sandbox.path(run).join("epochs.jsonl"), (0..4).map(line).collect::<String>()).unwrap();
}

#[test]
fn the_best_epoch_is_chosen_on_the_validation_images() {
    let sandbox = Sandbox::new();
    for (run, option) in [("plain", ""), ("split", "--validation 100"), ("other", "--validation 200")] {
        sandbox.run(&format!("run DS0 --data digits --epochs 1 {option} --out all/{run}")).assert(0, &[]);
    }
    let test = [50.0, 90.0, 60.0, 70.0];
    write_accuracies(&sandbox, "all/plain", test, None);
    // Of equal epochs the first is chosen.
    write_accuracies(&sandbox, "all/split", test, Some([10.0, 20.0, 30.0, 30.0]));
    write_accuracies(&sandbox, "all/other", test, Some([40.0, 20.0, 30.0, 30.0]));
    let report = sandbox.run("report all --format json").json();
    let best = |rows: &[Value], name: &str| {
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        let ours = &row["cells"][0]["ours"];
        [&ours["best"], &ours["best_epochs"], &ours["best_chosen_on"]].map(Clone::clone)
    };
    assert_eq!(best(rows(&report, "Shallow"), "DS0"), [json!(90.0), json!([2]), json!("test")]);
    let others = rows(&report, "Other");
    assert_eq!(best(others, "DS0 --validation 100"), [json!(60.0), json!([3]), json!("validation")]);
    assert_eq!(best(others, "DS0 --validation 200"), [json!(50.0), json!([1]), json!("validation")]);
    // Three groups, of which the plain one alone stands beside the published figure.
    assert_eq!((report["groups"].as_array().unwrap().len(), others.len()), (3, 2));
    assert!(others.iter().all(|row| row["cells"][0]["published"].is_null()), "{others:?}");

    let markdown = sandbox.run("report all --format md").out;
    let line = markdown.lines().find(|line| line.starts_with("| DS0 --validation 100:")).unwrap();
    assert!(line.contains("| 70.00 | 4 | 1 on digits | 60.00 |"), "{line}");
    for set in ["test", "validation"] {
        assert!(markdown.contains(&format!("The best epoch is chosen on the {set} set.")), "{markdown}");
    }
    let csv = sandbox.run("report all --format csv").out;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let column = reader.headers().unwrap().iter().position(|name| name == "best_accuracy").unwrap();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let of = |name: &str| records.iter().find(|record| &record[1] == name).unwrap()[column].to_owned();
    assert_eq!(["DS0", "DS0 --validation 100", "DS0 --validation 200"].map(of), ["90", "60", "50"]);
    sandbox.run("report all -o page.html").assert(0, &[]);
    let page = fs::read_to_string(sandbox.path("page.html")).unwrap();
    for text in ["best epoch 90.00, chosen on the test set", "best epoch 60.00, chosen on the validation set"] {
        assert!(page.contains(text), "no {text}");
    }
}

/// What several seeds say at the end of the command.
#[test]
fn the_table_of_seeds_says_what_its_best_epoch_is_chosen_on() {
    let sandbox = Sandbox::new();
    let command = "run DS0 --data digits --epochs 1 --seeds 1..2 --validation 100 --out all";
    sandbox.run(command).assert(0, &[]);
    for seed in [1, 2] {
        let validation = [10.0, 20.0, 30.0, 25.0];
        write_accuracies(&sandbox, &format!("all/seed-{seed}"), [50.0, 90.0, 60.0, 70.0], Some(validation));
    }
    let out = sandbox.run(command).out;
    let line = out.lines().find(|line| line.contains(" 70.00 ")).unwrap();
    assert!(line.contains("DS0 --validation 100") && line.contains(" 60.00 "), "{line}");
    assert!(out.contains("else on the test set, which is optimistic"), "{out}");
}

#[test]
fn the_command_of_a_run_with_a_split_repeats_it() {
    let sandbox = Sandbox::new();
    sandbox.run("run DSR2 --data digits --epochs 1 --validation 150 --out all/1").assert(0, &[]);
    let report = sandbox.run("report all --format json").json();
    let command = report["groups"][0]["runs"][0]["command"].as_str().unwrap().to_owned();
    assert!(command.contains(" --validation 150"), "{command}");
    sandbox.run(&format!("{} --out again", command.strip_prefix("asymgrad ").unwrap())).assert(0, &[]);
    sandbox.results("again").assert_equal(&sandbox.results("all/1"));
}

/// Training on the first images alone equals training on a data set without the others, and leaves those held out as they are.
#[test]
fn the_first_training_images_alone_are_as_a_data_set_of_them() {
    let sandbox = Sandbox::new();
    let (digits, few, rest) = (digits(), 90, IMAGES - HELD_OUT);
    write_data(&sandbox, write_layout);
    write_layout(&sandbox.path("few"), (&digits.train, 0..few), (&digits.test, 0..70));
    write_layout(&sandbox.path("judge"), (&digits.train, 0..few), (&digits.train, rest..IMAGES));
    let run = |data: &str, options: &str| {
        let line =
            format!("run --net {{}} --data {data} --batch 32 --epochs 3 --standardize --out runs/{data} {options}");
        sandbox.run_with(&line, NET).assert(0, &[]);
        sandbox.results(&format!("runs/{data}"))
    };
    let (few_run, judge) = (run("few", ""), run("judge", ""));
    run("all", &format!("--train-images {few}")).assert_equal(&few_run);
    let split = run("all", &format!("--train-images {few} --validation {HELD_OUT} --fresh"));
    assert!(split.metrics == few_run.metrics && split.weights == few_run.weights);
    for (line, judge) in lines(&split.epochs).iter().zip(lines(&judge.epochs)) {
        assert_eq!(line["validation_loss"], judge["test_loss"]);
    }
    let refused = |rest: &str, texts: &[&str]| {
        let line = format!("run --net {{}} --data all --batch 32 --epochs 3 --standardize --out runs/all {rest}");
        sandbox.run_with(&line, NET).assert(1, texts);
    };
    refused("--train-images 80 --validation 80", &["train_images: 90 there, 80 asked for)"]);
    refused("--train-images 231", &["231 images to train on are more than the 230 that the data set all has;"]);
    refused("--train-images 151 --validation 80", &["more than the 150", "beside a validation split of 80"]);
    let report = sandbox.run("report runs --format json").out;
    assert!(report.contains("--train-images 90"), "{report}");
}

fn best_weights(sandbox: &Sandbox, run: &str) -> Vec<u8> {
    fs::read(sandbox.path(run).join("best.safetensors")).unwrap()
}

/// The weights of the best epoch are those of a run that ends there, and keeping them changes nothing else.
#[test]
fn the_best_weights_are_those_of_a_run_that_ends_with_the_best_epoch() {
    let sandbox = Sandbox::new();
    let run = |out: &str, options: &str| {
        let line = format!("run --net {{}} --data digits --validation 400 --batch 50 --lr 0.02 --out {out} {options}");
        sandbox.run_with(&line, NET)
    };
    run("plain", "--epochs 6").assert(0, &[]);
    run("best", "--epochs 6 --save-best").assert(0, &[]);
    sandbox.results("best").assert_equal(&sandbox.results("plain"));
    assert!(!sandbox.path("plain/best.safetensors").exists());
    let accuracies: Vec<f64> = lines(&sandbox.results("best").epochs)
        .iter()
        .map(|line| line["validation_accuracy"].as_f64().unwrap())
        .collect();
    let highest = accuracies.iter().copied().fold(0.0, f64::max);
    let best = 1 + accuracies.iter().position(|accuracy| accuracy.total_cmp(&highest).is_eq()).unwrap();
    assert!(best < 6, "the last epoch is the best: {accuracies:?}");
    run("short", &format!("--epochs {best}")).assert(0, &[]);
    assert!(best_weights(&sandbox, "best") == sandbox.results("short").weights);
    // Limits within an epoch, and a resumed run that does not repeat the option.
    for options in ["--epochs 6 --max-steps 30 --save-best", "--epochs 6 --max-steps 60", "--epochs 6"] {
        run("cut", options).assert(0, &[]);
    }
    assert!(best_weights(&sandbox, "cut") == best_weights(&sandbox, "best"));
    sandbox.results("cut").assert_equal(&sandbox.results("plain"));
    for epochs in [6, 7] {
        run("plain", &format!("--epochs {epochs} --save-best")).assert(1, &["without --save-best", "--fresh"]);
    }
    run("plain", "--epochs 6").assert(0, &[]);
    run("best", "--epochs 1 --fresh").assert(0, &[]);
    assert!(!sandbox.path("best/best.safetensors").exists());
    sandbox
        .run("run DS0 --data digits --save-best")
        .assert(1, &["--save-best needs a validation split", "--validation N"]);
}
