//! Statistics of a batch of values, feature × sample, in float64: how alike the samples are, and which units pass a gradient.

use asymgrad_core::Activation;
use nalgebra::DMatrix;

/// Samples of [`effective_rank`], the first of the batch: its time grows with their square.
const MOST_SAMPLES: usize = 256;

/// A unit is saturated if its mean output, mapped to (−1, 1), is beyond this.
const SATURATED: f64 = 0.9;

/// exp(−Σ p ln p), where p are the squared singular values of samples × features over their sum: 1 if all samples have one direction, the
/// number of samples if all are orthogonal and equally long (Roy & Vetterli 2007; of the second moments, as in Reddy et al. 2026).
pub(super) fn effective_rank(values: &[f32], samples: usize) -> Option<f64> {
    let used = samples.min(MOST_SAMPLES);
    let mut products = DMatrix::<f64>::zeros(used, used);
    for feature in values.chunks_exact(samples.max(1)) {
        for (sample, x) in feature.iter().take(used).enumerate() {
            let x = f64::from(*x);
            if x != 0.0 {
                let below = feature.iter().take(sample + 1);
                products.column_mut(sample).iter_mut().zip(below).for_each(|(sum, y)| *sum += x * f64::from(*y));
            }
        }
    }
    products.fill_lower_triangle_with_upper_triangle();
    let squares = products.symmetric_eigenvalues();
    let total: f64 = squares.iter().filter(|square| **square > 0.0).sum();
    let entropy: f64 = squares.iter().map(|square| square / total).filter(|p| *p > 1e-15).map(|p| -p * p.ln()).sum();
    (total > 0.0 && total.is_finite()).then(|| entropy.exp())
}

/// The mean cosine between the values of two different samples (Reddy et al. 2026): 1 if all samples have one direction. Samples
/// that are 0 do not count.
pub(super) fn mean_cosine(values: &[f32], samples: usize) -> Option<f64> {
    let features = || values.chunks_exact(samples.max(1));
    let mut squares = vec![0.0_f64; samples];
    for feature in features() {
        squares.iter_mut().zip(feature).for_each(|(sum, x)| *sum += f64::from(*x).powi(2));
    }
    let norms: Vec<f64> = squares.into_iter().map(f64::sqrt).collect();
    let count = norms.iter().filter(|norm| **norm > 0.0).count() as f64;
    let unit = |(x, norm): (&f32, &f64)| if *norm > 0.0 { f64::from(*x) / norm } else { 0.0 };
    let squared: f64 = features().map(|feature| feature.iter().zip(&norms).map(unit).sum::<f64>().powi(2)).sum();
    (count > 1.0).then(|| (squared - count) / (count * (count - 1.0)))
}

/// (Σ u)² / (n Σ u²), where u is the mean over samples of a unit's squared derivative: 1 if all n units pass the gradient alike, 1 / n if
/// one does alone (Reddy et al. 2026). `None` if none does, or the derivative is not known.
pub(super) fn gate_participation(output: &[f32], samples: usize, activation: Activation) -> Option<f64> {
    let derivative: fn(f64) -> f64 = match activation {
        Activation::Relu => |h| f64::from(u8::from(h > 0.0)),
        Activation::Sigmoid => |h| h * (1.0 - h),
        Activation::Tanh => |h| 1.0 - h * h,
        _ => return None,
    };
    let units = output.chunks_exact(samples.max(1));
    let squares =
        units.map(|unit| unit.iter().map(|h| derivative((*h).into()).powi(2)).sum::<f64>() / unit.len() as f64);
    let (count, sum, of_squares) =
        squares.fold((0.0, 0.0, 0.0), |(n, sum, squares), u| (n + 1.0, sum + u, squares + u * u));
    (of_squares > 0.0).then(|| sum * sum / (count * of_squares))
}

/// The percentage of a bounded activation's units whose mean output is within a twentieth of its range of an end; `None` for others.
pub(super) fn saturated_units(output: &[f32], samples: usize, activation: Activation) -> Option<f64> {
    let mapped: fn(f64) -> f64 = match activation {
        Activation::Sigmoid => |mean| 2.0 * mean - 1.0,
        Activation::Tanh => |mean| mean,
        _ => return None,
    };
    let (mut count, mut saturated) = (0_u32, 0_u32);
    for unit in output.chunks_exact(samples.max(1)) {
        let mean = unit.iter().map(|h| f64::from(*h)).sum::<f64>() / unit.len() as f64;
        (count, saturated) = (count + 1, saturated + u32::from(mapped(mean).abs() > SATURATED));
    }
    (count > 0).then(|| 100.0 * f64::from(saturated) / f64::from(count))
}

/// The mean over a layer's units of the cosine between the weights that lead from the unit to the classes, `weights`, and its feedback
/// weights, both `[class, unit]`. Units without weights or feedback do not count.
pub(super) fn mean_cosine_of_units(weights: &[f64], feedback: &[f32], units: usize) -> Option<f64> {
    let cosine = |unit: usize| {
        let pairs = weights.iter().skip(unit).step_by(units).zip(feedback.iter().skip(unit).step_by(units));
        let (mut dot, mut of_weights, mut of_feedback) = (0.0, 0.0, 0.0);
        for (m, b) in pairs {
            let b = f64::from(*b);
            (dot, of_weights, of_feedback) = (dot + m * b, of_weights + m * m, of_feedback + b * b);
        }
        let norms = (of_weights * of_feedback).sqrt();
        (norms > 0.0).then(|| dot / norms)
    };
    let cosines: Vec<f64> = (0..units).filter_map(cosine).collect();
    crate::statistics::mean(&cosines)
}
