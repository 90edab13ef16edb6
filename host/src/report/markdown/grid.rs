//! Markdown tables.

use crate::report::figures::one_line;

/// A column of a Markdown table.
pub(crate) struct Column {
    name: String,
    is_number: bool,
    cells: Vec<String>,
}

impl Column {
    /// A column of words.
    pub(crate) fn words(name: &str, cells: impl IntoIterator<Item = String>) -> Self {
        Self { name: name.into(), is_number: false, cells: cells.into_iter().collect() }
    }

    /// A column of numbers, aligned to the right.
    pub(crate) fn numbers(name: &str, cells: impl IntoIterator<Item = String>) -> Self {
        Self { is_number: true, ..Self::words(name, cells) }
    }
}

/// The table of these columns; empty columns are left out.
pub(crate) fn grid(columns: &[Column]) -> String {
    let columns: Vec<&Column> =
        columns.iter().filter(|column| column.cells.iter().any(|cell| !cell.is_empty())).collect();
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or(0);
    let row = |index: usize| {
        line(columns.iter().map(|column| escaped(column.cells.get(index).map_or("", String::as_str))).collect())
    };
    let rule = columns.iter().map(|column| if column.is_number { "---:" } else { "---" }).collect::<Vec<_>>();
    let head = line(columns.iter().map(|column| escaped(&column.name)).collect());
    format!("{head}|{}|\n{}", rule.join("|"), (0..rows).map(row).collect::<String>())
}

/// Text that ends neither a cell nor a row.
fn escaped(text: &str) -> String {
    one_line(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_columns_are_left_out_and_a_cell_stays_in_its_row() {
        let columns = [
            Column::words("name", ["a|b\nc".into(), String::new()]),
            Column::numbers("none", [String::new(), String::new()]),
            Column::numbers("n", ["1".into(), "2".into()]),
        ];
        assert_eq!(grid(&columns), "| name | n |\n|---|---:|\n| a\\|b c | 1 |\n|  | 2 |\n");
    }
}
