//! `--dry-run`: what would be trained, in which folder, and how long it would take.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;

use asymgrad::capacity::TooMuch;
use asymgrad::config::Config;
use asymgrad::lossy;
use asymgrad::status::{self, State};
use asymgrad::suite::Task;
use asymgrad::train::{self, Pace, Request};
use serde::Serialize;

use super::output::{print, print_json_of, table};

/// Prints what would be trained, and how long it would take; `too_much` says that the tasks do not fit into memory. The exit code is 1 if a
/// run would be refused.
pub(super) fn print_plans(tasks: &[Task], too_much: Option<&TooMuch>, json: bool) -> anyhow::Result<ExitCode> {
    let mut paces = HashMap::new();
    let plans: Vec<Plan> = tasks.iter().map(|task| Plan::of(task, &mut paces, too_much)).collect();
    let refused = plans.iter().any(|plan| plan.problem.is_some());
    let code = if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    if json {
        return print_json_of(&plans, tasks.len()).map(|()| code);
    }
    let header =
        ["run", "data", "settings", "epochs", "steps", "images", "parameters", "memory", "time", "state", "folder"];
    let mut rows = table(header);
    for (task, plan) in tasks.iter().zip(&plans) {
        rows.add_row(plan.row(task));
    }
    let on = plans
        .first()
        .map_or_else(String::new, |plan| format!("; on {} threads with kernels {}", plan.threads, plan.kernels));
    let mut lines =
        vec![rows.trim_fmt(), format!("images: trained on / validation / test{on}; --json has every setting")];
    for (task, plan) in tasks.iter().zip(&plans) {
        lines.extend(plan.problem.as_ref().map(|problem| format!("{}: {problem}", task.label())));
    }
    // A sum of nothing is −0.
    let hours = plans.iter().filter_map(|plan| plan.estimated_seconds).fold(0.0, |sum, seconds| sum + seconds) / 3600.0;
    if plans.len() > 1 {
        lines.push(format!("{} runs: {hours:.1} hours", plans.len()));
    }
    print(&(lines.join("\n") + "\n")).map(|()| code)
}

/// What a dry run shows.
#[derive(Serialize)]
struct Plan<'a> {
    #[serde(serialize_with = "lossy::serialize")]
    folder: &'a Path,
    kernels: String,
    threads: usize,
    steps: u64,
    train_images: usize,
    validation_images: usize,
    test_images: usize,
    parameters: usize,
    memory_bytes: usize,
    /// At the pace of some steps, and of a warm-up round of weight mirrors, on this machine; evaluation left out.
    estimated_seconds: Option<f64>,
    /// What the folder holds: missing, stopped, finished, and so on.
    state: &'static str,
    /// Why the run would not start.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    config: &'a Config,
}

impl<'a> Plan<'a> {
    fn row(&self, task: &Task) -> [String; 11] {
        let Config { loss, optimizer, batch, data, epochs, .. } = self.config;
        let named = ["--loss", "--optimizer", "--lr", "--batch"];
        let mut further = self.config.settings(&task.catalogue);
        further.retain(|option| option.split(' ').next().is_none_or(|name| !named.contains(&name)));
        let settings = format!("{}, {} {}, batch {batch}", loss.name(), optimizer.name(), optimizer.rate());
        let time = self.estimated_seconds.map_or_else(|| "?".into(), |seconds| format!("{:.1} min", seconds / 60.0));
        [
            task.label(),
            data.name.clone(),
            [vec![settings], further].concat().join(" "),
            epochs.to_string(),
            self.steps.to_string(),
            format!("{}/{}/{}", self.train_images, self.validation_images, self.test_images),
            self.parameters.to_string(),
            format!("{:.1} MB", self.memory_bytes as f64 / 1e6),
            time,
            self.state.to_owned(),
            self.folder.display().to_string(),
        ]
    }

    /// `too_much` says that the tasks do not fit into memory.
    fn of(task: &'a Task, paces: &mut HashMap<String, Result<Pace, String>>, too_much: Option<&TooMuch>) -> Self {
        let Request { config, folder, kernels, threads, .. } = &task.request;
        let network = config.network.architecture();
        let state = status::state(folder);
        let problem = state.as_ref().err().map(ToString::to_string);
        let problem =
            problem.or_else(|| train::check(&task.request, &task.dataset).err().map(|error| error.to_string()));
        let problem = problem.or_else(|| too_much.map(ToString::to_string));
        let steps = config.goal(&task.dataset);
        // Experiments that differ in the rule alone take the same time; a coefficient of a rule may be out of its range.
        // Only weight mirrors have a warm-up.
        let (alike, optimizer, batch) = (config.network.without_feedback(), config.optimizer.name(), config.batch);
        let mirrors = (config.mirror_first > 0).then(|| config.network.to_string());
        let coefficients = (config.kp_decay, config.mirror_rate, config.mirror_leak, config.mirror_response, mirrors);
        let key = format!("{alike} {optimizer} {batch} {coefficients:?}");
        let pace = match problem {
            Some(problem) => Err(problem),
            None => paces
                .entry(key)
                .or_insert_with(|| train::pace(&task.request, &task.dataset).map_err(|error| error.to_string()))
                .clone(),
        };
        Self {
            folder,
            kernels: kernels.to_string(),
            threads: *threads,
            steps,
            train_images: config.train_images(&task.dataset),
            validation_images: config.validation,
            test_images: task.dataset.test.len(),
            parameters: network.parameters(),
            memory_bytes: network.memory(&config.training_on(&task.dataset)).saturating_mul(size_of::<f32>()),
            estimated_seconds: pace
                .as_ref()
                .ok()
                .map(|pace| pace.step * steps as f64 + pace.warm_up_round * f64::from(config.mirror_first)),
            state: state.as_ref().map_or("damaged", State::name),
            problem: pace.err(),
            config,
        }
    }
}
