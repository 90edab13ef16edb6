//! The task of every program: 64 pixels of a handwritten digit, ten classes, in file order.

use core::convert::Infallible;

use asymgrad_core::Trainer;
use asymgrad_core::random::SplitMix;
use rand_core::{Rng, TryRng};

use crate::board::{self, Clock, Device};

/// Pixels of a digit.
pub const PIXELS: usize = 64;
/// Digits that train.
const TRAINED: usize = 1500;
/// Digits in the file: the others test.
const DIGITS: usize = 1797;

/// Pixels 0 to 16 of each digit, then the labels (UCI, see `data/`).
#[expect(unsafe_code, reason = "a section of its own, read-only, so that flash counts without it")]
#[unsafe(link_section = ".task.digits")]
static FILE: [u8; DIGITS * (PIXELS + 1)] = *include_bytes!("../../../../data/digits.bin");

/// dense1.bias, dense1.weight, dense2.bias, dense2.weight as f32 behind a header.
#[expect(unsafe_code, reason = "a section of its own, read-only, so that flash counts without it")]
#[unsafe(link_section = ".task.weights")]
static WEIGHTS: [u8; 9936] = *include_bytes!("../../digits-64-32-10.safetensors");
const HEADER: usize = 296;

/// Writes one digit's pixels, 0 to 1, and gives its label.
pub fn digit<'a>(number: usize, pixels: impl IntoIterator<Item = &'a mut f32>) -> Option<usize> {
    let bytes = FILE.get(number * PIXELS..(number + 1) * PIXELS)?;
    pixels.into_iter().zip(bytes).for_each(|(x, byte)| *x = f32::from(*byte) / 16.0);
    FILE.get(DIGITS * PIXELS + number).map(|label| usize::from(*label))
}

/// Copies the initial weights into `parameters`: weights, then biases, layer by layer.
pub fn initial_weights(parameters: &mut [f32]) -> Option<()> {
    let (numbers, _) = WEIGHTS.get(HEADER..)?.as_chunks::<4>();
    let (bias1, rest) = numbers.split_at_checked(32)?;
    let (weight1, rest) = rest.split_at_checked(2048)?;
    let (bias2, weight2) = rest.split_at_checked(10)?;
    let ordered = weight1.iter().chain(bias1).chain(weight2).chain(bias2);
    parameters.iter_mut().zip(ordered).for_each(|(number, bytes)| *number = f32::from_le_bytes(*bytes));
    Some(())
}

/// Trains for some epochs and prints loss, right answers, instructions and stack. An incomplete last batch is left out.
pub fn train<const KINDS: u32, const BATCH: usize>(
    trainer: &mut Trainer<'_, KINDS, Device>,
    epochs: u32,
) -> Option<()> {
    let mut clock = Clock::new()?;
    if !cfg!(feature = "quiet") {
        board::paint_stack();
    }
    let mut labels = [0; BATCH];
    let mut steps = 0_u32;
    for epoch in 1..=epochs {
        for first in 0..TRAINED / BATCH {
            // Straight into the network's input, which lies feature by feature: no copy of a batch on the stack.
            let input = trainer.input(BATCH).ok()?;
            for (index, label) in labels.iter_mut().enumerate() {
                let pixels = input.get_mut(index..)?.iter_mut().step_by(BATCH);
                *label = digit(first * BATCH + index, pixels)?;
            }
            clock.start();
            trainer.start(&labels).ok()?;
            trainer.finish().ok()?;
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

/// Prints the mean loss over the training digits and the right answers on the others.
#[inline(never)]
fn report<const KINDS: u32>(trainer: &mut Trainer<'_, KINDS, Device>, epoch: u32) -> Option<()> {
    let (mut loss, mut correct) = (0.0, 0);
    for number in 0..DIGITS {
        let label = digit(number, trainer.input(1).ok()?)?;
        let score = trainer.evaluate(&[label]).ok()?;
        if number < TRAINED {
            loss += score.loss;
        } else {
            correct += score.correct;
        }
    }
    board::print("epoch ");
    board::print_number(epoch);
    board::print(" loss ");
    board::print_loss(loss / TRAINED as f32);
    line(" correct", u32::try_from(correct).ok()?);
    Some(())
}

/// Prints a name and a number.
pub fn line(name: &str, number: u32) {
    board::print(name);
    board::print(" ");
    board::print_number(number);
    board::print("\n");
}

/// A generator for initial weights. With the feature `planted` it is the positive control of the panic check: its table
/// is one number short, and the core's loops over it gain a panic.
pub struct Generator(pub SplitMix);

impl TryRng for Generator {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let number = self.0.next_u32();
        if cfg!(feature = "planted") { Ok(TABLE[number as usize % 8]) } else { Ok(number) }
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)
    }
}

const TABLE: [u32; 7] = [1, 2, 3, 4, 5, 6, 7];
