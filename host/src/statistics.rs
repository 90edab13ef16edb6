//! What a few seeds say: a mean, how far it can be trusted, and how likely an order is.
//!
//! Seeds are few, so an interval is Student's. From six numbers on a bootstrap interval stands beside it, which supposes nothing
//! about the distribution and never leaves their range (Efron and Tibshirani 1993, ch. 13).

use asymgrad_core::random::SplitMix;
use rand_core::Rng;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// The level of the intervals.
pub const LEVEL: f64 = 0.95;
/// The quantile of an interval's upper end.
const UPPER: f64 = f64::midpoint(1.0, LEVEL);
/// The fewest numbers with a bootstrap interval. It ends at the least and the largest number at the latest, between which the median
/// lies with a probability of 1 − 2^(1−n): 75 % for three of them, 94 % for five, 97 % for six.
const FEWEST_FOR_BOOTSTRAP: usize = 6;
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
    /// The standard deviation of the numbers, from two on.
    pub deviation: Option<f64>,
    /// Its interval (Student), from two numbers on.
    pub interval: Option<[f64; 2]>,
    /// Its percentile bootstrap interval, from six numbers on.
    pub bootstrap: Option<[f64; 2]>,
    /// The level of both intervals.
    pub level: f64,
    /// The share of Student's distribution around the mean that lies above 0, from two numbers on. It is 1 − p of a one-sided t test
    /// of a mean of 0, and the probability of a mean above 0 for who thought every mean alike beforehand.
    pub above: Option<f64>,
}

impl Estimate {
    /// Of `numbers`, one a seed; `None` of nothing.
    pub fn of(numbers: &[f64]) -> Option<Self> {
        let mean = mean(numbers)?;
        let student = Student::of(numbers, mean);
        Some(Self {
            mean,
            deviation: deviation(numbers),
            level: LEVEL,
            interval: student.as_ref().map(Student::interval),
            bootstrap: (numbers.len() >= FEWEST_FOR_BOOTSTRAP).then(|| bootstrap(numbers)),
            above: student.as_ref().map(Student::above),
        })
    }
}

impl Estimate {
    /// p of a two-sided t test of a mean of 0, from two numbers on.
    pub fn p(&self) -> Option<f64> {
        self.above.map(|above| 2.0 * above.min(1.0 - above))
    }

    /// The same with intervals that end where the numbers can.
    #[must_use]
    pub fn within(self, [least, most]: [f64; 2]) -> Self {
        let clamp = |interval: [f64; 2]| interval.map(|end| end.clamp(least, most));
        Self { interval: self.interval.map(clamp), bootstrap: self.bootstrap.map(clamp), ..self }
    }
}

/// A p value for a reader: never 0, which none is.
pub fn p_text(p: f64) -> String {
    if p < 0.0005 { "< 0.001".into() } else { format!("= {p:.3}") }
}

/// The p values of several tests, corrected so that all of them together err as seldom as one (Holm 1979), in the same order.
pub fn holm(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut corrected = vec![1.0; values.len()];
    let mut least = 0.0_f64;
    for (rank, index) in order.into_iter().enumerate() {
        least = least.max(values[index] * (values.len() - rank) as f64).min(1.0);
        corrected[index] = least;
    }
    corrected
}

/// Half the width of the interval of a share in percent that was counted on so many samples (normal approximation).
pub fn share_error(percent: f64, count: u32) -> f64 {
    let quantile = Normal::standard().inverse_cdf(UPPER);
    quantile * (percent * (100.0 - percent) / f64::from(count.max(1))).max(0.0).sqrt()
}

/// Half the width of the interval of an area under a ROC curve that was counted on so many positives and negatives (normal
/// approximation): its standard error by Hanley and `McNeil`, "The meaning and use of the area under a receiver operating characteristic
/// (ROC) curve", Radiology 143 (1982), equations 1 and 2.
pub fn roc_auc_error(area: f64, positives: u32, negatives: u32) -> f64 {
    let [positives, negatives] = [positives, negatives].map(|count| f64::from(count.max(1)));
    // The probability that two positives are both above a negative, and that a positive is above two negatives.
    let [two_positives, two_negatives] = [area / (2.0 - area), 2.0 * area * area / (1.0 + area)];
    let square = area * area;
    let variance = area * (1.0 - area)
        + (positives - 1.0) * (two_positives - square)
        + (negatives - 1.0) * (two_negatives - square);
    Normal::standard().inverse_cdf(UPPER) * (variance / (positives * negatives)).max(0.0).sqrt()
}

/// The area under the ROC curve of a score that is to be larger for the positives: the probability that a positive's score is above a
/// negative's, where equal ones count half (Mann and Whitney 1947). `None` without positives or negatives, or if a score is NaN.
pub fn roc_auc(scores: &[(f64, bool)]) -> Option<f64> {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    // Pairs in halves, so that the count is exact.
    let (mut halves, mut negatives) = (0_u64, 0_u64);
    #[expect(clippy::float_cmp, reason = "ties are equal scores")]
    for ties in sorted.chunk_by(|(a, _), (b, _)| a == b) {
        let positives = ties.iter().filter(|(_, is_positive)| *is_positive).count() as u64;
        let others = ties.len() as u64 - positives;
        halves += positives * (2 * negatives + others);
        negatives += others;
    }
    let pairs = (scores.len() as u64 - negatives) * negatives;
    let is_ordered = scores.iter().all(|(score, _)| !score.is_nan());
    (pairs > 0 && is_ordered).then(|| halves as f64 / (2 * pairs) as f64)
}

/// Half the width of a mean's interval in standard errors, for 2, 3, … up to `most` numbers.
pub fn interval_factors(most: usize) -> Vec<f64> {
    (2..=most).map(|count| Student { mean: 0.0, error: 1.0, degrees: (count - 1) as f64 }.interval()[1]).collect()
}

/// How far the means of two samples of one distribution are apart at most, in 95 % of all cases, by Student's test with a common variance.
/// Of each sample the standard deviation and how many numbers it has; `None` if there are too few to know the variance.
pub fn difference_bound(a: (f64, usize), b: (f64, usize)) -> Option<f64> {
    let ([(_, n), (_, m)], degrees) = ([a, b], (a.1 + b.1).checked_sub(2)?);
    if n == 0 || m == 0 || degrees == 0 {
        return None;
    }
    let squares = |(deviation, count): (f64, usize)| deviation * deviation * (count - 1) as f64;
    let variance = (squares(a) + squares(b)) / degrees as f64;
    let error = (variance * (1.0 / n as f64 + 1.0 / m as f64)).sqrt();
    Some(Student { mean: 0.0, error, degrees: degrees as f64 }.interval()[1])
}

/// How far the means of `n` and `m` numbers are apart at most, in 95 % of all cases, by differences of two such numbers each, in groups
/// around a mean of their own: the variance of a difference is twice that of a number. `None` without two differences in a group, or
/// without numbers.
pub fn scatter_bound(differences: &[Vec<f64>], n: usize, m: usize) -> Option<f64> {
    let of_group = |group: &Vec<f64>| Some((deviation(group)?, (group.len() - 1) as f64));
    let groups: Vec<(f64, f64)> = differences.iter().filter_map(of_group).collect();
    let degrees: f64 = groups.iter().map(|(_, degrees)| degrees).sum();
    let squares: f64 = groups.iter().map(|(deviation, degrees)| deviation * deviation * degrees).sum();
    let error = (squares / degrees / 2.0 * (1.0 / n as f64 + 1.0 / m as f64)).sqrt();
    (degrees > 0.0 && n > 0 && m > 0).then(|| Student { mean: 0.0, error, degrees }.interval()[1])
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

    /// `scipy.stats.ttest_ind_from_stats(D, 0.5, 3, 0, 0.8, 2).pvalue` is 0.05 for the first number D, and the second is
    /// `scipy.stats.t.ppf(0.975, 2) * 0.5 * (1 + 1 / 3) ** 0.5`.
    #[test]
    fn a_difference_bound_is_where_students_test_says_five_percent() {
        close(difference_bound((0.5, 3), (0.8, 2)).unwrap(), 1.790_862_573);
        close(difference_bound((0.5, 3), (0.0, 1)).unwrap(), 2.484_137_712);
        assert_eq!(difference_bound((0.0, 1), (0.0, 1)), None);
        assert_eq!(difference_bound((0.5, 3), (0.0, 0)), None);
    }

    /// `scipy.stats.t.ppf(0.975, 3) * ((2 + 32) / 3 / 2 * (1 + 1 / 3)) ** 0.5`.
    #[test]
    fn a_scatter_bound_takes_half_the_variance_of_differences_within_their_groups() {
        close(scatter_bound(&[vec![1.0, 3.0], vec![100.0, 104.0, 108.0], vec![7.0]], 1, 3).unwrap(), 8.747_708_176);
        assert_eq!(scatter_bound(&[vec![1.0], vec![]], 1, 3), None);
        assert_eq!(scatter_bound(&[vec![1.0, 2.0]], 1, 0), None);
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
            .map(|code| (0..6).map(|digit| SIX[code / 6_usize.pow(digit) % 6]).sum::<f64>() / 6.0)
            .collect();
        means.sort_by(f64::total_cmp);
        let at = |thousandths: usize| means[thousandths * means.len() / 1000];
        let [low, high] = Estimate::of(&SIX).unwrap().bootstrap.unwrap();
        // Three deviations of a share of 10,000 draws are 0.5 %.
        assert!(at(20) <= low && low <= at(30), "{low}");
        assert!(at(970) <= high && high <= at(980), "{high}");
    }

    /// The range of five numbers or fewer holds the median in less than 95 % of all cases.
    #[test]
    fn a_few_numbers_have_no_bootstrap_interval() {
        for count in 1..=6 {
            let estimate = Estimate::of(&SIX[..count]).unwrap();
            assert_eq!(
                estimate.bootstrap.is_some(),
                1.0 - 0.5_f64.powi(i32::try_from(count).unwrap() - 1) >= LEVEL,
                "{count}"
            );
        }
    }

    #[test]
    fn a_deviation_and_a_level_stand_beside_the_mean() {
        // numpy's x.std(ddof=1).
        let three = Estimate::of(&THREE).unwrap();
        close(three.deviation.unwrap(), 0.953_939_201_416_945_7);
        close(three.level, 0.95);
        assert_eq!(Estimate::of(&THREE[..1]).unwrap().deviation, None);
    }

    /// The interval of 267 of 297 by `proportion_confint` of statsmodels: 0.8990 ± 0.0343.
    #[test]
    fn a_share_of_few_samples_is_known_to_a_few_points() {
        close(share_error(26_700.0 / 297.0, 297), 3.427_122_870);
        close(share_error(50.0, 10_000), 0.979_981_992);
    }

    /// The paper's example, an area of 0.893 for 51 abnormal and 58 normal images, has a standard error of 0.032. More digits by
    /// python3 -c "from math import sqrt
    /// for a, p, n in ((.893, 51, 58), (.8, 30, 267), (1, 30, 267), (.5, 1000, 9000)):
    ///     print(1.959963984540054 * sqrt((a*(1-a) + (p-1)*(a/(2-a)-a*a) + (n-1)*(2*a*a/(1+a)-a*a)) / (p*n)))"
    #[test]
    fn an_area_has_the_standard_error_of_hanley_and_mcneil() {
        assert!((roc_auc_error(0.893, 51, 58) / 1.96 - 0.032).abs() < 0.0006);
        for (area, positives, negatives, expected) in [
            (0.893, 51, 58, 0.063_721_529),
            (0.8, 30, 267, 0.097_566_322),
            (1.0, 30, 267, 0.0),
            (0.5, 1000, 9000, 0.018_860_705),
        ] {
            close(roc_auc_error(area, positives, negatives), expected);
        }
        // Positives and negatives trade places with the score's sign.
        close(roc_auc_error(0.2, 267, 30), roc_auc_error(0.8, 30, 267));
    }

    #[test]
    fn a_p_value_that_is_not_0_does_not_read_as_0() {
        for (p, text) in
            [(0.000_12, "< 0.001"), (0.0, "< 0.001"), (0.0006, "= 0.001"), (0.5, "= 0.500"), (1.0, "= 1.000")]
        {
            assert_eq!(p_text(p), text);
        }
    }

    /// R: p.adjust(c(.01, .04, .03, .005), "holm").
    #[test]
    fn p_values_are_corrected_as_by_r() {
        let corrected = holm(&[0.01, 0.04, 0.03, 0.005]);
        for (found, expected) in corrected.into_iter().zip([0.03, 0.06, 0.06, 0.02]) {
            close(found, expected);
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
        // scipy.stats.ttest_1samp of THREE - 48 (in closed form) and of SIX.
        close(Estimate::of(&THREE.map(|x| x - 48.0)).unwrap().p().unwrap(), 0.872_657_092);
        close(Estimate::of(&SIX).unwrap().p().unwrap(), 0.176_535_496);
    }

    /// scipy.stats.t.ppf(.975, df).
    #[test]
    fn an_interval_of_two_numbers_is_three_times_that_of_three() {
        for (found, expected) in interval_factors(4).into_iter().zip([12.706_204_736, 4.302_652_73, 3.182_446_305]) {
            close(found, expected);
        }
        let narrow = Estimate::of(&THREE).unwrap().within([47.0, 50.0]).interval.unwrap();
        assert_eq!(narrow.map(f64::to_bits), [47.0, 50.0].map(f64::to_bits));
    }

    #[test]
    fn of_one_number_nothing_is_known_and_of_equal_ones_all() {
        assert_eq!(Estimate::of(&[]), None);
        let one = Estimate::of(&[3.0]).unwrap();
        assert_eq!((one.mean, one.interval, one.bootstrap, one.above), (3.0, None, None, None));
        for (number, above) in [(2.0, 1.0), (0.0, 0.5), (-2.0, 0.0)] {
            let same = Estimate::of(&[number; 3]).unwrap();
            assert_eq!((same.interval, same.bootstrap, same.above), (Some([number; 2]), None, Some(above)));
            assert_eq!(Estimate::of(&[number; 6]).unwrap().bootstrap, Some([number; 2]));
        }
    }
}
