//! Counts the references of firmware images into the panicking machinery of `core`, and says where they stand.
//!
//! Everything that panics ends in the panic handler. Machinery is the handler, `core::panicking`, and every function of
//! `core` that refers to machinery (`slice_index_fail`, `unwrap_failed` and whatever they will be called): no list of
//! names to grow old. What counts is a reference from any other function, or from data. Link-time optimisation dissolves
//! the crates' borders, so the whole image has to be free of them, not the core's part alone.
//!
//! Inlined functions count as the function that holds them; a build without `lto` tells them apart.
//!
//! The image has to be linked with `--emit-relocs`: relocations name every branch and every address taken.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use object::{Object, ObjectSection, ObjectSymbol, RelocationTarget, SectionKind, SymbolKind};

/// A function's name, without hash.
type Name = String;

/// One reference: address, function that holds it (empty for data), and what it refers to.
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

/// Bytes of an image's sections; one that is not there counts 0.
fn bytes(image: &Path, sections: &[String]) -> Result<u64> {
    let bytes = std::fs::read(image)?;
    let image = object::File::parse(&*bytes)?;
    Ok(sections.iter().filter_map(|name| image.section_by_name(name)).map(|section| section.size()).sum())
}

/// Bytes of the one symbol in RAM with this name.
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

/// The panic handler, `core::panicking`, and the functions of `core` that lead there.
fn machinery(references: &[Reference]) -> BTreeSet<Name> {
    let is_root = |name: &str| name.contains("core::panicking::") || name.contains("rust_begin_unwind");
    let mut machinery: BTreeSet<Name> = references.iter().map(|r| &r.to).filter(|to| is_root(to)).cloned().collect();
    loop {
        let of_core = |name: &str| name.trim_start_matches(['<', '&']).starts_with("core::");
        let more: Vec<Name> = references
            .iter()
            .filter(|r| machinery.contains(&r.to) && of_core(&r.from) && !machinery.contains(&r.from))
            .map(|r| r.from.clone())
            .collect();
        if more.is_empty() {
            return machinery;
        }
        machinery.extend(more);
    }
}

/// Every reference of code and data to a function.
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
        // Unwinding tables name every function and are no way to reach it.
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
