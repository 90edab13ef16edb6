//! An array of a file as images, labels or a shape: what it holds, and what is wrong with it.

use super::images::MOST_SIDE;

/// The array of channels, rows and cols.
pub(super) const SHAPE: &str = "shape";
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

impl Number {
    /// Bytes of one; 1 of an unknown type.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Integer { bytes, .. } => *bytes,
            Self::Other(_) => 1,
        }
    }

    /// `uint8`, or the file's own name for another type.
    pub(super) fn name(&self) -> String {
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
    pub(super) fn check_length(self) -> Result<Self, String> {
        if matches!(self.number, Number::Other(_))
            || Self::length(&self.shape, self.number.size()) == Some(self.data.len() as u64)
        {
            return Ok(self);
        }
        let (shape, number) = (&self.shape, self.number.name());
        Err(format!("its numbers are not as many as its shape {shape:?} of {number} says; save it again"))
    }

    /// The integers; `None` of another type.
    pub(super) fn integers(&self) -> Option<impl Iterator<Item = i128>> {
        let Number::Integer { bytes, is_signed, is_big } = self.number else { return None };
        Some(self.data.chunks_exact(bytes).map(move |chunk| {
            let place = |(at, byte): (usize, &u8)| i128::from(*byte) << (8 * if is_big { bytes - 1 - at } else { at });
            let value: i128 = chunk.iter().enumerate().map(place).sum();
            let range = 1_i128 << (8 * bytes);
            if is_signed && value >= range / 2 { value - range } else { value }
        }))
    }

    /// Channels, rows and cols.
    pub(super) fn sizes(&self) -> Result<[usize; 3], String> {
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
    pub(super) fn images(self, given: Option<[usize; 3]>) -> Result<([usize; 3], Vec<u8>), String> {
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
    pub(super) fn labels(&self, count: usize) -> Result<Vec<u8>, String> {
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
pub(super) fn sides([channels, rows, cols]: [usize; 3]) -> String {
    format!("{channels} x {rows} x {cols}")
}
