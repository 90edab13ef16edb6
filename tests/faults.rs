//! Faults of the machine: a full disk, a folder that is read-only, clocks that jump. Nothing is lost, and the error has a hint.
//! A test that this machine does not allow prints SKIPPED to standard error.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use program::{Ended, Sandbox, skip};

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
