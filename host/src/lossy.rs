//! Paths in JSON and TOML, which hold text: what is no UTF-8 becomes U+FFFD.

use std::path::Path;

use serde::Serializer;

/// Writes a path as text: for `#[serde(serialize_with = "lossy::serialize")]`.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<P: AsRef<Path>, S: Serializer>(path: &P, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.as_ref().display())
}
