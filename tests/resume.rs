//! Runs that are killed or stopped, damaged files, and two processes in one folder: the same command resumes the run, byte for
//! byte, or explains why it cannot.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::io::Write;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use program::{Ended, Place, lines, skip, wait_for};

/// Trains 600 steps in about a second.
const NET: &str = "input 3x32x32 - dense24 - dense10(R*)";
const RUN: &str = "run --net {} --data digits --batch 50 --epochs 20 --checkpoint-every 7 --out";
/// Two steps.
const SHORT: &str = "run --net {} --data digits --max-steps 2 --out a";

fn run(place: &Place, out: &str) -> Ended {
    place.run_with(&format!("{RUN} {out}"), NET)
}

fn begin(place: &Place, out: &str) -> Child {
    place.command(&format!("{RUN} {out}"), NET).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_run_that_is_killed_at_any_moment_resumes_byte_for_byte() {
    let place = Place::new();
    let began = Instant::now();
    run(&place, "whole").assert(0, &[]);
    let (whole, time) = (place.results("whole"), began.elapsed());
    // 1 if the process was still running when it was killed.
    let kill = |out: &str, delay: Duration| {
        let mut child = begin(&place, out);
        sleep(delay);
        let ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        i32::from(!ended)
    };
    let mut kills = 0;
    // From the first millisecond of a run to its last; each second kill is of a process that resumes.
    for moment in 0..10 {
        let out = format!("killed-{moment}");
        kills += kill(&out, time * moment * moment / 90);
        kills += kill(&out, time * moment / 40);
        run(&place, &out).assert(0, &[]);
        place.results(&out).assert_equal(&whole);
    }
    // One run that is killed many times.
    for moment in 0..8 {
        kills += kill("often", time * (moment % 4 + 1) / 12);
    }
    assert!(kills >= 15, "only {kills} kills met a process");
    run(&place, "often").assert(0, &[]);
    place.results("often").assert_equal(&whole);
}

/// A small untied network: 24 steps and as many checkpoints in less than a second.
const UNTIED: &str = "input 3x32x32 - maxpool3x3/2 - untied3x3x4(R*) - avgpool3x3/2 - dense10(R)";

/// 20 kills, or as many as `ASYMGRAD_KILLS` says, spread over a run from its start-up to its end; each third waits until a
/// checkpoint is being written. After each kill a copy of the folder is resumed to the end; the run itself is killed again.
#[test]
fn an_untied_run_is_killed_many_times_and_resumes_byte_for_byte() {
    let wanted: u32 = std::env::var("ASYMGRAD_KILLS").map_or(20, |number| number.parse().unwrap());
    let place = Place::new();
    let command = |out: &str| {
        let line = format!("run --net {{}} --data digits --epochs 2 --checkpoint-every 1 --threads 1 --out {out}");
        place.command(&line, UNTIED)
    };
    let began = Instant::now();
    Ended::of(command("whole").output().unwrap()).assert(0, &[]);
    let (whole, time) = (place.results("whole"), began.elapsed());
    let (mut kills, mut starting, mut writing, mut tries) = (0, 0, 0, 0u32);
    while kills < wanted {
        tries += 1;
        assert!(tries < 20 * wanted, "only {kills} kills met a process");
        let out = format!("run-{}", tries / 4);
        let mut child = command(&out).spawn().unwrap();
        let part = place.path(&out).join("checkpoint.part");
        let waits = tries.is_multiple_of(3);
        // Multiples of the golden ratio spread evenly over the run, and each fifth over its start-up.
        let most = [0.05, 1.0, 0.3, 0.3, 0.3][tries as usize % 5];
        let share = most * (f64::from(tries) * 0.618_034).fract();
        sleep(time.mul_f64(share));
        while waits && !part.exists() && child.try_wait().unwrap().is_none() {}
        let met = child.try_wait().unwrap().is_none();
        child.kill().unwrap();
        child.wait().unwrap();
        if met {
            kills += 1;
            // The partial checkpoint is still there.
            writing += u32::from(part.exists());
            starting += u32::from(!place.path(&out).join("checkpoint").exists());
            let copy = format!("copy-{kills}");
            copy_folder(&place, &out, &copy);
            Ended::of(command(&copy).output().unwrap()).assert(0, &[]);
            place.results(&copy).assert_equal(&whole);
            fs::remove_dir_all(place.path(&copy)).unwrap();
        }
    }
    println!("{kills} kills, {starting} before the first checkpoint, {writing} while a checkpoint was written");
    assert!(writing * 10 >= wanted, "only {writing} of {kills} kills met a checkpoint that was being written");
    assert!(starting > 0, "no kill met a start-up");
}

fn copy_folder(place: &Place, from: &str, to: &str) {
    fs::create_dir(place.path(to)).unwrap();
    // A process that was killed at once has not created its folder.
    for file in fs::read_dir(place.path(from)).into_iter().flatten() {
        let file = file.unwrap();
        fs::copy(file.path(), place.path(to).join(file.file_name())).unwrap();
    }
}

#[test]
fn a_run_that_is_stopped_by_a_signal_exits_with_75_and_resumes_byte_for_byte() {
    let place = Place::new();
    run(&place, "whole").assert(0, &[]);
    for name in ["INT", "TERM", "USR1"] {
        let child = begin(&place, name);
        wait_for(&place.path(name).join("checkpoint"));
        signal(&child, name);
        let ended = Ended::of(child.wait_with_output().unwrap());
        ended.assert(75, &["stopped after step", "the same command continues"]);
        assert_eq!(ended.out, "");
        assert!(!place.path(name).join("result.json").exists());
        run(&place, name).assert(0, &["continues after step"]);
        place.results(name).assert_equal(&place.results("whole"));
    }
}

#[test]
fn a_stopped_suite_resumes_where_it_was() {
    let place = Place::new();
    let command = "suite --quick --table 1 --epochs 2 --out all --json";
    let child = place.command(command, "").spawn().unwrap();
    wait_for(&place.path("all/DSR1/config.json"));
    signal(&child, "INT");
    let ended = Ended::of(child.wait_with_output().unwrap());
    ended.assert(75, &["stopped after step"]);
    let result = place.path("all/DS0/result.json");
    let before = fs::metadata(&result).unwrap().modified().unwrap();
    let ended = place.run(command);
    let rows = ended.json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 10);
    assert!(rows.iter().all(|row| row["status"] == "finished" && row["step"] == 24), "{rows:?}");
    assert!(ended.err.contains("[1/10] DS0: finished before"), "{}", ended.err);
    assert_eq!(fs::metadata(&result).unwrap().modified().unwrap(), before);
}

/// The signal arrives about when the first run is trained and its result is not yet written.
#[test]
fn a_suite_that_is_stopped_between_two_runs_exits_with_75_and_resumes() {
    let place = Place::new();
    let command = "run PG0 DSR1 --data digits --epochs 1 --out all";
    let child = place.command(command, "").spawn().unwrap();
    let epochs = place.path("all/PG0/epochs.jsonl");
    wait_for(&epochs);
    while fs::metadata(&epochs).unwrap().len() == 0 {
        sleep(Duration::from_micros(100));
    }
    signal(&child, "TERM");
    let ended = Ended::of(child.wait_with_output().unwrap());
    ended.assert(75, &["the same command"]);
    let ended = place.run(command);
    ended.assert(0, &[]);
    assert!(!ended.err.contains("not started") && place.path("all/DSR1/result.json").exists(), "{}", ended.err);
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
    let child = begin(&place, "a");
    wait_for(&place.path("a/checkpoint"));
    signal(&child, "INT");
    Ended::of(child.wait_with_output().unwrap()).assert(75, &[]);
    place.run_with(&format!("{RUN} a --max-steps 1"), NET).assert(1, &["1 are asked for", "may only grow"]);
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
    run(&place, "whole").assert(0, &[]);
    let child = begin(&place, "a");
    wait_for(&place.path("a/checkpoint"));
    signal(&child, "INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(75));
    // More lines than the rest of the run writes.
    let beyond = "{\"step\":9999,\"epoch\":1,\"loss\":1.0}\n".repeat(5000) + "{\"st";
    for name in ["metrics.jsonl", "epochs.jsonl", "timing.jsonl"] {
        let mut file = fs::File::options().append(true).open(place.path("a").join(name)).unwrap();
        file.write_all(beyond.as_bytes()).unwrap();
    }
    // A kill leaves this file while the next checkpoint is written.
    fs::write(place.path("a/checkpoint.part"), "half").unwrap();
    run(&place, "a").assert(0, &[]);
    place.results("a").assert_equal(&place.results("whole"));
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
    let mut first = begin(&place, "a");
    wait_for(&place.path("a/checkpoint"));
    let owner = format!("a: another process (process {} on", first.id());
    run(&place, "a").assert(1, &[&owner, "--out"]);
    place.run_with(&format!("{RUN} a --fresh"), NET).assert(1, &[&owner]);
    first.kill().unwrap();
    first.wait().unwrap();
    run(&place, "a").assert(0, &[]);
    run(&place, "whole").assert(0, &[]);
    place.results("a").assert_equal(&place.results("whole"));
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
    let mut child = begin(&place, "all/works");
    wait_for(&place.path("all/works/checkpoint"));
    let state = |name: &str| {
        let survey = place.run("status all --json").json();
        let runs = survey["runs"].as_array().unwrap();
        let run = runs.iter().find(|run| run["folder"].as_str().unwrap().ends_with(name)).unwrap().clone();
        assert_eq!(survey["missing"][0], "DS0");
        run
    };
    let works = state("works");
    assert_eq!((&works["state"], &works["owner"]["pid"]), (&"running".into(), &child.id().into()), "{works}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(state("works")["state"], "crashed");
    assert_eq!(state("done")["state"], "finished");
    let file = place.path("all/works/checkpoint");
    let good = fs::read(&file).unwrap();
    fs::write(&file, "damaged").unwrap();
    run(&place, "all/works").assert(1, &[]);
    let works = state("works");
    assert!(works["state"] == "failed" && works["problem"].as_str().unwrap().contains("checkpoint"), "{works}");
    fs::write(&file, good).unwrap();
    run(&place, "all/works").assert(0, &[]);
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

/// The rounds of noise that weight mirrors are shown before the first step: minutes in a large network. So the folder is there first, a
/// signal ends them with a checkpoint, the next process goes on, and a dry run counts them.
#[test]
fn rounds_before_the_first_step_are_stopped_continued_and_counted() {
    let place = Place::new();
    let net = "input 3x32x32 - dense4 - dense4(WM) - dense10(WM)";
    let run = |rounds: &str| {
        format!("run --net {{}} --data digits --epochs 1 --mirror-rate 0.001 --mirror-first {rounds} --out")
    };
    // More than anybody waits for.
    let endless = run("4000000000");
    let plan = place.run_with(&format!("{endless} endless --dry-run --json"), net).json();
    assert!(plan["estimated_seconds"].as_f64().unwrap() > 1000.0, "{plan}");
    let child = place.command(&format!("{endless} endless"), net).spawn().unwrap();
    wait_for(&place.path("endless/processes.jsonl"));
    let status = place.run("status endless --json").json();
    assert_eq!(status["runs"][0]["state"], "running", "{status}");
    signal(&child, "TERM");
    Ended::of(child.wait_with_output().unwrap()).assert(75, &["stopped after step 0 with a checkpoint"]);
    assert!(place.path("endless/checkpoint").is_file());

    let (some, rounds_left) = (run("300000"), |place: &Place| {
        let bytes = fs::read(place.path("cut/checkpoint")).unwrap();
        let header = bytes.split(|byte| *byte == b'\n').next().unwrap();
        serde_json::from_slice::<serde_json::Value>(header).unwrap()["rounds_left"].as_u64().unwrap_or(0)
    });
    let child = place.command(&format!("{some} cut"), net).spawn().unwrap();
    wait_for(&place.path("cut/processes.jsonl"));
    signal(&child, "TERM");
    Ended::of(child.wait_with_output().unwrap()).assert(75, &[]);
    assert!((1..300_000).contains(&rounds_left(&place)), "{}", rounds_left(&place));
    place.run_with(&format!("{some} cut"), net).assert(0, &[]);
    place.run_with(&format!("{some} whole"), net).assert(0, &[]);
    place.results("cut").assert_equal(&place.results("whole"));
}
