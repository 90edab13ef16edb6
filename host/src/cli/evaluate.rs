//! `asymgrad evaluate`: loss and accuracy of a run's weights, or of a file's.

use std::num::NonZero;

use asymgrad::config::{Choices, Config};
use asymgrad::train::{self, Evaluation};
use asymgrad_core::Loss;
use clap::Args;
use comfy_table::CellAlignment;
use serde::Serialize;

use super::output::{print, print_json, table};
use super::values::{count, loss};
use super::weights::{Weights, WeightsArguments};

#[derive(Args)]
pub(super) struct EvaluateArguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// The loss for a file of weights; a run has its own [default: ce]
    #[arg(long, value_parser = loss, requires = "net")]
    loss: Option<Loss>,
    /// Samples of a batch for a file of weights; a run has its own. The loss depends on it in its last bits [default: 128]
    #[arg(long, value_parser = count, requires = "net")]
    batch: Option<usize>,
    /// Evaluates the last N training images as well, for a file of weights; a run has its own
    #[arg(long, value_name = "N", requires = "net")]
    validation: Option<usize>,
    /// Prints a JSON object
    #[arg(long)]
    json: bool,
}

/// An evaluation, and what was evaluated.
#[derive(Serialize)]
struct Line<'a> {
    network: &'a asymgrad::Network,
    data: &'a str,
    loss: &'a str,
    #[serde(flatten)]
    evaluation: &'a Evaluation,
}

impl EvaluateArguments {
    pub(super) fn evaluate(&self) -> anyhow::Result<()> {
        let Self { loss, batch, validation, .. } = *self;
        let choices = Choices { loss, batch, validation, ..Choices::default() };
        let Weights { config, state, dataset } = self.weights.read(&choices)?;
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let evaluation = train::evaluate(&config, &state, &dataset, threads)?;
        if self.json {
            let (network, loss) = (&config.network, config.loss.name());
            return print_json(&Line { network, data: &dataset.name, loss, evaluation: &evaluation });
        }
        print(&text(&config, &dataset.name, &evaluation))
    }
}

fn text(config: &Config, data: &str, evaluation: &Evaluation) -> String {
    let Evaluation { test_loss, test_accuracy, images, classes, .. } = evaluation;
    let validation = evaluation.validation_loss.zip(evaluation.validation_accuracy).map(|(loss, accuracy)| {
        let images = config.validation;
        format!("validation loss {loss:.4}, accuracy {accuracy:.2} % of the {images} images held out of {data}\n")
    });
    let test =
        format!("test loss {test_loss:.4}, accuracy {test_accuracy:.2} % of the {images} test images of {data}\n");
    let mut table = table(["class", "images", "correct", "accuracy"]);
    for score in classes {
        let accuracy = score.accuracy.map_or_else(|| "-".into(), |accuracy| format!("{accuracy:.2} %"));
        table.add_row([score.class.to_string(), score.images.to_string(), score.correct.to_string(), accuracy]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("{}\n{}{test}{}\n", config.network, validation.unwrap_or_default(), table.trim_fmt())
}
