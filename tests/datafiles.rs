//! Files of data sets as people have them: other names, other roots, other forms. What can be read is read; of the rest the error says
//! what it is and what to do.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;
use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use program::{Ended, Sandbox};
use serde_json::Value;

/// An IDX file with numbers of type `kind`.
fn idx(kind: u8, shape: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, kind, u8::try_from(shape.len()).unwrap()];
    file.extend(shape.iter().flat_map(|size| size.to_be_bytes()));
    [file, bytes.to_vec()].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The four files of six and three images of 2 x 2, in MNIST's order.
fn files() -> [Vec<u8>; 4] {
    let labels = [0, 1, 2, 3, 1, 0];
    let pixels: Vec<u8> = (0..24).collect();
    [idx(8, &[6, 2, 2], &pixels), idx(8, &[6], &labels), idx(8, &[3, 2, 2], &pixels[..12]), idx(8, &[3], &labels[..3])]
}

const NAMES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// Writes the files under these names, which may have folders.
fn write(sandbox: &Sandbox, names: [&str; 4], files: &[Vec<u8>; 4]) {
    for (name, bytes) in names.into_iter().zip(files) {
        let file = sandbox.path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
}

fn info(sandbox: &Sandbox, data: &str) -> Ended {
    sandbox.run_with("data info --json --data {}", data)
}

/// The plain files' checksum, which all others have to have.
fn checksum() -> Value {
    let sandbox = Sandbox::new();
    write(&sandbox, NAMES, &files());
    info(&sandbox, ".").json()["checksum"].clone()
}

#[test]
fn names_with_dots_of_emnist_and_in_torchvisions_roots_are_read() {
    let expected = checksum();
    let dotted =
        ["train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"];
    let emnist = [
        "emnist-letters-train-images-idx3-ubyte",
        "emnist-letters-train-labels-idx1-ubyte",
        "emnist-letters-test-images-idx3-ubyte",
        "emnist-letters-test-labels-idx1-ubyte",
    ];
    for names in [NAMES, dotted, emnist] {
        for folder in ["data", "data/raw", "data/MNIST/raw"] {
            for ending in ["", ".gz"] {
                let sandbox = Sandbox::new();
                let names = names.map(|name| format!("{folder}/{name}{ending}"));
                let bytes = files().map(|bytes| if ending.is_empty() { bytes } else { gzip(&bytes) });
                write(&sandbox, names.each_ref().map(String::as_str), &bytes);
                assert_eq!(info(&sandbox, "data").json()["checksum"], expected, "{names:?}");
            }
        }
    }
}

#[test]
fn several_sets_in_a_folder_are_named_and_each_is_read_by_one_of_its_files() {
    let sandbox = Sandbox::new();
    for (set, files) in [("emnist-digits-", files()), ("emnist-letters-", files().map(|bytes| gzip(&bytes)))] {
        let ending = if set.contains("letters") { ".gz" } else { "" };
        let names = NAMES.map(|name| format!("both/{set}{}{ending}", name.replace("t10k", "test")));
        write(&sandbox, names.each_ref().map(String::as_str), &files);
    }
    info(&sandbox, "both")
        .assert(1, &["both: it holds 2 data sets", "emnist-digits-train-images", "emnist-letters-train-images"]);
    for file in ["emnist-digits-train-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte.gz"] {
        assert_eq!(info(&sandbox, &format!("both/{file}")).json()["checksum"], checksum(), "{file}");
    }
}

/// As `cat a.gz b.gz` and `pigz --independent` make them, and as a browser saves what it has unpacked.
#[test]
fn a_file_of_several_gzip_members_or_of_none_is_read_whatever_its_ending() {
    let expected = checksum();
    let members = |bytes: &[u8]| bytes.chunks(7).map(gzip).collect::<Vec<_>>().concat();
    for compressed in [true, false] {
        for ending in ["", ".gz"] {
            let sandbox = Sandbox::new();
            let names = NAMES.map(|name| format!("{name}{ending}"));
            write(
                &sandbox,
                names.each_ref().map(String::as_str),
                &files().map(|bytes| if compressed { members(&bytes) } else { bytes }),
            );
            assert_eq!(info(&sandbox, ".").json()["checksum"], expected);
        }
    }
    // The end of the last member is looked for.
    let sandbox = Sandbox::new();
    let mut cut = files().map(|bytes| members(&bytes));
    let length = cut[0].len();
    cut[0].truncate(length - 9);
    write(&sandbox, NAMES, &cut);
    info(&sandbox, ".").assert(1, &["train-images-idx3-ubyte: cannot read it", "get the file again"]);
}

#[test]
fn what_is_no_such_file_is_said_with_what_to_do() {
    let refused = |role: usize, bytes: &[u8], said: &[&str]| {
        let sandbox = Sandbox::new();
        let mut files = files();
        files[role] = bytes.to_vec();
        write(&sandbox, NAMES.map(|name| Box::leak(format!("{name}.gz").into_boxed_str()) as &str), &files);
        let ended = info(&sandbox, ".");
        ended.assert(1, &[NAMES[role]]);
        ended.assert(1, said);
        for wrong in ["check the permissions", "get the file again"] {
            assert!(!ended.err.contains(wrong), "{}", ended.err);
        }
    };
    for (kind, name) in [
        (9, "signed bytes"),
        (0xb, "16-bit integers"),
        (0xc, "32-bit integers"),
        (0xd, "32-bit floats"),
        (0xe, "64-bit floats"),
    ] {
        refused(0, &idx(kind, &[6, 2, 2], &[0; 200]), &[name, "0 to 255"]);
    }
    refused(0, &idx(8, &[6, 2, 2, 3], &[0; 72]), &["4 dimensions", "[image, row, col]"]);
    refused(1, b"<!DOCTYPE html>\n<html><body>404", &["a web page", "download that file itself"]);
    refused(2, b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", &["Git LFS pointer", "git lfs pull"]);
    refused(3, b"PK\x03\x04\x14\x00\x00\x00", &["zip archive", "unpack it"]);
}

#[test]
fn an_archive_that_is_none_is_said_with_what_to_do() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("python")).unwrap();
    fs::write(sandbox.path("python/data_batch_1"), b"\x80\x02}q\x01").unwrap();
    info(&sandbox, "python").assert(1, &["CIFAR-10's Python version", "get the binary version"]);
    for (bytes, said) in [
        (b"<html>".as_slice(), "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"BZh91AY&SY", "bzip2"),
    ] {
        fs::write(sandbox.path("cifar-10-binary.tar.gz"), bytes).unwrap();
        info(&sandbox, "cifar-10-binary.tar.gz").assert(1, &["not a gzip file", said]);
        sandbox.run("data import cifar-10-binary.tar.gz").assert(1, &["not a gzip file", said]);
    }
}

#[test]
fn a_description_in_another_encoding_is_read_or_named() {
    let text = "channels = 1\nheight = 1\nwidth = 1\nclasses = 2\ntrain = [\"a.bin\"]\ntest = [\"a.bin\"]\n";
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("mine")).unwrap();
    fs::write(sandbox.path("mine/a.bin"), [0, 7, 1, 9]).unwrap();
    let utf16 = |mark: u16, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(mark).filter(|mark| *mark != 0).chain(text.encode_utf16()).flat_map(bytes).collect()
    };
    let rows = "[[experiment]]\nname = \"MINE\"\nnetwork = \"input 64 - dense10\"\nloss = \"ce\"\n";
    for bytes in [utf16(0xfeff, u16::to_le_bytes), utf16(0xfeff, u16::to_be_bytes), utf16(0, u16::to_le_bytes)] {
        fs::write(sandbox.path("mine/layout.toml"), &bytes).unwrap();
        let ended = info(&sandbox, "mine");
        ended.assert(1, &["mine/layout.toml: it is UTF-16: save it as UTF-8"]);
        assert!(!ended.err.contains("permissions"), "{}", ended.err);
        fs::write(sandbox.path("own.toml"), &bytes).unwrap();
        sandbox.run("list --experiments own.toml").assert(1, &["own.toml: it is UTF-16: save it as UTF-8"]);
    }
    fs::write(sandbox.path("mine/layout.toml"), [b"# \xe9\n", text.as_bytes()].concat()).unwrap();
    info(&sandbox, "mine").assert(1, &["mine/layout.toml: it is no text in UTF-8"]);
    // A mark before UTF-8 is no part of the text.
    fs::write(sandbox.path("mine/layout.toml"), [b"\xef\xbb\xbf", text.as_bytes()].concat()).unwrap();
    assert_eq!(info(&sandbox, "mine").json()["train"]["images"], 2);
    fs::write(sandbox.path("own.toml"), [b"\xef\xbb\xbf", rows.as_bytes()].concat()).unwrap();
    assert_eq!(sandbox.run("list --experiments own.toml --json").json()[0]["name"], "MINE");
}

/// A pipe would wait for a writer for ever.
#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_is_refused_unopened() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("cifar")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(sandbox.path("cifar/data_batch_1.bin")).status();
    assert!(made.unwrap().success());
    info(&sandbox, "cifar")
        .assert(1, &["data_batch_1.bin: this is no file; images and values are read from regular files"]);
}
