//! Results beside the figures and the claims of the report: the results page, and what the terminal shows.
//!
//! [`Report::read`] gathers everything from the runs' files; each format writes it. Only the page has curves.
//!
//! - `html`, `markdown`, `tex`, `csv`: the formats of the page; `runs_csv`: a line for each run; `plots`: the plots of the Markdown page; `results`: what it shows
//! - `table`, `claims`: the report's tables and claims with the runs beside them
//! - `families`: the feedback rules of each network, whatever suite or table they are from
//! - `conditions`: the same runs by their batch and settings, and their distance to the report's figures
//! - `terminal`: what `run` and `suite` print at their end; `trained`: the same for programs; `published`: the figures of other
//!   groups beside ours
//! - `figures`: figures as text

mod claims;
mod conditions;
mod csv;
mod families;
mod figures;
mod html;
mod markdown;
mod plots;
mod published;
mod results;
mod runs_csv;
mod table;
mod terminal;
mod tex;
mod trained;

pub use self::csv::csv;
pub use claims::{ClaimExperiment, ClaimSummary, JudgedRun};
pub use conditions::{Conditions, Divided, Figure, TableDistance};
pub use families::{Family, FamilyRow};
pub use html::page;
pub use markdown::{BlockError, Markdown, MarkdownError, markdown};
pub use plots::PlotError;
pub use published::published;
pub use results::{DataSummary, Report};
pub use runs_csv::runs;
pub use table::{Cell, Row, Table};
pub use terminal::{claims, seeds, table};
pub use tex::tex;
pub use trained::{Line, Reached, lines};
