//! Progress for people: a plain line now and then on standard error.
//!
//! Nobody may be there to read it, so writing never fails.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::run::{Config, EpochLine, Observer, Progress};

/// Between two lines within an epoch.
const PAUSE: Duration = Duration::from_secs(10);

/// Writes a line at the start, after each epoch, and every ten seconds between.
#[derive(Debug)]
pub struct Lines {
    name: String,
    epochs: u32,
    last: Instant,
}

impl Lines {
    /// Lines that begin with `name`.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), epochs: 0, last: Instant::now() }
    }

    fn say(&mut self, text: &str) {
        self.last = Instant::now();
        let _ = writeln!(io::stderr(), "{}: {text}", self.name);
    }
}

impl Observer for Lines {
    fn start(&mut self, config: &Config, progress: &Progress) {
        self.epochs = config.epochs;
        let Progress { step, goal, .. } = progress;
        if *step == 0 {
            self.say(&format!("{goal} steps on {}", config.data.name));
        } else {
            self.say(&format!("continues after step {step} of {goal} on {}", config.data.name));
        }
    }

    fn step(&mut self, p: &Progress) {
        if self.last.elapsed() >= PAUSE {
            self.say(&format!(
                "epoch {}/{}, step {}/{}, loss {:.4}, accuracy {:.1} %, {:.0} images/s, {} left",
                p.epoch,
                p.epochs,
                p.step,
                p.goal,
                p.loss,
                p.accuracy,
                p.images_per_second,
                indicatif::HumanDuration(p.left)
            ));
        }
    }

    fn epoch(&mut self, line: &EpochLine) {
        let EpochLine { epoch, train_loss, train_accuracy, test_loss, test_accuracy } = line;
        let epochs = self.epochs;
        self.say(&format!(
            "epoch {epoch}/{epochs}, train {train_loss:.4} {train_accuracy:.2} %, test {test_loss:.4} {test_accuracy:.2} %"
        ));
    }
}
