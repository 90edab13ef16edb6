//! Where feedback that never changes comes from: the training's memory, a table in flash, or its seed.
//!
//! All three are the same numbers, so a training ends with the same bits whichever is chosen.

use crate::architecture::{Architecture, Site};
use crate::kinds;
use crate::random::FeedbackSource;
use crate::training::Training;

/// Where the numbers of `(R)`, `(DFA)` and `(DRTP)` come from; what other rules store changes, and lies in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Storage {
    /// The training's memory: fastest, and what a checkpoint of the host keeps.
    #[default]
    Memory,
    /// A table, which a device has in its flash: no RAM. [`Architecture::feedback_table`] makes it at compile time, and
    /// [`Trainer::set_table`](crate::Trainer::set_table) takes it. Its numbers are in no state, snapshot or
    /// fingerprint: a training that continues has to be given the same table.
    Table,
    /// Drawn anew from the seed whenever they are used: 8 bytes of RAM for the seed, and about 40 instructions a
    /// number on a Cortex-M4F.
    Seed,
}

impl Storage {
    /// Numbers of memory that the seed takes.
    pub(crate) const SEED: usize = 2;

    /// Numbers of memory beside the feedback itself.
    pub(crate) const fn numbers(self) -> usize {
        if matches!(self, Self::Seed) { Self::SEED } else { 0 }
    }

    pub(crate) const fn kind(self) -> u32 {
        match self {
            Self::Memory => 0,
            Self::Table => kinds::TABLE,
            Self::Seed => kinds::DRAWN,
        }
    }
}

/// A seed as two numbers of the memory; nothing calculates with them.
pub(crate) fn write_seed(seed: u64, place: &mut [f32]) {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    let halves = [seed as u32, (seed >> 32) as u32];
    place.iter_mut().zip(halves).for_each(|(number, half)| *number = f32::from_bits(half));
}

/// The seed that [`write_seed`] wrote.
pub(crate) fn read_seed(place: &[f32]) -> u64 {
    place.iter().rev().fold(0, |seed, number| seed << 32 | u64::from(number.to_bits()))
}

impl Architecture<'_> {
    /// Numbers of feedback that never changes: the length of its table.
    pub const fn fixed_feedback(&self, training: &Training) -> usize {
        let (mut sites, mut numbers) = (self.sites_of(training), 0_usize);
        while sites.advance() {
            numbers = numbers.saturating_add(sites.site.fixed_feedback());
        }
        numbers
    }

    /// Where a layer's feedback begins in the table.
    pub(crate) fn table_offset(&self, training: &Training, layer: usize) -> usize {
        self.sites_of(training).take(layer).map(|site| site.fixed_feedback()).sum()
    }

    /// The feedback that [`Trainer::initialize`](crate::Trainer::initialize) would draw from `seed`, as a constant, layer
    /// by layer. `None` if `N` is not [`Architecture::fixed_feedback`], or the feedback's distribution is normal: such a
    /// table is drawn by the host.
    ///
    /// ```
    /// use asymgrad_core::feedback::Storage;
    /// use asymgrad_core::{Architecture, Feedback, Layer, Shape, Trainer, Training};
    /// # use asymgrad_core::random::SplitMix;
    /// const NET: Architecture = Architecture::new(
    ///     Shape::vector(64),
    ///     &[Layer::dense(32), Layer::dense(10).feedback(Feedback::Fixed)],
    /// );
    /// const TRAINING: Training = Training::new(1).fixed_feedback(Storage::Table);
    /// static TABLE: [f32; NET.fixed_feedback(&TRAINING)] = NET.feedback_table(&TRAINING, 2).unwrap();
    ///
    /// assert_eq!(NET.memory(&TRAINING), NET.memory(&Training::new(1)) - 320);
    /// let mut memory = [0.0; NET.memory(&TRAINING)];
    /// let mut trainer = Trainer::<{ NET.kinds(&TRAINING) }>::new(NET, TRAINING, &mut memory)?;
    /// trainer.set_table(&TABLE)?;
    /// trainer.initialize(&mut SplitMix::new(1), 2);
    /// # Ok::<(), asymgrad_core::TrainerError>(())
    /// ```
    pub const fn feedback_table<const N: usize>(&self, training: &Training, seed: u64) -> Option<[f32; N]> {
        let mut table = [0.0; N];
        let (mut sites, mut rest) = (self.sites_of(training), table.as_mut_slice());
        while sites.advance() {
            let site = &sites.site;
            let (inputs, outputs) = site.feedback_fans();
            let Some(a) = training.feedback.half_width(inputs, outputs) else { return None };
            let source = FeedbackSource::new(seed, counter(site.index), a);
            let Some((feedback, after)) = rest.split_at_mut_checked(site.fixed_feedback()) else { return None };
            let mut index = 0;
            while index < feedback.len() {
                feedback[index] = source.at(counter(index));
                index += 1;
            }
            rest = after;
        }
        if rest.is_empty() { Some(table) } else { None }
    }
}

impl Site<'_> {
    /// Numbers of feedback that never changes, wherever they lie.
    const fn fixed_feedback(&self) -> usize {
        if self.layer.feedback.is_fixed() { self.feedback_numbers() } else { 0 }
    }
}

/// A number of a layer or weight as the feedback source counts them.
#[expect(clippy::cast_possible_truncation, reason = "compared before; constants have no `try_from`")]
pub(crate) const fn counter(index: usize) -> u32 {
    if index > u32::MAX as usize { u32::MAX } else { index as u32 }
}
