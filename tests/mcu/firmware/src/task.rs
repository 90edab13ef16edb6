//! The task of the measured programs: handwritten digits of 64 pixels, ten classes, in file order.

use core::convert::Infallible;

use asymgrad_core::Trainer;
use asymgrad_core::random::SplitMix;
use rand_core::{Rng, TryRng};
pub use task::{DIGITS, PIXELS, TRAINED, digit, initial_weights, raw_digit};

use crate::board::{self, Clock, Device};

/// Epochs; without a floating-point unit each takes thirty times the instructions.
pub const EPOCHS: u32 = if cfg!(target_abi = "eabihf") { 10 } else { 2 };

/// Trains for some epochs and prints loss, correct digits, instructions and stack. An incomplete last batch is skipped.
pub fn train<const CAPS: u32, const BATCH: usize>(trainer: &mut Trainer<'_, CAPS, Device>, epochs: u32) -> Option<()> {
    let mut clock = Clock::new()?;
    if !cfg!(feature = "quiet") {
        board::paint_stack();
    }
    let mut labels = [0; BATCH];
    let mut steps = 0_u32;
    for epoch in 1..=epochs {
        for first in 0..TRAINED / BATCH {
            // Writes into the network's input, which is feature × sample, so that no batch is copied on the stack.
            let input = trainer.input(BATCH).ok()?;
            for (index, label) in labels.iter_mut().enumerate() {
                let pixels = input.get_mut(index..)?.iter_mut().step_by(BATCH);
                *label = digit(first * BATCH + index, pixels)?;
            }
            clock.start();
            trainer.start(&labels).ok()?.finish().ok()?;
            clock.stop();
            steps += 1;
        }
        if !cfg!(feature = "quiet") {
            if epoch == 1 {
                // Before anything is printed or evaluated.
                line("stack bytes", board::stack_peak());
            }
            report(trainer, epoch)?;
        }
    }
    if cfg!(feature = "quiet") {
        return Some(());
    }
    line("instructions a step", u32::try_from(clock.instructions().checked_div(steps.into())?).ok()?);
    Some(())
}

/// Prints the mean loss of the training digits and the number of correct test digits.
#[inline(never)]
fn report<const CAPS: u32>(trainer: &mut Trainer<'_, CAPS, Device>, epoch: u32) -> Option<()> {
    let (mut loss, mut correct) = (0.0, 0);
    for index in 0..DIGITS {
        let label = digit(index, trainer.input(1).ok()?)?;
        let score = trainer.evaluate(&[label]).ok()?;
        if index < TRAINED {
            loss += score.loss;
        } else {
            correct += score.correct.unwrap_or(0);
        }
    }
    board::print("epoch ");
    board::print_integer(epoch);
    board::print(" loss ");
    board::print_loss(loss / TRAINED as f32);
    line(" correct", u32::try_from(correct).ok()?);
    Some(())
}

/// Prints a name and an integer.
pub fn line(name: &str, value: u32) {
    board::print(name);
    board::print(" ");
    board::print_integer(value);
    board::print("\n");
}

/// A generator for initial weights. With the feature `planted` it is the positive control of the panic check: its table is one
/// element short, so that indexing it can panic.
pub struct Generator(pub SplitMix);

impl TryRng for Generator {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let bits = self.0.next_u32();
        if cfg!(feature = "planted") { Ok(TABLE[bits as usize % 8]) } else { Ok(bits) }
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)
    }
}

const TABLE: [u32; 7] = [1, 2, 3, 4, 5, 6, 7];
