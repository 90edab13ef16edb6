//! Runs that are stopped, damaged files, and two processes in one folder: the same command resumes the run, byte for byte, or
//! explains why it cannot. `tests/kill.rs` kills runs.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use asymgrad::dataset;
use asymgrad::kernels::InstructionSet;
use asymgrad::run::read_config;
use asymgrad::train::{self, Observer, Outcome, Request, TrainProgress};
use program::{Ended, Running, Sandbox, lines, skip};
use serde_json::{Value, json};

const NET: &str = "input 3x32x32 - dense24 - dense10(R*)";
/// More steps than any test waits for.
const ENDLESS: &str = "run --net {} --data digits --batch 50 --epochs 4000000 --checkpoint-every 7 --out";
/// Two steps.
const SHORT: &str = "run --net {} --data digits --max-steps 2 --out a";

/// Trains the endless run up to a step.
fn train_to(sandbox: &Sandbox, out: &str, step: u64) -> Ended {
    sandbox.run_with(&format!("{ENDLESS} {out} --max-steps {step}"), NET)
}

/// A process that resumes the endless run after seven steps.
fn begin(sandbox: &Sandbox, out: &str) -> Running {
    train_to(sandbox, out, 7).assert(0, &[]);
    let mut running = Running::start(sandbox.command(&format!("{ENDLESS} {out}"), NET));
    running.wait_for("continues after step 7");
    running
}

/// The first line of a run's checkpoint.
fn checkpoint(sandbox: &Sandbox, out: &str) -> Value {
    let bytes = fs::read(sandbox.path(out).join("checkpoint")).unwrap();
    serde_json::from_slice(bytes.split(|byte| *byte == b'\n').next().unwrap()).unwrap()
}

/// Resumes a run that was interrupted, and compares it with one that was not.
#[track_caller]
fn assert_resumes(sandbox: &Sandbox, out: &str) {
    let goal = checkpoint(sandbox, out)["step"].as_u64().unwrap() + 20;
    train_to(sandbox, out, goal).assert(0, &["continues after step"]);
    train_to(sandbox, "whole", goal).assert(0, &[]);
    sandbox.results(out).assert_equal(&sandbox.results("whole"));
    fs::remove_dir_all(sandbox.path("whole")).unwrap();
}

#[test]
fn a_run_that_is_stopped_by_a_signal_exits_with_75_and_resumes() {
    let sandbox = Sandbox::new();
    for name in ["INT", "TERM", "USR1"] {
        let running = begin(&sandbox, name);
        running.signal(name);
        let ended = running.end();
        ended.assert(75, &["stopped after step", "the same command continues"]);
        assert_eq!(ended.out, "");
        assert!(!sandbox.path(name).join("result.json").exists());
        assert_resumes(&sandbox, name);
    }
}

/// (brSF) draws its feedback anew for each batch, from the last one.
#[test]
fn a_run_stopped_within_an_epoch_has_one_line_an_epoch_and_the_weights_of_its_checkpoint() {
    let sandbox = Sandbox::new();
    let net = "input 3x32x32 - dense12(brSF) - dense10(brSF)";
    let run =
        |rest: &str| sandbox.run_with(&format!("run --net {{}} --data digits --batch 120 --epochs 2 {rest}"), net);
    for steps in [15, 20] {
        run(&format!("--max-steps {steps} --out cut")).assert(0, &[]);
        sandbox.run("export cut -o exported.safetensors").assert(0, &[]);
        let exported = fs::read(sandbox.path("exported.safetensors")).unwrap();
        assert!(exported == sandbox.results("cut").weights, "after {steps} steps");
    }
    run("--out cut").assert(0, &[]);
    run("--out whole").assert(0, &[]);
    sandbox.results("cut").assert_equal(&sandbox.results("whole"));
    let timing = lines(&fs::read_to_string(sandbox.path("cut/timing.jsonl")).unwrap());
    assert_eq!(timing.iter().map(|line| line["epoch"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
}

/// The command is wrong, and the run can be resumed as before.
#[test]
fn asking_for_fewer_steps_than_a_run_has_made_does_not_fail_the_run() {
    let sandbox = Sandbox::new();
    let running = begin(&sandbox, "a");
    running.signal("INT");
    running.end().assert(75, &[]);
    train_to(&sandbox, "a", 1).assert(1, &["1 are asked for", "may only grow"]);
    assert!(!sandbox.path("a/failure.txt").exists());
    let status = sandbox.run("status a --json").json();
    assert_eq!(status["runs"][0]["state"], "stopped", "{status}");
}

/// The line of epoch 0 goes when the run is extended, as the line of an epoch that a limit cuts.
#[test]
fn a_run_of_no_epoch_evaluates_its_start_and_is_extended_as_if_it_had_not_stopped() {
    let sandbox = Sandbox::new();
    for (number, net) in [NET, "input 3x32x32 - dense6 - dense6(brSF) - dense10(WM)"].into_iter().enumerate() {
        let run = |rest: &str| {
            let line = format!(
                "run --net {{}} --data digits --batch 1500 --no-shuffle --mirror-first 5 --out {number}-{rest}"
            );
            let line = if number == 0 { line.replace("--mirror-first 5", "") } else { line };
            sandbox.run_with(&line, net)
        };
        run("a --epochs 0").assert(0, &[]);
        let start = sandbox.results(&format!("{number}-a"));
        let [line] = &lines(&start.epochs)[..] else { panic!("{}", start.epochs) };
        assert_eq!((&line["epoch"], start.metrics.as_str()), (&Value::from(0), ""));
        assert!(line["angles"].as_object().is_some_and(|angles| !angles.is_empty()), "{line}");
        let evaluated = sandbox.run(&format!("evaluate {number}-a --json")).json();
        assert_eq!(
            (&line["test_loss"], &line["test_accuracy"]),
            (&evaluated["test_loss"], &evaluated["test_accuracy"])
        );
        run("a --epochs 0").assert(0, &[]);
        assert_eq!(sandbox.results(&format!("{number}-a")).epochs, start.epochs);
        sandbox.run(&format!("report {number}-a -o page.html")).assert(0, &[]);
        assert_eq!(sandbox.run(&format!("status {number}-a --json")).json()["runs"][0]["state"], "finished");
        run("a --epochs 3").assert(0, &[]);
        run("b --epochs 3").assert(0, &[]);
        let whole = sandbox.results(&format!("{number}-b"));
        sandbox.results(&format!("{number}-a")).assert_equal(&whole);
        // A batch is the whole data set, and a step's loss is that before its update.
        let loss = |value: &Value| value.to_string().parse::<f32>().unwrap();
        assert_eq!(loss(&line["train_loss"]).to_bits(), loss(&whole.losses()[0]).to_bits());
        assert_eq!(line["train_accuracy"], lines(&whole.epochs)[0]["train_accuracy"]);
        run("b --epochs 0").assert(1, &["0 are asked for", "may only grow"]);
    }
}

#[test]
fn a_run_of_no_step_is_one_of_no_epoch() {
    let sandbox = Sandbox::new();
    let run = |rest: &str| sandbox.run_with(&format!("run --net {{}} --data digits --batch 500 {rest}"), NET);
    run("--epochs 0 --out a").assert(0, &[]);
    run("--epochs 3 --max-steps 0 --out b").assert(0, &[]);
    let (a, b) = (sandbox.results("a"), sandbox.results("b"));
    assert!(b.metrics.is_empty() && a.epochs == b.epochs && a.weights == b.weights, "{} {}", a.epochs, b.epochs);
    run("--epochs 3 --max-steps 4 --out b").assert(0, &[]);
    run("--epochs 3 --max-steps 4 --out whole").assert(0, &[]);
    sandbox.results("b").assert_equal(&sandbox.results("whole"));
    let report = sandbox.run("report b --format json").json();
    assert_eq!(report["groups"][0]["runs"][0]["epochs"].as_array().map(Vec::len), Some(2));
    run("--epochs 3 --max-steps 0 --validation 9 --save-best --out c")
        .assert(1, &["--epochs 0 or --max-steps 0 trains none"]);
}

/// config.json is removed last: without it the other files cannot be recognised as those of a run.
#[test]
fn starting_over_removes_the_tensorboard_events_before_the_configuration() {
    let sandbox = Sandbox::new();
    sandbox.run_with(SHORT, NET).assert(0, &[]);
    let events = sandbox.path("a/events.out.tfevents.1.host.1.0");
    fs::create_dir_all(events.join("in the way")).unwrap();
    sandbox.run_with(&format!("{SHORT} --fresh"), NET).assert(1, &["events.out.tfevents", "cannot remove"]);
    assert!(sandbox.path("a/config.json").exists() && sandbox.path("a/result.json").exists());
    fs::remove_dir_all(&events).unwrap();
    sandbox.run_with(&format!("{SHORT} --fresh"), NET).assert(0, &[]);
}

#[test]
fn lines_after_the_checkpoint_are_written_again() {
    let sandbox = Sandbox::new();
    let running = begin(&sandbox, "a");
    running.signal("INT");
    running.end().assert(75, &[]);
    // More lines than the rest of the run writes.
    let beyond = "{\"step\":9999,\"epoch\":1,\"loss\":1.0}\n".repeat(5000) + "{\"st";
    for name in ["metrics.jsonl", "epochs.jsonl", "timing.jsonl"] {
        let mut file = fs::File::options().append(true).open(sandbox.path("a").join(name)).unwrap();
        file.write_all(beyond.as_bytes()).unwrap();
    }
    // A kill leaves this file while the next checkpoint is written.
    fs::write(sandbox.path("a/checkpoint.part"), "half").unwrap();
    assert_resumes(&sandbox, "a");
}

#[test]
fn threads_change_no_byte() {
    let sandbox = Sandbox::new();
    let nets = [
        "input 3x32x32 - dense512 - dense130(R) - dense10(R*)",
        "input 3x32x32 - conv5x5x18 - maxpool3x3/2 - untied3x3x9(R*) - avgpool3x3/2 - dense40(R) - dense10(R*)",
    ];
    for (number, net) in nets.iter().enumerate() {
        for threads in [1, 2, 3] {
            let command =
                format!("run --net {{}} --data digits --max-steps 5 --threads {threads} --out {number}-{threads}");
            sandbox.run_with(&command, net).assert(0, &[]);
            sandbox.results(&format!("{number}-{threads}")).assert_equal(&sandbox.results(&format!("{number}-1")));
        }
    }
}

/// Winograd is a numeric mode of its own: a run resumes byte for byte on any number of threads, is close to the direct sums but not
/// equal to them, and its folder refuses another mode.
#[test]
fn a_run_with_winograd_convolutions_resumes_byte_for_byte() {
    let sandbox = Sandbox::new();
    let net = "input 3x32x32 - conv5x5x18 - maxpool3x3/2 - conv5x5x24(R) - avgpool3x3/2 - dense10(R*)";
    let run = |rest: &str| sandbox.run_with(&format!("run --net {{}} --data digits --batch 40 {rest}"), net);
    let first = run("--kernels fast --max-steps 2 --threads 1 --out cut");
    if first.err.contains("needs a CPU") {
        skip("this CPU has no fast convolutions");
        return first.assert(1, &["--kernels fast", "leave it out"]);
    }
    first.assert(0, &[]);
    run("--kernels fast --max-steps 6 --threads 2 --out cut").assert(0, &[]);
    run("--kernels fast --max-steps 6 --threads 3 --out whole").assert(0, &[]);
    let whole = sandbox.results("whole");
    sandbox.results("cut").assert_equal(&whole);
    run("--max-steps 6 --out whole").assert(1, &["whole: this folder holds another run", "fast"]);
    run("--max-steps 6 --out direct").assert(0, &[]);
    let direct = sandbox.results("direct");
    assert!(whole.weights != direct.weights);
    for (fast, direct) in whole.losses().iter().zip(direct.losses()) {
        let (fast, direct) = (fast.as_f64().unwrap(), direct.as_f64().unwrap());
        assert!((fast - direct).abs() < 1e-3 * direct, "{fast} for {direct}");
    }
}

#[test]
fn two_processes_never_write_one_folder() {
    let sandbox = Sandbox::new();
    let first = begin(&sandbox, "a");
    let holder = format!("a: another process (process {} on", first.id());
    sandbox.run_with(&format!("{ENDLESS} a"), NET).assert(1, &[&holder, "--out"]);
    sandbox.run_with(&format!("{ENDLESS} a --fresh"), NET).assert(1, &[&holder]);
    first.kill();
    assert_resumes(&sandbox, "a");
}

#[test]
fn files_of_a_newer_version_are_reported_and_unchanged() {
    let sandbox = Sandbox::new();
    sandbox.run_with(SHORT, NET).assert(0, &[]);
    let longer = SHORT.replace("--max-steps 2", "--max-steps 4");
    let file = sandbox.path("a/checkpoint");
    let good = fs::read(&file).unwrap();
    let newer = [b"{\"format\":2,\"later\":1,".as_slice(), &good[b"{\"format\":1,".len()..]].concat();
    assert!(good.starts_with(b"{\"format\":1,"));
    fs::write(&file, &newer).unwrap();
    sandbox.run_with(&longer, NET).assert(1, &["a/checkpoint: the checkpoint belongs to a newer version"]);
    assert!(fs::read(&file).unwrap() == newer);
    fs::write(&file, &good).unwrap();
    let file = sandbox.path("a/config.json");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, config.replacen('{', "{\"later\":1,", 1)).unwrap();
    sandbox.run_with(&longer, NET).assert(1, &["a/config.json: ", "unknown field `later`", env!("CARGO_PKG_VERSION")]);
}

#[test]
fn status_lists_finished_running_crashed_failed_and_missing_runs() {
    let sandbox = Sandbox::new();
    sandbox.run_with(&SHORT.replace("--out a", "--out all/done"), NET).assert(0, &[]);
    let running = begin(&sandbox, "all/works");
    let state = |name: &str| {
        let survey = sandbox.run("status all --json").json();
        let runs = survey["runs"].as_array().unwrap();
        // Nothing was asked for that the folder lacks.
        assert_eq!(survey["missing"], json!([]));
        runs.iter().find(|run| run["folder"].as_str().unwrap().ends_with(name)).unwrap().clone()
    };
    let works = state("works");
    assert_eq!((&works["state"], &works["owner"]["pid"]), (&"running".into(), &running.id().into()), "{works}");
    running.kill();
    assert_eq!(state("works")["state"], "crashed");
    assert_eq!(state("done")["state"], "finished");
    let file = sandbox.path("all/works/checkpoint");
    let good = fs::read(&file).unwrap();
    let goal = checkpoint(&sandbox, "all/works")["step"].as_u64().unwrap() + 1;
    fs::write(&file, "damaged").unwrap();
    train_to(&sandbox, "all/works", goal).assert(1, &[]);
    let works = state("works");
    assert!(works["state"] == "failed" && works["problem"].as_str().unwrap().contains("checkpoint"), "{works}");
    fs::write(&file, good).unwrap();
    train_to(&sandbox, "all/works", goal).assert(0, &[]);
    assert_eq!(state("works")["state"], "finished");
    let text = sandbox.run("status all").out;
    assert!(text.contains("2 finished") && !text.contains("missing"), "{text}");
    // Only what is asked for by name is shown, or missing.
    sandbox.run("run DS0 --data digits --max-steps 1 --out all/DS0").assert(0, &[]);
    let text = sandbox.run("status all DS0 DSR1 DSR2").out;
    assert!(text.contains("1 finished, 2 missing: DSR1 DSR2") && !text.contains("works"), "{text}");
    let row = "[[experiment]]\nname = \"MINE\"\nnetwork = \"input 64 - dense10\"\nloss = \"ce\"\n";
    fs::write(sandbox.path("own.toml"), row).unwrap();
    let text = sandbox.run("status all --experiments own.toml").out;
    assert!(text.contains("3 finished, 1 missing: MINE"), "{text}");
}

#[test]
fn a_suite_continues_after_a_failure_unless_fail_fast() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("all/DSR1")).unwrap();
    fs::write(sandbox.path("all/DSR1/thesis.tex"), "").unwrap();
    let command = "run DS0 DSR1 DSR2 --data digits --max-steps 1 --out all";
    sandbox.run(&format!("{command} --fail-fast")).assert(1, &["1 of 3 runs failed", "thesis.tex"]);
    assert!(sandbox.path("all/DS0/result.json").exists() && !sandbox.path("all/DSR2").exists());
    sandbox.run(&format!("{command} --keep-going")).assert(1, &["1 of 3 runs failed"]);
    assert!(sandbox.path("all/DSR2/result.json").exists());
}

#[test]
fn a_damaged_file_is_an_error_and_nothing_is_lost() {
    let sandbox = Sandbox::new();
    let longer = SHORT.replace("--max-steps 2", "--max-steps 4");
    sandbox.run_with(SHORT, NET).assert(0, &[]);
    let before = sandbox.results("a");
    for name in ["checkpoint", "config.json"] {
        let file = sandbox.path("a").join(name);
        let good = fs::read(&file).unwrap();
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 0x80;
        for bad in [flipped, good[..good.len() - 5].to_vec(), vec![]] {
            fs::write(&file, &bad).unwrap();
            sandbox.run_with(&longer, NET).assert(1, &[&format!("a/{name}: "), "--fresh"]);
            assert!(fs::read(&file).unwrap() == bad, "the damaged {name} was touched");
            sandbox.results("a").assert_equal(&before);
        }
        fs::write(&file, &good).unwrap();
    }
    // A log without lines that the checkpoint counts.
    let metrics = sandbox.path("a/metrics.jsonl");
    fs::write(&metrics, &before.metrics[..before.metrics.len() - 1]).unwrap();
    sandbox.run_with(&longer, NET).assert(1, &["a/metrics.jsonl: ", "--fresh"]);
    fs::write(&metrics, &before.metrics).unwrap();
    sandbox.run_with(&longer, NET).assert(0, &[]);
    sandbox.run_with(&longer.replace("--out a", "--out b"), NET).assert(0, &[]);
    sandbox.results("a").assert_equal(&sandbox.results("b"));
}

#[test]
fn a_full_disk_costs_only_the_steps_since_the_last_checkpoint() {
    let sandbox = Sandbox::new();
    sandbox.run_with(SHORT, NET).assert(0, &[]);
    let checkpoint = fs::read(sandbox.path("a/checkpoint")).unwrap();
    let longer = SHORT.replace("--max-steps 2", "--max-steps 4");
    // No file may grow beyond 100 blocks, which is less than a checkpoint.
    let program = sandbox.command(&longer, NET);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""]).arg(program.get_program());
    limited.args(program.get_args()).current_dir(sandbox.path(""));
    Ended::of(limited.output().unwrap()).assert(1, &["a/checkpoint: cannot write", "free some space"]);
    assert!(fs::read(sandbox.path("a/checkpoint")).unwrap() == checkpoint);
    assert!(!sandbox.path("a/checkpoint.part").exists());
    sandbox.run_with(&longer, NET).assert(0, &[]);
    sandbox.run_with(&longer.replace("--out a", "--out b"), NET).assert(0, &[]);
    sandbox.results("a").assert_equal(&sandbox.results("b"));
}

/// Whether, how often and how the signals are measured changes no loss, no weight and no feedback that is exported.
#[test]
fn a_measurement_changes_no_run() {
    let sandbox = Sandbox::new();
    for rule in ["brSF", "uSF", "frSF", "WM"] {
        let net = format!("input 3x32x32 - dense12({rule}) - dense11({rule}) - dense10({rule})");
        for every in ["0", "1", "2", "1 --measures all"] {
            let out = every.replace(" --measures ", "-");
            let run = format!(
                "run --net {{}} --data digits --batch 120 --epochs 3 --mirror-first 2 --measure-every {every} --out {rule}/{out}"
            );
            let run = if rule == "WM" { run } else { run.replace("--mirror-first 2 ", "") };
            sandbox.run_with(&run, &net).assert(0, &[]);
            sandbox.run(&format!("export {rule}/{out} -o exported")).assert(0, &[]);
            let [results, first] = [&out, "0"].map(|out| sandbox.results(&format!("{rule}/{out}")));
            assert!(fs::read(sandbox.path("exported")).unwrap() == results.weights, "{rule}, {every}");
            assert_eq!(results.metrics, first.metrics, "{rule}, {every}");
            assert!(results.weights == first.weights, "{rule}, {every}");
        }
    }
}

/// Stops a training after a round of warm-up.
struct StopAfter<'a> {
    round: u32,
    stop: &'a AtomicBool,
}

impl Observer for StopAfter<'_> {
    fn warm_up(&mut self, round: u32, _: u32) {
        self.stop.store(round >= self.round, Ordering::Relaxed);
    }
}

/// Panics at the first step.
struct Panics;

impl Observer for Panics {
    fn step(&mut self, _: &TrainProgress) {
        panic!("a bug");
    }
}

#[test]
fn a_run_that_panicked_is_shown_as_failed_and_resumes() {
    let sandbox = Sandbox::new();
    sandbox.run_with(SHORT, NET).assert(0, &[]);
    let request = request(&sandbox, "a", "b");
    let stop = AtomicBool::new(false);
    let digits = dataset::open("digits").unwrap();
    let train = || train::train(&request, &digits, &stop, &mut Panics);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(train)).is_err());
    let status = sandbox.run("status b --json").json();
    let run = &status["runs"][0];
    assert!(run["state"] == "failed" && run["problem"].as_str().unwrap().contains("panicked"), "{status}");
    sandbox.run_with(&SHORT.replace("--out a", "--out b"), NET).assert(0, &[]);
    sandbox.results("a").assert_equal(&sandbox.results("b"));
    assert_eq!(sandbox.run("status b --json").json()["runs"][0]["state"], "finished");
}

/// The request of the run in folder `from` for folder `to`.
fn request(sandbox: &Sandbox, from: &str, to: &str) -> Request {
    let config = read_config(&sandbox.path(from)).unwrap().unwrap();
    Request {
        kernels: InstructionSet::of(config.class),
        config,
        folder: sandbox.path(to),
        init: None,
        threads: 1,
        fresh: false,
        checkpoint_every: None,
        tensorboard: false,
        save_best: false,
        longer_is_done: false,
        keep_weights: true,
    }
}

/// The rounds of noise that weight mirrors are shown before the first step take minutes in a large network. So the folder is there
/// first, a signal ends them with a checkpoint, the next process continues them, and a dry run counts them.
#[test]
fn rounds_before_the_first_step_are_stopped_continued_and_counted() {
    let sandbox = Sandbox::new();
    let net = "input 3x32x32 - dense4 - dense4(WM) - dense10(WM)";
    let run = |rounds: &str| {
        format!("run --net {{}} --data digits --epochs 1 --mirror-rate 0.001 --mirror-first {rounds} --out")
    };
    let endless = run("4000000000");
    let plan = sandbox.run_with(&format!("{endless} endless --dry-run --json"), net).json();
    assert!(plan["estimated_seconds"].as_f64().unwrap() > 1000.0, "{plan}");
    let mut running = Running::start(sandbox.command(&format!("{endless} endless"), net));
    running.wait_for(" steps on digits");
    let status = sandbox.run("status endless --json").json();
    assert_eq!(status["runs"][0]["state"], "running", "{status}");
    running.signal("TERM");
    running.end().assert(75, &["stopped after step 0 with a checkpoint"]);
    assert!(checkpoint(&sandbox, "endless")["rounds_left"].is_u64());

    let some = run("300");
    sandbox.run_with(&format!("{some} whole"), net).assert(0, &[]);
    let request = request(&sandbox, "whole", "cut");
    let stop = AtomicBool::new(false);
    let mut observer = StopAfter { round: 100, stop: &stop };
    let stopped = train::train(&request, &dataset::open("digits").unwrap(), &stop, &mut observer).unwrap();
    assert_eq!(stopped, Outcome::Stopped { step: 0 });
    assert_eq!(checkpoint(&sandbox, "cut")["rounds_left"], 200);
    sandbox.run_with(&format!("{some} cut"), net).assert(0, &[]);
    sandbox.results("cut").assert_equal(&sandbox.results("whole"));
}
