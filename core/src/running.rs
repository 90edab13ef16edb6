//! Loss and accuracy while training goes on: means in which older samples fade.

use crate::network::loss::Score;

/// Means over about the last `horizon` samples: each new one makes the older count 1 − 1/`horizon` as much.
///
/// ```
/// use asymgrad_core::{Running, Score};
/// let mut running = Running::new(2.0);
/// running.add(&Score { loss: 3.0, correct: 0, samples: 1 });
/// running.add(&Score { loss: 1.5, correct: 1, samples: 1 });
/// assert_eq!((running.loss(), running.accuracy()), (2.0, 2.0 / 3.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Running {
    keep: f32,
    samples: f32,
    loss: f32,
    correct: f32,
}

impl Running {
    /// Means without samples yet. `horizon` is a number of samples, 1 or more: 1 keeps the last sample alone, infinity weighs
    /// all alike. The means of a smaller one, or of one that is not a number, have no meaning.
    pub const fn new(horizon: f32) -> Self {
        Self { keep: 1.0 - 1.0 / horizon, samples: 0.0, loss: 0.0, correct: 0.0 }
    }

    /// Adds what [`Trainer::step`](crate::Trainer::step) gave.
    pub fn add(&mut self, score: &Score) {
        let keep = (0..score.samples).fold(1.0, |keep, _| keep * self.keep);
        self.samples = keep * self.samples + score.samples as f32;
        self.loss = keep * self.loss + score.loss * score.samples as f32;
        self.correct = keep * self.correct + score.correct as f32;
    }

    /// The mean loss; not a number before the first sample.
    pub fn loss(&self) -> f32 {
        self.loss / self.samples
    }

    /// The share of samples whose highest score was the label's; not a number before the first sample.
    pub fn accuracy(&self) -> f32 {
        self.correct / self.samples
    }
}
