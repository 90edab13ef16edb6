//! Mini-batches of 16, Adam.
#![no_std]
#![no_main]

use asymgrad_core::{Adam, Architecture, Layer, Optimizer, Shape, Trainer, Training};
use firmware::board::{self, Device};
use firmware::task;
use static_cell::ConstStaticCell;

const NET: Architecture = Architecture::new(Shape::vector(task::PIXELS), &[Layer::dense(32), Layer::dense(10)]);
const TRAINING: Training = Training::new(16).optimizer(Optimizer::Adam(Adam { rate: 0.003, ..Adam::DEFAULT }));
static MEMORY: ConstStaticCell<[f32; NET.memory(&TRAINING)]> = ConstStaticCell::new([0.0; NET.memory(&TRAINING)]);

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

fn run() -> Option<()> {
    let memory = MEMORY.try_take()?;
    // Used where it is made: to move it out of the result would take its stack twice.
    let mut made = Trainer::<{ NET.kinds(&TRAINING) }, _>::with_kernels(NET, TRAINING, memory, Device);
    let trainer = made.as_mut().ok()?;
    task::initial_weights(trainer.state_mut())?;
    task::train::<_, { TRAINING.batch() }>(trainer, 10)
}
