//! Weights as safetensors files, for PyTorch and back: `dense1.weight` [out, in], `conv1.weight` [out, in, k, k].
//!
//! Written by hand, because the crate's own writer neither syncs nor lets the group read; tensors sorted by name and metadata only
//! for standardised inputs, so that equal weights are equal files.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use asymgrad_core::{Architecture, Optimizer, Sgd, Tensor, TensorRole, Training};
use nalgebra_sparse::CsrMatrix;
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::atomic;
use crate::dataset::{Images, Standardization};

/// Why weights cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused.
    #[error("{}: cannot read the weights: {cause}; check the path and the permissions", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
    /// Not a safetensors file.
    #[error("{}: no safetensors file ({reason}); write it with `asymgrad export` or safetensors' `save_file`", file.display())]
    Format {
        /// The file.
        file: PathBuf,
        /// The error of the reader.
        reason: String,
    },
    /// The network has no such tensor.
    #[error("{}: the network has no tensor `{name}`; it has {}", file.display(), known.join(", "))]
    Unknown {
        /// The file.
        file: PathBuf,
        /// The tensor's name.
        name: String,
        /// The names that the network has.
        known: Vec<String>,
    },
    /// The tensor has another shape.
    #[error("{}: `{name}` has shape {found:?}, the network's has {expected:?}; transpose or reshape it", file.display())]
    Shape {
        /// The file.
        file: PathBuf,
        /// The tensor's name.
        name: String,
        /// The network's shape.
        expected: Vec<usize>,
        /// The file's shape.
        found: Vec<usize>,
    },
    /// The tensor has another type of number.
    #[error("{}: `{name}` holds {found:?}, weights are F32; convert it", file.display())]
    Type {
        /// The file.
        file: PathBuf,
        /// The tensor's name.
        name: String,
        /// The file's type.
        found: Dtype,
    },
    /// The file lacks tensors of the network.
    #[error("{}: tensors that the network has are missing ({}); save them as well, or name another network", file.display(), names.join(", "))]
    Missing {
        /// The file.
        file: PathBuf,
        /// The tensors' names.
        names: Vec<String>,
    },
    /// A value of the tensor is not finite, so no training can begin with it.
    #[error("{}: value {index} of `{name}` is {found}; a training begins with finite values: choose another file", file.display())]
    NonFinite {
        /// The file.
        file: PathBuf,
        /// Name of the tensor.
        name: String,
        /// Index of the value, from 0, the last dimension fastest.
        index: usize,
        /// The value.
        found: f32,
    },
}

/// A tensor in the header of a file.
#[derive(Serialize)]
struct Entry {
    dtype: Dtype,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// The names of a file's tensors, and its metadata, text by text.
#[derive(Serialize)]
struct Header<'a> {
    #[serde(rename = "__metadata__", skip_serializing_if = "Option::is_none")]
    metadata: Option<BTreeMap<&'static str, String>>,
    #[serde(flatten)]
    tensors: BTreeMap<&'a str, Entry>,
}

/// The names of the metadata about standardised inputs.
const INPUT_MEAN: &str = "input_mean";
const INPUT_DEVIATION: &str = "input_deviation";

/// [`INPUT_MEAN`] and [`INPUT_DEVIATION`] as JSON lists: an input is (byte / 255 − mean) / deviation of its channel.
fn metadata(standard: &Standardization) -> serde_json::Result<BTreeMap<&'static str, String>> {
    let text = |numbers: &Vec<f64>| serde_json::to_string(numbers);
    Ok([(INPUT_MEAN, text(&standard.mean)?), (INPUT_DEVIATION, text(&standard.deviation)?)].into())
}

/// Writes weights, biases and stored feedback from a trainer's state, and what its inputs were standardised by as metadata.
///
/// # Errors
/// If the system refuses; an earlier file of this name is then as it was.
pub fn write(
    file: &Path,
    network: &Architecture<'_>,
    training: &Training,
    state: &[f32],
    standard: Option<&Standardization>,
) -> io::Result<()> {
    let tensors = by_name(network, training);
    let entries = tensors.iter().map(|(name, tensor)| (name.as_str(), Dtype::F32, shape(tensor)));
    write_file(file, standard, entries, |out| {
        for tensor in tensors.values() {
            for outside in 0..tensor.len() {
                out.write_all(&state[tensor.index_of(outside)].to_le_bytes())?;
            }
        }
        Ok(())
    })
}

/// Writes a sparse matrix as PyTorch's `sparse_csr_tensor` takes it: `crow_indices`, `col_indices`, `values` and `size`.
///
/// # Errors
/// If the system refuses; an earlier file of this name is then as it was.
pub fn write_csr(file: &Path, matrix: &CsrMatrix<f32>) -> io::Result<()> {
    let (rows, columns, values) = matrix.csr_data();
    let size = [matrix.nrows(), matrix.ncols()];
    let indices = [("col_indices", columns), ("crow_indices", rows), ("size", &size)];
    let entries = indices.map(|(name, numbers)| (name, Dtype::I64, vec![numbers.len()]));
    write_file(file, None, entries.into_iter().chain([("values", Dtype::F32, vec![values.len()])]), |out| {
        for number in indices.into_iter().flat_map(|(_, numbers)| numbers) {
            out.write_all(&(*number as u64).to_le_bytes())?;
        }
        values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
    })
}

/// Writes indices of images as an I64 tensor, which the options `--batches` and `--test-indices` take.
///
/// # Errors
/// If the system refuses; an earlier file of this name is then as it was.
pub fn write_indices(file: &Path, name: &str, shape: Vec<usize>, indices: &[u32]) -> io::Result<()> {
    write_file(file, None, [(name, Dtype::I64, shape)].into_iter(), |out| {
        indices.iter().try_for_each(|index| out.write_all(&u64::from(*index).to_le_bytes()))
    })
}

/// Writes logits \[image, output\], and the labels or the values of the images.
///
/// # Errors
/// If the system refuses; an earlier file of this name is then as it was.
pub fn write_logits(file: &Path, logits: &[f32], images: &Images) -> io::Result<()> {
    let count = images.len();
    let shape = |numbers: &[f32]| vec![count, numbers.len() / count.max(1)];
    let labels = ("labels", Dtype::I64, vec![count]);
    let values = ("values", Dtype::F32, shape(&images.values));
    let targets = if images.values.is_empty() { labels } else { values };
    let entries = [targets, ("logits", Dtype::F32, shape(logits))];
    write_file(file, None, entries.into_iter(), |out| {
        images.labels.iter().try_for_each(|label| out.write_all(&u64::from(*label).to_le_bytes()))?;
        images.values.iter().chain(logits).try_for_each(|number| out.write_all(&number.to_le_bytes()))
    })
}

/// Writes a safetensors file: a header that names the tensors in their order, then their numbers.
fn write_file<'a>(
    file: &Path,
    standard: Option<&Standardization>,
    tensors: impl Iterator<Item = (&'a str, Dtype, Vec<usize>)>,
    numbers: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut end = 0;
    let entries = tensors.map(|(name, dtype, shape)| {
        let start = end;
        end += shape.iter().product::<usize>() * dtype.bitsize() / 8;
        (name, Entry { dtype, shape, data_offsets: [start, end] })
    });
    let metadata = standard.map(metadata).transpose()?;
    let header = Header { metadata, tensors: entries.collect() };
    let mut header = serde_json::to_vec(&header)?;
    // The format wants the numbers aligned.
    header.resize(header.len().next_multiple_of(8), b' ');
    atomic::write(file, |out| {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        numbers(out)
    })
}

/// Reads the tensors that a file names into a trainer's state; the others stay as they are, and their names are returned.
///
/// # Errors
/// [`Error`] if the file names a tensor that the network lacks, or one of another shape or type, or one with a value that is not
/// finite; nothing is then changed.
pub fn read(
    file: &Path,
    network: &Architecture<'_>,
    training: &Training,
    state: &mut [f32],
) -> Result<Vec<String>, Error> {
    visit(file, network, training, |_| false, write_into(state))
}

/// The parameters of a network, weights and biases, from a file that has all of them; feedback may be missing.
///
/// # Errors
/// Those of [`read`], or if a weight or bias is missing.
pub fn read_parameters(file: &Path, network: &Architecture<'_>) -> Result<Vec<f32>, Error> {
    let training = Training::new(1).optimizer(Optimizer::Sgd(Sgd::DEFAULT));
    let mut state = vec![0.0; network.state(&training)];
    // Other programs, and this one's predictions, have no use for feedback.
    let is_feedback = |name: &str| name.ends_with(".feedback");
    let missing = visit(file, network, &training, is_feedback, write_into(&mut state))?;
    state.truncate(network.parameters());
    let parameters = network.tensors(&training).filter(|tensor| tensor.role() != TensorRole::Feedback);
    let names: Vec<String> =
        parameters.map(|tensor| tensor.to_string()).filter(|name| missing.contains(name)).collect();
    if names.is_empty() { Ok(state) } else { Err(Error::Missing { file: file.to_owned(), names }) }
}

/// What the inputs of a file's network were standardised by, from its metadata; `None` if it says nothing of it.
///
/// # Errors
/// [`Error`] if the file is no safetensors file, or its metadata are no numbers for `channels` channels.
pub fn read_standard(file: &Path, channels: usize) -> Result<Option<Standardization>, Error> {
    let bytes = fs::read(file).map_err(|cause| Error::Io { file: file.to_owned(), cause })?;
    let wrong = |reason: String| Error::Format { file: file.to_owned(), reason };
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| wrong(error.to_string()))?;
    let Some(metadata) = header.metadata() else { return Ok(None) };
    let numbers = |name: &str| {
        let Some(text) = metadata.get(name) else { return Ok(vec![]) };
        let found: Option<Vec<f64>> = serde_json::from_str(text).ok();
        found.filter(|numbers| numbers.len() == channels && numbers.iter().all(|x| x.is_finite())).ok_or_else(|| {
            wrong(format!("its metadata `{name}` is {text:?}, but the images need a list of {channels} numbers"))
        })
    };
    let (mean, deviation) = (numbers(INPUT_MEAN)?, numbers(INPUT_DEVIATION)?);
    match (mean.is_empty(), deviation.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some(Standardization { mean, deviation })),
        _ => Err(wrong(format!("its metadata has only one of `{INPUT_MEAN}` and `{INPUT_DEVIATION}`"))),
    }
}

/// Whether [`read`] would take the file.
///
/// # Errors
/// Those of [`read`].
pub fn check(file: &Path, network: &Architecture<'_>, training: &Training) -> Result<(), Error> {
    visit(file, network, training, |_| false, |_, _| {}).map(drop)
}

/// Writes a value at its index in a trainer's state.
fn write_into(state: &mut [f32]) -> impl FnMut(usize, f32) {
    |index, value| {
        if let Some(weight) = state.get_mut(index) {
            *weight = value;
        }
    }
}

/// Calls `each` with the index in the state and the value of every weight in a file, once all tensors are checked but those that are
/// `ignored`; returns the names of the tensors that the file lacks.
fn visit(
    file: &Path,
    network: &Architecture<'_>,
    training: &Training,
    ignored: impl Fn(&str) -> bool,
    mut each: impl FnMut(usize, f32),
) -> Result<Vec<String>, Error> {
    let bytes = fs::read(file).map_err(|cause| Error::Io { file: file.to_owned(), cause })?;
    let tensors = SafeTensors::deserialize(&bytes)
        .map_err(|error| Error::Format { file: file.to_owned(), reason: error.to_string() })?;
    let mut known = by_name(network, training);
    let mut matched = vec![];
    // In the order of names: the crate's own order differs from call to call, and so would the error.
    for (name, view) in tensors.iter().collect::<BTreeMap<_, _>>() {
        let file = file.to_owned();
        let name = name.to_owned();
        let Some(tensor) = known.remove(&name) else {
            if ignored(&name) {
                continue;
            }
            let known = by_name(network, training).into_keys().collect();
            return Err(Error::Unknown { file, name, known });
        };
        if view.dtype() != Dtype::F32 {
            return Err(Error::Type { file, name, found: view.dtype() });
        }
        if view.shape() != shape(&tensor) {
            return Err(Error::Shape { file, name, expected: shape(&tensor), found: view.shape().to_vec() });
        }
        let values = view.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).enumerate();
        if let Some((index, found)) = values.clone().find(|(_, value)| !value.is_finite()) {
            return Err(Error::NonFinite { file, name, index, found });
        }
        matched.push((tensor, values));
    }
    for (tensor, values) in matched {
        values.for_each(|(exported, value)| each(tensor.index_of(exported), value));
    }
    Ok(known.into_keys().collect())
}

/// SHA-256 of a file: weights that a run begins with are part of what it is.
///
/// # Errors
/// If the file cannot be read.
pub fn checksum(file: &Path) -> Result<String, Error> {
    let failed = |cause| Error::Io { file: file.to_owned(), cause };
    let mut opened = File::open(file).map_err(failed)?;
    let (mut hash, mut bytes) = (Sha256::new(), vec![0; 65_536]);
    loop {
        match opened.read(&mut bytes).map_err(failed)? {
            0 => return Ok(hex::encode(hash.finalize())),
            count => hash.update(&bytes[..count]),
        }
    }
}

/// All tensors, sorted by name.
fn by_name<'a>(network: &Architecture<'a>, training: &Training) -> BTreeMap<String, Tensor<'a>> {
    network.tensors(training).map(|tensor| (tensor.to_string(), tensor)).collect()
}

fn shape(tensor: &Tensor) -> Vec<usize> {
    let (sizes, rank) = tensor.shape();
    sizes[..rank].to_vec()
}
