//! The distance between test accuracies and the figures that the report publishes.

use serde::Serialize;

use super::groups::{SAME, mean_of};
use super::metric::Metric;
use crate::run::EpochLine;
use crate::statistics;

/// The published epoch E is also compared with epoch E / k of the runs, for each of these k.
pub const DIVISORS: [f64; 9] = [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0];
/// Epochs on either side of E / k that enter the mean: single epochs fluctuate by several points.
const AROUND: u32 = 2;

/// How far some test accuracies are from the published figures, in points.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Distance {
    /// The figures that are compared.
    pub figures: usize,
    /// Those of them from which ours differ by less than 2 points.
    pub near: usize,
    /// The square root of the mean of the squared differences.
    pub root_mean_square: f64,
    /// The mean of the differences, ours less the report's.
    pub mean: f64,
}

impl Distance {
    /// The distance of differences, ours less the report's; `None` if there is none.
    pub fn of(differences: &[f64]) -> Option<Self> {
        let squares: Vec<f64> = differences.iter().map(|difference| difference * difference).collect();
        Some(Self {
            figures: differences.len(),
            near: differences.iter().filter(|difference| difference.abs() < SAME).count(),
            root_mean_square: statistics::mean(&squares)?.sqrt(),
            mean: statistics::mean(differences)?,
        })
    }
}

/// The mean test accuracy of the five epochs around `epochs / divisor`, rounded to the nearest epoch; at the log's end, of those
/// that there are.
pub(crate) fn around(lines: &[EpochLine], epochs: u32, divisor: f64) -> Option<f64> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and `epochs`")]
    let center = (f64::from(epochs) / divisor.max(1.0)).round() as u32;
    mean_of(lines, [center.saturating_sub(AROUND), center.saturating_add(AROUND)], Metric::Accuracy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distance_is_the_root_of_the_mean_square_and_the_mean() {
        let distance = Distance::of(&[3.0, -4.0, 1.0]).unwrap();
        assert_eq!((distance.figures, distance.near, distance.mean), (3, 1, 0.0));
        assert!((distance.root_mean_square - (26.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert_eq!(Distance::of(&[]), None);
    }

    #[test]
    fn the_mean_is_that_of_five_epochs_around_the_nearest_and_ends_with_the_log() {
        // The accuracy is the epoch's square, so that a shifted mean differs.
        let line = |epoch: u32| EpochLine {
            epoch,
            train_loss: 1.0,
            train_accuracy: Some(1.0),
            validation_loss: None,
            validation_accuracy: None,
            test_loss: 1.0,
            test_accuracy: Some(f64::from(epoch * epoch)),
            test_roc_auc: None,
        };
        let lines: Vec<EpochLine> = (1..=100).map(line).collect();
        let mean = |epochs: [u32; 5]| Some(epochs.iter().map(|e| f64::from(e * e)).sum::<f64>() / 5.0);
        assert_eq!(around(&lines, 100, 2.0), mean([48, 49, 50, 51, 52]));
        // 28.57 is nearest to 29, 12.5 to 13.
        assert_eq!(around(&lines, 100, 3.5), mean([27, 28, 29, 30, 31]));
        assert_eq!(around(&lines, 50, 4.0), mean([11, 12, 13, 14, 15]));
        assert_eq!(around(&lines, 100, 1.0), Some(f64::from(98 * 98 + 99 * 99 + 100 * 100) / 3.0));
        assert_eq!(around(&lines[..50], 100, 1.0), None);
    }
}
