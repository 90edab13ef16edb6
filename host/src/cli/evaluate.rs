//! `asymgrad evaluate`: loss and accuracy of a run's weights, or of a file's.

use std::num::NonZero;

use asymgrad::config::{Choices, Config, Target};
use asymgrad::settings::values::{LOSSES, count};
use asymgrad::train::{self, Evaluation};
use asymgrad_core::Loss;
use clap::Args;
use comfy_table::CellAlignment;
use serde::Serialize;

use super::output::{print, print_json, table};
use super::weights::{Weights, WeightsArguments};

#[derive(Args)]
pub(super) struct EvaluateArguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// The loss for a file of weights; a run has its own [default: ce]
    #[arg(long, value_parser = LOSSES, hide_possible_values = true, requires = "net")]
    loss: Option<Loss>,
    /// class, values or input, for a file of weights; a run has its own [default: the data set's values if it has some, else class]
    #[arg(long, requires = "net")]
    target: Option<Target>,
    /// The class whose images are the anomalies of ROC-AUC, for a file of weights of an autoencoder; a run has its own
    #[arg(long, value_name = "N", requires = "net")]
    anomaly_class: Option<u8>,
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
        let Self { loss, target, anomaly_class, batch, validation, .. } = *self;
        let choices = Choices { loss, target, anomaly_class, batch, validation, ..Choices::default() };
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
    let Evaluation { validation_loss, validation_accuracy, test_loss, test_accuracy, images, classes, .. } = evaluation;
    let accuracy = |of: &Option<f64>| of.map_or_else(String::new, |accuracy| format!(", accuracy {accuracy:.2} %"));
    let mut lines = vec![config.network.to_string()];
    if let Some(loss) = validation_loss {
        let (accuracy, images) = (accuracy(validation_accuracy), config.validation);
        lines.push(format!("validation loss {loss:.4}{accuracy} of the {images} images held out of {data}"));
    }
    let interval = evaluation.test_roc_auc_interval;
    let interval = interval.map_or_else(String::new, |[low, high]| format!(" [{low:.4}, {high:.4}]"));
    let area = evaluation.test_roc_auc.map_or_else(String::new, |area| format!(", ROC-AUC {area:.4}{interval}"));
    let accuracy = accuracy(test_accuracy);
    lines.push(format!("test loss {test_loss:.4}{accuracy}{area} of the {images} test images of {data}"));
    if classes.is_empty() {
        return lines.join("\n") + "\n";
    }
    let mut table = table(["class", "images", "correct", "accuracy"]);
    for score in classes {
        let accuracy = score.accuracy.map_or_else(|| "-".into(), |accuracy| format!("{accuracy:.2} %"));
        table.add_row([score.class.to_string(), score.images.to_string(), score.correct.to_string(), accuracy]);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    lines.push(table.trim_fmt());
    lines.join("\n") + "\n"
}
