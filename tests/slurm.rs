//! The script of a Slurm array, read as Slurm and as a shell read it: whatever folder, argument and number of rows there is.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod program;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use program::{Ended, Sandbox, lines};

const NET: &str = "input 3x32x32 - dense4 - dense10";

/// The words of a line's options as `sbatch` divides them (`src/sbatch/opt.c`): spaces divide, a backslash keeps the next letter as it
/// is, quotes of both kinds keep spaces, and an open `#` begins a comment.
fn directives(script: &[u8]) -> Vec<Vec<u8>> {
    let mut words = vec![];
    for line in script.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"#SBATCH")) {
        let (mut word, mut quote, mut escaped, mut in_word) = (vec![], None, false, false);
        for byte in line.iter().chain(b" ") {
            match (*byte, quote) {
                (byte, _) if escaped => {
                    word.push(byte);
                    escaped = false;
                }
                (b'\\', _) => (escaped, in_word) = (true, true),
                (byte, Some(open)) if byte == open => quote = None,
                (b'"' | b'\'', None) => (quote, in_word) = (Some(*byte), true),
                (b'#', None) => break,
                (byte, None) if byte.is_ascii_whitespace() => {
                    if in_word || !word.is_empty() {
                        words.push(std::mem::take(&mut word));
                    }
                    in_word = false;
                }
                (byte, _) => word.push(byte),
            }
        }
        assert!(quote.is_none() && !escaped, "{}", String::from_utf8_lossy(line));
    }
    words
}

fn directive(script: &[u8], name: &str) -> OsString {
    let found: Vec<_> = directives(script)
        .into_iter()
        .filter_map(|word| word.strip_prefix(name.as_bytes()).map(<[u8]>::to_vec))
        .collect();
    assert_eq!(found.len(), 1, "{name} in {}", String::from_utf8_lossy(script));
    OsString::from_vec(found[0].clone())
}

/// What a cluster of this machine does: `sbatch` keeps each script that it is given, `scontrol` knows the largest array.
fn cluster(sandbox: &Sandbox, most: &str) {
    fs::create_dir_all(sandbox.path("bin")).unwrap();
    let write = |name: &str, text: &str| {
        let file = sandbox.path("bin").join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    };
    let kept = sandbox.path("scripts");
    fs::create_dir_all(&kept).unwrap();
    let kept = kept.display();
    write("sbatch", &format!("#!/bin/sh\nn=$(ls {kept} | wc -l)\ncat > {kept}/$n\necho Submitted batch job $n\n"));
    write("scontrol", &format!("#!/bin/sh\n{most}\n"));
}

fn with_cluster(sandbox: &Sandbox, mut command: Command) -> Ended {
    let path = std::env::var_os("PATH").unwrap();
    let folders = [sandbox.path("bin")].into_iter().chain(std::env::split_paths(&path));
    Ended::of(command.env("PATH", std::env::join_paths(folders).unwrap()).output().unwrap())
}

/// Runs a script's task as Slurm does, in the folder that the script names.
fn run_task(script: &[u8], task: usize) -> Ended {
    let checked = tempfile::NamedTempFile::new().unwrap();
    fs::write(checked.path(), script).unwrap();
    assert!(Command::new("bash").arg("-n").arg(checked.path()).status().unwrap().success());
    let folder = directive(script, "--chdir=");
    let mut bash = Command::new("bash");
    bash.arg(checked.path()).current_dir(folder).env("SLURM_ARRAY_JOB_ID", "7");
    Ended::of(bash.env("SLURM_ARRAY_TASK_ID", task.to_string()).output().unwrap())
}

/// Names of folders that a shell or Slurm reads as something else, the last one without UTF-8.
fn folders() -> Vec<OsString> {
    let names = [
        "with two spaces",
        "a#b",
        " # c",
        "it's",
        "say \"hi\"",
        "$HOME `id` $(id)",
        "back\\slash",
        "-x",
        "%A ü",
        "tab\there",
    ];
    names.into_iter().map(OsString::from).chain([OsString::from_vec(b"\xff\xfe latin \xe9".to_vec())]).collect()
}

#[test]
fn a_script_runs_in_the_folder_it_was_made_in_whatever_its_name() {
    for name in folders() {
        let sandbox = Sandbox::new();
        let folder = sandbox.path("").join(&name);
        fs::create_dir(&folder).unwrap();
        let line = "run --net {} --data digits --epochs 1 --max-steps 1 --print-script --out";
        let mut command = sandbox.command(line, NET);
        // The argument is a name of this kind, too.
        let ended = command.arg(Path::new("out").join(&name)).current_dir(&folder).output().unwrap();
        assert!(ended.status.success(), "{name:?}: {}", String::from_utf8_lossy(&ended.stderr));
        let script = ended.stdout;
        assert_eq!(Path::new(&directive(&script, "--chdir=")), folder.canonicalize().unwrap(), "{name:?}");
        run_task(&script, 1).assert(0, &[]);
        assert!(folder.join("out").join(&name).join("result.json").is_file(), "{name:?}");
    }
}

#[test]
fn a_line_break_in_the_folder_is_refused_for_slurm_has_no_word_for_it() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("two\nlines");
    fs::create_dir(&folder).unwrap();
    let mut command = sandbox.command("run --net {} --data digits --print-script", NET);
    Ended::of(command.current_dir(&folder).output().unwrap()).assert(1, &["line break", "another folder"]);
    let ended = sandbox.run_with("run DS0 --data digits --print-script --sbatch {}", "--comment=a\nrm -r x");
    ended.assert(1, &["line break", "--sbatch"]);
}

/// What follows `--` are experiments; the task's number is none of them.
#[test]
fn a_task_s_number_stands_before_the_experiments() {
    let sandbox = Sandbox::new();
    let row = format!("[[experiment]]\nname = \"--slurm\"\nnetwork = \"{NET}\"\nloss = \"ce\"\ndata = \"digits\"\n");
    fs::write(sandbox.path("own.toml"), row).unwrap();
    let line = "run --experiments own.toml --epochs 1 --max-steps 1 --data digits --seeds 1..2 --sbatch --time=1 --print-script --out out --";
    for names in [["--slurm"].as_slice(), &["--slurm", "DS0"]] {
        let mut command = sandbox.command(line, "");
        let ended = command.args(names).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        let script = ended.stdout;
        assert_eq!(directive(&script, "--array="), OsStr::new(&format!("1-{}", 2 * names.len())));
        run_task(&script, 1).assert(0, &[]);
        let out = if names.len() == 1 { "out/seed-1" } else { "out/--slurm/seed-1" };
        assert!(sandbox.path(out).join("result.json").is_file(), "{names:?}");
    }
}

#[test]
fn more_rows_than_an_array_takes_are_several_arrays() {
    let sandbox = Sandbox::new();
    cluster(&sandbox, "echo 'MaxArraySize            = 4'");
    let line = "run --net {} --data digits --epochs 1 --max-steps 1 --seeds 1..7 --slurm --out out";
    let ended = with_cluster(&sandbox, sandbox.command(line, NET));
    ended.assert(0, &[]);
    assert_eq!(ended.out, "Submitted batch job 0\nSubmitted batch job 1\nSubmitted batch job 2\n");
    let scripts: Vec<Vec<u8>> =
        (0..3).map(|n| fs::read(sandbox.path("scripts").join(n.to_string())).unwrap()).collect();
    let arrays: Vec<OsString> = scripts.iter().map(|script| directive(script, "--array=")).collect();
    assert_eq!(arrays, ["1-3", "1-3", "1-1"]);
    for (script, tasks) in scripts.iter().zip([3, 3, 1]) {
        (1..=tasks).for_each(|task| run_task(script, task).assert(0, &[]));
    }
    for seed in 1..=7 {
        let folder = sandbox.path(&format!("out/seed-{seed}"));
        let processes = fs::read_to_string(folder.join("processes.jsonl")).unwrap();
        assert!(folder.join("result.json").is_file() && lines(&processes).len() == 1, "{seed}");
    }
}

/// 1000 tasks are the most where nothing is set: `MaxArraySize` is 1001, and tasks are below it.
#[test]
fn a_script_of_more_tasks_than_slurm_takes_by_default_says_so() {
    for (most, limit) in [("exit 1", 1000), ("echo 'MaxArraySize            = 51'", 50)] {
        let sandbox = Sandbox::new();
        cluster(&sandbox, most);
        // Two rates for each seed.
        let line =
            |seeds: usize| format!("run --net {{}} --data digits --lr 1e-3,2e-3 --seeds 1..{seeds} --print-script");
        let fits = with_cluster(&sandbox, sandbox.command(&line(limit / 2), NET));
        fits.assert(0, &[]);
        assert_eq!(fits.err, "");
        let ended = with_cluster(&sandbox, sandbox.command(&line(limit / 2 + 1), NET));
        ended.assert(0, &["MaxArraySize", &limit.to_string(), "--slurm"]);
    }
}
