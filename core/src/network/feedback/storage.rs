//! Where fixed feedback lies: in the training's memory, in a table in flash, or nowhere, regenerated from its seed.
//!
//! All three give the same values, so a training ends with the same bits whichever is chosen.

use crate::capabilities;

/// Where the feedback of `(R)`, `(DFA)` and `(DRTP)` lies. The feedback of other rules changes and lies in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Storage {
    /// The training's memory: the fastest; a checkpoint of the host keeps it.
    #[default]
    Memory,
    /// A table, which a device has in its flash: no RAM. [`Architecture::feedback_table`](crate::Architecture::feedback_table)
    /// computes it at compile time, and [`Trainer::set_table`](crate::Trainer::set_table) takes it. It is part of no state,
    /// snapshot or fingerprint: a training that resumes has to be given the same table.
    Table,
    /// Regenerated from the seed whenever it is used: 8 bytes of RAM for the seed, and about 40 instructions a value on a
    /// Cortex-M4F.
    Seed,
}

impl Storage {
    /// Length of the seed in `f32`.
    pub(crate) const SEED_LEN: usize = 2;

    /// Length in `f32` of what this storage keeps in memory beside the feedback itself.
    pub(crate) const fn seed_len(self) -> usize {
        if matches!(self, Self::Seed) { Self::SEED_LEN } else { 0 }
    }

    pub(crate) const fn capability(self) -> u32 {
        match self {
            Self::Memory => 0,
            Self::Table => capabilities::TABLE,
            Self::Seed => capabilities::SEEDED,
        }
    }
}

/// Stores the bits of a seed in two values of the memory.
pub(crate) fn write_seed(seed: u64, values: &mut [f32]) {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    let halves = [seed as u32, (seed >> 32) as u32];
    values.iter_mut().zip(halves).for_each(|(value, half)| *value = f32::from_bits(half));
}

/// The seed that [`write_seed`] stored.
pub(crate) fn read_seed(values: &[f32]) -> u64 {
    values.iter().rev().fold(0, |seed, value| seed << 32 | u64::from(value.to_bits()))
}
