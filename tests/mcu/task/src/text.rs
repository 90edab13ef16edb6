//! Numbers as text without `core::fmt`, which brings panics of its own into an image.

/// Where text goes.
pub type Text<'a> = &'a mut dyn FnMut(&str);

/// Writes a whole number.
pub fn number(number: u32, text: Text<'_>) {
    let mut divisor = 1_000_000_000;
    let mut begun = false;
    while divisor > 0 {
        let digit = number / divisor % 10;
        begun |= digit > 0 || divisor == 1;
        if begun {
            digit_of(digit, text);
        }
        divisor /= 10;
    }
}

/// Writes all bits of a number as hexadecimal digits.
pub fn bits(bits: u32, text: Text<'_>) {
    for place in (0..8).rev() {
        digit_of(bits >> (4 * place) & 15, text);
    }
}

fn digit_of(digit: u32, text: Text<'_>) {
    let at = digit as usize;
    text("0123456789abcdef".get(at..=at).unwrap_or("?"));
}
