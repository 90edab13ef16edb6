//! The shape of one sample between two layers.

/// Shape of one sample between two layers: channels × rows × columns, or a plain vector.
///
/// Outside the crate an image lies as `[channel][row][col]`.
///
/// A side of more than 65,535 pixels is counted as a size that fits nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Shape {
    channels: usize,
    /// Channels × rows × columns, saturated.
    features: usize,
    /// 0 for a vector.
    rows: u16,
    cols: u16,
}

impl Shape {
    /// An image of `channels` × `rows` × `cols`.
    pub const fn image(channels: usize, rows: usize, cols: usize) -> Self {
        const LONGEST: usize = u16::MAX as usize;
        let features = if rows > LONGEST || cols > LONGEST {
            usize::MAX
        } else {
            channels.saturating_mul(rows).saturating_mul(cols)
        };
        #[expect(clippy::cast_possible_truncation, reason = "sides that do not fit were found above")]
        let (rows, cols) = (rows as u16, cols as u16);
        Self { channels, features, rows, cols }
    }

    /// A vector of `features` numbers; only dense layers can follow it.
    pub const fn vector(features: usize) -> Self {
        Self { channels: features, features, rows: 0, cols: 1 }
    }

    /// Channels of an image, features of a vector.
    pub const fn channels(&self) -> usize {
        self.channels
    }

    /// Rows of an image, 1 for a vector.
    pub const fn rows(&self) -> usize {
        if self.is_vector() { 1 } else { self.rows as usize }
    }

    /// Columns of an image, 1 for a vector.
    pub const fn cols(&self) -> usize {
        self.cols as usize
    }

    /// Whether this is a vector rather than an image.
    pub const fn is_vector(&self) -> bool {
        self.rows == 0
    }

    /// Positions of an image: rows × columns.
    pub const fn positions(&self) -> usize {
        self.rows().saturating_mul(self.cols())
    }

    /// Numbers in one sample of this shape.
    pub const fn features(&self) -> usize {
        self.features
    }

    /// Where the feature `[channel][row][col]` number `outside` lies inside, in `[row][col][channel]`.
    ///
    /// Inside, the channels of a pixel are neighbours, so that a convolution reads them as one block.
    pub const fn inside(&self, outside: usize) -> usize {
        let positions = if self.positions() == 0 { 1 } else { self.positions() };
        let channel = outside / positions;
        let position = outside % positions;
        position.saturating_mul(self.channels).saturating_add(channel)
    }

    /// Where the feature number `inside` lies outside: what [`Shape::inside`] undoes.
    pub(crate) const fn outside(&self, inside: usize) -> usize {
        let channels = if self.channels == 0 { 1 } else { self.channels };
        inside % channels * (self.features / channels) + inside / channels
    }

    /// An image of the same rows and columns with another number of channels.
    pub(crate) const fn with_channels(self, channels: usize) -> Self {
        Self { channels, features: channels.saturating_mul(self.positions()), ..self }
    }

    /// Brings samples, numbers as `[sample][channel][row][col]`, into `columns`: feature × sample, features in the order
    /// inside, the samples of a feature side by side. What is no whole sample, or has no place in `columns`, is left out.
    pub fn load(&self, inputs: &[f32], samples: usize, columns: &mut [f32]) {
        if self.features.checked_mul(samples).is_none() {
            return;
        }
        for (sample, features) in inputs.chunks_exact(self.features().max(1)).take(samples).enumerate() {
            for (channel, plane) in features.chunks_exact(self.positions().max(1)).enumerate() {
                for (position, x) in plane.iter().enumerate() {
                    if let Some(number) = columns.get_mut((position * self.channels + channel) * samples + sample) {
                        *number = *x;
                    }
                }
            }
        }
    }
}

/// Pooling windows along an axis of `length` pixels: the last one may be clipped.
pub(crate) const fn windows(length: usize, size: usize, stride: usize) -> usize {
    let stride = if stride == 0 { 1 } else { stride };
    length.saturating_sub(size).div_ceil(stride) + 1
}
