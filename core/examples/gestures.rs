//! Gestures from windows of a 3-axis accelerometer: two 1-D convolutions over time, and what they find anywhere in the window.

use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Adam, Architecture, Feedback, Layer, Optimizer, Running, Shape, Training};
use rand_core::Rng;

/// Axes, and readings of a window.
const AXES: usize = 3;
const WINDOW: usize = 64;
/// Shaking, lifting, turning.
const GESTURES: usize = 3;

const NET: Architecture = Architecture::new(
    Shape::image(AXES, 1, WINDOW),
    &[
        Layer::conv_rect(8, 1, 5).stride(2),
        Layer::conv_rect(12, 1, 5).stride(2).feedback(Feedback::Fixed),
        Layer::global_avg_pool(),
        Layer::dense(GESTURES).feedback(Feedback::Fixed),
    ],
);
const TRAINING: Training = Training::new(1).optimizer(Optimizer::Adam(Adam { rate: 0.003, ..Adam::DEFAULT }));
asymgrad_core::trainer!(mod gestures: NET, TRAINING);

/// A window of a gesture that begins at a random time: its values as `[axis][time]`, with noise.
fn read(gesture: usize, generator: &mut SplitMix) -> [f32; AXES * WINDOW] {
    let start = (generator.next_u32() % 24) as f32;
    core::array::from_fn(|index| {
        let (axis, time) = (index / WINDOW, (index % WINDOW) as f32 - start);
        let movement = match (gesture, axis) {
            _ if !(0.0..40.0).contains(&time) => 0.0,
            (0, 0) => libm::sinf(1.2 * time),
            (1, 2) => libm::sinf(time / 40.0 * core::f32::consts::PI),
            (2, 0) => libm::sinf(0.3 * time),
            (2, 1) => libm::cosf(0.3 * time),
            _ => 0.0,
        };
        movement + 0.3 * symmetric(generator.next_u32())
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let trainer = gestures::take().ok_or("the trainer is taken")?;
    trainer.initialize(&mut SplitMix::new(1), 2);
    let (mut generator, mut running) = (SplitMix::new(3), Running::new(200.0));
    for number in 0..1500 {
        let gesture = number % GESTURES;
        running.add(&trainer.step(&read(gesture, &mut generator), &[gesture])?);
    }
    println!("accuracy {:.3}, {} bytes of memory", running.accuracy(), 4 * NET.memory(&TRAINING));
    assert!(running.accuracy() > 0.95);
    Ok(())
}

#[test]
fn the_network_tells_gestures_apart() {
    main().unwrap();
}
