//! Files of records that stay open: their pixels are read when they are needed.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Error;

/// Images of fewer bytes are held in memory: they are often so small that reading one at a time takes longer than training on it.
const LEAST_BYTES: u64 = 16 << 20;
/// A process may have a limited number of files open: the images of more files than these are held in memory.
pub(super) const MOST_OPEN: usize = 64;

/// Opens a regular file. A pipe would wait for its writer, and a device may have no end: both are refused unopened.
///
/// # Errors
/// `missing` if there is no such file, another [`Error`] if it is no regular one, or the system refuses.
pub(super) fn open_regular(path: &Path, missing: impl FnOnce() -> Error) -> Result<File, Error> {
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(missing()),
        Ok(metadata) if !metadata.is_file() => Err(Error::NoFile { path: path.to_owned() }),
        _ => File::open(path).map_err(Error::io("open it", path)),
    }
}

/// A file of records of one length, each some bytes of label and then the pixels of an image.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    file: File,
    /// Bytes of a record.
    record: usize,
    /// Bytes before the pixels of a record.
    label_bytes: usize,
    /// What the file was like before its first byte was read.
    version: Version,
}

/// The length of a file, and when it was last written, where the system tells.
type Version = (u64, Option<SystemTime>);

impl RecordFile {
    /// The `file` that [`open_regular`] has opened, of whose records of `record` bytes the first `label_bytes` are the label.
    ///
    /// # Errors
    /// [`Error`] if the system refuses.
    pub(super) fn new(path: &Path, file: File, [label_bytes, record]: [usize; 2]) -> Result<Self, Error> {
        let metadata = file.metadata().map_err(Error::io("read its length", path))?;
        let version = (metadata.len(), metadata.modified().ok());
        Ok(Self { path: path.to_owned(), file, record, label_bytes, version })
    }

    /// Whether files with so many bytes are to stay open.
    pub(super) fn is_kept_open(files: &[Self]) -> bool {
        files.iter().map(Self::bytes).sum::<u64>() >= LEAST_BYTES
    }

    /// Bytes of the file.
    pub(super) const fn bytes(&self) -> u64 {
        self.version.0
    }

    /// The file from its beginning, for one reader.
    pub(super) const fn reader(&self) -> &File {
        &self.file
    }

    /// Number of records.
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.bytes()).unwrap_or(usize::MAX) / self.record.max(1)
    }

    /// Reads the pixels of record `index`.
    ///
    /// # Errors
    /// [`Error`] if the system refuses, or the file was cut short.
    pub(super) fn read(&self, index: usize, pixels: &mut [u8]) -> Result<(), Error> {
        let at = index as u64 * self.record as u64 + self.label_bytes as u64;
        read_exact_at(&self.file, pixels, at).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => self.changed(),
            _ => Error::io("read it", &self.path)(cause),
        })
    }

    /// Appends the pixels of all records.
    ///
    /// # Errors
    /// As [`RecordFile::read`].
    pub(super) fn append_to(&self, pixels: &mut Vec<u8>) -> Result<(), Error> {
        let size = self.record - self.label_bytes;
        for index in 0..self.len() {
            let at = pixels.len();
            pixels.resize(at + size, 0);
            self.read(index, &mut pixels[at..])?;
        }
        Ok(())
    }

    /// The file has to be as it was when it was opened. A file that was written and has its old length and time again is not noticed.
    ///
    /// # Errors
    /// [`Error::Changed`], or [`Error::Io`] if the system refuses.
    pub(super) fn check_unchanged(&self) -> Result<(), Error> {
        let metadata = self.file.metadata().map_err(Error::io("read its length", &self.path))?;
        if (metadata.len(), metadata.modified().ok()) == self.version { Ok(()) } else { Err(self.changed()) }
    }

    fn changed(&self) -> Error {
        Error::Changed { file: self.path.clone() }
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                bytes = &mut bytes[count..];
                at += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
