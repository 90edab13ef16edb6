//! A NOR flash in RAM, because the emulated board has none.

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};

/// A flash that is erased in pages of 4 KiB and written in words of 8 bytes.
pub struct Flash<'a>(pub &'a mut [u8]);

impl Flash<'_> {
    fn range(&mut self, offset: u32, length: usize) -> Result<&mut [u8], NorFlashErrorKind> {
        let from = offset as usize;
        self.0.get_mut(from..from.saturating_add(length)).ok_or(NorFlashErrorKind::OutOfBounds)
    }
}

impl ErrorType for Flash<'_> {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        let stored = self.range(offset, bytes.len())?;
        bytes.iter_mut().zip(stored).for_each(|(byte, stored)| *byte = *stored);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for Flash<'_> {
    const WRITE_SIZE: usize = 8;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        self.range(from, to.saturating_sub(from) as usize)?.fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        let stored = self.range(offset, bytes.len())?;
        stored.iter_mut().zip(bytes).for_each(|(byte, new)| *byte &= *new);
        Ok(())
    }
}
