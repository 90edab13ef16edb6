//! `evaluate` and `predict` on runs and on files of weights, and runs that begin with a file of weights.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;

use program::{Sandbox, lines};
use safetensors::SafeTensors;
use serde_json::Value;

const NET: &str = "input 3x32x32 - dense14 - dense10(R)";
const RUN: &str = "run --net {} --data digits";

fn read(sandbox: &Sandbox, file: &str) -> Value {
    serde_json::from_slice(&fs::read(sandbox.path(file)).unwrap()).unwrap()
}

/// The tensors of a file whose names `keep` takes, without metadata, as PyTorch writes them.
fn write_some(sandbox: &Sandbox, from: &str, to: &str, keep: impl Fn(&str) -> bool) {
    let bytes = fs::read(sandbox.path(from)).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let some = tensors.iter().filter(|(name, _)| keep(name));
    fs::write(sandbox.path(to), safetensors::serialize(some, None).unwrap()).unwrap();
}

/// Every figure has the bits of the log.
#[test]
fn an_evaluation_gives_the_figures_of_the_log() {
    let sandbox = Sandbox::new();
    for (out, options, of_file) in [
        ("plain", "", ""),
        ("hinge", "--loss hinge --batch 70 --validation 333", "--loss hinge --batch 70 --validation 333"),
        ("standard", "--standardize --batch 500 --kernels portable", "--batch 500 --kernels portable"),
    ] {
        sandbox.run_with(&format!("{RUN} --epochs 2 --out {out} {options}"), NET).assert(0, &[]);
        let last = lines(&sandbox.results(out).epochs).pop().unwrap();
        let counts: Vec<Vec<u64>> = serde_json::from_value(read(&sandbox, &format!("{out}/confusion.json"))).unwrap();
        let file = format!("evaluate {out}/weights.safetensors --net {{}} --data digits {of_file} --json");
        for ended in [sandbox.run(&format!("evaluate {out} --json")), sandbox.run_with(&file, NET)] {
            let found = ended.json();
            for figure in ["test_loss", "test_accuracy", "validation_loss", "validation_accuracy"] {
                assert_eq!(found[figure], last[figure], "{out}: {figure}");
            }
            assert_eq!(found["images"], 297);
            for (class, score) in found["classes"].as_array().unwrap().iter().enumerate() {
                assert_eq!((&score["class"], &score["correct"]), (&class.into(), &counts[class][class].into()));
                assert_eq!(score["images"], counts[class].iter().sum::<u64>());
            }
        }
        let text = sandbox.run(&format!("evaluate {out}")).out;
        assert!(text.contains(&format!("{:.4}", last["test_loss"].as_f64().unwrap())), "{text}");
    }
}

#[test]
fn a_file_without_feedback_is_evaluated_and_predicts_as_its_run() {
    let sandbox = Sandbox::new();
    sandbox.run_with(&format!("{RUN} --epochs 1 --out a"), NET).assert(0, &[]);
    let file = "a/weights.safetensors";
    write_some(&sandbox, file, "torch", |name| !name.ends_with("feedback"));
    write_some(&sandbox, file, "part", |name| name != "dense2.bias");
    let last = lines(&sandbox.results("a").epochs).pop().unwrap();
    let found = sandbox.run_with("evaluate torch --net {} --data digits --json", NET).json();
    assert_eq!(found["test_loss"], last["test_loss"]);
    sandbox.run("predict a -o of-run").assert(0, &[]);
    sandbox.run_with("predict torch --net {} --data digits -o of-file", NET).assert(0, &[]);
    assert!(fs::read(sandbox.path("of-run")).unwrap() == fs::read(sandbox.path("of-file")).unwrap());
    for command in ["evaluate", "predict -o x"] {
        sandbox.run(&format!("{command} torch")).assert(1, &["torch: this is no run", "--net"]);
        let evaluate =
            |file: &str, net: &str| sandbox.run_with(&format!("{command} {file} --data digits --net {{}}"), net);
        evaluate("part", NET).assert(1, &["part: tensors that the network has are missing (dense2.bias)"]);
        evaluate("torch", "input 3x32x32 - dense13 - dense10").assert(1, &["`dense1.bias` has shape [14]"]);
        evaluate("torch", "input 3x9x9 - dense14 - dense10").assert(1, &["digits holds images of 3x32x32"]);
        evaluate("nothing", NET).assert(1, &["nothing: cannot read the weights"]);
    }
    sandbox.run("evaluate a --loss hinge").assert(2, &["--net"]);
}

/// A file of weights says what its inputs were standardised by; other images have other channels.
#[test]
fn metadata_that_do_not_fit_the_images_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.run_with(&format!("{RUN} --max-steps 1 --out a"), NET).assert(0, &[]);
    let bytes = fs::read(sandbox.path("a/weights.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    for (metadata, said) in [
        (vec![("input_mean", "[0.5]"), ("input_deviation", "[0.5]")], "the images need a list of 3 numbers"),
        (vec![("input_mean", "[1,2,3]"), ("input_deviation", "[1,2,1e999]")], "input_deviation"),
        (vec![("input_mean", "[1,2,3]")], "only one of"),
        (vec![("input_mean", "{}"), ("input_deviation", "[1,2,3]")], "input_mean"),
    ] {
        let metadata = metadata.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        fs::write(sandbox.path("w"), safetensors::serialize(tensors.iter(), Some(metadata)).unwrap()).unwrap();
        sandbox.run_with("evaluate w --net {} --data digits", NET).assert(1, &["w: ", said]);
    }
}

#[test]
fn a_run_names_the_tensors_that_its_first_weights_lack() {
    let sandbox = Sandbox::new();
    sandbox.run_with(&format!("{RUN} --max-steps 1 --out a"), NET).assert(0, &[]);
    write_some(&sandbox, "a/weights.safetensors", "part", |name| name.starts_with("dense1."));
    let ended = sandbox.run_with(&format!("{RUN} --max-steps 1 --init part --out b"), NET);
    ended.assert(0, &["part lacks dense2.bias, dense2.feedback, dense2.weight: drawn from the seed"]);
    let ended = sandbox.run_with(&format!("{RUN} --max-steps 1 --init a/weights.safetensors --out c"), NET);
    assert!(!ended.err.contains("lacks"), "{}", ended.err);
}
