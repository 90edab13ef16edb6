//! Options of initial values, biases, schedules and weight mirrors, on the command line and in files.
#![allow(clippy::unwrap_used)]

mod program;

use std::collections::BTreeMap;
use std::fs;

use program::{Ended, Sandbox};
use safetensors::SafeTensors;
use serde_json::json;

const NET: &str = "input 3x32x32 - dense6 - dense5.tanh(R) - dense10(WM)";

fn run(sandbox: &Sandbox, options: &str) -> Ended {
    sandbox.run_with(&format!("run --net {{}} --data digits {options}"), NET)
}

/// The tensors of a run, as bytes.
fn tensors(sandbox: &Sandbox, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let file = sandbox.path(folder).join("tensors.safetensors");
    sandbox.run(&format!("export {folder} -o {folder}/tensors.safetensors")).assert(0, &[]);
    let bytes = fs::read(file).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    tensors.tensors().into_iter().map(|(name, tensor)| (name, tensor.data().to_vec())).collect()
}

/// The names of the tensors that differ between the run `a`, which trains without options, and one with these options.
fn changed(sandbox: &Sandbox, options: &str) -> Vec<String> {
    run(sandbox, &format!("--out b --fresh --epochs 0 --mirror-first 0 {options}")).assert(0, &[]);
    let (a, b) = (tensors(sandbox, "a"), tensors(sandbox, "b"));
    assert!(a.keys().eq(b.keys()));
    a.into_iter().filter(|(name, values)| b[name] != *values).map(|(name, _)| name).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

#[test]
fn initial_values_of_biases_and_layers_leave_all_others_as_they_are() {
    let sandbox = Sandbox::new();
    run(&sandbox, "--out a --epochs 0 --mirror-first 0").assert(0, &[]);
    for (options, expected) in [
        ("--bias-init uniform-fan-in:1", &["dense1.bias", "dense2.bias", "dense3.bias"][..]),
        ("--bias-init zero,2=normal:0.5", &["dense2.bias"]),
        ("--weights-init glorot,2=uniform:0.5", &["dense2.weight"]),
        ("--weights-init glorot,1=zero,3=fan:1", &["dense1.weight", "dense3.weight"]),
        ("--feedback-init glorot,3=uniform-fan-out:1", &["dense3.feedback"]),
        ("--feedback-init normal:1", &["dense2.feedback", "dense3.feedback"]),
        ("--weights-init glorot,2=glorot --feedback-init glorot,2=glorot --bias-init zero,1=zero", &["dense2.weight"]),
    ] {
        assert_eq!(changed(&sandbox, options), expected, "{options}");
    }
    // PyTorch's default: below 1/√inputs, in the biases, too.
    changed(&sandbox, "--weights-init uniform-fan-in:1 --bias-init uniform-fan-in:1");
    let found = tensors(&sandbox, "b");
    for (layer, inputs) in [("dense1", 3072.0_f32), ("dense2", 6.0), ("dense3", 5.0)] {
        for values in [&found[&format!("{layer}.weight")], &found[&format!("{layer}.bias")]] {
            let largest = floats(values).into_iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
            let bound = 1.0 / inputs.sqrt();
            assert!(largest <= bound && largest > 0.5 * bound, "{layer}: {largest} of {bound}");
        }
    }
}

#[test]
fn a_layer_without_such_values_is_an_error_that_names_those_that_there_are() {
    let sandbox = Sandbox::new();
    let net = "input 3x32x32 - conv3x3x2 - maxpool3x3/2 - dense5(brSF) - dense10(R)";
    let layers = "there are 1 (conv3x3x2), 3 (dense5(brSF)), 4 (dense10(R))";
    for (option, layer, why) in [
        ("--weights-init glorot,2=zero", "--weights-init names layer 2", layers),
        ("--bias-init zero,5=normal:1", "--bias-init names layer 5", layers),
        (
            "--feedback-init glorot,1=zero",
            "--feedback-init names layer 1",
            "there are 3 (dense5(brSF)), 4 (dense10(R))",
        ),
        ("--feedback-init glorot,3=zero", "--feedback-init names layer 3", "(brSF) draws new magnitudes in each step"),
    ] {
        for dry in ["", " --dry-run"] {
            let ended = sandbox.run_with(&format!("run --net {{}} --data digits --max-steps 1 {option}{dry}"), net);
            let said = ended.err + &ended.out;
            assert!(ended.code == Some(1) && said.contains(layer) && said.contains(why), "{option}{dry}: {said}");
        }
    }
    let ended = sandbox.run_with("run --net {} --data digits --weights-init glorot,x=zero", net);
    ended.assert(2, &["--weights-init", "`x=zero` is no layer's distribution"]);
    assert!(!sandbox.path("runs").exists());
}

#[test]
fn the_rate_of_biases_is_a_factor() {
    let sandbox = Sandbox::new();
    run(&sandbox, "--out a --max-steps 3 --optimizer sgd").assert(0, &[]);
    // The default is the same run.
    run(&sandbox, "--out a --max-steps 3 --optimizer sgd --bias-rate 1").assert(0, &[]);
    run(&sandbox, "--out b --max-steps 3 --optimizer sgd --bias-rate 0").assert(0, &[]);
    let biases = |folder: &str| -> Vec<f32> {
        let tensors = tensors(&sandbox, folder).into_iter();
        tensors.filter(|(name, _)| name.ends_with("bias")).flat_map(|(_, values)| floats(&values)).collect()
    };
    assert!(biases("b").iter().all(|bias| *bias == 0.0));
    // After one step of gradient descent each bias is its gradient times the rate.
    for (out, factor) in [("one", "1"), ("some", "0.0078125")] {
        let options = format!("--out {out} --max-steps 1 --optimizer sgd --bias-rate {factor}");
        run(&sandbox, &options).assert(0, &[]);
    }
    let scaled: Vec<f32> = biases("one").into_iter().map(|bias| bias / 128.0).collect();
    assert!(scaled.iter().any(|bias| *bias != 0.0));
    assert_eq!(biases("some"), scaled);
    run(&sandbox, "--bias-rate -1").assert(2, &["it has to be a number from 0 to 3.4e38"]);
}

#[test]
fn a_multistep_schedule_lowers_the_rate_after_its_epochs() {
    let sandbox = Sandbox::new();
    for (out, schedule) in
        [("a", "step:1:0.5"), ("b", "multistep:1,2:0.5"), ("c", "multistep:1,9:0.5"), ("d", "constant")]
    {
        run(&sandbox, &format!("--out {out} --epochs 3 --mirror-first 0 --schedule {schedule}")).assert(0, &[]);
    }
    let losses = ["a", "b", "c", "d"].map(|out| sandbox.results(out).losses());
    assert_eq!(losses[0], losses[1]);
    // An epoch has 12 steps; the loss of a step is that before its update.
    assert_eq!(losses[2][..25], losses[1][..25]);
    assert_ne!(losses[2], losses[1]);
    assert_eq!(losses[3][..13], losses[1][..13]);
    assert_ne!(losses[3][..25], losses[1][..25]);
}

#[test]
fn options_of_mirrors_are_part_of_what_a_run_is() {
    let sandbox = Sandbox::new();
    run(&sandbox, "--out a --max-steps 4 --mirror-first 5").assert(0, &[]);
    for option in ["--mirror-noise 0.5", "--mirror-response sigmoid", "--no-mirror-leak"] {
        run(&sandbox, &format!("--out b --fresh --max-steps 4 --mirror-first 5 {option}")).assert(0, &[]);
        assert_ne!(sandbox.results("a").weights, sandbox.results("b").weights, "{option}");
        assert!(sandbox.run("report b --format csv").out.contains(option), "{option}");
        let plain = sandbox.run_with(&format!("run --net {{}} --data digits {option}"), "input 3x32x32 - dense10");
        plain.assert(1, &[&option[..option.find(' ').unwrap_or(option.len())], "has no effect: no layer is (WM)"]);
    }
    run(&sandbox, "--out c --max-steps 2 --mirror-first 2 --mirror-rate 1.28 --no-mirror-leak").assert(0, &[]);
    run(&sandbox, "--out d --max-steps 2 --mirror-first 2 --mirror-rate 1.28")
        .assert(1, &["the rate of the weight mirrors has to be at least 0 and below 1, found 1.28"]);
    run(&sandbox, "--mirror-response softmax").assert(2, &["the activations are relu, sigmoid, tanh"]);
}

#[test]
fn the_options_are_fields_of_experiments_and_grids() {
    let sandbox = Sandbox::new();
    let row = "[[experiment]]\nname = \"ONE\"\nnetwork = \"input 3x32x32 - dense6 - dense10(WM)\"\nloss = \"bce\"\ndata = \"digits\"\n";
    let options = "optimizer = \"rmsprop\"\nalpha = 0.5\nbias_rate = 0.0078125\nschedule = \"multistep:2,4:0.1\"\n\
                   mirror_noise = 0.25\nmirror_response = \"sigmoid\"\nno_mirror_leak = true\nbias_init = \"uniform:0.5\"\n\
                   weights_init = \"uniform-fan-in:1,2=zero\"\n";
    fs::write(sandbox.path("own.toml"), format!("{row}{options}")).unwrap();
    let run = "run ONE --experiments own.toml --out one";
    let config = sandbox.run(&format!("{run} --dry-run --json")).json()["config"].clone();
    for (field, value) in [
        ("bias_rate", json!(0.007_812_5)),
        ("schedule", json!({"multistep": {"epochs": [2, 4], "factor": 0.1}})),
        ("mirror_noise", json!(0.25)),
        ("mirror_response", json!("sigmoid")),
        ("mirror_leak", json!(false)),
        ("bias_init", json!({"uniform": 0.5})),
        ("weights_init", json!("uniform-fan-in:1,2=zero")),
    ] {
        assert_eq!(config[field], value, "{field}");
    }
    assert_eq!(config["optimizer"]["rmsprop"]["alpha"], 0.5);
    sandbox.run(&format!("{run} --max-steps 1 --mirror-first 1")).assert(0, &[]);
    // Read again, it is the same run.
    sandbox.run(&format!("{run} --max-steps 1 --mirror-first 1")).assert(0, &[]);
    let grid = "data = \"digits\"\nnet = \"input 3x32x32 - dense6 - dense10\"\nmax_steps = 1\n\
                weights_init = [\"glorot\", \"glorot,2=zero\"]\n";
    fs::write(sandbox.path("grid.toml"), grid).unwrap();
    sandbox.run("run --grid grid.toml --out grid").assert(0, &[]);
    for folder in ["weights-init-glorot", "weights-init-glorot-2-zero"] {
        let found = fs::read_dir(sandbox.path("grid")).unwrap().map(|entry| entry.unwrap().path().join(folder));
        assert!(found.into_iter().any(|path| path.exists()) || sandbox.path("grid").join(folder).exists(), "{folder}");
    }
}
