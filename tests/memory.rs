//! Training the full untied network with Adam and batches of 128 stays below 450 MiB resident, including images, checkpoint and resuming.
//!
//! Only Linux reports the peak of a process, in `/proc`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use asymgrad_core::random::SplitMix;
use program::{Ended, Sandbox};
use rand_core::Rng;
use serde_json::Value;

/// The bound in bytes.
const MOST: u64 = 450 << 20;

/// Bytes of a label and an image.
const RECORD: usize = 3073;

/// A batch of images to test on: the memory of a test is that of a batch.
const TEST: usize = 128;

/// CIFAR-10's six equal files, and the same number of images with fewer of them to test on. They hold noise: the memory of weights
/// whose gradient is 0 might never be touched.
fn write_noise(cifar: &Path, mostly_training: &Path) {
    let mut bytes = vec![0; 10_000 * RECORD];
    let mut generator = SplitMix::new(1);
    for (index, record) in bytes.chunks_mut(RECORD).enumerate() {
        generator.fill_bytes(record);
        record[0] = u8::try_from(index % 10).unwrap();
    }
    fs::create_dir(cifar).unwrap();
    fs::write(cifar.join("test_batch.bin"), &bytes).unwrap();
    for number in 1..=5 {
        fs::hard_link(cifar.join("test_batch.bin"), cifar.join(format!("data_batch_{number}.bin"))).unwrap();
    }
    fs::create_dir(mostly_training).unwrap();
    fs::hard_link(cifar.join("test_batch.bin"), mostly_training.join("whole.bin")).unwrap();
    let (test, rest) = bytes.split_at(TEST * RECORD);
    fs::write(mostly_training.join("test.bin"), test).unwrap();
    fs::write(mostly_training.join("rest.bin"), rest).unwrap();
    let train = ["\"whole.bin\""; 5].join(", ");
    let layout = format!(
        "channels = 3\nheight = 32\nwidth = 32\nclasses = 10\ntrain = [{train}, \"rest.bin\"]\ntest = [\"test.bin\"]\n"
    );
    fs::write(mostly_training.join("layout.toml"), layout).unwrap();
}

/// Runs a program that prints JSON; returns that and the peak of its resident bytes.
fn run(sandbox: &Sandbox, library: &PathBuf, line: &str) -> (Value, u64) {
    let status = sandbox.path("status");
    let mut command = sandbox.command(line, "");
    let ended = Ended::of(command.env("LD_PRELOAD", library).env("PEAK_FILE", &status).output().unwrap());
    let printed = ended.json();
    let text = fs::read_to_string(status).unwrap();
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB")).unwrap();
    (printed, 1024 * kilobytes.trim().parse::<u64>().unwrap())
}

#[test]
fn the_untied_network_trains_within_450_mib() {
    let sandbox = Sandbox::new();
    let Some(library) = sandbox.preload("peak") else { return };
    write_noise(&sandbox.path("cifar"), &sandbox.path("noise"));
    let (info, peak) = run(&sandbox, &library, "data info --data cifar --json");
    assert_eq!((&info["train"]["images"], &info["test"]["images"]), (&50_000.into(), &10_000.into()));
    assert!(peak < MOST, "{peak} bytes for the data set alone");
    // The second run resumes from the checkpoint of the first.
    for steps in [1, 2] {
        let train = format!("run PG-Untie --data noise --threads 2 --out a --max-steps {steps} --json");
        let (result, peak) = run(&sandbox, &library, &train);
        println!("{steps} steps: {peak} bytes");
        assert_eq!(result["step"], steps, "{result}");
        assert!(peak < MOST, "{peak} bytes after {steps} steps, at most {MOST} are allowed");
        let config: Value = serde_json::from_slice(&fs::read(sandbox.path("a/config.json")).unwrap()).unwrap();
        assert_eq!((config["batch"].as_u64(), config["optimizer"]["adam"].is_object()), (Some(128), true));
        let network = config["network"].as_str().unwrap();
        let plan = sandbox.run_with("plan {} --json", network).json()["bytes"].as_u64().unwrap();
        assert!(peak > plan, "{peak} bytes are fewer than the training takes: the measurement is wrong");
    }
}
