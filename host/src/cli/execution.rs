//! How the runs of `run` and `suite` are carried out: here, several at once, on Slurm, or not at all, and what is reported of them.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use asymgrad::capacity::{self, TooMuch};
use asymgrad::config::{Choices, Config};
use asymgrad::dataset::{self, Dataset};
use asymgrad::experiment::{Catalogue, Experiment};
use asymgrad::kernels::InstructionSet;
use asymgrad::published;
use asymgrad::report;
use asymgrad::settings::values::count;
use asymgrad::slurm::{self, Array};
use asymgrad::suite::{self, ProgressBars, Task, TaskResult};
use asymgrad::tensors::checksum;
use asymgrad::train::{self, Request};
use clap::Args;

use super::datasets::OpenDatasets;
use super::dry_run::print_plans;
use super::output::{is_broken_pipe, print, print_bytes, print_json_of};
use super::shared::SharedOptions;

/// Stopped by a signal, with a checkpoint: `EX_TEMPFAIL`, try again.
const STOPPED: u8 = 75;

/// How trainings are carried out, one or many.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Execution {
    #[command(flatten)]
    pub(super) shared: SharedOptions,
    /// Runs trained at once; the results do not depend on it
    #[arg(long, value_name = "N", default_value = "1", value_parser = count, conflicts_with_all = ["slurm", "print_script"])]
    jobs: usize,
    /// Memory in MB for all runs at once [default: what is free]
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u64).range(1..))]
    memory: Option<u64>,
    /// Threads of each run; the results do not depend on it [default: all cores, shared out among --jobs]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Shows what would be done
    #[arg(long)]
    dry_run: bool,
    /// Starts over in a folder that holds a run
    #[arg(long)]
    fresh: bool,
    /// Prints JSON: an object for one run, an array for several
    #[arg(long)]
    json: bool,
    /// Trains the other runs when one fails; this is the default
    #[arg(long, conflicts_with = "fail_fast")]
    keep_going: bool,
    /// Stops at the first run that fails
    #[arg(long)]
    fail_fast: bool,
    /// Submits the runs as a Slurm array, a task for each run; tasks resume after their time limit
    #[arg(long, conflicts_with = "dry_run")]
    slurm: bool,
    /// Prints the script of --slurm, and submits nothing
    #[arg(long)]
    print_script: bool,
    /// A further option for sbatch, such as --sbatch=--time=8:00:00; may be repeated
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    sbatch: Vec<OsString>,
    /// Trains only this run, counted from 1: a task of a Slurm array
    #[arg(long, hide = true, value_name = "N", value_parser = count)]
    task: Option<usize>,
    /// Keeps the weights of the epoch that is best on the validation split as best.safetensors; needs --validation
    #[arg(long)]
    save_best: bool,
    #[arg(long, help = "Writes TensorBoard's event files into the runs' folders, too")]
    tensorboard: bool,
    /// Steps between checkpoints, besides those that the clock makes
    #[arg(long, hide = true, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_every: Option<u64>,
}

impl Execution {
    /// The configuration of an experiment with what it takes from its data and files.
    pub(super) fn config(
        &self,
        experiment: &Experiment,
        choices: &Choices,
        dataset: &Dataset,
        data: &mut OpenDatasets,
    ) -> anyhow::Result<Config> {
        let mut choices = choices.clone();
        if let (None, Some(file)) = (&choices.init, &experiment.init) {
            choices.init = Some(checksum(Path::new(file))?);
        }
        let config = Config::of_experiment(experiment, &choices, dataset, self.shared.kernels.class()?)?;
        Ok(data.complete(config, &choices.or(&experiment.options.choices), dataset)?)
    }

    /// The task of a configuration; `varying` is what tells it apart beside name and seed.
    pub(super) fn task(
        &self,
        config: Config,
        varying: String,
        folder: PathBuf,
        dataset: Arc<Dataset>,
        experiment: Option<&Experiment>,
        catalogue: &Arc<Catalogue>,
    ) -> Task {
        let threads = self.threads.map_or_else(|| (all_cores() / self.jobs).max(1), usize::from);
        let Self { fresh, checkpoint_every, tensorboard, save_best, .. } = *self;
        let kernels = InstructionSet::of(config.class);
        Task {
            request: Request {
                config,
                folder,
                init: experiment.and_then(|experiment| experiment.init.as_ref()).map(PathBuf::from),
                kernels,
                threads,
                fresh,
                checkpoint_every,
                tensorboard,
                save_best,
                longer_is_done: false,
                keep_weights: true,
            },
            varying,
            dataset,
            experiment: experiment.cloned(),
            catalogue: Arc::clone(catalogue),
        }
    }

    /// Trains the runs and prints how they ended.
    pub(super) fn train(&self, tasks: &[Task]) -> anyhow::Result<ExitCode> {
        if self.save_best && tasks.iter().any(|task| task.request.config.goal(&task.dataset) == 0) {
            anyhow::bail!(
                "--save-best keeps the weights of an epoch, and --epochs 0 or --max-steps 0 trains none; leave one of them out"
            );
        }
        if self.save_best && tasks.iter().any(|task| task.request.config.validation == 0) {
            anyhow::bail!("--save-best needs a validation split to choose the best epoch on: give --validation N");
        }
        let notes: BTreeSet<String> =
            tasks.iter().filter_map(|task| task.request.config.network.rule_without_effect()).collect();
        for note in notes {
            let _ = writeln!(io::stderr(), "note: {note}");
        }
        let tasks = match self.task {
            Some(number) => tasks.get(number - 1..number).ok_or_else(|| {
                anyhow::anyhow!("there is no run {number}, only {}; the array belongs to other options", tasks.len())
            })?,
            None => tasks,
        };
        let mut folders = HashSet::new();
        if let Some((index, task)) =
            tasks.iter().enumerate().find(|(_, task)| !folders.insert(task.request.folder.as_path()))
        {
            let (name, folder) = (&task.request.config.name, task.request.folder.display());
            anyhow::bail!("run {} ({name}) is a second one in {folder}; give each name and each rate once", index + 1);
        }
        for task in tasks {
            train::check_split(&task.request.config, &task.dataset)?;
            train::check_sampling(&task.request.config, &task.dataset)?;
        }
        if self.slurm || self.print_script {
            return self.submit(tasks).map(|()| ExitCode::SUCCESS);
        }
        if self.dry_run {
            let too_much = self.check_memory(tasks).err();
            return print_plans(tasks, too_much.as_ref(), self.json);
        }
        self.check_memory(tasks)?;
        let stop = stop_on_signals()?;
        let all = suite::train(tasks, self.jobs, self.fail_fast, &stop, &ProgressBars::new(tasks));
        let failures: Vec<&TaskResult> = all.iter().filter(|result| result.outcome.is_err()).collect();
        // With --fail-fast a failure stops the others.
        let told_to_stop = !self.fail_fast || failures.is_empty();
        let not_started = tasks.len() - all.len();
        let code = if told_to_stop && (not_started > 0 || all.iter().any(TaskResult::is_stopped)) {
            ExitCode::from(STOPPED)
        } else if failures.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
        let printed = self.print_results(&all, tasks.len());
        if told_to_stop && not_started > 0 {
            let _ = writeln!(
                io::stderr(),
                "{not_started} of {} runs were not started: the same command starts them",
                tasks.len()
            );
        }
        if tasks.len() > 1 && !failures.is_empty() {
            let _ = writeln!(io::stderr(), "{} of {} runs failed:", failures.len(), tasks.len());
            for failure in failures {
                let _ = writeln!(io::stderr(), "{failure}");
            }
        }
        match printed {
            // Nobody reads the table any more; how the trainings ended still counts.
            Err(error) if !is_broken_pipe(&error) => Err(error),
            _ => Ok(code),
        }
    }

    /// Whether the tasks that train at once fit into the memory that is allowed, or free.
    fn check_memory(&self, tasks: &[Task]) -> Result<(), TooMuch> {
        let free = self.memory.map(|mega| mega.saturating_mul(1_000_000)).or_else(capacity::free);
        free.map_or(Ok(()), |free| capacity::check(tasks, self.jobs, free))
    }

    /// Hands the runs to Slurm: this command once more in each task, without what makes it an array, on the data found here.
    fn submit(&self, tasks: &[Task]) -> anyhow::Result<()> {
        let mut command = vec![std::env::current_exe()?.into_os_string()];
        let (mut words, mut names) = (std::env::args_os().skip(1), vec![]);
        let mut names_data = false;
        while let Some(word) = words.next() {
            let bytes = word.as_encoded_bytes();
            // `suite --quick` takes no other data than its own.
            names_data |= bytes == b"--data" || bytes.starts_with(b"--data=") || bytes == b"--quick";
            match bytes {
                b"--slurm" | b"--print-script" => {}
                b"--sbatch" => drop(words.next()),
                bytes if bytes.starts_with(b"--sbatch=") => {}
                // The words behind it are no options.
                b"--" => names.extend(std::iter::once(word).chain(words.by_ref())),
                _ => command.push(word),
            }
        }
        if !names_data && let Some(spec) = only_data(tasks) {
            command.extend(["--data".into(), spec.to_owned()]);
        }
        command.extend(names);
        let memory = tasks.iter().map(|task| {
            let config = &task.request.config;
            config.network.architecture().memory(&config.training_on(&task.dataset)).saturating_mul(size_of::<f32>())
        });
        let array = Array {
            command: &command,
            tasks: tasks.len(),
            threads: self.threads.map(usize::from),
            memory: memory.max().unwrap_or(0),
            folder: &std::env::current_dir()?,
            data: &std::path::absolute(dataset::data_dir())?,
            options: &self.sbatch,
        };
        if !self.print_script {
            return print(&array.submit()?);
        }
        let (script, most) = (array.script()?, slurm::most_tasks());
        if array.tasks > most {
            let _ = writeln!(
                io::stderr(),
                "note: {} tasks are more than the {most} that this cluster's MaxArraySize allows; --slurm submits several arrays",
                array.tasks
            );
        }
        print_bytes(&script)
    }

    fn print_results(&self, all: &[TaskResult], tasks: usize) -> anyhow::Result<()> {
        if self.json {
            return print_json_of(&report::lines(all), tasks);
        }
        let published = published_of(all);
        match all {
            // The report's tables have no place for them.
            _ if tasks > 1 && !published.is_empty() => {
                let ended: Vec<String> = all.iter().map(ToString::to_string).collect();
                print(&format!("{}\n{published}", ended.join("\n")))
            }
            _ if tasks > 1 => print(&format!(
                "{}\nours: test accuracy on {}; report: on CIFAR-10\n{}{}",
                report::table(all),
                names_of(all),
                seeds_of(all),
                report::claims(all)
            )),
            [result] if result.has_result() => print(&format!("{result}\n{published}")),
            // A failure has been reported.
            _ => Ok(()),
        }
    }
}

/// What several seeds of an experiment say together.
fn seeds_of(all: &[TaskResult]) -> String {
    let text = all.first().map_or_else(String::new, |first| report::seeds(&folders_of(all), &first.task.catalogue));
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// The figures of other groups beside ours.
fn published_of(all: &[TaskResult]) -> String {
    // Reading the runs once more is for published ones alone.
    let records = published::all();
    let is_published =
        |result: &TaskResult| records.iter().any(|record| record.experiment.name == result.task.request.config.name);
    let first = all.iter().find(|result| is_published(result));
    first.map_or_else(String::new, |first| report::published(&folders_of(all), &first.task.catalogue))
}

fn folders_of<'a>(all: &'a [TaskResult]) -> Vec<&'a Path> {
    all.iter().map(|result| result.task.request.folder.as_path()).collect()
}

/// What `--data` calls the data set of all tasks, if they share one.
fn only_data(tasks: &[Task]) -> Option<&OsStr> {
    let spec = &tasks.first()?.dataset.spec;
    tasks.iter().all(|task| task.dataset.spec == *spec).then_some(spec)
}

/// The data sets of these runs.
fn names_of(all: &[TaskResult]) -> String {
    let mut names: Vec<&str> = all.iter().map(|result| result.task.dataset.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(" and ")
}

/// A flag that Ctrl-C, a scheduler's TERM or Slurm's USR1 sets; a second Ctrl-C ends the process at once.
fn stop_on_signals() -> io::Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&stop))?;
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&stop))?;
    Ok(stop)
}

fn all_cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
