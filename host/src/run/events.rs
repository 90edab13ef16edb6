//! `TensorBoard`'s event file of a run: the numbers of its logs, which it holds from the first line on in whatever process.
//!
//! A process writes a file of its own and removes those of earlier ones, so that a run that was cut back leaves no double point.
//! A record is the length as u64, its masked CRC-32C, the event, and its masked CRC-32C (`TensorFlow`, `lib/io/record_writer.h`);
//! an event is a protocol buffer (`core/util/event.proto`, `core/framework/summary.proto`).

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::Value;

use super::error::Error;
use super::files::{EPOCHS, METRICS};
use super::lines::read_lines;
use super::lock::LockHolder;

/// What the name of such a file begins with.
const NAME: &str = "events.out.tfevents.";

/// An event file that is being written.
#[derive(Debug)]
pub(crate) struct Events {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Events {
    /// Begins a file with all that the logs hold, and removes the earlier ones.
    pub(crate) fn begin(folder: &Path) -> Result<Self, Error> {
        let LockHolder { host, pid, began, .. } = LockHolder::this_process();
        let earlier = files(folder);
        let path = folder.join(format!("{NAME}{began:010}.{host}.{pid}.asymgrad"));
        let file = BufWriter::new(File::create(&path).map_err(Error::io("create", &path))?);
        let mut events = Self { path, file };
        events.write(&[length_delimited(3, b"brain.Event:2")].concat())?;
        // A session that starts at step 0 makes a reader forget what it has seen of the earlier files.
        events.write(&[length_delimited(7, &varint_field(1, 1))].concat())?;
        for line in read_lines(&folder.join(METRICS)) {
            events.step(line["step"].as_u64().unwrap_or(0), number(&line["loss"]).unwrap_or(f64::NAN))?;
        }
        for line in read_lines(&folder.join(EPOCHS)) {
            events.epoch(&line)?;
        }
        events.flush()?;
        for file in earlier.into_iter().filter(|file| *file != events.path) {
            fs::remove_file(&file).map_err(Error::io("remove", &file))?;
        }
        Ok(events)
    }

    /// A step's loss, at the step.
    pub(crate) fn step(&mut self, step: u64, loss: f64) -> Result<(), Error> {
        self.scalars(step, &[("loss/step".into(), loss)])
    }

    /// All numbers of an epoch's line, at the epoch: `loss/train`, `accuracy/test`, `angles/dense2`, and so on.
    pub(crate) fn epoch(&mut self, line: &impl Serialize) -> Result<(), Error> {
        let line = serde_json::to_value(line).unwrap_or_default();
        let mut scalars = vec![];
        for (name, value) in line.as_object().into_iter().flatten().filter(|(name, _)| *name != "epoch") {
            match (value.as_object(), name.split_once('_')) {
                (Some(layers), _) => {
                    let of_layer = |(layer, value)| Some((format!("{name}/{layer}"), number(value)?));
                    scalars.extend(layers.iter().filter_map(of_layer));
                }
                (None, Some((split, what))) => {
                    scalars.extend(number(value).map(|number| (format!("{what}/{split}"), number)));
                }
                (None, None) => {}
            }
        }
        self.scalars(line["epoch"].as_u64().unwrap_or(0), &scalars)
    }

    /// Lets readers see all events.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.file.flush().map_err(Error::io("write", &self.path))
    }

    fn scalars(&mut self, step: u64, scalars: &[(String, f64)]) -> Result<(), Error> {
        let mut values = vec![];
        for (tag, value) in scalars {
            #[expect(clippy::cast_possible_truncation, reason = "the format holds f32")]
            let bytes = (*value as f32).to_le_bytes();
            let number = [[2 << 3 | 5].as_slice(), &bytes].concat();
            values.extend(length_delimited(1, &[length_delimited(1, tag.as_bytes()), number].concat()));
        }
        self.write(&[varint_field(2, step), length_delimited(5, &values)].concat())
    }

    /// Adds the time of day, and writes the event as a record.
    fn write(&mut self, fields: &[u8]) -> Result<(), Error> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let event = [[1 << 3 | 1].as_slice(), &now.to_le_bytes(), fields].concat();
        let length = (event.len() as u64).to_le_bytes();
        let parts = [length.as_slice(), &masked(&length), &event, &masked(&event)];
        let mut write = || -> io::Result<()> { parts.into_iter().try_for_each(|part| self.file.write_all(part)) };
        write().map_err(Error::io("write", &self.path))
    }
}

/// The event files of a run's folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(NAME)).map(|entry| entry.path()).collect()
}

/// A number of a log, where "NaN" and "inf" are strings.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
    bytes
}

/// A whole number as the field `field` of a protocol buffer.
fn varint_field(field: u8, number: u64) -> Vec<u8> {
    [vec![field << 3], varint(number)].concat()
}

/// Text, or a message, as a field.
fn length_delimited(field: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![field << 3 | 2], varint(bytes.len() as u64), bytes.to_vec()].concat()
}
