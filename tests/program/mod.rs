//! The real binary in a folder of its own, and what its runs leave behind.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A folder to run the program in.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with these arguments, divided at spaces; `{}` stands for `rest`, which may hold spaces.
    pub(crate) fn command(&self, line: &str, rest: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_asymgrad"));
        command.current_dir(self.folder.path()).env_remove("ASYMGRAD_DATA");
        command
            .args(line.split(' ').filter(|word| !word.is_empty()).map(|word| if word == "{}" { rest } else { word }));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, line: &str) -> Ended {
        self.run_with(line, "")
    }

    pub(crate) fn run_with(&self, line: &str, rest: &str) -> Ended {
        Ended::of(self.command(line, rest).output().unwrap())
    }

    /// All bytes of the files of a run that two equal runs have in common.
    pub(crate) fn results(&self, run: &str) -> Results {
        let read = |name: &str| fs::read(self.path(run).join(name)).unwrap_or_default();
        Results {
            metrics: String::from_utf8(read("metrics.jsonl")).unwrap(),
            epochs: String::from_utf8(read("epochs.jsonl")).unwrap(),
            weights: read("weights.safetensors"),
        }
    }
}

/// The files that a continued run shares with an uninterrupted one, byte for byte.
#[derive(PartialEq, Eq)]
pub(crate) struct Results {
    pub(crate) metrics: String,
    pub(crate) epochs: String,
    pub(crate) weights: Vec<u8>,
}

impl Results {
    /// The losses of all steps; "NaN" and "inf" are strings.
    pub(crate) fn losses(&self) -> Vec<Value> {
        lines(&self.metrics).into_iter().map(|mut line| line["loss"].take()).collect()
    }

    #[track_caller]
    pub(crate) fn assert_equal(&self, other: &Self) {
        assert!(!self.metrics.is_empty() && !self.epochs.is_empty() && !self.weights.is_empty());
        assert_eq!(self.metrics, other.metrics);
        assert_eq!(self.epochs, other.epochs);
        assert!(self.weights == other.weights, "the weights differ");
    }
}

/// The objects of a file with one a line.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How a call of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.err);
        serde_json::from_str(&self.out).unwrap()
    }

    /// It ended so, and its error says all of this.
    #[track_caller]
    pub(crate) fn assert(&self, code: i32, said: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for text in said {
            assert!(self.err.contains(text), "no `{text}` in: {}", self.err);
        }
    }
}

/// Says that a test does not run here. Beside the harness, which shows what a passing test prints to nobody.
pub(crate) fn skip(why: &str) {
    let _ = std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes());
}

/// Waits until there is such a file.
#[track_caller]
pub(crate) fn wait_for(file: &Path) {
    let began = std::time::Instant::now();
    while !file.exists() {
        assert!(began.elapsed().as_secs() < 60, "{} never came", file.display());
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}
