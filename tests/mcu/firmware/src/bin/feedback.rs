//! The cost of R in RAM, in flash, or regenerated from its seed: instructions of an online step, and bytes of RAM.
#![no_std]
#![no_main]

use asymgrad_core::capabilities::{SEEDED, TABLE};
use asymgrad_core::feedback::Storage;
use asymgrad_core::random::SplitMix;
use asymgrad_core::{Architecture, Feedback, Layer, Optimizer, Sgd, Shape, Trainer, Training};
use firmware::board::{self, Clock, Device};
use firmware::task;
use static_cell::ConstStaticCell;

const NET: Architecture =
    Architecture::new(Shape::vector(task::PIXELS), &[Layer::dense(32), Layer::dense(10).feedback(Feedback::Fixed)]);
const PLAIN: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.01 }));
const CAPS: u32 = NET.capabilities(&PLAIN) | TABLE | SEEDED;
const VARIANTS: [(&str, Storage); 3] =
    [("R in RAM", Storage::Memory), ("R in flash", Storage::Table), ("R from its seed", Storage::Seed)];
static IN_FLASH: [f32; NET.fixed_feedback(&PLAIN)] = match NET.feedback_table(&PLAIN, 2) {
    Some(table) => table,
    None => panic!("the table has another length"),
};
static MEMORY: ConstStaticCell<[f32; NET.memory(&PLAIN)]> = ConstStaticCell::new([0.0; NET.memory(&PLAIN)]);

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

fn run() -> Option<()> {
    let (memory, mut clock) = (MEMORY.try_take()?, Clock::new()?);
    for (name, storage) in VARIANTS {
        let training = PLAIN.fixed_feedback(storage);
        let memory = memory.get_mut(..NET.memory(&training))?;
        task::line(name, u32::try_from(4 * memory.len()).ok()?);
        let mut trainer = Trainer::<CAPS, _>::with_kernels(NET, training, memory, Device).ok()?;
        if storage == Storage::Table {
            trainer.set_table(&IN_FLASH).ok()?;
        }
        trainer.initialize(&mut SplitMix::new(1), 2);
        let before = clock.instructions();
        for index in 0..task::TRAINED {
            let label = task::digit(index, trainer.input(1).ok()?)?;
            clock.start();
            trainer.start(&[label]).ok()?.finish().ok()?;
            clock.stop();
        }
        let instructions = (clock.instructions() - before) / task::TRAINED as u64;
        task::line("instructions a step", u32::try_from(instructions).ok()?);
    }
    Some(())
}
