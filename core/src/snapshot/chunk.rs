//! The values of a slot that are read or written at a time.

use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};

use super::header::HEADER;

/// Values of a chunk.
pub(super) const CHUNK: usize = 64;

/// Up to [`CHUNK`] values of a slot.
#[derive(Clone, Copy)]
pub(super) struct Chunk {
    /// Offset in the flash.
    offset: u32,
    /// Number of values; 0 after the last.
    pub(super) count: usize,
}

impl Chunk {
    /// The chunk that begins with value `first` of the `len` values in the slot at `start`.
    #[expect(clippy::cast_possible_truncation, reason = "a slot is shorter than 2^32 bytes")]
    pub(super) fn of(start: u32, first: usize, len: usize) -> Self {
        Self { offset: start + HEADER + 4 * first as u32, count: len.saturating_sub(first).min(CHUNK) }
    }

    /// The bytes of the chunk in the flash.
    pub(super) fn read<'b, F: ReadNorFlash>(
        &self,
        flash: &mut F,
        bytes: &'b mut [u8; 4 * CHUNK],
    ) -> Result<&'b [u8], F::Error> {
        let whole_words = (4 * self.count).next_multiple_of(F::READ_SIZE.max(1));
        flash.read(self.offset, bytes.get_mut(..whole_words).unwrap_or(&mut []))?;
        Ok(bytes.get(..4 * self.count).unwrap_or(&[]))
    }

    /// Writes the values, and returns their bytes.
    pub(super) fn write<'b, F: NorFlash>(
        &self,
        flash: &mut F,
        values: &[f32],
        bytes: &'b mut [u8; 4 * CHUNK],
    ) -> Result<&'b [u8], F::Error> {
        bytes.as_chunks_mut().0.iter_mut().zip(values).for_each(|(word, value)| *word = value.to_le_bytes());
        let whole_words = (4 * self.count).next_multiple_of(F::WRITE_SIZE.max(1));
        flash.write(self.offset, bytes.get(..whole_words).unwrap_or(&[]))?;
        Ok(bytes.get(..4 * self.count).unwrap_or(&[]))
    }
}
