//! `asymgrad status`: how the runs of a folder stand.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use asymgrad::config::Config;
use asymgrad::status::{self, RunStatus};
use asymgrad::suite::Task;
use clap::Args;
use serde::Serialize;

use super::experiments::ExperimentsFile;
use super::grid;
use super::output::{print, print_json, table};
use super::values::ExperimentName;

#[derive(Args)]
pub(super) struct StatusArguments {
    /// The folder whose runs are shown
    #[arg(default_value = "runs")]
    folder: PathBuf,
    /// Only the runs of these experiments and networks; those without a run are missing
    #[arg(value_name = "NAME", value_parser = ExperimentName, hide_possible_values = true)]
    names: Vec<String>,
    #[command(flatten)]
    own: ExperimentsFile,
    /// A grid file: its runs that are not there are missing
    #[arg(long, value_name = "FILE.toml")]
    grid: Option<PathBuf>,
    /// The data set of the grid's runs, as for `run` [default: the grid's, else the experiment's, else cifar10]
    #[arg(long, requires = "grid")]
    data: Option<OsString>,
    /// Shows it again every few seconds until all runs have ended
    #[arg(long)]
    watch: bool,
    /// Prints a JSON object
    #[arg(long, conflicts_with = "watch")]
    json: bool,
}

/// What `status --json` prints.
#[derive(Serialize)]
struct Survey {
    missing: Vec<String>,
    runs: Vec<RunStatus>,
}

impl StatusArguments {
    pub(super) fn status(&self) -> anyhow::Result<()> {
        let (names, tasks) = self.expected()?;
        loop {
            let mut runs = status::survey(&self.folder)?;
            if !self.names.is_empty() {
                runs.retain(|run| self.names.contains(&run.name));
            }
            let names = names.iter().filter(|name| !runs.iter().any(|run| run.name == **name)).cloned();
            let tasks = tasks.iter().filter(|task| !runs.iter().any(|run| is_of(run, task)));
            let missing: Vec<String> = names.chain(tasks.map(|task| place(task).display().to_string())).collect();
            if self.json {
                return print_json(&Survey { missing, runs });
            }
            let clear = if self.watch && io::stdout().is_terminal() { "\x1b[H\x1b[2J" } else { "" };
            print(&format!("{clear}{}", Self::text(&runs, &missing)))?;
            if !self.watch || (missing.is_empty() && runs.iter().all(|run| run.state.has_ended())) {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_secs(5));
        }
    }

    /// The names of which there should be a run, and the runs of the grid.
    fn expected(&self) -> anyhow::Result<(Vec<String>, Vec<Task>)> {
        let catalogue = Arc::new(self.own.catalogue()?);
        let mut names = self.names.clone();
        if self.own.is_given() {
            names.extend(catalogue.own().iter().map(|experiment| experiment.name.clone()));
        }
        let Some(file) = &self.grid else { return Ok((names, vec![])) };
        let mut words = vec!["--grid".into(), file.into()];
        words.extend(self.data.iter().flat_map(|data| ["--data".into(), data.clone()]));
        Ok((names, grid::tasks_of(file, &words, &catalogue)?))
    }

    fn text(runs: &[RunStatus], missing: &[String]) -> String {
        let mut table =
            table(["run", "data", "seed", "state", "epoch", "accuracy", "remaining", "process or problem", "folder"]);
        for run in runs {
            let silent = run.silent.map_or_else(String::new, |seconds| format!(", {seconds} s ago"));
            let who = run.holder.as_ref().map_or_else(String::new, |holder| format!("{holder}{silent}"));
            let left = run.seconds_left.map_or_else(String::new, |seconds| format!("{:.0} min", seconds / 60.0));
            table.add_row([
                run.name.clone(),
                run.data.clone(),
                run.seed.to_string(),
                run.state.name().into(),
                format!("{}/{}", run.epoch, run.epochs),
                run.accuracy.map_or_else(String::new, |accuracy| format!("{accuracy:.2} %")),
                left,
                run.problem.clone().unwrap_or(who),
                run.folder.display().to_string(),
            ]);
        }
        let mut states: Vec<&str> = runs.iter().map(|run| run.state.name()).collect();
        states.sort_unstable();
        let counts = states.chunk_by(|a, b| a == b).map(|same| format!("{} {}", same.len(), same[0]));
        let counts = counts.chain((!missing.is_empty()).then(|| format!("{} missing", missing.len())));
        let names =
            if missing.is_empty() || runs.is_empty() { String::new() } else { format!(": {}", missing.join(" ")) };
        format!("{}\n{}{names}\n", table.trim_fmt(), counts.collect::<Vec<_>>().join(", "))
    }
}

/// How the folder of a run of a grid ends: the name, what varies, the seed.
fn place(task: &Task) -> PathBuf {
    let config = &task.request.config;
    let parts = [config.name.clone(), task.varying.clone(), format!("seed-{}", config.seed)];
    parts.into_iter().filter(|part| !part.is_empty()).collect()
}

/// Whether a run is what the task asks for: in a folder of that place a run that `run` would continue.
fn is_of(run: &RunStatus, task: &Task) -> bool {
    let is_same = |config: &Config| config.differences(&task.request.config).is_empty();
    run.folder.ends_with(place(task)) && run.config.as_ref().is_some_and(is_same)
}
