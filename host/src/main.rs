//! The `asymgrad` program: what was typed, and the exit code that a shell sees.
//!
//! 0 done, 1 failed, 2 wrong usage, 75 stopped by a signal with a checkpoint.

mod cli;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Arguments::parse().carry_out() {
        Ok(code) => code,
        Err(error) if cli::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // A library error says all of its sources itself.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}
