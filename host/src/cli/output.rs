//! Results on standard output.

use std::io::{self, Write};
use std::path::Path;

use asymgrad::{is_stream, run};
use comfy_table::{Table, presets};
use serde::Serialize;

/// A table without lines.
pub(super) fn table<const COLUMNS: usize>(header: [&str; COLUMNS]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    table
}

pub(super) fn print(text: &str) -> anyhow::Result<()> {
    print_bytes(text.as_bytes())
}

pub(super) fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// Prints the name of the file that was written. A reader of a stream would take the name for a part of the output.
pub(super) fn print_name(file: &Path) -> anyhow::Result<()> {
    if is_stream(file) { Ok(()) } else { print(&format!("{}\n", file.display())) }
}

pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// `asymgrad list | head` has done what was wanted.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = match error.downcast_ref() {
        // An output that was given as /dev/stdout.
        Some(run::Error::Io { cause, .. }) => Some(cause),
        _ => error.downcast_ref::<io::Error>(),
    };
    cause.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// One JSON document: an object for one row, an array for several.
pub(super) fn print_json_of<T: Serialize>(all: &[T], rows: usize) -> anyhow::Result<()> {
    let text = match all {
        [one] if rows == 1 => serde_json::to_string(one),
        all => serde_json::to_string(all),
    };
    print(&format!("{}\n", text?))
}
