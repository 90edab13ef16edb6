//! Progress for people, on standard error: bars on a terminal, a plain line now and then otherwise.
//!
//! Nobody may be there to read it, so writing never fails.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

use crate::run::{Config, EpochLine, Observer, Progress};
use crate::suite::{Row, Trained};

/// Between two lines within an epoch.
const PAUSE: Duration = Duration::from_secs(10);
/// Between the line of an epoch and the one before: epochs on the digits take a fraction of a second.
const EPOCH_PAUSE: Duration = Duration::from_secs(2);
/// Parts of the bar of all rows.
const PARTS: u64 = 1000;

/// Watches the training of rows: which one of how many, how it goes, and the time left for it and for all.
#[derive(Debug)]
pub struct Watch {
    /// The work of each row.
    work: Vec<f64>,
    /// The row at hand, from 1; 0 before the first.
    number: usize,
    name: String,
    epochs: u32,
    /// Steps of the row that an earlier process made.
    before: u64,
    /// Whether this process trains the row at hand: not so if it is finished.
    trains: bool,
    /// Work that this process has done in the rows before.
    done: f64,
    began: Instant,
    said: Instant,
    bars: Bars,
}

/// What is drawn on a terminal; elsewhere all of it is hidden.
#[derive(Debug)]
struct Bars {
    screen: MultiProgress,
    all: Option<ProgressBar>,
    row: Option<ProgressBar>,
}

impl Watch {
    /// Watches these rows.
    pub fn new(rows: &[Row]) -> Self {
        let now = Instant::now();
        let screen = MultiProgress::new();
        let several = rows.len() > 1;
        let all = several.then(|| screen.add(bar(PARTS, "{prefix} {bar:10} {msg}")));
        Self {
            work: rows.iter().map(Row::work).collect(),
            number: 0,
            name: String::new(),
            epochs: 0,
            before: 0,
            trains: false,
            done: 0.0,
            began: now,
            said: now,
            bars: Bars { screen, all, row: None },
        }
    }

    /// The next row begins.
    pub(crate) fn begin(&mut self, name: &str) {
        self.number += 1;
        name.clone_into(&mut self.name);
        self.trains = false;
        if let Some(all) = &self.bars.all {
            all.set_prefix(format!("row {}/{}", self.number, self.work.len()));
        }
    }

    /// The row has ended: its line comes at once, failures above all. A single row's result is for standard output.
    pub(crate) fn end(&mut self, trained: &Trained<'_>) {
        if self.trains {
            self.done += self.work_of_row();
        }
        if let Some(bar) = self.bars.row.take() {
            bar.finish_and_clear();
        }
        if let (Some(all), true) = (&self.bars.all, self.number == self.work.len() || trained.is_stopped()) {
            all.finish_and_clear();
        }
        if self.several() || !trained.has_result() {
            self.print(&format!("{}{trained}", self.place()));
        }
    }

    fn several(&self) -> bool {
        self.work.len() > 1
    }

    fn work_of_row(&self) -> f64 {
        self.number.checked_sub(1).and_then(|index| self.work.get(index)).copied().unwrap_or(0.0)
    }

    /// `[3/51] `, or nothing for a single row.
    fn place(&self) -> String {
        if self.several() { format!("[{}/{}] ", self.number, self.work.len()) } else { String::new() }
    }

    fn say(&mut self, text: &str) {
        self.said = Instant::now();
        self.print(&format!("{}{}: {text}", self.place(), self.name));
    }

    fn print(&self, line: &str) {
        let _ = if self.bars.screen.is_hidden() {
            writeln!(io::stderr(), "{line}")
        } else {
            self.bars.screen.println(line)
        };
    }

    /// Time left for this row and those after it, at the pace of this process.
    fn left_for_all(&self, p: &Progress) -> Duration {
        let part = |steps: u64| self.work_of_row() * steps as f64 / p.goal.max(1) as f64;
        let done = self.done + part(p.step.saturating_sub(self.before));
        let left = part(p.goal.saturating_sub(p.step)) + self.work.iter().skip(self.number).sum::<f64>();
        let seconds = self.began.elapsed().as_secs_f64() * left / done;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

impl Observer for Watch {
    fn start(&mut self, config: &Config, progress: &Progress) {
        let Progress { step, goal, .. } = progress;
        self.epochs = config.epochs;
        self.before = *step;
        self.trains = true;
        if !self.bars.screen.is_hidden() {
            let bar = self.bars.screen.add(bar(*goal, "{prefix} {bar:10} {msg}"));
            bar.set_prefix(self.name.clone());
            bar.set_position(*step);
            self.bars.row = Some(bar);
        }
        if *step > 0 {
            self.say(&format!("continues after step {step} of {goal} on {}", config.data.name));
        } else if self.bars.screen.is_hidden() {
            self.say(&format!("{goal} steps on {}", config.data.name));
        }
    }

    fn step(&mut self, p: &Progress) {
        if let Some(bar) = &self.bars.row {
            bar.set_message(describe(p));
            bar.set_position(p.step);
            if let Some(all) = &self.bars.all {
                let left = self.left_for_all(p);
                let share = 1.0 - left.as_secs_f64() / (left + self.began.elapsed()).as_secs_f64();
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and PARTS")]
                all.set_position((share * PARTS as f64) as u64);
                all.set_message(format!("{} left for all rows", HumanDuration(left)));
            }
        } else if self.said.elapsed() >= PAUSE {
            let all = format!(", {:#} for all rows", HumanDuration(self.left_for_all(p)));
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
