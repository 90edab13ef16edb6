//! Several trainings, one after the other or some at once.
//!
//! A task that fails, diverges or panics does not keep the next from starting; a signal ends them all, each with a checkpoint.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::progress::ProgressBars;
use super::task::{Task, TaskError, TaskResult};
use crate::train;

/// Trains the tasks, `jobs` at once, in their order, until `stop` is set; if `fail_fast`, the first failure sets it. Tasks that were not
/// started are left out. A task's results are bit-identical whatever `jobs` is.
pub fn train<'a>(
    tasks: &'a [Task],
    jobs: usize,
    fail_fast: bool,
    stop: &AtomicBool,
    bars: &ProgressBars,
) -> Vec<TaskResult<'a>> {
    let (next, ended) = (AtomicUsize::new(0), Mutex::new(vec![]));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(index) else { break };
            // A task that was not started before a signal is left out; the first one reports that it was stopped.
            if index > 0 && stop.load(Ordering::Relaxed) {
                break;
            }
            let result = train_task(task, index, stop, bars);
            if fail_fast && result.outcome.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            ended.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
        }
    };
    let jobs = jobs.clamp(1, tasks.len().max(1));
    thread::scope(|scope| {
        for started in 1..jobs {
            if let Err(error) = thread::Builder::new().spawn_scoped(scope, work) {
                bars.print(&format!(
                    "note: {started} of {jobs} experiments are trained at once: cannot start a thread: {error}"
                ));
                break;
            }
        }
        // This thread is one of them.
        work();
    });
    bars.finish();
    let mut ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    ended.sort_by_key(|(index, _)| *index);
    ended.into_iter().map(|(_, result)| result).collect()
}

fn train_task<'a>(task: &'a Task, index: usize, stop: &AtomicBool, bars: &ProgressBars) -> TaskResult<'a> {
    let mut observer = bars.begin(index, task);
    // What a panic leaves behind is the task's own: its folder, which the next call continues from its checkpoint.
    let outcome = catch_unwind(AssertUnwindSafe(|| train::train(&task.request, &task.dataset, stop, &mut observer)));
    let outcome = outcome
        .map_or_else(|_| Err(TaskError::Panicked { folder: task.request.folder.clone() }), |outcome| Ok(outcome?));
    let result = TaskResult { task, outcome };
    observer.end(&result);
    result
}
