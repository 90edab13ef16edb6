//! The lock of a run's folder: a file lock that the system releases, and beside it a record with a heartbeat.
//!
//! The file lock keeps other processes of this host out. Where several hosts share a folder and file locks do not reach across, a
//! record whose heartbeat changes keeps them out; if it does not change, its process has crashed and the next one takes over.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::files::{LOCK, LOCK_HOLDER};
use crate::atomic;

/// Between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// A heartbeat that does not change for so long is a crash. Watched, not compared with a clock: clocks of hosts differ and jump.
const SILENCE: Duration = Duration::from_secs(35);
/// How often a record is read in that time.
const READS: u32 = 20;

/// The process that trains a run: `owner.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Its host.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// Its job, as Slurm names it: `17` or, in an array, `17_3`.
    pub job: Option<String>,
    /// When it began, in seconds since 1970.
    pub began: u64,
    /// When it last said that it is alive, in seconds since 1970.
    #[serde(rename = "beat")]
    pub heartbeat: u64,
}

impl LockHolder {
    /// This process.
    pub fn this_process() -> Self {
        let now = now();
        Self { host: host(), pid: std::process::id(), job: job(), began: now, heartbeat: now }
    }

    /// Reads a folder's record; `None` if no process holds the lock, or one crashed while it wrote the record.
    pub fn read(folder: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(folder.join(LOCK_HOLDER)).ok()?).ok()
    }

    /// Whether it is on this host.
    pub fn is_here(&self) -> bool {
        self.host == host()
    }

    /// Whether both are the same process.
    fn is(&self, other: &Self) -> bool {
        (&self.host, self.pid, self.began) == (&other.host, other.pid, other.began)
    }

    fn write(&self, folder: &Path) -> Result<(), Error> {
        let file = folder.join(LOCK_HOLDER);
        atomic::write_unsynced(&file, &serde_json::to_vec(self).unwrap_or_default()).map_err(Error::io("write", &file))
    }
}

/// `process 17 on node4, job 12_3`.
impl std::fmt::Display for LockHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)?;
        self.job.as_ref().map_or(Ok(()), |job| write!(f, ", job {job}"))
    }
}

/// A folder that belongs to this process as long as this lives.
#[derive(Debug)]
pub(crate) struct FolderLock {
    folder: PathBuf,
    holder: LockHolder,
    /// Dropped to end the heartbeat.
    end: Option<SyncSender<()>>,
    heartbeat: Option<JoinHandle<()>>,
    _lock: File,
}

impl FolderLock {
    /// Takes the folder, or says who has it.
    pub(crate) fn take(folder: &Path) -> Result<Self, Error> {
        Self::take_with(folder, || std::thread::sleep(SILENCE / READS))
    }

    /// As [`FolderLock::take`]; `pause` waits between two reads of another process's record.
    fn take_with(folder: &Path, pause: impl FnMut()) -> Result<Self, Error> {
        let path = folder.join(LOCK);
        let lock = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(Error::io("open", &path))?;
        let taken = |holder: String| Error::Locked { folder: folder.to_owned(), holder };
        let locked = match try_lock(&lock) {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => {
                return Err(taken(
                    LockHolder::read(folder).map_or_else(|| "not named yet".into(), |holder| holder.to_string()),
                ));
            }
            // A file system without locks: the record alone has to do.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => false,
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
        };
        let holder = LockHolder::this_process();
        if let Some(other) = LockHolder::read(folder).filter(|other| !(locked && other.is_here()))
            && is_alive(folder, &other, pause)
        {
            return Err(taken(other.to_string()));
        }
        holder.write(folder)?;
        let (end, ends) = sync_channel(0);
        let mut taken = Self { folder: folder.to_owned(), holder, end: Some(end), heartbeat: None, _lock: lock };
        let (folder, holder) = (taken.folder.clone(), taken.holder.clone());
        let heartbeat = std::thread::Builder::new().spawn(move || keep_heartbeat(&folder, holder, &ends));
        // An error drops the lock, which removes the record.
        taken.heartbeat = Some(heartbeat.map_err(|error| Error::Threads { threads: 1, reason: error.to_string() })?);
        Ok(taken)
    }

    /// Fails if another process has taken over: this one was thought dead, and must not write any more.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match LockHolder::read(&self.folder) {
            Some(other) if !other.is(&self.holder) => {
                Err(Error::Locked { folder: self.folder.clone(), holder: other.to_string() })
            }
            _ => Ok(()),
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(heartbeat) = self.heartbeat.take() {
            let _ = heartbeat.join();
        }
        if LockHolder::read(&self.folder).is_some_and(|holder| holder.is(&self.holder)) {
            // The next process finds the lock free, with or without the record.
            let _ = fs::remove_file(self.folder.join(LOCK_HOLDER));
        }
    }
}

/// Somebody who only asks for a run's status holds its lock for a moment.
fn try_lock(lock: &File) -> Result<(), TryLockError> {
    for _ in 0..10 {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(20)),
            answer => return answer,
        }
    }
    lock.try_lock()
}

/// Renews the record until the lock is dropped, or another process has taken over.
fn keep_heartbeat(folder: &Path, mut holder: LockHolder, ends: &Receiver<()>) {
    while ends.recv_timeout(HEARTBEAT) == Err(RecvTimeoutError::Timeout) && write_heartbeat(folder, &mut holder) {}
}

/// Writes the record with a new heartbeat; false if it is another process's. A heartbeat that cannot be written is skipped; training
/// continues.
fn write_heartbeat(folder: &Path, holder: &mut LockHolder) -> bool {
    if LockHolder::read(folder).is_some_and(|found| !found.is(holder)) {
        return false;
    }
    holder.heartbeat = now();
    let _ = holder.write(folder);
    true
}

/// Whether the holder's heartbeat changes while its record is read, with a pause before each read.
fn is_alive(folder: &Path, holder: &LockHolder, mut pause: impl FnMut()) -> bool {
    for _ in 0..READS {
        pause();
        match LockHolder::read(folder) {
            None => return false,
            Some(found) if found != *holder => return true,
            Some(_) => {}
        }
    }
    false
}

/// Whether a process holds the folder's lock; `None` if the file system has no locks, or there never was one.
pub fn is_locked(folder: &Path) -> Option<bool> {
    let lock = File::open(folder.join(LOCK)).ok()?;
    match lock.try_lock_shared() {
        Ok(()) => Some(false),
        Err(TryLockError::WouldBlock) => Some(true),
        Err(TryLockError::Error(_)) => None,
    }
}

/// Seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// The job of this process, as Slurm names it.
fn job() -> Option<String> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let task = variable("SLURM_ARRAY_JOB_ID").zip(variable("SLURM_ARRAY_TASK_ID"));
    task.map(|(job, task)| format!("{job}_{task}")).or_else(|| variable("SLURM_JOB_ID"))
}

/// The name of this host, as the system says it: a name that several hosts share would let one take over another's run.
pub(crate) fn host() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elsewhere(folder: &Path, heartbeat: u64) {
        let holder = LockHolder { host: "node4".into(), pid: 7, job: Some("12_3".into()), began: 1, heartbeat };
        holder.write(folder).unwrap();
    }

    #[test]
    fn a_second_process_is_told_who_holds_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let held = FolderLock::take(folder.path()).unwrap();
        let error = FolderLock::take(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("process {} on", std::process::id())), "{error}");
        assert_eq!(is_locked(folder.path()), Some(true));
        drop(held);
        assert_eq!(is_locked(folder.path()), Some(false));
        assert_eq!(LockHolder::read(folder.path()), None);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_heartbeat_that_changes_at_any_read_keeps_the_folder() {
        for change in 1..=READS {
            let folder = tempfile::tempdir().unwrap();
            elsewhere(folder.path(), 5);
            let mut pauses = 0;
            let pause = || {
                pauses += 1;
                if pauses == change {
                    elsewhere(folder.path(), 6);
                }
            };
            let error = FolderLock::take_with(folder.path(), pause).unwrap_err().to_string();
            assert!(error.contains("process 7 on node4, job 12_3"), "{error}");
            assert_eq!((pauses, LockHolder::read(folder.path()).unwrap().heartbeat), (change, 6));
        }
    }

    #[test]
    fn a_heartbeat_that_does_not_change_is_a_crash_whatever_the_clocks_say() {
        let folder = tempfile::tempdir().unwrap();
        for heartbeat in [0, now(), u64::MAX] {
            elsewhere(folder.path(), heartbeat);
            let mut pauses = 0;
            FolderLock::take_with(folder.path(), || pauses += 1).unwrap();
            assert_eq!(pauses, READS);
        }
    }

    #[test]
    fn a_record_that_is_removed_is_the_end_of_its_process() {
        let folder = tempfile::tempdir().unwrap();
        elsewhere(folder.path(), 5);
        FolderLock::take_with(folder.path(), || fs::remove_file(folder.path().join(LOCK_HOLDER)).unwrap()).unwrap();
    }

    #[test]
    fn a_heartbeat_is_renewed_until_another_process_takes_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut holder = LockHolder { heartbeat: 0, ..LockHolder::this_process() };
        assert!(write_heartbeat(folder.path(), &mut holder));
        let written = LockHolder::read(folder.path()).unwrap();
        assert!(written.is(&holder) && written.heartbeat > 0, "{written:?}");
        elsewhere(folder.path(), 5);
        assert!(!write_heartbeat(folder.path(), &mut holder));
        assert_eq!(LockHolder::read(folder.path()).unwrap().host, "node4");
    }

    #[test]
    fn a_process_that_was_thought_dead_writes_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        lock.check().unwrap();
        elsewhere(folder.path(), 5);
        assert!(matches!(lock.check(), Err(Error::Locked { .. })));
        drop(lock);
        assert_eq!(LockHolder::read(folder.path()).unwrap().host, "node4");
    }
}
