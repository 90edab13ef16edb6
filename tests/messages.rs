//! Error messages: each names what is wrong and what to do, once. An error that says its cause in its own message has no `source`.
#![allow(clippy::unwrap_used)]

mod program;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;

use asymgrad::experiment::Catalogue;
use asymgrad::run::{CheckpointReader, read_config, read_epochs, read_state, read_summary};
use asymgrad::{dataset, tensors};
use asymgrad_core::{Architecture, Layer, Trainer, Training};
use program::{Ended, Sandbox};

const NET: &str = "input 3x32x32 - dense4 - dense10(R)";

/// A run of one step in `run`, and files that are none: each is a file of bytes that make no sense to any reader.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run_with("run --net {} --data digits --max-steps 1 --out run", NET).assert(0, &[]);
    fs::write(sandbox.path("bad"), "[[experiment]]\nname = 3\n").unwrap();
    fs::create_dir(sandbox.path("layout")).unwrap();
    fs::write(sandbox.path("layout/layout.toml"), "channels = 1\nheigth = 2\n").unwrap();
    fs::create_dir(sandbox.path("idx")).unwrap();
    for name in
        ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
    {
        fs::write(sandbox.path("idx").join(name), [0, 0, 8, 1, 0, 0, 0, 9]).unwrap();
    }
    fs::create_dir(sandbox.path("cifar")).unwrap();
    for name in ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"] {
        fs::write(sandbox.path("cifar").join(name).with_extension("bin"), "short").unwrap();
    }
    // An archive that ends within its first member.
    fs::write(sandbox.path("cut.tar.gz"), [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]).unwrap();
    for (name, file) in [
        ("damaged-config", "config.json"),
        ("damaged-checkpoint", "checkpoint"),
        ("damaged-result", "result.json"),
        ("damaged-epochs", "epochs.jsonl"),
    ] {
        copy(&sandbox.path("run"), &sandbox.path(name));
        fs::write(sandbox.path(name).join(file), "{\"step\": what?\n").unwrap();
    }
    copy(&sandbox.path("run"), &sandbox.path("no-checkpoint"));
    fs::remove_file(sandbox.path("no-checkpoint/checkpoint")).unwrap();
    sandbox
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// The parts of a message between punctuation marks that have more than one word.
fn phrases(message: &str) -> Vec<&str> {
    let parts = message.split(['\n', ';', '(', ')']).flat_map(|part| part.split(": "));
    parts.map(str::trim).filter(|part| part.contains(' ')).collect()
}

#[track_caller]
fn assert_says_nothing_twice(ended: &Ended, said: &str) {
    ended.assert(1, &["error: ", said]);
    assert_eq!(ended.err.lines().count(), 1, "{}", ended.err);
    let mut seen = BTreeSet::new();
    for phrase in phrases(&ended.err) {
        assert!(seen.insert(phrase), "`{phrase}` is said twice in: {}", ended.err);
    }
}

#[test]
fn the_program_says_each_part_of_an_error_once() {
    let sandbox = sandbox();
    let train = "run --net {} --max-steps 2 --data digits --out";
    for (line, said) in [
        ("list --experiments bad", "bad: line 2: "),
        ("list --experiments none", "none: cannot read the experiments"),
        ("list --experiments run", "run: cannot read the experiments"),
        ("data info --data none", "there is no data set `none`"),
        ("data info --data layout", "layout/layout.toml: line 2: unknown field `heigth`"),
        ("data info --data idx", "idx/train-images-idx3-ubyte: "),
        ("data info --data cifar", "cifar/data_batch_1.bin: 5 bytes"),
        ("data info --data bad", "bad: "),
        ("data import none", "none: cannot open it"),
        ("data import cut.tar.gz", "cut.tar.gz: the archive is damaged"),
        ("data import bad", "bad: not a gzip file"),
        (&format!("{train} damaged-config"), "damaged-config/config.json: no configuration"),
        (&format!("{train} damaged-checkpoint"), "damaged-checkpoint/checkpoint: the checkpoint is damaged"),
        (&format!("{train} damaged-result"), "damaged-result/result.json: no result"),
        (&format!("{train} run --batch 7"), "run: this folder holds another run"),
        (&format!("{train} bad"), "bad: cannot create"),
        (&format!("{train} new --init bad"), "bad: no safetensors file"),
        (&format!("{train} new --init none"), "none: cannot read the weights"),
        (&format!("{train} new --init run"), "run: cannot read the weights"),
        (&format!("{train} new --lr 1e-3 --clip 1e-3 --memory 1"), "allow more with --memory"),
        ("export no-checkpoint -o x", "no-checkpoint: there is no checkpoint"),
        ("export damaged-checkpoint -o x", "damaged-checkpoint/checkpoint: the checkpoint is damaged"),
        ("export bad -o x", "bad: this is no run"),
        ("export run -o run", "run: cannot write the weights"),
        ("export run -o x --csr dense1.weight", "dense1.weight"),
        ("predict run -o run", "run: cannot write the logits"),
        ("predict run -o x --data bad", "bad: "),
        ("report none", "none: cannot read"),
        ("report run -o run", "run: cannot write"),
        ("status none", "none: cannot read"),
        ("man bad", "bad: cannot write the pages"),
    ] {
        assert_says_nothing_twice(&sandbox.run_with(line, NET), said);
    }
}

/// Neither root nor anyone else may create a folder there.
#[test]
#[cfg(target_os = "linux")]
fn the_program_says_once_that_permission_is_missing() {
    let sandbox = sandbox();
    let train = "run --net {} --max-steps 2 --data digits --out /sys/asymgrad";
    assert_says_nothing_twice(&sandbox.run_with(train, NET), "/sys/asymgrad: cannot create");
    assert_says_nothing_twice(&sandbox.run("export run -o /sys/asymgrad"), "/sys/asymgrad: cannot write the weights");
    assert_says_nothing_twice(&sandbox.run("report run -o /sys/asymgrad"), "/sys/asymgrad: cannot write");
}

/// Whoever prints an error and its sources prints nothing twice.
#[test]
fn no_error_repeats_the_message_of_its_source() {
    let sandbox = sandbox();
    let path = |name: &str| sandbox.path(name);
    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse(NET, &mut layers).unwrap();
    let training = Training::new(2);
    let trainer = Trainer::<{ asymgrad_core::capabilities::ALL }>::new(network, training, &mut []).err().unwrap();
    let weights = |name: &str| tensors::check(&path(name), &network, &training).err().unwrap();
    let open = |name: &str| dataset::open(path(name)).err().unwrap();
    let import = |name: &str| dataset::import(&path(name), &path("data")).err().unwrap();
    let errors: Vec<Box<dyn Error>> = vec![
        Catalogue::open(Some(&path("bad"))).err().unwrap().into(),
        Catalogue::open(Some(&path("none"))).err().unwrap().into(),
        Catalogue::of_report().find("none").err().unwrap().into(),
        open("none").into(),
        open("layout").into(),
        open("idx").into(),
        open("cifar").into(),
        open("bad").into(),
        import("none").into(),
        import("cut.tar.gz").into(),
        import("bad").into(),
        weights("none").into(),
        weights("bad").into(),
        read_config(&path("damaged-config")).err().unwrap().into(),
        read_epochs(&path("damaged-epochs")).err().unwrap().into(),
        read_epochs(&path("bad")).err().unwrap().into(),
        read_summary(&path("damaged-result")).err().unwrap().into(),
        read_state(&path("damaged-checkpoint")).err().unwrap().into(),
        read_state(&path("no-checkpoint")).err().unwrap().into(),
        CheckpointReader::open(&path("bad/checkpoint")).err().unwrap().into(),
        asymgrad::run::Error::from(trainer).into(),
        asymgrad::run::Error::from(weights("none")).into(),
        asymgrad::suite::TaskError::from(asymgrad::run::Error::from(weights("none"))).into(),
    ];
    for error in &errors {
        let mut messages = vec![error.to_string()];
        let mut source = error.source();
        while let Some(error) = source {
            let message = error.to_string();
            assert!(
                messages.iter().all(|earlier| !earlier.contains(&message)),
                "`{message}` is repeated: {messages:?}"
            );
            messages.push(message);
            source = error.source();
        }
    }
}
