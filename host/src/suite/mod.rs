//! Several trainings, one after the other or some at once.

mod progress;
mod task;

pub use progress::Watch;
pub use task::{
    RULES_SEEDS, Reached, Row, Trained, claims, is_small, quick_epochs, quick_path, table, train, whole_epochs,
};
