//! Files of CIFAR-10's kind with other images: records of label bytes, then \[channel\]\[row\]\[col\] bytes, described by a
//! `layout.toml` beside them. CIFAR-100's two labels are one case, any image size is another.
//!
//! ```toml
//! channels = 3
//! height = 64
//! width = 64
//! classes = 20
//! label_bytes = 1             # before each image; the last of them is the class [default: 1]
//! label = 0                   # which of them is the class, from 0 [default: the last]
//! train = ["a.bin", "b.bin"]  # beside this file, in this order
//! test = ["c.bin"]
//! ```
//!
//! For regression and for several labels of an image, `values` stands in place of `classes`: so many numbers for each image, in files of
//! their own, little-endian f32, one image after the other. The records are then images alone.
//!
//! ```toml
//! values = 2
//! train_values = ["a.f32", "b.f32"]  # as many images as in `train`
//! test_values = ["c.f32"]
//! ```

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use super::images::MOST_SIDE;
use super::record_file::{MOST_OPEN, RecordFile, open_regular};
use super::{Dataset, Error, Images};
use crate::diagnostic::{diagnose, text_of};

/// The description's name.
pub(super) const FILE: &str = "layout.toml";
/// Nobody writes a longer one by hand.
const MOST_BYTES: u64 = 1 << 16;
const MOST_CHANNELS: usize = 1 << 10;
/// Labels are bytes.
const MOST_CLASSES: usize = 1 << 8;
/// An image reconstructed has as many values as pixels.
const MOST_VALUES: usize = 1 << 24;

/// What `layout.toml` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layout {
    channels: usize,
    height: usize,
    width: usize,
    classes: Option<usize>,
    label_bytes: Option<usize>,
    label: Option<usize>,
    values: Option<usize>,
    train: Vec<String>,
    test: Vec<String>,
    #[serde(default)]
    train_values: Vec<String>,
    #[serde(default)]
    test_values: Vec<String>,
}

/// Reads the files that the folder's `layout.toml` names.
///
/// # Errors
/// [`Error`], which names the file, the place in it and what was found there.
pub(super) fn read_folder(folder: &Path, name: &str) -> Result<Dataset, Error> {
    let file = folder.join(FILE);
    let wrong = |problem: String| Error::Layout { file: file.clone(), problem };
    let mut bytes = vec![];
    let opened = File::open(&file).map_err(Error::io("open it", &file))?;
    opened.take(MOST_BYTES).read_to_end(&mut bytes).map_err(Error::io("read it", &file))?;
    let text = text_of(bytes).map_err(|problem| wrong(problem.into()))?;
    let layout = parse(&text).map_err(wrong)?;
    let train = layout.read(folder, &layout.train, &layout.train_values)?;
    let test = layout.read(folder, &layout.test, &layout.test_values)?;
    for (images, part) in [(&train, "train"), (&test, "test")] {
        if images.is_empty() {
            return Err(wrong(format!("the files of `{part}` hold no image")));
        }
    }
    let shape = [layout.channels, layout.height, layout.width];
    Dataset::new(name, shape, layout.classes.unwrap_or(0), train, test)
}

fn parse(text: &str) -> Result<Layout, String> {
    let layout: Layout = toml::from_str(text).map_err(|error| {
        let (line, problem) = diagnose(text, &error);
        format!("line {line}: {problem}")
    })?;
    let numbers = [
        ("channels", Some(layout.channels), MOST_CHANNELS),
        ("height", Some(layout.height), MOST_SIDE),
        ("width", Some(layout.width), MOST_SIDE),
        ("classes", layout.classes, MOST_CLASSES),
        ("label_bytes", layout.label_bytes, MOST_CLASSES),
        ("values", layout.values, MOST_VALUES),
    ];
    for (field, number, most) in numbers {
        if let Some(number) = number.filter(|number| !(1..=most).contains(number)) {
            return Err(format!("{field} = {number}, but it has to be from 1 to {most}"));
        }
    }
    layout.check_targets()?;
    Ok(layout)
}

impl Layout {
    /// Images have labels or values, and not both.
    fn check_targets(&self) -> Result<(), String> {
        let has_files = !self.train_values.is_empty() || !self.test_values.is_empty();
        match (self.classes, self.values) {
            (None, None) => Err("missing field `classes`, or `values` for images with target values".into()),
            (Some(_), Some(_)) => {
                Err("`classes` and `values`, but images have labels or target values, not both".into())
            }
            (Some(_), None) if has_files => {
                Err("`train_values` and `test_values` need `values`, the number of each image's".into())
            }
            (None, Some(_)) if self.label_bytes.is_some() || self.label.is_some() => {
                Err("`label_bytes` and `label` are for labels; leave them out beside `values`".into())
            }
            (None, Some(_)) if self.train_values.is_empty() || self.test_values.is_empty() => {
                Err("`values` needs the files of `train_values` and `test_values`".into())
            }
            _ if self.classes.is_some() && self.label() >= self.label_bytes() => {
                let (label, bytes) = (self.label(), self.label_bytes());
                Err(format!("label = {label}, but the {bytes} label bytes are 0 to {}", bytes - 1))
            }
            _ => Ok(()),
        }
    }

    /// Label bytes of a record.
    fn label_bytes(&self) -> usize {
        if self.values.is_some() { 0 } else { self.label_bytes.unwrap_or(1) }
    }

    /// The label byte that is the class.
    fn label(&self) -> usize {
        self.label.unwrap_or(self.label_bytes().saturating_sub(1))
    }

    /// The images of some files, one after the other, with their values. Memory grows with what is there, never with what `layout.toml`
    /// says.
    fn read(&self, folder: &Path, files: &[String], values: &[String]) -> Result<Images, Error> {
        let mut images = self.read_images(folder, files)?;
        let Some(count) = self.values else { return Ok(images) };
        for name in values {
            read_values(&folder.join(name), count, &mut images.values)?;
        }
        if images.values.len() != count * images.len() {
            let (found, images) = (images.values.len() / count, images.len());
            let problem = format!(
                "the files {} hold the values of {found} images, and {} hold {images}; both have to be the same images in the \
                 same order",
                values.join(", "),
                files.join(", ")
            );
            return Err(Error::Layout { file: folder.join(FILE), problem });
        }
        Ok(images)
    }

    fn read_images(&self, folder: &Path, files: &[String]) -> Result<Images, Error> {
        let size = self.channels * self.height * self.width;
        let (mut labels, mut pixels, mut record_files) = (vec![], vec![], vec![]);
        let is_kept_open = files.len() <= MOST_OPEN;
        for name in files {
            let record_file = self.read_labels(&folder.join(name), size, &mut labels)?;
            if is_kept_open {
                record_files.push(record_file);
            } else {
                record_file.append_to(&mut pixels)?;
                record_file.check_unchanged()?;
            }
        }
        if is_kept_open {
            Images::in_files(size, record_files, labels)
        } else {
            Ok(Images::in_memory(size, pixels, labels, vec![]))
        }
    }

    /// Checks a file of images of `size` bytes and appends their labels.
    fn read_labels(&self, file: &Path, size: usize, labels: &mut Vec<u8>) -> Result<RecordFile, Error> {
        let wrong = |problem: String| Error::Layout { file: file.to_owned(), problem };
        let (label_bytes, classes) = (self.label_bytes(), self.classes.unwrap_or(0));
        let record = label_bytes + size;
        let record_file = RecordFile::new(file, open(file)?, [label_bytes, record])?;
        let length = record_file.bytes();
        if length % record as u64 != 0 {
            return Err(wrong(format!(
                "{length} bytes are no whole number of records of {record}, which are {label_bytes} label bytes and {} x {} x {} of an \
                 image; correct {FILE}, or get the file again",
                self.channels, self.height, self.width
            )));
        }
        let mut reader = BufReader::new(record_file.reader());
        // Only as long as the file says: an image may be larger than the memory.
        let mut bytes = vec![0; record.min(usize::try_from(length).unwrap_or(usize::MAX))];
        for index in 0..record_file.len() {
            reader.read_exact(&mut bytes).map_err(Error::io("read it", file))?;
            let Some(label) = bytes[..label_bytes].get(self.label()) else { continue };
            if usize::from(*label) >= classes {
                return Err(wrong(format!(
                    "record {index} (byte {}) has label {label}, but {FILE} says {classes} classes, which are 0 to {}",
                    index as u64 * record as u64,
                    classes - 1
                )));
            }
            labels.push(*label);
        }
        Ok(record_file)
    }
}

/// Opens a file that `layout.toml` names.
fn open(file: &Path) -> Result<File, Error> {
    open_regular(file, || {
        let problem = format!("there is no such file, but {FILE} names it");
        Error::Layout { file: file.to_owned(), problem }
    })
}

/// Appends the values of a file of little-endian f32, `count` of each image.
fn read_values(file: &Path, count: usize, values: &mut Vec<f32>) -> Result<(), Error> {
    let wrong = |problem: String| Error::Layout { file: file.to_owned(), problem };
    let mut bytes = vec![];
    open(file)?.read_to_end(&mut bytes).map_err(Error::io("read it", file))?;
    if bytes.len() % (4 * count) != 0 {
        return Err(wrong(format!(
            "{} bytes are no whole number of images of {count} f32; correct `values` in {FILE}, or write the file as little-endian f32",
            bytes.len()
        )));
    }
    let numbers = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
    if let Some((index, number)) = numbers.clone().enumerate().find(|(_, number)| !number.is_finite()) {
        return Err(wrong(format!(
            "value {} of image {} (byte {}) is {number}, but values have to be finite; correct the file",
            index % count,
            index / count,
            4 * index
        )));
    }
    values.extend(numbers);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const TEXT: &str =
        "channels = 2\nheight = 1\nwidth = 3\nclasses = 5\ntrain = [\"a.bin\", \"b.bin\"]\ntest = [\"c.bin\"]\n";

    fn folder(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
        write(FILE, text.as_bytes());
        write("a.bin", &[4, 1, 2, 3, 4, 5, 6]);
        write("b.bin", &[0, 7, 7, 7, 7, 7, 7, 3, 8, 8, 8, 8, 8, 9]);
        write("c.bin", &[1, 0, 0, 0, 0, 255, 0]);
        write("empty.bin", &[]);
        folder
    }

    fn problem(folder: &Path) -> String {
        read_folder(folder, "mine").unwrap_err().to_string().replace(&folder.display().to_string(), "ROOT")
    }

    #[test]
    fn records_of_any_shape_are_read_in_their_order() {
        let folder = folder(TEXT);
        let data = read_folder(folder.path(), "mine").unwrap();
        assert_eq!((data.channels, data.rows, data.cols, data.classes), (2, 1, 3, 5));
        assert_eq!((data.train.labels.as_slice(), data.test.labels.as_slice()), ([4, 0, 3].as_slice(), [1].as_slice()));
        assert_eq!(
            [0, 2].map(|index| data.train.image(index).unwrap().into_owned()),
            [[1, 2, 3, 4, 5, 6], [8, 8, 8, 8, 8, 9]]
        );
        assert_eq!(data.test.image(0).unwrap()[..], [0, 0, 0, 0, 255, 0]);
    }

    #[test]
    fn one_of_several_label_bytes_is_the_class() {
        let text = TEXT.replace("width = 3", "width = 1\nlabel_bytes = 5").replace("\"b.bin\"", "\"a.bin\"");
        let classes = |text: &str| {
            let data = read_folder(folder(text).path(), "mine").unwrap();
            (data.train.labels.clone(), data.train.image(0).unwrap().into_owned())
        };
        assert_eq!(classes(&format!("{text}label = 0")), (vec![4, 4], vec![5, 6]));
        assert_eq!(classes(&text), (vec![4, 4], vec![5, 6]));
        assert_eq!(classes(&format!("{text}label = 1")), (vec![1, 1], vec![5, 6]));
        assert!(parse(&format!("{text}label = 5")).unwrap_err().contains("label bytes are 0 to 4"));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_the_way_out() {
        let says = |text: &str, expected: &str| {
            let folder = folder(text);
            let found = problem(folder.path());
            assert!(found.contains(expected), "no `{expected}` in: {found}");
        };
        says(
            &TEXT.replace("height", "heigth"),
            "ROOT/layout.toml: line 2: unknown field `heigth`; the nearest is `height`",
        );
        says(&TEXT.replace("classes = 5\n", ""), "missing field `classes`");
        says(&TEXT.replace("= 5", "= 257"), "classes = 257, but it has to be from 1 to 256");
        says(&TEXT.replace("= 3", "= 0"), "width = 0, but");
        says(&TEXT.replace("= 3", "= 4"), "ROOT/a.bin: 7 bytes are no whole number of records of 9");
        says(&TEXT.replace("= 5", "= 4"), "ROOT/a.bin: record 0 (byte 0) has label 4, but layout.toml says 4 classes");
        says(&TEXT.replace("c.bin", "d.bin"), "ROOT/d.bin: there is no such file, but layout.toml names it");
        says(&TEXT.replace("[\"c.bin\"]", "[]"), "the files of `test` hold no image");
        says(&TEXT.replace("c.bin", "."), "ROOT/.: this is no file; images and values are read from regular files");
        let endless = if cfg!(unix) { "/dev/zero" } else { "." };
        let text = TEXT.replace("channels = 2", "channels = 1").replace("width = 3", "width = 7");
        let text = text.replace("classes = 5", "values = 2");
        says(
            &format!("{text}train_values = [\"{endless}\"]\ntest_values = [\"c.bin\"]\n"),
            "this is no file; images and values are read from regular files",
        );
        // An image of 16 GiB, of which there is none.
        let huge = "channels = 1024\nheight = 4096\nwidth = 4096\nclasses = 2\ntrain = [\"empty.bin\"]\ntest = [\"empty.bin\"]\n";
        says(huge, "the files of `train` hold no image");
    }
}
