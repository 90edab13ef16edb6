//! `asymgrad report`: the results page.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use asymgrad::report::{self, Markdown, Report};
use asymgrad::write_whole;
use clap::{Args, ValueEnum};

use super::experiments::ExperimentsFile;
use super::output::{print, print_name};

/// How a report is written.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum Format {
    /// One page for a browser, that loads nothing
    Html,
    /// Markdown; with `-o FILE.md` plots beside it, and only the blocks of a FILE that has some are written
    Md,
    /// LaTeX tables for booktabs
    Tex,
    /// A line a figure
    Csv,
    /// A line a run as CSV: its seed, the settings in which the runs differ, its figures and measures
    Runs,
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
        if report.groups.is_empty() {
            let _ = writeln!(io::stderr(), "note: {}: no run in this folder", self.folder.display());
        }
        let page = Path::new("report.html");
        let file = self.output.as_deref().or((self.format == Format::Html).then_some(page));
        let file = file.filter(|file| file.as_os_str() != "-");
        let text = match self.format {
            Format::Html => report::page(&report)?,
            Format::Md => {
                let Markdown { text, plots } = report::markdown(&report, file)?;
                for (plot, svg) in plots {
                    write_whole(&plot, &svg)?;
                    print_name(&plot)?;
                }
                text
            }
            Format::Tex => report::tex(&report),
            Format::Csv => report::csv(&report),
            Format::Runs => report::runs(&report),
            Format::Json => serde_json::to_string_pretty(&report)? + "\n",
        };
        let Some(file) = file else { return print(&text) };
        write_whole(file, &text)?;
        print_name(file)
    }
}
