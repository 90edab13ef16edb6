//! Running loss and accuracy of a training: exponentially weighted means over its samples.

use crate::network::loss::Score;

/// Exponentially weighted means over about the last `horizon` samples: each sample multiplies the weights of all earlier
/// ones by 1 − 1/`horizon`.
///
/// ```
/// use asymgrad_core::{Running, Score};
/// let mut running = Running::new(2.0);
/// running.add(&Score { loss: 3.0, correct: Some(0), samples: 1 });
/// running.add(&Score { loss: 1.5, correct: Some(1), samples: 1 });
/// assert_eq!((running.loss(), running.accuracy()), (2.0, 2.0 / 3.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Running {
    /// The factor of the earlier samples: 1 − 1/horizon.
    retain: f32,
    samples: f32,
    /// The samples of scores that count correct predictions.
    counted: f32,
    loss: f32,
    correct: f32,
}

impl Running {
    /// Means over no samples. `horizon` is in samples, at least 1: with 1 only the last sample counts, with infinity all
    /// samples count alike. The means for a smaller horizon or NaN have no meaning.
    pub const fn new(horizon: f32) -> Self {
        Self { retain: 1.0 - 1.0 / horizon, samples: 0.0, counted: 0.0, loss: 0.0, correct: 0.0 }
    }

    /// Adds the score of a step, see [`Trainer::step`](crate::Trainer::step).
    pub fn add(&mut self, score: &Score) {
        let retain = (0..score.samples).fold(1.0, |retain, _| retain * self.retain);
        self.samples = retain * self.samples + score.samples as f32;
        self.loss = retain * self.loss + score.loss * score.samples as f32;
        if let Some(correct) = score.correct {
            self.counted = retain * self.counted + score.samples as f32;
            self.correct = retain * self.correct + correct as f32;
        }
    }

    /// The mean loss; NaN before the first sample.
    pub fn loss(&self) -> f32 {
        self.loss / self.samples
    }

    /// The fraction of samples that were [predicted correctly](Score::correct); NaN before the first sample, and for targets
    /// that are values of a regression.
    pub fn accuracy(&self) -> f32 {
        self.correct / self.counted
    }
}
