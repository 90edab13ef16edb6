//! What runs say: verdicts on the report's claims, means over seeds, and comparisons seed by seed.
//!
//! - `verdict`: a claim of the report and a run; `course`: how the run went, as far as the claim asks for; `seeds`: the runs of several
//!   seeds
//! - `rankings`: the rankings of experiments that the report publishes
//! - `trend`: the distance to the true gradient beside the report's
//! - `paired`: two groups seed by seed
//! - `published`: whether runs agree with those that other groups published
//! - `distance`: the distance to the report's figures
//! - `groups`: runs that differ in nothing but the seed; `grouping`: finds them; `curves`: those of them with the same epochs; `measured`:
//!   what they measured at an epoch
//! - `protocol`: how runs were trained
//! - `runs`: a run as its folder tells it; `metric`: what runs are compared by

mod course;
mod curves;
mod distance;
mod grouping;
mod groups;
mod measured;
mod metric;
mod paired;
mod protocol;
mod published;
mod rankings;
mod runs;
mod seeds;
mod trend;
mod verdict;

pub use curves::Curve;
pub(crate) use distance::around;
pub use distance::{DIVISORS, Distance};
pub(crate) use grouping::{find, in_groups};
pub use groups::{Group, Ours, Repeat, SeedMean};
pub(crate) use groups::{by_seed, span};
pub use measured::{Measured, Spread};
pub use metric::Metric;
pub use paired::Paired;
pub use protocol::Protocol;
pub use published::{Comparison, Missing, PublishedRuns, compare_published};
pub use rankings::Ranking;
pub(crate) use rankings::rankings;
pub use runs::{Run, StepMean};
pub(crate) use seeds::together;
pub(crate) use trend::trend;
pub use trend::{Agreement, Trend};
pub use verdict::{Judgement, Verdict, judge};
