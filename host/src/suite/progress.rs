//! Progress for people, on standard error: bars on a terminal, a plain line now and then otherwise.
//!
//! A bar fits its line, so that the terminal can take it away again: what matters least is left out on a narrow one. Errors of writing
//! are ignored: standard error may be closed.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use console::{Term, measure_text_width};
use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

use super::task::{Task, TaskResult};
use crate::config::Config;
use crate::run::EpochLine;
use crate::train::{Observer, TrainProgress};

/// Between two lines within an epoch.
const PAUSE: Duration = Duration::from_secs(10);
/// Between the line of an epoch and the one before: epochs on the digits take a fraction of a second.
const EPOCH_PAUSE: Duration = Duration::from_secs(2);
/// Parts of the bar of all tasks.
const PARTS: u64 = 1000;
/// Columns of a bar; a space follows.
const BAR: usize = 10;

/// Watches the training of tasks, one after the other or several at once: which ones of how many, how they go, and the time left
/// for each and for all.
#[derive(Debug)]
pub struct ProgressBars {
    tasks: Mutex<Vec<Work>>,
    began: Instant,
    /// What is drawn on a terminal; elsewhere all of it is hidden.
    screen: MultiProgress,
    all: Option<ProgressBar>,
    /// Tasks that were started.
    started: AtomicUsize,
}

/// The multiplications of a task.
#[derive(Debug, Clone, Copy)]
struct Work {
    /// Made by this process.
    done: f64,
    remaining: f64,
}

/// Watches one task.
#[derive(Debug)]
pub(crate) struct TaskBar<'a> {
    bars: &'a ProgressBars,
    /// The task, from 0.
    index: usize,
    /// The task's name, what varies, and its seed.
    label: String,
    work: f64,
    epochs: u32,
    /// Steps that an earlier process made.
    before: u64,
    said: Instant,
    bar: Option<ProgressBar>,
}

impl ProgressBars {
    /// Watches these tasks.
    pub fn new(tasks: &[Task]) -> Self {
        let screen = MultiProgress::new();
        let several = tasks.len() > 1;
        let all = several.then(|| screen.add(bar(PARTS)));
        let tasks = tasks.iter().map(|task| Work { done: 0.0, remaining: task.work() }).collect();
        Self { tasks: Mutex::new(tasks), began: Instant::now(), screen, all, started: AtomicUsize::new(0) }
    }

    /// Starts task number `index`, from 0.
    pub(crate) fn begin<'a>(&'a self, index: usize, task: &'a Task) -> TaskBar<'a> {
        if let Some(all) = &self.all {
            self.started.store(index + 1, Ordering::Relaxed);
            all.set_message(fit(&[self.count()]));
        }
        TaskBar {
            bars: self,
            index,
            label: task.label(),
            work: task.work(),
            epochs: 0,
            before: 0,
            said: Instant::now(),
            bar: None,
        }
    }

    /// All tasks have ended.
    pub(crate) fn finish(&self) {
        if let Some(all) = &self.all {
            all.finish_and_clear();
        }
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<Work>> {
        // A thread that panicked left whole numbers behind.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints a line that concerns no task by itself.
    pub(super) fn print(&self, line: &str) {
        let _ = if self.screen.is_hidden() { writeln!(io::stderr(), "{line}") } else { self.screen.println(line) };
    }

    /// `run 3/51`.
    fn count(&self) -> String {
        format!("run {}/{}", self.started.load(Ordering::Relaxed), self.tasks().len())
    }

    /// Time left for all tasks, at the pace of this process.
    fn remaining(&self) -> Duration {
        let tasks = self.tasks();
        let (done, remaining) =
            tasks.iter().fold((0.0, 0.0), |(done, remaining), task| (done + task.done, remaining + task.remaining));
        Duration::try_from_secs_f64(self.began.elapsed().as_secs_f64() * remaining / done).unwrap_or(Duration::MAX)
    }
}

impl TaskBar<'_> {
    /// The task has ended: its line comes at once, failures above all. A single task's result is for standard output.
    pub(crate) fn end(self, result: &TaskResult<'_>) {
        if let Some(work) = self.bars.tasks().get_mut(self.index) {
            work.remaining = 0.0;
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            self.bars.screen.remove(bar);
        }
        if self.several() || !result.has_result() {
            self.bars.print(&format!("{}{result}", self.prefix()));
        }
    }

    fn several(&self) -> bool {
        self.bars.tasks().len() > 1
    }

    /// `[3/51] `, or nothing for a single task.
    fn prefix(&self) -> String {
        if self.several() { format!("[{}/{}] ", self.index + 1, self.bars.tasks().len()) } else { String::new() }
    }

    fn say(&mut self, text: &str) {
        self.said = Instant::now();
        self.bars.print(&format!("{}{}: {text}", self.prefix(), self.label));
    }

    fn note(&self, p: &TrainProgress) {
        let part = |steps: u64| self.work * steps as f64 / p.goal.max(1) as f64;
        let work =
            Work { done: part(p.step.saturating_sub(self.before)), remaining: part(p.goal.saturating_sub(p.step)) };
        if let Some(task) = self.bars.tasks().get_mut(self.index) {
            *task = work;
        }
    }
}

impl Observer for TaskBar<'_> {
    fn initialized(&mut self, file: &Path, drawn: &[String]) {
        if !drawn.is_empty() {
            self.say(&format!("{} lacks {}: drawn from the seed", file.display(), drawn.join(", ")));
        }
    }

    fn start(&mut self, config: &Config, progress: &TrainProgress) {
        let TrainProgress { step, goal, .. } = progress;
        self.epochs = config.epochs;
        self.before = *step;
        self.note(progress);
        let hidden = self.bars.screen.is_hidden();
        if !hidden {
            let bar = self.bars.screen.add(bar(*goal));
            bar.set_message(fit(std::slice::from_ref(&self.label)));
            bar.set_position(*step);
            self.bar = Some(bar);
        }
        if *step > 0 {
            self.say(&format!("continues after step {step} of {goal} on {}", config.data.name));
        } else if hidden {
            self.say(&format!("{goal} steps on {}", config.data.name));
        }
    }

    fn warm_up(&mut self, round: u32, rounds: u32) {
        let text = format!("warm-up of weight mirrors, round {round} of {rounds}");
        if let Some(bar) = &self.bar {
            bar.set_message(fit(&[self.label.clone(), text]));
        } else if self.said.elapsed() >= PAUSE {
            self.say(&text);
        }
    }

    fn step(&mut self, p: &TrainProgress) {
        self.note(p);
        if let Some(bar) = &self.bar {
            let parts: Vec<String> = std::iter::once(self.label.clone()).chain(describe(p)).collect();
            bar.set_message(fit(&parts));
            bar.set_position(p.step);
            if let Some(all) = &self.bars.all {
                let left = self.bars.remaining();
                let share = 1.0 - left.as_secs_f64() / (left + self.bars.began.elapsed()).as_secs_f64();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and PARTS")]
                all.set_position((share * PARTS as f64) as u64);
                all.set_message(fit(&[self.bars.count(), format!("{:#} left for all runs", HumanDuration(left))]));
            }
        } else if self.said.elapsed() >= PAUSE {
            let all = format!(", {:#} for all runs", HumanDuration(self.bars.remaining()));
            self.say(&format!("{}{}", describe(p).join(", "), if self.several() { &all } else { "" }));
        }
    }

    fn epoch(&mut self, line: &EpochLine) {
        if self.said.elapsed() >= EPOCH_PAUSE {
            let of_part = |loss: f64, accuracy: Option<f64>| {
                format!("{loss:.4}{}", accuracy.map_or_else(String::new, |accuracy| format!(" {accuracy:.2} %")))
            };
            let train = of_part(line.train_loss, line.train_accuracy);
            let validation = line.validation_loss.map(|loss| of_part(loss, line.validation_accuracy));
            let validation = validation.map_or_else(String::new, |of| format!(", validation {of}"));
            let test = of_part(line.test_loss, line.test_accuracy);
            let area = line.test_roc_auc.map_or_else(String::new, |area| format!(", ROC-AUC {area:.4}"));
            let (epoch, epochs) = (line.epoch, self.epochs);
            self.say(&format!("epoch {epoch}/{epochs}, train {train}{validation}, test {test}{area}"));
        }
    }
}

/// What a reader wants to know of a run, the most wanted first.
fn describe(p: &TrainProgress) -> Vec<String> {
    let parts = [
        Some(format!("epoch {}/{}", p.epoch, p.epochs)),
        Some(format!("{:#} left", HumanDuration(p.remaining))),
        Some(format!("loss {:.4}", p.loss)),
        p.accuracy.map(|accuracy| format!("{accuracy:.1} %")),
        Some(format!("{:.0} images/s", p.images_per_second)),
    ];
    parts.into_iter().flatten().collect()
}

/// The first of `parts` that fit beside a bar on this terminal; of a first part that does not fit, its beginning.
fn fit(parts: &[String]) -> String {
    let columns = Term::stderr().size_checked().map_or(80, |(_, columns)| usize::from(columns));
    fit_into(parts, columns.saturating_sub(BAR + 1))
}

fn fit_into(parts: &[String], columns: usize) -> String {
    let mut text = String::new();
    for part in parts {
        let separator = if text.is_empty() { "" } else { ", " };
        if !text.is_empty() && measure_text_width(&text) + separator.len() + measure_text_width(part) > columns {
            break;
        }
        text = [&text, separator, part].concat();
    }
    text
}

/// A bar without colours, so that `NO_COLOR` asks for nothing.
fn bar(length: u64) -> ProgressBar {
    // The template is a constant of this file; should it be wrong, the default style shows as much.
    let style = ProgressStyle::with_template(&format!("{{bar:{BAR}}} {{wide_msg}}"));
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style.progress_chars("=> "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_line_has_the_first_parts() {
        let parts = ["DS0 seed 1", "epoch 1/9", "3m left"].map(str::to_owned);
        for (columns, text) in
            [(80, "DS0 seed 1, epoch 1/9, 3m left"), (29, "DS0 seed 1, epoch 1/9"), (5, "DS0 seed 1")]
        {
            assert_eq!(fit_into(&parts, columns), text, "{columns}");
        }
    }
}
