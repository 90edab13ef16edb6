//! Progress for people, on standard error: bars on a terminal, a plain line now and then otherwise.
//!
//! Nobody may be there to read it, so writing never fails.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

use super::task::{Row, Trained};
use crate::config::Config;
use crate::run::EpochLine;
use crate::train::{Observer, Progress};

/// Between two lines within an epoch.
const PAUSE: Duration = Duration::from_secs(10);
/// Between the line of an epoch and the one before: epochs on the digits take a fraction of a second.
const EPOCH_PAUSE: Duration = Duration::from_secs(2);
/// Parts of the bar of all rows.
const PARTS: u64 = 1000;

/// Watches the training of rows, one after the other or several at once: which ones of how many, how they go, and the time left
/// for each and for all.
#[derive(Debug)]
pub struct Watch {
    rows: Mutex<Vec<Work>>,
    began: Instant,
    /// What is drawn on a terminal; elsewhere all of it is hidden.
    screen: MultiProgress,
    all: Option<ProgressBar>,
}

/// The multiplications of a row.
#[derive(Debug, Clone, Copy)]
struct Work {
    /// Made by this process.
    done: f64,
    left: f64,
}

/// Watches one row.
#[derive(Debug)]
pub(crate) struct RowWatch<'a> {
    watch: &'a Watch,
    /// The row, from 0.
    index: usize,
    name: &'a str,
    work: f64,
    epochs: u32,
    /// Steps that an earlier process made.
    before: u64,
    said: Instant,
    bar: Option<ProgressBar>,
}

impl Watch {
    /// Watches these rows.
    pub fn new(rows: &[Row]) -> Self {
        let screen = MultiProgress::new();
        let several = rows.len() > 1;
        let all = several.then(|| screen.add(bar(PARTS, "{prefix} {bar:10} {msg}")));
        let rows = rows.iter().map(|row| Work { done: 0.0, left: row.work() }).collect();
        Self { rows: Mutex::new(rows), began: Instant::now(), screen, all }
    }

    /// Row number `index`, from 0, begins.
    pub(crate) fn begin<'a>(&'a self, index: usize, row: &'a Row) -> RowWatch<'a> {
        if let Some(all) = &self.all {
            all.set_prefix(format!("row {}/{}", index + 1, self.rows().len()));
        }
        RowWatch {
            watch: self,
            index,
            name: &row.request.config.name,
            work: row.work(),
            epochs: 0,
            before: 0,
            said: Instant::now(),
            bar: None,
        }
    }

    /// No row will begin or go on.
    pub(crate) fn finish(&self) {
        if let Some(all) = &self.all {
            all.finish_and_clear();
        }
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Work>> {
        // A thread that panicked left whole numbers behind.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn print(&self, line: &str) {
        let _ = if self.screen.is_hidden() { writeln!(io::stderr(), "{line}") } else { self.screen.println(line) };
    }

    /// Time left for all rows, at the pace of this process.
    fn left(&self) -> Duration {
        let rows = self.rows();
        let (done, left) = rows.iter().fold((0.0, 0.0), |(done, left), row| (done + row.done, left + row.left));
        Duration::try_from_secs_f64(self.began.elapsed().as_secs_f64() * left / done).unwrap_or(Duration::MAX)
    }
}

impl RowWatch<'_> {
    /// The row has ended: its line comes at once, failures above all. A single row's result is for standard output.
    pub(crate) fn end(self, trained: &Trained<'_>) {
        if let Some(work) = self.watch.rows().get_mut(self.index) {
            work.left = 0.0;
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if self.several() || !trained.has_result() {
            self.watch.print(&format!("{}{trained}", self.place()));
        }
    }

    fn several(&self) -> bool {
        self.watch.rows().len() > 1
    }

    /// `[3/51] `, or nothing for a single row.
    fn place(&self) -> String {
        if self.several() { format!("[{}/{}] ", self.index + 1, self.watch.rows().len()) } else { String::new() }
    }

    fn say(&mut self, text: &str) {
        self.said = Instant::now();
        self.watch.print(&format!("{}{}: {text}", self.place(), self.name));
    }

    fn note(&self, p: &Progress) {
        let part = |steps: u64| self.work * steps as f64 / p.goal.max(1) as f64;
        let work = Work { done: part(p.step.saturating_sub(self.before)), left: part(p.goal.saturating_sub(p.step)) };
        if let Some(row) = self.watch.rows().get_mut(self.index) {
            *row = work;
        }
    }
}

impl Observer for RowWatch<'_> {
    fn start(&mut self, config: &Config, progress: &Progress) {
        let Progress { step, goal, .. } = progress;
        self.epochs = config.epochs;
        self.before = *step;
        self.note(progress);
        let hidden = self.watch.screen.is_hidden();
        if !hidden {
            let bar = self.watch.screen.add(bar(*goal, "{prefix} {bar:10} {msg}"));
            bar.set_prefix(self.name.to_owned());
            bar.set_position(*step);
            self.bar = Some(bar);
        }
        if *step > 0 {
            self.say(&format!("continues after step {step} of {goal} on {}", config.data.name));
        } else if hidden {
            self.say(&format!("{goal} steps on {}", config.data.name));
        }
    }

    fn step(&mut self, p: &Progress) {
        self.note(p);
        if let Some(bar) = &self.bar {
            bar.set_message(describe(p));
            bar.set_position(p.step);
            if let Some(all) = &self.watch.all {
                let left = self.watch.left();
                let share = 1.0 - left.as_secs_f64() / (left + self.watch.began.elapsed()).as_secs_f64();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and PARTS")]
                all.set_position((share * PARTS as f64) as u64);
                all.set_message(format!("{} left for all rows", HumanDuration(left)));
            }
        } else if self.said.elapsed() >= PAUSE {
            let all = format!(", {:#} for all rows", HumanDuration(self.watch.left()));
            self.say(&format!("{}{}", describe(p), if self.several() { &all } else { "" }));
        }
    }

    fn epoch(&mut self, line: &EpochLine) {
        if self.said.elapsed() >= EPOCH_PAUSE {
            let EpochLine { epoch, train_loss, train_accuracy, test_loss, test_accuracy } = line;
            let epochs = self.epochs;
            self.say(&format!(
                "epoch {epoch}/{epochs}, train {train_loss:.4} {train_accuracy:.2} %, test {test_loss:.4} {test_accuracy:.2} %"
            ));
        }
    }
}

/// Fits beside a bar on 80 columns.
fn describe(p: &Progress) -> String {
    format!(
        "epoch {}/{}, loss {:.4}, {:.1} %, {:.0} images/s, {:#} left",
        p.epoch,
        p.epochs,
        p.loss,
        p.accuracy,
        p.images_per_second,
        HumanDuration(p.left)
    )
}

/// A bar without colours, so that `NO_COLOR` asks for nothing.
fn bar(length: u64, template: &str) -> ProgressBar {
    // The template is a constant of this file; should it be wrong, the default style shows as much.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style.progress_chars("=> "))
}
