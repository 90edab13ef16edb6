//! Which processes trained a run: provenance, one line each in `processes.jsonl`; no part of what the run is.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::files::PROCESSES;
use super::lock::LockHolder;
use crate::config::Config;

/// The version of this program, with the commit that a release was built from.
pub const VERSION: &str = env!("ASYMGRAD_VERSION");

/// A process that trained a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Steps made before it.
    pub step: u64,
    /// The program.
    pub version: String,
    /// Its host.
    pub host: String,
    /// Its job on a cluster.
    pub job: Option<String>,
    /// The model of the CPU, as the system names it.
    pub cpu: String,
    /// The kernels.
    pub kernels: String,
    /// Threads.
    pub threads: usize,
    /// When it began, in seconds since 1970.
    pub began: u64,
    /// What opens the data set on that host: `digits`, `cifar10` or a path.
    #[serde(default)]
    pub data: Option<String>,
    /// The bytes of that path in hexadecimal, if they are no UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_bytes: Option<String>,
    /// The file on that host that says which training images are tested on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_indices: Option<String>,
}

impl Process {
    /// This process, which resumes after `step` steps with these kernels on what `data` opens, and tests on the images of `test_indices`.
    pub(crate) fn current(
        step: u64,
        kernels: String,
        threads: usize,
        data: &OsStr,
        test_indices: Option<&Path>,
    ) -> Self {
        let LockHolder { host, job, began, .. } = LockHolder::this_process();
        let data_bytes = data.to_str().is_none().then(|| hex::encode(data.as_encoded_bytes()));
        let (version, cpu, data) = (VERSION.into(), cpu(), Some(data.to_string_lossy().into_owned()));
        let test_indices = test_indices.map(|file| file.display().to_string());
        Self { step, version, host, job, cpu, kernels, threads, began, data, data_bytes, test_indices }
    }

    /// Adds the line; what a crash left of another line ends there.
    pub(crate) fn append(&self, file: &Path) -> Result<(), Error> {
        let write = || -> io::Result<()> {
            let whole = fs::read(file).is_ok_and(|bytes| bytes.last().is_none_or(|byte| *byte == b'\n'));
            let mut line = if whole || !file.exists() { vec![] } else { vec![b'\n'] };
            line.extend(serde_json::to_vec(self)?);
            line.push(b'\n');
            File::options().create(true).append(true).open(file)?.write_all(&line)
        };
        write().map_err(Error::io("write", file))
    }

    /// The processes that trained the run in `folder`, the last one at the end; none if there is no record.
    pub fn read(folder: &Path) -> Vec<Self> {
        let text = fs::read_to_string(folder.join(PROCESSES)).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// What opens the data set of the run in `folder`, as its last process did; its name if there is no record.
pub fn data_of(folder: &Path, config: &Config) -> OsString {
    let last = Process::read(folder).pop();
    let bytes = last.as_ref().and_then(|process| path_of(hex::decode(process.data_bytes.as_ref()?).ok()?));
    let text = || last.as_ref().and_then(|process| process.data.clone()).unwrap_or_else(|| config.data.name.clone());
    bytes.unwrap_or_else(|| text().into())
}

/// The file that says which training images the run in `folder` tests on, as its last process named it.
pub fn test_indices_of(folder: &Path) -> Option<PathBuf> {
    Process::read(folder).pop()?.test_indices.map(PathBuf::from)
}

/// A path of these bytes, where paths are bytes.
#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "on other systems there is none")]
fn path_of(bytes: Vec<u8>) -> Option<OsString> {
    Some(std::os::unix::ffi::OsStringExt::from_vec(bytes))
}

#[cfg(not(unix))]
fn path_of(_: Vec<u8>) -> Option<OsString> {
    None
}

fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(|| std::env::consts::ARCH.into(), |(_, name)| name.trim().to_owned())
}
