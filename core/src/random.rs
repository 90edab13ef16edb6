//! Random numbers: initial distributions, values from any generator, and feedback as a pure function of seed,
//! layer and index.

use core::fmt;

use rand_core::Rng;

use crate::capabilities::{self, enabled};
use crate::checks::{CoefficientError, positive};

/// The bound a = √(6 / (inputs + outputs)) of Glorot's uniform distribution on (−a, a).
///
/// `inputs` and `outputs` are the fan-in and the fan-out of a weight: taps × channels in a convolution (Glorot and Bengio
/// 2010).
pub const fn glorot(inputs: usize, outputs: usize) -> f32 {
    sqrt(6.0 / inputs.saturating_add(outputs) as f32)
}

/// The correctly rounded square root of a positive value: that of libm, which constants cannot call.
pub(crate) const fn sqrt(x: f32) -> f32 {
    if !x.is_normal() {
        return x;
    }
    // x = mantissa · 2^(exponent − 150). The square root of mantissa · 2^26, or 2^25 if the exponent is odd, has 25 bits, the
    // last of them for rounding; it never lies halfway between two `f32`. Its leading bit, 2^23, adds 1 to the exponent.
    let (mantissa, exponent) = ((x.to_bits() & 0x7F_FFFF | 0x80_0000) as u64, x.to_bits() >> 23 & 0xFF);
    let odd = exponent & 1;
    let value = mantissa << (26 - odd);
    // Bit by bit: `u64::isqrt` would bring a 64-bit division and a table into an image.
    let (mut root, mut bit) = (0_u32, 1_u32 << 24);
    while bit > 0 {
        let candidate = root | bit;
        if candidate as u64 * candidate as u64 <= value {
            root = candidate;
        }
        bit >>= 1;
    }
    f32::from_bits(((exponent / 2 + 62 + odd) << 23) + root.div_ceil(2))
}

/// The distribution of initial weights or feedback.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Initial {
    /// Uniform on (−a, a) with a of [`glorot`].
    #[default]
    Glorot,
    /// Uniform on (−`scale` · a, `scale` · a) with a of [`glorot`].
    Scaled(f32),
    /// Normal with this standard deviation.
    Normal(f32),
    /// Normal with the standard deviation `gain` / √(inputs + outputs).
    Fan(f32),
    /// All values 0.
    Zero,
    /// Uniform on (−`bound`, `bound`).
    Uniform(f32),
    /// Uniform on (−`gain` / √inputs, `gain` / √inputs); with a gain of 1 it is the default of PyTorch's `nn.Linear` and `nn.Conv2d`.
    #[cfg_attr(feature = "serde", serde(rename = "uniform-fan-in"))]
    UniformFanIn(f32),
    /// Uniform on (−`gain` / √outputs, `gain` / √outputs).
    #[cfg_attr(feature = "serde", serde(rename = "uniform-fan-out"))]
    UniformFanOut(f32),
}

/// The form that the command line accepts, such as `normal:0.05`.
impl fmt::Display for Initial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glorot => f.write_str("glorot"),
            Self::Scaled(scale) => write!(f, "scaled:{scale}"),
            Self::Normal(sigma) => write!(f, "normal:{sigma}"),
            Self::Fan(gain) => write!(f, "fan:{gain}"),
            Self::Zero => f.write_str("zero"),
            Self::Uniform(bound) => write!(f, "uniform:{bound}"),
            Self::UniformFanIn(gain) => write!(f, "uniform-fan-in:{gain}"),
            Self::UniformFanOut(gain) => write!(f, "uniform-fan-out:{gain}"),
        }
    }
}

impl Initial {
    /// The standard deviation for a weight with this fan-in and fan-out.
    pub fn standard_deviation(self, inputs: usize, outputs: usize) -> f32 {
        let width = libm::sqrtf(inputs.saturating_add(outputs) as f32);
        match self {
            Self::Glorot => libm::sqrtf(2.0) / width,
            Self::Scaled(scale) => scale * libm::sqrtf(2.0) / width,
            Self::Normal(sigma) => sigma,
            Self::Fan(gain) => gain / width,
            Self::Zero => 0.0,
            Self::Uniform(bound) => bound / libm::sqrtf(3.0),
            Self::UniformFanIn(gain) => gain / libm::sqrtf(3.0 * inputs as f32),
            Self::UniformFanOut(gain) => gain / libm::sqrtf(3.0 * outputs as f32),
        }
    }

    /// The bound a of a uniform distribution on (−a, a), 0 of [`Initial::Zero`]; `None` if the distribution is normal.
    pub(crate) const fn uniform_bound(self, inputs: usize, outputs: usize) -> Option<f32> {
        match self {
            Self::Glorot => Some(glorot(inputs, outputs)),
            Self::Scaled(scale) => Some(scale * glorot(inputs, outputs)),
            Self::Normal(_) | Self::Fan(_) => None,
            Self::Zero => Some(0.0),
            Self::Uniform(bound) => Some(bound),
            Self::UniformFanIn(gain) => Some(gain * sqrt(1.0 / inputs as f32)),
            Self::UniformFanOut(gain) => Some(gain * sqrt(1.0 / outputs as f32)),
        }
    }

    /// A number for its kind, and the coefficient, 0 where there is none.
    pub(crate) const fn parts(self) -> (u8, f32) {
        match self {
            Self::Glorot => (0, 0.0),
            Self::Scaled(scale) => (1, scale),
            Self::Normal(sigma) => (2, sigma),
            Self::Fan(gain) => (3, gain),
            Self::Zero => (4, 0.0),
            Self::Uniform(bound) => (5, bound),
            Self::UniformFanIn(gain) => (6, gain),
            Self::UniformFanOut(gain) => (7, gain),
        }
    }

    /// The distribution with these [parts](Initial::parts).
    pub(crate) const fn from_parts(kind: u8, coefficient: f32) -> Self {
        match kind {
            1 => Self::Scaled(coefficient),
            2 => Self::Normal(coefficient),
            3 => Self::Fan(coefficient),
            4 => Self::Zero,
            5 => Self::Uniform(coefficient),
            6 => Self::UniformFanIn(coefficient),
            7 => Self::UniformFanOut(coefficient),
            _ => Self::Glorot,
        }
    }

    /// Checks the range of the coefficient.
    pub(crate) const fn check(self) -> Result<(), CoefficientError> {
        match self {
            Self::Glorot | Self::Zero => Ok(()),
            Self::Scaled(x) | Self::Normal(x) | Self::Fan(x) => {
                positive("the initial standard deviation has to be above 0 and finite", x)
            }
            Self::Uniform(x) | Self::UniformFanIn(x) | Self::UniformFanOut(x) => {
                positive("the bound of the initial values has to be above 0 and finite", x)
            }
        }
    }

    /// Fills `values` of this fan-in and fan-out from `generator`.
    pub(crate) fn fill(self, values: &mut [f32], (inputs, outputs): (usize, usize), generator: &mut impl Rng) {
        match self.uniform_bound(inputs, outputs) {
            // A product with 0 has the sign of the random factor.
            Some(0.0) => values.fill(0.0),
            Some(a) => fill_uniform(values, a, generator),
            None => fill_normal(values, self.standard_deviation(inputs, outputs), generator),
        }
    }
}

/// A standard normal value from two times 32 random bits, by the transform of Box and Muller (1958).
pub fn normal(bits: [u32; 2]) -> f32 {
    let [radius, angle] = bits.map(|bits| 0.5 + 0.5 * symmetric(bits));
    libm::sqrtf(-2.0 * libm::logf(radius)) * libm::cosf(2.0 * core::f32::consts::PI * angle)
}

/// A value of the uniform distribution on (−1, 1) from 32 random bits.
///
/// The upper 23 bits select one of 2²³ values, which are symmetric about 0 and do not include it.
pub const fn symmetric(bits: u32) -> f32 {
    #[expect(clippy::cast_possible_wrap, reason = "23 bits fit")]
    let step = (bits >> 9) as i32;
    (2 * step + 1 - (1 << 23)) as f32 / (1 << 23) as f32
}

/// Fills `values` from the uniform distribution on (−a, a).
pub(crate) fn fill_uniform(values: &mut [f32], a: f32, generator: &mut impl Rng) {
    for value in values {
        *value = a * symmetric(generator.next_u32());
    }
}

/// Fills `values` from the normal distribution with mean 0 and standard deviation `sigma`.
fn fill_normal(values: &mut [f32], sigma: f32, generator: &mut impl Rng) {
    for value in values {
        *value = sigma * normal([generator.next_u32(), generator.next_u32()]);
    }
}

/// The feedback weights of one layer: weight i is a pure function of (seed, layer, i).
///
/// Therefore R in RAM, R in flash and R regenerated at each use have the same bits.
///
/// ```
/// use asymgrad_core::random::FeedbackSource;
/// let source = FeedbackSource::new(1, 2, 0.5);
/// assert!(source.at(7).abs() < 0.5);
/// assert_eq!(source.at(7).to_bits(), FeedbackSource::new(1, 2, 0.5).at(7).to_bits());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FeedbackSource {
    keys: [u32; 2],
    /// The bound of the uniform distribution, or the standard deviation of the normal one.
    scale: f32,
    normal: bool,
    /// Index of the first weight of a slice.
    first: u32,
}

impl FeedbackSource {
    /// The source of the layer with index `layer`, from 0, under `seed`: uniform on (−a, a).
    pub const fn new(seed: u64, layer: u32, a: f32) -> Self {
        // SplitMix64's finaliser (Steele, Lea and Flood 2014) mixes seed and layer into both keys.
        let mut z = seed.wrapping_add((layer as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
        let keys = [z as u32, (z >> 32) as u32];
        Self { keys, scale: a, normal: false, first: 0 }
    }

    /// The source of a layer whose feedback weights have this fan-in and fan-out.
    pub(crate) fn of(initial: Initial, seed: u64, layer: u32, (inputs, outputs): (usize, usize)) -> Self {
        match initial.uniform_bound(inputs, outputs) {
            Some(a) => Self::new(seed, layer, a),
            None => Self { normal: true, ..Self::new(seed, layer, initial.standard_deviation(inputs, outputs)) },
        }
    }

    /// The source of the weights from index `first` on.
    pub(crate) fn from(self, first: usize) -> Self {
        Self { first: saturating_u32(first), ..self }
    }

    /// Feedback weight `index` of the slice in the layer's distribution.
    #[inline(always)]
    pub(crate) fn draw<const CAPS: u32>(&self, index: u32) -> f32 {
        let index = if enabled::<CAPS>(capabilities::SLICES) { index.saturating_add(self.first) } else { index };
        if enabled::<CAPS>(capabilities::INITIAL) && self.normal { self.normal_at(index) } else { self.at(index) }
    }

    /// Feedback weight `index` of the uniform distribution, in the order of the layer's weights in memory.
    pub const fn at(&self, index: u32) -> f32 {
        self.scale * symmetric(self.bits(index))
    }

    /// As [`FeedbackSource::at`], of the normal distribution whose standard deviation is the `a` of the source.
    pub fn normal_at(&self, index: u32) -> f32 {
        let bits = self.bits(index);
        self.scale * normal([bits, mix(bits ^ 0x9E37_79B9)])
    }

    const fn bits(&self, index: u32) -> u32 {
        mix(mix(index ^ self.keys[0]).wrapping_add(self.keys[1]))
    }
}

/// The index of a layer or a weight as [`FeedbackSource`] takes it, saturated.
#[expect(clippy::cast_possible_truncation, reason = "compared before; constants have no `try_from`")]
pub(crate) const fn saturating_u32(index: usize) -> u32 {
    if index > u32::MAX as usize { u32::MAX } else { index as u32 }
}

/// A 32-bit mixing function with low bias (constants of Chris Wellons's "hash-prospector").
pub(crate) const fn mix(mut x: u32) -> u32 {
    x = (x ^ (x >> 16)).wrapping_mul(0x21F0_AAAD);
    x = (x ^ (x >> 15)).wrapping_mul(0x735A_2D97);
    x ^ (x >> 15)
}

/// A small generator for initial weights if a program has no other: SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Clone, Copy, Debug)]
pub struct SplitMix {
    state: u64,
}

impl SplitMix {
    /// A generator from a seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The generator's state, for storage.
    pub const fn to_bytes(&self) -> [u8; 8] {
        self.state.to_le_bytes()
    }

    /// A generator with a stored state.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self { state: u64::from_le_bytes(bytes) }
    }
}

impl rand_core::TryRng for SplitMix {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok((self.try_next_u64()? >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Ok(z ^ (z >> 31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in bytes.chunks_mut(8) {
            let random = self.try_next_u64()?.to_le_bytes();
            chunk.iter_mut().zip(random).for_each(|(byte, random)| *byte = random);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::sqrt;

    #[test]
    fn the_square_root_of_constants_equals_libm() {
        // Two binades cover every mantissa with an even and with an odd exponent; the second range covers every exponent.
        for bits in (0x3F80_0000..0x4080_0000).step_by(7).chain((0x0080_0000..0x7F80_0000).step_by(100_003)) {
            let x = f32::from_bits(bits);
            assert_eq!(sqrt(x).to_bits(), libm::sqrtf(x).to_bits(), "{x:e}");
        }
        for x in [0.0, f32::INFINITY] {
            assert_eq!(sqrt(x).to_bits(), x.to_bits());
        }
    }
}
