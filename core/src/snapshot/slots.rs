//! Two slots in a flash, written alternately.

use core::ops::Range;

use embedded_storage::nor_flash::NorFlash;

use super::error::SnapshotError;
use super::header::{CRC_START, HEADER, Header, UserBytes, VERSION, crc};
use crate::plan::Layout;
use crate::train::Trainer;

/// Values written at a time, and their bytes.
const CHUNK: usize = 64;
const CHUNK_BYTES: u32 = 256;

/// Two slots for snapshots in a flash.
#[derive(Debug)]
pub struct Snapshots<F> {
    flash: F,
    /// Offset of the first slot.
    start: u32,
    /// Bytes of a slot.
    slot: u32,
}

impl<F: NorFlash> Snapshots<F> {
    /// Snapshots in the bytes `range` of `flash`: two slots of whole pages, each of [`Snapshots::slot`] bytes or more.
    ///
    /// # Errors
    /// [`SnapshotError::Range`].
    pub fn new(flash: F, range: Range<u32>) -> Result<Self, SnapshotError<F::Error>> {
        let (start, slot) = (range.start, range.end.saturating_sub(range.start) / 2);
        let page = u32::try_from(F::ERASE_SIZE).unwrap_or(0);
        let words = [F::WRITE_SIZE, F::READ_SIZE].map(|size| u32::try_from(size).unwrap_or(0));
        let whole = |bytes: u32, unit: u32| unit > 0 && bytes.is_multiple_of(unit);
        let inside = usize::try_from(range.end).is_ok_and(|end| end <= flash.capacity());
        let pages = slot >= HEADER && whole(start, page) && whole(slot, page);
        if pages && inside && words.iter().all(|word| whole(HEADER, *word)) {
            Ok(Self { flash, start, slot })
        } else {
            Err(SnapshotError::Range)
        }
    }

    /// Bytes of the smallest slot for a state of `len` values, see [`Architecture::state`](crate::Architecture::state).
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

    /// Saves a training's state between two steps, together with 32 bytes of the caller.
    ///
    /// # Errors
    /// [`SnapshotError`]; the last snapshot can still be loaded.
    ///
    /// If the flash fails twice to read a slot and the other slot holds no complete state, nothing is erased, because the
    /// unreadable slot may hold the only state. If the error persists and no state is to be kept (a power cut during the
    /// first save can leave words whose check bits are wrong), [`Snapshots::release`] the flash and erase the range.
    pub fn save<const CAPS: u32, K>(
        &mut self,
        trainer: &Trainer<'_, CAPS, K>,
        user: &UserBytes,
    ) -> Result<(), SnapshotError<F::Error>> {
        if trainer.is_stepping() {
            return Err(SnapshotError::StepRunning);
        }
        // The two values of a seed may have any bits, even those of NaN.
        let layout = Layout::new::<CAPS>(&trainer.network(), trainer.training());
        let end = layout.parameters.saturating_add(layout.feedback);
        let seed = end.saturating_sub(trainer.training().storage.seed_len())..end;
        let mut values = trainer.state().iter().enumerate();
        if let Some((index, found)) = values.find(|(index, value)| !value.is_finite() && !seed.contains(index)) {
            return Err(SnapshotError::NonFinite { index, found: *found });
        }
        let fingerprint = trainer.network().fingerprint(trainer.training());
        self.write(trainer.state(), fingerprint, trainer.steps(), user)
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
        let fingerprint = trainer.network().fingerprint(trainer.training());
        let (steps, user) = self.read(trainer.state_mut(), fingerprint)?;
        trainer.resume(steps);
        Ok(user)
    }

    fn write(
        &mut self,
        state: &[f32],
        fingerprint: u32,
        steps: u64,
        user: &UserBytes,
    ) -> Result<(), SnapshotError<F::Error>> {
        let len = u32::try_from(state.len()).unwrap_or(u32::MAX);
        let expected = len.saturating_mul(4).saturating_add(HEADER);
        if expected > self.slot {
            return Err(SnapshotError::Slot { expected, found: self.slot });
        }
        let (start, save) = match self.newest()? {
            Some((start, header)) => (self.other(start), header.save.wrapping_add(1)),
            None => (self.start, 0),
        };
        self.flash.erase(start, start + self.slot)?;
        let (mut at, mut sum) = (start + HEADER, CRC_START);
        for values in state.chunks(CHUNK) {
            let mut bytes = [0xFF; 4 * CHUNK];
            let words = bytes.as_chunks_mut().0;
            words.iter_mut().zip(values).for_each(|(word, value)| *word = value.to_le_bytes());
            sum = crc(sum, bytes.get(..4 * values.len()).unwrap_or(&[]));
            self.flash.write(at, bytes.get(..whole_words::<F>(values.len())).unwrap_or(&bytes))?;
            at += CHUNK_BYTES;
        }
        let header = Header { version: VERSION, fingerprint, save, len, steps, user: *user, crc: sum };
        Ok(self.flash.write(start, &header.encode())?)
    }

    fn read(&mut self, state: &mut [f32], fingerprint: u32) -> Result<(u64, UserBytes), SnapshotError<F::Error>> {
        let (start, header) = self.newest()?.ok_or(SnapshotError::Empty)?;
        if header.version != VERSION {
            return Err(SnapshotError::Version { expected: VERSION, found: header.version });
        }
        if header.fingerprint != fingerprint || usize::try_from(header.len) != Ok(state.len()) {
            return Err(SnapshotError::Foreign { expected: fingerprint, found: header.fingerprint });
        }
        let mut at = start + HEADER;
        for values in state.chunks_mut(CHUNK) {
            let mut bytes = [0; 4 * CHUNK];
            self.flash.read(at, bytes.get_mut(..whole_words::<F>(values.len())).unwrap_or(&mut []))?;
            let words = bytes.as_chunks().0;
            values.iter_mut().zip(words).for_each(|(value, word)| *value = f32::from_le_bytes(*word));
            at += CHUNK_BYTES;
        }
        Ok((header.steps, header.user))
    }

    /// The offset and the header of the slot with the newest complete state.
    ///
    /// Each slot is read a second time if the first read fails. A slot that fails twice, for instance because a power cut
    /// left a word with wrong check bits, counts as empty, unless the other slot is empty as well.
    fn newest(&mut self) -> Result<Option<(u32, Header)>, F::Error> {
        let (first, second) = (self.start, self.other(self.start));
        let states = [first, second].map(|start| (start, self.header(start).or_else(|_| self.header(start))));
        let mut newest: Option<(u32, Header)> = None;
        let mut failure = None;
        for (start, state) in states {
            match (state, newest) {
                (Ok(None), _) => {}
                (Err(error), _) => failure = Some(error),
                // Sequence numbers wrap.
                (Ok(Some(header)), Some((_, other))) if header.save.wrapping_sub(other.save) > u32::MAX / 2 => {}
                (Ok(Some(header)), _) => newest = Some((start, header)),
            }
        }
        match (newest, failure) {
            (None, Some(error)) => Err(error),
            _ => Ok(newest),
        }
    }

    fn other(&self, start: u32) -> u32 {
        if start == self.start { self.start + self.slot } else { self.start }
    }

    /// The header of a slot; `None` if the slot holds no complete state.
    fn header(&mut self, start: u32) -> Result<Option<Header>, F::Error> {
        let mut bytes = [0; HEADER as usize];
        self.flash.read(start, &mut bytes)?;
        let Some(header) = Header::decode(&bytes) else { return Ok(None) };
        if header.version != VERSION {
            return Ok(Some(header));
        }
        let fits = header.len <= (self.slot - HEADER) / 4;
        Ok((fits && self.sum(start, header.len as usize)? == header.crc).then_some(header))
    }

    /// CRC-32 of the first `len` values in a slot.
    fn sum(&mut self, start: u32, mut len: usize) -> Result<u32, F::Error> {
        let (mut at, mut sum) = (start + HEADER, CRC_START);
        while len > 0 {
            let count = len.min(CHUNK);
            let mut bytes = [0; 4 * CHUNK];
            self.flash.read(at, bytes.get_mut(..whole_words::<F>(count)).unwrap_or(&mut []))?;
            sum = crc(sum, bytes.get(..4 * count).unwrap_or(&[]));
            at += CHUNK_BYTES;
            len -= count;
        }
        Ok(sum)
    }
}

/// Bytes of `values` values, rounded up to whole words of the flash, whose size divides that of a chunk.
fn whole_words<F: NorFlash>(values: usize) -> usize {
    (4 * values).next_multiple_of(F::WRITE_SIZE.max(1)).next_multiple_of(F::READ_SIZE.max(1))
}
