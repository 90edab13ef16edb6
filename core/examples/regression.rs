//! Regression on a device: a network learns the value of a quantity from three sensors that depend on it.

use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Architecture, Feedback, Layer, Loss, Optimizer, Running, Sgd, Shape, StepError, Training};
use rand_core::Rng;

const NET: Architecture =
    Architecture::new(Shape::vector(3), &[Layer::dense(16), Layer::dense(1).feedback(Feedback::Fixed)]);
const TRAINING: Training = Training::new(1).loss(Loss::MeanSquared).optimizer(Optimizer::Sgd(Sgd { rate: 0.02 }));
asymgrad_core::trainer!(mod quantity: NET, TRAINING);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let trainer = quantity::take().ok_or("the trainer is taken")?;
    trainer.initialize(&mut SplitMix::new(1), 2);
    let (mut generator, mut running) = (SplitMix::new(3), Running::new(200.0));
    for _ in 0..5000 {
        let (sensors, quantity) = read(&mut generator);
        match trainer.step(&sensors, &[quantity]) {
            Ok(score) => running.add(&score),
            Err(StepError::NonFiniteInput { .. } | StepError::Value { .. }) => {} // a broken reading
            Err(error) => return Err(error.into()),
        }
    }
    // The variance of the quantity is 1/3.
    println!("mean squared error {:.4}", running.loss());
    assert!(running.loss() < 0.01);
    let found = trainer.predict(&sensors_at(0.5))?[0];
    assert!((found - 0.5).abs() < 0.2, "{found}");
    Ok(())
}

/// What the sensors give at a value of the quantity.
fn sensors_at(quantity: f32) -> [f32; 3] {
    [libm::tanhf(2.0 * quantity), quantity * quantity, 0.5 - quantity]
}

/// A reading with noise, and the quantity, in −1 to 1.
fn read(generator: &mut SplitMix) -> ([f32; 3], f32) {
    let mut uniform = || symmetric(generator.next_u32());
    let quantity = uniform();
    (sensors_at(quantity).map(|value| value + 0.05 * uniform()), quantity)
}

#[test]
fn the_network_learns_the_quantity() {
    main().unwrap();
}
