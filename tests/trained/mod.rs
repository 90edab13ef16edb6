//! A trainer with samples, for the tests of the rules and of their measures.

use asymgrad_core::capabilities::ALL;
use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Architecture, Layer, Trainer, Training};
use rand_core::Rng;

pub(crate) const SAMPLES: usize = 24;

/// Samples for a network, and labels with unequal class counts.
pub(crate) fn samples(network: &Architecture<'_>) -> (Vec<f32>, Vec<usize>) {
    let mut generator = SplitMix::new(5);
    let x = (0..SAMPLES * network.input().features()).map(|_| symmetric(generator.next_u32())).collect();
    (x, (0..SAMPLES).map(|sample| sample * sample % network.classes()).collect())
}

pub(crate) fn with_trainer(text: &str, training: Training, act: impl FnOnce(&mut Trainer<'_, ALL>, &[f32], &[usize])) {
    let mut layers = [Layer::dense(1); 8];
    let network = Architecture::parse(text, &mut layers).unwrap();
    let mut memory = vec![0.0; network.memory(&training)];
    let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
    trainer.initialize(&mut SplitMix::new(3), 4);
    let (x, labels) = samples(&network);
    act(&mut trainer, &x, &labels);
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(crate) fn degrees(a: &[f64], b: &[f64]) -> f64 {
    (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).clamp(-1.0, 1.0).acos().to_degrees()
}
