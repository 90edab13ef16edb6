//! Anomaly detection by an autoencoder: trained on windows of a normal vibration, it reconstructs others badly.

use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Adam, Architecture, Layer, Loss, Optimizer, Running, Shape, Training};
use rand_core::Rng;

const WINDOW: usize = 16;
const NET: Architecture = Architecture::new(
    Shape::vector(WINDOW),
    &[Layer::dense(12), Layer::dense(3), Layer::dense(12), Layer::dense(WINDOW)],
);
const TRAINING: Training = Training::new(1).loss(Loss::MeanSquared).optimizer(Optimizer::Adam(Adam::DEFAULT));
asymgrad_core::trainer!(mod vibration: NET, TRAINING);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let trainer = vibration::take().ok_or("the trainer is taken")?;
    trainer.initialize(&mut SplitMix::new(1), 2);
    let (mut generator, mut normal) = (SplitMix::new(3), Running::new(500.0));
    for _ in 0..10_000 {
        let window = read(&mut generator, 1.0);
        // The targets are the inputs.
        normal.add(&trainer.step(&window, &window)?);
    }
    // An anomaly is a window whose error is far above that of normal ones.
    let threshold = 4.0 * normal.loss();
    let mut anomalies = [0; 2];
    for (frequency, count) in [1.0, 2.5].into_iter().zip(&mut anomalies) {
        for _ in 0..200 {
            let window = read(&mut generator, frequency);
            trainer.input(1)?.copy_from_slice(&window);
            *count += usize::from(trainer.evaluate(&window)?.loss > threshold);
        }
    }
    println!("anomalies among 200 normal windows: {}, among 200 others: {}", anomalies[0], anomalies[1]);
    assert!(anomalies[0] < 10 && anomalies[1] > 190, "{anomalies:?}");
    Ok(())
}

/// A window of a vibration of some frequency, with a random phase and noise.
fn read(generator: &mut SplitMix, frequency: f32) -> [f32; WINDOW] {
    let mut uniform = || symmetric(generator.next_u32());
    let phase = core::f32::consts::PI * uniform();
    core::array::from_fn(|time| libm::sinf(0.4 * frequency * time as f32 + phase) + 0.05 * uniform())
}

#[test]
fn other_windows_are_anomalies() {
    main().unwrap();
}
