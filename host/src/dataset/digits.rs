//! The embedded default: the UCI handwritten digits, 1,797 grey images of 8 × 8 with values 0 to 16, real data that needs no
//! download. They are blown up to 3 × 32 × 32, so that every network of the report trains on them: each pixel becomes 4 × 4,
//! the same on three channels. The first 1,500 are for training, the last 297 for test. Source and licence: data/README.md.

use super::{Dataset, Error, Images};

/// 1,797 × 64 pixels, then 1,797 labels.
static FILE: &[u8] = include_bytes!("../../data/digits.bin");

const COUNT: usize = 1797;
const TRAIN: usize = 1500;
const SIDE: usize = 8;
const SCALE: usize = 4;
const CHANNELS: usize = 3;
const IMAGE_SIDE: usize = SIDE * SCALE;
const SIZE: usize = CHANNELS * IMAGE_SIDE * IMAGE_SIDE;

const _: () = assert!(FILE.len() == COUNT * (SIDE * SIDE + 1));

/// The digits as 3 × 32 × 32.
///
/// # Errors
/// Never in practice: the images lie in memory.
pub fn load() -> Result<Dataset, Error> {
    let (pixels, labels) = FILE.split_at(COUNT * SIDE * SIDE);
    let split = |from: usize, to: usize| {
        let mut enlarged = vec![0; (to - from) * SIZE];
        for (image, small) in enlarged.chunks_exact_mut(SIZE).zip(pixels.chunks_exact(SIDE * SIDE).skip(from)) {
            enlarge(small, image);
        }
        Images::in_memory(SIZE, enlarged, labels[from..to].to_vec(), vec![])
    };
    Dataset::of_report("digits", split(0, TRAIN), split(TRAIN, COUNT))
}

fn enlarge(small: &[u8], large: &mut [u8]) {
    for (index, pixel) in large.iter_mut().enumerate() {
        let (row, col) = (index / IMAGE_SIDE % IMAGE_SIDE, index % IMAGE_SIDE);
        *pixel = brightness(small[row / SCALE * SIDE + col / SCALE]);
    }
}

/// round(255 · p / 16), halves up.
#[allow(clippy::cast_possible_truncation)] // at most 255, for p is at most 16
fn brightness(p: u8) -> u8 {
    ((255 * u16::from(p) + 8) / 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_published_set() {
        let (pixels, labels) = FILE.split_at(COUNT * SIDE * SIDE);
        assert!(pixels.iter().all(|&p| p <= 16));
        assert_eq!(pixels.iter().map(|&p| u64::from(p)).sum::<u64>(), 561_718);
        let mut counts = [0; 10];
        for &label in labels {
            counts[usize::from(label)] += 1;
        }
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    }

    /// 255 p / 16, rounded by hand.
    const LEVELS: [u8; 17] = [0, 16, 32, 48, 64, 80, 96, 112, 128, 143, 159, 175, 191, 207, 223, 239, 255];

    #[test]
    fn every_pixel_is_enlarged_on_every_channel() {
        let digits = load().unwrap();
        assert_eq!((digits.train.len(), digits.test.len(), digits.image_size()), (1500, 297, 3072));
        for (images, first) in [(&digits.train, 0), (&digits.test, 1500)] {
            for index in [0, 100, 296] {
                for (at, &value) in images.image(index).unwrap().iter().enumerate() {
                    let (row, col) = (at / 32 % 32, at % 32);
                    let p = FILE[(first + index) * 64 + row / 4 * 8 + col / 4];
                    assert_eq!(value, LEVELS[usize::from(p)]);
                }
                assert_eq!(images.labels[index], FILE[1797 * 64 + first + index]);
            }
        }
    }
}
