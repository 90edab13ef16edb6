//! The power fails at a chosen file operation of a run: what was not synced is lost. The same command resumes the run, byte for byte, and
//! a checkpoint that was made is still there.
//!
//! `tests/faults/file_operations.c` traces the operations. A process is killed before one of them, and then either the contents that
//! were not synced are lost, or these and the names of files and folders whose folder was not synced.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![allow(clippy::unwrap_used)]

mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use program::{Ended, Faults};

const NET: &str = "input 3x32x32 - dense4 - dense10(R*)";
/// Two steps with a checkpoint after each.
const RUN: &str = "run --net {} --data digits --batch 600 --validation 300 --epochs 1 --checkpoint-every 1 --threads 1 --save-best --out";

/// One line of the trace.
struct Operation {
    number: usize,
    what: String,
    path: PathBuf,
    /// The earlier name of a rename.
    from: PathBuf,
}

fn trace(folder: &Path) -> Vec<Operation> {
    let text = fs::read_to_string(folder.join("trace")).unwrap_or_default();
    let operation = |line: &str| {
        let [number, what, path, from] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        Operation { number: number.parse().unwrap(), what: what.into(), path: path.into(), from: from.into() }
    };
    text.lines().map(operation).collect()
}

/// Takes away the contents that were not synced: a file has those of its last sync, or none.
fn lose_contents(folder: &Path, operations: &[Operation]) {
    // What a file holds that is safe; `None` if that is nothing, and whether it holds more.
    let mut files: BTreeMap<&Path, (Option<usize>, bool)> = BTreeMap::new();
    for Operation { number, what, path, from } in operations {
        match what.as_str() {
            "create" => drop(files.insert(path, (None, true))),
            "write" => files.entry(path).or_default().1 = true,
            "sync" => drop(files.insert(path, (Some(*number), false))),
            "rename" => {
                let state = files.remove(from.as_path()).unwrap_or_default();
                files.insert(path, state);
            }
            "unlink" => drop(files.remove(path.as_path())),
            _ => {}
        }
    }
    for (path, (safe, has_more)) in files {
        if has_more && path.exists() {
            let bytes = safe.map(|number| fs::read(folder.join(number.to_string())).unwrap());
            fs::write(path, bytes.unwrap_or_default()).unwrap();
        }
    }
}

/// Takes back the changes of names in folders that were not synced afterwards, the last one first.
fn lose_names(folder: &Path, operations: &[Operation]) {
    for (index, Operation { number, what, path, from }) in operations.iter().enumerate().rev() {
        let is_sync = |later: &Operation| later.what == "folder" && Some(later.path.as_path()) == path.parent();
        if operations[index..].iter().any(is_sync) || !path.exists() && what != "unlink" {
            continue;
        }
        let before = folder.join(number.to_string());
        match what.as_str() {
            "create" => fs::remove_file(path).unwrap(),
            "rename" => fs::rename(path, from).unwrap(),
            "mkdir" => fs::remove_dir_all(path).unwrap(),
            _ => {}
        }
        if matches!(what.as_str(), "rename" | "unlink") && before.exists() {
            fs::hard_link(before, path).unwrap();
        }
    }
}

/// Whether a checkpoint was made: renamed into place, and its folder synced.
fn has_checkpoint(operations: &[Operation]) -> bool {
    let is_checkpoint = |of: &Operation| of.what == "rename" && of.path.ends_with("checkpoint");
    let made = operations.iter().position(is_checkpoint);
    made.is_some_and(|at| {
        operations[at..].iter().any(|of| of.what == "folder" && of.path == operations[at].path.parent().unwrap())
    })
}

#[test]
fn a_run_resumes_byte_for_byte_after_the_power_failed_at_any_file_operation() {
    let Some(faults) = Faults::new() else { return };
    let sandbox = &faults.sandbox;
    let root = sandbox.path("").canonicalize().unwrap();
    sandbox.run_with(&format!("{RUN} whole"), NET).assert(0, &[]);
    let whole = sandbox.results("whole");
    let best = fs::read(sandbox.path("whole/best.safetensors")).unwrap();
    let mut checkpoints = 0;
    for at in 1.. {
        let mut has_ended = false;
        for names_are_lost in [false, true] {
            let (out, folder) =
                (format!("runs/{at}-{names_are_lost}/run"), sandbox.path(&format!("trace-{at}-{names_are_lost}")));
            fs::create_dir(&folder).unwrap();
            // The library compares texts: all paths begin with the root.
            let mut command = faults.command(&format!("{RUN} {}", root.join(&out).display()), NET, &root);
            command.env("FAULT_TRACE", &folder).env("FAULT_SIGNAL", "9").env("FAULT_AT", at.to_string());
            let ended = Ended::of(command.output().unwrap());
            has_ended |= ended.code == Some(0);
            let operations = trace(&folder);
            lose_contents(&folder, &operations);
            if names_are_lost {
                lose_names(&folder, &operations);
            }
            let made = has_checkpoint(&operations);
            checkpoints += u32::from(made);
            assert!(
                !made || sandbox.path(&out).join("checkpoint").exists(),
                "{at}: a checkpoint that was made is lost"
            );
            sandbox.run_with(&format!("{RUN} {out}"), NET).assert(0, &[]);
            sandbox.results(&out).assert_equal(&whole);
            assert!(fs::read(sandbox.path(&out).join("best.safetensors")).unwrap() == best, "{at}");
            fs::remove_dir_all(sandbox.path("runs")).unwrap();
        }
        if has_ended {
            assert!(at > 50, "a run with three checkpoints has only {} file operations", at - 1);
            break;
        }
    }
    assert!(checkpoints > 20, "only {checkpoints} checkpoints were made before the power failed");
}
