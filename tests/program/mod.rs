//! Runs the real binary in a temporary folder, and reads the files of its runs.
#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used)]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A temporary folder in which the program runs.
pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program with these arguments, split at spaces; `{}` stands for `rest`, which may contain spaces.
    pub(crate) fn command(&self, line: &str, rest: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_asymgrad"));
        command.current_dir(self.folder.path()).env_remove("ASYMGRAD_DATA");
        command
            .args(line.split(' ').filter(|word| !word.is_empty()).map(|word| if word == "{}" { rest } else { word }));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program until it ends.
    pub(crate) fn run(&self, line: &str) -> Ended {
        self.run_with(line, "")
    }

    /// [`Sandbox::run`] with an argument for `{}`.
    pub(crate) fn run_with(&self, line: &str, rest: &str) -> Ended {
        Ended::of(self.command(line, rest).output().unwrap())
    }

    /// Compiles `tests/faults/NAME.c` to a library for `LD_PRELOAD`; `None` without a C compiler, and the test is skipped.
    pub(crate) fn preload(&self, name: &str) -> Option<PathBuf> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/faults").join(name).with_extension("c");
        let library = self.path(name).with_extension("so");
        let mut compiler = Command::new("cc");
        let compiled = compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).output();
        if compiled.is_ok_and(|output| output.status.success()) {
            return Some(library);
        }
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no C compiler for tests/faults/{name}.c");
        skip(&format!("no C compiler for tests/faults/{name}.c"));
        None
    }

    /// Writes a folder in CIFAR-10's layout with so many images to train and to test on. From 5,460 on, which are 16 MiB, they stay in
    /// their file while they are used.
    pub(crate) fn write_images(&self, folder: &str, train: u16, test: u16) {
        let layout = "channels = 3\nheight = 32\nwidth = 32\nclasses = 10\ntrain = [\"a.bin\"]\ntest = [\"b.bin\"]\n";
        fs::create_dir(self.path(folder)).unwrap();
        fs::write(self.path(folder).join("layout.toml"), layout).unwrap();
        for (name, count) in [("a.bin", train), ("b.bin", test)] {
            let record = |index: u16| {
                let pixels = (0..3072).map(move |at| (index * 7 + at / 3).to_le_bytes()[0]);
                std::iter::once((index % 10).to_le_bytes()[0]).chain(pixels)
            };
            fs::write(self.path(folder).join(name), (0..count).flat_map(record).collect::<Vec<u8>>()).unwrap();
        }
    }

    /// The files of a run that are equal for equal runs, byte for byte.
    pub(crate) fn results(&self, run: &str) -> Results {
        let read = |name: &str| fs::read(self.path(run).join(name)).unwrap_or_default();
        Results {
            metrics: String::from_utf8(read("metrics.jsonl")).unwrap(),
            epochs: String::from_utf8(read("epochs.jsonl")).unwrap(),
            weights: read("weights.safetensors"),
        }
    }
}

/// The files of a run that do not depend on whether it was interrupted, byte for byte.
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

/// The objects of a JSON Lines file.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The exit code and the output of a program that has ended.
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
        self.json_with(0)
    }

    /// The JSON that a command prints which ends with this exit code.
    #[track_caller]
    pub(crate) fn json_with(&self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{}", self.err);
        serde_json::from_str(&self.out).unwrap()
    }

    /// Asserts the exit code, and that standard error contains all of `texts`.
    #[track_caller]
    pub(crate) fn assert(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        for text in texts {
            assert!(self.err.contains(text), "no `{text}` in: {}", self.err);
        }
    }
}

/// Prints that a test is skipped. Not by println, whose output the harness hides when a test passes.
pub(crate) fn skip(why: &str) {
    let _ = std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes());
}

/// A sandbox with the library that counts the program's file operations and makes one of them fail: `tests/faults/file_operations.c`.
pub(crate) struct Faults {
    pub(crate) sandbox: Sandbox,
    library: PathBuf,
}

impl Faults {
    pub(crate) fn new() -> Option<Self> {
        let sandbox = Sandbox::new();
        let library = sandbox.preload("file_operations")?;
        Some(Self { sandbox, library })
    }

    /// The program, whose operations on paths that contain `path` count.
    pub(crate) fn command(&self, line: &str, rest: &str, path: impl AsRef<OsStr>) -> Command {
        let mut command = self.sandbox.command(line, rest);
        command.env("LD_PRELOAD", &self.library).env("FAULT_PATH", path);
        command
    }

    /// Runs such a command to its end, and counts its operations.
    pub(crate) fn count(&self, mut command: Command) -> u32 {
        let file = self.sandbox.path("operations");
        Ended::of(command.env("FAULT_COUNT", &file).output().unwrap()).assert(0, &[]);
        fs::read_to_string(file).unwrap().parse().unwrap()
    }
}

/// A program that is running; dropping it kills it.
pub(crate) struct Running {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// The lines of standard error that have been read.
    err: String,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stderr, err: String::new() }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads standard error up to a line that contains `text`.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, text: &str) {
        loop {
            let start = self.err.len();
            let count = self.stderr.read_line(&mut self.err).unwrap();
            assert!(count > 0, "the program has ended without `{text}`: {}", self.err);
            if self.err[start..].contains(text) {
                return;
            }
        }
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.id().to_string()]).status().unwrap().success());
    }

    /// Waits until a signal has stopped it.
    #[cfg(target_os = "linux")]
    pub(crate) fn wait_until_stopped(&mut self) {
        let is_stopped = |status: &str| status.lines().any(|line| line.starts_with("State:\tT"));
        while !is_stopped(&fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap()) {
            assert!(self.child.try_wait().unwrap().is_none(), "the program has ended");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it ends.
    pub(crate) fn end(mut self) -> Ended {
        let (mut err, mut out) = (std::mem::take(&mut self.err), String::new());
        self.stderr.read_to_string(&mut err).unwrap();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        Ended { code: self.child.wait().unwrap().code(), out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An array as `NumPy` writes it: its type, such as `|u1` or `<i8`, its shape, and its bytes.
pub(crate) fn npy(descr: &str, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({},), }}", shape.join(","));
    // NumPy aligns the numbers at 64 bytes.
    header += &" ".repeat((10 + header.len() + 1).next_multiple_of(64) - 11 - header.len());
    header.push('\n');
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), bytes].concat()
}

/// An archive of these `.npy` files, compressed or not.
pub(crate) fn npz(arrays: &[(&str, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(vec![]));
    for (name, bytes) in arrays {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(format!("{name}.npy"), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
