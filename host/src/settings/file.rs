//! The TOML files in which a user states settings, and why one cannot be used.

use std::path::{Path, PathBuf};

use crate::diagnostic::read_text;

/// What a settings file describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Experiments of the user's own.
    Experiments,
    /// A grid of options, every combination of which is a run.
    Grid,
}

impl FileKind {
    /// The text of a file of this kind.
    ///
    /// # Errors
    /// [`SettingsFileError`] if it cannot be read, is too long, or is no text.
    pub(crate) fn read(self, file: &Path) -> Result<String, SettingsFileError> {
        let text = read_text(file);
        let text = text.map_err(|cause| SettingsFileError::Io { kind: self, file: file.to_owned(), cause })?;
        text.map_err(|problem| self.whole(file, problem))
    }

    /// A problem of the file as a whole.
    pub(crate) fn whole(self, file: &Path, problem: impl Into<String>) -> SettingsFileError {
        SettingsFileError::Whole { kind: self, file: file.to_owned(), problem: problem.into() }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Experiments => "experiments",
            Self::Grid => "grid",
        }
    }

    const fn hint(self) -> &'static str {
        match self {
            Self::Experiments => "a file of experiments holds [[experiment]] tables as data/experiments.toml does",
            Self::Grid => "`asymgrad experiments --schema` lists the fields of a grid",
        }
    }
}

/// Why a settings file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsFileError {
    /// The system refused.
    #[error("{}: cannot read the {}: {cause}; check the path and the permissions", file.display(), kind.name())]
    Io {
        /// What it should describe.
        kind: FileKind,
        /// The file.
        file: PathBuf,
        /// The system's answer.
        cause: std::io::Error,
    },
    /// A field or its value makes no sense.
    #[error("{}: line {line}: {problem}", file.display())]
    Line {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// The file as a whole makes no sense.
    #[error("{}: {problem}; {}", file.display(), kind.hint())]
    Whole {
        /// What it should describe.
        kind: FileKind,
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl SettingsFileError {
    /// A problem in a line, from 1, of a file.
    pub(crate) fn line(file: &Path, (line, problem): (usize, String)) -> Self {
        Self::Line { file: file.to_owned(), line, problem }
    }
}
