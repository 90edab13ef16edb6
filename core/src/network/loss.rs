//! Losses of the outputs of a batch, their gradients, and the score of the batch.
//!
//! Outputs, also called logits, are batch × outputs, column-major. `f32::max` is not used: it discards NaN and would hide that a training has
//! diverged.

use super::activation::sigmoid;
use crate::capabilities::{self, enabled};

/// A loss: the mean over the samples of a batch, with the outputs z and the target t; p = softmax(z).
///
/// A target is a class or, for a loss that [takes values](Loss::takes_values), a value for each output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Loss {
    /// −ln `p_t`.
    #[default]
    #[cfg_attr(feature = "serde", serde(rename = "ce"))]
    CrossEntropy,
    /// Σ over j of the binary cross-entropy of sigmoid(`z_j`) with `t_j` in [0, 1]: several labels of a sample may be 1. One output
    /// tells two classes apart.
    #[cfg_attr(feature = "serde", serde(rename = "bce"))]
    BinaryCrossEntropy,
    /// The mean over the outputs of (`z_j` − `t_j`)², as `PyTorch`'s `MSELoss`.
    #[cfg_attr(feature = "serde", serde(rename = "mse"))]
    MeanSquared,
    /// The mean over the outputs of d²/2 where |d| ≤ 1, else |d| − 1/2, with d = `z_j` − `t_j`: `PyTorch`'s `HuberLoss`
    /// (Huber 1964). Scale the targets for another transition than 1.
    Huber,
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
    pub const ALL: [Self; 8] = [
        Self::CrossEntropy,
        Self::BinaryCrossEntropy,
        Self::MeanSquared,
        Self::Huber,
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
            Self::MeanSquared => "mse",
            Self::Huber => "huber",
            Self::Hinge => "hinge",
            Self::CrammerSinger => "crammer-singer",
            Self::SoftmaxHinge => "softmax-hinge",
            Self::SoftmaxCrammerSinger => "softmax-crammer-singer",
        }
    }

    pub(crate) const fn capability(self) -> u32 {
        match self {
            Self::CrossEntropy => capabilities::CROSS_ENTROPY,
            Self::BinaryCrossEntropy => capabilities::BINARY_CROSS_ENTROPY,
            Self::MeanSquared => capabilities::MEAN_SQUARED,
            Self::Huber => capabilities::HUBER,
            Self::Hinge | Self::CrammerSinger | Self::SoftmaxHinge | Self::SoftmaxCrammerSinger => capabilities::HINGE,
        }
    }

    /// Whether targets may be values, one for each output: binary cross-entropy, mean squared error and Huber loss.
    pub const fn takes_values(self) -> bool {
        match self {
            Self::BinaryCrossEntropy | Self::MeanSquared | Self::Huber => true,
            Self::CrossEntropy
            | Self::Hinge
            | Self::CrammerSinger
            | Self::SoftmaxHinge
            | Self::SoftmaxCrammerSinger => false,
        }
    }

    /// The loss of one sample whose target is a class, and its gradient divided by `samples` in `gradient`.
    ///
    /// `logits` and `gradient` are the outputs of one sample.
    #[inline]
    fn of_class<const CAPS: u32>(
        self,
        logits: Strided<'_>,
        target: usize,
        samples: f32,
        gradient: &mut StridedMut<'_>,
    ) -> f32 {
        let margins = match self {
            Self::CrossEntropy if enabled::<CAPS>(capabilities::CROSS_ENTROPY) => {
                return cross_entropy(logits, target, samples, gradient);
            }
            // The code is left out of the image, or the targets are values.
            Self::CrossEntropy | Self::BinaryCrossEntropy | Self::MeanSquared | Self::Huber => return 0.0,
            Self::Hinge => Margins { softmax: false, largest_only: false },
            Self::CrammerSinger => Margins { softmax: false, largest_only: true },
            Self::SoftmaxHinge => Margins { softmax: true, largest_only: false },
            Self::SoftmaxCrammerSinger => Margins { softmax: true, largest_only: true },
        };
        if enabled::<CAPS>(capabilities::HINGE) { hinge(margins, logits, target, samples, gradient) } else { 0.0 }
    }

    /// The loss of one sample whose targets are values, otherwise as [`Loss::of_class`].
    #[inline]
    fn of_values<const CAPS: u32>(
        self,
        logits: Strided<'_>,
        targets: Strided<'_>,
        samples: f32,
        gradient: &mut StridedMut<'_>,
    ) -> f32 {
        if self == Self::BinaryCrossEntropy && enabled::<CAPS>(capabilities::BINARY_CROSS_ENTROPY) {
            return binary_cross_entropy(logits, targets, samples, gradient);
        }
        let count = logits.len() as f32;
        let mut loss = 0.0;
        for (output, (z, t)) in logits.iter().zip(targets.iter()).enumerate() {
            let d = z - t;
            let (value, slope) =
                if enabled::<CAPS>(capabilities::HUBER) && self == Self::Huber { huber(d) } else { (d * d, 2.0 * d) };
            loss += value;
            gradient.set(output, slope / (count * samples));
        }
        loss / count
    }
}

/// The margins of a hinge loss.
#[derive(Clone, Copy)]
struct Margins {
    /// Whether margins are differences of p = softmax(z) instead of z.
    softmax: bool,
    /// Whether only the margin of the largest wrong logit counts, instead of all.
    largest_only: bool,
}

/// The four hinge losses. With softmax the gradient of the margins is multiplied by dp/dz.
fn hinge(margins: Margins, logits: Strided<'_>, target: usize, samples: f32, gradient: &mut StridedMut<'_>) -> f32 {
    let softmax = if margins.softmax { Some(Softmax::of(logits)) } else { None };
    let value = |z: f32| softmax.map_or(z, |s| s.probability(z));
    let right = value(logits.at(target));
    let worst = if margins.largest_only { largest_except(logits, target) } else { target };
    let (mut loss, mut violations) = (0.0, 0.0);
    for (class, z) in logits.iter().enumerate() {
        let counts = class != target && (!margins.largest_only || class == worst);
        let margin = 1.0 + value(z) - right;
        // `!(margin <= 0)` keeps a NaN in the loss.
        let violated =
            counts && !matches!(margin.partial_cmp(&0.0), Some(core::cmp::Ordering::Less | core::cmp::Ordering::Equal));
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
        for (class, z) in logits.iter().enumerate() {
            mean += s.probability(z) * gradient.at(class);
        }
        for (class, z) in logits.iter().enumerate() {
            let d = gradient.at(class);
            gradient.set(class, s.probability(z) * (d - mean));
        }
    }
    loss
}

/// −ln p of the target.
fn cross_entropy(logits: Strided<'_>, target: usize, samples: f32, gradient: &mut StridedMut<'_>) -> f32 {
    let largest = largest(logits);
    let mut sum = 0.0;
    for (class, z) in logits.iter().enumerate() {
        let e = libm::expf(z - largest);
        gradient.set(class, e);
        sum += e;
    }
    let scale = 1.0 / (sum * samples);
    for class in 0..logits.len() {
        let e = gradient.at(class);
        gradient.set(class, e * scale);
    }
    let p = gradient.at(target);
    gradient.set(target, p - 1.0 / samples);
    libm::logf(sum) - (logits.at(target) - largest)
}

/// −t ln p − (1 − t) ln (1 − p) with p = sigmoid(z), summed over the outputs: max(z, 0) − z·t + ln(1 + e^−|z|).
fn binary_cross_entropy(logits: Strided<'_>, targets: Strided<'_>, samples: f32, gradient: &mut StridedMut<'_>) -> f32 {
    let mut loss = 0.0;
    for (output, (z, t)) in logits.iter().zip(targets.iter()).enumerate() {
        let above = if z < 0.0 { 0.0 } else { z };
        loss += above - z * t + libm::log1pf(libm::expf(-z.abs()));
        gradient.set(output, (sigmoid(z) - t) / samples);
    }
    loss
}

/// The Huber loss of a difference, and its derivative. A NaN takes the last branch, which keeps it.
fn huber(d: f32) -> (f32, f32) {
    if d > 1.0 {
        (d - 0.5, 1.0)
    } else if d < -1.0 {
        (-d - 0.5, -1.0)
    } else {
        (0.5 * d * d, d)
    }
}

/// Softmax without a buffer for p: p = e^(z − largest) / sum.
#[derive(Clone, Copy)]
struct Softmax {
    largest: f32,
    sum: f32,
}

impl Softmax {
    fn of(logits: Strided<'_>) -> Self {
        let largest = largest(logits);
        let mut sum = 0.0;
        for z in logits.iter() {
            sum += libm::expf(z - largest);
        }
        Self { largest, sum }
    }

    fn probability(self, z: f32) -> f32 {
        libm::expf(z - self.largest) / self.sum
    }
}

/// The largest logit; NaN if there is one.
fn largest(logits: Strided<'_>) -> f32 {
    let mut best = f32::NEG_INFINITY;
    for z in logits.iter() {
        if z > best || z.is_nan() {
            best = z;
        }
    }
    best
}

/// The class of the largest logit other than the target's; that of a NaN if there is one, so that the NaN reaches the loss.
fn largest_except(logits: Strided<'_>, target: usize) -> usize {
    let (mut best, mut at) = (f32::NEG_INFINITY, target);
    for (class, z) in logits.iter().enumerate() {
        if class != target && (z > best || z.is_nan() || at == target) {
            (best, at) = (z, class);
        }
    }
    at
}

/// Mean loss and correct predictions of a batch, or of several.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Score {
    /// Mean loss over the samples.
    pub loss: f32,
    /// Number of samples that are predicted correctly; a sample with NaN is not.
    ///
    /// - With classes, those whose largest logit is that of the class; with one output and binary cross-entropy, those whose
    ///   logit is above 0 for class 1, else not.
    /// - With values and binary cross-entropy, those whose every logit is above 0 where the value is above 1/2, and not
    ///   elsewhere.
    /// - With values and any other loss, `None`: nothing is predicted correctly or not.
    pub correct: Option<usize>,
    /// Number of samples.
    pub samples: usize,
}

/// The score of a batch, and dL/dz in `gradient`.
///
/// `logits` and `gradient` are batch × outputs, column-major. `targets` are class indices stored as `f32` or, for a loss that
/// takes values, batch × outputs; `of_classes` says whether these stand for classes.
pub(crate) fn score<const CAPS: u32>(
    loss: Loss,
    logits: &[f32],
    (targets, of_classes): (&[f32], bool),
    samples: usize,
    gradient: &mut [f32],
) -> Score {
    let (mut sum, mut correct) = (0.0, 0);
    for index in 0..samples {
        let logits = Strided { values: logits.get(index..).unwrap_or(&[]), stride: samples };
        let targets = Strided { values: targets.get(index..).unwrap_or(&[]), stride: samples };
        let mut gradient = StridedMut { values: gradient.get_mut(index..).unwrap_or(&mut []), stride: samples };
        if enabled::<CAPS>(capabilities::VALUES) && loss.takes_values() {
            sum += loss.of_values::<CAPS>(logits, targets, samples as f32, &mut gradient);
            correct += usize::from(agrees(logits, targets, of_classes));
        } else {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "classes were stored from usize"
            )]
            let target = targets.at(0) as usize;
            sum += loss.of_class::<CAPS>(logits, target, samples as f32, &mut gradient);
            correct += usize::from(is_correct(logits, target));
        }
    }
    let counts = !enabled::<CAPS>(capabilities::VALUES) || of_classes || loss == Loss::BinaryCrossEntropy;
    // Not `then_some`: a device would keep both values.
    Score { loss: sum / samples as f32, correct: if counts { Some(correct) } else { None }, samples }
}

/// Whether the outputs of one sample agree with its targets, see [`Score::correct`].
fn agrees(logits: Strided<'_>, targets: Strided<'_>, of_classes: bool) -> bool {
    if of_classes && logits.len() > 1 {
        let class = targets.iter().position(|t| t > 0.5);
        return class.is_some_and(|class| is_correct(logits, class));
    }
    let mut pairs = logits.iter().zip(targets.iter());
    pairs.all(|(z, t)| !z.is_nan() && (z > 0.0) == (t > 0.5))
}

/// Whether the first largest logit is the target's.
fn is_correct(logits: Strided<'_>, target: usize) -> bool {
    let own = logits.at(target);
    let mut correct = !own.is_nan();
    for (class, z) in logits.iter().enumerate() {
        correct &= if class < target { z < own } else { z <= own };
    }
    correct
}

/// Every `stride`-th value: the outputs of one sample.
#[derive(Clone, Copy)]
struct Strided<'a> {
    values: &'a [f32],
    stride: usize,
}

impl<'a> Strided<'a> {
    fn iter(self) -> impl Iterator<Item = f32> + 'a {
        self.values.iter().step_by(self.stride.max(1)).copied()
    }

    fn len(self) -> usize {
        self.values.len().div_ceil(self.stride.max(1))
    }

    fn at(self, class: usize) -> f32 {
        self.values.get(class * self.stride).copied().unwrap_or(f32::NAN)
    }
}

struct StridedMut<'a> {
    values: &'a mut [f32],
    stride: usize,
}

impl StridedMut<'_> {
    fn at(&self, class: usize) -> f32 {
        self.values.get(class * self.stride).copied().unwrap_or(f32::NAN)
    }

    fn set(&mut self, class: usize, value: f32) {
        if let Some(to) = self.values.get_mut(class * self.stride) {
            *to = value;
        }
    }
}
