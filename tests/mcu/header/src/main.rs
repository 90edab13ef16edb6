//! Prints the C header of `core/c`, for `run` to compare with the one in the repository.
//!
//! `cargo run -p header > core/c/asymgrad.h` in `tests/mcu` writes it anew.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../core/c");
    let config = cbindgen::Config::from_file(format!("{folder}/cbindgen.toml"))?;
    let bindings = cbindgen::Builder::new().with_src(format!("{folder}/src/lib.rs")).with_config(config).generate()?;
    bindings.write(std::io::stdout());
    Ok(())
}
