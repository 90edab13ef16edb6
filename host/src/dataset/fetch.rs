//! Downloads CIFAR-10's archive over HTTPS, verifies it, and imports it.
//! What has arrived stays in a .part file, so that a broken download is resumed; only a file whose length, MD5 and SHA-256 are
//! the expected ones is ever used. Proxies come from the usual environment variables, trust from the system's certificates.

use super::Error;
use super::import::{self, Import, OFFICIAL_BYTES, OFFICIAL_MD5, OFFICIAL_SHA256};
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use md5::Md5;
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, IsTerminal, Read, Seek, SeekFrom, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use ureq::http::{Response, StatusCode, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// Where the authors of CIFAR-10 publish it.
pub const OFFICIAL_URL: &str = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";
const ARCHIVE: &str = "cifar-10-binary.tar.gz";
/// The longest wait for a connection, and for the next bytes.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Between two lines of progress where there is no terminal.
const PAUSE: Duration = Duration::from_secs(10);

/// What a download must turn out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected<'a> {
    /// Length in bytes.
    pub bytes: u64,
    /// MD5 in hexadecimal.
    pub md5: &'a str,
    /// SHA-256 in hexadecimal.
    pub sha256: &'a str,
}

/// The official archive.
pub const OFFICIAL: Expected<'static> = Expected { bytes: OFFICIAL_BYTES, md5: OFFICIAL_MD5, sha256: OFFICIAL_SHA256 };

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// No answer, or the connection broke.
    #[error(
        "{url}: {cause}; {}run the same command again to continue, try a mirror with `--url URL`, \
         or get the file some other way and use `asymgrad data import FILE`",
        kept(*have, *expected, part)
    )]
    Connection {
        /// What was asked for.
        url: String,
        /// Bytes that have arrived so far.
        have: u64,
        /// Bytes of the whole.
        expected: u64,
        /// Where they are kept.
        part: PathBuf,
        /// What went wrong.
        cause: Box<ureq::Error>,
    },
    /// The server refused.
    #[error("{url}: the server answers {status}; try a mirror with `--url URL`, or `asymgrad data import FILE`")]
    Status {
        /// What was asked for.
        url: String,
        /// Its answer.
        status: u16,
    },
    /// The server offers another file.
    #[error(
        "{url}: the server offers {found} bytes, but the official archive has {expected}; nothing was downloaded. \
         Check the URL; a file that you trust can be imported with `asymgrad data import FILE`"
    )]
    Size {
        /// What was asked for.
        url: String,
        /// The length wanted.
        expected: u64,
        /// The length offered.
        found: u64,
    },
    /// All bytes have arrived, and they are not the expected ones.
    #[error(
        "{url}: the download has {hash} {found}, but the official archive has {expected}; it is kept as {} and not used. \
         Run the command again for a new download, or, if you trust this file, `asymgrad data import {}`",
        kept.display(), kept.display()
    )]
    Checksum {
        /// What was asked for.
        url: String,
        /// `MD5` or `SHA-256`.
        hash: &'static str,
        /// The hash wanted.
        expected: String,
        /// The hash found.
        found: String,
        /// Where the file is kept.
        kept: PathBuf,
    },
    /// The archive could not be written or imported.
    #[error(transparent)]
    Import(#[from] Error),
}

/// Downloads the archive from `url` into `data_dir`, or the rest of it, verifies and imports it; then only the import stays.
///
/// Progress goes to standard error.
///
/// # Errors
/// [`FetchError`]; what has arrived is kept for the next call, and an earlier import is untouched.
pub fn fetch(url: &str, expected: &Expected<'_>, data_dir: &Path) -> Result<Import, FetchError> {
    let _lock = import::lock(data_dir)?;
    let download = Download {
        url,
        expected,
        part: data_dir.join(format!("{ARCHIVE}.part")),
        validator: data_dir.join(format!("{ARCHIVE}.validator.part")),
    };
    download.complete()?;
    download.verify(&data_dir.join("cifar-10-binary.unverified.tar.gz"))?;
    let done = import::unpack(&download.part, data_dir)?;
    download.discard()?;
    Ok(done)
}

struct Download<'a> {
    url: &'a str,
    expected: &'a Expected<'a>,
    /// What has arrived.
    part: PathBuf,
    /// The server's name for the version that arrived (`ETag` or date), so that a resumed download never joins two files.
    validator: PathBuf,
}

impl Download<'_> {
    /// Gets what is missing of the .part file.
    fn complete(&self) -> Result<(), FetchError> {
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).open(&self.part).map_err(Error::io("open it", &self.part))?;
        let mut have = file.seek(SeekFrom::End(0)).map_err(Error::io("read its length", &self.part))?;
        if have == self.expected.bytes {
            return Ok(());
        }
        if have > self.expected.bytes {
            have = self.restart(&file)?;
        }
        let (response, from) = self.answer(have)?;
        self.check_size(&response, from)?;
        if from < have {
            have = self.restart(&file)?;
        }
        self.remember_validator(&response)?;
        self.receive(response, file, have)
    }

    /// A good answer and the byte at which it begins: `have`, or 0 where the server gives the whole file.
    fn answer(&self, have: u64) -> Result<(Response<Body>, u64), FetchError> {
        let response = self.request(have)?;
        match response.status() {
            StatusCode::OK => Ok((response, 0)),
            StatusCode::PARTIAL_CONTENT if self.continues(&response, have) => Ok((response, have)),
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => self.answer(0),
            status => Err(FetchError::Status { url: self.url.to_owned(), status: status.as_u16() }),
        }
    }

    fn request(&self, from: u64) -> Result<Response<Body>, FetchError> {
        let mut config = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .user_agent(concat!("asymgrad/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .timeout_connect(Some(TIMEOUT))
            .timeout_per_read(Some(TIMEOUT));
        if is_loopback(self.url) {
            config = config.proxy(None);
        }
        let agent: Agent = config.build().into();
        let mut request = agent.get(self.url);
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
            if let Ok(validator) = fs::read_to_string(&self.validator) {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        request.call().map_err(|cause| self.broken(from, cause))
    }

    /// Whether the answer is the rest of the file, from byte `have` on.
    fn continues(&self, response: &Response<Body>, have: u64) -> bool {
        let range = format!("bytes {have}-{}/{}", self.expected.bytes - 1, self.expected.bytes);
        response.status() == StatusCode::PARTIAL_CONTENT && text(response, &header::CONTENT_RANGE) == Some(&range)
    }

    /// A file of another length is no use; better to know before 170 MB have arrived.
    fn check_size(&self, response: &Response<Body>, have: u64) -> Result<(), FetchError> {
        match response.body().content_length() {
            Some(rest) if have + rest != self.expected.bytes => {
                Err(FetchError::Size { url: self.url.to_owned(), expected: self.expected.bytes, found: have + rest })
            }
            _ => Ok(()),
        }
    }

    /// A weak `ETag` names no bytes, so the date is taken instead; with neither, the checksums alone decide.
    fn remember_validator(&self, response: &Response<Body>) -> Result<(), FetchError> {
        let strong = text(response, &header::ETAG).filter(|tag| !tag.starts_with("W/"));
        match strong.or_else(|| text(response, &header::LAST_MODIFIED)) {
            Some(validator) => fs::write(&self.validator, validator).map_err(Error::io("write it", &self.validator))?,
            None => remove(&self.validator)?,
        }
        Ok(())
    }

    /// Appends the body, at most as much as belongs to the file and one byte that shows that it continues.
    fn receive(&self, response: Response<Body>, mut file: File, mut have: u64) -> Result<(), FetchError> {
        let mut progress = Progress::new(have, self.expected.bytes);
        let mut body = response.into_body().into_reader().take(self.expected.bytes + 1 - have);
        let mut buffer = vec![0; 1 << 16];
        loop {
            match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => {
                    file.write_all(&buffer[..count]).map_err(Error::io("write it", &self.part))?;
                    have += count as u64;
                    progress.at(have);
                }
                Err(source) if source.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.broken(have, source.into())),
            }
        }
        if have < self.expected.bytes {
            return Err(self.broken(have, io::Error::from(io::ErrorKind::UnexpectedEof).into()));
        }
        if have > self.expected.bytes {
            self.restart(&file)?;
            return Err(FetchError::Size { url: self.url.to_owned(), expected: self.expected.bytes, found: have });
        }
        progress.end();
        Ok(())
    }

    /// Compares length and hashes; a file that is not the expected one is moved to `kept`.
    fn verify(&self, kept: &Path) -> Result<(), FetchError> {
        let file = File::open(&self.part).map_err(Error::io("open it", &self.part))?;
        let (md5, sha256) = hashes(file).map_err(Error::io("read it", &self.part))?;
        for (hash, expected, found) in [("MD5", self.expected.md5, md5), ("SHA-256", self.expected.sha256, sha256)] {
            if found != expected {
                fs::rename(&self.part, kept).map_err(Error::io("rename it", &self.part))?;
                self.discard()?;
                let (url, expected, kept) = (self.url.to_owned(), expected.to_owned(), kept.to_owned());
                return Err(FetchError::Checksum { url, hash, expected, found, kept });
            }
        }
        Ok(())
    }

    /// Empties the .part file.
    fn restart(&self, file: &File) -> Result<u64, FetchError> {
        file.set_len(0).map_err(Error::io("empty it", &self.part))?;
        Ok(0)
    }

    fn discard(&self) -> Result<(), FetchError> {
        remove(&self.part)?;
        remove(&self.validator)
    }

    fn broken(&self, have: u64, cause: ureq::Error) -> FetchError {
        let (url, part) = (self.url.to_owned(), self.part.clone());
        FetchError::Connection { url, have, expected: self.expected.bytes, part, cause: Box::new(cause) }
    }
}

fn kept(have: u64, expected: u64, part: &Path) -> String {
    if have == 0 {
        return String::new();
    }
    format!("{} of {} are kept in {}, ", HumanBytes(have), HumanBytes(expected), part.display())
}

/// Whether the address is this machine's own, which a proxy could not reach.
fn is_loopback(url: &str) -> bool {
    let uri = url.parse::<Uri>().ok();
    let host = uri.as_ref().and_then(Uri::host).map(|host| host.trim_matches(['[', ']']));
    host.is_some_and(|host| host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback()))
}

fn text<'a>(response: &'a Response<Body>, name: &header::HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

fn remove(file: &Path) -> Result<(), FetchError> {
    match fs::remove_file(file) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::io("remove it", file)(source).into()),
        _ => Ok(()),
    }
}

fn hashes(file: File) -> io::Result<(String, String)> {
    let (mut md5, mut sha256) = (Md5::new(), Sha256::new());
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = reader.read(&mut buffer)?;
        if count == 0 {
            return Ok((hex::encode(md5.finalize()), hex::encode(sha256.finalize())));
        }
        md5.update(&buffer[..count]);
        sha256.update(&buffer[..count]);
    }
}

/// A bar on a terminal, a line now and then elsewhere.
struct Progress {
    bar: Option<ProgressBar>,
    total: u64,
    last: Instant,
}

impl Progress {
    fn new(have: u64, total: u64) -> Self {
        let style = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} left");
        let bar = io::stderr().is_terminal().then(|| ProgressBar::new(total).with_position(have));
        if let (Some(bar), Ok(style)) = (&bar, style) {
            bar.set_style(style);
        }
        Self { bar, total, last: Instant::now() }
    }

    fn at(&mut self, have: u64) {
        match &self.bar {
            Some(bar) => bar.set_position(have),
            None if self.last.elapsed() >= PAUSE => {
                self.last = Instant::now();
                self.line(have);
            }
            None => {}
        }
    }

    fn end(&self) {
        match &self.bar {
            Some(bar) => bar.finish_and_clear(),
            None => self.line(self.total),
        }
    }

    fn line(&self, have: u64) {
        let _ = writeln!(io::stderr(), "downloaded {} of {}", HumanBytes(have), HumanBytes(self.total));
    }
}
