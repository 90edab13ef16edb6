//! Data sets as arrays in one file, NumPy's `.npz` or safetensors: `train_images`, `train_labels`, `test_images` and `test_labels`.
//!
//! Images are uint8 of shape [N, rows, cols], [N, rows, cols, channels] or [N, channels, rows, cols], where the channels are the one of
//! both axes that is at most 4. An array `shape` of channels, rows and cols decides where that says nothing, and of [N, features], which
//! are channel by channel. Labels are integers from 0 to 255 of shape [N] or [N, 1]; other arrays are ignored.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use zip::ZipArchive;

use super::idx::MOST_SIDE;
use super::{Dataset, Error, Images, npz};

const SHAPE: &str = "shape";
/// Of a shape that does not say it, the channels are an axis of at most so many.
const MOST_COLOURS: usize = 4;
const MOST_CHANNELS: usize = 1 << 10;

/// The numbers of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Number {
    /// An integer of 1, 2, 4 or 8 bytes.
    Integer { bytes: usize, is_signed: bool, is_big: bool },
    /// Another type, by the name that the file has for it.
    Other(String),
}

/// An array, the last axis fastest.
#[derive(Debug)]
pub(super) struct Array {
    pub(super) number: Number,
    pub(super) shape: Vec<usize>,
    pub(super) data: Vec<u8>,
}

/// An open file.
enum Source {
    Npz(npz::Archive),
    Safetensors(Vec<u8>),
}

/// Whether a file's name is that of such a file.
pub(super) fn is_file(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ["npz", "safetensors"].contains(&ending))
}

/// Reads the arrays of a file.
///
/// # Errors
/// [`Error`], which names the file, the array, what it holds and what is expected.
pub(super) fn read(file: &Path, name: &str) -> Result<Dataset, Error> {
    let mut source = Source::open(file)?;
    let wrong = |array: &str, problem| Error::Arrays { file: file.to_owned(), array: array.into(), problem };
    let found = source.read(SHAPE).map_err(|problem| wrong(SHAPE, problem))?;
    let given = found.map(|array| array.sizes()).transpose().map_err(|problem| wrong(SHAPE, problem))?;
    let mut read = |array: &str| {
        let found = source.read(array).map_err(|problem| wrong(array, problem))?;
        found.ok_or_else(|| {
            let names = list(&source.names());
            let problem = format!(
                "there is no such array, only {names}; save train_images, train_labels, test_images and test_labels"
            );
            wrong(array, problem)
        })
    };
    let mut part = |[images, labels]: [&str; 2]| {
        let (pixels, found) = (read(images)?, read(labels)?);
        let count = pixels.shape.first().copied().unwrap_or(0);
        let (shape, pixels) = pixels.images(given).map_err(|problem| wrong(images, problem))?;
        let labels_of = found.labels(count).map_err(|problem| wrong(labels, problem))?;
        Ok::<_, Error>((shape, Images { pixels, labels: labels_of, size: shape.iter().product() }))
    };
    let (shape, train) = part(["train_images", "train_labels"])?;
    let (of_test, test) = part(["test_images", "test_labels"])?;
    if of_test != shape {
        let problem =
            format!("its images are {}, those of train_images {}; they have to be equal", sides(of_test), sides(shape));
        return Err(wrong("test_images", problem));
    }
    let classes = train.labels.iter().chain(&test.labels).max().map_or(0, |most| usize::from(*most) + 1);
    Ok(Dataset::new(name, shape, classes, train, test))
}

impl Source {
    fn open(file: &Path) -> Result<Self, Error> {
        if file.extension().is_some_and(|ending| ending == "npz") {
            let opened = File::open(file).map_err(Error::io("open it", file))?;
            let archive = ZipArchive::new(BufReader::new(opened)).map_err(|error| Error::ArrayFile {
                file: file.to_owned(),
                reason: error.to_string(),
                writer: "numpy.savez",
            });
            return archive.map(Self::Npz);
        }
        let bytes = fs::read(file).map_err(Error::io("read it", file))?;
        match SafeTensors::deserialize(&bytes) {
            Ok(_) => Ok(Self::Safetensors(bytes)),
            Err(error) => Err(Error::ArrayFile {
                file: file.to_owned(),
                reason: error.to_string(),
                writer: "safetensors.numpy.save_file",
            }),
        }
    }

    fn names(&self) -> Vec<String> {
        match self {
            Self::Npz(archive) => npz::names(archive),
            Self::Safetensors(bytes) => {
                let tensors = SafeTensors::deserialize(bytes);
                let mut names: Vec<String> =
                    tensors.map(|tensors| tensors.names().into_iter().map(Into::into).collect()).unwrap_or_default();
                names.sort_unstable();
                names
            }
        }
    }

    /// An array; `None` if the file has none of this name.
    fn read(&mut self, name: &str) -> Result<Option<Array>, String> {
        let array = match self {
            Self::Npz(archive) if !npz::names(archive).iter().any(|known| known == name) => return Ok(None),
            Self::Npz(archive) => npz::read(archive, name)?,
            Self::Safetensors(bytes) => {
                let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
                let Ok(view) = tensors.tensor(name) else { return Ok(None) };
                let (number, shape) = (number(view.dtype()), view.shape().to_vec());
                Array { number, shape, data: view.data().to_vec() }
            }
        };
        array.check_length().map(Some)
    }
}

/// The number of a safetensors file.
fn number(dtype: Dtype) -> Number {
    let is_signed = matches!(dtype, Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::I64);
    match dtype {
        Dtype::U8 | Dtype::I8 | Dtype::U16 | Dtype::I16 | Dtype::U32 | Dtype::I32 | Dtype::U64 | Dtype::I64 => {
            Number::Integer { bytes: dtype.bitsize() / 8, is_signed, is_big: false }
        }
        _ => Number::Other(format!("{dtype:?}")),
    }
}

impl Number {
    /// Bytes of one; 1 of an unknown type.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Integer { bytes, .. } => *bytes,
            Self::Other(_) => 1,
        }
    }

    /// `uint8`, or the file's own name for another type.
    fn name(&self) -> String {
        match self {
            Self::Integer { bytes, is_signed, .. } => format!("{}int{}", if *is_signed { "" } else { "u" }, 8 * bytes),
            Self::Other(name) => name.clone(),
        }
    }
}

impl Array {
    /// The bytes of an array; `None` if they are more than can be counted.
    pub(super) fn length(shape: &[usize], size: usize) -> Option<u64> {
        shape.iter().try_fold(size as u64, |length, axis| length.checked_mul(*axis as u64))
    }

    /// Fails if there are other numbers than the shape says.
    fn check_length(self) -> Result<Self, String> {
        if matches!(self.number, Number::Other(_))
            || Self::length(&self.shape, self.number.size()) == Some(self.data.len() as u64)
        {
            return Ok(self);
        }
        let (shape, number) = (&self.shape, self.number.name());
        Err(format!("its numbers are not as many as its shape {shape:?} of {number} says; save it again"))
    }

    /// The integers; `None` of another type.
    fn integers(&self) -> Option<impl Iterator<Item = i128>> {
        let Number::Integer { bytes, is_signed, is_big } = self.number else { return None };
        Some(self.data.chunks_exact(bytes).map(move |chunk| {
            let place = |(at, byte): (usize, &u8)| i128::from(*byte) << (8 * if is_big { bytes - 1 - at } else { at });
            let value: i128 = chunk.iter().enumerate().map(place).sum();
            let range = 1_i128 << (8 * bytes);
            if is_signed && value >= range / 2 { value - range } else { value }
        }))
    }

    /// Channels, rows and cols.
    fn sizes(&self) -> Result<[usize; 3], String> {
        let expected = || {
            format!("it is {} {:?}, but has to be three integers: channels, rows, cols", self.number.name(), self.shape)
        };
        let sizes: Vec<usize> = self
            .integers()
            .ok_or_else(expected)?
            .map(usize::try_from)
            .collect::<Result<_, _>>()
            .map_err(|_| expected())?;
        let sizes: [usize; 3] = sizes.try_into().map_err(|_| expected())?;
        if sizes.contains(&0) || sizes[0] > MOST_CHANNELS || sizes[1..].iter().any(|side| *side > MOST_SIDE) {
            return Err(format!(
                "it says {}, but there are 1 to {MOST_CHANNELS} channels and sides of 1 to {MOST_SIDE}",
                sides(sizes)
            ));
        }
        Ok(sizes)
    }

    /// Channels, rows and cols of the images, and their pixels in that order.
    fn images(self, given: Option<[usize; 3]>) -> Result<([usize; 3], Vec<u8>), String> {
        if !matches!(self.number, Number::Integer { bytes: 1, is_signed: false, .. }) {
            return Err(format!(
                "it holds {}, but pixels are uint8 from 0 to 255; save `(255 * x).round().astype(numpy.uint8)` of numbers from 0 to 1",
                self.number.name()
            ));
        }
        let (shape, is_last) = image_shape(&self.shape, given)?;
        if self.data.is_empty() {
            return Err(format!("its shape is {:?}, so there is no image", self.shape));
        }
        let [channels, rows, cols] = shape;
        if rows > MOST_SIDE || cols > MOST_SIDE || channels > MOST_CHANNELS {
            return Err(format!("its images are {}, but sides are at most {MOST_SIDE}", sides(shape)));
        }
        let pixels =
            if is_last && channels > 1 { channels_first(&self.data, channels, rows * cols) } else { self.data };
        Ok((shape, pixels))
    }

    /// The labels of `count` images.
    fn labels(&self, count: usize) -> Result<Vec<u8>, String> {
        if self.shape != [count] && self.shape != [count, 1] {
            return Err(format!("its shape is {:?}, but there are {count} images: it has to be [{count}]", self.shape));
        }
        let integers = self
            .integers()
            .ok_or_else(|| format!("it holds {}, but labels are integers; save them as uint8", self.number.name()))?;
        let label = |(index, label): (usize, i128)| {
            u8::try_from(label)
                .map_err(|_| format!("label {index} is {label}, but labels are 0 to 255; number the classes from 0"))
        };
        integers.enumerate().map(label).collect()
    }
}

/// Channels, rows and cols of an array of images, and whether the channels are its last axis.
fn image_shape(shape: &[usize], given: Option<[usize; 3]>) -> Result<([usize; 3], bool), String> {
    let found = match (shape, given) {
        ([_, rows, cols], None) => Some(([1, *rows, *cols], false)),
        ([_, first, second, third], None) => match (*first <= MOST_COLOURS, *third <= MOST_COLOURS) {
            (true, false) => Some(([*first, *second, *third], false)),
            (false, true) => Some(([*third, *first, *second], true)),
            _ => None,
        },
        ([_, axes @ ..], Some([channels, rows, cols])) => {
            let is_last = *axes == [rows, cols, channels];
            let is_first = *axes == [channels, rows, cols] || (channels == 1 && *axes == [rows, cols]);
            let is_flat = *axes == [channels.saturating_mul(rows).saturating_mul(cols)];
            (is_last || is_first || is_flat).then_some(([channels, rows, cols], is_last && !is_first))
        }
        _ => None,
    };
    found.ok_or_else(|| match given {
        Some(sizes) => format!(
            "its shape is {shape:?}, but `{SHAPE}` says images of {}: [N, channels, rows, cols], [N, rows, cols, channels] or [N, features]",
            sides(sizes)
        ),
        None => format!(
            "its shape is {shape:?}, but images are [N, rows, cols], or [N, rows, cols, channels] or [N, channels, rows, cols] with up to \
             {MOST_COLOURS} channels; reshape it, or save an array `{SHAPE}` of channels, rows and cols as well"
        ),
    })
}

/// Images of [pixel][channel] as [channel][pixel].
fn channels_first(data: &[u8], channels: usize, plane: usize) -> Vec<u8> {
    let image = |image: &[u8]| -> Vec<u8> {
        (0..channels).flat_map(|channel| image.iter().skip(channel).step_by(channels).copied()).collect()
    };
    data.chunks(channels * plane).flat_map(image).collect()
}

/// `3 x 32 x 32`.
fn sides([channels, rows, cols]: [usize; 3]) -> String {
    format!("{channels} x {rows} x {cols}")
}

/// The names of the arrays that a file has, or that it has none.
fn list(names: &[String]) -> String {
    if names.is_empty() { "none at all".into() } else { names.join(", ") }
}
