//! Training on a sensor: an interrupt handler writes to a queue, and the main loop trains on the samples of the queue.
//!
//! A ring buffer stores past samples. Each step trains on a new and a past sample, so that the network does not forget states
//! that the sensor no longer shows. A thread simulates the interrupt; on a device the handler owns the producer, as in
//! `tests/mcu/firmware/src/bin/sensor.rs`. The queue needs no compare-and-swap, so it works on a Cortex-M0 as well.

use std::thread;

use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Architecture, Feedback, Layer, Optimizer, Running, Sgd, Shape, StepError, Training};
use heapless::HistoryBuf;
use heapless::spsc::{Producer, Queue};
use rand_core::Rng;

/// Values of a reading, and the states of the machine.
const WINDOW: usize = 16;
const CLASSES: usize = 3;
type Sample = ([f32; WINDOW], usize);

const NET: Architecture =
    Architecture::new(Shape::vector(WINDOW), &[Layer::dense(12), Layer::dense(CLASSES).feedback(Feedback::Fixed)]);
const TRAINING: Training = Training::new(2).optimizer(Optimizer::Sgd(Sgd { rate: 0.05 }));
asymgrad_core::trainer!(mod states: NET, TRAINING);
const READINGS: usize = 3000;

/// The vibration of a machine: a wave whose frequency depends on the state, of random phase, with noise.
fn read(state: usize, generator: &mut SplitMix) -> Sample {
    let phase = symmetric(generator.next_u32());
    let wave = |index: usize| libm::sinf(3.0 * phase + index as f32 * [0.4, 0.8, 1.5][state]);
    (core::array::from_fn(|index| wave(index) + 0.2 * symmetric(generator.next_u32())), state)
}

/// The interrupt handler. A full queue drops the reading, because the handler never waits for the training.
fn interrupt(queue: &mut Producer<'_, Sample>, sample: Sample) -> bool {
    queue.enqueue(sample).is_ok()
}

/// The first half of the readings shows every state, the second half only the first state; some readings are broken.
fn sense(mut queue: Producer<'_, Sample>) {
    let mut generator = SplitMix::new(1);
    for number in 0..READINGS {
        let state = if number < READINGS / 2 { number % CLASSES } else { 0 };
        let mut sample = read(state, &mut generator);
        if number % 500 == 250 {
            sample.0[3] = f32::NAN;
        }
        while !interrupt(&mut queue, sample) {
            thread::yield_now(); // this simulated sensor is faster than the training
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let trainer = states::take().ok_or("the trainer is taken")?;
    let mut generator = SplitMix::new(2);
    trainer.initialize(&mut generator, 3);
    let mut running = Running::new(100.0);
    let mut past: HistoryBuf<Sample, 64> = HistoryBuf::new();
    let mut broken = 0;

    let mut queue: Queue<Sample, 8> = Queue::new();
    let (producer, mut consumer) = queue.split();
    thread::scope(|scope| {
        let sensor = scope.spawn(|| sense(producer));
        loop {
            let Some(new) = consumer.dequeue() else {
                if sensor.is_finished() && !consumer.ready() {
                    return Ok(());
                }
                thread::yield_now(); // a device sleeps until the next interrupt here
                continue;
            };
            let old = past.as_slice().get(generator.next_u32() as usize % past.len().max(1)).copied().unwrap_or(new);
            match trainer.step([new.0, old.0].as_flattened(), &[new.1, old.1]) {
                Ok(score) => running.add(&score),
                // The weights are unchanged; drop the reading.
                Err(StepError::NonFiniteInput { .. }) => {
                    broken += 1;
                    continue;
                }
                Err(error) => return Err(error),
            }
            // The first state is stored less often, so that it does not replace all others in the second half.
            if new.1 != 0 || generator.next_u32().is_multiple_of(32) {
                past.write(new);
            }
        }
    })?;
    println!("{} steps, loss {:.3}, accuracy {:.3}", trainer.steps(), running.loss(), running.accuracy());

    let mut correct = 0;
    for number in 0..300 {
        let (window, state) = read(number % CLASSES, &mut generator);
        trainer.input(1)?.copy_from_slice(&window);
        correct += trainer.evaluate(&[state])?.correct.unwrap_or(0);
    }
    println!("{correct} of 300 readings of all states are correct, {broken} broken ones were dropped");
    assert!(broken == READINGS / 500 && trainer.state().iter().all(|value| value.is_finite()));
    assert!(correct > 270, "states that the sensor no longer showed are forgotten");
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
