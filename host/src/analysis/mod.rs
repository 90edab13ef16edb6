//! What runs say: verdicts on the report's claims, means over seeds, and comparisons seed by seed.
//!
//! - `verdict`: a claim of the report and a run; `course`: how the run went, as far as the claim asks for
//! - `rankings`: the rankings of experiments that the report publishes
//! - `trend`: the distance to the true gradient beside the report's
//! - `paired`: two groups seed by seed
//! - `groups`: runs that differ in nothing but the seed
//! - `runs`: a run as its folder tells it

mod course;
mod groups;
mod paired;
mod rankings;
mod runs;
mod trend;
mod verdict;

pub use groups::{Group, Ours};
pub(crate) use groups::{find, in_groups};
pub use paired::Paired;
pub use rankings::Ranking;
pub(crate) use rankings::rankings;
pub use runs::{Run, StepMean};
pub use trend::Trend;
pub(crate) use trend::trend;
pub use verdict::{Judgement, Verdict, judge};
