//! An Embassy application: an interrupt samples a sensor, one task trains slice by slice, and another one acts between the slices.
#![no_std]
#![no_main]

use core::cell::RefCell;
use core::sync::atomic::{AtomicU32, Ordering};

use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Architecture, Feedback, Layer, Optimizer, Running, Sgd, Shape, StepError, Training};
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_semihosting::{debug, hprintln};
use embassy_executor::Spawner;
use embassy_futures::yield_now;
use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use embassy_sync::signal::Signal;
use rand_core::Rng;

const FEATURES: usize = 12;
const CLASSES: usize = 3;
const NET: Architecture =
    Architecture::new(Shape::vector(FEATURES), &[Layer::dense(16), Layer::dense(CLASSES).feedback(Feedback::Fixed)]);
const TRAINING: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.05 }));
asymgrad_core::trainer!(mod states: NET, TRAINING);

type Reading = ([f32; FEATURES], usize);

/// Readings that wait for the training; the interrupt drops a reading if it is full.
static READINGS: Channel<CriticalSectionRawMutex, Reading, 4> = Channel::new();
static DROPPED: AtomicU32 = AtomicU32::new(0);
static SENSOR: Mutex<CriticalSectionRawMutex, RefCell<SplitMix>> = Mutex::new(RefCell::new(SplitMix::new(3)));
/// A tick of the timer, for the task that must not wait for a whole step.
static TICK: Signal<CriticalSectionRawMutex, ()> = Signal::new();
static ACTED: AtomicU32 = AtomicU32::new(0);

/// The timer's interrupt reads the sensor.
#[cortex_m_rt::exception]
fn SysTick() {
    let reading = SENSOR.lock(|generator| generator.try_borrow_mut().ok().map(|mut generator| read(&mut generator)));
    if let Some(reading) = reading
        && READINGS.try_send(reading).is_err()
    {
        DROPPED.store(DROPPED.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
    TICK.signal(());
}

/// Acts on every tick, at most a slice late.
#[embassy_executor::task]
async fn act() {
    loop {
        TICK.wait().await;
        ACTED.store(ACTED.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

/// Trains on each reading. Between two slices every other task runs that is ready.
#[embassy_executor::task]
async fn learn(trainer: &'static mut states::Trainer) {
    let mut running = Running::new(100.0);
    while trainer.steps() < 1000 {
        let (reading, label) = READINGS.receive().await;
        match step(trainer, &reading, label).await {
            Ok(score) => running.add(&score),
            Err(StepError::NonFiniteInput { .. }) => {} // a broken reading: the weights are unchanged
            Err(_) => exit(false),
        }
    }
    let (acted, dropped) = (ACTED.load(Ordering::Relaxed), DROPPED.load(Ordering::Relaxed));
    let accuracy = (100.0 * running.accuracy()) as u32;
    hprintln!("1000 steps, accuracy {} %, {} ticks acted on, {} readings dropped", accuracy, acted, dropped);
    // The ticks of the last readings may still wait.
    exit(accuracy > 95 && acted > 990 && dropped == 0);
}

async fn step(trainer: &mut states::Trainer, reading: &[f32], label: usize) -> Result<asymgrad_core::Score, StepError> {
    trainer.input(1)?.copy_from_slice(reading);
    let mut step = trainer.start(&[label])?;
    while step.poll()?.is_pending() {
        yield_now().await;
    }
    step.finish()
}

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    let Some(trainer) = states::take() else { exit(false) };
    trainer.initialize(&mut SplitMix::new(1), 2);
    let tasks = [spawner.spawn(act()), spawner.spawn(learn(trainer))];
    let Some(peripherals) = cortex_m::Peripherals::take().filter(|_| tasks.iter().all(Result::is_ok)) else {
        exit(false)
    };
    let mut timer = peripherals.SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(25_000);
    timer.clear_current();
    timer.enable_interrupt();
    timer.enable_counter();
}

/// In place of your sensor: the class is the index of the largest of the first values, with noise on all.
fn read(generator: &mut SplitMix) -> Reading {
    let label = generator.next_u32() as usize % CLASSES;
    let mut reading = [0.0; FEATURES];
    for (index, value) in reading.iter_mut().enumerate() {
        *value = 0.3 * symmetric(generator.next_u32()) + if index == label { 1.0 } else { 0.0 };
    }
    (reading, label)
}

fn exit(success: bool) -> ! {
    debug::exit(if success { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    // Reached without a debugger only.
    loop {
        cortex_m::asm::wfi();
    }
}

/// asymgrad's core has no panic; this serves your own code.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    exit(false)
}
