//! The texts of what the parser of the notation expects, built at compile time from the enums.

use super::activation::Activation;
use super::feedback::Feedback;
use super::layer::Operation;

/// A list in words: `before`, the options as `a, b or c`, and `after`.
struct Choice<const N: usize> {
    before: &'static str,
    /// Each option in two parts, one of which may be empty.
    options: [[&'static str; 2]; N],
    after: &'static str,
}

impl<const N: usize> Choice<N> {
    /// Writes as much of the list as fits into `bytes`, and returns the length of the whole list.
    const fn write(&self, bytes: &mut [u8]) -> usize {
        let mut len = copy(self.before, bytes, 0);
        let mut index = 0;
        while index < N {
            let separator = match index {
                0 => "",
                _ if index + 1 < N => ", ",
                _ => " or ",
            };
            len = copy(separator, bytes, len);
            len = copy(self.options[index][0], bytes, len);
            len = copy(self.options[index][1], bytes, len);
            index += 1;
        }
        copy(self.after, bytes, len)
    }
}

/// Copies `text` to `bytes` from `at` on, as far as it fits, and returns its end.
const fn copy(text: &str, bytes: &mut [u8], at: usize) -> usize {
    let text = text.as_bytes();
    let mut index = 0;
    while index < text.len() {
        if at + index < bytes.len() {
            bytes[at + index] = text[index];
        }
        index += 1;
    }
    at + text.len()
}

/// The text of a constant [`Choice`], as a constant.
macro_rules! text {
    ($choice:expr) => {{
        const LEN: usize = $choice.write(&mut []);
        const BYTES: [u8; LEN] = {
            let mut bytes = [0; LEN];
            $choice.write(&mut bytes);
            bytes
        };
        match str::from_utf8(&BYTES) {
            Ok(text) => text,
            Err(_) => panic!("the notation is UTF-8"),
        }
    }};
}

/// The notations of all variants of an enum, except the one whose notation is empty.
macro_rules! notations {
    ($enum:ty) => {{
        let mut options = [["", ""]; <$enum>::ALL.len() - 1];
        let (mut count, mut index) = (0, 0);
        while index < <$enum>::ALL.len() {
            let notation = <$enum>::ALL[index].notation();
            if !notation.is_empty() {
                options[count][0] = notation;
                count += 1;
            }
            index += 1;
        }
        options
    }};
}

/// Expected at the beginning of a layer.
pub(super) const LAYER: &str = {
    const CHOICE: Choice<{ Operation::FORMS.len() }> = Choice { before: "a layer: ", options: layers(), after: "" };
    text!(CHOICE)
};

/// Expected between the sizes and the feedback rule of a layer.
pub(super) const ACTIVATION: &str = {
    const CHOICE: Choice<{ Activation::ALL.len() - 1 }> =
        Choice { before: "an activation, ", options: notations!(Activation), after: ", a feedback rule or nothing" };
    text!(CHOICE)
};

/// Expected between the sizes and the feedback rule of a convolution.
pub(super) const PADDING: &str = {
    const CHOICE: Choice<{ Activation::ALL.len() - 1 }> = Choice {
        before: ".valid, an activation, ",
        options: notations!(Activation),
        after: ", a feedback rule or nothing",
    };
    text!(CHOICE)
};

/// Expected at the end of a layer.
pub(super) const RULE: &str = {
    const CHOICE: Choice<{ Feedback::ALL.len() - 1 }> =
        Choice { before: "a feedback rule, ", options: notations!(Feedback), after: ", or nothing" };
    text!(CHOICE)
};

/// The name of each layer and the form of its sizes.
const fn layers() -> [[&'static str; 2]; Operation::FORMS.len()] {
    let mut options = [["", ""]; Operation::FORMS.len()];
    let mut index = 0;
    while index < options.len() {
        let operation = &Operation::FORMS[index];
        options[index] = [operation.name(), operation.sizes()];
        index += 1;
    }
    options
}

#[cfg(test)]
mod tests {
    use super::{ACTIVATION, Activation, Choice, Feedback, LAYER, Operation, PADDING, RULE};
    use crate::network::kernel::Padding;

    #[test]
    fn a_choice_reads_as_a_sentence() {
        const ONE: &str = {
            const CHOICE: Choice<1> = Choice { before: "only ", options: [["x", "N"]], after: "" };
            text!(CHOICE)
        };
        const THREE: &str = {
            const CHOICE: Choice<3> = Choice { before: "", options: [["a", ""], ["b", ""], ["c", ""]], after: "!" };
            text!(CHOICE)
        };
        assert_eq!((ONE, THREE), ("only xN", "a, b or c!"));
    }

    #[test]
    fn the_texts_name_every_option() {
        let forms = LAYER.trim_start_matches("a layer: ").split([' ', ',']).filter(|word| !matches!(*word, "" | "or"));
        let expected = Operation::FORMS.map(|operation| [operation.name(), operation.sizes()].concat());
        assert!(forms.eq(expected), "{LAYER}");
        for activation in Activation::ALL {
            assert!(ACTIVATION.contains(activation.notation()), "{ACTIVATION}");
            assert!(PADDING.contains(activation.notation()), "{PADDING}");
        }
        assert!(PADDING.contains(Padding::Valid.notation()), "{PADDING}");
        for feedback in Feedback::ALL {
            assert!(RULE.contains(feedback.notation()), "{RULE}");
        }
    }
}
