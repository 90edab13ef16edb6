//! Prints integers without `core::fmt`, which would bring panics of its own into an image.

/// A function that prints text.
pub type Text<'a> = &'a mut dyn FnMut(&str);

/// Prints an integer.
pub fn integer(value: u32, text: Text<'_>) {
    let mut divisor = 1_000_000_000;
    let mut started = false;
    while divisor > 0 {
        let digit = value / divisor % 10;
        started |= digit > 0 || divisor == 1;
        if started {
            print_digit(digit, text);
        }
        divisor /= 10;
    }
}

/// Prints 32 bits as hexadecimal digits.
pub fn bits(bits: u32, text: Text<'_>) {
    for position in (0..8).rev() {
        print_digit(bits >> (4 * position) & 15, text);
    }
}

fn print_digit(digit: u32, text: Text<'_>) {
    let at = digit as usize;
    text("0123456789abcdef".get(at..=at).unwrap_or("?"));
}
