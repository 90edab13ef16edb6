//! The readers that are fuzzed. For any bytes each returns a value or an error and does not panic. The test on stable Rust and the
//! programs of libFuzzer share these functions; they write to `folder`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::LazyLock;

use asymgrad::dataset::{self, Dataset};
use asymgrad::experiment;
use asymgrad::run::{Checkpoint, CheckpointReader};
use asymgrad::{Network, tensors};
use asymgrad_core::Training;
use flate2::{Compression, write::GzEncoder};
use zip::{CompressionMethod, write::SimpleFileOptions};

/// The network of the weights and of the run.
pub(crate) const NET: &str =
    "input 3x32x32 - conv3x3x2 - maxpool3x3/2 - untied3x3x1(R*) - dense9.tanh(KP) - dense10(R)";

/// Reads the bytes, from a file in the folder if need be.
pub(crate) type Reader = fn(&Path, &[u8]);

/// Every reader with its name and a valid input.
pub(crate) fn all() -> Vec<(&'static str, Reader, Vec<u8>)> {
    let layout = "channels = 3\nheight = 2\nwidth = 2\nclasses = 4\nlabel_bytes = 1\nlabel = 0\ntrain = [\"a.bin\"]\ntest = [\"a.bin\"]\n";
    vec![
        ("notation", notation, NET.into()),
        ("experiments", experiments, include_bytes!("../../data/experiments.toml")[2000..9000].into()),
        ("checkpoint", checkpoint, good_checkpoint()),
        ("safetensors", safetensors, good_weights()),
        ("idx_images", idx_images, idx(&[3, 2, 2], &[9; 12])),
        ("idx_labels", idx_labels, idx(&[3], &[0, 1, 2])),
        ("layout", layout_toml, layout.into()),
        ("cifar", cifar, vec![3; 5000]),
        ("archive", archive, gzip(&members(), Compression::fast())),
        ("tar", tar_members, members()),
        ("npz", npz, arrays(&npy(&[3, 2, 2], &[9; 12]), CompressionMethod::Deflated)),
        ("npy", npy_in_archive, npy(&[3, 2, 2], &[9; 12])),
        ("tensors", tensor_file, good_tensors()),
        ("indices", index_file, npy(&[3, 4], &[9; 12])),
    ]
}

fn notation(_: &Path, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(network) = text.parse::<Network>() else { return };
    assert_eq!(network.to_string().parse::<Network>().unwrap(), network);
    let training = Training::new(128);
    let plan: usize = network.architecture().plan(&training).fold(0, |sum, region| sum.saturating_add(region.len));
    assert_eq!(plan, network.architecture().memory(&training));
}

fn experiments(_: &Path, bytes: &[u8]) {
    // Names of the report's experiments are refused.
    let text = String::from_utf8_lossy(bytes).replace("name = \"", "name = \"MY-");
    if let Err((line, problem)) = experiment::parse(&text) {
        assert!(line > 0 && line <= text.lines().count() + 1 && !problem.is_empty());
    }
}

fn good_checkpoint() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("checkpoint");
    Checkpoint::start("me".into(), 20).write(&file, &[0.5; 20]).unwrap();
    fs::read(&file).unwrap()
}

fn checkpoint(folder: &Path, bytes: &[u8]) {
    let file = folder.join("checkpoint");
    fs::write(&file, bytes).unwrap();
    let mut state = vec![0.0; 20];
    if let Ok(Some(saved)) = CheckpointReader::open(&file) {
        let _ = saved.read("me", &mut state);
    }
}

fn good_weights() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("weights.safetensors");
    let (network, training) = (NET.parse::<Network>().unwrap(), Training::new(16));
    let state = vec![0.5; network.architecture().memory(&training)];
    tensors::write(&file, &network.architecture(), &training, &state, None).unwrap();
    fs::read(&file).unwrap()
}

fn safetensors(folder: &Path, bytes: &[u8]) {
    let file = folder.join("weights.safetensors");
    fs::write(&file, bytes).unwrap();
    let (network, training) = (NET.parse::<Network>().unwrap(), Training::new(16));
    let mut state = vec![0.0; network.architecture().memory(&training)];
    let _ = tensors::read(&file, &network.architecture(), &training, &mut state);
    let _ = tensors::filters::read(&file, &network.architecture());
}

fn open(path: &Path) {
    let _ = dataset::open_in(path.to_str().unwrap(), Path::new("none"));
}

fn idx(shape: &[u32], bytes: &[u8]) -> Vec<u8> {
    let dimensions = u8::try_from(shape.len()).unwrap();
    [vec![0, 0, 8, dimensions], shape.iter().flat_map(|size| size.to_be_bytes()).collect(), bytes.to_vec()].concat()
}

/// Three training images of 2 × 2 and one test image; `bytes` replace the file `name`. The other files are written once.
fn mnist(folder: &Path, name: &str, bytes: &[u8]) {
    let folder = folder.join(format!("mnist-{name}"));
    if !folder.exists() {
        fs::create_dir(&folder).unwrap();
        let files = [
            ("train-images-idx3-ubyte", idx(&[3, 2, 2], &[9; 12])),
            ("train-labels-idx1-ubyte", idx(&[3], &[0, 1, 2])),
            ("t10k-images-idx3-ubyte", idx(&[1, 2, 2], &[9; 4])),
            ("t10k-labels-idx1-ubyte", idx(&[1], &[1])),
        ];
        for (file, good) in files {
            fs::write(folder.join(file), good).unwrap();
        }
    }
    fs::write(folder.join(name), bytes).unwrap();
    open(&folder);
}

fn idx_images(folder: &Path, bytes: &[u8]) {
    mnist(folder, "train-images-idx3-ubyte", bytes);
    mnist(folder, "t10k-images-idx3-ubyte", bytes);
}

fn idx_labels(folder: &Path, bytes: &[u8]) {
    mnist(folder, "train-labels-idx1-ubyte", bytes);
    mnist(folder, "t10k-labels-idx1-ubyte", bytes);
}

fn layout_toml(folder: &Path, bytes: &[u8]) {
    let folder = folder.join("described");
    if !folder.exists() {
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a.bin"), [3; 26]).unwrap();
    }
    fs::write(folder.join("layout.toml"), bytes).unwrap();
    open(&folder);
}

fn cifar(folder: &Path, bytes: &[u8]) {
    let folder = folder.join("cifar");
    if !folder.exists() {
        fs::create_dir(&folder).unwrap();
    }
    fs::write(folder.join("data_batch_1.bin"), bytes).unwrap();
    open(&folder);
}

fn gzip(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], level);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An archive whose only CIFAR-10 file is far too short.
fn members() -> Vec<u8> {
    let mut archive = tar::Builder::new(vec![]);
    for name in ["cifar-10-batches-bin/readme.html", "cifar-10-batches-bin/data_batch_1.bin"] {
        let mut header = tar::Header::new_gnu();
        header.set_size(700);
        header.set_cksum();
        archive.append_data(&mut header, name, [7; 700].as_slice()).unwrap();
    }
    archive.into_inner().unwrap()
}

fn archive(folder: &Path, bytes: &[u8]) {
    let file = folder.join("packed.tar.gz");
    fs::write(&file, bytes).unwrap();
    open(&file);
}

/// [`archive`] of damaged bytes in a good gzip file. They are stored in it, which is faster than to compress them.
fn tar_members(folder: &Path, bytes: &[u8]) {
    archive(folder, &gzip(bytes, Compression::none()));
}

/// An array of bytes as `NumPy` writes it.
fn npy(shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({},), }}\n", shape.join(", "));
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), bytes].concat()
}

/// An archive with these training images.
fn arrays(images: &[u8], method: CompressionMethod) -> Vec<u8> {
    let options = SimpleFileOptions::default().compression_method(method);
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(vec![]));
    let (labels, test) = (npy(&[3], &[0, 1, 2]), npy(&[1, 2, 2], &[9; 4]));
    let one = npy(&[1], &[1]);
    for (name, bytes) in
        [("train_images", images), ("train_labels", &labels), ("test_images", &test), ("test_labels", &one)]
    {
        writer.start_file(format!("{name}.npy"), options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn npz(folder: &Path, bytes: &[u8]) {
    let file = folder.join("arrays.npz");
    fs::write(&file, bytes).unwrap();
    open(&file);
}

/// [`npz`] of a damaged array in an archive that is not damaged, stored as [`tar_members`].
fn npy_in_archive(folder: &Path, bytes: &[u8]) {
    npz(folder, &arrays(bytes, CompressionMethod::Stored));
}

fn good_tensors() -> Vec<u8> {
    let entry = |name: &str, shape: &str, from: usize, to: usize| {
        format!("\"{name}\":{{\"dtype\":\"U8\",\"shape\":{shape},\"data_offsets\":[{from},{to}]}}")
    };
    let entries = [
        entry("train_images", "[3,2,2]", 0, 12),
        entry("train_labels", "[3]", 12, 15),
        entry("test_images", "[1,2,2]", 15, 19),
        entry("test_labels", "[1]", 19, 20),
    ];
    let header = format!("{{{}}}", entries.join(","));
    [(header.len() as u64).to_le_bytes().as_slice(), header.as_bytes(), &[1; 20]].concat()
}

fn tensor_file(folder: &Path, bytes: &[u8]) {
    let file = folder.join("arrays.safetensors");
    fs::write(&file, bytes).unwrap();
    open(&file);
}

static DIGITS: LazyLock<Dataset> = LazyLock::new(|| dataset::open("digits").unwrap());

/// A file of indices, as that of batches and as that of test images.
fn index_file(folder: &Path, bytes: &[u8]) {
    let file = folder.join("indices.npy");
    fs::write(&file, bytes).unwrap();
    drop(DIGITS.with_indices(Some(&file), None));
    drop(DIGITS.with_indices(None, Some(&file)));
}
