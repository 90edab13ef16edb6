//! `NumPy`'s `.npy`, an array behind a header that is a Python dictionary of three fields, and `.npz`, a zip archive of them.
//!
//! An `.npy` file: `\x93NUMPY`, two bytes of version, the header's length as a little-endian u16, from version 2 on u32, the header, the
//! numbers (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).

use std::fmt::Display;
use std::fs::File;
use std::io::{BufReader, Read};

use zip::ZipArchive;

use super::array::{Array, Number};

/// `NumPy` itself refuses longer headers.
const MOST_HEADER: u64 = 10_000;
const MAGIC: &[u8] = b"\x93NUMPY";
/// The ending of an array's name in the archive.
const ENDING: &str = ".npy";

/// An open archive.
pub(super) type Archive = ZipArchive<BufReader<File>>;

/// The arrays' names, in order.
pub(super) fn names(archive: &Archive) -> Vec<String> {
    let files = archive.file_names().filter_map(Result::ok);
    let mut names: Vec<String> = files.filter_map(|name| Some(name.strip_suffix(ENDING)?.to_owned())).collect();
    names.sort_unstable();
    names
}

/// Reads an array that the archive has, or says what is wrong with it.
pub(super) fn read(archive: &mut Archive, name: &str) -> Result<Array, String> {
    let entry = archive.by_name(&format!("{name}{ENDING}")).map_err(|error| damaged(&error, "numpy.savez"))?;
    read_npy(entry, "numpy.savez")
}

/// Reads an `.npy` file, which `writer` writes, or says what is wrong with it.
pub(super) fn read_npy(mut file: impl Read, writer: &str) -> Result<Array, String> {
    let damaged = |error: &dyn Display| damaged(error, writer);
    let header = read_header(&mut file).map_err(|error| damaged(&error))?;
    let (number, is_fortran, shape) = parse(&header).ok_or_else(|| damaged(&format!("its header is {header:?}")))?;
    if is_fortran {
        return Err("it is in Fortran order; save `numpy.ascontiguousarray(x)`".into());
    }
    let mut data = vec![];
    if let Some(length) = Array::length(&shape, number.size()) {
        // Memory grows with what is there, never with what a damaged header says; one byte more shows that there is more.
        file.take(length.saturating_add(1)).read_to_end(&mut data).map_err(|error| damaged(&error))?;
    }
    Ok(Array { number, shape, data })
}

fn damaged(error: &dyn Display, writer: &str) -> String {
    format!("it is damaged ({error}); save it again with `{writer}`")
}

fn read_header(entry: &mut impl Read) -> std::io::Result<String> {
    let mut start = [0; 8];
    entry.read_exact(&mut start)?;
    if !start.starts_with(MAGIC) {
        return Err(std::io::Error::other("it is no .npy file"));
    }
    let mut length = [0; 4];
    // Of version 1 the length has two bytes.
    entry.read_exact(&mut length[..if start[6] == 1 { 2 } else { 4 }])?;
    let length = u32::from_le_bytes(length);
    if u64::from(length) > MOST_HEADER {
        return Err(std::io::Error::other(format!("its header has {length} bytes")));
    }
    let mut header = vec![];
    entry.take(length.into()).read_to_end(&mut header)?;
    Ok(String::from_utf8_lossy(&header).trim().to_owned())
}

/// The type of number, whether the order is Fortran's, and the shape.
fn parse(header: &str) -> Option<(Number, bool, Vec<usize>)> {
    let field = |name: &str| Some(header.split_once(&format!("'{name}':"))?.1.trim_start());
    let descr = field("descr")?;
    // A structure is a list.
    let number = descr
        .strip_prefix('\'')
        .and_then(|rest| rest.split_once('\''))
        .map_or_else(|| Number::Other(descr.chars().take(40).collect()), |(descr, _)| number(descr));
    let shape = field("shape")?.strip_prefix('(')?.split_once(')')?.0;
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    Some((
        number,
        field("fortran_order")?.starts_with("True"),
        sizes.map(|size| size.parse().ok()).collect::<Option<_>>()?,
    ))
}

/// The number that `NumPy` writes as `|u1`, `<i8` or `>i4`.
fn number(descr: &str) -> Number {
    let integer = || {
        let (order, kind) = descr.split_at_checked(1)?;
        let (sign, bytes) = kind.split_at_checked(1)?;
        let is_signed = ["u", "i"].iter().position(|known| *known == sign)? == 1;
        let bytes = bytes.parse().ok().filter(|bytes| [1, 2, 4, 8].contains(bytes))?;
        Some(Number::Integer { bytes, is_signed, is_big: order == ">" })
    };
    integer().unwrap_or_else(|| Number::Other(descr.into()))
}
