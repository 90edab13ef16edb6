//! The `asymgrad` program.
fn main() {}
