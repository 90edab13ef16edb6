//! Online training: a step for each digit, plain gradient descent.
#![no_std]
#![no_main]

use asymgrad_core::{Architecture, Layer, Optimizer, Sgd, Shape, Trainer, Training};
use firmware::board::{self, Device};
use firmware::task;
use static_cell::{ConstStaticCell, StaticCell};

const NET: Architecture = Architecture::new(Shape::vector(task::PIXELS), &[Layer::dense(32), Layer::dense(10)]);
const TRAINING: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.01 }));
static MEMORY: ConstStaticCell<[f32; NET.memory(&TRAINING)]> = ConstStaticCell::new([0.0; NET.memory(&TRAINING)]);

type Online = Trainer<'static, { NET.kinds(&TRAINING) }, Device>;
static TRAINER: StaticCell<Online> = StaticCell::new();

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

#[inline(always)]
fn run() -> Option<()> {
    task::train::<_, { TRAINING.batch() }>(make()?, task::EPOCHS)
}

/// The trainer in a static of its own. What it takes to make it is off the stack before the first step.
#[inline(never)]
fn make() -> Option<&'static mut Online> {
    let made = Trainer::with_kernels(NET, TRAINING, MEMORY.try_take()?, Device).ok()?;
    let trainer = TRAINER.try_init(made)?;
    task::initial_weights(trainer.state_mut())?;
    Some(trainer)
}
