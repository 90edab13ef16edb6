//! Data sets known by their contents, whatever their names and folders.
//!
//! The checksum of a data set is taken over its images and labels in the order of the files. A fingerprint is the same for the same
//! images in any order: SHA-256 over the sorted SHA-256s of the images, each a label byte, or target values, and its pixels.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::cifar_format::{IMAGE, RECORDS};
use super::{Error, Images};

/// The checksum of the digits.
const DIGITS: &str = "e6a0fed351a709844ed55378dcd588f9231740facbf550eb22a5b583772593e9";
/// The checksum of Fashion-MNIST.
const FASHION_MNIST: &str = "4aff4e4e0704c885a0f2b226d02e8352f8c3d6f208c73c4d5a3fa0c9b688034e";
/// The checksum of CIFAR-10's images in the order of the runs in data/results, which is not the official one.
const REORDERED: &str = "48e50ac1492cb093f51f71305161989cf805ddffac5c94f00493106470378fd4";
/// The fingerprints of CIFAR-10's training and test images.
const CIFAR10: [&str; 2] = [
    "55a61f79a40ece2ceda9fb5f9f7078f6ea2fc4952489cef56682bcf92cfcc260",
    "325704b01eb92e1e2a6215ae6a916bb7db7de054af0c496be1c7be2e0fcfbf5f",
];
/// The SHA-1 of each of the official archive's six files, as Apache `MXNet` publishes them (`gluon.data.vision.CIFAR10`).
const OFFICIAL_FILES: [&str; 6] = [
    "aadd24acce27caa71bf4b10992e9e7b2d74c2540",
    "c0ba65cce70568cd57b4e03e9ac8d2a5367c1795",
    "1dd00a74ab1d17a6e7d73e185b69dbf31242f295",
    "aab85764eb3584312d3c7f65fd2fd016e36a258e",
    "26e2849e66a845b7f1e4614ae70f4889ae604628",
    "67eb016db431130d61cd03c7ad570b013799c88c",
];

/// What the images of a data set are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Contents {
    /// The embedded digits.
    Digits,
    /// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017).
    FashionMnist,
    /// CIFAR-10 in the order of the official archive.
    Cifar10Official,
    /// CIFAR-10's images in the order of the runs in data/results.
    Cifar10Reordered,
    /// CIFAR-10's images in another order.
    Cifar10,
    /// None of these.
    #[default]
    Unknown,
}

impl Contents {
    /// The contents with this checksum; [`Self::Unknown`] unless it is one of three known ones.
    pub fn of_checksum(checksum: &str) -> Self {
        match checksum {
            DIGITS => Self::Digits,
            FASHION_MNIST => Self::FashionMnist,
            REORDERED => Self::Cifar10Reordered,
            _ => Self::Unknown,
        }
    }

    /// The names of the classes in the order of their labels; none of data that is not known.
    pub const fn class_names(self) -> &'static [&'static str] {
        match self {
            Self::Digits => &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
            Self::FashionMnist => &[
                "T-shirt/top",
                "trouser",
                "pullover",
                "dress",
                "coat",
                "sandal",
                "shirt",
                "sneaker",
                "bag",
                "ankle boot",
            ],
            Self::Cifar10Official | Self::Cifar10Reordered | Self::Cifar10 => {
                &["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
            }
            Self::Unknown => &[],
        }
    }

    /// How many test images there are; `None` of data that is not known.
    pub const fn test_images(self) -> Option<u32> {
        match self {
            Self::Digits => Some(297),
            Self::FashionMnist | Self::Cifar10Official | Self::Cifar10Reordered | Self::Cifar10 => Some(10_000),
            Self::Unknown => None,
        }
    }

    /// The contents of a data set. Images are hashed one by one only where there are as many as in CIFAR-10.
    pub(super) fn of(checksum: &str, classes: usize, train: &Images, test: &Images) -> Result<Self, Error> {
        let sizes = [train.image_size(), test.image_size(), classes, train.len(), test.len()];
        match Self::of_checksum(checksum) {
            Self::Unknown if sizes == [IMAGE, IMAGE, 10, 5 * RECORDS, RECORDS] => Self::of_images(train, test),
            known => Ok(known),
        }
    }

    fn of_images(train: &Images, test: &Images) -> Result<Self, Error> {
        Ok(if [fingerprint(train)?, fingerprint(test)?] != CIFAR10 {
            Self::Unknown
        } else if files(train, test)? == OFFICIAL_FILES {
            Self::Cifar10Official
        } else {
            Self::Cifar10
        })
    }

    /// Whether these are CIFAR-10's images, in any order.
    pub const fn is_cifar10(self) -> bool {
        matches!(self, Self::Cifar10Official | Self::Cifar10Reordered | Self::Cifar10)
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Digits => "the digits of this program",
            Self::FashionMnist => "Fashion-MNIST",
            Self::Cifar10Official => "CIFAR-10 in the order of the official archive",
            Self::Cifar10Reordered => {
                "CIFAR-10's images, in another order than the official archive's: the order of the runs in data/results"
            }
            Self::Cifar10 => "CIFAR-10's images, in another order than the official archive's",
            Self::Unknown => "not known to this program",
        })
    }
}

/// SHA-256 of images and their labels in hexadecimal, the same in any order.
///
/// # Errors
/// [`Error`] if a file of images cannot be read.
pub fn fingerprint(images: &Images) -> Result<String, Error> {
    let of_image = |index: usize| {
        let hash = Sha256::new().chain_update(images.target_bytes(index));
        Ok::<_, Error>(hash.chain_update(images.image(index)?).finalize())
    };
    let mut hashes = (0..images.len()).map(of_image).collect::<Result<Vec<_>, _>>()?;
    hashes.sort_unstable();
    Ok(hex::encode(hashes.iter().fold(Sha256::new(), Digest::chain_update).finalize()))
}

/// The SHA-1 of each of the six files that hold these images in CIFAR-10's layout.
fn files(train: &Images, test: &Images) -> Result<Vec<String>, Error> {
    let of_records = |images: &Images, first: usize| {
        let mut hash = Sha1::new();
        for index in first..first + RECORDS {
            hash.update([images.labels[index]]);
            hash.update(images.image(index)?);
        }
        Ok(hex::encode(hash.finalize()))
    };
    let train_files = (0..train.len()).step_by(RECORDS).map(|first| of_records(train, first));
    train_files.chain([of_records(test, 0)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Dataset, cifar, open};
    use std::fs;
    use std::io::Write;

    /// The same images in reverse order.
    fn reversed(images: &Images) -> Images {
        images.select(&images.indices().into_iter().rev().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_fingerprint_depends_on_pixels_and_labels_but_not_on_the_order() {
        let digits = open("digits").unwrap();
        let whole = fingerprint(&digits.test).unwrap();
        let mut other = reversed(&digits.test);
        assert_ne!(other.image(0).unwrap(), digits.test.image(0).unwrap());
        assert_eq!(fingerprint(&other).unwrap(), whole);
        other.labels.swap(0, 1);
        assert_ne!(other.labels[0], other.labels[1]);
        assert_ne!(fingerprint(&other).unwrap(), whole);
        let (mut pixels, labels) = (vec![], digits.test.labels.clone());
        digits.test.read(&digits.test.indices(), &mut pixels).unwrap();
        pixels[7 * IMAGE + 9] ^= 1;
        assert_ne!(fingerprint(&Images::in_memory(IMAGE, pixels, labels, vec![])).unwrap(), whole);
    }

    #[test]
    fn the_digits_are_known_in_their_order_alone() {
        let digits = open("digits").unwrap();
        assert_eq!(digits.contents, Contents::Digits);
        let test = digits.test.select(&digits.test.indices()).unwrap();
        let other = Dataset::of_report("digits", reversed(&digits.train), test).unwrap();
        assert_eq!(other.contents, Contents::Unknown);
    }

    /// Against the SHA-1 of the files themselves.
    #[test]
    fn images_in_cifars_layout_have_the_sha1_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        for (batch, name) in cifar::FILES.into_iter().enumerate() {
            let mut file = std::io::BufWriter::new(fs::File::create(folder.path().join(name)).unwrap());
            for index in 0..RECORDS {
                let label = u8::try_from((index + batch) % 10).unwrap();
                file.write_all(&[label]).unwrap();
                file.write_all(&[label ^ index.to_le_bytes()[0]; IMAGE]).unwrap();
            }
        }
        let dataset = cifar::read_folder(folder.path(), "mine").unwrap();
        assert_eq!(dataset.contents, Contents::Unknown);
        let expected = cifar::FILES.map(|name| hex::encode(Sha1::digest(fs::read(folder.path().join(name)).unwrap())));
        assert_eq!(files(&dataset.train, &dataset.test).unwrap(), expected);
    }
}
