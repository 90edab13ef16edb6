//! A training that goes from the host to the device and back, as the bytes of a flash.

use core::ops::Range;

use asymgrad_core::kernels::Kernels;
use asymgrad_core::snapshot::Snapshots;
use asymgrad_core::{Adam, Architecture, Feedback, Layer, Optimizer, Shape, Trainer, Training};

use crate::combinations::checksum;
use crate::flash::Flash;
use crate::{Text, digit, text};

/// The network of the task with R in memory, so that a snapshot has every kind of number.
pub const NET: Architecture =
    Architecture::new(Shape::vector(crate::PIXELS), &[Layer::dense(32), Layer::dense(10).feedback(Feedback::Fixed)]);
/// Mini-batches of 16, Adam.
pub const TRAINING: Training = Training::new(BATCH).optimizer(Optimizer::Adam(Adam { rate: 0.003, ..Adam::DEFAULT }));
const BATCH: usize = 16;

/// Where the snapshots lie in the flash: all of it.
pub const PLACE: Range<u32> = 0..2 * Snapshots::<Flash<'static>>::slot(NET.state(&TRAINING));
/// Bytes of the flash.
pub const BYTES: usize = PLACE.end as usize;

/// Trains ten batches from digit number `first` on.
pub fn train<const CAPS: u32, K: Kernels>(trainer: &mut Trainer<'_, CAPS, K>, first: usize) -> Option<()> {
    for first in (first..).step_by(BATCH).take(10) {
        let mut labels = [0; BATCH];
        let input = trainer.input(BATCH).ok()?;
        for (index, label) in labels.iter_mut().enumerate() {
            *label = digit(first + index, input.get_mut(index..)?.iter_mut().step_by(BATCH))?;
        }
        trainer.start(&labels).ok()?;
        trainer.finish().ok()?;
    }
    Some(())
}

/// Tells the steps made and the checksum of all numbers.
pub fn describe<const CAPS: u32, K: Kernels>(name: &str, trainer: &Trainer<'_, CAPS, K>, tell: Text<'_>) {
    tell(name);
    tell(": steps ");
    text::number(u32::try_from(trainer.steps()).unwrap_or(u32::MAX), tell);
    tell(", state ");
    text::bits(checksum(trainer.state()), tell);
    tell("\n");
}
