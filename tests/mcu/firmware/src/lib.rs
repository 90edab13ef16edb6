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

/// A program that trains `$network` under `$training` for ten steps, from weights that the device draws, on samples from a generator.
/// The targets are those that the closure makes of a sample and a label, else the label.
#[macro_export]
macro_rules! measured {
    ($network:expr, $training:expr) => {
        firmware::measured!($network, $training, |sample, label| &[label]);
    };
    ($network:expr, $training:expr, |$sample:ident, $label:pat_param| $targets:expr) => {
        use asymgrad_core::random::{SplitMix, symmetric};
        use firmware::board::{self, Clock};
        use firmware::task;
        use rand_core::Rng;
        use static_cell::ConstStaticCell;

        const TRAINING: Training = $training;
        const INPUTS: usize = $network.input().features();
        asymgrad_core::trainer!(mod network: $network, TRAINING);
        static SAMPLE: ConstStaticCell<[f32; INPUTS]> = ConstStaticCell::new([0.0; INPUTS]);

        #[cortex_m_rt::entry]
        fn main() -> ! {
            board::exit(run().is_some())
        }

        #[inline(always)]
        fn run() -> Option<()> {
            if !cfg!(feature = "quiet") {
                board::paint_stack();
            }
            let ($sample, trainer, mut clock) = (SAMPLE.try_take()?, network::take()?, Clock::new()?);
            let mut generator = SplitMix::new(3);
            trainer.initialize(&mut SplitMix::new(1), 2);
            for _ in 0..10 {
                let input = trainer.input(1).ok()?;
                for (x, value) in input.iter_mut().zip($sample.iter_mut()) {
                    *value = symmetric(generator.next_u32());
                    *x = *value;
                }
                let $label = generator.next_u32() as usize % 3;
                clock.start();
                trainer.start($targets).ok()?.finish().ok()?;
                clock.stop();
            }
            if !cfg!(feature = "quiet") {
                task::line("stack bytes", board::stack_peak());
                task::line("instructions a step", u32::try_from(clock.instructions() / 10).ok()?);
            }
            Some(())
        }
    };
}
