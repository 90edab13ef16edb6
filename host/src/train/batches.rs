//! Random orders of samples, and the way of a batch's bytes into the network's input.
//!
//! An order is a pure function of (seed, pass), so that a checkpoint need not hold a generator's state.

use asymgrad_core::Shape;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

use crate::dataset::{Error, Images, Pixels};

/// The generator for one purpose: stream 0 draws the weights, stream p, below 2³², is that of pass p over the images.
pub(crate) fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    // Not `seed_from_u64`: how it spreads the bits is the crate's to change.
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(bytes);
    generator.set_stream(stream);
    generator
}

/// The numbers below `samples` in the order of pass `pass` (from 1): Fisher–Yates on a stream of its own.
pub fn shuffled(samples: u32, seed: u64, pass: u64) -> Vec<u32> {
    let mut generator = generator(seed, pass);
    let mut order: Vec<u32> = (0..samples).collect();
    for last in (1..samples).rev() {
        order.swap(last as usize, below(last + 1, &mut generator) as usize);
    }
    order
}

/// `samples` numbers below `samples`, each drawn independently of the others, for pass `pass` (from 1).
pub fn with_replacement(samples: u32, seed: u64, pass: u64) -> Vec<u32> {
    let mut generator = generator(seed, pass);
    (0..samples).map(|_| below(samples, &mut generator)).collect()
}

/// A number below `limit`, each equally likely (Lemire 2019). Own code: `rand` may change what it draws.
fn below(limit: u32, generator: &mut impl Rng) -> u32 {
    let threshold = limit.wrapping_neg() % limit;
    loop {
        let product = u64::from(generator.next_u32()) * u64::from(limit);
        #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
        if product as u32 >= threshold {
            return u32::try_from(product >> 32).unwrap_or(0);
        }
    }
}

/// Pixels whose rows a thread fills at a time: they stay in its cache while the samples pass by.
const BLOCK: usize = 32;
/// Samples and pixels that are transposed at a time.
const TILE: usize = 8;

/// The way of an image's bytes into a network's input.
#[derive(Clone, Debug)]
pub struct Gather {
    /// Channels of the input, whose features are \[pixel\]\[channel\].
    channels: usize,
    pub(crate) pixels: Pixels,
    /// The bytes of the batch, one image after the other, each \[channel\]\[pixel\].
    bytes: Vec<u8>,
}

/// Where a group of images goes.
struct Place {
    /// The first pixel of the rows.
    first: usize,
    /// Numbers of a row.
    samples: usize,
    /// Bytes of an image.
    size: usize,
    /// The first image's place in each row.
    column: usize,
}

impl Gather {
    /// Into an input of this shape, bytes as `pixels` say.
    pub fn new(shape: Shape, pixels: Pixels) -> Self {
        let channels = if shape.is_vector() { 1 } else { shape.channels() };
        Self { channels, pixels, bytes: vec![] }
    }

    /// Writes the images `chosen` as feature × sample into `input`. Shared out among the threads of the pool that this is
    /// called in.
    ///
    /// # Errors
    /// [`Error`] if a file of images cannot be read.
    ///
    /// # Panics
    /// If an image does not exist, or has other features.
    pub fn write(&mut self, images: &Images, chosen: &[u32], input: &mut [f32]) -> Result<(), Error> {
        images.read(chosen, &mut self.bytes)?;
        let (samples, this) = (chosen.len(), &*self);
        let blocks = input.par_chunks_mut(BLOCK * this.channels * samples).enumerate();
        blocks.for_each(|(block, rows)| this.write_block(block * BLOCK, samples, images.image_size(), rows));
        Ok(())
    }

    /// Writes the rows of the pixels from `first` on, `samples` numbers each.
    fn write_block(&self, first: usize, samples: usize, size: usize, rows: &mut [f32]) {
        for (group, images) in self.bytes.chunks(TILE * size).enumerate() {
            let place = Place { first, samples, size, column: group * TILE };
            // Copies of a length that the compiler knows take no call.
            match images.len() / size {
                TILE => self.write_columns(TILE, images, &place, rows),
                count => self.write_columns(count, images, &place, rows),
            }
        }
    }

    /// Writes the columns of `count` images.
    #[inline(always)]
    fn write_columns(&self, count: usize, images: &[u8], place: &Place, rows: &mut [f32]) {
        let Place { first, samples, size, column } = *place;
        let (channels, plane, pixels) = (self.channels, size / self.channels, rows.len() / (self.channels * samples));
        for channel in 0..channels {
            for start in (0..pixels).step_by(TILE) {
                let length = TILE.min(pixels - start);
                let from = channel * plane + first + start;
                let mut tile = [[0; TILE]; TILE];
                for (line, image) in tile.iter_mut().zip(images.chunks_exact(size)) {
                    // Bytes beyond the channel are not used.
                    match image[from..].first_chunk() {
                        Some(bytes) => *line = *bytes,
                        None => line[..length].copy_from_slice(&image[from..from + length]),
                    }
                }
                for (pixel, bytes) in transposed(tile).into_iter().enumerate().take(length) {
                    let numbers = self.pixels.numbers_of(from + pixel, bytes);
                    let row = &mut rows[((start + pixel) * channels + channel) * samples + column..];
                    row[..count].copy_from_slice(&numbers[..count]);
                }
            }
        }
    }

    /// The bytes of the batch that was written last, one image after the other.
    pub(crate) fn batch(&self) -> &[u8] {
        &self.bytes
    }
}

/// The transpose of 8 × 8 bytes, by exchanging blocks of 4 × 4, of 2 × 2 and single bytes (Warren, Hacker's Delight, 7-3).
fn transposed(tile: [[u8; TILE]; TILE]) -> [[u8; TILE]; TILE] {
    const ROUNDS: [(usize, u64); 3] =
        [(4, 0x0000_0000_FFFF_FFFF), (2, 0x0000_FFFF_0000_FFFF), (1, 0x00FF_00FF_00FF_00FF)];
    let mut lines = tile.map(u64::from_le_bytes);
    for (distance, mask) in ROUNDS {
        for line in (0..TILE).filter(|line| line & distance == 0) {
            let shift = 8 * distance;
            let exchanged = ((lines[line] >> shift) ^ lines[line + distance]) & mask;
            lines[line] ^= exchanged << shift;
            lines[line + distance] ^= exchanged;
        }
    }
    lines.map(u64::to_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Standardization;

    #[test]
    fn an_order_holds_every_sample_once_and_depends_on_seed_and_pass() {
        let order = shuffled(1000, 1, 1);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1000).collect::<Vec<_>>());
        assert_eq!(order, shuffled(1000, 1, 1));
        assert_ne!(order, shuffled(1000, 1, 2));
        assert_ne!(order, shuffled(1000, 2, 1));
    }

    #[test]
    fn each_order_of_three_comes_equally_often() {
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..6000 {
            *counts.entry(shuffled(3, seed, 1)).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (850..1150).contains(count)), "{counts:?}");
    }

    /// Batches and images that do not fill the last tile, standardised and not, with and without channels.
    #[test]
    fn gathered_features_lie_side_by_side() {
        for (shape, size, samples) in [
            (Shape::image(3, 32, 32), 3072, 37),
            (Shape::image(2, 5, 7), 70, 8),
            (Shape::image(3, 1, 2), 6, 9),
            (Shape::vector(70), 70, 3),
        ] {
            let bytes: Vec<u8> = (0..size * samples).map(|at: usize| (at * 31 / 7_usize).to_le_bytes()[0]).collect();
            let images = Images::in_memory(size, bytes, vec![0; samples], vec![]);
            let chosen: Vec<u32> = (0..u32::try_from(samples).unwrap()).rev().collect();
            let plane = size / shape.channels();
            let deviation = (1..=shape.channels()).map(|channel| channel as f64 / 8.0).collect();
            let standard = Standardization { mean: vec![0.25; shape.channels()], deviation };
            for standard in [None, Some(&standard)] {
                let pixels = Pixels::new(standard, plane);
                let mut input = vec![f32::NAN; shape.features() * samples];
                Gather::new(shape, pixels.clone()).write(&images, &chosen, &mut input).unwrap();
                for (sample, index) in chosen.iter().enumerate() {
                    for (outside, byte) in images.image(*index as usize).unwrap().iter().enumerate() {
                        let x = input[shape.channels_last_index(outside) * samples + sample];
                        let expected = match standard {
                            None => f32::from(*byte) / 255.0,
                            Some(_) => pixels.number(outside, *byte),
                        };
                        assert_eq!(x.to_bits(), expected.to_bits(), "{shape} {outside} {sample}");
                    }
                }
            }
        }
    }
}
