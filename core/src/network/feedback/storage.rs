//! The storage of fixed feedback: in the training's memory, in a table in flash, or regenerated from its seed.
//!
//! All three give the same feedback weights, so the results of a training do not depend on the storage.

use crate::capabilities;

/// The storage of the feedback of `(R)`, `(DFA)` and `(DRTP)`. The feedback of other rules changes and lies in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Storage {
    /// In the training's memory: the fastest. The feedback is part of the state and of checkpoints.
    #[default]
    Memory,
    /// In a table, in the flash of a device: no RAM. [`Architecture::feedback_table`](crate::Architecture::feedback_table)
    /// computes the table at compile time, and [`Trainer::set_table`](crate::Trainer::set_table) sets it. It is not part of
    /// a state, a snapshot or a fingerprint: a training that resumes needs the same table.
    Table,
    /// Regenerated from the seed at each use: 8 bytes of RAM for the seed, and about 40 instructions per value on a
    /// Cortex-M4F.
    Seed,
}

impl Storage {
    /// Length of the seed in `f32`.
    pub(crate) const SEED_LEN: usize = 2;

    /// Length in `f32` of the seed in memory; 0 for the other storages.
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
