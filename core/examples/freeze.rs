//! A device that adapts the last layer of a trained network to its own sensor. The other layers are frozen.
//!
//! Frozen layers have no backward pass, no gradient, no feedback and no optimizer state, so they save RAM and time.

use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Adam, Architecture, Layer, Optimizer, Shape, Trainer, Training};
use rand_core::Rng;

const NET: Architecture = Architecture::new(Shape::vector(24), &[Layer::dense(32), Layer::dense(16), Layer::dense(4)]);
const ADAM: Optimizer = Optimizer::Adam(Adam { rate: 0.01, ..Adam::DEFAULT });
const AT_THE_FACTORY: Training = Training::new(8).optimizer(ADAM);
const IN_THE_FIELD: Training = Training::new(1).optimizer(ADAM).freeze(2);

/// A reading of a source: the pattern of the source plus noise. In the field the sources have other labels.
fn read(source: usize, generator: &mut SplitMix) -> [f32; 24] {
    let mut pattern = SplitMix::new(100 + source as u64);
    core::array::from_fn(|_| 0.5 * symmetric(pattern.next_u32()) + 0.5 * symmetric(generator.next_u32()))
}

/// Number of correct predictions for 200 readings.
fn correct<const CAPS: u32>(
    trainer: &mut Trainer<'_, CAPS>,
    label: impl Fn(usize) -> usize,
) -> Result<usize, Box<dyn std::error::Error>> {
    let mut generator = SplitMix::new(9);
    let mut correct = 0;
    for number in 0..200 {
        trainer.input(1)?.copy_from_slice(&read(number % 4, &mut generator));
        correct += trainer.evaluate(&[label(number % 4)])?.correct.unwrap_or(0);
    }
    Ok(correct)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut generator = SplitMix::new(1);
    let mut memory = vec![0.0; NET.memory(&AT_THE_FACTORY)];
    let mut factory = Trainer::<{ NET.capabilities(&AT_THE_FACTORY) }>::new(NET, AT_THE_FACTORY, &mut memory)?;
    factory.initialize(&mut generator, 2);
    for _ in 0..200 {
        let readings: [[f32; 24]; 8] = core::array::from_fn(|number| read(number % 4, &mut generator));
        factory.step(readings.as_flattened(), &[0, 1, 2, 3, 0, 1, 2, 3])?;
    }
    println!("{} of 200 correct at the factory", correct(&mut factory, |source| source)?);

    let mut memory = [0.0; NET.memory(&IN_THE_FIELD)];
    let mut device = Trainer::<{ NET.capabilities(&IN_THE_FIELD) }>::new(NET, IN_THE_FIELD, &mut memory)?;
    let weights = factory.parameters();
    // Clears the optimizer state, because memory is not cleared by a reset; then copies the weights.
    device.initialize(&mut SplitMix::new(3), 4);
    device.state_mut()[..weights.len()].copy_from_slice(weights);
    let renumbered = |source: usize| (source + 1) % 4;
    let before = correct(&mut device, renumbered)?;
    for number in 0..400 {
        device.step(&read(number % 4, &mut generator), &[renumbered(number % 4)])?;
    }
    let after = correct(&mut device, renumbered)?;
    println!("{before} of 200 correct in the field, {after} after 400 steps");
    println!(
        "RAM of the training: {} bytes, {} without freezing",
        4 * NET.memory(&IN_THE_FIELD),
        4 * NET.memory(&IN_THE_FIELD.freeze(0))
    );
    let first = 24 * 32 + 32 + 32 * 16 + 16;
    assert_eq!(device.parameters()[..first], weights[..first], "frozen layers changed");
    assert!(before < 20 && after > 180, "{before} before and {after} after");
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
