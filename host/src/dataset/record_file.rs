//! Files of records that stay open: their pixels are read when they are needed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Error;

/// A system allows a process so many open files that these are few.
pub(super) const MOST_OPEN: usize = 64;

/// A file of records of one length, each some bytes of label and then the pixels of an image.
#[derive(Debug)]
pub(super) struct RecordFile {
    path: PathBuf,
    file: File,
    /// Bytes of a record.
    record: usize,
    /// Bytes before the pixels of a record.
    label_bytes: usize,
    records: usize,
    /// When it was last written, where the system tells; its images were checked then.
    modified: Option<SystemTime>,
}

impl RecordFile {
    /// The open `file` with `records` records.
    pub(super) fn new(
        path: &Path,
        file: File,
        [label_bytes, record]: [usize; 2],
        records: usize,
    ) -> Result<Self, Error> {
        let modified = modified(&file).map_err(Error::io("read when it was written", path))?;
        Ok(Self { path: path.to_owned(), file, record, label_bytes, records, modified })
    }

    /// Number of records.
    pub(super) const fn len(&self) -> usize {
        self.records
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
        for index in 0..self.records {
            let at = pixels.len();
            pixels.resize(at + size, 0);
            self.read(index, &mut pixels[at..])?;
        }
        Ok(())
    }

    /// The file has to be as it was when it was opened.
    ///
    /// # Errors
    /// [`Error::Changed`], or [`Error::Io`] if the system refuses.
    pub(super) fn check_unchanged(&self) -> Result<(), Error> {
        let modified = modified(&self.file).map_err(Error::io("read when it was written", &self.path))?;
        if modified == self.modified { Ok(()) } else { Err(self.changed()) }
    }

    fn changed(&self) -> Error {
        Error::Changed { file: self.path.clone() }
    }
}

/// When a file was last written; `None` where the system does not tell.
fn modified(file: &File) -> io::Result<Option<SystemTime>> {
    Ok(file.metadata()?.modified().ok())
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
