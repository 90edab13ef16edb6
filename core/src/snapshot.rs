//! A training's state in NOR flash: whenever the power is cut, one whole state loads.
//!
//! Two slots take turns. [`Snapshots::save`] erases the older one, writes the numbers in chunks of 256 bytes and at last
//! the header, each word once; until the header is whole, the other slot is the newest. Bytes are little-endian, so
//! that a slot written by a host loads on a device and back.
//!
//! | bytes of a slot | content |
//! |---|---|
//! | 0–3 | `ASYM` |
//! | 4–7 | version of this format: 1 |
//! | 8–11 | [`Architecture::fingerprint`](crate::Architecture::fingerprint) |
//! | 12–15 | number of the save |
//! | 16–19 | numbers of the state |
//! | 20–27 | steps made |
//! | 28–59 | the caller's own, such as a generator's state |
//! | 60–63 | CRC-32 of the numbers |
//! | 64–67 | CRC-32 of bytes 0–63 |
//! | 68–127 | 0xFF |
//! | 128– | the state: weights, biases, feedback, optimizer state |

use core::fmt;
use core::ops::Range;

use embedded_storage::nor_flash::NorFlash;

use crate::network::Training;
use crate::network::feedback::Storage;
use crate::network::{Architecture, Operation};
use crate::plan::Layout;
use crate::train::Trainer;

const MAGIC: u32 = u32::from_le_bytes(*b"ASYM");
const VERSION: u32 = 1;
/// Bytes before the numbers. Every size of a flash's words divides it.
const HEADER: u32 = 128;
/// Numbers written at a time.
const CHUNK: usize = 64;
const CHUNK_BYTES: u32 = 256;

/// Bytes that belong to the caller: the state of its generator, the place in its data.
pub type Own = [u8; 32];

/// Two slots in a flash.
#[derive(Debug)]
pub struct Snapshots<F> {
    flash: F,
    /// Where the first slot begins.
    from: u32,
    /// Bytes of a slot.
    slot: u32,
}

/// Why a state was not saved or not loaded. A trainer is then as it was, but for [`SnapshotError::Flash`] while loading.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SnapshotError<E> {
    /// The flash refused to read, write or erase.
    Flash(E),
    /// The bytes are not two slots of whole pages in the flash, 128 bytes or more each, or its words do not divide 128 bytes.
    Place,
    /// The state does not fit into a slot.
    Slot {
        /// Bytes needed.
        expected: u32,
        /// Bytes of a slot.
        found: u32,
    },
    /// Neither slot holds a whole state.
    Empty,
    /// The newest state was written in another version of the format.
    Version {
        /// This version.
        expected: u32,
        /// The one found.
        found: u32,
    },
    /// The newest state is another network's, or another training's.
    Foreign {
        /// This training's fingerprint.
        expected: u32,
        /// The one found.
        found: u32,
    },
    /// A step is under way: its weights are half updated.
    UnderWay,
    /// A number of the state to be saved is infinite or not a number: no training goes on from there.
    NonFinite {
        /// Its place in [`Trainer::state`].
        place: usize,
        /// The number.
        found: f32,
    },
}

impl<E> From<E> for SnapshotError<E> {
    fn from(error: E) -> Self {
        Self::Flash(error)
    }
}

impl<E: fmt::Debug> fmt::Display for SnapshotError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "the flash refused: {error:?}"),
            Self::Place => f.write_str(
                "the place for snapshots is not two slots of whole pages in the flash, of 128 bytes or more each",
            ),
            Self::Slot { expected, found } => write!(f, "the state needs a slot of {expected} bytes, found {found}"),
            Self::Empty => f.write_str("no whole state is in the flash"),
            Self::Version { expected, found } => {
                write!(f, "the state in the flash has version {found} of the format, this is version {expected}")
            }
            Self::Foreign { expected, found } => {
                write!(f, "the state in the flash is of training {found:#010x}, this is {expected:#010x}")
            }
            Self::UnderWay => f.write_str("a step is under way: poll until it is ready"),
            Self::NonFinite { place, found } => {
                write!(f, "number {place} of the state has to be finite, found {found}: the state saved before stays")
            }
        }
    }
}

impl<E: fmt::Debug> core::error::Error for SnapshotError<E> {}

/// What stands before the numbers of a state.
#[derive(Clone, Copy)]
struct Header {
    version: u32,
    fingerprint: u32,
    save: u32,
    numbers: u32,
    steps: u64,
    own: Own,
    crc: u32,
}

impl Header {
    fn encode(&self) -> [u8; HEADER as usize] {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let steps = [self.steps as u32, (self.steps >> 32) as u32];
        let words = [MAGIC, self.version, self.fingerprint, self.save, self.numbers, steps[0], steps[1]];
        let mut bytes = [0xFF; HEADER as usize];
        let words = words.into_iter().map(u32::to_le_bytes).chain(self.own.as_chunks().0.iter().copied());
        let words = words.chain([self.crc.to_le_bytes()]);
        bytes.as_chunks_mut().0.iter_mut().zip(words).for_each(|(place, word)| *place = word);
        let check = crc(CRC_START, bytes.first_chunk::<64>().unwrap_or(&[0; 64]));
        bytes.as_chunks_mut().0.iter_mut().skip(16).take(1).for_each(|place| *place = check.to_le_bytes());
        bytes
    }

    /// `None` if there is no whole header.
    fn decode(bytes: &[u8; HEADER as usize]) -> Option<Self> {
        let words = bytes.as_chunks().0.first_chunk::<17>()?.map(u32::from_le_bytes);
        let [magic, version, fingerprint, save, numbers, low, high, own @ .., sum, check] = words;
        if magic != MAGIC || check != crc(CRC_START, bytes.first_chunk::<64>()?) {
            return None;
        }
        let own: [u32; 8] = own;
        let mut bytes = [0; 32];
        bytes.as_chunks_mut().0.iter_mut().zip(own).for_each(|(place, word)| *place = word.to_le_bytes());
        let steps = u64::from(high) << 32 | u64::from(low);
        Some(Self { version, fingerprint, save, numbers, steps, own: bytes, crc: sum })
    }
}

impl<F: NorFlash> Snapshots<F> {
    /// Snapshots in bytes `place` of `flash`: two slots of whole pages, each of [`Snapshots::slot`] bytes or more.
    ///
    /// # Errors
    /// [`SnapshotError::Place`].
    pub fn new(flash: F, place: Range<u32>) -> Result<Self, SnapshotError<F::Error>> {
        let (from, slot) = (place.start, place.end.saturating_sub(place.start) / 2);
        let page = u32::try_from(F::ERASE_SIZE).unwrap_or(0);
        let words = [F::WRITE_SIZE, F::READ_SIZE].map(|size| u32::try_from(size).unwrap_or(0));
        let whole = |bytes: u32, unit: u32| unit > 0 && bytes.is_multiple_of(unit);
        let inside = usize::try_from(place.end).is_ok_and(|end| end <= flash.capacity());
        let pages = slot >= HEADER && whole(from, page) && whole(slot, page);
        if pages && inside && words.iter().all(|word| whole(HEADER, *word)) {
            Ok(Self { flash, from, slot })
        } else {
            Err(SnapshotError::Place)
        }
    }

    /// Bytes of the smallest slot for a state of so many numbers, see [`Architecture::state`](crate::Architecture::state).
    #[expect(clippy::cast_possible_truncation, reason = "compared before; constants have no `try_from`")]
    pub const fn slot(numbers: usize) -> u32 {
        let bytes = numbers.saturating_mul(4).saturating_add(HEADER as usize);
        let pages = bytes.div_ceil(F::ERASE_SIZE);
        let bytes = pages.saturating_mul(F::ERASE_SIZE);
        if bytes > u32::MAX as usize { u32::MAX } else { bytes as u32 }
    }

    /// Gives the flash back.
    pub fn release(self) -> F {
        self.flash
    }

    /// Saves a training between two steps, with 32 bytes of the caller's.
    ///
    /// # Errors
    /// [`SnapshotError`]; the state saved before still loads. Nothing is erased when the flash refuses, twice, to read a slot
    /// and the other holds no whole state: what it refuses may be the only one. If that lasts, as where a cut of the very
    /// first save left words that their check bits contradict, and there is nothing to lose, [`Snapshots::release`] the flash
    /// and erase the place.
    pub fn save<const CAPS: u32, K>(
        &mut self,
        trainer: &Trainer<'_, CAPS, K>,
        own: &Own,
    ) -> Result<(), SnapshotError<F::Error>> {
        if trainer.is_stepping() {
            return Err(SnapshotError::UnderWay);
        }
        // A seed is no number to calculate with: any bits may stand there.
        let layout = Layout::new(&trainer.network(), trainer.training());
        let end = layout.parameters.saturating_add(layout.feedback);
        let seed = end.saturating_sub(trainer.training().storage.seed_len())..end;
        let mut numbers = trainer.state().iter().enumerate();
        if let Some((place, found)) = numbers.find(|(place, number)| !number.is_finite() && !seed.contains(place)) {
            return Err(SnapshotError::NonFinite { place, found: *found });
        }
        let fingerprint = trainer.network().fingerprint(trainer.training());
        self.write(trainer.state(), fingerprint, trainer.steps(), own)
    }

    /// Loads the newest whole state and gives the caller's bytes.
    ///
    /// A learning rate that [`Trainer::set_rate`] changed is not in it, nor is a table of feedback: the trainer keeps its own.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn load<const CAPS: u32, K>(
        &mut self,
        trainer: &mut Trainer<'_, CAPS, K>,
    ) -> Result<Own, SnapshotError<F::Error>> {
        let fingerprint = trainer.network().fingerprint(trainer.training());
        let (steps, own) = self.read(trainer.state_mut(), fingerprint)?;
        trainer.resume(steps);
        Ok(own)
    }

    fn write(&mut self, state: &[f32], fingerprint: u32, steps: u64, own: &Own) -> Result<(), SnapshotError<F::Error>> {
        let numbers = u32::try_from(state.len()).unwrap_or(u32::MAX);
        let expected = numbers.saturating_mul(4).saturating_add(HEADER);
        if expected > self.slot {
            return Err(SnapshotError::Slot { expected, found: self.slot });
        }
        let (start, save) = match self.newest()? {
            Some((start, header)) => (self.other(start), header.save.wrapping_add(1)),
            None => (self.from, 0),
        };
        self.flash.erase(start, start + self.slot)?;
        let (mut at, mut sum) = (start + HEADER, CRC_START);
        for numbers in state.chunks(CHUNK) {
            let mut bytes = [0xFF; 4 * CHUNK];
            let words = bytes.as_chunks_mut().0;
            words.iter_mut().zip(numbers).for_each(|(word, number)| *word = number.to_le_bytes());
            sum = crc(sum, bytes.get(..4 * numbers.len()).unwrap_or(&[]));
            self.flash.write(at, bytes.get(..whole_words::<F>(numbers.len())).unwrap_or(&bytes))?;
            at += CHUNK_BYTES;
        }
        let header = Header { version: VERSION, fingerprint, save, numbers, steps, own: *own, crc: sum };
        Ok(self.flash.write(start, &header.encode())?)
    }

    fn read(&mut self, state: &mut [f32], fingerprint: u32) -> Result<(u64, Own), SnapshotError<F::Error>> {
        let (start, header) = self.newest()?.ok_or(SnapshotError::Empty)?;
        if header.version != VERSION {
            return Err(SnapshotError::Version { expected: VERSION, found: header.version });
        }
        if header.fingerprint != fingerprint || usize::try_from(header.numbers) != Ok(state.len()) {
            return Err(SnapshotError::Foreign { expected: fingerprint, found: header.fingerprint });
        }
        let mut at = start + HEADER;
        for numbers in state.chunks_mut(CHUNK) {
            let mut bytes = [0; 4 * CHUNK];
            self.flash.read(at, bytes.get_mut(..whole_words::<F>(numbers.len())).unwrap_or(&mut []))?;
            let words = bytes.as_chunks().0;
            numbers.iter_mut().zip(words).for_each(|(number, word)| *number = f32::from_le_bytes(*word));
            at += CHUNK_BYTES;
        }
        Ok((header.steps, header.own))
    }

    /// The slot that holds the newest whole state, where it begins and its header. A slot that cannot be read, as where a
    /// power cut left a word that its check bits contradict, holds none, unless the other holds none either. Each has a second
    /// try.
    fn newest(&mut self) -> Result<Option<(u32, Header)>, F::Error> {
        let (first, second) = (self.from, self.other(self.from));
        let states = [first, second].map(|start| (start, self.header(start).or_else(|_| self.header(start))));
        let mut newest: Option<(u32, Header)> = None;
        let mut refused = None;
        for (start, state) in states {
            match (state, newest) {
                (Ok(None), _) => {}
                (Err(error), _) => refused = Some(error),
                // Saves are counted around.
                (Ok(Some(header)), Some((_, other))) if header.save.wrapping_sub(other.save) > u32::MAX / 2 => {}
                (Ok(Some(header)), _) => newest = Some((start, header)),
            }
        }
        match (newest, refused) {
            (None, Some(error)) => Err(error),
            _ => Ok(newest),
        }
    }

    fn other(&self, start: u32) -> u32 {
        if start == self.from { self.from + self.slot } else { self.from }
    }

    /// The header of a slot whose state is whole.
    fn header(&mut self, start: u32) -> Result<Option<Header>, F::Error> {
        let mut bytes = [0; HEADER as usize];
        self.flash.read(start, &mut bytes)?;
        let Some(header) = Header::decode(&bytes) else { return Ok(None) };
        if header.version != VERSION {
            return Ok(Some(header));
        }
        let fits = header.numbers <= (self.slot - HEADER) / 4;
        Ok((fits && self.sum(start, header.numbers as usize)? == header.crc).then_some(header))
    }

    /// CRC-32 of the numbers in a slot.
    fn sum(&mut self, start: u32, mut numbers: usize) -> Result<u32, F::Error> {
        let (mut at, mut sum) = (start + HEADER, CRC_START);
        while numbers > 0 {
            let count = numbers.min(CHUNK);
            let mut bytes = [0; 4 * CHUNK];
            self.flash.read(at, bytes.get_mut(..whole_words::<F>(count)).unwrap_or(&mut []))?;
            sum = crc(sum, bytes.get(..4 * count).unwrap_or(&[]));
            at += CHUNK_BYTES;
            numbers -= count;
        }
        Ok(sum)
    }
}

impl Architecture<'_> {
    /// A hash of all that a state's order depends on: shapes, layers, rules, optimizer, frozen layers and where fixed
    /// feedback comes from. It stays the same from version to version of this crate and on every target.
    ///
    /// What a state of the same order may differ in is no part of it: batch, loss, rates and other coefficients, and the numbers
    /// of a table of feedback ([`Storage::Table`]).
    pub fn fingerprint(&self, training: &Training) -> u32 {
        let input = self.input();
        let mut hash = [input.channels(), input.rows(), input.cols()].into_iter().fold(HASH_START, hash_number);
        for layer in self.layers() {
            let (code, numbers) = match layer.operation {
                Operation::Dense { outputs } => ("dense", [outputs, 1]),
                Operation::Convolution { filters, kernel } => ("conv", [filters, kernel]),
                Operation::Untied { filters, kernel } => ("untied", [filters, kernel]),
                Operation::MaxPool { size, stride } => ("maxpool", [size, stride]),
                Operation::AveragePool { size, stride } => ("avgpool", [size, stride]),
            };
            hash = hash_text(numbers.into_iter().fold(hash_text(hash, code), hash_number), layer.activation.notation());
            hash = hash_text(hash, layer.feedback.notation());
        }
        hash = hash_number(hash_text(hash, training.optimizer.name()), usize::from(training.frozen));
        let storage = match training.storage {
            Storage::Memory => "memory",
            Storage::Table => "table",
            Storage::Seed => "seed",
        };
        hash_text(hash, storage)
    }
}

/// FNV-1a.
const HASH_START: u32 = 0x811C_9DC5;

fn hash_text(hash: u32, text: &str) -> u32 {
    // The length keeps neighbouring texts apart.
    text.bytes().fold(hash_number(hash, text.len()), hash_byte)
}

#[expect(clippy::cast_possible_truncation, reason = "a size that a device's memory holds")]
fn hash_number(hash: u32, number: usize) -> u32 {
    (number as u32).to_le_bytes().into_iter().fold(hash, hash_byte)
}

fn hash_byte(hash: u32, byte: u8) -> u32 {
    (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
}

/// Bytes of so many numbers, up to a whole word of the flash, which divides a chunk.
fn whole_words<F: NorFlash>(numbers: usize) -> usize {
    (4 * numbers).next_multiple_of(F::WRITE_SIZE.max(1)).next_multiple_of(F::READ_SIZE.max(1))
}

const CRC_START: u32 = 0;

/// CRC-32 as in zip files, without a table; `sum` is that of the bytes before.
fn crc(sum: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!sum, |sum, byte| {
        let sum = sum ^ u32::from(*byte);
        (0..8).fold(sum, |sum, _| sum >> 1 ^ if sum & 1 == 1 { 0xEDB8_8320 } else { 0 })
    })
}

#[cfg(test)]
mod tests {
    use super::{CRC_START, crc};

    #[test]
    fn the_checksum_is_zips() {
        assert_eq!(crc(CRC_START, b"123456789"), 0xCBF4_3926);
        assert_eq!(crc(crc(CRC_START, b"1234"), b"56789"), 0xCBF4_3926);
    }
}
