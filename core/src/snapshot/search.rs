//! The search for the newest complete state in the two slots, a chunk at a time.

use core::task::Poll;

use embedded_storage::nor_flash::ReadNorFlash;

use super::chunk::{CHUNK, Chunk};
use super::header::{HEADER, Header, VERSION, checksum};

/// A slot that holds a complete state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Offset of the slot.
    pub(super) start: u32,
    pub(super) header: Header,
}

/// The values of a slot whose header is complete, as far as they are read.
struct Values {
    header: Header,
    read: usize,
    sum: crc::Digest<'static, u32>,
}

/// Reads the headers of both slots, and the values under each that is complete, against its checksum.
///
/// Each slot is read a second time if the first read fails. A slot that fails twice, for instance because a power cut left a word with
/// wrong check bits, counts as empty, unless the other slot is empty as well.
pub(super) struct Search<E> {
    /// Offsets of the slots.
    slots: [u32; 2],
    /// Bytes of a slot.
    len: u32,
    /// The slot that is read, and whether for the second time.
    slot: usize,
    again: bool,
    values: Option<Values>,
    newest: Option<Found>,
    failure: Option<E>,
}

impl<E> Search<E> {
    pub(super) const fn new(slots: [u32; 2], len: u32) -> Self {
        Self { slots, len, slot: 0, again: false, values: None, newest: None, failure: None }
    }

    /// Reads a header or a chunk. Ready with the newest complete state, when both slots are read.
    pub(super) fn poll<F: ReadNorFlash<Error = E>>(&mut self, flash: &mut F) -> Result<Poll<Option<Found>>, E> {
        let Some(start) = self.slots.get(self.slot).copied() else {
            return match (self.newest, self.failure.take()) {
                (None, Some(error)) => {
                    // Polled again, it reads both slots again: an unreadable one would count as empty, and be erased.
                    self.slot = 0;
                    Err(error)
                }
                (newest, _) => Ok(Poll::Ready(newest)),
            };
        };
        match self.read(flash, start) {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(header)) => {
                // Sequence numbers wrap.
                let newer = |header: &Header| {
                    self.newest.is_none_or(|other| header.save.wrapping_sub(other.header.save) <= u32::MAX / 2)
                };
                if let Some(header) = header.filter(newer) {
                    self.newest = Some(Found { start, header });
                }
                self.next_slot();
            }
            Err(_) if !self.again => (self.again, self.values) = (true, None),
            Err(error) => {
                self.failure = Some(error);
                self.next_slot();
            }
        }
        Ok(Poll::Pending)
    }

    fn next_slot(&mut self) {
        (self.slot, self.again, self.values) = (self.slot + 1, false, None);
    }

    /// Reads the header of a slot or its next chunk. Ready with the header, or with `None` if the slot holds no complete state.
    fn read<F: ReadNorFlash<Error = E>>(&mut self, flash: &mut F, start: u32) -> Result<Poll<Option<Header>>, E> {
        let Some(values) = &mut self.values else {
            let mut bytes = [0; HEADER as usize];
            flash.read(start, &mut bytes)?;
            let Some(header) = Header::decode(&bytes) else { return Ok(Poll::Ready(None)) };
            // The values of another version may lie in another way.
            if header.version != VERSION {
                return Ok(Poll::Ready(Some(header)));
            }
            if header.len > (self.len - HEADER) / 4 {
                return Ok(Poll::Ready(None));
            }
            self.values = Some(Values { header, read: 0, sum: checksum() });
            return Ok(Poll::Pending);
        };
        let chunk = Chunk::of(start, values.read, values.header.len as usize);
        if chunk.count == 0 {
            let complete = values.sum.clone().finalize() == values.header.crc;
            return Ok(Poll::Ready(complete.then_some(values.header)));
        }
        let mut bytes = [0; 4 * CHUNK];
        values.sum.update(chunk.read(flash, &mut bytes)?);
        values.read += chunk.count;
        Ok(Poll::Pending)
    }
}
