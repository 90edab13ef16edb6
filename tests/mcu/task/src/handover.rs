//! A training that moves from the host to the device and back as the bytes of a flash.

use core::ops::Range;

use asymgrad_core::kernels::Kernels;
use asymgrad_core::snapshot::Snapshots;
use asymgrad_core::{Adam, Architecture, Feedback, Layer, Optimizer, Shape, Trainer, Training};

use crate::combinations::checksum;
use crate::flash::Flash;
use crate::{Text, digit, text};

/// The network of the task with R in memory, so that a snapshot has weights, biases, feedback and moments.
pub const NET: Architecture =
    Architecture::new(Shape::vector(crate::PIXELS), &[Layer::dense(32), Layer::dense(10).feedback(Feedback::Fixed)]);
/// Mini-batches of 16, Adam.
pub const TRAINING: Training = Training::new(BATCH).optimizer(Optimizer::Adam(Adam { rate: 0.003, ..Adam::DEFAULT }));
const BATCH: usize = 16;

/// The range of the snapshots: the whole flash.
pub const RANGE: Range<u32> = 0..2 * Snapshots::<Flash<'static>>::slot(NET.state(&TRAINING));
/// Size of the flash in bytes.
pub const BYTES: usize = RANGE.end as usize;

/// Trains ten batches, beginning with digit `first`.
pub fn train<const CAPS: u32, K: Kernels>(trainer: &mut Trainer<'_, CAPS, K>, first: usize) -> Option<()> {
    for first in (first..).step_by(BATCH).take(10) {
        let mut labels = [0; BATCH];
        let input = trainer.input(BATCH).ok()?;
        for (index, label) in labels.iter_mut().enumerate() {
            *label = digit(first + index, input.get_mut(index..)?.iter_mut().step_by(BATCH))?;
        }
        trainer.start(&labels).ok()?.finish().ok()?;
    }
    Some(())
}

/// Prints the number of steps and the checksum of the state.
pub fn describe<const CAPS: u32, K: Kernels>(name: &str, trainer: &Trainer<'_, CAPS, K>, print: Text<'_>) {
    print(name);
    print(": steps ");
    text::integer(u32::try_from(trainer.steps()).unwrap_or(u32::MAX), print);
    print(", state ");
    text::bits(checksum(trainer.state()), print);
    print("\n");
}
