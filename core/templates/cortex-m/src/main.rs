//! A firmware that trains on the readings of a sensor and predicts with what it learned.
#![no_std]
#![no_main]

use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Architecture, Feedback, Layer, Optimizer, Running, Sgd, Shape, StepError, Training};
use cortex_m_semihosting::{debug, hprintln};
use rand_core::Rng;

const FEATURES: usize = 12;
const CLASSES: usize = 3;
/// The network and its training. What does not work does not compile.
const NET: Architecture =
    Architecture::new(Shape::vector(FEATURES), &[Layer::dense(16), Layer::dense(CLASSES).feedback(Feedback::Fixed)]);
const TRAINING: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.05 }));
asymgrad_core::trainer!(mod states: NET, TRAINING);

#[cortex_m_rt::entry]
fn main() -> ! {
    let learned = train().is_some_and(|accuracy| accuracy > 0.95);
    debug::exit(if learned { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    // Reached without a debugger only.
    loop {
        cortex_m::asm::wfi();
    }
}

/// The accuracy at the end of the training; `None` if it diverged.
fn train() -> Option<f32> {
    let trainer = states::take()?;
    trainer.initialize(&mut SplitMix::new(1), 2); // seeds of the weights and of the feedback
    let (mut sensor, mut running) = (Sensor(SplitMix::new(3)), Running::new(100.0));
    for _ in 0..1000 {
        let (reading, label) = sensor.read();
        match trainer.step(&reading, &[label]) {
            Ok(score) => running.add(&score),
            Err(StepError::NonFiniteInput { .. }) => {} // a broken reading: the weights are unchanged
            Err(_) => return None,
        }
    }
    hprintln!("{} steps, accuracy {} %", trainer.steps() as u32, (100.0 * running.accuracy()) as u32);
    Some(running.accuracy())
}

/// In place of your sensor: the class is the index of the largest of the first values, with noise on all.
struct Sensor(SplitMix);

impl Sensor {
    fn read(&mut self) -> ([f32; FEATURES], usize) {
        let label = self.0.next_u32() as usize % CLASSES;
        let mut reading = [0.0; FEATURES];
        for (index, value) in reading.iter_mut().enumerate() {
            *value = 0.3 * symmetric(self.0.next_u32()) + if index == label { 1.0 } else { 0.0 };
        }
        (reading, label)
    }
}

/// asymgrad's core has no panic; this serves your own code.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    debug::exit(debug::EXIT_FAILURE);
    loop {
        cortex_m::asm::udf();
    }
}
