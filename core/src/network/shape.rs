//! The shape of one sample between two layers.

/// Shape of one sample between two layers: an image of channels × rows × columns, or a vector.
///
/// The order of an image's values is `[channel][row][col]` (PyTorch's default, channels first) in samples and exported
/// tensors, and `[row][col][channel]` (channels last) in the trainer's memory, where a convolution reads the channels of a
/// pixel as one block.
///
/// An image with a side of more than 65,534 pixels has a saturated size, which no memory holds, and the side is stored as 65,535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Shape {
    channels: usize,
    /// Channels × rows × columns, saturating.
    features: usize,
    /// 0 for a vector.
    rows: u16,
    cols: u16,
}

impl Shape {
    /// An image of `channels` × `rows` × `cols`.
    pub const fn image(channels: usize, rows: usize, cols: usize) -> Self {
        let features = if rows > LONGEST_SIDE || cols > LONGEST_SIDE {
            usize::MAX
        } else {
            channels.saturating_mul(rows).saturating_mul(cols)
        };
        Self { channels, features, rows: side(rows), cols: side(cols) }
    }

    /// A vector of `features` values; only dense layers can follow it.
    pub const fn vector(features: usize) -> Self {
        Self { channels: features, features, rows: 0, cols: 1 }
    }

    /// Number of channels of an image, or of features of a vector.
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// Number of rows of an image; 1 for a vector.
    pub const fn rows(&self) -> usize {
        if self.is_vector() { 1 } else { self.rows as usize }
    }

    /// Number of columns of an image; 1 for a vector.
    pub const fn cols(&self) -> usize {
        self.cols as usize
    }

    /// Whether this is a vector rather than an image.
    pub const fn is_vector(&self) -> bool {
        self.rows == 0
    }

    /// Number of positions of an image, rows × columns, saturating; 1 for a vector.
    pub const fn positions(&self) -> usize {
        self.rows().saturating_mul(self.cols())
    }

    /// Number of values in one sample of this shape, saturating.
    pub const fn features(&self) -> usize {
        self.features
    }

    /// The index in `[row][col][channel]` of the feature whose index in `[channel][row][col]` is `channels_first`.
    pub const fn channels_last_index(&self, channels_first: usize) -> usize {
        let positions = if self.positions() == 0 { 1 } else { self.positions() };
        let channel = channels_first / positions;
        let position = channels_first % positions;
        position.saturating_mul(self.channels).saturating_add(channel)
    }

    /// The inverse of [`Shape::channels_last_index`].
    pub(crate) const fn channels_first_index(&self, channels_last: usize) -> usize {
        let channels = if self.channels == 0 { 1 } else { self.channels };
        channels_last % channels * (self.features / channels) + channels_last / channels
    }

    /// Copies samples from `[sample][channel][row][col]` to `columns`, which is `[row][col][channel][sample]`.
    ///
    /// An incomplete last sample is left out, and so are values beyond the end of `columns`.
    pub fn load(&self, inputs: &[f32], samples: usize, columns: &mut [f32]) {
        if self.features.checked_mul(samples).is_none() {
            return;
        }
        for (sample, features) in inputs.chunks_exact(self.features().max(1)).take(samples).enumerate() {
            for (channel, plane) in features.chunks_exact(self.positions().max(1)).enumerate() {
                for (position, x) in plane.iter().enumerate() {
                    if let Some(value) = columns.get_mut((position * self.channels + channel) * samples + sample) {
                        *value = *x;
                    }
                }
            }
        }
    }
}

/// The longest side of an image or a kernel that is stored as it is.
pub(super) const LONGEST_SIDE: usize = u16::MAX as usize - 1;

/// A side as it is stored: longer ones than [`LONGEST_SIDE`] become one more.
pub(super) const fn side(length: usize) -> u16 {
    #[expect(clippy::cast_possible_truncation, reason = "it fits")]
    if length <= LONGEST_SIDE { length as u16 } else { u16::MAX }
}

/// Number of pooling windows along an axis of `length` pixels; the last one may be clipped.
pub(crate) const fn windows(length: usize, size: usize, stride: usize) -> usize {
    let stride = if stride == 0 { 1 } else { stride };
    length.saturating_sub(size).div_ceil(stride) + 1
}
