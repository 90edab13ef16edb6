//! Files that a user names as an output: a link, a device, a pipe or a mode is kept as it is.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::process::{Command, Stdio};

use program::{Ended, Sandbox};

/// Every command with an output that a user names, on the run in `run`.
const OUTPUTS: [&str; 9] = [
    "export run -o",
    "export run --csr conv1.weight -o",
    "export run --rust",
    "export run --raw",
    "predict run -o",
    "report run --format html -o",
    "report run --format json -o",
    "report run --format csv -o",
    "report run --format runs -o",
];

fn trained() -> Sandbox {
    let sandbox = Sandbox::new();
    let run = "run --net {} --data digits --epochs 1 --max-steps 2 --out run";
    sandbox.run_with(run, "input 3x32x32 - conv1x1x2 - maxpool3x3/2 - dense10").assert(0, &[]);
    sandbox
}

#[test]
fn a_link_stays_a_link_and_its_target_gets_the_output() {
    let sandbox = trained();
    for command in OUTPUTS {
        fs::create_dir_all(sandbox.path("far/away")).unwrap();
        fs::write(sandbox.path("far/away/target"), "before").unwrap();
        symlink("target", sandbox.path("far/away/second")).unwrap();
        // Two links in a row, each relative to its own folder.
        symlink("far/away/second", sandbox.path("link")).unwrap();
        sandbox.run(&format!("{command} link")).assert(0, &[]);
        assert!(fs::symlink_metadata(sandbox.path("link")).unwrap().is_symlink(), "{command}");
        assert_ne!(fs::read(sandbox.path("far/away/target")).unwrap(), b"before", "{command}");
        assert_eq!(fs::read_dir(sandbox.path("far/away")).unwrap().count(), 2, "{command}");
        fs::remove_file(sandbox.path("link")).unwrap();
        // A link to what is not there yet.
        symlink("far/new", sandbox.path("link")).unwrap();
        sandbox.run(&format!("{command} link")).assert(0, &[]);
        assert!(fs::symlink_metadata(sandbox.path("far/new")).unwrap().is_file(), "{command}");
        fs::remove_file(sandbox.path("link")).unwrap();
        fs::remove_dir_all(sandbox.path("far")).unwrap();
    }
}

#[test]
fn links_in_a_circle_are_an_error() {
    let sandbox = trained();
    symlink("b", sandbox.path("a")).unwrap();
    symlink("a", sandbox.path("b")).unwrap();
    sandbox.run("report run -o a").assert(1, &["a: cannot write"]);
    assert!(fs::symlink_metadata(sandbox.path("a")).unwrap().is_symlink());
}

#[test]
fn a_mode_stays_as_it_is() {
    let sandbox = trained();
    for command in OUTPUTS {
        for mode in [0o640, 0o600, 0o444] {
            fs::write(sandbox.path("page"), "before").unwrap();
            fs::set_permissions(sandbox.path("page"), fs::Permissions::from_mode(mode)).unwrap();
            sandbox.run(&format!("{command} page")).assert(0, &[]);
            assert_ne!(fs::read(sandbox.path("page")).unwrap(), b"before", "{command}");
            assert_eq!(fs::metadata(sandbox.path("page")).unwrap().permissions().mode() & 0o7777, mode, "{command}");
            fs::remove_file(sandbox.path("page")).unwrap();
        }
    }
}

#[test]
fn a_pipe_is_written_into() {
    let sandbox = trained();
    for command in OUTPUTS {
        sandbox.run(&format!("{command} whole")).assert(0, &[]);
        let pipe = sandbox.path("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let mut reader = Command::new("timeout");
        reader.arg("60").arg("cat").arg(&pipe).stdout(Stdio::piped());
        let reader = reader.spawn().unwrap();
        sandbox.run(&format!("{command} pipe")).assert(0, &[]);
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo(), "{command}");
        assert!(
            without_date(&reader.wait_with_output().unwrap().stdout)
                == without_date(&fs::read(sandbox.path("whole")).unwrap()),
            "{command}"
        );
        fs::remove_file(&pipe).unwrap();
    }
}

/// The program's own output by its name in /proc or /dev/fd: the output and nothing else.
#[test]
#[cfg(target_os = "linux")]
fn the_standard_output_by_its_name_gets_the_output_alone() {
    let sandbox = trained();
    for command in OUTPUTS {
        sandbox.run(&format!("{command} whole")).assert(0, &[]);
        let whole = without_date(&fs::read(sandbox.path("whole")).unwrap());
        let piped = sandbox.command(&format!("{command} /proc/self/fd/1"), "").output().unwrap();
        assert!(piped.status.success(), "{command}: {}", String::from_utf8_lossy(&piped.stderr));
        assert!(without_date(&piped.stdout) == whole, "{command}");
        // A file behind the descriptor continues where it ends, as `>>` asks for.
        let log = sandbox.path("log");
        fs::write(&log, "before\n").unwrap();
        let appended = fs::File::options().append(true).open(&log).unwrap();
        let ended = sandbox.command(&format!("{command} /dev/fd/1"), "").stdout(appended).output().unwrap();
        Ended::of(ended).assert(0, &[]);
        let found = fs::read(&log).unwrap();
        let (before, after) = found.split_at(7);
        assert!(before == b"before\n" && without_date(after) == whole, "{command}");
    }
}

#[test]
fn a_folder_is_no_output_and_nothing_is_left_beside_it() {
    let sandbox = trained();
    fs::create_dir(sandbox.path("folder")).unwrap();
    for command in OUTPUTS {
        sandbox.run(&format!("{command} folder")).assert(1, &["folder: cannot write"]);
        let names: Vec<_> = fs::read_dir(sandbox.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{command}: {names:?}");
    }
}

/// A page says when it was written.
fn without_date(bytes: &[u8]) -> Vec<u8> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let dated = |line: &&[u8]| {
        [b"\"written\"".as_slice(), b" UTC"].iter().any(|mark| line.windows(mark.len()).any(|part| part == *mark))
    };
    lines.filter(|line| !dated(line)).collect::<Vec<_>>().concat()
}
