//! Sections of a Markdown page, and the blocks of a file that contain them.
//!
//! Only the lines between `<!-- asymgrad report: NAME -->` and `<!-- asymgrad report: end -->` are written; all other text of the file
//! stays.

const OPEN: &str = "<!-- asymgrad report: ";
const CLOSE: &str = " -->";
const END: &str = "end";

/// A section of the page.
pub(crate) struct Section {
    /// The name of its block.
    pub(crate) name: String,
    /// Its heading on a page of its own.
    pub(crate) heading: String,
    /// Its text, whole lines.
    pub(crate) text: String,
}

impl Section {
    pub(crate) fn new(name: &str, heading: impl Into<String>, text: String) -> Self {
        Self { name: name.into(), heading: heading.into(), text }
    }
}

/// Why a file's blocks cannot be filled.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct BlockError {
    /// The line, from 1.
    line: usize,
    problem: String,
}

/// The file's text with the sections in its blocks; `None` if it has no block.
///
/// # Errors
/// [`BlockError`] if a block has no end or no section has its name.
pub(crate) fn fill(text: &str, sections: &[Section]) -> Result<Option<String>, BlockError> {
    let mut filled = String::new();
    let mut open: Option<(usize, &str)> = None;
    let mut has_block = false;
    for (line, number) in text.split_inclusive('\n').zip(1..) {
        let problem = |problem: String| BlockError { line: number, problem };
        let name = line.trim_end().strip_prefix(OPEN).and_then(|rest| rest.strip_suffix(CLOSE));
        match (name, open) {
            (Some(END), None) => {
                return Err(problem(format!(
                    "a block ends that has no beginning; remove this line, or add one with {OPEN}NAME{CLOSE} above it"
                )));
            }
            (Some(END), Some(_)) => open = None,
            (Some(name), None) => {
                filled += line;
                filled += &section(name, sections).map_err(problem)?;
                (open, has_block) = (Some((number, name)), true);
                continue;
            }
            (Some(name), Some((_, outer))) => {
                return Err(problem(format!(
                    "the block `{name}` begins before the block `{outer}` has ended; add the line {OPEN}{END}{CLOSE} above it"
                )));
            }
            (None, Some(_)) => continue,
            (None, None) => {}
        }
        filled += line;
    }
    match open {
        Some((line, name)) => {
            let problem = format!("the block `{name}` has no end; add the line {OPEN}{END}{CLOSE} after it");
            Err(BlockError { line, problem })
        }
        None => Ok(has_block.then_some(filled)),
    }
}

/// The lines of a block: those of a section with an empty line on either side.
fn section(name: &str, sections: &[Section]) -> Result<String, String> {
    let found = sections.iter().find(|section| section.name == name);
    let found = found.ok_or_else(|| {
        let names = sections.iter().map(|section| section.name.as_str()).collect::<Vec<_>>().join(", ");
        format!("no section is called `{name}`; the sections of these runs are {names}")
    })?;
    Ok(format!("\n{}\n", found.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sections() -> Vec<Section> {
        ["table-1", "claims"].map(|name| Section::new(name, "", format!("new {name}\n"))).into()
    }

    #[test]
    fn blocks_are_replaced_and_the_text_around_them_is_kept() {
        let text = "# Mine\n<!-- asymgrad report: table-1 -->\nold\n<!-- asymgrad report: end -->\nmy words\n\
                    <!-- asymgrad report: claims -->\n<!-- asymgrad report: end -->";
        let filled = fill(text, &sections()).unwrap().unwrap();
        assert_eq!(
            filled,
            "# Mine\n<!-- asymgrad report: table-1 -->\n\nnew table-1\n\n<!-- asymgrad report: end -->\nmy words\n\
             <!-- asymgrad report: claims -->\n\nnew claims\n\n<!-- asymgrad report: end -->"
        );
        assert_eq!(fill(&filled, &sections()).unwrap().unwrap(), filled);
        assert_eq!(fill("# Mine\nold\n", &sections()), Ok(None));
    }

    #[test]
    fn a_wrong_block_is_refused_with_its_line() {
        let refused = |text: &str| fill(text, &sections()).unwrap_err().to_string();
        let end = "<!-- asymgrad report: end -->\n";
        assert_eq!(
            refused(&format!("\n<!-- asymgrad report: table-7 -->\n{end}")),
            "line 2: no section is called `table-7`; the sections of these runs are table-1, claims"
        );
        assert!(refused("<!-- asymgrad report: claims -->\nold\n").contains("line 1: the block `claims` has no end"));
        assert!(refused(end).contains("line 1: a block ends that has no beginning"));
        let nested = format!("<!-- asymgrad report: claims -->\n<!-- asymgrad report: table-1 -->\n{end}");
        assert!(refused(&nested).contains("line 2: the block `table-1` begins before the block `claims` has ended"));
    }
}
