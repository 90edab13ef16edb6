//! The header of a slot, and its checksum.

/// Bytes that belong to the caller, such as the state of a generator or a position in a data set.
pub type UserBytes = [u8; 32];

const MAGIC: u32 = u32::from_le_bytes(*b"ASYM");

/// The version of the format.
pub(super) const VERSION: u32 = 1;

/// Bytes of a header. The word size of every flash divides it.
pub(super) const HEADER: u32 = 128;

/// The header of a slot, see the [module](super) for its layout.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) version: u32,
    pub(super) fingerprint: u32,
    /// Sequence number of the save, wrapping.
    pub(super) save: u32,
    /// Length of the state in values.
    pub(super) len: u32,
    pub(super) steps: u64,
    pub(super) user: UserBytes,
    /// CRC-32 of the values.
    pub(super) crc: u32,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER as usize] {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let steps = [self.steps as u32, (self.steps >> 32) as u32];
        let words = [MAGIC, self.version, self.fingerprint, self.save, self.len, steps[0], steps[1]];
        let mut bytes = [0xFF; HEADER as usize];
        let words = words.into_iter().map(u32::to_le_bytes).chain(self.user.as_chunks().0.iter().copied());
        let words = words.chain([self.crc.to_le_bytes()]);
        bytes.as_chunks_mut().0.iter_mut().zip(words).for_each(|(to, word)| *to = word);
        let check = CRC.checksum(bytes.first_chunk::<64>().unwrap_or(&[0; 64]));
        bytes.as_chunks_mut().0.iter_mut().skip(16).take(1).for_each(|to| *to = check.to_le_bytes());
        bytes
    }

    /// `None` if the bytes are no complete header.
    pub(super) fn decode(bytes: &[u8; HEADER as usize]) -> Option<Self> {
        let words = bytes.as_chunks().0.first_chunk::<17>()?.map(u32::from_le_bytes);
        let [magic, version, fingerprint, save, len, low, high, user @ .., sum, check] = words;
        if magic != MAGIC || check != CRC.checksum(bytes.first_chunk::<64>()?) {
            return None;
        }
        let user: [u32; 8] = user;
        let mut bytes = [0; 32];
        bytes.as_chunks_mut().0.iter_mut().zip(user).for_each(|(to, word)| *to = word.to_le_bytes());
        let steps = u64::from(high) << 32 | u64::from(low);
        Some(Self { version, fingerprint, save, len, steps, user: bytes, crc: sum })
    }
}

/// CRC-32 as in zip files.
static CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// The checksum of no bytes, to be continued.
pub(super) fn checksum() -> crc::Digest<'static, u32> {
    CRC.digest()
}
