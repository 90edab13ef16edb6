//! What `asymgrad data info` shows: counts, class balance, and each channel's mean and deviation.
//! None of it depends on the order of the images, so that a user can hold it against published figures.
//! Sums are exact integers; only the last step is floating point.

use super::{Contents, Dataset, Error, Images, fingerprint};
use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;
use std::fmt;

/// A summary of a data set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Info {
    /// The data set's name.
    pub name: String,
    /// Channels of an image.
    pub channels: usize,
    /// Rows of an image.
    pub rows: usize,
    /// Columns of an image.
    pub cols: usize,
    /// Number of classes; 0 if the images have target values.
    pub classes: usize,
    /// Number of target values of each image; 0 if the images have labels.
    #[serde(skip_serializing_if = "is_zero")]
    pub values: usize,
    /// The training images.
    pub train: SplitInfo,
    /// The test images.
    pub test: SplitInfo,
    /// What the images are, whatever the name.
    pub contents: Contents,
    /// SHA-256 over shape, labels and pixels, order included.
    pub checksum: String,
}

/// A summary of the training or the test images.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SplitInfo {
    /// Number of images.
    pub images: usize,
    /// Number of images of each class.
    pub class_counts: Vec<usize>,
    /// Mean of each channel, with pixels between 0 and 1.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel's pixels, in the same unit.
    pub deviation: Vec<f64>,
    /// SHA-256 of the images and their labels, the same in any order.
    pub fingerprint: String,
}

impl Info {
    /// Looks at every pixel of `dataset`.
    ///
    /// # Errors
    /// [`Error`] if a file of images cannot be read.
    pub fn of(dataset: &Dataset) -> Result<Self, Error> {
        let (train, test) = (SplitInfo::of(dataset, &dataset.train)?, SplitInfo::of(dataset, &dataset.test)?);
        dataset.check_unchanged()?;
        Ok(Self {
            name: dataset.name.clone(),
            channels: dataset.channels,
            rows: dataset.rows,
            cols: dataset.cols,
            classes: dataset.classes,
            values: dataset.values,
            train,
            test,
            contents: dataset.contents,
            checksum: dataset.checksum.clone(),
        })
    }
}

impl SplitInfo {
    fn of(dataset: &Dataset, images: &Images) -> Result<Self, Error> {
        let mut class_counts = vec![0; dataset.classes];
        for &label in &images.labels {
            class_counts[usize::from(label)] += 1;
        }
        let (mean, deviation) = moments(dataset, images, &images.indices())?;
        let fingerprint = fingerprint(images)?;
        Ok(Self { images: images.len(), class_counts, mean, deviation, fingerprint })
    }
}

/// Mean and standard deviation of each channel's pixels divided by 255, over the images `chosen`.
pub(crate) fn moments(dataset: &Dataset, images: &Images, chosen: &[u32]) -> Result<(Vec<f64>, Vec<f64>), Error> {
    let plane = dataset.rows * dataset.cols;
    let mut sums = vec![(0_u64, 0_u64); dataset.channels];
    for index in chosen {
        for ((sum, squares), pixels) in sums.iter_mut().zip(images.image(*index as usize)?.chunks(plane.max(1))) {
            *sum += pixels.iter().map(|pixel| u64::from(*pixel)).sum::<u64>();
            *squares += pixels.iter().map(|pixel| u64::from(*pixel) * u64::from(*pixel)).sum::<u64>();
        }
    }
    let count = (chosen.len() * plane) as f64;
    let of_channel = |(sum, squares): (u64, u64)| {
        let mean = sum as f64 / count;
        (mean / 255.0, (squares as f64 / count - mean * mean).sqrt() / 255.0)
    };
    Ok(sums.into_iter().map(of_channel).unzip())
}

impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, channels, rows, cols, classes, values, train, test, contents, checksum } = self;
        let targets = match values {
            0 => format!("{classes} classes"),
            1 => "1 target value".into(),
            _ => format!("{values} target values"),
        };
        writeln!(f, "{name}: {channels} x {rows} x {cols}, {targets}")?;
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(["", "train", "test"]);
        table.add_row(["images".to_owned(), train.images.to_string(), test.images.to_string()]);
        for (class, (train, test)) in train.class_counts.iter().zip(&test.class_counts).enumerate() {
            table.add_row([format!("class {class}"), train.to_string(), test.to_string()]);
        }
        for (what, train, test) in [("mean", &train.mean, &test.mean), ("deviation", &train.deviation, &test.deviation)]
        {
            table.add_row([format!("{what} of the channels"), decimals(train), decimals(test)]);
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(f, "{}", table.trim_fmt())?;
        writeln!(f, "contents: {contents}")?;
        for (split, info) in [("training", train), ("test", test)] {
            writeln!(f, "sha256 of the {split} images in any order: {}", info.fingerprint)?;
        }
        write!(f, "sha256 of shape, labels and pixels: {checksum}")
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn decimals(numbers: &[f64]) -> String {
    numbers.iter().map(|number| format!("{number:.4}")).collect::<Vec<_>>().join(" ")
}
