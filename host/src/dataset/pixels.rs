//! From bytes to the numbers that a network sees: divided by 255 or, standardised, with mean 0 and variance 1 in each channel.
//!
//! The means and deviations are those of the images that the run trains on. They stand in its `config.json` and are part of what the run
//! is, so that other images, and other programs, get the same numbers.

use serde::{Deserialize, Serialize};

use super::{Dataset, Error, moments};

/// What standardising takes away and divides by; one number a channel, of pixels divided by 255.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standardization {
    /// The means.
    pub mean: Vec<f64>,
    /// The deviations.
    pub deviation: Vec<f64>,
}

impl Standardization {
    /// That of the training images `chosen` of a data set.
    ///
    /// # Errors
    /// [`Error`] if a file of images cannot be read.
    ///
    /// # Panics
    /// If one of them does not exist.
    pub fn of(dataset: &Dataset, chosen: &[u32]) -> Result<Self, Error> {
        let (mean, deviation) = moments(dataset, &dataset.train, chosen)?;
        dataset.check_unchanged()?;
        Ok(Self { mean, deviation })
    }
}

/// The value of each byte.
#[derive(Clone, Debug)]
pub struct Pixels {
    /// Of standardised images, one a channel: a table is quicker than converting. Otherwise a byte is divided by 255.
    tables: Vec<[f32; 256]>,
    /// Features of a channel.
    plane: usize,
}

impl Pixels {
    /// The numbers for images with `plane` pixels a channel.
    pub fn new(standard: Option<&Standardization>, plane: usize) -> Self {
        let plane = plane.max(1);
        let Some(Standardization { mean, deviation }) = standard else { return Self { tables: vec![], plane } };
        let of_channel = |(mean, deviation): (&f64, &f64)| {
            // A channel of one colour says nothing: it becomes 0.
            let scale = if *deviation > 0.0 { 1.0 / deviation } else { 0.0 };
            #[expect(clippy::cast_possible_truncation, reason = "the network's numbers are f32")]
            table(|byte| ((f64::from(byte) / 255.0 - mean) * scale) as f32)
        };
        Self { tables: mean.iter().zip(deviation).map(of_channel).collect(), plane }
    }

    /// The number of `byte` as feature `[channel][row][col]`.
    pub(crate) fn number(&self, feature: usize, byte: u8) -> f32 {
        self.numbers_of(feature, [byte])[0]
    }

    /// The numbers of an image's bytes, `[channel][row][col]`.
    pub(crate) fn numbers<'a>(&'a self, image: &'a [u8]) -> impl Iterator<Item = f32> + 'a {
        image.iter().enumerate().map(|(feature, byte)| self.number(feature, *byte))
    }

    /// The values of some bytes of the channel of a feature.
    ///
    /// # Panics
    /// If there is no such channel.
    #[inline]
    pub(crate) fn numbers_of<const N: usize>(&self, feature: usize, bytes: [u8; N]) -> [f32; N] {
        if self.tables.is_empty() {
            return bytes.map(|byte| f32::from(byte) / 255.0);
        }
        let table = &self.tables[feature / self.plane];
        bytes.map(|byte| table[usize::from(byte)])
    }
}

fn table(number: impl Fn(u8) -> f32) -> [f32; 256] {
    let mut table = [0.0; 256];
    for (place, byte) in table.iter_mut().zip(0u8..=255) {
        *place = number(byte);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{self, Images};

    /// Two passes over all pixels in f64, as numpy does: x.mean((0, 2, 3)) and x.std((0, 2, 3)) of x = bytes / 255.
    #[test]
    fn standardised_training_images_have_mean_0_and_variance_1_in_each_channel() {
        let mut digits = dataset::open("digits").unwrap();
        // The digits are grey: each channel gets a colour curve of its own.
        let plane = digits.rows * digits.cols;
        let mut bytes = vec![];
        digits.train.read(&digits.train.indices(), &mut bytes).unwrap();
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = match index / plane % 3 {
                0 => *byte,
                1 => *byte / 3 + 20,
                _ => 255 - *byte / 2,
            };
        }
        digits.train = Images::in_memory(3 * plane, bytes.clone(), digits.train.labels.clone(), vec![]).into();
        let standard = Standardization::of(&digits, &(0..1500).collect::<Vec<_>>()).unwrap();
        let pixels = Pixels::new(Some(&standard), plane);
        for channel in 0..3 {
            let of_channel = |index: &usize| index / plane % 3 == channel;
            let bytes = || bytes.iter().enumerate().filter(|(index, _)| of_channel(index));
            let count = bytes().count() as f64;
            let mean = bytes().map(|(_, byte)| f64::from(*byte) / 255.0).sum::<f64>() / count;
            let variance = bytes().map(|(_, byte)| (f64::from(*byte) / 255.0 - mean).powi(2)).sum::<f64>() / count;
            assert!(
                (standard.mean[channel] - mean).abs() < 1e-9
                    && (standard.deviation[channel] - variance.sqrt()).abs() < 1e-9
            );
            let numbers = || bytes().map(|(index, byte)| f64::from(pixels.number(index % (3 * plane), *byte)));
            let found = numbers().sum::<f64>() / count;
            let spread = numbers().map(|x| (x - found).powi(2)).sum::<f64>() / count;
            assert!(found.abs() < 1e-6 && (spread - 1.0).abs() < 1e-6, "{channel}: {found}, {spread}");
        }
    }

    #[test]
    fn a_channel_of_one_colour_becomes_0() {
        let standard = Standardization { mean: vec![0.5], deviation: vec![0.0] };
        assert_eq!(Pixels::new(Some(&standard), 4).number(3, 200).to_bits(), 0.0_f32.to_bits());
    }
}
