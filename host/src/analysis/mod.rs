//! What runs say: verdicts on the report's claims, means over seeds, and comparisons seed by seed.

mod claim;
mod paired;
mod runs;

pub use claim::{Claim, Judgement, Measure, Verdict, judge};
pub(crate) use paired::orderings;
pub use paired::{Ordering, Paired};
pub use runs::{Group, Run, StepMean};
pub(crate) use runs::{find, in_groups};
