//! The tests that guard the core as one program, with the core's own kernels alone: a mutant of the core builds in seconds.
#![allow(unreachable_code, reason = "no instruction set has a value")]
#![allow(clippy::duplicate_mod, reason = "each file of tests names the modules that it uses")]

extern crate asymgrad_mutants as asymgrad;

#[path = "../capabilities.rs"]
mod capabilities;
#[path = "../errors.rs"]
mod errors;
#[path = "../golden.rs"]
mod golden;
#[path = "../gradients.rs"]
mod gradients;
#[path = "../initial.rs"]
mod initial;
#[path = "../notation.rs"]
mod notation;
#[path = "../random.rs"]
mod random;
#[path = "../rules.rs"]
mod rules;
#[path = "../slices.rs"]
mod slices;
#[path = "../snapshot.rs"]
mod snapshot;
#[path = "../storage.rs"]
mod storage;
#[path = "../targets.rs"]
mod targets;
