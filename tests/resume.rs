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
use asymgrad::train::{self, Observer, Outcome, Request};
use program::{Ended, Place, Running, lines, skip};
use serde_json::Value;

const NET: &str = "input 3x32x32 - dense24 - dense10(R*)";
/// More steps than any test waits for.
const ENDLESS: &str = "run --net {} --data digits --batch 50 --epochs 4000000 --checkpoint-every 7 --out";
/// Two steps.
const SHORT: &str = "run --net {} --data digits --max-steps 2 --out a";

/// Trains the endless run up to a step.
fn train_to(place: &Place, out: &str, step: u64) -> Ended {
    place.run_with(&format!("{ENDLESS} {out} --max-steps {step}"), NET)
}

/// A process that resumes the endless run after seven steps.
fn begin(place: &Place, out: &str) -> Running {
    train_to(place, out, 7).assert(0, &[]);
    let mut running = Running::start(place.command(&format!("{ENDLESS} {out}"), NET));
    running.wait_for("continues after step 7");
    running
}

/// The first line of a run's checkpoint.
fn checkpoint(place: &Place, out: &str) -> Value {
    let bytes = fs::read(place.path(out).join("checkpoint")).unwrap();
    serde_json::from_slice(bytes.split(|byte| *byte == b'\n').next().unwrap()).unwrap()
}

/// Resumes a run that was interrupted, and compares it with one that was not.
#[track_caller]
fn assert_resumes(place: &Place, out: &str) {
    let goal = checkpoint(place, out)["step"].as_u64().unwrap() + 20;
    train_to(place, out, goal).assert(0, &["continues after step"]);
    train_to(place, "whole", goal).assert(0, &[]);
    place.results(out).assert_equal(&place.results("whole"));
    fs::remove_dir_all(place.path("whole")).unwrap();
}

#[test]
fn a_run_that_is_stopped_by_a_signal_exits_with_75_and_resumes() {
    let place = Place::new();
    for name in ["INT", "TERM", "USR1"] {
        let running = begin(&place, name);
        running.signal(name);
        let ended = running.end();
        ended.assert(75, &["stopped after step", "the same command continues"]);
        assert_eq!(ended.out, "");
        assert!(!place.path(name).join("result.json").exists());
        assert_resumes(&place, name);
    }
}

/// (brSF) draws its feedback anew for each batch, from the last one.
#[test]
fn a_run_stopped_within_an_epoch_has_one_line_an_epoch_and_the_weights_of_its_checkpoint() {
    let place = Place::new();
    let net = "input 3x32x32 - dense12(brSF) - dense10(brSF)";
    let run = |rest: &str| place.run_with(&format!("run --net {{}} --data digits --batch 120 --epochs 2 {rest}"), net);
    for steps in [15, 20] {
        run(&format!("--max-steps {steps} --out cut")).assert(0, &[]);
        place.run("export cut -o exported.safetensors").assert(0, &[]);
        let exported = fs::read(place.path("exported.safetensors")).unwrap();
        assert!(exported == place.results("cut").weights, "after {steps} steps");
    }
    run("--out cut").assert(0, &[]);
    run("--out whole").assert(0, &[]);
    place.results("cut").assert_equal(&place.results("whole"));
    let timing = lines(&fs::read_to_string(place.path("cut/timing.jsonl")).unwrap());
    assert_eq!(timing.iter().map(|line| line["epoch"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
}

/// The command is wrong, and the run can be resumed as before.
#[test]
fn asking_for_fewer_steps_than_a_run_has_made_does_not_fail_the_run() {
    let place = Place::new();
    let running = begin(&place, "a");
    running.signal("INT");
    running.end().assert(75, &[]);
    train_to(&place, "a", 1).assert(1, &["1 are asked for", "may only grow"]);
    assert!(!place.path("a/failure.txt").exists());
    let status = place.run("status a --json").json();
    assert_eq!(status["runs"][0]["state"], "stopped", "{status}");
}

/// config.json is removed last: without it the other files cannot be recognised as those of a run.
#[test]
fn starting_over_removes_the_tensorboard_events_before_the_configuration() {
    let place = Place::new();
    place.run_with(SHORT, NET).assert(0, &[]);
    let events = place.path("a/events.out.tfevents.1.host.1.0");
    fs::create_dir_all(events.join("in the way")).unwrap();
    place.run_with(&format!("{SHORT} --fresh"), NET).assert(1, &["events.out.tfevents", "cannot remove"]);
    assert!(place.path("a/config.json").exists() && place.path("a/result.json").exists());
    fs::remove_dir_all(&events).unwrap();
    place.run_with(&format!("{SHORT} --fresh"), NET).assert(0, &[]);
}

#[test]
fn lines_after_the_checkpoint_are_written_again() {
    let place = Place::new();
    let running = begin(&place, "a");
    running.signal("INT");
    running.end().assert(75, &[]);
    // More lines than the rest of the run writes.
    let beyond = "{\"step\":9999,\"epoch\":1,\"loss\":1.0}\n".repeat(5000) + "{\"st";
    for name in ["metrics.jsonl", "epochs.jsonl", "timing.jsonl"] {
        let mut file = fs::File::options().append(true).open(place.path("a").join(name)).unwrap();
        file.write_all(beyond.as_bytes()).unwrap();
    }
    // A kill leaves this file while the next checkpoint is written.
    fs::write(place.path("a/checkpoint.part"), "half").unwrap();
    assert_resumes(&place, "a");
}

#[test]
fn threads_change_no_byte() {
    let place = Place::new();
    let nets = [
        "input 3x32x32 - dense512 - dense130(R) - dense10(R*)",
        "input 3x32x32 - conv5x5x18 - maxpool3x3/2 - untied3x3x9(R*) - avgpool3x3/2 - dense40(R) - dense10(R*)",
    ];
    for (number, net) in nets.iter().enumerate() {
        for threads in [1, 2, 3] {
            let command =
                format!("run --net {{}} --data digits --max-steps 5 --threads {threads} --out {number}-{threads}");
            place.run_with(&command, net).assert(0, &[]);
            place.results(&format!("{number}-{threads}")).assert_equal(&place.results(&format!("{number}-1")));
        }
    }
}

/// Winograd is a numeric mode of its own: a run resumes byte for byte on any number of threads, is close to the direct sums but not
/// equal to them, and its folder refuses another mode.
#[test]
fn a_run_with_winograd_convolutions_resumes_byte_for_byte() {
    let place = Place::new();
    let net = "input 3x32x32 - conv5x5x18 - maxpool3x3/2 - conv5x5x24(R) - avgpool3x3/2 - dense10(R*)";
    let run = |rest: &str| place.run_with(&format!("run --net {{}} --data digits --batch 40 {rest}"), net);
    let first = run("--kernels fast --max-steps 2 --threads 1 --out cut");
    if first.err.contains("needs a CPU") {
        skip("this CPU has no fast convolutions");
        return first.assert(1, &["--kernels fast", "leave it out"]);
    }
    first.assert(0, &[]);
    run("--kernels fast --max-steps 6 --threads 2 --out cut").assert(0, &[]);
    run("--kernels fast --max-steps 6 --threads 3 --out whole").assert(0, &[]);
    let whole = place.results("whole");
    place.results("cut").assert_equal(&whole);
    run("--max-steps 6 --out whole").assert(1, &["whole: this folder holds another run", "fast"]);
    run("--max-steps 6 --out direct").assert(0, &[]);
    let direct = place.results("direct");
    assert!(whole.weights != direct.weights);
    for (fast, direct) in whole.losses().iter().zip(direct.losses()) {
        let (fast, direct) = (fast.as_f64().unwrap(), direct.as_f64().unwrap());
        assert!((fast - direct).abs() < 1e-3 * direct, "{fast} for {direct}");
    }
}

#[test]
fn two_processes_never_write_one_folder() {
    let place = Place::new();
    let first = begin(&place, "a");
    let holder = format!("a: another process (process {} on", first.id());
    place.run_with(&format!("{ENDLESS} a"), NET).assert(1, &[&holder, "--out"]);
    place.run_with(&format!("{ENDLESS} a --fresh"), NET).assert(1, &[&holder]);
    first.kill();
    assert_resumes(&place, "a");
}

#[test]
fn files_of_a_newer_version_are_reported_and_unchanged() {
    let place = Place::new();
    place.run_with(SHORT, NET).assert(0, &[]);
    let longer = SHORT.replace("--max-steps 2", "--max-steps 4");
    let file = place.path("a/checkpoint");
    let good = fs::read(&file).unwrap();
    let newer = [b"{\"format\":2,\"later\":1,".as_slice(), &good[b"{\"format\":1,".len()..]].concat();
    assert!(good.starts_with(b"{\"format\":1,"));
    fs::write(&file, &newer).unwrap();
    place.run_with(&longer, NET).assert(1, &["a/checkpoint: the checkpoint belongs to a newer version"]);
    assert!(fs::read(&file).unwrap() == newer);
    fs::write(&file, &good).unwrap();
    let file = place.path("a/config.json");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, config.replacen('{', "{\"later\":1,", 1)).unwrap();
    place.run_with(&longer, NET).assert(1, &["a/config.json: ", "unknown field `later`", env!("CARGO_PKG_VERSION")]);
}

#[test]
fn status_lists_finished_running_crashed_failed_and_missing_runs() {
    let place = Place::new();
    place.run_with(&SHORT.replace("--out a", "--out all/done"), NET).assert(0, &[]);
    let running = begin(&place, "all/works");
    let state = |name: &str| {
        let survey = place.run("status all --json").json();
        let runs = survey["runs"].as_array().unwrap();
        let run = runs.iter().find(|run| run["folder"].as_str().unwrap().ends_with(name)).unwrap().clone();
        assert_eq!(survey["missing"][0], "DS0");
        run
    };
    let works = state("works");
    assert_eq!((&works["state"], &works["owner"]["pid"]), (&"running".into(), &running.id().into()), "{works}");
    running.kill();
    assert_eq!(state("works")["state"], "crashed");
    assert_eq!(state("done")["state"], "finished");
    let file = place.path("all/works/checkpoint");
    let good = fs::read(&file).unwrap();
    let goal = checkpoint(&place, "all/works")["step"].as_u64().unwrap() + 1;
    fs::write(&file, "damaged").unwrap();
    train_to(&place, "all/works", goal).assert(1, &[]);
    let works = state("works");
    assert!(works["state"] == "failed" && works["problem"].as_str().unwrap().contains("checkpoint"), "{works}");
    fs::write(&file, good).unwrap();
    train_to(&place, "all/works", goal).assert(0, &[]);
    assert_eq!(state("works")["state"], "finished");
    let text = place.run("status all").out;
    assert!(text.contains("2 finished") && text.contains("missing: DS0 DSR1"), "{text}");
}

#[test]
fn a_suite_continues_after_a_failure_unless_fail_fast() {
    let place = Place::new();
    fs::create_dir_all(place.path("all/DSR1")).unwrap();
    fs::write(place.path("all/DSR1/thesis.tex"), "").unwrap();
    let command = "run DS0 DSR1 DSR2 --data digits --max-steps 1 --out all";
    place.run(&format!("{command} --fail-fast")).assert(1, &["1 of 3 runs failed", "thesis.tex"]);
    assert!(place.path("all/DS0/result.json").exists() && !place.path("all/DSR2").exists());
    place.run(&format!("{command} --keep-going")).assert(1, &["1 of 3 runs failed"]);
    assert!(place.path("all/DSR2/result.json").exists());
}

#[test]
fn a_damaged_file_is_an_error_and_nothing_is_lost() {
    let place = Place::new();
    let longer = SHORT.replace("--max-steps 2", "--max-steps 4");
    place.run_with(SHORT, NET).assert(0, &[]);
    let before = place.results("a");
    for name in ["checkpoint", "config.json"] {
        let file = place.path("a").join(name);
        let good = fs::read(&file).unwrap();
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 0x80;
        for bad in [flipped, good[..good.len() - 5].to_vec(), vec![]] {
            fs::write(&file, &bad).unwrap();
            place.run_with(&longer, NET).assert(1, &[&format!("a/{name}: "), "--fresh"]);
            assert!(fs::read(&file).unwrap() == bad, "the damaged {name} was touched");
            place.results("a").assert_equal(&before);
        }
        fs::write(&file, &good).unwrap();
    }
    // A log without lines that the checkpoint counts.
    let metrics = place.path("a/metrics.jsonl");
    fs::write(&metrics, &before.metrics[..before.metrics.len() - 1]).unwrap();
    place.run_with(&longer, NET).assert(1, &["a/metrics.jsonl: ", "--fresh"]);
    fs::write(&metrics, &before.metrics).unwrap();
    place.run_with(&longer, NET).assert(0, &[]);
    place.run_with(&longer.replace("--out a", "--out b"), NET).assert(0, &[]);
    place.results("a").assert_equal(&place.results("b"));
}

#[test]
fn a_full_disk_costs_only_the_steps_since_the_last_checkpoint() {
    let place = Place::new();
    place.run_with(SHORT, NET).assert(0, &[]);
    let checkpoint = fs::read(place.path("a/checkpoint")).unwrap();
    let longer = SHORT.replace("--max-steps 2", "--max-steps 4");
    // No file may grow beyond 100 blocks, which is less than a checkpoint.
    let program = place.command(&longer, NET);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""]).arg(program.get_program());
    limited.args(program.get_args()).current_dir(place.path(""));
    Ended::of(limited.output().unwrap()).assert(1, &["a/checkpoint: cannot write", "free some space"]);
    assert!(fs::read(place.path("a/checkpoint")).unwrap() == checkpoint);
    assert!(!place.path("a/checkpoint.part").exists());
    place.run_with(&longer, NET).assert(0, &[]);
    place.run_with(&longer.replace("--out a", "--out b"), NET).assert(0, &[]);
    place.results("a").assert_equal(&place.results("b"));
}

/// Whether and how often the signals are measured changes no loss, no weight and no feedback that is exported.
#[test]
fn a_measurement_changes_no_run() {
    let place = Place::new();
    for rule in ["brSF", "uSF", "frSF", "WM"] {
        let net = format!("input 3x32x32 - dense12({rule}) - dense11({rule}) - dense10({rule})");
        for every in ["0", "1", "2"] {
            let run = format!(
                "run --net {{}} --data digits --batch 120 --epochs 3 --mirror-first 2 --measure-every {every} --out {rule}/{every}"
            );
            let run = if rule == "WM" { run } else { run.replace("--mirror-first 2 ", "") };
            place.run_with(&run, &net).assert(0, &[]);
            place.run(&format!("export {rule}/{every} -o exported")).assert(0, &[]);
            let [results, first] = [every, "0"].map(|every| place.results(&format!("{rule}/{every}")));
            assert!(fs::read(place.path("exported")).unwrap() == results.weights, "{rule}, {every}");
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

/// The rounds of noise that weight mirrors are shown before the first step take minutes in a large network. So the folder is there
/// first, a signal ends them with a checkpoint, the next process continues them, and a dry run counts them.
#[test]
fn rounds_before_the_first_step_are_stopped_continued_and_counted() {
    let place = Place::new();
    let net = "input 3x32x32 - dense4 - dense4(WM) - dense10(WM)";
    let run = |rounds: &str| {
        format!("run --net {{}} --data digits --epochs 1 --mirror-rate 0.001 --mirror-first {rounds} --out")
    };
    let endless = run("4000000000");
    let plan = place.run_with(&format!("{endless} endless --dry-run --json"), net).json();
    assert!(plan["estimated_seconds"].as_f64().unwrap() > 1000.0, "{plan}");
    let mut running = Running::start(place.command(&format!("{endless} endless"), net));
    running.wait_for(" steps on digits");
    let status = place.run("status endless --json").json();
    assert_eq!(status["runs"][0]["state"], "running", "{status}");
    running.signal("TERM");
    running.end().assert(75, &["stopped after step 0 with a checkpoint"]);
    assert!(checkpoint(&place, "endless")["rounds_left"].is_u64());

    let some = run("300");
    place.run_with(&format!("{some} whole"), net).assert(0, &[]);
    let config = read_config(&place.path("whole")).unwrap().unwrap();
    let request = Request {
        kernels: InstructionSet::of(config.class),
        config,
        folder: place.path("cut"),
        init: None,
        threads: 1,
        fresh: false,
        checkpoint_every: None,
        tensorboard: false,
        longer_is_done: false,
        keep_weights: true,
    };
    let stop = AtomicBool::new(false);
    let mut observer = StopAfter { round: 100, stop: &stop };
    let stopped = train::train(&request, &dataset::open("digits").unwrap(), &stop, &mut observer).unwrap();
    assert_eq!(stopped, Outcome::Stopped { step: 0 });
    assert_eq!(checkpoint(&place, "cut")["rounds_left"], 200);
    place.run_with(&format!("{some} cut"), net).assert(0, &[]);
    place.results("cut").assert_equal(&place.results("whole"));
}
