//! Two slots in a flash, written alternately.

use core::ops::Range;
use core::task::Poll;

use embedded_storage::nor_flash::NorFlash;

use super::chunk::{CHUNK, Chunk};
use super::error::SnapshotError;
use super::header::{HEADER, UserBytes, VERSION};
use super::search::{Found, Search};
use crate::network::Architecture;
use crate::plan::Growth;
use crate::slices::range;
use crate::train::Trainer;

/// Two slots for snapshots in a flash.
#[derive(Debug)]
pub struct Snapshots<F> {
    pub(super) flash: F,
    /// Offset of the first slot.
    start: u32,
    /// Bytes of a slot.
    pub(super) slot: u32,
    /// The newest complete state, once it was searched for, loaded or saved.
    pub(super) newest: Option<Found>,
}

impl<F: NorFlash> Snapshots<F> {
    /// Snapshots in the bytes `range` of `flash`: two slots of whole pages, each of [`Snapshots::slot`] bytes or more.
    ///
    /// # Errors
    /// [`SnapshotError::Range`], or [`SnapshotError::Word`] if the flash has words that do not divide a header.
    pub fn new(flash: F, range: Range<u32>) -> Result<Self, SnapshotError<F::Error>> {
        let (start, slot) = (range.start, range.end.saturating_sub(range.start) / 2);
        let page = u32::try_from(F::ERASE_SIZE).unwrap_or(0);
        let words = [F::WRITE_SIZE, F::READ_SIZE].map(|size| u32::try_from(size).unwrap_or(0));
        let whole = |bytes: u32, unit: u32| unit > 0 && bytes.is_multiple_of(unit);
        let inside = usize::try_from(range.end).is_ok_and(|end| end <= flash.capacity());
        if let Some(found) = words.into_iter().find(|word| !whole(HEADER, *word)) {
            return Err(SnapshotError::Word { found });
        }
        let pages = slot >= HEADER && whole(start, page) && whole(slot, page);
        if pages && inside { Ok(Self { flash, start, slot, newest: None }) } else { Err(SnapshotError::Range) }
    }

    /// Bytes of the smallest slot for a state of `len` values, see [`Architecture::state`](crate::Architecture::state). With slots of another
    /// size the second one lies elsewhere, and an older state is found: take the largest network that the device will ever have.
    #[expect(clippy::cast_possible_truncation, reason = "compared before; constants have no `try_from`")]
    pub const fn slot(len: usize) -> u32 {
        let bytes = len.saturating_mul(4).saturating_add(HEADER as usize);
        let pages = bytes.div_ceil(F::ERASE_SIZE);
        let bytes = pages.saturating_mul(F::ERASE_SIZE);
        if bytes > u32::MAX as usize { u32::MAX } else { bytes as u32 }
    }

    /// Returns the flash.
    pub fn release(self) -> F {
        self.flash
    }

    /// Loads the newest complete state and returns the caller's bytes.
    ///
    /// A snapshot contains neither a learning rate of [`Trainer::set_rate`] nor a feedback table: the trainer keeps its own.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn load<const CAPS: u32, K>(
        &mut self,
        trainer: &mut Trainer<'_, CAPS, K>,
    ) -> Result<UserBytes, SnapshotError<F::Error>> {
        let network = trainer.network();
        self.load_smaller(trainer, &network)
    }

    /// Loads the newest complete state, of a training of `smaller`: the trainer's network with fewer outputs. See
    /// [`Trainer::grow_from`]. The range and its slots have to be those of the saves, see [`Snapshots::slot`].
    ///
    /// # Errors
    /// As [`Snapshots::load`]; [`SnapshotError::OtherNetwork`] if the networks differ in more than the number of outputs, or `smaller`
    /// has more.
    pub fn load_smaller<const CAPS: u32, K>(
        &mut self,
        trainer: &mut Trainer<'_, CAPS, K>,
        smaller: &Architecture<'_>,
    ) -> Result<UserBytes, SnapshotError<F::Error>> {
        let (network, training) = (trainer.network(), *trainer.training());
        let growth = Growth::new(*smaller, network, &training).ok_or(SnapshotError::OtherNetwork)?;
        let (steps, user) = self.read(trainer.state_mut(), &growth, smaller.fingerprint(&training))?;
        trainer.resume(steps);
        Ok(user)
    }

    fn read(
        &mut self,
        state: &mut [f32],
        growth: &Growth<'_>,
        fingerprint: u32,
    ) -> Result<(u64, UserBytes), SnapshotError<F::Error>> {
        let mut search = self.search();
        let newest = loop {
            if let Poll::Ready(newest) = search.poll(&mut self.flash)? {
                break newest;
            }
        };
        self.newest = newest;
        let Found { start, header } = newest.ok_or(SnapshotError::Empty)?;
        if header.version != VERSION {
            return Err(SnapshotError::Version { expected: VERSION, found: header.version });
        }
        if header.fingerprint != fingerprint || usize::try_from(header.len) != Ok(growth.len()) {
            return Err(SnapshotError::Foreign { expected: fingerprint, found: header.fingerprint });
        }
        for first in (0..growth.len()).step_by(CHUNK) {
            let (mut bytes, mut values) = ([0; 4 * CHUNK], [0.0; CHUNK]);
            let chunk = Chunk::of(start, first, growth.len());
            let words = chunk.read(&mut self.flash, &mut bytes)?.as_chunks().0;
            values.iter_mut().zip(words).for_each(|(value, word)| *value = f32::from_le_bytes(*word));
            growth.copy(first, range(&values, 0, chunk.count), state);
        }
        Ok((header.steps, header.user))
    }

    /// The offsets of the slots.
    pub(super) fn slots(&self) -> [u32; 2] {
        [self.start, self.start.saturating_add(self.slot)]
    }

    pub(super) fn search(&self) -> Search<F::Error> {
        Search::new(self.slots(), self.slot)
    }
}
