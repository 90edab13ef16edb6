//! Passes the memory map to the linker, and makes it keep the relocations, which the panic check reads.

fn main() {
    let here = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rustc-link-search={here}");
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    println!("cargo::rustc-link-arg-bins=--emit-relocs");
    println!("cargo::rerun-if-changed=memory.x");
}
