//! Fuzzes one reader with libFuzzer: the reader whose name is that of the program.
#![no_main]

mod readers;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static FOLDER: OnceLock<(TempDir, readers::Reader)> = OnceLock::new();

fuzz_target!(|bytes: &[u8]| {
    let (folder, read) = FOLDER.get_or_init(|| {
        let all = readers::all();
        let (_, reader, _) =
            all.into_iter().find(|(name, ..)| *name == env!("CARGO_BIN_NAME")).expect("no such reader");
        (tempfile::tempdir().expect("a temporary folder"), reader)
    });
    read(folder.path(), bytes);
});
