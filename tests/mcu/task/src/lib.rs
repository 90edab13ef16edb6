#![no_std]
//! The trainings that both device and host run: the digits, the initial weights, and a training for each combination of network,
//! feedback rule and optimizer, which print the same text.

pub mod combinations;
pub mod flash;
pub mod handover;
pub mod text;

pub use text::Text;

/// Pixels of a digit.
pub const PIXELS: usize = 64;
/// Digits that are trained on, the first of the file.
pub const TRAINED: usize = 1500;
/// Digits in the file; the others are the test set.
pub const DIGITS: usize = 1797;

/// Pixels 0 to 16 of each digit, then the labels (UCI, see `data/`).
#[expect(unsafe_code, reason = "a read-only section of its own, so that flash is counted without it")]
#[unsafe(link_section = ".task.digits")]
static FILE: [u8; DIGITS * (PIXELS + 1)] = *include_bytes!("../../../../data/digits.bin");

/// dense1.bias, dense1.weight, dense2.bias, dense2.weight as f32, after a header.
#[expect(unsafe_code, reason = "a read-only section of its own, so that flash is counted without it")]
#[unsafe(link_section = ".task.weights")]
static WEIGHTS: [u8; 9936] = *include_bytes!("../../digits-64-32-10.safetensors");
const HEADER: usize = 296;

/// Writes the pixels of a digit, 0 to 1, and returns its label.
pub fn digit<'a>(index: usize, pixels: impl IntoIterator<Item = &'a mut f32>) -> Option<usize> {
    let bytes = FILE.get(index * PIXELS..(index + 1) * PIXELS)?;
    pixels.into_iter().zip(bytes).for_each(|(x, byte)| *x = f32::from(*byte) / 16.0);
    FILE.get(DIGITS * PIXELS + index).map(|label| usize::from(*label))
}

/// [`digit`] with pixels 0 to 16, as a sensor returns them.
pub fn raw_digit(index: usize, pixels: &mut [u8; PIXELS]) -> Option<usize> {
    let bytes = FILE.get(index * PIXELS..(index + 1) * PIXELS)?;
    pixels.iter_mut().zip(bytes).for_each(|(pixel, byte)| *pixel = *byte);
    FILE.get(DIGITS * PIXELS + index).map(|label| usize::from(*label))
}

/// Copies the initial weights into `parameters`: weights, then biases, layer by layer.
pub fn initial_weights(parameters: &mut [f32]) -> Option<()> {
    let (values, _) = WEIGHTS.get(HEADER..)?.as_chunks::<4>();
    let (bias1, rest) = values.split_at_checked(32)?;
    let (weight1, rest) = rest.split_at_checked(2048)?;
    let (bias2, weight2) = rest.split_at_checked(10)?;
    let ordered = weight1.iter().chain(bias1).chain(weight2).chain(bias2);
    parameters.iter_mut().zip(ordered).for_each(|(value, bytes)| *value = f32::from_le_bytes(*bytes));
    Some(())
}
