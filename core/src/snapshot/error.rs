//! Why a state is not saved or not loaded.

use core::fmt;

/// Why a state was not saved or not loaded. The trainer is unchanged, except by [`SnapshotError::Flash`] while loading.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SnapshotError<E> {
    /// The flash failed to read, write or erase.
    Flash(E),
    /// The range is not two slots of whole pages in the flash, 128 bytes or more each.
    Range,
    /// The words of the flash do not divide the header of 128 bytes.
    Word {
        /// Bytes of a word that is read or written.
        found: u32,
    },
    /// The state does not fit into a slot.
    Slot {
        /// Bytes needed.
        expected: u32,
        /// Bytes of a slot.
        found: u32,
    },
    /// Neither slot holds a complete state.
    Empty,
    /// The newest state has another version of the format.
    Version {
        /// The version that this crate reads.
        expected: u32,
        /// The version of the state.
        found: u32,
    },
    /// The newest state belongs to another network or training.
    Foreign {
        /// The fingerprint of this training.
        expected: u32,
        /// The fingerprint of the state.
        found: u32,
    },
    /// The trainer's network is not that of the state with as many outputs or more.
    OtherNetwork,
    /// A step is running: some weights are updated and others are not.
    StepRunning,
    /// A value of the state to be saved is infinite or NaN, so no training could resume from it.
    NonFinite {
        /// Index of the value in [`Trainer::state`](crate::Trainer::state).
        index: usize,
        /// The value.
        found: f32,
    },
}

impl<E> From<E> for SnapshotError<E> {
    fn from(error: E) -> Self {
        Self::Flash(error)
    }
}

impl<E: fmt::Debug> fmt::Display for SnapshotError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "the flash failed: {error:?}"),
            Self::Range => f.write_str(
                "the range for snapshots is not two slots of whole pages in the flash, of 128 bytes or more each",
            ),
            Self::Word { found } => {
                write!(f, "the words of the flash have to divide the 128 bytes of a header, found {found} bytes")
            }
            Self::Slot { expected, found } => write!(f, "the state needs a slot of {expected} bytes, found {found}"),
            Self::Empty => f.write_str("the flash holds no complete state"),
            Self::Version { expected, found } => {
                write!(f, "the state in the flash has version {found} of the format, this is version {expected}")
            }
            Self::Foreign { expected, found } => {
                write!(f, "the state in the flash is of training {found:#010x}, this is {expected:#010x}")
            }
            Self::OtherNetwork => f.write_str("the network has to be that of the state with as many outputs or more"),
            Self::StepRunning => f.write_str("a step is running: poll until it is ready"),
            Self::NonFinite { index, found } => {
                write!(f, "value {index} of the state has to be finite, found {found}: the last snapshot is kept")
            }
        }
    }
}

impl<E: fmt::Debug> core::error::Error for SnapshotError<E> {}
