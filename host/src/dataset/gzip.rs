//! gzip files: their members one after the other are one stream (RFC 1952, 2.2). Bytes behind the last member that begin no other
//! are passed over, as `gzip` does.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// What each member begins with.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The contents of all members.
pub(super) struct Members<R> {
    /// `None` behind the last one.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> Members<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { member: Some(GzDecoder::new(reader)) }
    }
}

impl<R: BufRead> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            // The member is over, and its checksum is right.
            let Some(mut reader) = self.member.take().map(GzDecoder::into_inner) else { break };
            let next = reader.fill_buf()?;
            let shown = next.len().min(MAGIC.len());
            if shown > 0 && next[..shown] == MAGIC[..shown] {
                self.member = Some(GzDecoder::new(reader));
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::{BufReader, Write};

    fn member(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(vec![], Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8], buffer: usize) -> io::Result<Vec<u8>> {
        let mut found = vec![];
        Members::new(BufReader::with_capacity(buffer, bytes)).read_to_end(&mut found).map(|_| found)
    }

    #[test]
    fn members_are_one_stream_wherever_a_buffer_ends() {
        let file = [member(b"one, "), member(b""), member(b"two"), vec![0; 9]].concat();
        for buffer in 1..80 {
            assert_eq!(read(&file, buffer).unwrap(), b"one, two", "{buffer}");
        }
    }

    #[test]
    fn a_member_that_is_cut_short_is_an_error() {
        let whole = [member(b"one"), member(b"two")].concat();
        let first = member(b"one").len();
        for length in (1..whole.len()).filter(|length| *length != first) {
            assert!(read(&whole[..length], 64).is_err(), "{length}");
        }
        assert_eq!(read(&whole[..first], 64).unwrap(), b"one");
    }
}
