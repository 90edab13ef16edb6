//! CIFAR-10 files made up by the test: reading, every kind of damage with its message, importing, and downloading from a server
//! that the test itself runs. Files are full-size, as the layout demands, but nearly all zeros, so that they take no room.
//! No image of CIFAR-10 is needed.

use asymgrad::dataset::{self, Error, Info, cifar};
use flate2::{Compression, write::GzEncoder};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The six files: zeros, with the label `1 + batch` and three marked pixels in the last record of each.
fn folder(parent: &Path) -> PathBuf {
    let folder = parent.join(cifar::FOLDER);
    fs::create_dir_all(&folder).unwrap();
    for (batch, name) in cifar::FILES.into_iter().enumerate() {
        let mut file = File::create(folder.join(name)).unwrap();
        file.set_len(cifar::FILE_BYTES).unwrap();
        let record = ((cifar::RECORDS - 1) * cifar::RECORD) as u64;
        let mark = u8::try_from(batch + 1).unwrap();
        for (at, value) in [(0, mark), (1, 10 * mark), (1 + 1024, 11 * mark), (3072, 12 * mark)] {
            file.seek(SeekFrom::Start(record + at)).unwrap();
            file.write_all(&[value]).unwrap();
        }
    }
    folder
}

fn write_at(file: &Path, at: u64, bytes: &[u8]) {
    let mut file = File::options().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

/// The folder's files as an archive with `members` as (name in the archive, file of the folder).
fn archive(folder: &Path, members: &[(String, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, file) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(fs::metadata(folder.join(file)).unwrap().len());
        header.set_mode(0o644);
        // Written by hand, for the builder refuses the unsafe names that a test needs.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, File::open(folder.join(file)).unwrap()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn official_members() -> Vec<(String, &'static str)> {
    cifar::FILES.into_iter().map(|file| (format!("{}/{file}", cifar::FOLDER), file)).collect()
}

fn message<T: std::fmt::Debug>(result: Result<T, Error>, root: &Path) -> String {
    result.unwrap_err().to_string().replace(&root.display().to_string(), "ROOT")
}

fn read(folder: &Path) -> Result<dataset::Dataset, Error> {
    cifar::read_folder(folder, "cifar10")
}

mod reading {
    use super::*;

    #[test]
    fn a_folder_and_its_archive_in_any_order_are_the_same_data() {
        let root = TempDir::new().unwrap();
        let folder = folder(root.path());
        let data = dataset::open(folder.to_str().unwrap()).unwrap();
        assert_eq!((data.channels, data.rows, data.cols, data.classes), (3, 32, 32, 10));
        assert_eq!((data.train.len(), data.test.len()), (50_000, 10_000));
        assert_eq!(data.name, "cifar-10-batches-bin");
        for batch in 0..5 {
            let mark = u8::try_from(batch + 1).unwrap();
            let last = batch * 10_000 + 9_999;
            assert_eq!((data.train.labels[last - 1], data.train.labels[last]), (0, mark));
            let image = data.train.image(last);
            assert_eq!([image[0], image[1024], image[3071]], [10 * mark, 11 * mark, 12 * mark]);
            assert!(data.train.image(last - 1).iter().all(|&pixel| pixel == 0));
        }
        assert_eq!((data.test.labels[9_999], data.test.image(9_999)[3071]), (6, 72));

        let mut members = official_members();
        members.reverse();
        members.insert(2, ("../../escaped.bin".into(), "test_batch.bin"));
        let file = root.path().join("mine.tar.gz");
        fs::write(&file, archive(&folder, &members)).unwrap();
        let same = dataset::open(file.to_str().unwrap()).unwrap();
        assert_eq!(same.name, "mine");
        assert_eq!((&same.train, &same.test, &same.checksum), (&data.train, &data.test, &data.checksum));
    }

    #[test]
    fn the_checksum_sees_every_byte() {
        let root = TempDir::new().unwrap();
        let folder = folder(root.path());
        let before = read(&folder).unwrap().checksum;
        assert_eq!(before.len(), 64);
        assert_eq!(read(&folder).unwrap().checksum, before);
        write_at(&folder.join("test_batch.bin"), 5_000 * 3_073 + 77, &[1]);
        assert_ne!(read(&folder).unwrap().checksum, before);
    }

    #[test]
    fn a_damaged_file_is_named_with_the_place_and_the_value() {
        let root = TempDir::new().unwrap();
        let folder = folder(root.path());
        let file = |name: &str| folder.join(name);
        let shorten =
            |length| File::options().write(true).open(file("data_batch_3.bin")).unwrap().set_len(length).unwrap();

        // Half of the file: also a whole number of records.
        shorten(cifar::FILE_BYTES / 2);
        assert_eq!(
            message(read(&folder), root.path()),
            "ROOT/cifar-10-batches-bin/data_batch_3.bin: 15365000 bytes, 15365000 too few: 10000 records of 3073 bytes \
             belong here; the file was cut short, get it again (`asymgrad data fetch`)"
        );
        shorten(cifar::FILE_BYTES + 1);
        assert!(matches!(read(&folder), Err(Error::Trailing { found: 30_730_001, .. })));
        assert!(message(read(&folder), root.path()).contains("data_batch_3.bin: 30730001 bytes, 1 trailing"));
        shorten(cifar::FILE_BYTES);

        write_at(&file("data_batch_2.bin"), 17 * 3_073, &[10]);
        assert_eq!(
            message(read(&folder), root.path()),
            "ROOT/cifar-10-batches-bin/data_batch_2.bin: record 17 (byte 52241) has label 10, but labels are 0 to 9; \
             the file is damaged, get it again (`asymgrad data fetch`)"
        );
        fs::remove_file(file("data_batch_1.bin")).unwrap();
        assert!(
            message(read(&folder), root.path()).starts_with("ROOT/cifar-10-batches-bin: there is no data_batch_1.bin;")
        );
    }

    #[test]
    fn what_is_not_the_archive_is_said() {
        let root = TempDir::new().unwrap();
        let folder = folder(root.path());
        let file = root.path().join("a.tar.gz");
        let says = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            message(cifar::read_archive(&file, "a"), root.path())
        };

        for bytes in [&b"<html>not found</html>"[..], b"", b"\x1f"] {
            assert!(says(bytes).starts_with("ROOT/a.tar.gz: not a gzip file; give cifar-10-binary.tar.gz"));
        }
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&[7; 5000]).unwrap();
        assert!(says(&gzip.finish().unwrap()).starts_with("ROOT/a.tar.gz: the archive is damaged or cut short"));

        let python = [("cifar-10-batches-py/data_batch_1".into(), "data_batch_1.bin")];
        assert_eq!(
            says(&archive(&folder, &python)),
            "ROOT/a.tar.gz: there is no member cifar-10-batches-bin/data_batch_1.bin (its first is \
             cifar-10-batches-py/data_batch_1); give the binary version, cifar-10-binary.tar.gz"
        );
        let whole = archive(&folder, &official_members());
        assert!(
            says(&archive(&folder, &official_members()[..5])).contains("no member cifar-10-batches-bin/test_batch.bin")
        );
        assert!(says(&whole[..whole.len() / 2]).contains("damaged or cut short"));
        // The gzip checksum at the end.
        let mut flipped = whole.clone();
        let at = flipped.len() - 6;
        flipped[at] ^= 1;
        assert!(says(&flipped).contains("damaged or cut short"));

        let mut twice = official_members();
        twice.push(twice[0].clone());
        assert!(says(&archive(&folder, &twice)).contains("member cifar-10-batches-bin/data_batch_1.bin comes twice"));
        write_at(&folder.join("test_batch.bin"), 0, &[255]);
        assert!(
            says(&archive(&folder, &official_members()))
                .starts_with("ROOT/a.tar.gz: cifar-10-batches-bin/test_batch.bin: record 0 (byte 0) has label 255")
        );
    }

    #[test]
    fn a_member_that_is_a_link_is_refused() {
        let root = TempDir::new().unwrap();
        let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, format!("{}/test_batch.bin", cifar::FOLDER), "/dev/zero").unwrap();
        let file = root.path().join("a.tar.gz");
        fs::write(&file, tar.into_inner().unwrap().finish().unwrap()).unwrap();
        assert!(message(cifar::read_archive(&file, "a"), root.path()).contains("test_batch.bin is not a file"));
    }

    #[test]
    fn unknown_and_not_imported_say_what_to_do() {
        let root = TempDir::new().unwrap();
        let unknown = dataset::open_in("cifar100", root.path()).unwrap_err().to_string();
        assert!(unknown.starts_with("there is no data set `cifar100`: give `digits`, `cifar10`,"), "{unknown}");
        let absent = message(dataset::open_in("cifar10", root.path()), root.path());
        assert!(
            absent.starts_with("ROOT/cifar-10-batches-bin: CIFAR-10 has not been imported; run `asymgrad data fetch`")
        );
    }
}

mod information {
    use super::*;

    #[test]
    fn counts_and_moments_are_those_of_the_images() {
        let root = TempDir::new().unwrap();
        let info = Info::of(&read(&folder(root.path())).unwrap());
        assert_eq!(info.train.class_counts, [49_995, 1, 1, 1, 1, 1, 0, 0, 0, 0]);
        assert_eq!(info.test.class_counts, [9_999, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
        // One pixel of 60 in the test images' first channel.
        let count = 10_000.0 * 1024.0;
        let (mean, square) = (60.0 / count, 3600.0 / count);
        assert!((info.test.mean[0] - mean / 255.0).abs() < 1e-15);
        assert!((info.test.deviation[0] - (square - mean * mean).sqrt() / 255.0).abs() < 1e-12);
        let text = info.to_string();
        assert!(text.starts_with("cifar10: 3 x 32 x 32, 10 classes\n") && text.contains("49995"), "{text}");
        assert!(text.ends_with(&info.checksum));
    }

    #[test]
    fn digits_open_without_any_file() {
        let info = Info::of(&dataset::open_in("digits", Path::new("/nowhere")).unwrap());
        assert_eq!((info.train.images, info.test.images), (1500, 297));
        assert_eq!(info.train.class_counts.iter().sum::<usize>(), 1500);
        // Runs are known by this number: if it changes, no old run continues.
        assert_eq!(info.checksum, "CHECKSUM");
    }
}

mod importing {
    use super::*;

    #[test]
    fn an_import_is_found_by_name_and_may_be_repeated() {
        let root = TempDir::new().unwrap();
        let source = folder(&root.path().join("source"));
        let file = root.path().join("a.tar.gz");
        fs::write(&file, archive(&source, &official_members())).unwrap();
        let data = root.path().join("data");
        let first = dataset::import(&file, &data).unwrap();
        assert_eq!(first.folder, data.join("cifar-10-batches-bin"));
        assert!(!first.official);
        assert!(first.to_string().contains("not the official one"));
        assert_eq!(dataset::import(&file, &data).unwrap(), first);
        assert_eq!(dataset::open_in("cifar10", &data).unwrap().checksum, read(&source).unwrap().checksum);
        assert_eq!(names(&data), ["cifar-10-batches-bin", "import.lock.part"]);
        assert_eq!(names(&first.folder), {
            let mut files = cifar::FILES;
            files.sort_unstable();
            files
        });
    }

    #[test]
    fn a_failed_or_killed_import_leaves_the_earlier_one() {
        let root = TempDir::new().unwrap();
        let data = root.path().join("data");
        let earlier = folder(&data);
        let bad = root.path().join("bad.tar.gz");
        fs::write(&bad, archive(&earlier, &official_members()[..3])).unwrap();
        assert!(matches!(dataset::import(&bad, &data), Err(Error::MissingMember { member: "data_batch_4.bin", .. })));
        assert!(matches!(dataset::import(&root.path().join("none"), &data), Err(Error::Io { .. })));
        assert!(dataset::open_in("cifar10", &data).is_ok());
        assert_eq!(names(&data), ["cifar-10-batches-bin", "import.lock.part"]);

        // As a process leaves it that dies between the two renames.
        fs::create_dir(data.join("cifar-10-batches-bin.part")).unwrap();
        fs::rename(&earlier, data.join("cifar-10-batches-bin.previous.part")).unwrap();
        assert!(dataset::open_in("cifar10", &data).is_ok());
        assert!(dataset::import(&bad, &data).is_err());
        assert!(dataset::open_in("cifar10", &data).is_ok());
    }

    #[test]
    fn two_imports_do_not_meet() {
        let root = TempDir::new().unwrap();
        let other = File::create(root.path().join("import.lock.part")).unwrap();
        other.lock().unwrap();
        assert_eq!(
            message(dataset::import(Path::new("any"), root.path()), root.path()),
            "ROOT: another import or download is at work here; wait for it to end"
        );
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}
