//! Words for a shell.

use std::ffi::OsStr;

/// One word for bash, in quotes where it needs them; bytes that are no UTF-8 are escaped as in `$'\xe9'`.
pub(crate) fn quoted(word: impl AsRef<OsStr>) -> String {
    let word = word.as_ref();
    let bytes = word.as_encoded_bytes();
    match word.to_str() {
        Some(text) if !text.is_empty() && bytes.iter().copied().all(is_plain) => text.into(),
        Some(text) => format!("'{}'", text.replace('\'', "'\\''")),
        None => format!("$'{}'", bytes.iter().copied().map(escaped).collect::<String>()),
    }
}

/// Whether bash reads the byte as itself.
pub(crate) fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&byte)
}

fn escaped(byte: u8) -> String {
    if is_plain(byte) { char::from(byte).into() } else { format!("\\x{byte:02x}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_where_a_shell_would_read_more_than_one_word() {
        for (word, quotes) in
            [("a-b/c=1%", "a-b/c=1%"), ("", "''"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("été", "'été'")]
        {
            assert_eq!(quoted(word), quotes);
        }
    }

    #[test]
    #[cfg(unix)]
    fn bytes_that_are_no_utf8_are_escaped() {
        use std::os::unix::ffi::OsStrExt;
        assert_eq!(quoted(OsStr::from_bytes(b"\xe9t\xe9 '\\")), r"$'\xe9t\xe9\x20\x27\x5c'");
    }
}
