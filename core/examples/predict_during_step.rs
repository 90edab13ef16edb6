//! Prediction during a step: between two slices, a predictor answers with the weights as they are.
//!
//! It borrows the trainer's parameters and has two small buffers of its own. Each slice updates one layer, so that at most a few layers
//! are one step ahead of the others.

use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::static_cell::ConstStaticCell;
use asymgrad_core::{Architecture, Feedback, Layer, Optimizer, Predictor, Sgd, Shape, Training};
use rand_core::Rng;

const NET: Architecture =
    Architecture::new(Shape::vector(16), &[Layer::dense(12), Layer::dense(3).feedback(Feedback::Fixed)]);
const TRAINING: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.05 }));
asymgrad_core::trainer!(mod states: NET, TRAINING);
static PREDICTION: ConstStaticCell<[f32; NET.prediction_memory(1)]> =
    ConstStaticCell::new([0.0; NET.prediction_memory(1)]);

/// A reading in a state: a wave of its frequency, with noise.
fn read(state: usize, generator: &mut SplitMix) -> [f32; 16] {
    let frequency = [0.4, 0.8, 1.2][state];
    core::array::from_fn(|time| libm::sinf(frequency * time as f32) + 0.5 * symmetric(generator.next_u32()))
}

/// The most likely state of a reading.
fn predict(parameters: &[f32], memory: &mut [f32], reading: &[f32]) -> Result<usize, Box<dyn std::error::Error>> {
    let mut predictor = Predictor::<{ NET.prediction_capabilities() }>::new(NET, 1, parameters, memory)?;
    let logits = predictor.predict(reading)?;
    let best = logits.iter().enumerate().max_by(|one, other| one.1.total_cmp(other.1));
    Ok(best.map_or(0, |(state, _)| state))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let trainer = states::take().ok_or("the trainer is taken")?;
    let memory = PREDICTION.take();
    trainer.initialize(&mut SplitMix::new(1), 2);
    let mut generator = SplitMix::new(3);
    let (mut asked, mut correct) = (0, 0);
    for number in 0..2000 {
        let state = number % 3;
        trainer.input(1)?.copy_from_slice(&read(state, &mut generator));
        let mut step = trainer.start(&[state])?;
        while step.poll()?.is_pending() {
            // A reading without a label came in, which cannot wait for the step.
            let state = generator.next_u32() as usize % 3;
            let found = predict(step.trainer().parameters(), memory, &read(state, &mut generator))?;
            if number >= 1000 {
                (asked, correct) = (asked + 1, correct + usize::from(found == state));
            }
        }
    }
    println!("{correct} of {asked} predictions during steps are correct");
    assert!(correct * 10 > asked * 9);
    Ok(())
}

#[test]
fn predictions_come_between_slices() {
    main().unwrap();
}
