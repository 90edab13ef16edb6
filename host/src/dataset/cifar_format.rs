//! Names and sizes of CIFAR-10's files in its binary version.

/// The folder inside the archive, and inside the data folder.
pub const FOLDER: &str = "cifar-10-batches-bin";
/// The five training files in order, then the test file.
pub const FILES: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];
/// Bytes of an image.
pub const IMAGE: usize = 3 * 32 * 32;
/// Bytes of a record: a label and an image.
pub const RECORD: usize = 1 + IMAGE;
/// Records of a file.
pub const RECORDS: usize = 10_000;
/// Bytes of a file.
pub const FILE_BYTES: u64 = (RECORD * RECORDS) as u64;
