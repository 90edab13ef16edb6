//! A new class after deployment: a network of three classes becomes one of four, and what it learned stays.
//!
//! From a snapshot in flash, `Snapshots::load_smaller` takes the place of `grow_from` and `resume`; its slots have to be large enough for
//! the new network from the first save on.

use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Architecture, Feedback, Layer, Optimizer, Sgd, Shape, StepError, Trainer, Training};
use rand_core::Rng;

const OLD: Architecture =
    Architecture::new(Shape::vector(16), &[Layer::dense(12), Layer::dense(3).feedback(Feedback::Fixed)]);
const NEW: Architecture =
    Architecture::new(Shape::vector(16), &[Layer::dense(12), Layer::dense(4).feedback(Feedback::Fixed)]);
const TRAINING: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.05 }));
asymgrad_core::trainer!(mod three: OLD, TRAINING);
asymgrad_core::trainer!(mod four: NEW, TRAINING);

/// A reading of a class: a wave of its frequency, with noise.
fn read(class: usize, generator: &mut SplitMix) -> [f32; 16] {
    let frequency = [0.4, 0.8, 1.2, 1.6][class];
    core::array::from_fn(|time| libm::sinf(frequency * time as f32) + 0.5 * symmetric(generator.next_u32()))
}

fn train<const CAPS: u32>(trainer: &mut Trainer<'_, CAPS>, classes: usize, steps: usize) -> Result<(), StepError> {
    let mut generator = SplitMix::new(trainer.steps());
    (0..steps).try_for_each(|number| {
        let class = number % classes;
        trainer.step(&read(class, &mut generator), &[class]).map(|_| ())
    })
}

/// Number of correct predictions for 100 readings of each class.
fn correct<const CAPS: u32>(trainer: &mut Trainer<'_, CAPS>, class: usize) -> Result<usize, StepError> {
    let mut generator = SplitMix::new(7);
    (0..100).try_fold(0, |correct, _| {
        trainer.input(1)?.copy_from_slice(&read(class, &mut generator));
        Ok(correct + trainer.evaluate(&[class])?.correct.unwrap_or(0))
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let old = three::take().ok_or("the trainer is taken")?;
    old.initialize(&mut SplitMix::new(1), 2);
    train(old, 3, 1500)?;
    let new = four::take().ok_or("the trainer is taken")?;
    new.initialize(&mut SplitMix::new(3), 2); // draws the weights of the new class
    new.grow_from(&OLD, old.state())?;
    new.resume(old.steps());
    train(new, 4, 400)?;
    let correct = [correct(new, 0)?, correct(new, 1)?, correct(new, 2)?, correct(new, 3)?];
    println!("of 100 readings of each class are correct: {correct:?}");
    assert!(correct.iter().all(|correct| *correct > 90));
    Ok(())
}

#[test]
fn a_class_is_added() {
    main().unwrap();
}
