//! The weights of a run's first layer as pictures, read out of its file of weights without the rest of it.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use asymgrad_core::{Architecture, Operation};
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::Serialize;

/// Of a dense layer so many units are shown: each has as many weights as an image has numbers.
const DENSE_PICTURES: usize = 8;
/// No file of weights has a longer header.
const MOST_HEADER: u64 = 1 << 20;

/// The weights of a first layer as pictures: a byte a weight, 128 for 0.
#[derive(Debug, Serialize)]
pub struct Filters {
    /// What is shown, for a caption.
    pub caption: String,
    /// Channels, rows and columns of a picture.
    pub shape: [usize; 3],
    /// The bytes of each picture as hexadecimal digits, \[channel\]\[row\]\[col\], each scaled to its own largest weight.
    pub pictures: Vec<String>,
}

/// The first layer's filters from a run's weights; `None` if the weights are not there, or are no pictures.
pub fn read(file: &Path, network: &Architecture<'_>) -> Option<Filters> {
    let first = network.layers().first()?.operation;
    let name = if matches!(first, Operation::Dense { .. }) { "dense1.weight" } else { "conv1.weight" };
    let mut file = File::open(file).ok()?;
    let (start, header) = read_header(&mut file)?;
    let info = header.info(name)?;
    let input = network.input();
    let (caption, shape, skipped, most) = match (first, info.shape.as_slice()) {
        (Operation::Dense { .. }, &[units, _]) if !input.is_vector() => {
            let shape = [input.channels(), input.rows(), input.cols()];
            (format!("the first {DENSE_PICTURES} units of {name}"), shape, 0, units.min(DENSE_PICTURES))
        }
        (_, &[filters, channels, rows, cols]) => (format!("the filters of {name}"), [channels, rows, cols], 0, filters),
        (_, &[across, down, filters, channels, rows, cols]) => {
            let (row, col) = (across / 2, down / 2);
            let caption = format!("the filters of {name} at row {row}, column {col}");
            (caption, [channels, rows, cols], row.checked_mul(down)?.checked_add(col)?.checked_mul(filters)?, filters)
        }
        _ => return None,
    };
    let size = product(&shape)?;
    // A file of another network, or a damaged one.
    let shown = skipped.checked_add(most)?.checked_mul(size)?;
    if shown == 0 || info.dtype != Dtype::F32 || shown > product(&info.shape)? || !is_whole(info) {
        return None;
    }
    let from = start.checked_add(info.data_offsets.0.checked_add(skipped * size * size_of::<f32>())? as u64)?;
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = vec![];
    let length = most * size * size_of::<f32>();
    // Memory grows with what is there, never with what a damaged header says.
    file.take(length as u64).read_to_end(&mut bytes).ok().filter(|count| *count == length)?;
    let weights: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    Some(Filters { caption, shape, pictures: weights.chunks(size).map(picture).collect() })
}

/// Where the numbers begin, and what they are.
fn read_header(file: &mut File) -> Option<(u64, Metadata)> {
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = Some(u64::from_le_bytes(length)).filter(|length| *length <= MOST_HEADER)?;
    let mut header = vec![];
    file.by_ref().take(length).read_to_end(&mut header).ok()?;
    Some((8 + length, serde_json::from_slice(&header).ok()?))
}

/// Whether a tensor's bytes are as many as its shape says.
fn is_whole(info: &TensorInfo) -> bool {
    let bytes = product(&info.shape).and_then(|numbers| numbers.checked_mul(size_of::<f32>()));
    bytes.is_some() && info.data_offsets.1.checked_sub(info.data_offsets.0) == bytes
}

fn product(sizes: &[usize]) -> Option<usize> {
    sizes.iter().try_fold(1_usize, |product, size| product.checked_mul(*size))
}

fn picture(weights: &[f32]) -> String {
    let largest =
        weights.iter().fold(f32::MIN_POSITIVE, |most, weight| if weight.abs() > most { weight.abs() } else { most });
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 255; a NaN is black")]
    let bytes: Vec<u8> = weights.iter().map(|weight| (128.0 + 127.0 * weight / largest) as u8).collect();
    hex::encode(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Network;
    use std::fs;

    const CONV: &str = "input 2x4x4 - conv3x3x2 - dense3";

    /// A file with one tensor.
    fn file(name: &str, dtype: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
        let header =
            format!("{{\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape:?},\"data_offsets\":[0,{}]}}}}", data.len());
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), data].concat()
    }

    fn read_of(network: &str, bytes: &[u8]) -> Option<Filters> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        fs::write(&path, bytes).unwrap();
        read(&path, &network.parse::<Network>().unwrap().architecture())
    }

    fn numbers(count: usize) -> Vec<u8> {
        (0..count).flat_map(|number| (number as f32).to_le_bytes()).collect()
    }

    #[test]
    fn filters_are_scaled_to_their_largest_weight() {
        let found = read_of(CONV, &file("conv1.weight", "F32", &[2, 2, 3, 3], &numbers(36))).unwrap();
        assert_eq!((found.shape, found.pictures.len(), found.pictures[0].len()), ([2, 3, 3], 2, 36));
        assert!(found.pictures[0].starts_with("80") && found.pictures[0].ends_with("ff"), "{found:?}");
        // Those of an untied layer's middle position: row 2, column 2 of 4 x 4.
        let untied = "input 1x4x4 - untied1x1x2 - dense3";
        let found = read_of(untied, &file("conv1.weight", "F32", &[4, 4, 2, 1, 1, 1], &numbers(32))).unwrap();
        assert_eq!(
            (found.caption.as_str(), found.pictures),
            ("the filters of conv1.weight at row 2, column 2", vec!["ff".into(); 2])
        );
        let dense = "input 1x2x2 - dense20 - dense3";
        let found = read_of(dense, &file("dense1.weight", "F32", &[20, 4], &numbers(80))).unwrap();
        assert_eq!((found.shape, found.pictures.len()), ([1, 2, 2], 8));
    }

    #[test]
    fn weights_that_are_no_pictures_are_none() {
        let sizes: [&[usize]; 6] = [&[0, 2, 3, 3], &[2, 0, 3, 3], &[2, 2, 0, 3], &[2, 2, 3, 0], &[0, 0, 0, 0], &[0; 6]];
        for shape in sizes {
            assert!(read_of(CONV, &file("conv1.weight", "F32", shape, &[])).is_none(), "{shape:?}");
        }
        let whole = file("conv1.weight", "F32", &[2, 2, 3, 3], &numbers(36));
        for other in [
            file("conv1.weight", "F16", &[2, 2, 3, 6], &numbers(36)),
            file("conv1.weight", "I32", &[2, 2, 3, 3], &numbers(36)),
            file("conv1.weight", "F32", &[2, 2, 3, 4], &numbers(36)),
            file("conv1.weight", "F32", &[usize::MAX, 2, 3, 3], &numbers(36)),
            file("conv1.weight", "F32", &[usize::MAX, usize::MAX, 2, 2, 3, 3], &numbers(36)),
            whole[..whole.len() - 1].to_vec(),
            vec![],
            vec![255; 40],
        ] {
            assert!(read_of(CONV, &other).is_none());
        }
    }
}
