//! The start of a training: from the first step, from where an earlier process stopped, or not at all.

use std::fs;
use std::sync::atomic::AtomicBool;

use asymgrad_core::Trainer;

use super::anomaly::AnomalyCounts;
use super::best::Best;
use super::initial::{check_initial, initialize};
use super::request::{Observer, Outcome, Request, check_fit, check_split};
use super::sampler::check_sampling;
use super::session::Session;
use super::step::HostTrainer;
use crate::config::Config;
use crate::dataset::Dataset;
use crate::kernels::HostKernels;
use crate::run::{
    ANOMALIES, CHECKPOINT, CONFUSION, Checkpoint, CheckpointReader, Ending, Error, FAILURE, Logs, PROCESSES, Process,
    RESULT, RunFolder, Summary, WEIGHTS, allocate, events, read_summary, stored_config, write_config,
};
use crate::tensors;

/// Trains a run to its end, or until `stop` is set, from wherever its folder says that it stands.
///
/// # Errors
/// [`Error`]; what the folder held as last good checkpoint is then still there.
pub fn train(
    request: &Request,
    dataset: &Dataset,
    stop: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Outcome, Error> {
    let config = &request.config;
    check_fit(config, dataset)?;
    check_split(config, dataset)?;
    check_sampling(config, dataset)?;
    check_initial(config)?;
    let goal = config.goal(dataset);
    // Nothing is written into the folder of a run that has ended: it may lie on read-only storage.
    if !request.fresh
        && !request.tensorboard
        && stored_config(config, &request.folder)?.is_some()
        && let Some(summary) = ended(request, dataset)?
    {
        return Ok(Outcome::EndedBefore(summary));
    }
    let folder = RunFolder::open(&request.folder, request.fresh)?;
    let stored = stored_config(config, folder.path())?;
    // The data set may have another name by now; the run and its checkpoint keep the name that they started with.
    let data = stored.as_ref().map_or(&config.data, |stored| &stored.data).clone();
    let request = &Request { config: Config { data, ..config.clone() }, ..request.clone() };
    let config = &request.config;
    if let Some(summary) = ended(request, dataset)? {
        if request.tensorboard && events::files(folder.path()).is_empty() {
            events::Events::begin(folder.path())?;
        }
        return Ok(Outcome::EndedBefore(summary));
    }
    let _note = PanicNote(&folder);
    let threads = request.threads;
    let kernels = HostKernels::new(request.kernels, threads)
        .map_err(|error| Error::Threads { threads, reason: error.to_string() })?;
    let outcome = kernels.install(|| {
        let (architecture, training) = (config.network.architecture(), config.training_on(dataset));
        let mut memory = allocate(architecture.memory(&training))?;
        let mut trainer = Trainer::with_kernels(architecture, training, &mut memory, &kernels)?;
        let at = restore(request, &folder, &mut trainer, observer)?;
        if at.step > goal {
            return Err(Error::Past { folder: request.folder.clone(), made: at.step, asked: goal });
        }
        // The result and its weights belong to the limits of before.
        folder.remove(RESULT)?;
        folder.remove(WEIGHTS)?;
        folder.remove(CONFUSION)?;
        folder.remove(FAILURE)?;
        if stored.as_ref() != Some(config) {
            write_config(config, folder.path())?;
        }
        if let Some(counts) = AnomalyCounts::of(config, dataset) {
            counts.write(&folder.file(ANOMALIES))?;
        }
        let logs = Logs::open(&folder, at.logs, request.tensorboard)?;
        let test_indices = dataset.test_indices.as_ref().map(|file| file.file.as_path());
        Process::current(at.step, request.kernels.to_string(), threads, &dataset.spec, test_indices)
            .append(&folder.file(PROCESSES))?;
        let whole_epochs = at.epoch.saturating_sub(1);
        Best::settle(folder.path(), whole_epochs)?;
        let best = Best::open(request, folder.path(), whole_epochs)?;
        Session::new(request, dataset, &folder, trainer, &kernels, at, logs, goal, best).run(stop, observer)
    });
    match &outcome {
        // Too few steps were asked for, or the folder is another process's by now: the run itself has not failed.
        Ok(_) | Err(Error::Past { .. } | Error::Locked { .. }) => {}
        // For `status`; on a full disk the error is reported all the same.
        Err(error) => drop(fs::write(folder.file(FAILURE), format!("{error}\n"))),
    }
    outcome
}

/// Writes into a run's folder that its training panicked, if it does, for `status`.
struct PanicNote<'a>(&'a RunFolder);

impl Drop for PanicNote<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = fs::write(self.0.file(FAILURE), "the training panicked, which is a bug of this program\n");
        }
    }
}

/// How the run that is asked for ended before, if it has and is to make no further step.
///
/// # Errors
/// If it has made more steps, is to be extended and has no checkpoint to resume from, or did not keep the weights of its best epoch.
pub fn ended(request: &Request, dataset: &Dataset) -> Result<Option<Summary>, Error> {
    let (folder, goal) = (&request.folder, request.config.goal(dataset));
    let Some(summary) = read_summary(folder)? else { return Ok(None) };
    if summary.step > goal && !request.longer_is_done {
        return Err(Error::Past { folder: folder.clone(), made: summary.step, asked: goal });
    }
    if summary.step >= goal || summary.status == Ending::Diverged {
        let epochs = summary.step / (request.config.steps_per_epoch(dataset) as u64).max(1);
        Best::open(request, folder, u32::try_from(epochs).unwrap_or(u32::MAX))?;
        return Ok(Some(summary));
    }
    // A run that is to keep none is trained again.
    if request.keep_weights && !folder.join(CHECKPOINT).exists() {
        let why = "the run has ended and keeps none, so it cannot be made longer; choose another folder with --out, or start \
                   over with --fresh";
        return Err(Error::NoState { folder: folder.clone(), why });
    }
    Ok(None)
}

/// Puts the trainer where the checkpoint says, or at the beginning.
fn restore(
    request: &Request,
    folder: &RunFolder,
    trainer: &mut HostTrainer<'_>,
    observer: &mut dyn Observer,
) -> Result<Checkpoint, Error> {
    let config = &request.config;
    if let Some(saved) = CheckpointReader::open(&folder.file(CHECKPOINT))? {
        let at = saved.read(&config.identity(), trainer.state_mut())?;
        trainer.resume(at.step);
        return Ok(at);
    }
    initialize(trainer, config)?;
    if let Some(file) = &request.init {
        let drawn = tensors::read(file, &trainer.network(), &config.training(), trainer.state_mut())?;
        observer.initialized(file, &drawn);
    }
    let start = Checkpoint::start(config.identity(), trainer.state().len());
    Ok(Checkpoint { rounds_left: config.mirror_first, ..start })
}
