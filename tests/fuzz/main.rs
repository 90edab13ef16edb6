//! For any bytes, a reader returns a value or an error. It does not panic, and it does not allocate as much as a header claims.
//!
//! Valid inputs of every reader are damaged 150 times, or as often as `ASYMGRAD_FUZZ` says, with fixed seeds. The files of `inputs`, which
//! libFuzzer found to take different paths through a reader, are read as they are.
//! `ASYMGRAD_FUZZ_CORPUS` names a folder to write the valid inputs and those files to, as libFuzzer's seed corpus.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "../program/mod.rs"]
mod program;
mod readers;
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use asymgrad_core::random::SplitMix;
use rand_core::Rng;

/// The most memory that an input may take, in addition to that of the test; CIFAR-10 takes a fifth of it.
const MOST: u64 = 1 << 30;

type Reader = Box<dyn Fn(&[u8])>;

/// A reader and its valid inputs.
struct Target {
    name: &'static str,
    seeds: Vec<Vec<u8>>,
    read: Reader,
}

/// Words that are inserted into a damaged input.
const WORDS: [&[u8]; 12] = [
    b"0",
    b"-1",
    b"18446744073709551615",
    b"4611686018427387944",
    b"1e999",
    b"null",
    b"[[",
    b"}",
    b"\"",
    b"(R*)",
    &[0xff; 8],
    &[0; 8],
];

fn below(random: &mut SplitMix, most: usize) -> usize {
    usize::try_from(random.next_u64() % most.max(1) as u64).unwrap()
}

/// Damages an input one to four times: flips a bit, sets a byte, truncates, deletes, duplicates, inserts a word, or replaces a
/// number.
fn damage(seed: &[u8], random: &mut SplitMix) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=below(random, 4) {
        let (from, to) = (below(random, bytes.len()), below(random, bytes.len()));
        let (from, to) = (from.min(to), from.max(to).min(from.min(to) + 64));
        match below(random, 7) {
            0 if !bytes.is_empty() => bytes[from] ^= 1 << below(random, 8),
            1 if !bytes.is_empty() => bytes[from] = random.next_u64().to_le_bytes()[0],
            2 => bytes.truncate(to),
            3 => drop(bytes.drain(from..to)),
            4 => bytes.splice(from..from, seed.get(from..to).unwrap_or_default().to_vec()).for_each(drop),
            5 => bytes.splice(from..from, WORDS[below(random, WORDS.len())].to_vec()).for_each(drop),
            _ => {
                // Replaces a number by another one.
                let start = (from..bytes.len()).find(|&index| bytes[index].is_ascii_digit()).unwrap_or(bytes.len());
                let end = (start..bytes.len()).find(|&index| !bytes[index].is_ascii_digit()).unwrap_or(bytes.len());
                bytes.splice(start..end, WORDS[below(random, 5)].to_vec()).for_each(drop);
            }
        }
    }
    bytes
}

/// The files of `inputs` for a reader: their names and contents.
fn found(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/inputs").join(name);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.display().to_string(), fs::read(&file).unwrap())).collect()
}

/// Requires that a reader returns and takes less than [`MOST`] beyond `before`.
fn check(target: &Target, case: &str, bytes: &[u8], before: u64) {
    let name = target.name;
    let returned = catch_unwind(AssertUnwindSafe(|| (target.read)(bytes))).is_ok();
    assert!(returned, "{name}, {case}: a panic at {:?}", String::from_utf8_lossy(bytes));
    let grown = peak() - before;
    assert!(grown < MOST, "{name}, {case}: {grown} bytes for {:?}", String::from_utf8_lossy(bytes));
}

/// The peak of this process's virtual memory, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).unwrap();
    1024 * line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
}

#[test]
fn every_reader_returns_a_value_or_an_error_for_any_bytes() {
    let times: usize = std::env::var("ASYMGRAD_FUZZ").map_or(150, |number| number.parse().unwrap());
    let corpus = std::env::var_os("ASYMGRAD_FUZZ_CORPUS").map(PathBuf::from);
    let folder = tempfile::tempdir().unwrap();
    for target in targets::all(folder.path()) {
        let Target { name, seeds, read } = &target;
        let found = found(name);
        for seed in seeds {
            read(seed);
        }
        if let Some(corpus) = corpus.as_ref().map(|corpus| corpus.join(name)) {
            fs::create_dir_all(&corpus).unwrap();
            let bytes = seeds.iter().chain(found.iter().map(|(_, bytes)| bytes));
            for (number, bytes) in bytes.enumerate() {
                fs::write(corpus.join(number.to_string()), bytes).unwrap();
            }
        }
        let before = peak();
        for (file, bytes) in &found {
            check(&target, file, bytes, before);
        }
        for case in 0..times {
            let bytes = damage(&seeds[case % seeds.len()], &mut SplitMix::new(case as u64));
            check(&target, &format!("case {case}"), &bytes, before);
        }
    }
}

/// Each reader that libFuzzer knows has inputs, and no others are kept.
#[test]
fn the_inputs_are_those_of_the_readers() {
    let mut names: Vec<&str> = readers::all().into_iter().map(|(name, ..)| name).collect();
    names.sort_unstable();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/inputs");
    let mut folders: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    folders.sort();
    assert_eq!(folders, names);
    assert!(names.iter().all(|name| !found(name).is_empty()));
}
