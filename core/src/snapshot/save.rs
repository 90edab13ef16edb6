//! [`Save`]: a save in slices.

use core::task::Poll;

use embedded_storage::nor_flash::NorFlash;

use super::chunk::{CHUNK, Chunk};
use super::error::SnapshotError;
use super::header::{Header, checksum};
use super::search::{Found, Search};
use super::slots::Snapshots;
use crate::slices::range;

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

impl<'s, F: NorFlash> Save<'s, F> {
    pub(super) fn new(
        snapshots: &'s mut Snapshots<F>,
        state: &'s [f32],
        seed: core::ops::Range<usize>,
        header: Header,
    ) -> Self {
        Self { snapshots, state, seed, header, phase: Phase::Check(0) }
    }

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
