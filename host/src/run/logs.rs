//! The logs of a run: one JSON object a line, cut back to the checkpoint when the run goes on.
//!
//! JSON knows no NaN, so a number that is not finite is the string "NaN", "inf" or "-inf".

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::error::Error;
use super::events::Events;
use super::folder::{EPOCHS, METRICS, RunFolder, TIMING};
use crate::train::Measures;

/// A line of `metrics.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StepLine {
    /// Number of the step, from 1.
    pub step: u64,
    /// Its epoch, from 1.
    pub epoch: u32,
    /// Mean loss of the batch before the update.
    #[serde(serialize_with = "write_f32")]
    pub loss: f32,
}

/// A line of `epochs.jsonl`; losses are means over samples, accuracies percent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochLine {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Over the epoch's batches, each before its update.
    #[serde(serialize_with = "write_f64", deserialize_with = "read_f64")]
    pub train_loss: f64,
    /// Over the epoch's batches, each before its update.
    #[serde(serialize_with = "write_f64", deserialize_with = "read_f64")]
    pub train_accuracy: f64,
    /// Over the test images, after the epoch.
    #[serde(serialize_with = "write_f64", deserialize_with = "read_f64")]
    pub test_loss: f64,
    /// Over the test images, after the epoch.
    #[serde(serialize_with = "write_f64", deserialize_with = "read_f64")]
    pub test_accuracy: f64,
}

/// A whole line of `epochs.jsonl`: the epoch, and the measures of its end.
#[derive(Debug, Serialize)]
pub(crate) struct MeasuredLine {
    #[serde(flatten)]
    pub(crate) line: EpochLine,
    #[serde(flatten)]
    pub(crate) measures: Option<Measures>,
}

/// A line of `timing.jsonl`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TimingLine {
    pub(crate) epoch: u32,
    /// Wall time of the epoch's steps.
    pub(crate) train_seconds: f64,
    /// Wall time of the evaluation after it.
    pub(crate) test_seconds: f64,
    pub(crate) images_per_second: f64,
    pub(crate) threads: usize,
    pub(crate) kernels: String,
}

/// Bytes of each log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// Of `metrics.jsonl`.
    pub metrics: u64,
    /// Of `epochs.jsonl`.
    pub epochs: u64,
    /// Of `timing.jsonl`.
    pub timing: u64,
}

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

/// The lines of a run's `epochs.jsonl`; none if there is no such file.
///
/// # Errors
/// If it cannot be read or a line is damaged. A last line without its end is still being written and is left out.
pub fn read_epochs(folder: &Path) -> Result<Vec<EpochLine>, Error> {
    let file = folder.join(EPOCHS);
    let bytes = match fs::read(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        bytes => bytes.map_err(Error::io("read", &file))?,
    };
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| line.ends_with(b"\n"))
        .enumerate()
        .map(|(number, line)| {
            serde_json::from_slice(line).map_err(|error| {
                let problem = format!("line {} is no epoch: {error}", number + 1);
                Error::Damaged { file: file.clone(), problem }
            })
        })
        .collect()
}

/// The objects of a log; a line that is still being written is left out.
pub fn read_lines(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn write_f32<S: Serializer>(number: &f32, serializer: S) -> Result<S::Ok, S::Error> {
    if number.is_finite() { serializer.serialize_f32(*number) } else { serializer.collect_str(number) }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn write_f64<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.is_finite() { serializer.serialize_f64(*number) } else { serializer.collect_str(number) }
}

fn read_f64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Finite(f64),
        Named(String),
    }
    match Number::deserialize(deserializer)? {
        Number::Finite(number) => Ok(number),
        Number::Named(name) => name.parse().map_err(serde::de::Error::custom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_is_no_number_is_a_string() {
        let line = |loss| serde_json::to_string(&StepLine { step: 1, epoch: 2, loss }).unwrap();
        assert_eq!(line(0.1), r#"{"step":1,"epoch":2,"loss":0.1}"#);
        assert_eq!(line(f32::NAN), r#"{"step":1,"epoch":2,"loss":"NaN"}"#);
        assert_eq!(line(f32::INFINITY), r#"{"step":1,"epoch":2,"loss":"inf"}"#);
        assert_eq!(line(f32::NEG_INFINITY), r#"{"step":1,"epoch":2,"loss":"-inf"}"#);
    }

    #[test]
    fn an_epoch_survives_its_line() {
        let line =
            EpochLine { epoch: 3, train_loss: f64::INFINITY, train_accuracy: 10.0, test_loss: 0.1, test_accuracy: 9.5 };
        let text = serde_json::to_string(&line).unwrap();
        assert_eq!(serde_json::from_str::<EpochLine>(&text).unwrap(), line);
    }
}
