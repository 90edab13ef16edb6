//! Losses on the scores of a batch: their mean and its gradient, and how many samples are right.
//!
//! Scores lie as batch × classes, column-major. No `f32::max`: it would swallow a NaN and hide a diverged run.

use super::activation::sigmoid;
use crate::capabilities::{self, enabled};

/// A loss, the mean over the batch at hand. z are the scores, t the right class, p = softmax(z).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Loss {
    /// −ln `p_t`.
    #[default]
    #[cfg_attr(feature = "serde", serde(rename = "ce"))]
    CrossEntropy,
    /// Σ over j of the binary cross-entropy of sigmoid(`z_j`) with 1 for j = t, else 0.
    #[cfg_attr(feature = "serde", serde(rename = "bce"))]
    BinaryCrossEntropy,
    /// Σ over j ≠ t of max(0, 1 + `z_j` − `z_t`) (Weston and Watkins 1999): the report's hinge loss.
    Hinge,
    /// max(0, 1 + max over j ≠ t of `z_j` − `z_t`) (Crammer and Singer 2001).
    CrammerSinger,
    /// [`Loss::Hinge`] on p instead of z.
    SoftmaxHinge,
    /// [`Loss::CrammerSinger`] on p instead of z.
    SoftmaxCrammerSinger,
}

impl Loss {
    /// All losses.
    pub const ALL: [Self; 6] = [
        Self::CrossEntropy,
        Self::BinaryCrossEntropy,
        Self::Hinge,
        Self::CrammerSinger,
        Self::SoftmaxHinge,
        Self::SoftmaxCrammerSinger,
    ];

    /// The name on the command line and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CrossEntropy => "ce",
            Self::BinaryCrossEntropy => "bce",
            Self::Hinge => "hinge",
            Self::CrammerSinger => "crammer-singer",
            Self::SoftmaxHinge => "softmax-hinge",
            Self::SoftmaxCrammerSinger => "softmax-crammer-singer",
        }
    }

    const fn uses_softmax(self) -> bool {
        !matches!(self, Self::Hinge | Self::CrammerSinger)
    }

    pub(crate) const fn capability(self) -> u32 {
        match self {
            Self::CrossEntropy => capabilities::CROSS_ENTROPY,
            Self::BinaryCrossEntropy => capabilities::BINARY_CROSS_ENTROPY,
            Self::Hinge | Self::CrammerSinger | Self::SoftmaxHinge | Self::SoftmaxCrammerSinger => capabilities::HINGE,
        }
    }

    /// The loss of one sample, its gradient left in `gradient` and divided by `samples`.
    ///
    /// `scores` and `gradient` are one sample's classes, `stride` numbers apart.
    #[inline]
    fn sample<const CAPS: u32>(
        self,
        scores: Strided<'_>,
        target: usize,
        samples: f32,
        gradient: &mut StridedMut<'_>,
    ) -> f32 {
        if enabled::<CAPS>(capabilities::CROSS_ENTROPY) && matches!(self, Self::CrossEntropy) {
            return cross_entropy(scores, target, samples, gradient);
        }
        if enabled::<CAPS>(capabilities::BINARY_CROSS_ENTROPY) && matches!(self, Self::BinaryCrossEntropy) {
            return binary_cross_entropy(scores, target, samples, gradient);
        }
        if enabled::<CAPS>(capabilities::HINGE) {
            return self.hinge(scores, target, samples, gradient);
        }
        0.0
    }

    /// The four hinge losses. With softmax the margins' gradient is carried through dp/dz.
    fn hinge(self, scores: Strided<'_>, target: usize, samples: f32, gradient: &mut StridedMut<'_>) -> f32 {
        // Margins of p with softmax, of z without.
        let softmax = if self.uses_softmax() { Some(Softmax::of(scores)) } else { None };
        let value = |z: f32| softmax.map_or(z, |s| s.probability(z));
        let right = value(scores.at(target));
        let single = matches!(self, Self::CrammerSinger | Self::SoftmaxCrammerSinger);
        let worst = if single { largest_but(scores, target) } else { target };
        let (mut loss, mut violations) = (0.0, 0.0);
        for (class, z) in scores.iter().enumerate() {
            let counts = class != target && (!single || class == worst);
            let margin = 1.0 + value(z) - right;
            // `!(margin <= 0)` keeps a NaN in the loss.
            let violated = counts
                && !matches!(margin.partial_cmp(&0.0), Some(core::cmp::Ordering::Less | core::cmp::Ordering::Equal));
            if violated {
                loss += margin;
                violations += 1.0;
            }
            gradient.set(class, if violated { 1.0 / samples } else { 0.0 });
        }
        gradient.set(target, -violations / samples);
        if let Some(s) = softmax {
            // dL/dz_j = p_j (d_j − Σ_k p_k d_k)
            let mut mean = 0.0;
            for (class, z) in scores.iter().enumerate() {
                mean += s.probability(z) * gradient.at(class);
            }
            for (class, z) in scores.iter().enumerate() {
                let d = gradient.at(class);
                gradient.set(class, s.probability(z) * (d - mean));
            }
        }
        loss
    }
}

fn cross_entropy(scores: Strided<'_>, target: usize, samples: f32, gradient: &mut StridedMut<'_>) -> f32 {
    let largest = largest(scores);
    let mut sum = 0.0;
    for (class, z) in scores.iter().enumerate() {
        let e = libm::expf(z - largest);
        gradient.set(class, e);
        sum += e;
    }
    let scale = 1.0 / (sum * samples);
    for class in 0..scores.classes() {
        let e = gradient.at(class);
        gradient.set(class, e * scale);
    }
    let p = gradient.at(target);
    gradient.set(target, p - 1.0 / samples);
    libm::logf(sum) - (scores.at(target) - largest)
}

/// −ln p for the target and −ln (1 − p) for the others, p = sigmoid(z): max(z, 0) − z·[target] + ln(1 + e^−|z|).
fn binary_cross_entropy(scores: Strided<'_>, target: usize, samples: f32, gradient: &mut StridedMut<'_>) -> f32 {
    let mut loss = 0.0;
    for (class, z) in scores.iter().enumerate() {
        let wanted = if class == target { 1.0 } else { 0.0 };
        let above = if z < 0.0 { 0.0 } else { z };
        loss += above - z * wanted + libm::log1pf(libm::expf(-z.abs()));
        gradient.set(class, (sigmoid(z) - wanted) / samples);
    }
    loss
}

/// p = e^(z − largest) / sum, without a buffer for p.
#[derive(Clone, Copy)]
struct Softmax {
    largest: f32,
    sum: f32,
}

impl Softmax {
    fn of(scores: Strided<'_>) -> Self {
        let largest = largest(scores);
        let mut sum = 0.0;
        for z in scores.iter() {
            sum += libm::expf(z - largest);
        }
        Self { largest, sum }
    }

    fn probability(self, z: f32) -> f32 {
        libm::expf(z - self.largest) / self.sum
    }
}

fn largest(scores: Strided<'_>) -> f32 {
    let mut best = f32::NEG_INFINITY;
    for z in scores.iter() {
        if z > best || z.is_nan() {
            best = z;
        }
    }
    best
}

/// The class of the largest score but the target's; a NaN wins, so that it reaches the loss.
fn largest_but(scores: Strided<'_>, target: usize) -> usize {
    let (mut best, mut at) = (f32::NEG_INFINITY, target);
    for (class, z) in scores.iter().enumerate() {
        if class != target && (z > best || z.is_nan() || at == target) {
            (best, at) = (z, class);
        }
    }
    at
}

/// Mean loss and right answers of a batch, or of several.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Score {
    /// Mean loss over the samples.
    pub loss: f32,
    /// Samples whose largest score is the right class's; a NaN never counts as right.
    pub correct: usize,
    /// Samples.
    pub samples: usize,
}

/// The score of a batch, and dL/dz in `gradient`.
///
/// `scores` and `gradient` are batch × classes, column-major; `labels` holds the classes as numbers.
pub(crate) fn score<const CAPS: u32>(loss: Loss, scores: &[f32], labels: &[f32], gradient: &mut [f32]) -> Score {
    let samples = labels.len();
    let (mut sum, mut correct) = (0.0, 0);
    for (index, label) in labels.iter().enumerate() {
        let column = Strided { numbers: scores.get(index..).unwrap_or(&[]), stride: samples };
        let mut back = StridedMut { numbers: gradient.get_mut(index..).unwrap_or(&mut []), stride: samples };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "labels were stored from usize")]
        let target = *label as usize;
        sum += loss.sample::<CAPS>(column, target, samples as f32, &mut back);
        correct += usize::from(is_right(column, target));
    }
    Score { loss: sum / samples as f32, correct, samples }
}

/// Whether the first largest score is the target's.
fn is_right(scores: Strided<'_>, target: usize) -> bool {
    let own = scores.at(target);
    let mut right = !own.is_nan();
    for (class, z) in scores.iter().enumerate() {
        right &= if class < target { z < own } else { z <= own };
    }
    right
}

/// Every `stride`-th number: the classes of one sample.
#[derive(Clone, Copy)]
struct Strided<'a> {
    numbers: &'a [f32],
    stride: usize,
}

impl<'a> Strided<'a> {
    fn iter(self) -> impl Iterator<Item = f32> + 'a {
        self.numbers.iter().step_by(self.stride.max(1)).copied()
    }

    fn classes(self) -> usize {
        self.numbers.len().div_ceil(self.stride.max(1))
    }

    fn at(self, class: usize) -> f32 {
        self.numbers.get(class * self.stride).copied().unwrap_or(f32::NAN)
    }
}

struct StridedMut<'a> {
    numbers: &'a mut [f32],
    stride: usize,
}

impl StridedMut<'_> {
    fn at(&self, class: usize) -> f32 {
        self.numbers.get(class * self.stride).copied().unwrap_or(f32::NAN)
    }

    fn set(&mut self, class: usize, value: f32) {
        if let Some(number) = self.numbers.get_mut(class * self.stride) {
            *number = value;
        }
    }
}
