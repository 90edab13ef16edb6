//! From sensor to step: a timer's interrupt puts digits into a queue, and the main loop trains on each and on one from a ring of past
//! digits, slice by slice. Prints the number of dropped digits and the instructions of the longest slice.
#![no_std]
#![no_main]

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};
use core::task::Poll;

use asymgrad_core::random::SplitMix;
use asymgrad_core::{Architecture, Feedback, Layer, Optimizer, Running, Score, Sgd, Shape, StepError, Training};
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use critical_section::Mutex;
use firmware::board::{self, Device, INSTRUCTIONS};
use firmware::task;
use heapless::spsc::{Producer, Queue};
use rand_core::Rng;
use static_cell::ConstStaticCell;

const NET: Architecture =
    Architecture::new(Shape::vector(task::PIXELS), &[Layer::dense(32), Layer::dense(10).feedback(Feedback::Fixed)]);
const TRAINING: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.01 }));
asymgrad_core::trainer!(mod digits: NET, TRAINING, Device);

/// A reading of the sensor.
#[derive(Clone, Copy)]
struct Sample {
    pixels: [u8; task::PIXELS],
    label: usize,
}

/// Instructions between two digits: somewhat more than two steps.
const PERIOD: u32 = 80_000;
/// Digits that the sensor reads.
const DIGITS: u32 = 3000;

static QUEUE: ConstStaticCell<Queue<Sample, 4>> = ConstStaticCell::new(Queue::new());
static PRODUCER: Mutex<Cell<Option<Producer<'static, Sample>>>> = Mutex::new(Cell::new(None));
/// The ring of past digits. That of heapless indexes, which would bring the only panic into the image.
static PAST: ConstStaticCell<[Sample; RING]> = ConstStaticCell::new([NO_SAMPLE; RING]);
const RING: usize = 32;
const NO_SAMPLE: Sample = Sample { pixels: [0; task::PIXELS], label: 0 };
/// Digits dropped because the queue was full.
static DROPPED: AtomicU32 = AtomicU32::new(0);
/// Digits read.
static READ: AtomicU32 = AtomicU32::new(0);

#[cortex_m_rt::exception]
fn SysTick() {
    let index = READ.load(Ordering::Relaxed);
    if index >= DIGITS {
        return;
    }
    READ.store(index + 1, Ordering::Relaxed);
    let mut pixels = [0; task::PIXELS];
    let Some(label) = task::raw_digit(index as usize % task::TRAINED, &mut pixels) else { return };
    critical_section::with(|token| {
        let shared = PRODUCER.borrow(token);
        if let Some(mut producer) = shared.take() {
            if producer.enqueue(Sample { pixels, label }).is_err() {
                DROPPED.store(DROPPED.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            }
            shared.set(Some(producer));
        }
    });
}

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

fn run() -> Option<()> {
    let trainer = digits::take()?;
    trainer.initialize(&mut SplitMix::new(1), 2);
    let (producer, mut consumer) = QUEUE.try_take()?.split();
    let past = PAST.try_take()?;
    let (mut running, mut generator, mut longest, mut seen) = (Running::new(200.0), SplitMix::new(3), 0, 0);
    critical_section::with(|token| PRODUCER.borrow(token).set(Some(producer)));
    let mut timer = cortex_m::Peripherals::take()?.SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(PERIOD / INSTRUCTIONS - 1);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
    while READ.load(Ordering::Relaxed) < DIGITS || consumer.ready() {
        let Some(new) = consumer.dequeue() else {
            cortex_m::asm::wfi();
            continue;
        };
        running.add(&step(trainer, &new, &mut longest)?);
        let old = generator.next_u32() as usize % RING;
        if let Some(old) = past.get(old).filter(|_| old < seen) {
            step(trainer, old, &mut longest)?;
        }
        *past.get_mut(seen % RING)? = new;
        seen += 1;
    }
    timer.disable_counter();
    board::print("running loss ");
    board::print_loss(running.loss());
    board::print(", accuracy ");
    board::print_loss(running.accuracy());
    task::line("\ndropped", DROPPED.load(Ordering::Relaxed));
    task::line("longest slice", longest);
    let mut correct = 0;
    for index in task::TRAINED..task::DIGITS {
        let label = task::digit(index, trainer.input(1).ok()?)?;
        correct += trainer.evaluate(&[label]).ok()?.correct.unwrap_or(0);
    }
    task::line("correct", u32::try_from(correct).ok()?);
    // A broken reading is an error, and the weights are unchanged.
    let before = trainer.steps();
    trainer.input(1).ok()?.fill(f32::NAN);
    let error = trainer.start(&[0]).err();
    let refused = matches!(error, Some(StepError::NonFiniteInput { .. })) && trainer.steps() == before;
    (refused && trainer.state().iter().all(|value| value.is_finite())).then_some(())
}

/// One step in slices, between which another task could run.
fn step(trainer: &mut digits::Trainer, sample: &Sample, longest: &mut u32) -> Option<Score> {
    let input = trainer.input(1).ok()?;
    input.iter_mut().zip(sample.pixels).for_each(|(value, pixel)| *value = f32::from(pixel) / 16.0);
    let mut running = trainer.start(&[sample.label]).ok()?;
    loop {
        let from = SYST::get_current();
        let polled = running.poll().ok()?;
        // The counter counts down and restarts at each interrupt.
        let ticks = (from + PERIOD / INSTRUCTIONS - SYST::get_current()) % (PERIOD / INSTRUCTIONS);
        *longest = (*longest).max(ticks * INSTRUCTIONS);
        if let Poll::Ready(score) = polled {
            return Some(score);
        }
    }
}
