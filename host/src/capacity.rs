//! How many trainings at once fit into memory: what each of them needs by its plan, beside what the machine has free.

use std::fs;
use std::path::Path;

use crate::cgroup;
use crate::suite::Task;

/// What a training takes beside its plan: threads, logs, the true signals of a measurement, and a share of the plan for buffers of
/// files. Processes of DS, PG and PG-Untie peak at 21, 37 and 60 MB above the plan, with plans of 23, 61 and 324 MB.
const BESIDE: u64 = 32 << 20;
const SHARE: u64 = 8;

/// More trainings at once than fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} up to {} MB, but {} MB are to be had; {}", who(*jobs), needed / MEGA, free / MEGA, hint(*fits))]
pub struct TooMuch {
    /// Runs at once.
    pub jobs: usize,
    /// The bytes that the largest of them need together.
    pub needed: u64,
    /// The bytes that are free, or allowed.
    pub free: u64,
    /// So many runs at once would fit, whichever they are; 0 if the largest run alone does not.
    pub fits: usize,
}

const MEGA: u64 = 1_000_000;

fn who(jobs: usize) -> String {
    if jobs == 1 { "the largest training needs".into() } else { format!("{jobs} trainings at once need") }
}

fn hint(fits: usize) -> String {
    match fits {
        0 => "not even one fits: choose a smaller --batch or network, --optimizer sgd, or allow more with --memory"
            .into(),
        fits => format!("--jobs {fits} fits"),
    }
}

/// Whether any `jobs` of the rows fit into `free` bytes. The data sets are open, and all runs share them.
///
/// # Errors
/// [`TooMuch`] if the largest do not.
pub fn check(tasks: &[Task], jobs: usize, free: u64) -> Result<(), TooMuch> {
    let mut trainings: Vec<u64> = tasks.iter().map(training).collect();
    trainings.sort_unstable_by(|a, b| b.cmp(a));
    let needed = |jobs: usize| trainings.iter().take(jobs).sum::<u64>();
    if needed(jobs) <= free {
        return Ok(());
    }
    let fits = (1..=jobs).rev().find(|fewer| needed(*fewer) <= free).unwrap_or(0);
    Err(TooMuch { jobs, needed: needed(jobs), free, fits })
}

/// The bytes that a training takes.
fn training(task: &Task) -> u64 {
    let config = &task.request.config;
    let numbers = config.network.architecture().memory(&config.training_on(&task.dataset)) as u64;
    let plan = numbers.saturating_mul(size_of::<f32>() as u64);
    plan.saturating_add(plan / SHARE).saturating_add(BESIDE)
}

/// The bytes that this process may still take; `None` where the system does not tell.
pub fn free() -> Option<u64> {
    free_in(Path::new("/"))
}

/// As [`free`], with the system's files below `root`.
fn free_in(root: &Path) -> Option<u64> {
    machine(root).into_iter().chain(cgroup::free(root)).min()
}

/// The bytes that the machine has for programs.
fn machine(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_machine_and_groups_is_free() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            fs::create_dir_all(root.path().join(name).parent().unwrap()).unwrap();
            fs::write(root.path().join(name), text).unwrap();
        };
        assert_eq!(free_in(root.path()), None);
        write("proc/meminfo", "MemTotal: 900 kB\nMemAvailable:     500 kB\n");
        assert_eq!(free_in(root.path()), Some(512_000));
        write("proc/self/cgroup", "0::/\n");
        write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
        for (limit, expected) in [("600000", 500_000), ("400000", 300_000), ("max", 512_000)] {
            write("sys/fs/cgroup/memory.max", limit);
            write("sys/fs/cgroup/memory.current", "100000");
            assert_eq!(free_in(root.path()), Some(expected.min(512_000)), "{limit}");
        }
    }
}
