//! The modules of a crate: what each declares, imports and names.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemMod, ItemUse, Macro, Meta, Path, Token, UseTree, Visibility};

use super::Sources;

/// A module, in a file of its own or in that of its parent.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) file: String,
    /// The number of the module that declares it; `None` for the root.
    pub(crate) parent: Option<usize>,
    pub(crate) children: BTreeMap<String, usize>,
    /// The names of its functions, types, constants and macros.
    pub(crate) items: BTreeSet<String>,
    /// The names that it imports.
    pub(crate) names: Vec<Name>,
    /// The modules whose items it imports with `*`.
    pub(crate) globs: Vec<Reference>,
    /// What it names: every path and every import that is no re-export.
    pub(crate) references: Vec<Reference>,
}

/// A name that stands for a path.
#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) reference: Reference,
}

/// A path in the text of a module.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// The modules that the root files declare, the roots and all below them.
pub(crate) fn modules(sources: &Sources, roots: &[&str]) -> Vec<Module> {
    let mut parser = Parser { sources, modules: vec![], current: 0 };
    for root in roots {
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        parser.file(root, folder, None);
    }
    parser.modules
}

struct Parser<'a> {
    sources: &'a Sources,
    modules: Vec<Module>,
    /// The number of the module that is read.
    current: usize,
}

impl Parser<'_> {
    /// Reads a file as a module whose children lie in `folder`.
    fn file(&mut self, file: &str, folder: &str, parent: Option<usize>) -> usize {
        let text =
            self.sources.get(file).unwrap_or_else(|| panic!("{file}: a `mod` declares this file, but there is none"));
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        self.module(file, folder, parent, &parsed.items)
    }

    fn module(&mut self, file: &str, folder: &str, parent: Option<usize>, items: &[Item]) -> usize {
        let (id, outer) = (self.modules.len(), self.current);
        self.modules.push(Module { file: file.to_owned(), parent, ..Module::default() });
        self.current = id;
        for item in items.iter().filter(|item| !is_test(attributes(item))) {
            if let Item::Mod(module) = item {
                self.child(module, file, folder, id);
            } else {
                if let Some(name) = name(item) {
                    self.modules[id].items.insert(name.to_string());
                }
                self.visit_item(item);
            }
        }
        self.current = outer;
        id
    }

    fn child(&mut self, module: &ItemMod, file: &str, folder: &str, parent: usize) {
        let name = module.ident.to_string();
        let below = format!("{folder}/{name}");
        let child = if let Some((_, items)) = &module.content {
            self.module(file, &below, Some(parent), items)
        } else {
            let nested = format!("{below}/mod.rs");
            let own = if self.sources.contains_key(&nested) { nested } else { format!("{below}.rs") };
            self.file(&own, &below, Some(parent))
        };
        self.modules[parent].children.insert(name, child);
    }

    fn here(&mut self) -> &mut Module {
        &mut self.modules[self.current]
    }

    fn refer(&mut self, idents: &[Ident]) {
        if let Some(first) = idents.first() {
            let (path, line) = (idents.iter().map(ToString::to_string).collect(), first.span().start().line);
            self.here().references.push(Reference { path, line });
        }
    }

    fn import(&mut self, tree: &UseTree, before: &[Ident], is_public: bool) {
        let joined = |ident: &Ident| [before, std::slice::from_ref(ident)].concat();
        let (idents, name) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &joined(&path.ident), is_public),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, before, is_public));
            }
            UseTree::Glob(_) => (before.to_vec(), None),
            UseTree::Name(name) if name.ident == "self" => (before.to_vec(), before.last()),
            UseTree::Name(name) => (joined(&name.ident), Some(&name.ident)),
            UseTree::Rename(rename) if rename.ident == "self" => (before.to_vec(), Some(&rename.rename)),
            UseTree::Rename(rename) => (joined(&rename.ident), Some(&rename.rename)),
        };
        let Some(first) = idents.first() else { return };
        let line = first.span().start().line;
        let reference = Reference { path: idents.iter().map(ToString::to_string).collect(), line };
        match name {
            Some(name) => self.here().names.push(Name { name: name.to_string(), reference: reference.clone() }),
            None => self.here().globs.push(reference.clone()),
        }
        if !is_public {
            self.here().references.push(reference);
        }
    }

    /// The paths among the tokens of a macro's arguments: identifiers that `::` joins. A path before `!` calls a macro, which is no import.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<Ident> = vec![];
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.refer(&std::mem::take(&mut path));
                    }
                    path.push(ident);
                }
                TokenTree::Group(group) => {
                    self.refer(&std::mem::take(&mut path));
                    self.tokens(group.stream());
                }
                TokenTree::Punct(punct) if punct.as_char() == '!' => path.clear(),
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.refer(&std::mem::take(&mut path)),
            }
            colons = 0;
        }
        self.refer(&path);
    }
}

impl<'ast> Visit<'ast> for Parser<'_> {
    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => &[],
        };
        if !is_test(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.import(&item.tree, &[], !matches!(item.vis, Visibility::Inherited));
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let idents: Vec<Ident> = path.segments.iter().map(|segment| segment.ident.clone()).collect();
        self.refer(&idents);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        visit::visit_macro(self, call);
        self.tokens(call.tokens.clone());
    }
}

/// The name that an item adds to its module.
fn name(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether an attribute compiles the item for tests alone.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => list.parse_args().is_ok_and(|meta| !holds_in_a_build(&meta)),
        _ => false,
    })
}

/// Whether a predicate of `cfg` may hold where `test` does not.
fn holds_in_a_build(predicate: &Meta) -> bool {
    let Meta::List(list) = predicate else { return !predicate.path().is_ident("test") };
    let parts = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap_or_default();
    match list.path.get_ident().map(ToString::to_string).as_deref() {
        Some("all") => parts.iter().all(holds_in_a_build),
        Some("any") => parts.iter().any(holds_in_a_build),
        _ => true,
    }
}
