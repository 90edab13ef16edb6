//! [`Save`]: a save in slices.

use core::task::Poll;

use embedded_storage::nor_flash::NorFlash;

use super::chunk::{CHUNK, Chunk};
use super::error::SnapshotError;
use super::header::{HEADER, Header, UserBytes, VERSION, checksum};
use super::search::{Found, Search};
use super::slots::Snapshots;
use crate::plan::Layout;
use crate::slices::range;
use crate::train::Trainer;

/// A save that [`Snapshots::start_save`] began, and that [`Save::poll`] makes slice by slice.
///
/// The trainer is borrowed until the save is complete or dropped. A save that is dropped leaves the last snapshot as it was.
#[must_use = "a save does nothing until it is polled"]
pub struct Save<'s, F: NorFlash> {
    snapshots: &'s mut Snapshots<F>,
    state: &'s [f32],
    /// Indices of the values that may have any bits: those of a seed.
    seed: core::ops::Range<usize>,
    /// The header to be written; its sequence number and checksum are set on the way.
    header: Header,
    phase: Phase<F::Error>,
}

/// What the next slice does.
enum Phase<E> {
    /// Checks that the values from this one on are finite.
    Check(usize),
    /// Looks for the newest state, whose slot is kept.
    Search(Search<E>),
    /// Erases the page at `at` of the slot that begins at `start`.
    Erase {
        start: u32,
        at: u32,
    },
    /// Writes the values from `first` on.
    Write {
        start: u32,
        first: usize,
        sum: crc::Digest<'static, u32>,
    },
    Complete,
}

impl<F: NorFlash> core::fmt::Debug for Save<'_, F> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Save").field("steps", &self.header.steps).finish_non_exhaustive()
    }
}

impl<F: NorFlash> Save<'_, F> {
    /// Runs the next slice: it reads, checks or writes up to 256 bytes, or erases one page. Ready after the last.
    ///
    /// # Errors
    /// As [`Snapshots::save`]. After an error, begin another save.
    pub fn poll(&mut self) -> Result<Poll<()>, SnapshotError<F::Error>> {
        let next = match &mut self.phase {
            Phase::Complete => return Ok(Poll::Ready(())),
            Phase::Check(first) => {
                let first = *first;
                let values = range(self.state, first, CHUNK.min(self.state.len().saturating_sub(first)));
                for (index, value) in (first..).zip(values) {
                    if !value.is_finite() && !self.seed.contains(&index) {
                        return Err(SnapshotError::NonFinite { index, found: *value });
                    }
                }
                match self.snapshots.newest {
                    _ if values.len() == CHUNK => Phase::Check(first + CHUNK),
                    Some(newest) => self.erase(Some(newest)),
                    None => Phase::Search(self.snapshots.search()),
                }
            }
            Phase::Search(search) => match search.poll(&mut self.snapshots.flash)? {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(newest) => self.erase(newest),
            },
            Phase::Erase { start, at } => {
                let page = u32::try_from(F::ERASE_SIZE).unwrap_or(self.snapshots.slot);
                let (start, next) = (*start, at.saturating_add(page));
                self.snapshots.flash.erase(*at, next)?;
                if next < start.saturating_add(self.snapshots.slot) {
                    Phase::Erase { start, at: next }
                } else {
                    Phase::Write { start, first: 0, sum: checksum() }
                }
            }
            Phase::Write { start, first, sum } => {
                let chunk = Chunk::of(*start, *first, self.state.len());
                if chunk.count > 0 {
                    let mut bytes = [0xFF; 4 * CHUNK];
                    let values = range(self.state, *first, chunk.count);
                    sum.update(chunk.write(&mut self.snapshots.flash, values, &mut bytes)?);
                    *first += chunk.count;
                    return Ok(Poll::Pending);
                }
                self.header.crc = sum.clone().finalize();
                self.snapshots.flash.write(*start, &self.header.encode())?;
                self.snapshots.newest = Some(Found { start: *start, header: self.header });
                Phase::Complete
            }
        };
        self.phase = next;
        Ok(if matches!(self.phase, Phase::Complete) { Poll::Ready(()) } else { Poll::Pending })
    }

    /// Polls until the save is complete.
    ///
    /// # Errors
    /// As [`Snapshots::save`].
    pub fn finish(mut self) -> Result<(), SnapshotError<F::Error>> {
        while self.poll()?.is_pending() {}
        Ok(())
    }

    /// The erasure of the slot that does not hold the newest state.
    fn erase(&mut self, newest: Option<Found>) -> Phase<F::Error> {
        self.snapshots.newest = newest;
        let [first, second] = self.snapshots.slots();
        let start = match newest {
            Some(newest) if newest.start == first => second,
            _ => first,
        };
        self.header.save = newest.map_or(0, |newest| newest.header.save.wrapping_add(1));
        Phase::Erase { start, at: start }
    }
}

impl<F: NorFlash> Snapshots<F> {
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
        self.start_save(trainer, user)?.finish()
    }

    /// Begins a save, which [`Save::poll`] makes slice by slice.
    ///
    /// The first save of a `Snapshots` that has not loaded reads both slots, to keep the newest state. Later ones know it.
    ///
    /// # Errors
    /// [`SnapshotError::StepRunning`] or [`SnapshotError::Slot`].
    pub fn start_save<'s, const CAPS: u32, K>(
        &'s mut self,
        trainer: &'s Trainer<'_, CAPS, K>,
        user: &UserBytes,
    ) -> Result<Save<'s, F>, SnapshotError<F::Error>> {
        if trainer.is_stepping() {
            return Err(SnapshotError::StepRunning);
        }
        // The two values of a seed may have any bits, even those of NaN.
        let layout = Layout::new::<CAPS>(&trainer.network(), trainer.training());
        let end = layout.parameters.saturating_add(layout.feedback);
        let seed = end.saturating_sub(trainer.training().storage().seed_len())..end;
        let header = Header {
            version: VERSION,
            fingerprint: trainer.network().fingerprint(trainer.training()),
            save: 0,
            len: u32::try_from(trainer.state().len()).unwrap_or(u32::MAX),
            steps: trainer.steps(),
            user: *user,
            crc: 0,
        };
        let expected = header.len.saturating_mul(4).saturating_add(HEADER);
        if expected > self.slot {
            return Err(SnapshotError::Slot { expected, found: self.slot });
        }
        Ok(Save { snapshots: self, state: trainer.state(), seed, header, phase: Phase::Check(0) })
    }
}
