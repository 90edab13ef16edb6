//! CIFAR-10 in its binary layout: six files of 10,000 records, each a label byte and 3 × 32 × 32 bytes \[channel\]\[row\]\[col\].
//! Those of a folder are checked and stay open, and images are read when they are needed. Those of a .tar.gz are read into memory, without
//! unpacking it, in one pass and straight into place. Anything that is not exactly this layout is an error.

pub use super::cifar_format::{FILE_BYTES, FILES, FOLDER, IMAGE, RECORD, RECORDS};
use super::gzip::{MAGIC, Members};
use super::record_file::{RecordFile, open_regular};
use super::{Dataset, Error, Images, sniff};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

const CLASSES: u8 = 10;
const TEST: usize = 5;

/// Reads the six files of `folder` as the data set `name`.
///
/// # Errors
/// [`Error`] if one is missing, unreadable, of another length, or holds a label above 9.
pub fn read_folder(folder: &Path, name: &str) -> Result<Dataset, Error> {
    let (mut labels, mut files) = (Vec::with_capacity(FILES.len() * RECORDS), vec![]);
    for file in FILES {
        let path = folder.join(file);
        let opened = open_regular(&path, || missing(folder, file))?;
        let record_file = RecordFile::new(&path, opened, [RECORD - IMAGE, RECORD])?;
        let (file, length) = (path.display().to_string(), record_file.bytes());
        let records = Records { file, length, reader: BufReader::new(record_file.reader()) };
        records.read(
            |source| Error::io("read it", &path)(source),
            |_, record| {
                labels.push(record[0]);
                Ok(())
            },
        )?;
        files.push(record_file);
    }
    let (test_files, test_labels) = (files.split_off(TEST), labels.split_off(TEST * RECORDS));
    let (train, test) = (Images::in_files(IMAGE, files, labels)?, Images::in_files(IMAGE, test_files, test_labels)?);
    Dataset::of_report(name, train, test)
}

/// Python's version has the same names without their ending.
fn missing(folder: &Path, file: &'static str) -> Error {
    let folder = folder.to_owned();
    if !folder.join(file.trim_end_matches(".bin")).is_file() {
        return Error::MissingFile { folder, file };
    }
    let problem =
        "these are the files of CIFAR-10's Python version; get the binary version, as `asymgrad data fetch` does";
    Error::Folder { folder, problem: problem.into() }
}

/// Reads the .tar.gz at `path` as the data set `name`.
///
/// # Errors
/// [`Error`] if it is no gzip file, damaged, lacks one of the six members, or if a member is not as it should be.
pub fn read_archive(path: &Path, name: &str) -> Result<Dataset, Error> {
    let file = File::open(path).map_err(Error::io("open it", path))?;
    let blank = |files: usize| (vec![0; files * RECORDS * IMAGE], vec![0; files * RECORDS]);
    let mut parts = [blank(TEST), blank(1)];
    visit_archive(path, file, |batch, index, record| {
        let ((pixels, labels), place) =
            if batch == TEST { (&mut parts[1], index) } else { (&mut parts[0], batch * RECORDS + index) };
        labels[place] = record[0];
        pixels[place * IMAGE..][..IMAGE].copy_from_slice(&record[1..]);
        Ok(())
    })?;
    let [train, test] = parts.map(|(pixels, labels)| Images::in_memory(IMAGE, pixels, labels, vec![]));
    Dataset::of_report(name, train, test)
}

/// Reads the archive once and calls `each` with the file (an index of [`FILES`]), the record's index in it, and the record.
///
/// Only the six members are read, in whatever order they come; all other names, safe or not, are passed over.
pub(super) fn visit_archive(
    path: &Path,
    reader: impl Read,
    mut each: impl FnMut(usize, usize, &[u8; RECORD]) -> Result<(), Error>,
) -> Result<(), Error> {
    let damaged = |cause| Error::Damaged { archive: path.to_owned(), cause };
    let member = |batch: usize, problem| Error::Member { archive: path.to_owned(), member: FILES[batch], problem };
    let mut archive = tar::Archive::new(gunzip(path, reader)?);
    let mut seen = [false; FILES.len()];
    let mut first = None;
    for entry in archive.entries().map_err(damaged)? {
        let entry = entry.map_err(damaged)?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if let Some(batch) = batch_of(&name) {
            if !entry.header().entry_type().is_file() {
                return Err(member(batch, "is not a file"));
            }
            if std::mem::replace(&mut seen[batch], true) {
                return Err(member(batch, "comes twice"));
            }
            let length = entry.size();
            let records = Records { file: format!("{}: {name}", path.display()), length, reader: entry };
            records.read(damaged, |index, record| each(batch, index, record))?;
        }
        first.get_or_insert(name);
    }
    if let Some(batch) = seen.iter().position(|&seen| !seen) {
        return Err(Error::MissingMember { archive: path.to_owned(), member: FILES[batch], first });
    }
    // To the end of the stream, where gzip keeps its checksum.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(damaged)?;
    Ok(())
}

fn gunzip<R: Read>(path: &Path, mut reader: R) -> Result<Members<impl BufRead>, Error> {
    let not_gzip = |what| Error::NotGzip { file: path.to_owned(), what };
    if path.is_dir() {
        return Err(not_gzip(None));
    }
    let mut first = Vec::new();
    reader.by_ref().take(sniff::BYTES as u64).read_to_end(&mut first).map_err(Error::io("read it", path))?;
    if !first.starts_with(&MAGIC) {
        return Err(not_gzip(sniff::describe(&first)));
    }
    Ok(Members::new(io::Cursor::new(first).chain(BufReader::new(reader))))
}

/// The index in [`FILES`] of an archive's member.
fn batch_of(member: &str) -> Option<usize> {
    let file = member.strip_prefix("./").unwrap_or(member).strip_prefix(FOLDER)?.strip_prefix('/')?;
    FILES.iter().position(|&name| name == file)
}

/// One of the six files, wherever its bytes come from.
struct Records<R> {
    /// Its name in messages.
    file: String,
    /// The length that its folder or its archive states.
    length: u64,
    reader: R,
}

impl<R: Read> Records<R> {
    /// Calls `each` with every record and its index, and turns what goes wrong while reading into an error by `broken`.
    fn read(
        mut self,
        broken: impl Fn(io::Error) -> Error,
        mut each: impl FnMut(usize, &[u8; RECORD]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (file, expected, found) = (self.file, FILE_BYTES, self.length);
        if found < expected {
            return Err(Error::Short { file, expected, found });
        }
        if found > expected {
            return Err(Error::Trailing { file, expected, found });
        }
        let mut record = [0; RECORD];
        for index in 0..RECORDS {
            self.reader.read_exact(&mut record).map_err(&broken)?;
            if record[0] >= CLASSES {
                return Err(Error::Label { file, record: index, label: record[0] });
            }
            each(index, &record)?;
        }
        Ok(())
    }
}
