//! Faults of the machine: a full disk, a folder that is read-only, file operations that fail, clocks that jump. Nothing is lost, and the
//! error has a hint.
//! A test that this machine does not allow prints SKIPPED to standard error.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use program::{Ended, Faults, Sandbox, skip};

/// 24 steps and as many checkpoints of 200 kB.
const NET: &str = "input 3x32x32 - dense16 - dense10(R*)";
const RUN: &str = "run --net {} --data digits --epochs 2 --checkpoint-every 1 --out";

fn run(sandbox: &Sandbox, out: &str) -> Ended {
    sandbox.run_with(&format!("{RUN} {out}"), NET)
}

/// A small file system; `None` if mounting is not allowed here.
struct Disk(PathBuf);

impl Disk {
    fn mount(folder: PathBuf, options: &str) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(&folder).output();
        if done.is_ok_and(|output| output.status.success()) {
            return Some(Self(folder));
        }
        skip("mount of a tmpfs is not allowed here (it needs root)");
        None
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_full_at_any_moment_loses_nothing() {
    let sandbox = Sandbox::new();
    run(&sandbox, "whole").assert(0, &[]);
    let whole = sandbox.results("whole");
    let needed: u64 =
        fs::read_dir(sandbox.path("whole")).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    // Too small for the first file, the first checkpoint, a second checkpoint beside the first, the weights.
    for kilobytes in [4, 40, 300, 500, 600, 800] {
        let Some(disk) = Disk::mount(sandbox.path("disk"), &format!("size={kilobytes}k")) else { return };
        let ended = run(&sandbox, "disk/run");
        if kilobytes * 1024 < needed {
            ended.assert(1, &["disk/run", "cannot ", "free some space"]);
            assert!(!sandbox.path("disk/run/result.json").exists());
        }
        disk.remount("size=16m");
        run(&sandbox, "disk/run").assert(0, &[]);
        sandbox.results("disk/run").assert_equal(&whole);
    }
}

#[test]
fn a_read_only_folder_is_an_error_and_unchanged() {
    let sandbox = Sandbox::new();
    let Some(disk) = Disk::mount(sandbox.path("disk"), "size=16m") else { return };
    run(&sandbox, "disk/run").assert(0, &[]);
    let before = sandbox.results("disk/run");
    let longer = RUN.replace("--epochs 2", "--epochs 3");
    disk.remount("ro");
    sandbox.run_with(&format!("{longer} disk/run"), NET).assert(1, &["disk/run/", "Read-only file system", "--out"]);
    run(&sandbox, "disk/new").assert(1, &["disk/new", "Read-only file system", "--out"]);
    sandbox.results("disk/run").assert_equal(&before);
    // Commands that only read need no permission to write.
    let status = sandbox.run("status disk --json").json();
    assert_eq!(status["runs"][0]["state"], "finished");
    sandbox.run("report disk -o page.html").assert(0, &[]);
    sandbox.run("report disk -o disk/page.html").assert(1, &["disk/page.html: cannot write"]);
    disk.remount("rw");
    sandbox.run_with(&format!("{longer} disk/run"), NET).assert(0, &[]);
    sandbox.run_with(&format!("{longer} longer"), NET).assert(0, &[]);
    sandbox.results("disk/run").assert_equal(&sandbox.results("longer"));
}

#[test]
fn clocks_that_jump_change_no_byte() {
    let sandbox = Sandbox::new();
    let Some(library) = sandbox.preload("clock") else { return };
    let jumping = |line: &str| {
        let mut command = sandbox.command(line, NET);
        Ended::of(command.env("LD_PRELOAD", &library).output().unwrap())
    };
    let seen = Command::new("date").arg("+%s").env("LD_PRELOAD", &library).output().unwrap();
    let seen: u64 = String::from_utf8(seen.stdout).unwrap().trim().parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(seen.abs_diff(now) > 1_000_000, "the clock does not jump");
    run(&sandbox, "whole").assert(0, &[]);
    let half = RUN.replace("--epochs 2", "--epochs 2 --max-steps 13");
    jumping(&format!("{half} all/a")).assert(0, &[]);
    jumping(&format!("{RUN} all/a")).assert(0, &[]);
    sandbox.results("all/a").assert_equal(&sandbox.results("whole"));
    assert_eq!(jumping("status all --json").json()["runs"][0]["state"], "finished");
    jumping("report all -o page.html").assert(0, &[]);
    // A crash recorded in the future, then one in the past.
    for beat in [u64::from(u32::MAX) * 2, 1] {
        let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        let owner = serde_json::json!({"host": host.trim(), "pid": 1, "job": null, "began": beat, "beat": beat});
        fs::remove_file(sandbox.path("all/a/result.json")).unwrap();
        fs::write(sandbox.path("all/a/owner.json"), owner.to_string()).unwrap();
        assert_eq!(sandbox.run("status all --json").json()["runs"][0]["state"], "crashed");
        run(&sandbox, "all/a").assert(0, &[]);
        sandbox.results("all/a").assert_equal(&sandbox.results("whole"));
    }
}

/// A finished run is a result, wherever it lies: nothing is written to say so.
#[test]
fn a_finished_run_on_storage_that_cannot_be_written_has_finished_before() {
    let sandbox = Sandbox::new();
    let Some(disk) = Disk::mount(sandbox.path("disk"), "size=4m") else { return };
    run(&sandbox, "disk/run").assert(0, &[]);
    let files = || {
        let mut names: Vec<_> =
            fs::read_dir(sandbox.path("disk/run")).unwrap().map(|file| file.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = files();
    disk.remount("ro");
    let again = run(&sandbox, "disk/run");
    again.assert(0, &[]);
    assert!(again.out.contains("finished before"), "{}", again.out);
    assert_eq!(files(), before);
    // What has to be written says why it cannot be.
    sandbox
        .run_with(&format!("{} disk/run", RUN.replace("--epochs 2", "--epochs 3")), NET)
        .assert(1, &["Read-only file system"]);
}

const NET_OF_FAILING: &str = "input 3x32x32 - dense4 - dense10(R*)";
const EINTR: u32 = 4;
const EIO: u32 = 5;
const ENOSPC: u32 = 28;
/// An operation that reads or writes half of what was asked for.
const HALF: u32 = 0;

/// A run with a checkpoint after each step, whose file operations on paths that contain a text can fail.
struct Failing {
    faults: Faults,
    /// What it reads besides its own folder.
    data: &'static str,
}

impl Failing {
    fn new(data: &'static str) -> Option<Self> {
        Some(Self { faults: Faults::new()?, data })
    }

    fn line(&self, out: &str) -> String {
        let data = self.data;
        format!(
            "run --net {{}} --data {data} --batch 750 --epochs 1 --checkpoint-every 1 --threads 1 --tensorboard --out {out}"
        )
    }

    fn run(&self, out: &str) -> Ended {
        self.faults.sandbox.run_with(&self.line(out), NET_OF_FAILING)
    }

    /// The run, whose operations on paths that contain `path` count, reading included if `reads`.
    fn command(&self, out: &str, path: &str, reads: bool) -> Command {
        let mut command = self.faults.command(&self.line(out), NET_OF_FAILING, path);
        if reads {
            command.env("FAULT_READS", "");
        }
        command
    }

    /// The operations of a run that does not fail.
    fn count(&self, out: &str, path: &str, reads: bool) -> u32 {
        self.faults.count(self.command(out, path, reads))
    }

    /// A run whose operation `at`, from 1, has an error.
    fn fail(&self, out: &str, path: &str, reads: bool, error: u32, at: u32) -> Ended {
        let mut command = self.command(out, path, reads);
        command.env("FAULT_AT", at.to_string()).env("FAULT_ERROR", error.to_string());
        Ended::of(command.output().unwrap())
    }
}

/// One message with the file and a hint.
#[track_caller]
fn assert_one_message(ended: &Ended, texts: &[&str]) {
    ended.assert(1, texts);
    assert_eq!(ended.err.lines().filter(|line| line.contains("error")).count(), 1, "{}", ended.err);
    assert!(!ended.err.contains("panicked"), "{}", ended.err);
}

#[test]
fn a_file_operation_that_fails_is_one_message_and_loses_nothing() {
    let Some(failing) = Failing::new("digits") else { return };
    let operations = failing.count("whole", "whole", false);
    let whole = failing.faults.sandbox.results("whole");
    for (error, text) in [(ENOSPC, "No space left on device"), (EIO, "Input/output error")] {
        let mut failed = 0;
        for at in 1..=operations {
            let out = format!("e{error}-{at}");
            let ended = failing.fail(&out, &out, false, error, at);
            // The lock and the heartbeat may fail: they hold nothing of the run.
            if ended.code != Some(0) {
                assert_one_message(&ended, &[&out, text, "; "]);
                failed += 1;
                failing.run(&out).assert(0, &[]);
            }
            failing.faults.sandbox.results(&out).assert_equal(&whole);
            fs::remove_dir_all(failing.faults.sandbox.path(&out)).unwrap();
        }
        assert!(2 * failed > operations, "only {failed} of {operations} operations failed");
    }
}

/// The system may do less than it was asked for.
#[test]
fn operations_that_are_interrupted_or_done_by_half_change_nothing() {
    let Some(failing) = Failing::new("digits") else { return };
    let operations = failing.count("whole", "whole", true);
    let whole = failing.faults.sandbox.results("whole");
    for error in [EINTR, HALF] {
        for at in 1..=operations {
            let out = format!("e{error}-{at}");
            let ended = failing.fail(&out, &out, true, error, at);
            // Rename, unlink and mkdir are not interrupted by a signal.
            if error == EINTR && ended.code != Some(0) {
                assert_one_message(&ended, &[&out, "Interrupted system call"]);
                failing.run(&out).assert(0, &[]);
            } else {
                ended.assert(0, &[]);
            }
            failing.faults.sandbox.results(&out).assert_equal(&whole);
            fs::remove_dir_all(failing.faults.sandbox.path(&out)).unwrap();
        }
    }
}

/// A checkpoint that cannot be read, and images that cannot.
#[test]
fn a_file_that_cannot_be_read_stops_a_run_and_it_resumes() {
    let Some(failing) = Failing::new("images") else { return };
    let sandbox = &failing.faults.sandbox;
    sandbox.write_images("images", 5500, 2);
    failing.run("whole").assert(0, &[]);
    let whole = sandbox.results("whole");
    let operations = failing.count("counted", "images", true);
    // Every image is read for the checksum, for a step, and for the tests.
    assert!(operations > 11_000, "{operations}");
    for (index, at) in (1..=operations).step_by(1009).enumerate() {
        let out = format!("read-{at}");
        assert_one_message(&failing.fail(&out, "images", true, EIO, at), &["images", "Input/output error"]);
        failing.run(&out).assert(0, &[]);
        sandbox.results(&out).assert_equal(&whole);
        let out = format!("half-{at}");
        failing.fail(&out, "images", true, [EINTR, HALF][index % 2], at).assert(0, &[]);
        sandbox.results(&out).assert_equal(&whole);
    }
    let stop = |out: &str| {
        let line = failing.line(out) + " --max-steps 1";
        sandbox.run_with(&line, NET_OF_FAILING).assert(0, &[]);
    };
    stop("counted-2");
    let operations = failing.count("counted-2", "counted-2/checkpoint", true);
    for at in 1..=operations {
        let out = format!("resumed-{at}");
        stop(&out);
        let checkpoint = fs::read(sandbox.path(&out).join("checkpoint")).unwrap();
        let ended = failing.fail(&out, &format!("{out}/checkpoint"), true, EIO, at);
        if ended.code != Some(0) {
            assert_one_message(&ended, &[&out, "checkpoint", "Input/output error"]);
        }
        assert!(!checkpoint.is_empty() && sandbox.path(&out).join("checkpoint").exists());
        failing.run(&out).assert(0, &[]);
        sandbox.results(&out).assert_equal(&whole);
    }
}
