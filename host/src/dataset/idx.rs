//! Data sets in MNIST's IDX files, plain or gzip: grey images of any size, labels below 256.
//!
//! A file: two zero bytes, 8 for bytes, the number of dimensions, each dimension as a big-endian u32, then the bytes
//! (`LeCun`, Cortes, Burges, "The MNIST database of handwritten digits").

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::gzip::Members;
use super::{Dataset, Error, Images};

/// The images and labels to train on, then those to test.
const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
/// An image of more rows or columns is a mistake.
pub(super) const MOST_SIDE: usize = 1 << 12;

/// Whether a folder holds such files.
pub(super) fn is_here(folder: &Path) -> bool {
    find(folder, FILES[0]).is_some()
}

/// Reads the four files of a folder.
///
/// # Errors
/// [`Error`], which names the file and what is wrong with it.
pub(super) fn read_folder(folder: &Path, name: &str) -> Result<Dataset, Error> {
    let part = |images: &'static str, labels: &'static str| {
        let (shape, pixels) = read(folder, images, 3)?;
        let (_, labels) = read(folder, labels, 1)?;
        if labels.len() != shape[0] {
            let problem = format!("{} labels for {} images", labels.len(), shape[0]);
            return Err(Error::Idx { file: folder.join(images), problem });
        }
        let size = shape[1] * shape[2];
        Ok(([shape[1], shape[2]], Images { pixels, labels, size }))
    };
    let (shape, train) = part(FILES[0], FILES[1])?;
    let (tested, test) = part(FILES[2], FILES[3])?;
    if shape != tested || train.is_empty() || test.is_empty() {
        let problem =
            format!("{} images of {tested:?}, those to train on are {} of {shape:?}", test.len(), train.len());
        return Err(Error::Idx { file: folder.join(FILES[2]), problem });
    }
    let labels = train.labels.iter().chain(&test.labels);
    let classes = labels.max().map_or(0, |most| usize::from(*most) + 1);
    let [rows, cols] = shape;
    Ok(Dataset::new(name, [1, rows, cols], classes, train, test))
}

/// The file of this name, as it is or compressed.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    [folder.join(name), folder.join(format!("{name}.gz"))].into_iter().find(|file| file.is_file())
}

/// The dimensions of a file, and its bytes.
fn read(folder: &Path, name: &'static str, dimensions: usize) -> Result<(Vec<usize>, Vec<u8>), Error> {
    let file = find(folder, name).ok_or_else(|| Error::Idx {
        file: folder.join(name),
        problem: format!("there is no such file, nor {name}.gz; the folder must hold {}", FILES.join(", ")),
    })?;
    let opened = File::open(&file).map_err(Error::io("open", &file))?;
    let mut reader: Box<dyn Read> = if file.extension().is_some_and(|ending| ending == "gz") {
        Box::new(Members::new(BufReader::new(opened)))
    } else {
        Box::new(opened)
    };
    parse(&mut reader, dimensions).map_err(|problem| Error::Idx { file, problem })
}

/// Reads what a header promises: memory grows with the bytes that are there, never with what a damaged header says.
fn parse(reader: &mut impl Read, dimensions: usize) -> Result<(Vec<usize>, Vec<u8>), String> {
    let failed = |error: io::Error| format!("cannot read it: {error}");
    let mut header = [0; 4];
    reader.read_exact(&mut header).map_err(failed)?;
    let expected = [0, 0, 8, u8::try_from(dimensions).unwrap_or(u8::MAX)];
    if header != expected {
        return Err(format!("it begins with {header:?}, such a file with {expected:?}"));
    }
    let mut shape = vec![];
    for dimension in 0..dimensions {
        let mut bytes = [0; 4];
        reader.read_exact(&mut bytes).map_err(failed)?;
        let size = u32::from_be_bytes(bytes) as usize;
        if dimension > 0 && !(1..=MOST_SIDE).contains(&size) {
            return Err(format!("it says that an image has a side of {size}"));
        }
        shape.push(size);
    }
    let size: usize = shape.iter().product();
    let mut bytes = vec![];
    // One more than promised, to see what is too much.
    reader.take(size as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() != size {
        let found = if bytes.len() > size { "more".into() } else { bytes.len().to_string() };
        return Err(format!("{found} bytes follow its header, which says {size}"));
    }
    Ok((shape, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn file(shape: &[u32], bytes: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, 8, u8::try_from(shape.len()).unwrap()];
        file.extend(shape.iter().flat_map(|size| size.to_be_bytes()));
        [file, bytes.to_vec()].concat()
    }

    #[test]
    fn images_and_labels_are_read_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).unwrap();
        write(FILES[0], file(&[3, 2, 4], &(0..24).collect::<Vec<u8>>()));
        write(FILES[1], file(&[3], &[2, 0, 6]));
        write(FILES[2], file(&[1, 2, 4], &[9; 8]));
        write(FILES[3], file(&[1], &[1]));
        let data = read_folder(folder.path(), "mine").unwrap();
        assert_eq!((data.channels, data.rows, data.cols, data.classes), (1, 2, 4, 7));
        assert_eq!((data.train.len(), data.test.len(), data.train.labels.as_slice()), (3, 1, [2, 0, 6].as_slice()));
        assert_eq!(data.train.image(1), [8, 9, 10, 11, 12, 13, 14, 15]);
        write(FILES[3], file(&[2], &[1, 1]));
        let error = read_folder(folder.path(), "mine").unwrap_err().to_string();
        assert!(error.contains("t10k-images") && error.contains("2 labels for 1 images"), "{error}");
        fs::remove_file(folder.path().join(FILES[1])).unwrap();
        assert!(read_folder(folder.path(), "mine").unwrap_err().to_string().contains("train-labels-idx1-ubyte"));
    }

    #[test]
    fn a_header_that_promises_too_much_takes_no_memory() {
        let hostile = file(&[u32::MAX, 4096, 4096], &[1, 2, 3]);
        assert!(parse(&mut hostile.as_slice(), 3).unwrap_err().contains("3 bytes follow its header"));
        let longer = file(&[1, 1, 1], &[1, 2]);
        assert!(parse(&mut longer.as_slice(), 3).unwrap_err().contains("more bytes"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_file_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64), good in any::<bool>()) {
            let bytes = if good { [vec![0, 0, 8, 3], bytes].concat() } else { bytes };
            if let Ok((shape, found)) = parse(&mut bytes.as_slice(), 3) {
                prop_assert_eq!(shape.iter().product::<usize>(), found.len());
            }
        }
    }
}
