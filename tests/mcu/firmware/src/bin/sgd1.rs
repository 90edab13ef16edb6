//! Online training: a step for each digit, plain gradient descent.
#![no_std]
#![no_main]

use asymgrad_core::{Architecture, Layer, Optimizer, Sgd, Shape, Trainer, Training};
use firmware::{board, task};
use static_cell::ConstStaticCell;

const NET: Architecture = Architecture::new(Shape::vector(task::PIXELS), &[Layer::dense(32), Layer::dense(10)]);
const TRAINING: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.01 }));
static MEMORY: ConstStaticCell<[f32; NET.memory(&TRAINING)]> = ConstStaticCell::new([0.0; NET.memory(&TRAINING)]);

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

fn run() -> Option<()> {
    let mut trainer = Trainer::<{ NET.kinds(&TRAINING) }>::new(NET, TRAINING, MEMORY.try_take()?).ok()?;
    task::initial_weights(trainer.state_mut())?;
    task::train::<_, { TRAINING.batch() }>(&mut trainer, 10)
}
