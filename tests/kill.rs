//! Runs that are killed, signalled or made to panic at a chosen file operation: the same command resumes them, byte for byte.
//!
//! Between two operations a signal finds the same files, so a run that is killed at each of its operations is killed at any moment.
//! `tests/faults/file_operations.c` sends the signals.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![allow(clippy::unwrap_used)]

mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use program::{Ended, Faults, Running, Sandbox};
use serde_json::Value;

const PANIC: u32 = 0;
const KILL: u32 = 9;
const INT: u32 = 2;
const TERM: u32 = 15;
const USR1: u32 = 10;
const STOP: u32 = 19;

/// Runs the program with a signal at operation `at`, from 1. A program that is killed has no exit code.
fn run(faults: &Faults, line: &str, net: &str, path: &str, signal: u32, at: u32) -> Ended {
    let mut command = faults.command(line, net, path);
    command.env("FAULT_SIGNAL", signal.to_string()).env("FAULT_AT", at.to_string());
    Ended::of(command.output().unwrap())
}

#[test]
fn a_run_that_is_killed_at_any_file_operation_resumes_byte_for_byte() {
    let Some(faults) = Faults::new() else { return };
    let sandbox = &faults.sandbox;
    // Two steps with a checkpoint after each.
    let net = "input 3x32x32 - dense4 - dense10(R*)";
    let command = |out: &str| {
        format!("run --net {{}} --data digits --batch 750 --epochs 1 --checkpoint-every 1 --threads 1 --out {out}")
    };
    sandbox.run_with(&command("whole"), net).assert(0, &[]);
    let whole = sandbox.results("whole");
    let (mut before, mut starting, mut writing) = (BTreeMap::new(), 0, 0);
    for at in 1.. {
        let out = format!("killed-{at}");
        let ended = run(&faults, &command(&out), net, &out, KILL, at);
        if ended.code == Some(0) {
            // It has fewer operations.
            assert!(at > 50, "a run with three checkpoints has only {} file operations", at - 1);
            break;
        }
        assert_eq!(ended.code, None, "{}", ended.err);
        let files = files(&sandbox.path(&out));
        starting += u32::from(!files.contains_key("checkpoint"));
        writing += u32::from(files.contains_key("checkpoint.part"));
        // What the kill before has left is resumed in the same way.
        if files != before {
            sandbox.run_with(&command(&out), net).assert(0, &[]);
            sandbox.results(&out).assert_equal(&whole);
            before = files;
        }
        if sandbox.path(&out).exists() {
            fs::remove_dir_all(sandbox.path(&out)).unwrap();
        }
    }
    assert!(starting > 5, "only {starting} kills before the first checkpoint");
    assert!(writing > 10, "only {writing} kills while a checkpoint was written");
}

/// Images are read from their files while a run trains on them.
#[test]
fn images_that_change_while_they_are_trained_on_stop_the_run_and_it_resumes() {
    let Some(faults) = Faults::new() else { return };
    let sandbox = &faults.sandbox;
    sandbox.write_images("images", 5500, 5500);
    let net = "input 3x32x32 - dense3 - dense10(R)";
    let line =
        |out: &str| format!("run --net {{}} --data images --batch 2750 --epochs 4 --checkpoint-every 1 --out {out}");
    sandbox.run_with(&line("whole"), net).assert(0, &[]);
    let whole = sandbox.results("whole");
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(42);
    let overwrite = |bytes: &mut Vec<u8>| bytes[7] ^= 1;
    for (out, name, change) in
        [("cut", "a.bin", &cut as &dyn Fn(&mut Vec<u8>)), ("other", "a.bin", &overwrite), ("test", "b.bin", &cut)]
    {
        let mut command = faults.command(&line(out), net, out);
        command.env("FAULT_SIGNAL", STOP.to_string()).env("FAULT_AT", "60");
        let mut running = Running::start(command);
        running.wait_until_stopped();
        let file = sandbox.path("images").join(name);
        let good = fs::read(&file).unwrap();
        let mut bytes = good.clone();
        change(&mut bytes);
        fs::write(&file, bytes).unwrap();
        running.signal("CONT");
        running.end().assert(1, &[name, "the file has changed since it was opened; restore it"]);
        assert!(!sandbox.path(out).join("result.json").exists());
        fs::write(&file, good).unwrap();
        sandbox.run_with(&line(out), net).assert(0, &["continues after step"]);
        sandbox.results(out).assert_equal(&whole);
    }
}

/// Epochs of three steps, passes of two, with a checkpoint after each step.
#[test]
fn a_run_whose_passes_are_no_epochs_resumes_byte_for_byte_when_it_is_killed() {
    let Some(faults) = Faults::new() else { return };
    let sandbox = &faults.sandbox;
    let net = "input 3x32x32 - dense4 - dense10(R*)";
    let command = |out: &str| {
        format!(
            "run --net {{}} --data digits --batch 700 --drop-last --replacement --steps-per-epoch 3 --epochs 2 --measure-every 0 \
             --checkpoint-every 1 --threads 1 --out {out}"
        )
    };
    sandbox.run_with(&command("whole"), net).assert(0, &[]);
    let (whole, mut before, mut kills) = (sandbox.results("whole"), BTreeMap::new(), 0);
    // A kill at each operation takes minutes.
    for at in (1..).step_by(4) {
        let out = format!("killed-{at}");
        let ended = run(&faults, &command(&out), net, &out, KILL, at);
        if ended.code == Some(0) {
            break;
        }
        assert_eq!(ended.code, None, "{}", ended.err);
        let files = files(&sandbox.path(&out));
        if files != before {
            sandbox.run_with(&command(&out), net).assert(0, &[]);
            sandbox.results(&out).assert_equal(&whole);
            before = files;
            kills += 1;
        }
    }
    assert!(kills > 10, "only {kills} kills left other files");
}

/// Epochs of one step, with a checkpoint after every other one, so that a killed process has kept the weights of an epoch that a process
/// with a smaller goal does not make.
#[test]
fn the_best_weights_of_a_run_that_is_killed_are_those_of_a_whole_run() {
    let Some(faults) = Faults::new() else { return };
    let sandbox = &faults.sandbox;
    let net = "input 3x32x32 - dense32 - dense10(brSF)";
    let of_epochs = |epochs: u32, out: &str| {
        format!(
            "run --net {{}} --data digits --validation 300 --save-best --batch 1200 --lr 0.01 --measure-every 0 --epochs {epochs} \
             --checkpoint-every 2 --threads 1 --out {out}"
        )
    };
    let command = |out: &str| of_epochs(4, out);
    let best = |out: &str| fs::read(sandbox.path(out).join("best.safetensors")).unwrap();
    sandbox.run_with(&command("whole"), net).assert(0, &[]);
    let (whole, expected) = (sandbox.results("whole"), best("whole"));
    sandbox.run_with(&of_epochs(3, "short"), net).assert(0, &[]);
    let (expected_of_short, mut before, mut kills, mut shorter) = (best("short"), BTreeMap::new(), 0, 0);
    assert!(expected != expected_of_short, "the last epoch has to be the best one");
    // A kill at each operation takes minutes.
    for at in (1..).step_by(5) {
        let out = format!("killed-{at}");
        if run(&faults, &command(&out), net, &out, KILL, at).code == Some(0) {
            break;
        }
        let files = files(&sandbox.path(&out));
        if files != before {
            let has_weights = files.keys().any(|name| name.starts_with("best.safetensors"));
            kills += u32::from(has_weights && !files.contains_key("result.json"));
            // Refused if the killed process has made the fourth epoch.
            if sandbox.run_with(&of_epochs(3, &out), net).code == Some(0) {
                assert!(best(&out) == expected_of_short, "killed at operation {at} and ended before");
                shorter += u32::from(has_weights);
            }
            sandbox.run_with(&command(&out), net).assert(0, &[]);
            sandbox.results(&out).assert_equal(&whole);
            assert!(best(&out) == expected, "killed at operation {at}");
            before = files;
        }
        if sandbox.path(&out).exists() {
            fs::remove_dir_all(sandbox.path(&out)).unwrap();
        }
    }
    assert!(kills > 5 && shorter > 5, "only {kills} kills with weights of a best epoch, {shorter} that ended before");
}

/// The files of a folder, without what names the process.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
    let mut files: BTreeMap<_, _> =
        entries.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap())).collect();
    for name in ["owner.json", "owner.json.part", "processes.jsonl"] {
        files.entry(name.to_owned()).and_modify(Vec::clear);
    }
    files
}

/// After each kill a copy of the folder is resumed to the end; the run itself is resumed and killed again.
#[test]
fn an_untied_run_that_is_killed_again_and_again_resumes_byte_for_byte() {
    let Some(faults) = Faults::new() else { return };
    let sandbox = &faults.sandbox;
    let net = "input 3x32x32 - maxpool3x3/2 - untied3x3x4(R*) - avgpool3x3/2 - dense10(R)";
    let command =
        |out: &str| format!("run --net {{}} --data digits --epochs 1 --checkpoint-every 1 --threads 1 --out {out}");
    sandbox.run_with(&command("whole"), net).assert(0, &[]);
    let whole = sandbox.results("whole");
    let mut kills = 0;
    // A process has some 20 operations before its first step, and some 10 a step.
    while run(&faults, &command("often"), net, "often", KILL, 40 + 7 * kills % 30).code.is_none() {
        kills += 1;
        assert!(kills < 100, "the run makes no progress");
        let copy = format!("copy-{kills}");
        copy_folder(sandbox, "often", &copy);
        sandbox.run_with(&command(&copy), net).assert(0, &[]);
        sandbox.results(&copy).assert_equal(&whole);
    }
    assert!(kills >= 5, "only {kills} kills");
    sandbox.run_with(&command("often"), net).assert(0, &[]);
    sandbox.results("often").assert_equal(&whole);
}

fn copy_folder(sandbox: &Sandbox, from: &str, to: &str) {
    fs::create_dir(sandbox.path(to)).unwrap();
    for file in fs::read_dir(sandbox.path(from)).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), sandbox.path(to).join(file.file_name())).unwrap();
    }
}

#[test]
fn a_run_that_is_stopped_by_a_signal_exits_with_75_and_resumes_byte_for_byte() {
    let Some(faults) = Faults::new() else { return };
    let sandbox = &faults.sandbox;
    let net = "input 3x32x32 - dense24 - dense10(R*)";
    let command =
        |out: &str| format!("run --net {{}} --data digits --batch 50 --epochs 2 --checkpoint-every 7 --out {out}");
    // 60 steps with eight checkpoints.
    let operations = faults.count(faults.command(&command("whole"), net, "whole"));
    let whole = sandbox.results("whole");
    for (signal, share) in [(INT, 3), (TERM, 2), (USR1, 2)] {
        let out = format!("stopped-{signal}");
        let ended = run(&faults, &command(&out), net, &out, signal, operations / share);
        ended.assert(75, &["stopped after step", "the same command continues"]);
        assert_eq!(ended.out, "");
        assert!(!sandbox.path(&out).join("result.json").exists());
        sandbox.run_with(&command(&out), net).assert(0, &["continues after step"]);
        sandbox.results(&out).assert_equal(&whole);
    }
}

/// The signal arrives while the checkpoint of the last step of an epoch is written, so that the evaluation after it stops.
#[test]
fn a_run_that_is_stopped_in_its_evaluation_resumes_byte_for_byte() {
    let Some(faults) = Faults::new() else { return };
    let sandbox = &faults.sandbox;
    let net = "input 3x32x32 - dense4 - dense10(R)";
    // 100 steps an epoch, and an evaluation on 1,400 images.
    let options = "--data digits --validation 1400 --batch 1 --epochs 2 --checkpoint-every 100";
    let command = |out: &str| format!("run --net {{}} {options} --out {out}");
    sandbox.run_with(&command("whole"), net).assert(0, &[]);
    let ended = run(&faults, &command("stopped"), net, "stopped/checkpoint", TERM, 1);
    ended.assert(75, &["stopped after step 100 with a checkpoint", "the same command continues"]);
    let lines = |file: &str| fs::read_to_string(sandbox.path("stopped").join(file)).unwrap().lines().count();
    assert_eq!((lines("metrics.jsonl"), lines("epochs.jsonl")), (100, 0));
    sandbox.run_with(&command("stopped"), net).assert(0, &["continues after step 100 of 200"]);
    sandbox.results("stopped").assert_equal(&sandbox.results("whole"));
}

#[test]
fn a_stopped_suite_resumes_where_it_was() {
    let Some(faults) = Faults::new() else { return };
    let sandbox = &faults.sandbox;
    let experiment = |name: &str| {
        format!("[[experiment]]\nname = \"{name}\"\nnetwork = \"input 3x32x32 - dense4 - dense10(R)\"\nloss = \"ce\"\n")
    };
    fs::write(sandbox.path("own.toml"), ["ONE", "TWO", "THREE"].map(experiment).concat()).unwrap();
    let command = "suite --experiments own.toml --data digits --epochs 2 --out all --json";
    let ended = run(&faults, command, "", "all/TWO/config.json", INT, 1);
    ended.assert(75, &["TWO seed 1: stopped after step", "1 of 3 runs were not started"]);
    let result = sandbox.path("all/ONE/result.json");
    let before = fs::metadata(&result).unwrap().modified().unwrap();
    let ended = sandbox.run(command);
    let rows = ended.json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["status"] == "finished" && row["step"] == 24), "{rows:?}");
    assert!(ended.err.contains("[1/3] ONE seed 1: finished before"), "{}", ended.err);
    assert_eq!(fs::metadata(&result).unwrap().modified().unwrap(), before);
}

/// The signal arrives while the result of the first run is written.
#[test]
fn a_suite_that_is_stopped_between_two_runs_exits_with_75_and_resumes() {
    let Some(faults) = Faults::new() else { return };
    let sandbox = &faults.sandbox;
    let command = "run DS0 DSR1 --data digits --max-steps 2 --out all";
    let ended = run(&faults, command, "", "all/DS0/result.json.part", TERM, 2);
    ended.assert(75, &["1 of 2 runs were not started: the same command starts them"]);
    assert!(sandbox.path("all/DS0/result.json").exists() && !sandbox.path("all/DSR1").exists());
    let ended = sandbox.run(command);
    ended.assert(0, &[]);
    assert!(!ended.err.contains("not started") && sandbox.path("all/DSR1/result.json").exists(), "{}", ended.err);
}

#[test]
fn a_run_that_panics_is_a_failure_and_ends_no_other_run() {
    let Some(faults) = Faults::new() else { return };
    let sandbox = &faults.sandbox;
    for (out, jobs) in [("one", "--jobs 1"), ("two", "--jobs 2")] {
        let command = format!("run DS0 DSR1 DSR2 --data digits --max-steps 1 --out {out} {jobs} --json");
        let ended = run(&faults, &command, "", &format!("{out}/DSR1/processes.jsonl"), PANIC, 1);
        let error = format!("error: DSR1 seed 1: {out}/DSR1: the training panicked");
        ended.assert(1, &["panicked at", "1 of 3 runs failed:", &error]);
        let status = sandbox.run(&format!("status {out} DSR1 --json")).json();
        assert_eq!(status["runs"][0]["state"], "failed", "{status}");
        let rows: Value = serde_json::from_str(&ended.out).unwrap();
        let states: Vec<_> = rows.as_array().unwrap().iter().map(|row| &row["status"]).collect();
        assert_eq!(states, ["finished", "failed", "finished"]);
        assert!(rows[1]["error"].as_str().unwrap().contains("which is a bug of this program"), "{rows}");
        // Its folder is free, and the run is resumed.
        let rows = sandbox.run(&command).json();
        assert!(rows.as_array().unwrap().iter().all(|row| row["status"] == "finished"), "{rows}");
    }
    let command = "run DS0 DSR1 DSR2 --data digits --max-steps 1 --out fast --fail-fast";
    run(&faults, command, "", "fast/DSR1/processes.jsonl", PANIC, 1).assert(1, &["1 of 3 runs failed:"]);
    assert!(sandbox.path("fast/DS0/result.json").exists() && !sandbox.path("fast/DSR2").exists());
}
