//! The shortest cycle of a graph.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write;

use super::Graph;

impl Graph {
    /// A cycle of the fewest files, as text with a line for each import; `None` if there is none.
    pub(crate) fn shortest_cycle(&self) -> Option<String> {
        let cycle = self.edges.keys().filter_map(|file| self.cycle_through(file)).min_by_key(Vec::len)?;
        let mut text = format!("a cycle of {} files; remove one of these imports:\n", cycle.len());
        for (from, to) in cycle.iter().zip(cycle.iter().cycle().skip(1)) {
            let import = &self.edges[*from][*to];
            let _ = writeln!(text, "  {from}:{}: `{}` is defined in {to}", import.line, import.path);
        }
        Some(text)
    }

    /// The shortest cycle that leads from `start` back to it, by breadth-first search.
    fn cycle_through<'a>(&'a self, start: &'a str) -> Option<Vec<&'a str>> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = VecDeque::from([start]);
        while let Some(file) = queue.pop_front() {
            for next in self.edges.get(file).into_iter().flat_map(BTreeMap::keys) {
                if next == start {
                    let mut cycle = vec![file];
                    while let Some(file) = before.get(cycle[cycle.len() - 1]) {
                        cycle.push(file);
                    }
                    cycle.reverse();
                    return Some(cycle);
                }
                if !before.contains_key(next.as_str()) {
                    before.insert(next, file);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}
