//! The training loop: steps and epochs from wherever the last process stopped to the goal.
//!
//! The order of writing makes `kill -9` harmless at any moment: configuration, logs, checkpoint, result. What the logs hold
//! beyond the checkpoint is cut off and made again, bit for bit.

mod files;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use asymgrad_core::{Step, StepError};

use super::anomaly::roc_auc;
use super::batches::Gather;
use super::best::Best;
use super::evaluation::{add, mean, sums_of};
use super::measure::measure;
use super::request::{Observer, Outcome, Request, TrainProgress};
use super::sampler::Sampler;
use super::step::{HostTrainer, load};
use super::targets::BatchTargets;
use crate::atomic;
use crate::config::Target;
use crate::dataset::{Dataset, Images};
use crate::kernels::HostKernels;
use crate::run::{
    CHECKPOINT, Checkpoint, Ending, EpochLine, Error, Logs, MeasuredLine, Measures, RESULT, RunFolder, StepLine,
    Summary, Sums, TimingLine, read_epochs,
};

/// Between two checkpoints: what a `kill -9` may cost.
const CHECKPOINT_PAUSE: Duration = Duration::from_mins(1);
/// The end of an epoch is a good place for a checkpoint, unless epochs are as short as those on the digits.
const EPOCH_CHECKPOINT_PAUSE: Duration = Duration::from_secs(10);
/// Between two moments at which a reader of `metrics.jsonl` sees new lines.
const FLUSH_PAUSE: Duration = Duration::from_secs(1);

/// A run under way.
pub(crate) struct Session<'a> {
    request: &'a Request,
    dataset: &'a Dataset,
    folder: &'a RunFolder,
    trainer: HostTrainer<'a>,
    kernels: &'a HostKernels,
    at: Checkpoint,
    logs: Logs,
    goal: u64,
    /// Steps of an epoch.
    steps_per_epoch: usize,
    gather: Gather,
    sampler: Sampler<'a>,
    /// The images of the validation split.
    validation: Vec<u32>,
    /// The best epoch so far, if its weights are kept.
    best: Option<Best>,
    /// The epoch whose weights the next checkpoint makes those of the best one.
    pending_best: Option<u32>,
    targets: BatchTargets,
    clock: Clock,
}

/// An epoch that is over, evaluated.
struct Tested {
    line: EpochLine,
    timing: TimingLine,
}

/// What this process has done so far, and when it last wrote.
struct Clock {
    steps: u64,
    images: usize,
    seconds: f64,
    checkpoint: Instant,
    flush: Instant,
}

impl<'a> Session<'a> {
    #[expect(clippy::too_many_arguments, reason = "all that a session borrows")]
    pub(crate) fn new(
        request: &'a Request,
        dataset: &'a Dataset,
        folder: &'a RunFolder,
        trainer: HostTrainer<'a>,
        kernels: &'a HostKernels,
        at: Checkpoint,
        logs: Logs,
        goal: u64,
        best: Option<Best>,
    ) -> Self {
        let now = Instant::now();
        let (train, validation) = request.config.split(dataset);
        Self {
            request,
            dataset,
            folder,
            steps_per_epoch: request.config.steps_per_epoch(dataset),
            gather: Gather::new(trainer.network().input(), request.config.pixels(dataset)),
            trainer,
            kernels,
            at,
            logs,
            goal,
            sampler: Sampler::new(&request.config, dataset, train),
            validation,
            best,
            pending_best: None,
            targets: BatchTargets::new(request.config.target),
            clock: Clock { steps: 0, images: 0, seconds: 0.0, checkpoint: now, flush: now },
        }
    }

    pub(crate) fn run(mut self, stop: &AtomicBool, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        observer.start(&self.request.config, &self.progress());
        if !self.warm_up_mirrors(stop, observer)? {
            return self.stop();
        }
        if self.goal == 0 {
            return self.end_at_start(stop, observer);
        }
        // A whole epoch at the goal has its line already.
        while self.at.step < self.goal || self.at.batch > 0 {
            let rate = self.request.config.rate_of_epoch(self.at.epoch);
            self.trainer.set_rate(rate)?;
            let mut status = Ending::Finished;
            while self.at.batch < self.steps_per_epoch && self.at.step < self.goal && status == Ending::Finished {
                if stop.load(Ordering::Relaxed) {
                    return self.stop();
                }
                status = self.step()?;
                observer.step(&self.progress());
                self.save_if_due(CHECKPOINT_PAUSE)?;
            }
            let tested = self.evaluate(self.at.epoch, self.at.sums, stop)?.filter(|_| !stop.load(Ordering::Relaxed));
            // Nothing of the test is written yet; the next process repeats it.
            let Some(tested) = tested else { return self.stop() };
            if status == Ending::Diverged {
                return self.end_within_epoch(status, &tested, observer);
            }
            if self.at.batch < self.steps_per_epoch {
                // The checkpoint comes before the lines: if the limit grows, the epoch resumes and gets new lines.
                self.save_last()?;
                return self.end_within_epoch(status, &tested, observer);
            }
            self.close_epoch(&tested, observer)?;
        }
        self.save_last()?;
        self.write_weights()?;
        self.end(Ending::Finished)
    }

    /// Runs the warm-up rounds of weight mirrors that remain; false if a signal stopped them.
    fn warm_up_mirrors(&mut self, stop: &AtomicBool, observer: &mut dyn Observer) -> Result<bool, Error> {
        let rounds = self.request.config.mirror_first;
        while self.at.rounds_left > 0 {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            self.trainer.warm_up_mirrors_once(rounds.saturating_sub(self.at.rounds_left))?;
            self.at.rounds_left -= 1;
            observer.warm_up(rounds.saturating_sub(self.at.rounds_left), rounds);
            self.save_if_due(CHECKPOINT_PAUSE)?;
        }
        Ok(true)
    }

    /// Trains on the next batch.
    fn step(&mut self) -> Result<Ending, Error> {
        let began = Instant::now();
        let chosen = self.sampler.batch(self.at.step);
        load(&mut self.trainer, &mut self.targets, &mut self.gather, &self.dataset.train, chosen)?;
        let score = match self.trainer.start(self.targets.get()).and_then(Step::finish) {
            Err(StepError::NonFinite(score)) => score,
            score => score?,
        };
        let status = if score.loss.is_finite() { Ending::Finished } else { Ending::Diverged };
        if status == Ending::Diverged {
            // No update was made: the weights are those of the step before, and so are the logs.
            self.save()?;
        }
        self.at.step += 1;
        self.at.batch += 1;
        let seconds = began.elapsed().as_secs_f64();
        add(&mut self.at.sums, &score);
        self.at.sums.seconds += seconds;
        self.clock.steps += 1;
        self.clock.images += score.samples;
        self.clock.seconds += seconds;
        self.logs.step(&StepLine { step: self.at.step, epoch: self.at.epoch, loss: score.loss })?;
        Ok(status)
    }

    /// Ends a run of no step: its line is that of epoch 0, with the training images as they are before the first step.
    ///
    /// The checkpoint comes first: if the limit grows, the line goes, and the run is one that was never stopped.
    fn end_at_start(mut self, stop: &AtomicBool, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        self.save_last()?;
        let (began, images) = (Instant::now(), self.sampler.train().to_vec());
        let train = self.sums_of(&self.dataset.train, &images, stop)?;
        let train = train.map(|sums| Sums { seconds: began.elapsed().as_secs_f64(), ..sums });
        let tested = train.map(|train| self.evaluate(0, train, stop)).transpose()?.flatten();
        match tested {
            Some(tested) => self.end_within_epoch(Ending::Finished, &tested, observer),
            None => self.stop(),
        }
    }

    /// Evaluates the network on the validation and the test images and sums the epoch up, whose training images add up to `train`; `None`
    /// if a signal stopped it.
    fn evaluate(&mut self, epoch: u32, train: Sums, stop: &AtomicBool) -> Result<Option<Tested>, Error> {
        let (began, dataset) = (Instant::now(), self.dataset);
        let held_out = self.validation.clone();
        let Some(validation) = self.sums_of(&dataset.train, &held_out, stop)? else { return Ok(None) };
        let Some(test) = self.sums_of(&dataset.test, &dataset.test.indices(), stop)? else { return Ok(None) };
        let test_roc_auc = roc_auc(&mut self.trainer, &self.request.config, dataset, &self.gather.pixels)?;
        dataset.check_unchanged()?;
        let timing = TimingLine {
            epoch,
            train_seconds: train.seconds,
            test_seconds: began.elapsed().as_secs_f64(),
            images_per_second: train.samples as f64 / train.seconds,
            threads: self.request.threads,
            kernels: self.request.kernels.to_string(),
        };
        let ((train_loss, train_accuracy), (test_loss, test_accuracy)) = (self.mean(&train), self.mean(&test));
        let (validation_loss, validation_accuracy) = (validation.samples > 0).then(|| self.mean(&validation)).unzip();
        let line = EpochLine {
            epoch,
            train_loss,
            train_accuracy,
            validation_loss,
            validation_accuracy: validation_accuracy.flatten(),
            test_loss,
            test_accuracy,
            test_roc_auc,
        };
        Ok(Some(Tested { line, timing }))
    }

    /// The sums of loss and correct predictions over some images; `None` if a signal stopped it.
    fn sums_of(&mut self, images: &Images, chosen: &[u32], stop: &AtomicBool) -> Result<Option<Sums>, Error> {
        sums_of(&mut self.trainer, &mut self.targets, &mut self.gather, images, chosen, stop)
    }

    /// Measures the signals on the first batch of the training images, in the epochs that the configuration names.
    fn measure(&mut self, epoch: u32) -> Result<Option<Measures>, Error> {
        let config = &self.request.config;
        let every = config.measure_every;
        if every == 0 || !epoch.is_multiple_of(every) {
            return Ok(None);
        }
        let train = self.sampler.train();
        let chosen = &train[..config.batch.min(train.len())];
        load(&mut self.trainer, &mut self.targets, &mut self.gather, &self.dataset.train, chosen)?;
        match measure(&mut self.trainer, &self.kernels, self.targets.get(), config.measures) {
            // The update before may have made the network diverge: the next step finds out.
            Err(StepError::NonFinite(_)) => Ok(None),
            measures => Ok(Some(measures?)),
        }
    }

    /// Writes the lines of an epoch.
    fn log(&mut self, tested: &Tested, measures: Option<Measures>, observer: &mut dyn Observer) -> Result<(), Error> {
        let Tested { line, timing } = tested;
        self.logs.timing.append(timing)?;
        self.logs.epoch(&MeasuredLine { line: *line, measures })?;
        observer.epoch(line);
        Ok(())
    }

    fn close_epoch(&mut self, tested: &Tested, observer: &mut dyn Observer) -> Result<(), Error> {
        let measures = self.measure(tested.line.epoch)?;
        // Before the line: whatever a process resumes from, the weights of the epochs before are there.
        if self.best.as_mut().is_some_and(|best| best.improves(&tested.line)) {
            self.write_best(tested.line.epoch)?;
        }
        self.log(tested, measures, observer)?;
        self.logs.epochs.flush()?;
        self.at.epoch += 1;
        self.at.batch = 0;
        self.at.sums = Sums::default();
        if self.at.step < self.goal { self.save_if_due(EPOCH_CHECKPOINT_PAUSE) } else { Ok(()) }
    }

    fn end_within_epoch(
        mut self,
        status: Ending,
        tested: &Tested,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, Error> {
        let measures = if status == Ending::Diverged { None } else { self.measure(tested.line.epoch)? };
        self.write_weights()?;
        self.log(tested, measures, observer)?;
        self.end(status)
    }

    /// Writes what else a finished run leaves; the result comes last and says that all is there.
    fn end(mut self, status: Ending) -> Result<Outcome, Error> {
        self.logs.sync()?;
        let lines = read_epochs(self.folder.path())?;
        let file = self.folder.file(RESULT);
        let last = *lines
            .last()
            .ok_or_else(|| Error::Damaged { file: file.clone(), problem: "no epoch was logged".into() })?;
        // No step follows the last update, so the test loss alone shows that it destroyed the network.
        let status = if last.has_diverged() { Ending::Diverged } else { status };
        if self.request.config.target == Target::Class {
            self.write_confusion()?;
            self.dataset.check_unchanged()?;
        }
        self.promote_best()?;
        let summary = Summary { status, step: self.at.step, last };
        atomic::write(&file, |out| {
            serde_json::to_writer_pretty(&mut *out, &summary)?;
            out.write_all(b"\n")
        })
        .map_err(Error::io("write", &file))?;
        if !self.request.keep_weights {
            self.folder.remove(CHECKPOINT)?;
        }
        Ok(Outcome::Ended(summary))
    }

    fn stop(mut self) -> Result<Outcome, Error> {
        self.save()?;
        Ok(Outcome::Stopped { step: self.at.step })
    }

    /// Mean loss, and accuracy in percent if the run has one.
    fn mean(&self, sums: &Sums) -> (f64, Option<f64>) {
        mean(sums, &self.request.config)
    }

    fn progress(&self) -> TrainProgress {
        let (loss, accuracy) = self.mean(&self.at.sums);
        let pace = if self.clock.steps > 0 { self.clock.seconds / self.clock.steps as f64 } else { 0.0 };
        let rate = if self.clock.seconds > 0.0 { self.clock.images as f64 / self.clock.seconds } else { 0.0 };
        let remaining = pace * self.goal.saturating_sub(self.at.step) as f64;
        TrainProgress {
            step: self.at.step,
            goal: self.goal,
            epoch: self.at.epoch,
            epochs: self.request.config.epochs,
            loss,
            accuracy,
            images_per_second: rate,
            remaining: Duration::try_from_secs_f64(remaining).unwrap_or(Duration::MAX),
        }
    }
}
