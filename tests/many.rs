//! Commands of several runs through the real binary: seeds, grids of learning rates, and parallel jobs. Each run has the bytes of
//! the same run alone.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;

use program::{Ended, Sandbox};

const SMALL: &str = "input 3x32x32 - dense16 - dense10(R)";

fn run(sandbox: &Sandbox, rest: &str) -> Ended {
    sandbox.run_with(&format!("run --net {{}} --data digits --epochs 2 {rest}"), SMALL)
}

#[test]
fn each_seed_is_a_run_with_the_bytes_of_the_run_alone() {
    let sandbox = Sandbox::new();
    run(&sandbox, "--seeds 2..4 --out many").assert(0, &["[3/3]"]);
    for seed in 2..=4 {
        run(&sandbox, &format!("--seed {seed} --out alone/{seed}")).assert(0, &[]);
        sandbox.results(&format!("many/seed-{seed}")).assert_equal(&sandbox.results(&format!("alone/{seed}")));
    }
    assert!(
        sandbox.results("many/seed-2").losses() != sandbox.results("many/seed-3").losses(),
        "the seed does nothing"
    );
    for wrong in ["4..2", "1..", "x..2", "0..5000", "3"] {
        run(&sandbox, &format!("--seeds {wrong}")).assert(2, &["two whole numbers, such as 1..5"]);
    }
    run(&sandbox, "--seeds 1..2 --seed 1").assert(2, &["cannot be used with"]);
}

#[test]
fn a_grid_runs_every_rate_with_every_seed() {
    let sandbox = Sandbox::new();
    run(&sandbox, "--lr 1e-2,3e-4 --seeds 1..2 --out grid").assert(0, &["[4/4]"]);
    for (rate, seed) in [("0.01", 1), ("0.01", 2), ("0.0003", 1), ("0.0003", 2)] {
        run(&sandbox, &format!("--lr {rate} --seed {seed} --out alone/{rate}-{seed}")).assert(0, &[]);
        let cell = sandbox.results(&format!("grid/lr-{rate}/seed-{seed}"));
        cell.assert_equal(&sandbox.results(&format!("alone/{rate}-{seed}")));
    }
    // Without --out each run has a folder of its own, too.
    run(&sandbox, "--lr 1e-2,3e-4 --seeds 1..2").assert(0, &[]);
    let report = sandbox.run("report runs --format json").json();
    let groups = report["groups"].as_array().unwrap();
    assert_eq!(groups.iter().map(|group| group["runs"].as_array().unwrap().len()).collect::<Vec<_>>(), [2, 2]);
    run(&sandbox, "--lr 1e-2,0").assert(2, &["it has to be a number above 0"]);
}

#[test]
fn jobs_change_no_byte_and_no_order() {
    let sandbox = Sandbox::new();
    let one = run(&sandbox, "--seeds 1..4 --out one --json --threads 1").json();
    let many = run(&sandbox, "--seeds 1..4 --out many --json --jobs 3").json();
    for (seed, (one, many)) in (1..).zip(one.as_array().unwrap().iter().zip(many.as_array().unwrap())) {
        assert_eq!(one["last"], many["last"]);
        assert!(many["folder"].as_str().unwrap().ends_with(&format!("seed-{seed}")), "{many}");
        sandbox.results(&format!("one/seed-{seed}")).assert_equal(&sandbox.results(&format!("many/seed-{seed}")));
    }
}

#[test]
fn a_failure_among_jobs_is_reported_twice_and_stops_the_others_only_with_fail_fast() {
    let sandbox = Sandbox::new();
    // The folder of seed 2 holds another run.
    run(&sandbox, "--seed 9 --out all/seed-2").assert(0, &[]);
    let ended = run(&sandbox, "--seeds 1..4 --out all --jobs 2 --keep-going");
    ended.assert(1, &["1 of 4 runs failed:"]);
    assert_eq!(ended.err.matches("all/seed-2: this folder holds another run").count(), 2, "{}", ended.err);
    assert!(sandbox.path("all/seed-4/result.json").exists());
    run(&sandbox, "--seeds 1..4 --out fast --jobs 2 --max-steps 1 --fail-fast").assert(0, &[]);
    run(&sandbox, "--seed 9 --out quick/seed-2").assert(0, &[]);
    // Seed 1 is trained until the failure of seed 2 stops it.
    let endless = "run --net {} --data digits --epochs 4000000 --seeds 1..3 --out quick --jobs 2 --fail-fast";
    sandbox.run_with(endless, SMALL).assert(1, &["seed-1: the same command continues", "1 of 3 runs failed:"]);
    assert!(!sandbox.path("quick/seed-3").exists(), "a run started after the failure");
}

/// This sbatch exits without reading the script, which is longer than the buffer of a pipe.
#[cfg(unix)]
#[test]
fn the_message_of_an_sbatch_that_refuses_is_reported() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("bin")).unwrap();
    let sbatch = sandbox.path("bin/sbatch");
    fs::write(&sbatch, "#!/bin/sh\nexec <&-\necho 'fatal: no controller' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&sbatch, fs::Permissions::from_mode(0o755)).unwrap();
    let long = format!("--sbatch=--comment={}", "x".repeat(100_000));
    let mut command = sandbox.command("run DS0 --data digits --slurm {}", &long);
    let path = format!("{}:{}", sandbox.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    let ended = Ended::of(command.env("PATH", path).output().unwrap());
    ended.assert(1, &["sbatch refused: fatal: no controller"]);
}

#[test]
fn more_jobs_than_fit_into_memory_are_refused_with_the_number_that_fits() {
    let sandbox = Sandbox::new();
    // 3072 · 2048 weights with Adam, and feedback: some 76 MB for each run, besides what every run takes.
    let net = "input 3x32x32 - dense2048 - dense10(R)";
    let run =
        |rest: &str| sandbox.run_with(&format!("run --net {{}} --data digits --max-steps 1 --out all {rest}"), net);
    run("--seeds 1..3 --jobs 3 --memory 280")
        .assert(1, &["3 trainings at once need up to", "280 MB are to be had; --jobs 2 fits"]);
    assert!(!sandbox.path("all").exists(), "a run started");
    run("--jobs 1 --memory 20")
        .assert(1, &["the largest training needs", "not even one fits: choose a smaller --batch"]);
    run("--seeds 1..2 --jobs 2 --memory 280").assert(0, &[]);
    run("--jobs 0").assert(2, &["a whole number above 0"]);
}
