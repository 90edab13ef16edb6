#![no_std]
//! Shared by the test programs: the board, the digits task, and the panic handler.

pub mod board;
pub mod task;

/// Called only by a planted panic, or by one that the panic check missed.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    board::print("panic\n");
    board::exit(false)
}

/// A program that trains 64-32-10 on the digits under `$training`, from the initial weights of the task or from those that
/// `$initialize` sets.
#[macro_export]
macro_rules! program {
    ($training:expr) => {
        firmware::program!($training, |trainer: &mut digits::Trainer| task::initial_weights(trainer.state_mut()));
    };
    ($training:expr, $initialize:expr) => {
        use asymgrad_core::{Architecture, Layer, Shape};
        use firmware::board::{self, Device};
        use firmware::task;

        const NET: Architecture = Architecture::new(Shape::vector(task::PIXELS), &[Layer::dense(32), Layer::dense(10)]);
        const TRAINING: Training = $training;
        asymgrad_core::trainer!(mod digits: NET, TRAINING, Device);

        #[cortex_m_rt::entry]
        fn main() -> ! {
            board::exit(run().is_some())
        }

        #[inline(always)]
        fn run() -> Option<()> {
            task::train::<_, { TRAINING.batch() }>(new_trainer()?, task::EPOCHS)?;
            // `run` compares this with the size of the memory in the image.
            if !cfg!(feature = "quiet") {
                task::line("planned bytes", u32::try_from(4 * NET.memory(&TRAINING)).ok()?);
            }
            Some(())
        }

        /// The trainer; its own function, so that the stack of its construction is free before the first step.
        #[inline(never)]
        fn new_trainer() -> Option<&'static mut digits::Trainer> {
            let trainer = digits::take()?;
            $initialize(trainer)?;
            Some(trainer)
        }
    };
}
