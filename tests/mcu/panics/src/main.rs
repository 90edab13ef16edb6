//! Counts the references of firmware images into the panicking machinery of `core`, and prints their addresses.
//!
//! Every panic calls the panic handler. The machinery is the handler, `core::panicking`, and every function of `core` that
//! refers to the machinery, such as `slice_index_fail` and `unwrap_failed`, whatever their names are. A reference counts if
//! it is from any other function or from data. With link-time optimisation a function may come from any crate, so the whole
//! image has to be free of references, not only the code of the core.
//!
//! An inlined function counts as its caller; a build without `lto` tells them apart.
//!
//! The image has to be linked with `--emit-relocs`: relocations name every branch and every address taken.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionKind, SymbolKind};

/// The name of a function, without its hash.
type Name = String;

/// A reference: its address, the function that contains it (empty for data), and the function that it refers to.
struct Reference {
    address: u64,
    from: Name,
    to: Name,
}

fn main() -> Result<()> {
    let images: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, image, sections @ ..] = &*images
        && flag == "--bytes"
    {
        println!("{}", bytes(Path::new(image), sections).with_context(|| format!("reading {image}"))?);
        return Ok(());
    }
    if let [flag, image, symbol] = &*images
        && flag == "--size"
    {
        println!("{}", size(Path::new(image), symbol).with_context(|| format!("reading {image}"))?);
        return Ok(());
    }
    ensure!(
        !images.is_empty(),
        "usage: panics IMAGE... | panics --bytes IMAGE SECTION... | panics --size IMAGE SYMBOL"
    );
    for image in &images {
        let found = panics(Path::new(image)).with_context(|| format!("reading {image}"))?;
        // The script reads the first word.
        println!("{} branches into the panicking machinery: {image}", found.len());
        for Reference { address, from, to } in &found {
            println!("  {address:#x} {} -> {to}", if from.is_empty() { "data" } else { from });
        }
    }
    Ok(())
}

/// The size of an image's sections in bytes; a missing section counts 0.
fn bytes(image: &Path, sections: &[String]) -> Result<u64> {
    let bytes = std::fs::read(image)?;
    let image = object::File::parse(&*bytes)?;
    Ok(sections.iter().filter_map(|name| image.section_by_name(name)).map(|section| section.size()).sum())
}

/// The size of the only symbol in RAM with this name, in bytes.
fn size(image: &Path, symbol: &str) -> Result<u64> {
    let bytes = std::fs::read(image)?;
    let image = object::File::parse(&*bytes)?;
    let sizes: Vec<u64> = image
        .symbols()
        .filter(|found| found.kind() == SymbolKind::Data && name(found) == symbol)
        .map(|found| found.size())
        .collect();
    let [size] = sizes[..] else { bail!("{} symbols are called {symbol}", sizes.len()) };
    Ok(size)
}

/// All references into the machinery from outside it.
fn panics(image: &Path) -> Result<Vec<Reference>> {
    let bytes = std::fs::read(image)?;
    let references = references(&object::File::parse(&*bytes)?)?;
    let machinery = machinery(&references);
    Ok(references.into_iter().filter(|r| machinery.contains(&r.to) && !machinery.contains(&r.from)).collect())
}

/// The panic handler, `core::panicking`, and the functions of `core` that refer to them.
fn machinery(references: &[Reference]) -> BTreeSet<Name> {
    let is_root = |name: &str| name.contains("core::panicking::") || name.contains("rust_begin_unwind");
    let mut machinery: BTreeSet<Name> = references.iter().map(|r| &r.to).filter(|to| is_root(to)).cloned().collect();
    loop {
        let is_core = |name: &str| name.trim_start_matches(['<', '&']).starts_with("core::");
        let more: Vec<Name> = references
            .iter()
            .filter(|r| machinery.contains(&r.to) && is_core(&r.from) && !machinery.contains(&r.from))
            .map(|r| r.from.clone())
            .collect();
        if more.is_empty() {
            return machinery;
        }
        machinery.extend(more);
    }
}

/// Every reference from code or data to a function.
fn references(image: &object::File<'_>) -> Result<Vec<Reference>> {
    let functions: BTreeMap<u64, (u64, Name)> = image
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text)
        .map(|symbol| (address(symbol.address()), (symbol.size(), name(&symbol))))
        .collect();
    let holder = |at: u64| match functions.range(..=at).next_back() {
        Some((from, (size, name))) if at < from + size => name.clone(),
        _ => Name::new(),
    };
    let loaded = |kind| matches!(kind, SectionKind::Text | SectionKind::ReadOnlyData | SectionKind::Data);
    let mut references = Vec::new();
    let mut any = false;
    for section in image.sections().filter(|section| loaded(section.kind())) {
        // Unwinding tables name every function but do not call it.
        if section.name()?.starts_with(".ARM.ex") {
            continue;
        }
        for (at, relocation) in section.relocations() {
            any = true;
            let RelocationTarget::Symbol(index) = relocation.target() else { continue };
            let symbol = image.symbol_by_index(index)?;
            let to = if symbol.kind() == SymbolKind::Text { name(&symbol) } else { continue };
            references.push(Reference { address: at, from: holder(at), to });
        }
    }
    ensure!(any, "no relocations: link with --emit-relocs");
    Ok(references)
}

/// The address without the bit that marks Thumb code.
fn address(of_symbol: u64) -> u64 {
    of_symbol & !1
}

fn name<'d>(symbol: &impl ObjectSymbol<'d>) -> Name {
    format!("{:#}", rustc_demangle::demangle(symbol.name().unwrap_or_default()))
}
