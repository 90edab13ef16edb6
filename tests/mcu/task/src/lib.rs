#![no_std]
//! What the device and the host train alike: the digits, the initial weights, and one training for each combination of
//! network, feedback rule and optimizer, told as the same text.

pub mod combinations;
pub mod flash;
pub mod handover;
pub mod text;

pub use text::Text;

/// Pixels of a digit.
pub const PIXELS: usize = 64;
/// Digits that train.
pub const TRAINED: usize = 1500;
/// Digits in the file: the others test.
pub const DIGITS: usize = 1797;

/// Pixels 0 to 16 of each digit, then the labels (UCI, see `data/`).
#[expect(unsafe_code, reason = "a section of its own, read-only, so that flash counts without it")]
#[unsafe(link_section = ".task.digits")]
static FILE: [u8; DIGITS * (PIXELS + 1)] = *include_bytes!("../../../../data/digits.bin");

/// dense1.bias, dense1.weight, dense2.bias, dense2.weight as f32 behind a header.
#[expect(unsafe_code, reason = "a section of its own, read-only, so that flash counts without it")]
#[unsafe(link_section = ".task.weights")]
static WEIGHTS: [u8; 9936] = *include_bytes!("../../digits-64-32-10.safetensors");
const HEADER: usize = 296;

/// Writes one digit's pixels, 0 to 1, and gives its label.
pub fn digit<'a>(number: usize, pixels: impl IntoIterator<Item = &'a mut f32>) -> Option<usize> {
    let bytes = FILE.get(number * PIXELS..(number + 1) * PIXELS)?;
    pixels.into_iter().zip(bytes).for_each(|(x, byte)| *x = f32::from(*byte) / 16.0);
    FILE.get(DIGITS * PIXELS + number).map(|label| usize::from(*label))
}

/// [`digit`] as a sensor gives it, 0 to 16.
pub fn raw_digit(number: usize, pixels: &mut [u8; PIXELS]) -> Option<usize> {
    let bytes = FILE.get(number * PIXELS..(number + 1) * PIXELS)?;
    pixels.iter_mut().zip(bytes).for_each(|(pixel, byte)| *pixel = *byte);
    FILE.get(DIGITS * PIXELS + number).map(|label| usize::from(*label))
}

/// Copies the initial weights into `parameters`: weights, then biases, layer by layer.
pub fn initial_weights(parameters: &mut [f32]) -> Option<()> {
    let (numbers, _) = WEIGHTS.get(HEADER..)?.as_chunks::<4>();
    let (bias1, rest) = numbers.split_at_checked(32)?;
    let (weight1, rest) = rest.split_at_checked(2048)?;
    let (bias2, weight2) = rest.split_at_checked(10)?;
    let ordered = weight1.iter().chain(bias1).chain(weight2).chain(bias2);
    parameters.iter_mut().zip(ordered).for_each(|(number, bytes)| *number = f32::from_le_bytes(*bytes));
    Some(())
}
