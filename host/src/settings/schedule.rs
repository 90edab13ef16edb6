//! Learning-rate schedules: the rate of an epoch as a function of the epoch alone, so that a stop changes nothing.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the learning rate falls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// The same rate in all epochs.
    #[default]
    Constant,
    /// `step:EPOCHS:FACTOR`: times `factor` after every so many epochs.
    Step {
        /// Epochs between two steps.
        epochs: u32,
        /// What the rate is multiplied by.
        factor: f32,
    },
    /// `multistep:EPOCH,…:FACTOR`: times `factor` after each of these epochs, as PyTorch's `MultiStepLR` with these milestones.
    Multistep {
        /// The epochs, rising.
        epochs: Vec<u32>,
        /// What the rate is multiplied by.
        factor: f32,
    },
    /// `cosine:EPOCHS`: rate · (1 + cos(π e / `epochs`)) / 2 in epoch e + 1, a thousandth of the rate at least
    /// (Loshchilov and Hutter 2017).
    Cosine {
        /// Epochs until the rate is lowest, where it stays.
        epochs: u32,
    },
}

impl Schedule {
    /// The rate of an epoch, from 1, where the first one has the rate `base`; 0 once it falls below the least float.
    pub fn rate(&self, base: f32, epoch: u32) -> f32 {
        let made = epoch.saturating_sub(1);
        match self {
            Self::Constant => base,
            Self::Step { epochs, factor } => (0..made / epochs.max(&1)).fold(base, |rate, _| rate * factor),
            Self::Multistep { epochs, factor } => {
                epochs.iter().filter(|epoch| **epoch <= made).fold(base, |rate, _| rate * factor)
            }
            Self::Cosine { epochs } => {
                let part = f64::from(made.min(*epochs)) / f64::from(*epochs.max(&1));
                let share = 0.5 + 0.5 * libm::cos(std::f64::consts::PI * part);
                #[expect(clippy::cast_possible_truncation, reason = "a rate is f32")]
                let share = share.max(1e-3) as f32;
                base * share
            }
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant => f.write_str("constant"),
            Self::Step { epochs, factor } => write!(f, "step:{epochs}:{factor}"),
            Self::Multistep { epochs, factor } => {
                let epochs: Vec<String> = epochs.iter().map(ToString::to_string).collect();
                write!(f, "multistep:{}:{factor}", epochs.join(","))
            }
            Self::Cosine { epochs } => write!(f, "cosine:{epochs}"),
        }
    }
}

/// A text that is no schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the schedules are constant, step:EPOCHS:FACTOR, multistep:EPOCH,…:FACTOR with rising epochs, and cosine:EPOCHS; epochs \
     are whole numbers above 0, and a FACTOR is above 0 and at most 1"
)]
pub struct ParseScheduleError;

impl FromStr for Schedule {
    type Err = ParseScheduleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let epochs = |text: &str| text.parse().ok().filter(|epochs| *epochs > 0).ok_or(ParseScheduleError);
        let factor =
            |text: &str| text.parse().ok().filter(|factor| *factor > 0.0 && *factor <= 1.0).ok_or(ParseScheduleError);
        match text.split(':').collect::<Vec<_>>()[..] {
            ["constant"] => Ok(Self::Constant),
            ["step", count, text] => Ok(Self::Step { epochs: epochs(count)?, factor: factor(text)? }),
            ["multistep", counts, text] => {
                let epochs: Vec<u32> = counts.split(',').map(epochs).collect::<Result<_, _>>()?;
                let rise = epochs.is_sorted_by(|before, after| before < after);
                if rise { Ok(Self::Multistep { epochs, factor: factor(text)? }) } else { Err(ParseScheduleError) }
            }
            ["cosine", count] => Ok(Self::Cosine { epochs: epochs(count)? }),
            _ => Err(ParseScheduleError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PyTorch's `MultiStepLR(SGD(lr=0.8), milestones=[2, 5], gamma=0.5)`, epoch by epoch from 0.
    #[test]
    fn a_multistep_falls_after_each_of_its_epochs() {
        let text = "multistep:2,5:0.5";
        let schedule: Schedule = text.parse().unwrap();
        assert_eq!(
            (1..=7).map(|epoch| schedule.rate(0.8, epoch)).collect::<Vec<_>>(),
            [0.8, 0.8, 0.4, 0.4, 0.4, 0.2, 0.2]
        );
        assert_eq!(schedule.to_string(), text);
        let json = "{\"multistep\":{\"epochs\":[2,5],\"factor\":0.5}}";
        assert_eq!(serde_json::to_string(&schedule).unwrap(), json);
        for text in ["multistep::0.5", "multistep:0,2:0.5", "multistep:5,2:0.5", "multistep:2,2:0.5", "multistep:2:2"] {
            let error = text.parse::<Schedule>().unwrap_err().to_string();
            assert!(error.contains("a FACTOR is above 0 and at most 1"), "{text}: {error}");
        }
    }

    #[test]
    fn a_step_halves_and_a_cosine_falls_by_its_formula() {
        let step: Schedule = "step:2:0.5".parse().unwrap();
        for (epoch, rate) in [(1, 0.1), (2, 0.1), (3, 0.05), (5, 0.025)] {
            assert!((step.rate(0.1, epoch) - rate).abs() < 1e-9, "{epoch}");
        }
        let cosine: Schedule = "cosine:4".parse().unwrap();
        for (epoch, share) in [(1, 1.0), (2, 0.853_553_4), (3, 0.5), (4, 0.146_446_6), (5, 0.001), (9, 0.001)] {
            assert!((cosine.rate(1.0, epoch) - share).abs() < 1e-6, "{epoch}");
        }
        for text in ["constant", "step:2:0.5", "cosine:4"] {
            assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
        }
        assert!("step:0:0.5".parse::<Schedule>().is_err() && "cosine".parse::<Schedule>().is_err());
    }
}
