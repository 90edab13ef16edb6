//! `asymgrad plan --kernels`: which kernel runs for each layer and pass.

use asymgrad::kernels::InstructionSet;
use asymgrad_core::{Architecture, Training};
use comfy_table::CellAlignment;

use super::output::{print, print_json, table};

/// Prints the kernels of a network for a batch, as a table or as JSON.
pub(super) fn print_kernels(
    network: &Architecture<'_>,
    training: &Training,
    set: InstructionSet,
    json: bool,
) -> anyhow::Result<()> {
    let tiles = set.tiles();
    let rows = network.kernels(training, &tiles);
    if json {
        let rows: Vec<_> = rows
            .map(|row| {
                let (selection, tile) = (row.selection, row.selection.tile);
                serde_json::json!({
                    "layer": row.layer,
                    "pass": row.pass.name(),
                    "algorithm": selection.algorithm.name(),
                    "mr": tile.mr,
                    "nr": tile.nr(),
                    "lanes": tile.lanes,
                    "unit": selection.unit,
                    "rows": selection.rows,
                    "scratch_bytes": selection.scratch.total() * size_of::<f32>(),
                    "multiply_adds": selection.operations,
                })
            })
            .collect();
        return print_json(&serde_json::json!({
            "instructions": set.to_string(),
            "batch": training.batch(),
            "kernels": rows,
        }));
    }
    let mut table = table(["layer", "pass", "algorithm", "tile", "packed", "scratch", "multiply-adds"]);
    for row in rows {
        let (selection, tile) = (row.selection, row.selection.tile);
        let layer = network.layers().get(row.layer - 1).map(ToString::to_string).unwrap_or_default();
        let scratch = selection.scratch;
        let packed = match (scratch.a_panel > 0, scratch.b_panel > 0) {
            (true, true) => "A, B",
            (true, false) => "A",
            (false, true) => "B",
            (false, false) => "",
        };
        table.add_row([
            format!("{} {layer}", row.layer),
            row.pass.name().into(),
            selection.algorithm.name().into(),
            format!("{} x {}", tile.mr, tile.nr()),
            packed.into(),
            format!("{} B", scratch.total() * size_of::<f32>()),
            selection.operations.to_string(),
        ]);
    }
    for column in table.column_iter_mut().skip(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let legend = "tile: rows x columns in registers; packed: operands that are copied into panels (A: weights, or the gradients \
                  of the outputs in a weight gradient; B: columns of samples); scratch: memory of each thread";
    print(&format!("{set}, batch {}\n{}\n{legend}\n", training.batch(), table.trim_fmt()))
}
