//! The threads that share the rows of a pass.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

use rayon::ThreadPool;

/// How long a thread looks for work by spinning.
const SPIN: Duration = Duration::from_millis(1);

/// How long it sleeps between two looks afterwards.
const BACK_OFF: Duration = Duration::from_micros(100);

/// Threads that share the rows of passes. Which thread computes a row never changes a bit.
#[derive(Debug)]
pub(super) struct KernelThreads {
    threads: ThreadPool,
    /// Held while one [`KernelThreads::install`] keeps the pool's threads spinning.
    spinning: Mutex<()>,
}

impl KernelThreads {
    pub(super) fn new(threads: usize) -> Result<Self, rayon::ThreadPoolBuildError> {
        let threads = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build()?;
        Ok(Self { threads, spinning: Mutex::new(()) })
    }

    pub(super) fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Runs `work` on the pool. Until it ends, the pool's other threads spin for the pieces of its passes: a thread that sleeps
    /// takes longer to wake up than many a pass takes.
    ///
    /// If another call is running, `work` runs on the pool without spinning threads of its own, so that two calls at once share
    /// the threads and neither waits for the other's end.
    pub(super) fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let _spinning = match self.spinning.try_lock() {
            Ok(guard) => guard,
            // A panic in another call leaves nothing to repair: the guard protects no data.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return self.threads.install(work),
        };
        let running = AtomicUsize::new(1);
        self.threads.scope(|scope| {
            let (running, own) = (&running, rayon::current_thread_index());
            scope.spawn_broadcast(move |_, context| {
                if Some(context.index()) != own {
                    spin_until_done(running);
                }
            });
            let _done = Done(running);
            work()
        })
    }

    /// Cuts `rows` rows of `operations` multiply-adds in all into ranges of whole `unit`s: one a thread, fewer if there is little
    /// to do.
    pub(super) fn ranges(&self, rows: usize, unit: usize, operations: usize) -> Vec<Range<usize>> {
        /// Multiply-adds below which handing a piece to a thread costs more than it saves.
        const WORTH_A_THREAD: usize = 50_000;
        let units = rows.div_ceil(unit);
        let pieces = self.threads().min(operations / WORTH_A_THREAD).min(units).max(1);
        (0..pieces)
            .map(|piece| (units * piece / pieces * unit).min(rows)..(units * (piece + 1) / pieces * unit).min(rows))
            .collect()
    }

    /// Calls `run` in parallel for each range with its rows of `output`, `width` values each.
    pub(super) fn run_rows(
        &self,
        ranges: Vec<Range<usize>>,
        width: usize,
        output: &mut [f32],
        run: impl Fn(Range<usize>, &mut [f32]) + Sync,
    ) {
        let (run, mut rest, mut pieces) = (&run, output, vec![]);
        for range in ranges {
            let (part, after) = rest.split_at_mut(range.len() * width);
            rest = after;
            pieces.push(move || run(range, part));
        }
        self.run_parallel(pieces);
    }

    /// Runs each piece on a thread, the last one on this thread.
    pub(super) fn run_parallel<Piece: FnOnce() + Send>(&self, mut pieces: Vec<Piece>) {
        let Some(own) = pieces.pop() else { return };
        if pieces.is_empty() {
            return own();
        }
        let running = AtomicUsize::new(pieces.len());
        self.threads.in_place_scope(|scope| {
            for piece in pieces {
                let done = Done(&running);
                scope.spawn(move |_| {
                    let _done = done;
                    piece();
                });
            }
            own();
            spin_until_done(&running);
        });
    }
}

/// Counts down when it is dropped, by a panic too.
struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

/// Works for the pool of this thread until nothing is `running`.
fn spin_until_done(running: &AtomicUsize) {
    let mut idle = Instant::now();
    while running.load(Ordering::Acquire) > 0 {
        if rayon::yield_now() == Some(rayon::Yield::Executed) {
            idle = Instant::now();
        } else if idle.elapsed() < SPIN {
            std::thread::yield_now();
        } else {
            std::thread::sleep(BACK_OFF);
        }
    }
}
