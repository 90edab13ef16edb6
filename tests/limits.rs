//! What a machine does not give, what options ask too much of, and numbers that end: the answer is a message, never a panic or a
//! result that is none.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::process::Command;

use program::{Ended, Place, lines, skip};

const NET: &str = "input 3x32x32 - dense4 - dense10(R)";

fn run(place: &Place, rest: &str) -> Ended {
    place.run_with(&format!("run --net {{}} --data digits {rest}"), NET)
}

/// What holds more samples than there are takes the memory of those that there are, and computes the same.
#[test]
fn a_batch_above_the_data_set_takes_memory_for_the_data() {
    let place = Place::new();
    let plan = |batch: &str| {
        let plan = run(&place, &format!("--epochs 2 --batch {batch} --dry-run --json --out none")).json();
        plan["memory_bytes"].as_u64().unwrap()
    };
    assert_eq!(plan("1000000"), plan("1500"));
    assert!(plan("1000") < plan("1500"));
    for batch in ["1500", "1000000", "9223372036854775807"] {
        run(&place, &format!("--epochs 2 --batch {batch} --out {batch}")).assert(0, &[]);
        place.results("1500").assert_equal(&place.results(batch));
    }
    place.run("predict 9223372036854775807 -o scores").assert(0, &[]);
    place.run("predict 1500 -o expected").assert(0, &[]);
    assert!(fs::read(place.path("scores")).unwrap() == fs::read(place.path("expected")).unwrap());
    // Mirrors are shown whole batches of noise, which count.
    let mirrors = "run --net {} --data digits --dry-run --json --mirror-first 1 --out none --batch";
    let plan =
        |batch: &str| place.run_with(&format!("{mirrors} {batch}"), "input 3x32x32 - dense4 - dense10(WM)").json();
    assert!(plan("1500")["memory_bytes"].as_u64() < plan("2000")["memory_bytes"].as_u64());
}

/// Every limit of threads ends in a result or in one message, whatever needs the thread that there is none for.
#[test]
#[cfg(target_os = "linux")]
fn threads_that_cannot_start_are_an_error_and_no_panic() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    // A user of whom no other process counts; the superuser has no limit.
    let user = 200_000 + std::process::id();
    let ids = [format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".into()];
    if !Command::new("setpriv").args(&ids).arg("true").status().is_ok_and(|status| status.success()) {
        skip("another user's limits need root and setpriv");
        return;
    }
    let program = place.path("asymgrad");
    fs::copy(env!("CARGO_BIN_EXE_asymgrad"), &program).unwrap();
    for path in [place.path(""), program.clone()] {
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
            let ended = Ended::of(command.current_dir(place.path("")).output().unwrap());
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
    // With threads enough the same folders go on to the end.
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
    Ended::of(command.current_dir(place.path("")).output().unwrap()).assert(0, &[]);
}

/// A rate that halves, or falls to a tenth, is below the least float long before the end: the run goes on at 0.
#[test]
fn a_falling_rate_may_end_at_0() {
    let place = Place::new();
    for schedule in ["step:1:0.1", "step:1:0.0001", "cosine:3"] {
        let rate = if schedule.starts_with("cosine") { "1e-43" } else { "1e-3" };
        let rest =
            format!("--schedule {schedule} --lr {rate} --batch 1500 --measure-every 0 --epochs 60 --out {schedule}");
        run(&place, &rest).assert(0, &[]);
        let epochs = lines(&place.results(schedule).epochs);
        assert_eq!(epochs.len(), 60);
        // Nothing moves any more.
        assert_eq!(epochs[58]["test_loss"], epochs[59]["test_loss"]);
        // Another process goes on there.
        run(&place, &rest.replace("60", "61")).assert(0, &[]);
    }
}
