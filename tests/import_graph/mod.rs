//! The imports between the source files of a crate.
//!
//! A file imports another one if it names an item that the other one defines, in a `use` or in a path. Names are followed through
//! re-exports to the defining file, so a `mod.rs` that only declares and re-exports modules has no edges. Tests and doc comments
//! are left out, and so are method calls, which name no file.
//!
//! `parse.rs` lists the modules, items, imports and paths of each file, `resolve.rs` finds the file that a path leads to,
//! `cycle.rs` searches the graph.

mod cycle;
mod parse;
mod resolve;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The source files of a crate by their paths below its root, such as `src/run/mod.rs`.
pub(crate) type Sources = BTreeMap<String, String>;

/// The text of one import: `crate::run::Config` in line 12.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: String,
    pub(crate) line: usize,
}

/// For each file the files that it imports, each with the first import of it.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) edges: BTreeMap<String, BTreeMap<String, Import>>,
}

impl Graph {
    /// The imports of a crate that is compiled from these root files.
    ///
    /// # Panics
    /// If a file does not parse, belongs to no module, or names an item of the crate that does not exist.
    pub(crate) fn new(sources: &Sources, roots: &[&str]) -> Self {
        let modules = parse::modules(sources, roots);
        for file in sources.keys() {
            assert!(modules.iter().any(|module| module.file == *file), "{file}: no `mod` declares this file");
        }
        let mut graph = Self::default();
        for (id, module) in modules.iter().enumerate() {
            let of_file = graph.edges.entry(module.file.clone()).or_default();
            for reference in &module.references {
                for file in resolve::files(&modules, id, reference) {
                    if file != module.file {
                        let import = Import { path: reference.path.join("::"), line: reference.line };
                        of_file.entry(file).or_insert(import);
                    }
                }
            }
        }
        graph
    }

    /// How many pairs of files import one another, in either direction.
    pub(crate) fn len(&self) -> usize {
        self.edges.values().map(BTreeMap::len).sum()
    }
}

/// The Rust files below `root`/src.
///
/// # Panics
/// If one cannot be read.
pub(crate) fn read_sources(root: &Path) -> Sources {
    let mut sources = Sources::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                sources.insert(name, text);
            }
        }
    }
    sources
}
