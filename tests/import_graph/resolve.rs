//! The file that a path leads to.

use std::collections::BTreeSet;

use super::parse::{Module, Reference};

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Module(usize),
    /// An item, by the file that defines it.
    Item(String),
    /// What lies in another crate.
    Outside,
}

/// The names that are being looked up, each with the module it is looked up in: re-exports may lead in circles.
type Pending = BTreeSet<(usize, String)>;

/// The files that define the items which a path in module `from` names; none if it leads to a module or out of the crate.
///
/// # Panics
/// If the path begins with `crate`, `self` or `super` and leads nowhere.
pub(crate) fn files(modules: &[Module], from: usize, reference: &Reference) -> BTreeSet<String> {
    let targets = targets(modules, from, &reference.path, &mut Pending::new());
    let is_of_crate = ["crate", "self", "super"].contains(&reference.path[0].as_str());
    assert!(
        !targets.is_empty() || !is_of_crate || reference.path == ["self"],
        "{}:{}: `{}` leads to no item of the crate",
        modules[from].file,
        reference.line,
        reference.path.join("::")
    );
    targets.into_iter().filter_map(|target| if let Target::Item(file) = target { Some(file) } else { None }).collect()
}

/// All that a path stands for: one name may be a module and a function.
fn targets(modules: &[Module], from: usize, path: &[String], pending: &mut Pending) -> BTreeSet<Target> {
    let Some((first, rest)) = path.split_first() else { return BTreeSet::new() };
    let mut found: BTreeSet<Target> = match first.as_str() {
        "crate" => [Target::Module(root(modules, from))].into(),
        "self" => [Target::Module(from)].into(),
        "super" => modules[from].parent.map(Target::Module).into_iter().collect(),
        name => lookup(modules, from, name, pending),
    };
    for segment in rest {
        let mut next = BTreeSet::new();
        for target in found {
            match target {
                Target::Module(id) if segment == "super" => next.extend(modules[id].parent.map(Target::Module)),
                Target::Module(id) => next.extend(lookup(modules, id, segment, pending)),
                // Variants and associated items stand where their type does.
                item @ (Target::Item(_) | Target::Outside) => drop(next.insert(item)),
            }
        }
        found = next;
    }
    found
}

fn root(modules: &[Module], mut id: usize) -> usize {
    while let Some(parent) = modules[id].parent {
        id = parent;
    }
    id
}

/// All that a name stands for in a module: what it declares, else what it imports.
fn lookup(modules: &[Module], id: usize, name: &str, pending: &mut Pending) -> BTreeSet<Target> {
    let module = &modules[id];
    let mut found: BTreeSet<Target> = module.children.get(name).copied().map(Target::Module).into_iter().collect();
    if module.items.contains(name) {
        found.insert(Target::Item(module.file.clone()));
    }
    let key = (id, name.to_owned());
    if !pending.insert(key.clone()) {
        return found;
    }
    for import in module.names.iter().filter(|import| import.name == name) {
        let imported = targets(modules, id, &import.reference.path, pending);
        let is_outside =
            imported.is_empty() && !["crate", "self", "super"].contains(&import.reference.path[0].as_str());
        found.extend(imported);
        found.extend(is_outside.then_some(Target::Outside));
    }
    if found.is_empty() {
        for glob in &module.globs {
            for target in targets(modules, id, &glob.path, pending) {
                if let Target::Module(other) = target {
                    found.extend(lookup(modules, other, name, pending));
                }
            }
        }
    }
    pending.remove(&key);
    found
}
