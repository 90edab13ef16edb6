//! What is wrong with a text of TOML: the line, and for a mistyped word the nearest one that there is.

use std::path::Path;
use std::{fs, io};

/// The line, from 1, of an offset in `text`.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// The line of an error in `text`, and what is wrong there.
pub(crate) fn diagnose(text: &str, error: &toml::de::Error) -> (usize, String) {
    (error.span().map_or(1, |span| line_of(text, span.start)), with_nearest(error.message().trim()))
}

/// The known word that differs least from `word`; `None` if all differ in more than half of its letters.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &str| strsim::damerau_levenshtein(&known.to_lowercase(), &word.to_lowercase());
    known
        .map(|known| (distance(known), known))
        .min()
        .filter(|(distance, _)| 2 * distance <= word.chars().count())
        .map(|(_, known)| known)
}

/// Serde names the unknown word, then all that there are; if one of them is near, it is what a reader wants.
fn with_nearest(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown ").then(|| words.next()).flatten();
    match (message.split_once(','), unknown.and_then(|unknown| nearest(unknown, words))) {
        (Some((what, _)), Some(nearest)) => format!("{what}; the nearest is `{nearest}`"),
        _ => message.replace('\n', " "),
    }
}

/// Bytes of the longest file that is read.
const MOST_BYTES: u64 = 1 << 20;

/// The text of a file that somebody wrote, or what the file is.
pub(crate) fn read_text(file: &Path) -> io::Result<Result<String, &'static str>> {
    if fs::metadata(file)?.len() > MOST_BYTES {
        return Ok(Err("it has more than a million bytes"));
    }
    Ok(text_of(fs::read(file)?))
}

/// The text of a file that somebody wrote; else what the file is, and what to do.
pub(crate) fn text_of(bytes: Vec<u8>) -> Result<String, &'static str> {
    // Editors of Windows write UTF-16 with a mark, and UTF-8 with one that is no part of the text.
    if bytes.starts_with(&[0xff, 0xfe])
        || bytes.starts_with(&[0xfe, 0xff])
        || bytes.iter().take(2).any(|byte| *byte == 0)
    {
        return Err("it is UTF-16: save it as UTF-8");
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is no text in UTF-8: save it as UTF-8")?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
