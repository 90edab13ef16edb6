//! What is wrong with a text of TOML: the line, and for a mistyped word the nearest one that there is.

/// The line, from 1, of an offset in `text`.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// The line of an error in `text`, and what is wrong there.
pub(crate) fn diagnose(text: &str, error: &toml::de::Error) -> (usize, String) {
    (error.span().map_or(1, |span| line_of(text, span.start)), with_nearest(error.message().trim()))
}

/// Serde names the unknown word, then all that there are; the nearest of them is what a reader wants.
fn with_nearest(message: &str) -> String {
    let mut words = message.split('`').skip(1).step_by(2);
    let unknown = message.starts_with("unknown ").then(|| words.next()).flatten();
    let nearest = unknown.and_then(|unknown| words.min_by_key(|word| strsim::damerau_levenshtein(word, unknown)));
    match (message.split_once(','), nearest) {
        (Some((what, _)), Some(nearest)) => format!("{what}; the nearest is `{nearest}`"),
        _ => message.replace('\n', " "),
    }
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
