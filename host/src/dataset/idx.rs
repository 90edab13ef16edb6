//! Data sets in MNIST's IDX files, plain or gzip: grey images of any size, labels below 256.
//!
//! A file: two zero bytes, 8 for bytes, the number of dimensions, each dimension as a big-endian u32, then the bytes
//! (`LeCun`, Cortes, Burges, "The MNIST database of handwritten digits"). The four files of a data set are known by their names,
//! with a dot or a hyphen before `idx`, and something before all of it as EMNIST has it: `emnist-letters-train-images-idx3-ubyte.gz`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::gzip::{MAGIC, Members};
use super::images::MOST_SIDE;
use super::sniff::{self, describe};
use super::{Dataset, Error, Images};

/// The images and labels to train on, then those to test.
const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
/// What EMNIST calls the last two.
const TEST_FILES: [&str; 2] = ["test-images-idx3-ubyte", "test-labels-idx1-ubyte"];

/// The files of one data set, as far as they are there, in the order of [`FILES`].
#[derive(Debug, Default)]
struct Found {
    folder: PathBuf,
    files: [Option<PathBuf>; 4],
}

/// Reads the data set whose files a folder holds, or `raw` or `NAME/raw` in it, as torchvision's roots do; `None` if there are none.
///
/// # Errors
/// [`Error`], which names the file and what is wrong with it.
pub(super) fn read_folder(folder: &Path, name: &str) -> Result<Option<Dataset>, Error> {
    let mut found = sets_in(folder);
    if found.is_empty() {
        found = sets_in(&folder.join("raw"));
    }
    if found.is_empty() {
        found = folders_in(folder).iter().flat_map(|inner| sets_in(&inner.join("raw"))).collect();
    }
    match found.as_slice() {
        [] => Ok(None),
        [(_, one)] => one.read(name).map(Some),
        several => Err(Error::Folder { folder: folder.to_owned(), problem: which_of(several) }),
    }
}

/// Reads the data set of which `file` is one; `None` if its name is not that of such a file.
///
/// # Errors
/// As [`read_folder`].
pub(super) fn read_set_of(file: &Path, name: &str) -> Result<Option<Dataset>, Error> {
    let Some((prefix, _)) = file.file_name().and_then(|name| role_of(name.to_str()?)) else { return Ok(None) };
    let folder = file.parent().unwrap_or(Path::new(""));
    let found = sets_in(folder).into_iter().find(|(found, _)| found == prefix);
    found.map(|(_, one)| one.read(name)).transpose()
}

/// The data sets whose files lie in a folder, by what their files' names begin with.
fn sets_in(folder: &Path) -> Vec<(String, Found)> {
    let mut sets: BTreeMap<String, Found> = BTreeMap::new();
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    // A file comes before the same one compressed.
    files.sort();
    for file in files.into_iter().filter(|file| file.is_file()) {
        if let Some((prefix, role)) = file.file_name().and_then(|name| role_of(name.to_str()?)) {
            let set = sets.entry(prefix.to_owned()).or_default();
            folder.clone_into(&mut set.folder);
            set.files[role].get_or_insert_with(|| file.clone());
        }
    }
    sets.into_iter().collect()
}

/// What a file's name begins with, and which of the four files it is.
fn role_of(name: &str) -> Option<(&str, usize)> {
    let stem = name.strip_suffix(".gz").unwrap_or(name);
    let names = FILES.iter().zip(0..).chain(TEST_FILES.iter().zip(2..));
    names.into_iter().find_map(|(known, role)| {
        let prefix = stem.strip_suffix(known).or_else(|| stem.strip_suffix(&known.replace("-idx", ".idx")))?;
        Some((prefix, role))
    })
}

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn which_of(sets: &[(String, Found)]) -> String {
    let file =
        |(_, found): &(String, Found)| found.files.iter().flatten().next().map(|file| file.display().to_string());
    let files: Vec<String> = sets.iter().filter_map(file).collect();
    format!("it holds {} data sets; give a file of the one that is meant: {}", sets.len(), files.join(", "))
}

impl Found {
    fn read(&self, name: &str) -> Result<Dataset, Error> {
        let (shape, train) = self.part(0)?;
        let (tested, test) = self.part(2)?;
        if shape != tested || train.is_empty() || test.is_empty() {
            let problem = format!(
                "it has {} images of {tested:?}, the training file {} of {shape:?}; both need images of one size: get the files again",
                test.len(),
                train.len()
            );
            return Err(Error::Idx { file: self.file(2)?.to_owned(), problem });
        }
        let labels = train.labels.iter().chain(&test.labels);
        let classes = labels.max().map_or(0, |most| usize::from(*most) + 1);
        let [rows, cols] = shape;
        Dataset::new(name, [1, rows, cols], classes, train, test)
    }

    /// The sides of the images, and the images and labels of the files `first` and the next.
    fn part(&self, first: usize) -> Result<([usize; 2], Images), Error> {
        let (shape, pixels) = read(self.file(first)?, 3)?;
        let (_, labels) = read(self.file(first + 1)?, 1)?;
        if labels.len() != shape[0] {
            let problem = format!("{} labels for {} images; get both files again", labels.len(), shape[0]);
            return Err(Error::Idx { file: self.file(first)?.to_owned(), problem });
        }
        let size = shape[1] * shape[2];
        Ok(([shape[1], shape[2]], Images::in_memory(size, pixels, labels, vec![])))
    }

    fn file(&self, role: usize) -> Result<&Path, Error> {
        self.files[role].as_deref().ok_or_else(|| Error::Idx {
            file: self.folder.join(FILES[role]),
            problem: format!(
                "there is no such file, nor {}.gz; the folder must hold {}",
                FILES[role],
                FILES.join(", ")
            ),
        })
    }
}

/// The dimensions of a file, and its bytes. Whether it is compressed is seen by its first bytes, for names lie.
fn read(file: &Path, dimensions: usize) -> Result<(Vec<usize>, Vec<u8>), Error> {
    let mut reader = BufReader::new(File::open(file).map_err(Error::io("open", file))?);
    let is_gzip = reader.fill_buf().map_err(Error::io("read", file))?.starts_with(&MAGIC);
    let parsed = if is_gzip { parse(&mut Members::new(reader), dimensions) } else { parse(&mut reader, dimensions) };
    parsed.map_err(|problem| Error::Idx { file: file.to_owned(), problem })
}

/// Reads what a header promises: memory grows with the bytes that are there, never with what a damaged header says.
fn parse(reader: &mut impl Read, dimensions: usize) -> Result<(Vec<usize>, Vec<u8>), String> {
    let failed = |error: io::Error| format!("cannot read it: {error}; get the file again");
    let mut header = vec![];
    reader.by_ref().take(4).read_to_end(&mut header).map_err(failed)?;
    let expected = [0, 0, 8, u8::try_from(dimensions).unwrap_or(u8::MAX)];
    if header != expected {
        reader.take(sniff::BYTES as u64).read_to_end(&mut header).map_err(failed)?;
        return Err(other_header(&header, expected));
    }
    let mut shape = vec![];
    for dimension in 0..dimensions {
        let mut bytes = [0; 4];
        reader.read_exact(&mut bytes).map_err(failed)?;
        let size = u32::from_be_bytes(bytes) as usize;
        if dimension > 0 && !(1..=MOST_SIDE).contains(&size) {
            return Err(format!("it says that an image has a side of {size}; get the file again"));
        }
        shape.push(size);
    }
    let size: usize = shape.iter().product();
    let mut bytes = vec![];
    // One more than promised, to see what is too much.
    reader.take(size as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() != size {
        let found = if bytes.len() > size { "more".into() } else { bytes.len().to_string() };
        return Err(format!("{found} bytes follow its header, which says {size}; get the file again"));
    }
    Ok((shape, bytes))
}

/// What a file is that does not begin as `expected`.
fn other_header(found: &[u8], expected: [u8; 4]) -> String {
    let numbers = match found {
        [0, 0, 0x09, ..] => "signed bytes",
        [0, 0, 0x0b, ..] => "16-bit integers",
        [0, 0, 0x0c, ..] => "32-bit integers",
        [0, 0, 0x0d, ..] => "32-bit floats",
        [0, 0, 0x0e, ..] => "64-bit floats",
        [0, 0, 0x08, dimensions, ..] => {
            return format!(
                "it has {dimensions} dimensions, {} is wanted here: images are [image, row, col], labels [image]",
                expected[3]
            );
        }
        _ => {
            let begins = &found[..found.len().min(4)];
            let other =
                || format!("it begins with {begins:?}, an IDX file of bytes with {expected:?}; get the file again");
            return describe(found).map_or_else(other, str::to_owned);
        }
    };
    format!(
        "it holds {numbers}, and only unsigned bytes are read: scale the numbers to 0 to 255 and write them as bytes, type 8"
    )
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
        let data = read_folder(folder.path(), "mine").unwrap().unwrap();
        assert_eq!((data.channels, data.rows, data.cols, data.classes), (1, 2, 4, 7));
        assert_eq!((data.train.len(), data.test.len(), data.train.labels.as_slice()), (3, 1, [2, 0, 6].as_slice()));
        assert_eq!(data.train.image(1).unwrap()[..], [8, 9, 10, 11, 12, 13, 14, 15]);
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
