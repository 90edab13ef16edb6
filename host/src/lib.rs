//! Experiments with asymmetric backpropagation: data sets, runs, and the report's tables.
//!
//! The modules by level; a module imports only from the levels below its own, and no two files import each other. The program's
//! commands, `cli/`, stand above them all.
//!
//! | level | module | what it holds |
//! |---|---|---|
//! | 8 | `report` | the results page, and the same as Markdown, CSV and JSON |
//! | 8 | `capacity` | how many trainings fit into memory at once |
//! | 7 | `analysis` | groups of runs, verdicts on the report's claims, paired comparisons |
//! | 7 | `suite` | several trainings, one after the other or some at once |
//! | 6 | `train` | one training: steps, epochs, measures, checkpoints |
//! | 6 | `status` | the state of runs |
//! | 6 | `output` | files that a user names |
//! | 5 | `published` | runs that other groups published, and their draws |
//! | 5 | `run` | a run's folder: lock, logs, checkpoint, result |
//! | 4 | `config` | all that decides a run's results |
//! | 3 | `experiment` | experiments as data: those of the report, and a user's |
//! | 3 | `tensors` | weights as safetensors and sparse matrices |
//! | 2 | `settings` | the options of a training, on the command line and in files |
//! | 2 | `dataset` | data sets: reading, importing, fetching, identity |
//! | 2 | `slurm` | a suite as a Slurm array |
//! | 1 | `kernels` | the core's kernels on this CPU, with threads |
//! | 1 | `statistics` | means, intervals, tests |
//! | 1 | `network` | a network that owns its layers |
//! | 1 | `atomic`, `cgroup`, `diagnostic`, `lossy`, `shell` | whole files, limits of containers, messages, text of paths, quoting |

/// The README, whose example is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod analysis;
mod atomic;
pub mod capacity;
mod cgroup;
pub mod config;
pub mod dataset;
mod diagnostic;
pub mod experiment;
pub mod kernels;
pub mod lossy;
mod network;
mod output;
pub mod published;
pub mod report;
pub mod run;
pub mod settings;
mod shell;
pub mod slurm;
pub mod statistics;
pub mod status;
pub mod suite;
pub mod tensors;
pub mod train;

pub use network::{Network, ParseNetworkError};
pub use output::{is_stream, write_whole};
