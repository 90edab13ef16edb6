//! The source tree reads from top to bottom: imports between files form no cycle, and no file is long.

mod import_graph;

use std::path::PathBuf;

use import_graph::{Graph, Sources, read_sources};

/// Lines of a file, tests included.
const MOST_LINES: usize = 400;

fn root(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Fails if the imports of a crate form a cycle, or if there are fewer than `least` of them, as when names are not followed.
#[track_caller]
fn assert_no_cycle(name: &str, roots: &[&str], least: usize) {
    let graph = Graph::new(&read_sources(&root(name)), roots);
    assert!(graph.len() > least, "only {} imports were found in {name}; at least {least} are expected", graph.len());
    if let Some(cycle) = graph.shortest_cycle() {
        panic!("the imports of {name} form {cycle}");
    }
}

#[track_caller]
fn assert_short_files(name: &str) {
    let sources = read_sources(&root(name));
    assert!(sources.len() > 20, "only {} files were found in {name}", sources.len());
    let lines = sources.iter().map(|(file, text)| (text.lines().count(), file));
    let long: Vec<String> = lines
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, file)| format!("  {name}/{file}: {lines}"))
        .collect();
    assert!(long.is_empty(), "these files have more than {MOST_LINES} lines; split them:\n{}", long.join("\n"));
}

#[test]
fn core_imports_have_no_cycle() {
    assert_no_cycle("core", &["src/lib.rs"], 100);
}

#[test]
fn core_files_are_short() {
    assert_short_files("core");
}

#[test]
fn host_imports_have_no_cycle() {
    assert_no_cycle("host", &["src/lib.rs", "src/main.rs"], 150);
}

#[test]
fn host_files_are_short() {
    assert_short_files("host");
}

/// The graph of a small crate with the root `lib.rs`.
fn graph(files: &[(&str, &str)]) -> Graph {
    let sources: Sources = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
    Graph::new(&sources, &["src/lib.rs"])
}

/// Each import as `from -> to`.
fn edges(files: &[(&str, &str)]) -> Vec<String> {
    let graph = graph(files);
    let edges = graph.edges.iter().flat_map(|(from, to)| to.keys().map(move |to| format!("{from} -> {to}")));
    edges.map(|edge| edge.replace("src/", "")).collect()
}

const ROOT: (&str, &str) = ("src/lib.rs", "mod a; mod b; mod c;");

#[test]
fn the_shortest_cycle_is_shown_with_its_lines() {
    let files = [
        ROOT,
        ("src/a.rs", "//! A.\n\nuse crate::b::B;\nuse crate::c;\npub struct A;\npub fn f() { c::f(B) }"),
        ("src/b.rs", "pub struct B;\npub fn f() -> crate::c::C { crate::c::C }"),
        ("src/c.rs", "use super::{a::A,\n    b};\npub struct C;\npub fn f(_: b::B) -> A { A }"),
    ];
    let cycle = graph(&files).shortest_cycle().unwrap();
    assert_eq!(
        cycle,
        "a cycle of 2 files; remove one of these imports:\n  \
         src/a.rs:6: `c::f` is defined in src/c.rs\n  \
         src/c.rs:1: `super::a::A` is defined in src/a.rs\n"
    );
    let longer = [
        ROOT,
        ("src/a.rs", "pub use crate::b::B; pub struct A(B);"),
        ("src/b.rs", "pub struct B(crate::c::C);"),
        ("src/c.rs", "pub struct C; fn f() { crate::a::A::new(); }"),
    ];
    assert!(graph(&longer).shortest_cycle().unwrap().starts_with("a cycle of 3 files"));
}

#[test]
fn a_tree_has_no_cycle() {
    let files = [
        ROOT,
        ("src/a.rs", "use crate::b::B; use crate::c::C;"),
        ("src/b.rs", "use crate::c::C; pub struct B(C);"),
        ("src/c.rs", "pub struct C;"),
    ];
    assert_eq!(edges(&files), ["a.rs -> b.rs", "a.rs -> c.rs", "b.rs -> c.rs"]);
    assert_eq!(graph(&files).shortest_cycle(), None);
}

#[test]
fn a_re_export_leads_to_the_file_that_defines_the_item() {
    let files = [
        ("src/lib.rs", "mod a; mod b; pub use b::Deep as Renamed;"),
        ("src/a.rs", "use crate::Renamed; fn f() -> crate::b::Other { crate::b::inner::g::<Renamed>() }"),
        ("src/b/mod.rs", "mod deep; mod inner; pub use self::deep::*; pub(crate) use inner::{self as i, g};"),
        ("src/b/deep.rs", "pub struct Deep; pub struct Other;"),
        ("src/b/inner.rs", "use super::Deep; pub fn g<T>() {}"),
    ];
    assert_eq!(edges(&files), ["a.rs -> b/deep.rs", "a.rs -> b/inner.rs", "b/inner.rs -> b/deep.rs"]);
}

#[test]
fn a_name_that_is_a_module_and_a_function_is_both() {
    let files = [
        ("src/lib.rs", "mod a; mod b;"),
        ("src/a.rs", "use crate::b::measure; fn f() { measure(); }"),
        ("src/b/mod.rs", "mod measure; pub use measure::measure;"),
        ("src/b/measure.rs", "pub fn measure() {}"),
    ];
    assert_eq!(edges(&files), ["a.rs -> b/measure.rs"]);
}

#[test]
fn paths_in_types_bounds_patterns_and_macros_are_imports() {
    for text in [
        "fn f(x: Vec<super::b::B>) {}",
        "impl<T: crate::b::Trait> Clone for Box<T> {}",
        "fn f() { if let crate::b::E::One(_) = 1 {} }",
        "fn f() { let _ = format!(\"{}\", crate::b::f(1)); }",
        "use crate::b; fn f() { assert!(vec![1 + b::CONST].is_empty()); }",
        "macro_rules! m { ($x:ident) => { super::b::f($x) }; }",
        "fn f() { use crate::b::f as g; g(); }",
        "#[cfg(any(test, unix))] fn f() { crate::b::f() }",
        "mod inner { fn f() { crate::b::f() } fn g() { super::g() } } fn g() {}",
        "use crate::b::*; fn f() -> B { B }",
    ] {
        let b = "pub struct B; pub trait Trait {} pub enum E { One(u8) } pub fn f() {} pub const CONST: u8 = 1;";
        assert_eq!(
            edges(&[("src/lib.rs", "mod a; mod b;"), ("src/a.rs", text), ("src/b.rs", b)]),
            ["a.rs -> b.rs"],
            "{text}"
        );
    }
}

#[test]
fn tests_doc_comments_and_modules_are_no_imports() {
    for text in [
        "#[cfg(test)] mod tests { use crate::b::B; }",
        "#[cfg(test)] fn f() { crate::b::f() }",
        "#[cfg(all(test, unix))] use crate::b::B;",
        "struct A; impl A { #[cfg(test)] fn f() { crate::b::f() } }",
        "//! See [`crate::b::B`].\n\n/// And [`super::b::f`].\npub struct A;",
        "pub use crate::b::B;",
        "use crate::b;",
        "fn f() { std::b::f(); other::b::B; self::g(); } fn g() {}",
    ] {
        let files = [("src/lib.rs", "mod a; mod b;"), ("src/a.rs", text), ("src/b.rs", "pub struct B; pub fn f() {}")];
        assert_eq!(edges(&files), [""; 0], "{text}");
    }
}

#[test]
#[should_panic(expected = "src/a.rs:2: `crate::b::Missing` leads to no item of the crate")]
fn a_path_that_leads_nowhere_is_no_silent_miss() {
    graph(&[("src/lib.rs", "mod a; mod b;"), ("src/a.rs", "\nuse crate::b::Missing;"), ("src/b.rs", "")]);
}

#[test]
#[should_panic(expected = "src/b.rs: no `mod` declares this file")]
fn a_file_outside_the_tree_is_no_silent_miss() {
    graph(&[("src/lib.rs", "mod a;"), ("src/a.rs", ""), ("src/b.rs", "")]);
}
