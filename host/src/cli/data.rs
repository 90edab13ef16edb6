//! `asymgrad data`: fetches, imports and describes data sets.

use std::ffi::OsString;
use std::path::PathBuf;

use asymgrad::dataset::{self, Info};
use clap::Subcommand;

use super::output::{print, print_json};

#[derive(Subcommand)]
pub(super) enum DataCommand {
    /// Downloads CIFAR-10, verifies and imports it; a broken download is resumed
    #[cfg(feature = "download")]
    Fetch {
        /// A mirror of the official archive
        #[arg(long, default_value = dataset::fetch::OFFICIAL_URL)]
        url: String,
        /// Prints a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Imports cifar-10-binary.tar.gz
    Import {
        /// The archive
        file: PathBuf,
        /// Prints a JSON object
        #[arg(long)]
        json: bool,
    },
    /// Describes a data set: counts, class balance, means and deviations
    Info {
        /// digits, cifar10, fashion-mnist, or the path of a data set [default: cifar10]
        #[arg(long)]
        data: Option<OsString>,
        /// Prints a JSON object
        #[arg(long)]
        json: bool,
    },
}

impl DataCommand {
    pub(super) fn carry_out(self) -> anyhow::Result<()> {
        let (import, json) = match self {
            #[cfg(feature = "download")]
            Self::Fetch { url, json } => {
                (dataset::fetch::fetch(&url, &dataset::fetch::OFFICIAL, &dataset::data_dir())?, json)
            }
            Self::Import { file, json } => (dataset::import(&file, &dataset::data_dir())?, json),
            Self::Info { data, json } => {
                let info = Info::of(&dataset::open(data.unwrap_or_else(|| dataset::DEFAULT.into()))?)?;
                return if json { print_json(&info) } else { print(&format!("{info}\n")) };
            }
        };
        if json { print_json(&import) } else { print(&format!("{import}\n")) }
    }
}
