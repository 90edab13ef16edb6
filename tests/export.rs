//! Parameters for a firmware, as Rust and as bytes: a predictor has the logits of a float64 computation from the safetensors file.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod program;

use std::fs;

use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Architecture, Layer, Predictor};
use program::Sandbox;
use rand_core::Rng;
use safetensors::SafeTensors;

const NET: &str = "input 3x32x32 - dense6 - dense10(R)";

fn trained() -> Sandbox {
    let sandbox = Sandbox::new();
    let run = "run --net {} --data digits --epochs 1 --max-steps 2 --out run";
    sandbox.run_with(run, NET).assert(0, &[]);
    sandbox
}

/// The tensor of a safetensors file in the sandbox.
fn tensor(sandbox: &Sandbox, file: &str, name: &str) -> Vec<f64> {
    let bytes = fs::read(sandbox.path(file)).unwrap();
    let data = SafeTensors::deserialize(&bytes).unwrap().tensor(name).unwrap().data().to_vec();
    data.as_chunks::<4>().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect()
}

/// The outputs of a dense layer in float64, from weights that lie as `[out, in]`.
fn dense(weight: &[f64], bias: &[f64], input: &[f64]) -> Vec<f64> {
    let rows = weight.chunks(input.len()).zip(bias);
    rows.map(|(row, bias)| bias + row.iter().zip(input).map(|(w, x)| w * x).sum::<f64>()).collect()
}

/// The values of an array expression in Rust.
fn values(text: &str) -> Vec<f32> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap()).collect();
    let list = code.trim().strip_prefix('[').unwrap().strip_suffix(']').unwrap();
    list.split(',').map(str::trim).filter(|value| !value.is_empty()).map(|value| value.parse().unwrap()).collect()
}

#[test]
fn exported_parameters_give_a_predictor_the_logits_of_the_run() {
    let sandbox = trained();
    sandbox.run("export run -o w.safetensors --rust w.rs --raw w.bin").assert(0, &[]);
    let mut layers = [Layer::dense(1); 2];
    let network = Architecture::parse(NET, &mut layers).unwrap();
    let parameters = values(&fs::read_to_string(sandbox.path("w.rs")).unwrap());
    let bytes = fs::read(sandbox.path("w.bin")).unwrap();
    let from_bytes: [f32; 3072 * 6 + 6 + 6 * 10 + 10] = network.parameters_from(&bytes);
    assert!(parameters.iter().map(|x| x.to_bits()).eq(from_bytes.iter().map(|x| x.to_bits())));

    let mut generator = SplitMix::new(1);
    let sample: Vec<f32> = (0..3072).map(|_| symmetric(generator.next_u32())).collect();
    let mut memory = vec![0.0; network.prediction_memory(1)];
    let mut predictor: Predictor = Predictor::new(network, 1, &parameters, &mut memory).unwrap();
    let found = predictor.predict(&sample).unwrap();
    let [w1, b1, w2, b2] = ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"]
        .map(|name| tensor(&sandbox, "w.safetensors", name));
    let hidden: Vec<f64> = dense(&w1, &b1, &sample.iter().map(|x| f64::from(*x)).collect::<Vec<_>>());
    let expected = dense(&w2, &b2, &hidden.iter().map(|x| x.max(0.0)).collect::<Vec<_>>());
    for (found, expected) in found.iter().zip(&expected) {
        assert!((f64::from(*found) - expected).abs() < 1e-5, "{found}, {expected}");
    }
}

#[test]
fn a_safetensors_file_becomes_the_same_parameters_as_its_run() {
    let sandbox = trained();
    sandbox.run("export run -o w.safetensors --rust run.rs --raw run.bin").assert(0, &[]);
    sandbox.run_with("export w.safetensors --net {} --rust file.rs --raw file.bin", NET).assert(0, &[]);
    for [of_run, of_file] in [["run.rs", "file.rs"], ["run.bin", "file.bin"]] {
        assert!(fs::read(sandbox.path(of_run)).unwrap() == fs::read(sandbox.path(of_file)).unwrap(), "{of_file}");
    }
    // A file of weights alone, as PyTorch writes it, with one bias too few.
    let bytes = fs::read(sandbox.path("w.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let some = tensors.iter().filter(|(name, _)| !name.ends_with("feedback") && *name != "dense1.bias");
    fs::write(sandbox.path("part"), safetensors::serialize(some, None).unwrap()).unwrap();
    let ended = sandbox.run_with("export part --net {} --raw x", NET);
    ended.assert(
        1,
        &["part: tensors that the network has are missing (dense1.bias); save them as well, or name another network"],
    );
    sandbox
        .run_with("export w.safetensors --net {} --raw x", "input 3x32x32 - dense7 - dense10(R)")
        .assert(1, &["w.safetensors: `dense1.bias` has shape [6], the network's has [7]"]);
    sandbox.run("export w.safetensors --raw x").assert(1, &["w.safetensors: this is no run", "--net"]);
    sandbox.run_with("export w.safetensors --net {} -o x", NET).assert(1, &["x: weights in a file are safetensors"]);
    sandbox.run("export run").assert(2, &["--output", "--rust", "--raw"]);
}

/// What a constant would refuse while it is compiled.
#[test]
fn a_file_of_other_parameters_is_refused() {
    let mut layers = [Layer::dense(1); 2];
    let network = Architecture::parse("input 3 - dense2 - dense2", &mut layers).unwrap();
    let file = [network.parameters_header(14).as_slice(), &[0; 56]].concat();
    assert!(network.parameters_from::<14>(&file).iter().all(|value| value.to_bits() == 0));
    let mut others = [Layer::dense(1); 2];
    let other = Architecture::parse("input 2 - dense3 - dense1", &mut others).unwrap();
    let changed = |at: usize| {
        let mut bytes = file.clone();
        bytes[at] ^= 1;
        bytes
    };
    for (network, file, said) in [
        (other, file.clone(), "the file holds the parameters of another network"),
        (network, changed(0), "this is no file of parameters: write it with asymgrad export --raw"),
        (network, changed(4), "the file has another version of the format: write it with this version of asymgrad"),
        (network, changed(12), "the file holds another number of parameters"),
        (network, file[..10].to_vec(), "the file is shorter than a header: write it with asymgrad export --raw"),
        (network, file[..68].to_vec(), "the file is not as long as its header says"),
        (network, [file.as_slice(), &[0; 4]].concat(), "the file is longer than its header says"),
        (network, [file.as_slice(), &[0]].concat(), "the file is not as long as its header says"),
    ] {
        let panicked = std::panic::catch_unwind(|| network.parameters_from::<14>(&file)).unwrap_err();
        assert_eq!(panicked.downcast_ref::<&str>(), Some(&said));
    }
}
