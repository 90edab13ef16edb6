//! Fine-tuning on a device: a network that PyTorch trained stays in flash, and its last layer adapts to the device's own sensor.
//!
//! Frozen layers have no backward pass, no gradient, no feedback and no optimizer state; from a table, they take no RAM either.

use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Architecture, Layer, Optimizer, Sgd, Shape, StepError, Training};
use rand_core::Rng;

const NET: Architecture = Architecture::new(Shape::vector(24), &[Layer::dense(16), Layer::dense(8), Layer::dense(4)]);
const TRAINING: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.05 })).freeze_in_table(2);
asymgrad_core::trainer!(mod sources: NET, TRAINING);

/// Trained by `weights.py` and exported by `asymgrad export --rust`; in flash.
#[expect(clippy::unreadable_literal, reason = "written by a program")]
static PARAMETERS: [f32; NET.parameters()] = include!("weights.rs");

/// A reading of a source. This sensor's is half as strong as that of the training, and upside down.
fn read(source: usize, generator: &mut SplitMix) -> [f32; 24] {
    core::array::from_fn(|time| {
        let pattern = libm::sinf(0.25 * (source + 1) as f32 * time as f32);
        -0.5 * pattern + 0.3 * symmetric(generator.next_u32())
    })
}

/// Number of correct predictions for 200 readings.
fn correct(trainer: &mut sources::Trainer) -> Result<usize, StepError> {
    let (mut generator, mut correct) = (SplitMix::new(9), 0);
    for number in 0..200 {
        trainer.input(1)?.copy_from_slice(&read(number % 4, &mut generator));
        correct += trainer.evaluate(&[number % 4])?.correct.unwrap_or(0);
    }
    Ok(correct)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let trainer = sources::take().ok_or("the trainer is taken")?;
    trainer.initialize(&mut SplitMix::new(1), 2);
    let (frozen, last) = PARAMETERS.split_at(NET.table(&TRAINING));
    trainer.set_table(frozen)?;
    // The last layer begins with its trained weights, in front of the state.
    trainer.state_mut()[..last.len()].copy_from_slice(last);
    let before = correct(trainer)?;
    let mut generator = SplitMix::new(3);
    for number in 0..400 {
        trainer.step(&read(number % 4, &mut generator), &[number % 4])?;
    }
    let after = correct(trainer)?;
    let (in_memory, in_flash) = (4 * NET.memory(&TRAINING.freeze(2)), 4 * NET.memory(&TRAINING));
    println!("{before} of 200 correct before, {after} after 400 steps");
    println!("RAM of the training: {in_flash} bytes, {in_memory} with the frozen layers in it");
    assert!(before < 100 && after > 180, "{before} before and {after} after");
    Ok(())
}

#[test]
fn the_last_layer_adapts() {
    main().unwrap();
}
