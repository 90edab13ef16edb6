//! What a few seeds say: a mean, how far it can be trusted, and how likely an order is.
//!
//! Seeds are few, so an interval is Student's. A bootstrap interval stands beside it, which supposes nothing about the
//! distribution and is too narrow for a handful of numbers: it never leaves their range (Efron and Tibshirani 1993, ch. 13).

use asymgrad_core::random::SplitMix;
use rand_core::Rng;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The quantile of a 95 % interval's upper end.
const UPPER: f64 = 0.975;
/// Resamples of a bootstrap; the same ones each time, so that a report is the same bytes.
const RESAMPLES: usize = 10_000;
/// So many of them lie on either side of the interval.
const TAIL: usize = RESAMPLES / 40;
const SEED: u64 = 1;

/// The mean; `None` of nothing.
pub fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// The standard deviation of a sample, from two numbers on.
pub fn deviation(numbers: &[f64]) -> Option<f64> {
    let (mean, degrees) = (mean(numbers)?, numbers.len() - 1);
    (degrees > 0).then(|| (numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / degrees as f64).sqrt())
}

/// The mean of some numbers and what can be said about it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Its 95 % interval (Student), from two numbers on.
    pub interval: Option<[f64; 2]>,
    /// Its 95 % percentile bootstrap interval, from two numbers on.
    pub bootstrap: Option<[f64; 2]>,
    /// How likely the mean is above 0, from two numbers on: Student's distribution around the mean.
    pub above: Option<f64>,
}

impl Estimate {
    /// Of `numbers`, one a seed; `None` of nothing.
    pub fn of(numbers: &[f64]) -> Option<Self> {
        let mean = mean(numbers)?;
        let student = Student::of(numbers, mean);
        Some(Self {
            mean,
            interval: student.as_ref().map(Student::interval),
            bootstrap: student.as_ref().map(|_| bootstrap(numbers)),
            above: student.as_ref().map(Student::above),
        })
    }
}

/// Student's distribution of a mean.
struct Student {
    mean: f64,
    /// The standard error.
    error: f64,
    degrees: f64,
}

impl Student {
    /// From two numbers on.
    fn of(numbers: &[f64], mean: f64) -> Option<Self> {
        let error = deviation(numbers)? / (numbers.len() as f64).sqrt();
        Some(Self { mean, error, degrees: (numbers.len() - 1) as f64 })
    }

    fn interval(&self) -> [f64; 2] {
        let quantile = self.standard().map_or(f64::INFINITY, |t| t.inverse_cdf(UPPER));
        [self.mean - quantile * self.error, self.mean + quantile * self.error]
    }

    fn above(&self) -> f64 {
        if self.error == 0.0 {
            return if self.mean == 0.0 { 0.5 } else { f64::from(u8::from(self.mean > 0.0)) };
        }
        self.standard().map_or(0.5, |t| t.cdf(self.mean / self.error))
    }

    fn standard(&self) -> Option<StudentsT> {
        StudentsT::new(0.0, 1.0, self.degrees).ok()
    }
}

/// The 95 % percentile interval of the mean over resamples with replacement.
fn bootstrap(numbers: &[f64]) -> [f64; 2] {
    let mut generator = SplitMix::new(SEED);
    let mut resample = || {
        let draws = numbers.iter().map(|_| numbers[generator.next_u32() as usize % numbers.len()]);
        draws.sum::<f64>() / numbers.len() as f64
    };
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
    means.sort_by(f64::total_cmp);
    [means[TAIL], means[RESAMPLES - 1 - TAIL]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test accuracies of three and of six seeds.
    const THREE: [f64; 3] = [48.2, 47.1, 49.0];
    const SIX: [f64; 6] = [1.5, -0.5, 2.25, 0.75, -1.0, 3.0];

    #[track_caller]
    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "{found} instead of {expected}");
    }

    /// python3 -c "import numpy as n, scipy.stats as s
    /// for x in ([48.2, 47.1, 49.0], [1.5, -.5, 2.25, .75, -1, 3]):
    ///     m, e = n.mean(x), s.sem(x); print(m, s.t.interval(.95, len(x) - 1, m, e), s.t.cdf(m / e, len(x) - 1))"
    #[test]
    fn a_mean_and_its_interval_are_those_of_scipy() {
        let three = Estimate::of(&THREE).unwrap();
        let six = Estimate::of(&SIX).unwrap();
        let expected: [(Estimate, [f64; 4]); 2] = [
            (three, [48.1, 45.730_283_655, 50.469_716_345, 0.999_934_459]),
            (six, [1.0, -0.634_224_363, 2.634_224_363, 0.911_732_252]),
        ];
        for (found, [mean, low, high, above]) in expected {
            close(found.mean, mean);
            let [from, to] = found.interval.unwrap();
            close(from, low);
            close(to, high);
            close(found.above.unwrap(), above);
        }
    }

    /// All 6⁶ resamples are the distribution that drawn ones approach.
    #[test]
    fn a_bootstrap_comes_close_to_every_resample_there_is() {
        let mut means: Vec<f64> = (0..6_usize.pow(6))
            .map(|code| (0..6).map(|place| SIX[code / 6_usize.pow(place) % 6]).sum::<f64>() / 6.0)
            .collect();
        means.sort_by(f64::total_cmp);
        let at = |thousandths: usize| means[thousandths * means.len() / 1000];
        let [low, high] = Estimate::of(&SIX).unwrap().bootstrap.unwrap();
        // Three deviations of a share of 10,000 draws are 0.5 %.
        assert!(at(20) <= low && low <= at(30), "{low}");
        assert!(at(970) <= high && high <= at(980), "{high}");
    }

    #[test]
    fn of_one_number_nothing_is_known_and_of_equal_ones_all() {
        assert_eq!(Estimate::of(&[]), None);
        let one = Estimate::of(&[3.0]).unwrap();
        assert_eq!((one.mean, one.interval, one.bootstrap, one.above), (3.0, None, None, None));
        for (number, above) in [(2.0, 1.0), (0.0, 0.5), (-2.0, 0.0)] {
            let same = Estimate::of(&[number; 3]).unwrap();
            assert_eq!(
                (same.interval, same.bootstrap, same.above),
                (Some([number; 2]), Some([number; 2]), Some(above))
            );
        }
    }
}
