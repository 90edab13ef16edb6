//! Checkpoints: all that the next step depends on, in one file that is whole or not there.
//!
//! A line of JSON ([`Checkpoint`]), then the trainer's state as little-endian f32, then a SHA-256 over both. State is streamed
//! both ways: there is never a second copy of it in memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::CheckpointError;
use super::lines::Lengths;
use crate::atomic;

/// Rises when older programs could not read the file any more.
const FORMAT: u32 = 1;
/// Bytes of the checksum at the end.
const CHECKSUM: usize = 32;
/// No header is longer: a file without a line end is none of ours.
const MOST_HEADER: u64 = 65_536;
/// Numbers converted at a time.
const CHUNK: usize = 16_384;

/// Where a run stands. The order of samples is a function of seed and step, so no generator's state is needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// Version of this format.
    pub format: u32,
    /// [`Config::identity`](crate::config::Config::identity) of the run.
    pub identity: String,
    /// Steps made.
    pub step: u64,
    /// The epoch at hand, from 1.
    pub epoch: u32,
    /// Batches of that epoch made.
    pub batch: usize,
    /// What these batches add up to.
    pub sums: Sums,
    /// How much of the logs belongs to the steps made.
    pub logs: Lengths,
    /// Numbers of the trainer's state.
    pub numbers: usize,
    /// Warm-up rounds of weight mirrors that remain before the first step.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rounds_left: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Sums over the batches of an epoch so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sums {
    /// Of the losses of all samples.
    pub loss: f64,
    /// Samples that were right.
    pub correct: usize,
    /// Samples.
    pub samples: usize,
    /// Wall time of the steps.
    pub seconds: f64,
}

impl Checkpoint {
    /// A run of this identity before its first step.
    pub fn start(identity: String, numbers: usize) -> Self {
        let (sums, logs) = (Sums::default(), Lengths::default());
        Self { format: FORMAT, identity, step: 0, epoch: 1, batch: 0, sums, logs, numbers, rounds_left: 0 }
    }

    /// Replaces the file, or leaves it as it was.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn write(&self, file: &Path, state: &[f32]) -> io::Result<()> {
        atomic::write(file, |out| {
            let mut hash = Sha256::new();
            let mut put = |bytes: &[u8]| {
                hash.update(bytes);
                out.write_all(bytes)
            };
            let mut header = serde_json::to_vec(self)?;
            header.push(b'\n');
            put(&header)?;
            let mut bytes = Vec::with_capacity(4 * CHUNK);
            for numbers in state.chunks(CHUNK) {
                bytes.clear();
                bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
                put(&bytes)?;
            }
            let checksum = hash.finalize();
            out.write_all(&checksum)
        })
    }
}

/// A checkpoint file that is open: its header read, its length as the header says, its numbers still to come.
#[derive(Debug)]
pub struct CheckpointReader {
    file: PathBuf,
    reader: BufReader<File>,
    header: Vec<u8>,
    checkpoint: Checkpoint,
}

impl CheckpointReader {
    /// Opens a checkpoint; `None` if there is none.
    ///
    /// # Errors
    /// [`CheckpointError`] if it cannot be read, or is cut short.
    pub fn open(file: &Path) -> Result<Option<Self>, CheckpointError> {
        let failed = |cause| CheckpointError::Io { file: file.to_owned(), cause };
        let damaged = |problem| CheckpointError::Damaged { file: file.to_owned(), problem };
        let opened = match File::open(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(failed)?,
        };
        let found = opened.metadata().map_err(failed)?.len();
        let mut reader = BufReader::new(opened);
        let mut header = Vec::new();
        reader.by_ref().take(MOST_HEADER).read_until(b'\n', &mut header).map_err(failed)?;
        // A newer program's header has fields that this one does not know.
        let format =
            serde_json::from_slice::<serde_json::Value>(&header).ok().and_then(|header| header["format"].as_u64());
        if format.is_some_and(|format| format > u64::from(FORMAT)) {
            return Err(CheckpointError::Other { file: file.to_owned(), found: "a newer version of this program" });
        }
        let checkpoint: Checkpoint = serde_json::from_slice(&header)
            .map_err(|error| damaged(format!("its first line is no header: {error}")))?;
        let rest = (header.len() + CHECKSUM) as u64;
        let expected = (checkpoint.numbers as u64).checked_mul(4).and_then(|bytes| bytes.checked_add(rest));
        if expected != Some(found) {
            return Err(damaged(format!("{found} bytes, but its header counts {} numbers", checkpoint.numbers)));
        }
        Ok(Some(Self { file: file.to_owned(), reader, header, checkpoint }))
    }

    /// Reads the state of the run `identity`.
    ///
    /// # Errors
    /// [`CheckpointError`] if a bit is not as it was written, or the state is another run's; `state` is then undefined.
    pub fn read(mut self, identity: &str, state: &mut [f32]) -> Result<Checkpoint, CheckpointError> {
        let other = |found| CheckpointError::Other { file: self.file.clone(), found };
        if self.checkpoint.format != FORMAT {
            return Err(other("another version of this program"));
        }
        if self.checkpoint.numbers != state.len() {
            return Err(other("another network"));
        }
        let failed = |cause| CheckpointError::Io { file: self.file.clone(), cause };
        let mut hash = Sha256::new_with_prefix(&self.header);
        let mut bytes = vec![0; 4 * CHUNK];
        for numbers in state.chunks_mut(CHUNK) {
            let bytes = &mut bytes[..4 * numbers.len()];
            self.reader.read_exact(bytes).map_err(failed)?;
            hash.update(&*bytes);
            for (number, bytes) in numbers.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *number = f32::from_le_bytes(*bytes);
            }
        }
        let mut checksum = [0; CHECKSUM];
        self.reader.read_exact(&mut checksum).map_err(failed)?;
        if hash.finalize()[..] != checksum {
            let problem = "its checksum does not match".to_owned();
            return Err(CheckpointError::Damaged { file: self.file, problem });
        }
        if self.checkpoint.identity != identity {
            return Err(other("another run"));
        }
        Ok(self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn written(folder: &Path, numbers: u16) -> (PathBuf, Vec<f32>) {
        let state: Vec<f32> = (0..numbers).map(|i| f32::from(i).sin()).collect();
        let file = folder.join("checkpoint");
        Checkpoint::start("me".into(), state.len()).write(&file, &state).unwrap();
        (file, state)
    }

    fn read(file: &Path, numbers: u16) -> Result<Vec<f32>, CheckpointError> {
        let mut state = vec![0.0; numbers.into()];
        CheckpointReader::open(file)?.unwrap().read("me", &mut state)?;
        Ok(state)
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let (file, state) = written(folder.path(), 40_000);
        assert_eq!(read(&file, 40_000).unwrap(), state);
        assert!(!folder.path().join("checkpoint.part").exists());
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_an_error_that_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (file, _) = written(folder.path(), 40);
        let whole = fs::read(&file).unwrap();
        for (index, bit) in (0..whole.len()).flat_map(|index| (0..8).map(move |bit| (index, bit))) {
            let mut bytes = whole.clone();
            bytes[index] ^= 1 << bit;
            fs::write(&file, bytes).unwrap();
            let error = read(&file, 40).unwrap_err().to_string();
            assert!(error.contains("checkpoint:") && error.contains("--fresh"), "{index} {bit}: {error}");
        }
        for length in [0, 1, 100, whole.len() / 2, whole.len() - 1] {
            fs::write(&file, &whole[..length]).unwrap();
            assert!(matches!(read(&file, 40), Err(CheckpointError::Damaged { .. })), "{length}");
        }
    }

    #[test]
    fn a_header_that_counts_too_much_is_an_error_and_takes_no_memory() {
        let folder = tempfile::tempdir().unwrap();
        let (file, _) = written(folder.path(), 40);
        let whole = fs::read(&file).unwrap();
        let header = whole.iter().position(|byte| *byte == b'\n').unwrap();
        let text = String::from_utf8(whole[..header].to_vec()).unwrap();
        // Times four, the last one is 160 in 64 bits.
        for numbers in [u64::MAX, 1 << 40, (1 << 62) + 40] {
            let text = text.replace("\"numbers\":40", &format!("\"numbers\":{numbers}"));
            fs::write(&file, [text.as_bytes(), &whole[header..]].concat()).unwrap();
            assert!(matches!(read(&file, 40), Err(CheckpointError::Damaged { .. })), "{numbers}");
        }
    }
}
