//! `asymgrad report`: the results page.

use std::path::PathBuf;

use asymgrad::report::{self, Report};
use asymgrad::write_whole;
use clap::{Args, ValueEnum};

use super::experiments::ExperimentsFile;
use super::output::{print, print_name};

/// How a report is written.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum Format {
    /// One page for a browser, that loads nothing
    Html,
    /// Markdown
    Md,
    /// A line a figure
    Csv,
    /// Everything, the curves included
    Json,
}

#[derive(Args)]
pub(super) struct ReportArguments {
    /// The folder whose runs are shown
    #[arg(default_value = "runs")]
    folder: PathBuf,
    #[command(flatten)]
    own: ExperimentsFile,
    /// The file to write; `-` is standard output [default: report.html; standard output for the other formats]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What to write
    #[arg(long, value_enum, default_value = "html")]
    format: Format,
}

impl ReportArguments {
    pub(super) fn report(&self) -> anyhow::Result<()> {
        let report = Report::read(&self.folder, &self.own.catalogue()?)?;
        let text = match self.format {
            Format::Html => report::page(&report)?,
            Format::Md => report::markdown(&report),
            Format::Csv => report::csv(&report),
            Format::Json => serde_json::to_string_pretty(&report)? + "\n",
        };
        let page = PathBuf::from("report.html");
        let file = self.output.as_ref().or((self.format == Format::Html).then_some(&page));
        let Some(file) = file.filter(|file| file.as_os_str() != "-") else { return print(&text) };
        write_whole(file, &text)?;
        print_name(file)
    }
}
