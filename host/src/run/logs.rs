//! The logs of a run: one JSON object a line, cut back to the checkpoint when the run resumes.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;

use serde::Serialize;

use super::error::Error;
use super::events::Events;
use super::files::{EPOCHS, METRICS, TIMING};
use super::folder::RunFolder;
use super::lines::{Lengths, MeasuredLine, StepLine};

/// The three logs of a run.
#[derive(Debug)]
pub(crate) struct Logs {
    metrics: Log,
    pub(crate) epochs: Log,
    pub(crate) timing: Log,
    /// What `TensorBoard` reads, if it is asked for.
    events: Option<Events>,
}

impl Logs {
    /// Opens the logs and forgets what lies beyond `lengths`.
    pub(crate) fn open(folder: &RunFolder, lengths: Lengths, tensorboard: bool) -> Result<Self, Error> {
        Ok(Self {
            metrics: Log::open(folder.file(METRICS), lengths.metrics)?,
            epochs: Log::open(folder.file(EPOCHS), lengths.epochs)?,
            timing: Log::open(folder.file(TIMING), lengths.timing)?,
            // After the others: it begins with what is left in them.
            events: tensorboard.then(|| Events::begin(folder.path())).transpose()?,
        })
    }

    /// Appends a step.
    pub(crate) fn step(&mut self, line: &StepLine) -> Result<(), Error> {
        self.metrics.append(line)?;
        self.events.as_mut().map_or(Ok(()), |events| events.step(line.step, line.loss.into()))
    }

    /// Appends an epoch.
    pub(crate) fn epoch(&mut self, line: &MeasuredLine) -> Result<(), Error> {
        self.epochs.append(line)?;
        self.events.as_mut().map_or(Ok(()), |events| events.epoch(line).and_then(|()| events.flush()))
    }

    /// Lets readers see all steps.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.metrics.flush()?;
        self.events.as_mut().map_or(Ok(()), Events::flush)
    }

    /// Makes every line durable and says where the logs end: a checkpoint must not name lines that a crash may take.
    pub(crate) fn sync(&mut self) -> Result<Lengths, Error> {
        Ok(Lengths { metrics: self.metrics.sync()?, epochs: self.epochs.sync()?, timing: self.timing.sync()? })
    }
}

/// A file that lines are appended to.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: BufWriter<File>,
    length: u64,
    synced: u64,
}

impl Log {
    fn open(path: PathBuf, length: u64) -> Result<Self, Error> {
        let mut file =
            File::options().write(true).create(true).truncate(false).open(&path).map_err(Error::io("open", &path))?;
        let found = file.metadata().map_err(Error::io("read", &path))?.len();
        if found < length {
            let problem = format!("{found} bytes, the checkpoint counts {length}");
            return Err(Error::Damaged { file: path, problem });
        }
        file.set_len(length).and_then(|()| file.seek(SeekFrom::Start(length))).map_err(Error::io("cut back", &path))?;
        Ok(Self { path, file: BufWriter::new(file), length, synced: length })
    }

    /// Appends a line.
    pub(crate) fn append(&mut self, line: &impl Serialize) -> Result<(), Error> {
        let failed = |error: io::Error| Error::io("write", &self.path)(error);
        let mut text = serde_json::to_vec(line).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(failed)?;
        self.length += text.len() as u64;
        Ok(())
    }

    /// Lets readers see all lines.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.file.flush().map_err(Error::io("write", &self.path))
    }

    fn sync(&mut self) -> Result<u64, Error> {
        if self.synced != self.length {
            self.flush()?;
            self.file.get_ref().sync_data().map_err(Error::io("write", &self.path))?;
            self.synced = self.length;
        }
        Ok(self.length)
    }
}
