//! Data sets as arrays in an `.npz` or a safetensors file: every shape gives the images of the other forms, and errors name the file, the
//! array, what was found and what to do. `tests/interop/png_check.py` reads what `NumPy` itself writes.
#![allow(clippy::unwrap_used)]

mod program;

use std::fs;

use program::{Ended, Sandbox, npy, npz};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::Value;
use zip::CompressionMethod;

const TRAIN: usize = 6;
const TEST: usize = 3;
const LABELS: [u8; TRAIN + TEST] = [0, 1, 2, 3, 1, 0, 3, 2, 1];
/// Channels, rows and columns.
const SHAPE: [usize; 3] = [3, 5, 6];
const SIZE: usize = 90;

/// A pixel of an image.
fn pixel(image: usize, channel: usize, row: usize, col: usize) -> u8 {
    u8::try_from((image * 37 + channel * 91 + row * 17 + col * 5) % 251).unwrap()
}

/// The pixels of some images, channel by channel, or with the channels last.
fn pixels(images: std::ops::Range<usize>, is_last: bool) -> Vec<u8> {
    let [channels, rows, cols] = SHAPE;
    let at = |index: usize| {
        if is_last {
            (index % channels, index / channels / cols, index / channels % cols)
        } else {
            (index / (rows * cols), index / cols % rows, index % cols)
        }
    };
    let image = |image| (0..SIZE).map(move |index| (image, at(index)));
    images.flat_map(image).map(|(image, (channel, row, col))| pixel(image, channel, row, col)).collect()
}

/// The four arrays, images of `shape` behind their number, labels as `labels` writes them.
fn arrays(shape: &[usize], is_last: bool, labels: impl Fn(&[u8]) -> Vec<u8>) -> Vec<(&'static str, Vec<u8>)> {
    let images = |count: usize, range| npy("|u1", &[&[count], shape].concat(), &pixels(range, is_last));
    vec![
        ("train_images", images(TRAIN, 0..TRAIN)),
        ("train_labels", labels(&LABELS[..TRAIN])),
        ("test_images", images(TEST, TRAIN..TRAIN + TEST)),
        ("test_labels", labels(&LABELS[TRAIN..])),
    ]
}

fn bytes(labels: &[u8]) -> Vec<u8> {
    npy("|u1", &[labels.len()], labels)
}

/// Labels as a column of big-endian int32.
fn column(labels: &[u8]) -> Vec<u8> {
    npy(">i4", &[labels.len(), 1], &labels.iter().flat_map(|label| i32::from(*label).to_be_bytes()).collect::<Vec<_>>())
}

fn info(sandbox: &Sandbox, file: &str) -> Ended {
    sandbox.run_with("data info --json --data {}", file)
}

/// The checksum of the same images as files in CIFAR-10's layout.
fn checksum(sandbox: &Sandbox) -> Value {
    let layout = "channels = 3\nheight = 5\nwidth = 6\nclasses = 4\ntrain = [\"a.bin\"]\ntest = [\"b.bin\"]\n";
    fs::create_dir(sandbox.path("layout")).unwrap();
    fs::write(sandbox.path("layout/layout.toml"), layout).unwrap();
    for (name, range) in [("a.bin", 0..TRAIN), ("b.bin", TRAIN..TRAIN + TEST)] {
        let record = |image: usize| [vec![LABELS[image]], pixels(image..image + 1, false)].concat();
        fs::write(sandbox.path("layout").join(name), range.flat_map(record).collect::<Vec<_>>()).unwrap();
    }
    info(sandbox, "layout").json()["checksum"].clone()
}

#[test]
fn every_shape_gives_the_same_images() {
    let sandbox = Sandbox::new();
    let expected = checksum(&sandbox);
    let [channels, rows, cols] = SHAPE;
    let sizes = ("shape", npy("<i8", &[3], &[3_u64, 5, 6].map(u64::to_le_bytes).concat()));
    let further = ("val_images", npy("<f4", &[1], &[0; 4]));
    for (arrays, method) in [
        (arrays(&[channels, rows, cols], false, bytes), CompressionMethod::Stored),
        (arrays(&[rows, cols, channels], true, column), CompressionMethod::Deflated),
        ([arrays(&[SIZE], false, bytes), vec![sizes.clone(), further]].concat(), CompressionMethod::Deflated),
        ([arrays(&[rows, cols, channels], true, bytes), vec![sizes]].concat(), CompressionMethod::Stored),
    ] {
        fs::write(sandbox.path("faces.npz"), npz(&arrays, method)).unwrap();
        let found = info(&sandbox, "faces.npz").json();
        assert_eq!((&found["checksum"], &found["name"]), (&expected, &Value::from("faces")));
    }
    let (train, test) = (pixels(0..TRAIN, true), pixels(TRAIN..TRAIN + TEST, true));
    let view = |dtype, shape: &[usize], data| TensorView::new(dtype, shape.to_vec(), data).unwrap();
    let labels: Vec<u8> = LABELS.iter().flat_map(|label| i64::from(*label).to_le_bytes()).collect();
    let tensors = [
        ("train_images", view(Dtype::U8, &[TRAIN, rows, cols, channels], &train)),
        ("train_labels", view(Dtype::I64, &[TRAIN], &labels[..8 * TRAIN])),
        ("test_images", view(Dtype::U8, &[TEST, rows, cols, channels], &test)),
        ("test_labels", view(Dtype::I64, &[TEST], &labels[8 * TRAIN..])),
    ];
    fs::write(sandbox.path("faces.safetensors"), safetensors::serialize(tensors, None).unwrap()).unwrap();
    assert_eq!(info(&sandbox, "faces.safetensors").json()["checksum"], expected);
    let run = "run --net {} --data faces.npz --epochs 1";
    sandbox.run_with(run, "input 3x5x6 - dense4").assert(0, &[]);
    assert!(fs::read_dir(sandbox.path("runs/faces")).unwrap().count() == 1);
}

#[test]
fn images_without_channels_have_one() {
    let sandbox = Sandbox::new();
    let images = |count: usize| npy("|u1", &[count, 3, 4], &vec![9; 12 * count]);
    let arrays = [
        ("train_images", images(2)),
        ("train_labels", bytes(&[0, 1])),
        ("test_images", images(1)),
        ("test_labels", bytes(&[1])),
    ];
    fs::write(sandbox.path("grey.npz"), npz(&arrays, CompressionMethod::Stored)).unwrap();
    let found = info(&sandbox, "grey.npz").json();
    assert_eq!(
        [&found["channels"], &found["rows"], &found["cols"], &found["classes"]],
        [1, 3, 4, 2].map(Value::from).each_ref()
    );
}

#[test]
fn what_is_wrong_names_the_file_the_array_and_the_way_out() {
    let sandbox = Sandbox::new();
    let [channels, rows, cols] = SHAPE;
    let good = || arrays(&[channels, rows, cols], false, bytes);
    let says = |name: &'static str, array: Option<Vec<u8>>, texts: &[&str]| {
        let mut all = good();
        all.retain(|(known, _)| *known != name);
        all.extend(array.map(|array| (name, array)));
        fs::write(sandbox.path("a.npz"), npz(&all, CompressionMethod::Deflated)).unwrap();
        let ended = info(&sandbox, "a.npz");
        ended.assert(1, &[&format!("a.npz: `{name}`: ")]);
        ended.assert(1, texts);
    };
    says("train_labels", None, &["there is no such array, only test_images, test_labels, train_images"]);
    let float = npy("<f4", &[TRAIN, 1], &[0; 4 * TRAIN]);
    says("train_images", Some(float.clone()), &["it holds <f4, but pixels are uint8", "astype(numpy.uint8)"]);
    says("train_labels", Some(float), &["it holds <f4, but labels are integers"]);
    says("train_labels", Some(bytes(&[0, 1])), &["its shape is [2], but there are 6 images: it has to be [6]"]);
    let wide = npy("<i2", &[TRAIN], &[0_i16, 1, 300, 0, 0, 0].map(i16::to_le_bytes).concat());
    says("train_labels", Some(wide), &["label 2 is 300, but labels are 0 to 255"]);
    let below = npy("|i1", &[TRAIN], &[0, 0xff, 0, 0, 0, 0]);
    says("train_labels", Some(below), &["label 1 is -1"]);
    says(
        "train_images",
        Some(npy("|u1", &[TRAIN, 90], &[0; 540])),
        &["its shape is [6, 90], but images are", "`shape`"],
    );
    says(
        "train_images",
        Some(npy("|u1", &[TRAIN, 2, 9, 3], &[0; 324])),
        &["its shape is [6, 2, 9, 3], but images are"],
    );
    says(
        "test_images",
        Some(npy("|u1", &[TEST, 3, 5, 7], &[0; 315])),
        &["its images are 3 x 5 x 7, those of train_images 3 x 5 x 6"],
    );
    says("test_images", Some(npy("|u1", &[0, 3, 5, 6], &[])), &["so there is no image"]);
    says("shape", Some(npy("|u1", &[2], &[3, 5])), &["but has to be three integers: channels, rows, cols"]);
    says("shape", Some(npy("|u1", &[3], &[0, 5, 6])), &["0 x 5 x 6"]);
    // Fewer numbers than the shape says, more of them, and a shape beyond all memory.
    for (shape, count) in
        [(vec![TRAIN, 3, 5, 6], 539), (vec![TRAIN, 3, 5, 6], 541), (vec![usize::MAX, 3, usize::MAX, 6], 540)]
    {
        says("train_images", Some(npy("|u1", &shape, &vec![7; count])), &["its numbers are not as many as its shape"]);
    }
    says("train_images", Some(vec![1; 200]), &["it is damaged (it is no .npy file)", "numpy.savez"]);
    says("train_images", Some(b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec()), &["its header has 4294967295 bytes"]);
    let fortran = String::from_utf8_lossy(&npy("|u1", &[2], &[])[10..]).replace("False", "True ").into_bytes();
    let fortran = [&npy("|u1", &[2], &[])[..10], &fortran].concat();
    says("train_images", Some(fortran), &["it is in Fortran order; save `numpy.ascontiguousarray(x)`"]);
    fs::write(sandbox.path("b.npz"), "no archive").unwrap();
    info(&sandbox, "b.npz").assert(1, &["b.npz: the file of arrays cannot be read", "numpy.savez"]);
    fs::write(sandbox.path("b.safetensors"), "no file of tensors").unwrap();
    info(&sandbox, "b.safetensors").assert(1, &["b.safetensors: the file of arrays cannot be read", "save_file"]);
}
