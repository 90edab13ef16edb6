//! `asymgrad plan`: the memory that training a network takes, region by region, or the kernels that run.

use asymgrad::Network;
use asymgrad::kernels::InstructionSet;
use asymgrad_core::{Optimizer, Region, Training};
use clap::Args;
use comfy_table::CellAlignment;

use super::kernel_table::print_kernels;
use super::output::{print, print_json, table};
use super::shared::KernelChoice;
use asymgrad::settings::values::{OPTIMIZERS, count};

#[derive(Args)]
pub(super) struct PlanArguments {
    /// A network, such as "input 3x32x32 - dense100 - dense10(R)"
    network: Network,
    /// Samples of a step
    #[arg(long, value_parser = count, default_value = "128")]
    batch: usize,
    /// sgd, momentum, nesterov, adam or rmsprop
    #[arg(long, value_parser = OPTIMIZERS, hide_possible_values = true, default_value = "adam")]
    optimizer: Optimizer,
    /// Shows which kernel runs for each layer and pass, its tile and its scratch memory, instead of the memory plan
    #[arg(long, value_name = "KERNELS", num_args = 0..=1, default_missing_value = "auto")]
    kernels: Option<KernelChoice>,
    /// Prints a JSON object
    #[arg(long)]
    json: bool,
}

impl PlanArguments {
    pub(super) fn plan(&self) -> anyhow::Result<()> {
        let training = Training::new(self.batch).optimizer(self.optimizer);
        let network = self.network.architecture();
        if let Some(kernels) = self.kernels {
            return print_kernels(&network, &training, InstructionSet::of(kernels.class()?), self.json);
        }
        let regions: Vec<Region> = network.plan(&training).collect();
        if self.json {
            return self.print_json(&regions, &training);
        }
        let mut table = table(["layer", "region", "numbers", "bytes"]);
        for region in &regions {
            let layer = region.layer.and_then(|number| Some(format!("{number} {}", network.layers().get(number - 1)?)));
            let numbers = region.len;
            table.add_row([
                layer.unwrap_or_else(|| "all".into()),
                region.content.into(),
                numbers.to_string(),
                bytes(numbers),
            ]);
        }
        let total = network.memory(&training);
        table.add_row(["all".into(), "total".into(), total.to_string(), bytes(total)]);
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let note = self.network.rule_without_effect().map_or_else(String::new, |note| format!("note: {note}\n"));
        print(&format!("{}\n{note}", table.trim_fmt()))
    }

    fn print_json(&self, regions: &[Region], training: &Training) -> anyhow::Result<()> {
        let network = self.network.architecture();
        let rows: Vec<_> = regions
            .iter()
            .map(|region| {
                let Region { layer, content, len: numbers } = region;
                serde_json::json!({"layer": layer, "region": content, "numbers": numbers, "bytes": numbers.saturating_mul(4)})
            })
            .collect();
        print_json(&serde_json::json!({
            "network": self.network,
            "batch": self.batch,
            "optimizer": self.optimizer.name(),
            "parameters": network.parameters(),
            "bytes": network.memory(training).saturating_mul(4),
            "regions": rows,
        }))
    }
}

fn bytes(numbers: usize) -> String {
    numbers.saturating_mul(size_of::<f32>()).to_string()
}
