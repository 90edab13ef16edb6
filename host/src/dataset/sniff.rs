//! What a file is that is not what its place asks for, by its first bytes, and what to do about it.

/// So many bytes tell.
pub(super) const BYTES: usize = 64;

/// What begins so, and what to do, as the end of a sentence; `None` if nothing is known that does.
pub(super) fn describe(bytes: &[u8]) -> Option<&'static str> {
    let text: Vec<u8> = bytes.trim_ascii_start().iter().map(u8::to_ascii_lowercase).collect();
    let kinds: [(&[u8], &str); 11] = [
        (b"version https://git-lfs", "it is a Git LFS pointer, not the file itself: run `git lfs pull`"),
        (b"\x1f\x8b", "it is a gzip file"),
        (b"pk\x03\x04", "it is a zip archive: unpack it and give the folder"),
        (b"bzh", "it is a bzip2 file: unpack it with `bunzip2`"),
        (b"\xfd7zxz", "it is an xz file: unpack it with `unxz`"),
        (b"\x28\xb5\x2f\xfd", "it is a zstd file: unpack it with `unzstd`"),
        (b"\x89png", "it is a PNG picture: write the pixels as bytes"),
        (b"\xff\xd8\xff", "it is a JPEG picture: write the pixels as bytes"),
        (b"\x93numpy", "it is one NumPy array: save images and labels together with `numpy.savez`"),
        (b"\x80\x02", "it is a Python pickle, as in CIFAR-10's Python version: get the binary version"),
        (b"\x80\x04", "it is a Python pickle, as in CIFAR-10's Python version: get the binary version"),
    ];
    if [b"<!doctype".as_slice(), b"<html", b"<head", b"<?xml"].iter().any(|mark| text.starts_with(mark)) {
        return Some("it is a web page, not the file that the page offers: download that file itself");
    }
    let found = kinds.iter().find(|(mark, _)| bytes.to_ascii_lowercase().starts_with(mark));
    found.map(|(_, what)| *what).or_else(|| bytes.is_empty().then_some("it is empty: get the file again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_other_kinds_are_named_with_what_to_do() {
        let cases: [(&[u8], &str); 8] = [
            (b"\n  <!DOCTYPE html><html>", "web page"),
            (b"<HTML><body>", "web page"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a", "git lfs pull"),
            (b"PK\x03\x04\x14\x00", "zip archive"),
            (b"BZh91AY&SY", "bunzip2"),
            (b"\x89PNG\r\n\x1a\n", "PNG"),
            (b"\x80\x02}q\x01(U\x0bbatch_label", "binary version"),
            (b"", "empty"),
        ];
        for (bytes, said) in cases {
            assert!(describe(bytes).is_some_and(|what| what.contains(said)), "{said}");
        }
        assert_eq!(describe(&[0, 0, 8, 3, 0, 0]), None);
    }
}
