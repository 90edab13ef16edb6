//! What a run is: all that its numbers depend on.

mod fields;
mod schedule;

pub use fields::{Choices, Config, Data, name_of};
pub use schedule::Schedule;
