//! What a user may choose of a training, each option declared once: as a field of [`Choices`], which the command line and the files of
//! experiments and grids read alike.
//!
//! - `choices`: the options; `coefficients`: those of an optimizer
//! - `values`: the values of options, one parser for each kind
//! - `initials`: the distributions of initial values, layer by layer
//! - `schedule`: the learning rate by epoch; `target`: what the network is trained towards
//! - `measure_set`: which measures are taken
//! - `effect`: options that are chosen and have no effect
//! - `fields`: options as fields of a TOML file
//! - `file`: a TOML file with settings, and why it cannot be used
//! - `grid`: the runs that a grid file describes

mod choices;
mod coefficients;
mod effect;
mod fields;
mod file;
mod grid;
mod initials;
mod measure_set;
mod schedule;
mod target;
pub mod values;

pub use choices::Choices;
pub use coefficients::Coefficients;
pub use effect::{NoEffect, Reader, without_effect};
pub(crate) use fields::text_of;
pub use fields::{Field, Fields, reason, unknown};
pub use file::{FileKind, SettingsFileError};
pub use grid::{Cell, FieldValue, cells};
pub use initials::Initials;
pub use measure_set::MeasureSet;
pub use schedule::{ParseScheduleError, Schedule};
pub use target::{ParseTargetError, Target};
