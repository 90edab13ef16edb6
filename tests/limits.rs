//! What a machine does not give, what options ask too much of, and numbers that end: the answer is a message, never a panic or a
//! result that is none.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::process::Command;

use asymgrad::run::{Checkpoint, read_config};
use program::{Ended, Sandbox, lines, skip};
use serde_json::Value;

const NET: &str = "input 3x32x32 - dense4 - dense10(R)";

fn run(sandbox: &Sandbox, rest: &str) -> Ended {
    sandbox.run_with(&format!("run --net {{}} --data digits {rest}"), NET)
}

/// What holds more samples than there are takes the memory of those that there are, and computes the same.
#[test]
fn a_batch_above_the_data_set_takes_memory_for_the_data() {
    let sandbox = Sandbox::new();
    let plan = |batch: &str| {
        let plan = run(&sandbox, &format!("--epochs 2 --batch {batch} --dry-run --json --out none")).json();
        plan["memory_bytes"].as_u64().unwrap()
    };
    assert_eq!(plan("1000000"), plan("1500"));
    assert!(plan("1000") < plan("1500"));
    for batch in ["1500", "1000000", "9223372036854775807"] {
        run(&sandbox, &format!("--epochs 2 --batch {batch} --out {batch}")).assert(0, &[]);
        sandbox.results("1500").assert_equal(&sandbox.results(batch));
    }
    sandbox.run("predict 9223372036854775807 -o scores").assert(0, &[]);
    sandbox.run("predict 1500 -o expected").assert(0, &[]);
    assert!(fs::read(sandbox.path("scores")).unwrap() == fs::read(sandbox.path("expected")).unwrap());
    // Mirrors are shown whole batches of noise, which count.
    let mirrors = "run --net {} --data digits --dry-run --json --mirror-first 1 --out none --batch";
    let plan =
        |batch: &str| sandbox.run_with(&format!("{mirrors} {batch}"), "input 3x32x32 - dense4 - dense10(WM)").json();
    assert!(plan("1500")["memory_bytes"].as_u64() < plan("2000")["memory_bytes"].as_u64());
}

/// Every limit of threads ends in a result or in one message, whatever needs the thread that there is none for.
#[test]
#[cfg(target_os = "linux")]
fn threads_that_cannot_start_are_an_error_and_no_panic() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    // A user of whom no other process counts; the superuser has no limit.
    let user = 200_000 + std::process::id();
    let ids = [format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".into()];
    if !Command::new("setpriv").args(&ids).arg("true").status().is_ok_and(|status| status.success()) {
        skip("another user's limits need root and setpriv");
        return;
    }
    let program = sandbox.path("asymgrad");
    fs::copy(env!("CARGO_BIN_EXE_asymgrad"), &program).unwrap();
    for path in [sandbox.path(""), program.clone()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let mut refused = 0;
    for (jobs, threads) in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)] {
        for limit in 1..=8 {
            let out = format!("out/{jobs}-{threads}-{limit}");
            let mut command = Command::new("setpriv");
            command.args(&ids).args(["prlimit", &format!("--nproc={limit}")]).arg(&program);
            command.args([
                "run",
                "--net",
                NET,
                "--data",
                "digits",
                "--epochs",
                "1",
                "--max-steps",
                "1",
                "--seeds",
                "1..3",
            ]);
            command.args(["--jobs", &jobs.to_string(), "--threads", &threads.to_string(), "--out", &out]);
            let ended = Ended::of(command.current_dir(sandbox.path("")).output().unwrap());
            let which = format!("{jobs} jobs, {threads} threads, limit {limit}");
            assert!(!ended.err.contains("panicked"), "{which}: {}", ended.err);
            if ended.code == Some(0) {
                continue;
            }
            refused += 1;
            ended.assert(1, &["cannot start ", "choose fewer with --threads and --jobs"]);
        }
    }
    assert!(refused >= 5, "{refused}");
    // With threads enough the same folders resume to the end.
    let mut command = Command::new("setpriv");
    command.args(&ids).arg(&program).args([
        "run",
        "--net",
        NET,
        "--data",
        "digits",
        "--epochs",
        "1",
        "--max-steps",
        "1",
    ]);
    command.args(["--seeds", "1..3", "--out", "out/2-2-1"]);
    Ended::of(command.current_dir(sandbox.path("")).output().unwrap()).assert(0, &[]);
}

/// A rate that halves, or falls to a tenth, is below the least float long before the end: the run continues at 0.
#[test]
fn a_falling_rate_may_end_at_0() {
    let sandbox = Sandbox::new();
    for schedule in ["step:1:0.1", "step:1:0.0001", "cosine:3"] {
        let rate = if schedule.starts_with("cosine") { "1e-43" } else { "1e-3" };
        let rest =
            format!("--schedule {schedule} --lr {rate} --batch 1500 --measure-every 0 --epochs 60 --out {schedule}");
        run(&sandbox, &rest).assert(0, &[]);
        let epochs = lines(&sandbox.results(schedule).epochs);
        assert_eq!(epochs.len(), 60);
        // Nothing moves any more.
        assert_eq!(epochs[58]["test_loss"], epochs[59]["test_loss"]);
        // Another process resumes there.
        run(&sandbox, &rest.replace("60", "61")).assert(0, &[]);
    }
}

/// Each element of the last update is too large for any number, so that the test images are the first to tell.
#[test]
fn a_network_that_its_last_update_destroys_has_diverged() {
    let sandbox = Sandbox::new();
    let rest = "--optimizer sgd --lr 1e38 --batch 1500 --epochs 1 --json --out run";
    let result = run(&sandbox, rest).json();
    assert_eq!(result["status"], "diverged", "{result}");
    assert!(!result["last"]["test_loss"].is_number(), "{result}");
    assert!(result["last"]["train_loss"].is_number(), "{result}");
    assert!(!sandbox.path("run/confusion.json").exists(), "an answer was made of numbers that are none");
    let status = sandbox.run("status run --json").json();
    assert_eq!(status["runs"][0]["state"], "diverged");
    let report = sandbox.run("report run --format json").json();
    let runs = &report["groups"][0]["runs"];
    assert_eq!((&runs[0]["status"], &runs[0]["confusion"]), (&"diverged".into(), &Value::Null));
    // It is a result: the same command leaves it alone, and more epochs do not mend it.
    assert_eq!(run(&sandbox, rest).json()["status"], "diverged");
    assert_eq!(run(&sandbox, &rest.replace("epochs 1", "epochs 2")).json()["step"], 1);
}

#[test]
fn weights_that_are_no_numbers_are_named_and_nothing_begins() {
    let sandbox = Sandbox::new();
    run(&sandbox, "--epochs 1 --max-steps 1 --out first").assert(0, &[]);
    sandbox.run("export first -o weights").assert(0, &[]);
    let whole = fs::read(sandbox.path("weights")).unwrap();
    let header = 8 + usize::try_from(u64::from_le_bytes(whole[..8].try_into().unwrap())).unwrap();
    let tensors: Value = serde_json::from_slice(&whole[8..header]).unwrap();
    for (tensor, number, word) in [("dense1.weight", f32::NAN, "NaN"), ("dense2.bias", f32::INFINITY, "inf")] {
        let start = header + usize::try_from(tensors[tensor]["data_offsets"][0].as_u64().unwrap()).unwrap();
        let mut damaged = whole.clone();
        damaged[start + 12..start + 16].copy_from_slice(&number.to_le_bytes());
        fs::write(sandbox.path("damaged"), damaged).unwrap();
        let said = format!("value 3 of `{tensor}` is {word}");
        run(&sandbox, "--epochs 1 --init damaged --out second").assert(1, &["damaged: ", &said]);
        let plan = run(&sandbox, "--epochs 1 --init damaged --out third --dry-run --json").json_with(1);
        assert!(plan["problem"].as_str().unwrap().contains(&said), "{plan}");
    }
}

#[test]
fn a_dry_run_says_what_a_run_would_refuse() {
    let sandbox = Sandbox::new();
    let refused = |line: &str, net: &str, said: &str| {
        let plan = sandbox.run_with(&format!("{line} --dry-run --json"), net).json_with(1);
        let plan = if plan.is_array() { plan[1].clone() } else { plan };
        let problem = plan["problem"].as_str().unwrap_or_default();
        assert!(problem.contains(said), "no `{said}` in {plan}");
        let ended = sandbox.run_with(line, net);
        assert_eq!(ended.code, Some(1), "{line}: {ended:?}");
        assert!(ended.err.contains(said), "no `{said}` in {}", ended.err);
    };
    let digits = "run --net {} --data digits --epochs 1";
    refused(&format!("{digits} --memory 20 --out a"), NET, "allow more with --memory");
    refused(
        &format!("{digits} --memory 60 --jobs 2 --seeds 1..2 --threads 1 --out a"),
        NET,
        "2 trainings at once need",
    );
    refused(&format!("{digits} --kp-decay 1.5 --out a"), "input 3x32x32 - dense4 - dense10(KP)", "(KP)");
    fs::create_dir(sandbox.path("thesis")).unwrap();
    fs::write(sandbox.path("thesis/thesis.tex"), "").unwrap();
    refused(&format!("{digits} --out thesis"), NET, "the folder holds thesis.tex");
    refused(&format!("{digits} --out b"), "input 3x16x16 - dense10", "the network takes 3x16x16");
    sandbox.run_with(&format!("{digits} --max-steps 1 --out c"), NET).assert(0, &[]);
    refused(&format!("{digits} --batch 64 --out c"), NET, "this folder holds another run");
    refused(&format!("{digits} --out c/inside"), NET, "in the folder of another run");
    let lock = fs::File::open(sandbox.path("c/lock")).unwrap();
    lock.lock().unwrap();
    refused(&format!("{digits} --out c"), NET, "is running here");
}

/// An address space that holds the weights, but no activations of a batch.
#[test]
#[cfg(target_os = "linux")]
fn a_prediction_that_does_not_fit_into_memory_says_so() {
    let sandbox = Sandbox::new();
    let net = "input 3x32x32 - conv1x1x64 - maxpool3x3/2 - maxpool3x3/2 - dense10";
    sandbox
        .run_with("run --net {} --data digits --batch 500 --epochs 1 --max-steps 1 --measure-every 0 --out run", net)
        .assert(0, &[]);
    // As any user without a limit of his own may run it.
    let mut limited = Command::new("prlimit");
    limited.arg("--as=160000000").arg(env!("CARGO_BIN_EXE_asymgrad")).args(["predict", "run", "-o", "scores"]);
    let ended = Ended::of(limited.current_dir(sandbox.path("")).output().unwrap());
    ended.assert(1, &["bytes of memory", "--batch"]);
}

/// A safetensors file with one tensor, filled with 1.
fn one_tensor(name: &str, shape: &[usize]) -> Vec<u8> {
    let values = shape.iter().product::<usize>();
    let header =
        serde_json::json!({name: {"dtype": "F32", "shape": shape, "data_offsets": [0, 4 * values]}}).to_string();
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &1_f32.to_le_bytes().repeat(values)].concat()
}

#[test]
fn tensors_of_size_zero_are_refused_or_left_out() {
    let sandbox = Sandbox::new();
    run(&sandbox, "--max-steps 1 --out run").assert(0, &[]);
    for shape in [&[0, 3072][..], &[4, 0], &[0, 0], &[0], &[], &[0, 3, 32, 32], &[4, 3, 0, 32], &[0; 6]] {
        let bytes = one_tensor("dense1.weight", shape);
        fs::write(sandbox.path("init"), &bytes).unwrap();
        let said = format!("init: `dense1.weight` has shape {shape:?}, the network's has [4, 3072]");
        run(&sandbox, "--max-steps 1 --init init --out new").assert(1, &[&said]);
        fs::write(sandbox.path("init"), one_tensor("conv1.weight", shape)).unwrap();
        run(&sandbox, "--max-steps 1 --init init --out new").assert(1, &["the network has no tensor `conv1.weight`"]);
        // The picture of a run's weights is left out of its report.
        fs::write(sandbox.path("run/weights.safetensors"), &bytes).unwrap();
        let report = sandbox.run("report run --format json").json();
        let found = &report["groups"][0]["runs"][0];
        assert_eq!((&found["status"], &found["filters"]), (&"finished".into(), &Value::Null), "{shape:?}");
        sandbox.run("report run -o page.html").assert(0, &[]);
    }
    // A file without any tensor leaves all weights as they are drawn.
    fs::write(sandbox.path("init"), [&2_u64.to_le_bytes(), b"{}".as_slice()].concat()).unwrap();
    run(&sandbox, "--max-steps 1 --init init --out new").assert(0, &[]);
    let [new, drawn] = ["new", "run"].map(|out| sandbox.results(out));
    assert_eq!(new.metrics, drawn.metrics);
}

/// Its checksum is right, so the network alone says how many values belong there.
#[test]
fn a_checkpoint_without_values_is_refused() {
    let sandbox = Sandbox::new();
    run(&sandbox, "--max-steps 1 --out run").assert(0, &[]);
    let identity = read_config(&sandbox.path("run")).unwrap().unwrap().identity();
    Checkpoint::start(identity, 0).write(&sandbox.path("run/checkpoint"), &[]).unwrap();
    let said = "run/checkpoint: the checkpoint belongs to another network";
    sandbox.run("export run -o weights").assert(1, &[said]);
    sandbox.run("predict run -o scores").assert(1, &[said]);
    run(&sandbox, "--max-steps 2 --out run").assert(1, &[said]);
    sandbox.run("report run --format json").assert(0, &[]);
}
