//! `asymgrad suite`: all experiments of the report, or the runs that other groups published.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use asymgrad::config::Choices;
use asymgrad::experiment::Experiment;
use asymgrad::run;
use asymgrad::settings::MeasureSet;
use asymgrad::settings::values::MEASURES;
use asymgrad::suite::{self, Task};
use clap::Args;

use super::datasets::OpenDatasets;
use super::execution::Execution;
use super::experiments::ExperimentsFile;
use super::published_runs::{self, PublishedRuns};

#[derive(Args)]
pub(super) struct SuiteArguments {
    /// A few epochs of every experiment on the embedded digits: minutes instead of days
    #[arg(long)]
    quick: bool,
    /// Only the experiments of one of the report's tables
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=4))]
    table: Option<u8>,
    /// The table of feedback rules: each on both upper layers of DS, 25 epochs, seeds 1 to 3 by default
    #[arg(long, conflicts_with = "table")]
    rules: bool,
    /// The runs that other groups published, with their draws where these can be made again, and by default with their seeds: of all
    /// sources, of one of akrout, dfa-stall, nokland and biotorch, or of one experiment that `list --published` names
    #[arg(long, value_name = "SOURCE|EXPERIMENT", num_args = 0..=1, default_missing_value = published_runs::ALL, value_parser = published_runs::source,
          conflicts_with_all = ["quick", "table", "rules", "experiments"])]
    published: Option<String>,
    #[command(flatten)]
    own: ExperimentsFile,
    /// digits, cifar10, fashion-mnist, or the path of a data set [default: the experiment's, else cifar10]
    #[arg(long, conflicts_with = "quick")]
    data: Option<OsString>,
    /// Epochs to train each experiment; 0 evaluates and measures the weights before the first step [default: up to the report's last
    /// figure; less with --quick]
    #[arg(long)]
    epochs: Option<u32>,
    /// Epochs between two measurements of the feedback's angles; 0 is never [default: the experiment's, else 1]
    #[arg(long, value_name = "EPOCHS")]
    measure_every: Option<u32>,
    /// What is measured: angles, or all at three times the cost [default: the experiment's, else angles]
    #[arg(long, value_name = "SET", value_parser = MEASURES, hide_possible_values = true)]
    measures: Option<MeasureSet>,
    /// The parent of the runs' folders [default: runs/DATA/NAME/seed-N, runs/quick/NAME/seed-N, or runs/published/NAME/seed-N]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    execution: Execution,
}

impl SuiteArguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let tasks = match &self.published {
            Some(source) => {
                let of = PublishedRuns {
                    source,
                    data: self.data.as_deref(),
                    epochs: self.epochs,
                    out: self.out.as_deref(),
                    measures: self.measures,
                    measure_every: self.measure_every,
                };
                of.tasks(&self.execution)?
            }
            None => self.tasks()?,
        };
        self.execution.train(&tasks)
    }

    fn tasks(&self) -> anyhow::Result<Vec<Task>> {
        let catalogue = Arc::new(self.own.catalogue()?);
        let mut data = OpenDatasets::default();
        let chosen_data = if self.quick { Some(OsStr::new("digits")) } else { self.data.as_deref() };
        let chosen = |experiment: &Experiment| {
            self.table.is_none_or(|table| experiment.table == Some(table)) && (experiment.rules || !self.rules)
        };
        let seeds = self.seeds();
        let many = seeds.len() > 1;
        let task = |(experiment, seed): (Experiment, Option<u64>)| {
            let dataset = data.get(chosen_data, experiment.data.as_deref(), &experiment.options.choices)?;
            let choices = Choices {
                seed,
                validation: self.execution.shared.validation,
                measures: self.measures,
                measure_every: self.measure_every,
                ..Choices::default()
            };
            let mut config = self.execution.config(&experiment, &choices, &dataset, &mut data)?;
            let protocol = if self.quick {
                Some(suite::quick_epochs(&config.network))
            } else if self.rules {
                Some(experiment.rules_epochs())
            } else {
                suite::whole_epochs(&experiment)
            };
            config.epochs = self.epochs.or(protocol).unwrap_or(config.epochs);
            let folder = match &self.out {
                Some(out) if many => out.join(&config.name).join(format!("seed-{}", config.seed)),
                Some(out) => out.join(&config.name),
                None if self.quick => suite::quick_path(&config.name, config.seed),
                None => run::default_path(&config.data.name, &config.name, config.seed),
            };
            let mut task = self.execution.task(config, String::new(), folder, dataset, Some(&experiment), &catalogue);
            task.request.longer_is_done = true;
            // The dense and untied experiments would leave gigabytes for a look at the table.
            task.request.keep_weights = !self.quick || suite::is_small(&task.request.config.network);
            Ok(task)
        };
        let experiments = catalogue.chosen().iter().filter(|experiment| chosen(experiment));
        experiments.flat_map(|experiment| seeds.iter().map(move |seed| (experiment.clone(), *seed))).map(task).collect()
    }

    fn seeds(&self) -> Vec<Option<u64>> {
        let seeds = self.execution.shared.seeds();
        let (first, last) = suite::RULES_SEEDS;
        if self.rules && seeds == [None] { (first..=last).map(Some).collect() } else { seeds }
    }
}
