//! Several trainings, one after the other or some at once.
//!
//! A row that fails, diverges or panics does not keep the next from starting; a signal ends them all, each with a checkpoint.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::progress::Watch;
use super::task::{Row, Trained};
use crate::train;

/// Trains the rows, `jobs` at once, in their order, until `stop` is set; if `fail_fast`, the first failure sets it. Rows that were not
/// begun are left out. Each row's bits are those that it has alone.
pub fn train<'a>(rows: &'a [Row], jobs: usize, fail_fast: bool, stop: &AtomicBool, watch: &Watch) -> Vec<Trained<'a>> {
    let (next, ended) = (AtomicUsize::new(0), Mutex::new(vec![]));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(row) = rows.get(index) else { break };
            // A row that was not begun before a signal is left out; the first one says that it was stopped.
            if index > 0 && stop.load(Ordering::Relaxed) {
                break;
            }
            let trained = train_row(row, index, stop, watch);
            if fail_fast && trained.outcome.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            ended.lock().unwrap_or_else(PoisonError::into_inner).push((index, trained));
        }
    };
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, rows.len().max(1)) {
            scope.spawn(work);
        }
    });
    watch.finish();
    let mut ended = ended.into_inner().unwrap_or_else(PoisonError::into_inner);
    ended.sort_by_key(|(index, _)| *index);
    ended.into_iter().map(|(_, trained)| trained).collect()
}

fn train_row<'a>(row: &'a Row, index: usize, stop: &AtomicBool, watch: &Watch) -> Trained<'a> {
    let mut observer = watch.begin(index, row);
    // What a panic leaves behind is the row's own: its folder, which the next call continues from its checkpoint.
    let outcome = catch_unwind(AssertUnwindSafe(|| train::train(&row.request, &row.dataset, stop, &mut observer)));
    let outcome = match outcome {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err("the training panicked, which is a bug of this program; please report it".into()),
    };
    let trained = Trained { row, outcome };
    observer.end(&trained);
    trained
}
