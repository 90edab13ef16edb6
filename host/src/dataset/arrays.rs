//! Data sets as arrays in one file, `NumPy`'s `.npz` or safetensors: `train_images`, `train_labels`, `test_images` and `test_labels`.
//!
//! Images are uint8 of shape [N, rows, cols], [N, rows, cols, channels] or [N, channels, rows, cols], where the channels are the one of
//! both axes that is at most 4. An array `shape` of channels, rows and cols decides where that says nothing, and of [N, features], which
//! are channel by channel. Labels are integers from 0 to 255 of shape [N] or [N, 1]; other arrays are ignored.

use std::path::Path;

use super::array::{SHAPE, sides};
use super::array_file::{Source, list};
use super::{Dataset, Error, Images};

/// Reads the arrays of a file.
///
/// # Errors
/// [`Error`], which names the file, the array, what it holds and what is expected.
pub(super) fn read(file: &Path, name: &str) -> Result<Dataset, Error> {
    let mut source = Source::open(file)?;
    let wrong = |array: &str, problem| Error::Arrays { file: file.to_owned(), array: array.into(), problem };
    let found = source.read(SHAPE).map_err(|problem| wrong(SHAPE, problem))?;
    let given = found.map(|array| array.sizes()).transpose().map_err(|problem| wrong(SHAPE, problem))?;
    let mut read = |array: &str| {
        let found = source.read(array).map_err(|problem| wrong(array, problem))?;
        found.ok_or_else(|| {
            let names = list(&source.names());
            let problem = format!(
                "there is no such array, only {names}; save train_images, train_labels, test_images and test_labels"
            );
            wrong(array, problem)
        })
    };
    let mut part = |[images, labels]: [&str; 2]| {
        let (pixels, found) = (read(images)?, read(labels)?);
        let count = pixels.shape.first().copied().unwrap_or(0);
        let (shape, pixels) = pixels.images(given).map_err(|problem| wrong(images, problem))?;
        let labels_of = found.labels(count).map_err(|problem| wrong(labels, problem))?;
        Ok::<_, Error>((shape, Images::in_memory(shape.iter().product(), pixels, labels_of, vec![])))
    };
    let (shape, train) = part(["train_images", "train_labels"])?;
    let (of_test, test) = part(["test_images", "test_labels"])?;
    if of_test != shape {
        let problem =
            format!("its images are {}, those of train_images {}; they have to be equal", sides(of_test), sides(shape));
        return Err(wrong("test_images", problem));
    }
    let classes = train.labels.iter().chain(&test.labels).max().map_or(0, |most| usize::from(*most) + 1);
    Dataset::new(name, shape, classes, train, test)
}
