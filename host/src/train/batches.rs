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

/// Samples that are read side by side: their floats fill one cache line of the input.
const LINE: usize = 16;
/// Places that a thread fills at a time: their rows stay in its cache while the samples pass by.
const BLOCK: usize = 96;

/// The way of an image's bytes into a network's input.
#[derive(Clone, Debug)]
pub struct Gather {
    /// The feature `[channel][row][col]` at each index of the input.
    features: Vec<usize>,
    pub(crate) pixels: Pixels,
    /// The bytes of the batch, one image after the other.
    bytes: Vec<u8>,
}

impl Gather {
    /// Into an input of this shape, bytes as `pixels` say.
    pub fn new(shape: Shape, pixels: Pixels) -> Self {
        let mut features = vec![0; shape.features()];
        for outside in 0..features.len() {
            features[shape.channels_last_index(outside)] = outside;
        }
        Self { features, pixels, bytes: vec![] }
    }

    /// Writes the images `chosen` as feature × sample into `input`. Shared out among the threads of the pool that this is
    /// called in.
    ///
    /// # Errors
    /// [`Error`] if a file of images cannot be read.
    ///
    /// # Panics
    /// If an image does not exist, or has fewer features.
    pub fn write(&mut self, images: &Images, chosen: &[u32], input: &mut [f32]) -> Result<(), Error> {
        images.read(chosen, &mut self.bytes)?;
        let (samples, size, bytes) = (chosen.len(), images.image_size(), &self.bytes);
        input.par_chunks_mut(BLOCK * samples).zip(self.features.par_chunks(BLOCK)).for_each(|(rows, features)| {
            for (number, line) in bytes.chunks(LINE * size).enumerate() {
                let mut sources: [&[u8]; LINE] = [&[]; LINE];
                for (source, image) in sources.iter_mut().zip(line.chunks_exact(size)) {
                    *source = image;
                }
                let count = line.len() / size;
                for (row, feature) in rows.chunks_exact_mut(samples).zip(features) {
                    let shades = self.pixels.table(*feature);
                    for (x, source) in row[number * LINE..].iter_mut().zip(&sources[..count]) {
                        *x = shades[usize::from(source[*feature])];
                    }
                }
            }
        });
        Ok(())
    }

    /// The bytes of the batch that was written last, one image after the other.
    pub(crate) fn batch(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset;

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

    #[test]
    fn gathered_features_lie_side_by_side() {
        let images = dataset::open("digits").unwrap().train;
        let shape = Shape::image(3, 32, 32);
        let chosen: Vec<u32> = (0..37).rev().collect();
        let mut input = vec![f32::NAN; shape.features() * chosen.len()];
        Gather::new(shape, Pixels::new(None, 1024)).write(&images, &chosen, &mut input).unwrap();
        for (sample, index) in chosen.iter().enumerate() {
            for (outside, byte) in images.image(*index as usize).unwrap().iter().enumerate() {
                let x = input[shape.channels_last_index(outside) * chosen.len() + sample];
                assert_eq!(x.to_bits(), (f32::from(*byte) / 255.0).to_bits());
            }
        }
    }
}
