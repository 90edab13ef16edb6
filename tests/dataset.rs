//! Data sets: reading, the error message of each kind of damage, importing, and downloading from a server in the test.
//!
//! The CIFAR-10 files are synthetic: of full size, as the layout demands, but nearly all zeros, so that they take no disk space.
#![allow(clippy::unwrap_used)]

use asymgrad::dataset::{self, Error, Info, Standardization, cifar};
use flate2::{Compression, write::GzEncoder};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
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
        // The builder refuses the unsafe names that a test needs.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        tar.append(&header, File::open(folder.join(file)).unwrap()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

/// All six files as an archive; built once, because that takes a second.
fn official_archive() -> Vec<u8> {
    static ARCHIVE: OnceLock<Vec<u8>> = OnceLock::new();
    let make = || archive(&folder(TempDir::new().unwrap().path()), &official_members());
    ARCHIVE.get_or_init(make).clone()
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

    /// The files are read again for counts and means.
    #[test]
    fn a_file_that_changes_after_it_was_opened_is_an_error() {
        let root = TempDir::new().unwrap();
        let folder = folder(root.path());
        let data = read(&folder).unwrap();
        assert!(Info::of(&data).is_ok() && data.check_unchanged().is_ok());
        let file = folder.join("data_batch_5.bin");
        let mut bytes = fs::read(&file).unwrap();
        bytes[3] ^= 1;
        fs::write(&file, bytes).unwrap();
        for found in [Info::of(&data).map(drop), Standardization::of(&data, &[0]).map(drop), data.check_unchanged()] {
            assert!(
                message(found, &folder).contains("ROOT/data_batch_5.bin: the file has changed since it was opened")
            );
        }
        // A file that another one replaces is still there for those who have it open.
        let data = read(&folder).unwrap();
        fs::write(folder.join("other"), [0; 5]).unwrap();
        fs::rename(folder.join("other"), &file).unwrap();
        assert!(Info::of(&data).is_ok());
    }

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
            let image = data.train.image(last).unwrap();
            assert_eq!([image[0], image[1024], image[3071]], [10 * mark, 11 * mark, 12 * mark]);
            assert!(data.train.image(last - 1).unwrap().iter().all(|&pixel| pixel == 0));
        }
        assert_eq!((data.test.labels[9_999], data.test.image(9_999).unwrap()[3071]), (6, 72));

        let mut members = official_members();
        members.reverse();
        members.insert(2, ("../../escaped.bin".into(), "test_batch.bin"));
        let file = root.path().join("mine.tar.gz");
        fs::write(&file, archive(&folder, &members)).unwrap();
        let same = dataset::open(file.to_str().unwrap()).unwrap();
        assert_eq!(same.name, "mine");
        assert_eq!(same.checksum, data.checksum);
        for (found, expected) in [(&same.train, &data.train), (&same.test, &data.test)] {
            assert!(found.labels == expected.labels);
            for index in 0..expected.len() {
                assert!(found.image(index).unwrap() == expected.image(index).unwrap(), "{index}");
            }
        }
    }

    #[test]
    fn the_checksum_covers_every_byte() {
        let root = TempDir::new().unwrap();
        let folder = folder(root.path());
        let before = read(&folder).unwrap().checksum;
        assert_eq!(before.len(), 64);
        assert_eq!(read(&folder).unwrap().checksum, before);
        write_at(&folder.join("test_batch.bin"), 5_000 * 3_073 + 77, &[1]);
        assert_ne!(read(&folder).unwrap().checksum, before);
    }

    #[test]
    fn a_damaged_file_is_an_error_with_its_position_and_value() {
        let root = TempDir::new().unwrap();
        let folder = folder(root.path());
        let file = |name: &str| folder.join(name);
        let shorten =
            |length| File::options().write(true).open(file("data_batch_3.bin")).unwrap().set_len(length).unwrap();

        // Half of the file is also a whole number of records.
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
    fn a_wrong_or_damaged_archive_is_an_error() {
        let root = TempDir::new().unwrap();
        let folder = folder(root.path());
        let file = root.path().join("a.tar.gz");
        let says = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            message(cifar::read_archive(&file, "a"), root.path())
        };

        assert!(
            message(dataset::import(&folder, root.path()), root.path())
                .contains("cifar-10-batches-bin: not a gzip file")
        );
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
        let whole = official_archive();
        assert!(
            says(&archive(&folder, &official_members()[..5])).contains("no member cifar-10-batches-bin/test_batch.bin")
        );
        assert!(says(&whole[..whole.len() / 2]).contains("damaged or cut short"));
        // A flipped bit in the gzip checksum at the end.
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
    fn errors_of_unknown_and_missing_data_sets_have_a_hint() {
        let root = TempDir::new().unwrap();
        let unknown = dataset::open_in("cifar100", root.path()).unwrap_err().to_string();
        assert!(
            unknown
                .starts_with("there is no data set `cifar100`, and no such file or folder: give `digits`, `cifar10`,"),
            "{unknown}"
        );
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
        let info = Info::of(&read(&folder(root.path())).unwrap()).unwrap();
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
        let info = Info::of(&dataset::open_in("digits", Path::new("/nowhere")).unwrap()).unwrap();
        assert_eq!((info.train.images, info.test.images), (1500, 297));
        assert_eq!(info.train.class_counts.iter().sum::<usize>(), 1500);
        // Runs store this checksum: if it changes, no old run can be resumed.
        assert_eq!(info.checksum, "e6a0fed351a709844ed55378dcd588f9231740facbf550eb22a5b583772593e9");
    }
}

mod importing {
    use super::*;

    #[test]
    fn an_import_is_found_by_name_and_may_be_repeated() {
        let root = TempDir::new().unwrap();
        let source = folder(&root.path().join("source"));
        let file = root.path().join("a.tar.gz");
        fs::write(&file, official_archive()).unwrap();
        let data = root.path().join("data");
        let first = dataset::import(&file, &data).unwrap();
        assert_eq!(first.folder, data.join("cifar-10-batches-bin"));
        assert!(!first.official);
        assert!(first.to_string().contains("not the official one"));
        assert_eq!(dataset::import(&file, &data).unwrap(), first);
        assert_eq!(dataset::open_in("cifar10", &data).unwrap().checksum, read(&source).unwrap().checksum);
        assert_eq!(names(&data), ["cifar-10-batches-bin"]);
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
        assert_eq!(names(&data), ["cifar-10-batches-bin"]);

        // The files of a process that was killed between the two renames.
        fs::create_dir(data.join("cifar-10-batches-bin.part")).unwrap();
        fs::rename(&earlier, data.join("cifar-10-batches-bin.previous.part")).unwrap();
        assert!(dataset::open_in("cifar10", &data).is_ok());
        assert!(dataset::import(&bad, &data).is_err());
        assert!(dataset::open_in("cifar10", &data).is_ok());
    }

    #[test]
    fn a_second_import_at_the_same_time_is_refused() {
        let root = TempDir::new().unwrap();
        let other = File::create(root.path().join("import.lock.part")).unwrap();
        other.lock().unwrap();
        assert_eq!(
            message(dataset::import(Path::new("any"), root.path()), root.path()),
            "ROOT: another import or download is running here; wait for it to end"
        );
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[cfg(feature = "download")]
mod fetching {
    use super::*;
    use asymgrad::dataset::fetch::{Expected, FetchError, fetch};
    use sha2::Digest;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};
    use std::thread;

    /// Answers every request with `respond` of its head, and records the heads.
    struct Server {
        url: String,
        heads: Arc<Mutex<Vec<String>>>,
    }

    impl Server {
        fn new(respond: impl Fn(&str) -> Vec<u8> + Send + 'static) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("http://{}/cifar-10-binary.tar.gz", listener.local_addr().unwrap());
            let heads = Arc::new(Mutex::new(Vec::new()));
            let kept = Arc::clone(&heads);
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    let head: Vec<_> = lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
                    let head = head.join("\n").to_lowercase();
                    kept.lock().unwrap().push(head.clone());
                    // A client may close the connection early.
                    let _ = stream.write_all(&respond(&head));
                }
            });
            Self { url, heads }
        }

        fn heads(&self) -> Vec<String> {
            self.heads.lock().unwrap().clone()
        }
    }

    fn response(head: &str, body: &[u8]) -> Vec<u8> {
        let head = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    }

    /// A correct server: the whole file, or the requested range if the version is unchanged.
    fn whole_or_rest(request: &str, body: &[u8]) -> Vec<u8> {
        let from = request.lines().find_map(|line| line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok());
        let same = request.lines().find_map(|line| line.strip_prefix("if-range: ")).is_none_or(|tag| tag == "\"v1\"");
        let etag = "ETag: \"v1\"";
        match from {
            Some(from) if same => {
                let range = format!("Content-Range: bytes {from}-{}/{}", body.len() - 1, body.len());
                response(&format!("206 Partial Content\r\n{etag}\r\n{range}"), &body[from..])
            }
            _ => response(&format!("200 OK\r\n{etag}"), body),
        }
    }

    struct Case {
        root: TempDir,
        archive: Vec<u8>,
        md5: String,
        sha256: String,
    }

    impl Case {
        fn new() -> Self {
            let root = TempDir::new().unwrap();
            let archive = official_archive();
            let md5 = hexadecimal(&md5::Md5::digest(&archive));
            let sha256 = hexadecimal(&sha2::Sha256::digest(&archive));
            Self { root, archive, md5, sha256 }
        }

        fn fetch(&self, server: &Server) -> Result<dataset::Import, FetchError> {
            let expected = Expected { bytes: self.archive.len() as u64, md5: &self.md5, sha256: &self.sha256 };
            fetch(&server.url, &expected, &self.data())
        }

        fn data(&self) -> PathBuf {
            self.root.path().join("data")
        }

        fn part(&self) -> PathBuf {
            self.data().join("cifar-10-binary.tar.gz.part")
        }

        fn leave_part(&self, bytes: &[u8], validator: &str) {
            fs::create_dir_all(self.data()).unwrap();
            fs::write(self.part(), bytes).unwrap();
            fs::write(self.data().join("cifar-10-binary.tar.gz.validator.part"), validator).unwrap();
        }

        fn assert_imported(&self) {
            let last = fs::read(self.data().join("cifar-10-batches-bin/test_batch.bin")).unwrap();
            assert_eq!((last.len() as u64, last.last()), (cifar::FILE_BYTES, Some(&72)));
            assert!(!self.part().exists() && !self.data().join("cifar-10-binary.tar.gz.validator.part").exists());
        }
    }

    fn hexadecimal(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    #[test]
    fn a_download_is_verified_and_imported() {
        let case = Case::new();
        let body = case.archive.clone();
        let server = Server::new(move |request| whole_or_rest(request, &body));
        let done = case.fetch(&server).unwrap();
        assert_eq!((&done.sha256, done.official), (&case.sha256, false));
        assert!(!server.heads()[0].contains("range:"));
        case.assert_imported();
    }

    #[test]
    fn a_broken_download_is_resumed() {
        let case = Case::new();
        let body = case.archive.clone();
        let half = body.len() / 2;
        let server = Server::new(move |request| {
            let whole = whole_or_rest(request, &body);
            if request.contains("range:") { whole } else { whole[..whole.len() - body.len() + half].to_vec() }
        });
        let message = case.fetch(&server).unwrap_err().to_string();
        assert!(message.contains("run the same command again to continue"), "{message}");
        assert_eq!(fs::metadata(case.part()).unwrap().len(), half as u64);
        case.fetch(&server).unwrap();
        let heads = server.heads();
        assert!(heads[1].contains(&format!("range: bytes={half}-")) && heads[1].contains("if-range: \"v1\""));
        case.assert_imported();
    }

    #[test]
    fn a_server_that_ignores_the_range_starts_over() {
        let case = Case::new();
        case.leave_part(&[1; 100], "\"v1\"");
        let body = case.archive.clone();
        let server = Server::new(move |_| response("200 OK", &body));
        case.fetch(&server).unwrap();
        case.assert_imported();
    }

    #[test]
    fn a_changed_file_starts_over() {
        let case = Case::new();
        case.leave_part(&[1; 100], "\"v0\"");
        let body = case.archive.clone();
        let server = Server::new(move |request| whole_or_rest(request, &body));
        case.fetch(&server).unwrap();
        assert_eq!(server.heads().len(), 1);
        case.assert_imported();
    }

    #[test]
    fn a_range_that_the_server_refuses_or_answers_wrongly_starts_over() {
        for answer in ["416 Range Not Satisfiable", "206 Partial Content\r\nContent-Range: bytes 0-9/10"] {
            let case = Case::new();
            case.leave_part(&[1; 100], "\"v1\"");
            let body = case.archive.clone();
            let server =
                Server::new(
                    move |request| {
                        if request.contains("range:") { response(answer, b"") } else { response("200 OK", &body) }
                    },
                );
            case.fetch(&server).unwrap();
            assert_eq!(server.heads().len(), 2);
            case.assert_imported();
        }
    }

    #[test]
    fn another_file_of_the_same_length_is_set_aside_and_not_used() {
        let case = Case::new();
        let mut body = case.archive.clone();
        body[1000] ^= 1;
        let expected = body.clone();
        let server = Server::new(move |request| whole_or_rest(request, &body));
        let message = case.fetch(&server).unwrap_err().to_string();
        assert!(message.contains("has MD5 ") && message.contains("asymgrad data import"), "{message}");
        assert_eq!(fs::read(case.data().join("cifar-10-binary.unverified.tar.gz")).unwrap(), expected);
        assert!(!case.part().exists());
        assert!(dataset::open_in("cifar10", &case.data()).is_err());

        let wrong = Case { sha256: "0".repeat(64), ..Case::new() };
        let body = wrong.archive.clone();
        let server = Server::new(move |request| whole_or_rest(request, &body));
        assert!(matches!(wrong.fetch(&server), Err(FetchError::Checksum { hash: "SHA-256", .. })));
    }

    #[test]
    fn a_wrong_length_or_status_keeps_the_partial_download() {
        let case = Case::new();
        let rest = case.archive[..100].to_vec();
        case.leave_part(&rest, "\"v1\"");
        let server = Server::new(|_| response("200 OK", b"<html>please log in</html>"));
        assert!(matches!(case.fetch(&server), Err(FetchError::Size { found: 26, .. })));
        let server = Server::new(|_| response("503 Service Unavailable", b""));
        let message = case.fetch(&server).unwrap_err().to_string();
        assert!(message.contains("the server answers 503; try a mirror with `--url URL`"), "{message}");
        assert_eq!(fs::read(case.part()).unwrap(), rest);
        // A body without a length that is too long is cut off.
        let body = [case.archive.clone(), vec![0; 100_000]].concat();
        let server = Server::new(move |_| [&b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"[..], &body].concat());
        assert!(matches!(case.fetch(&server), Err(FetchError::Size { .. })));
    }

    #[test]
    fn a_server_that_closes_the_connection_is_an_error() {
        let case = Case::new();
        let server = Server::new(|_| vec![]);
        let error = case.fetch(&server).unwrap_err();
        // The message contains that of its cause.
        assert!(std::error::Error::source(&error).is_none(), "{error:?}");
        let message = error.to_string();
        assert!(message.starts_with(&format!("{}: ", server.url)), "{message}");
        assert!(message.contains("run the same command again to continue"), "{message}");
    }
}
