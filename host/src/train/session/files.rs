//! The files that a session writes beside its logs: checkpoints, weights, and the confusion matrix.

use std::ops::Range;
use std::time::{Duration, Instant};

use asymgrad_core::TensorRole;

use super::{FLUSH_PAUSE, Session};
use crate::run::{BEST, CHECKPOINT, CONFUSION, Error, WEIGHTS, pending_best};
use crate::tensors;
use crate::train::logits::{confusion_of, write_confusion};

impl Session<'_> {
    /// The weights of a run that ends, and the feedback that a next step would use.
    pub(super) fn write_weights(&mut self) -> Result<(), Error> {
        if !self.request.keep_weights {
            return Ok(());
        }
        self.trainer.refresh_feedback();
        self.write_tensors(WEIGHTS)
    }

    /// As [`Session::write_weights`] for the best epoch so far. The next step needs the feedback as it was.
    ///
    /// Until the next checkpoint the weights stand beside those of the best epoch before: a process that resumes before this epoch may
    /// end before it, too.
    pub(super) fn write_best(&mut self, epoch: u32) -> Result<(), Error> {
        let (network, training) = (self.trainer.network(), self.request.config.training());
        let feedback = network.tensors(&training).filter(|tensor| tensor.role() == TensorRole::Feedback);
        let ranges: Vec<Range<usize>> = feedback.map(|tensor| tensor.range()).collect();
        let kept: Vec<Vec<f32>> = ranges.iter().map(|range| self.trainer.state()[range.clone()].to_vec()).collect();
        self.trainer.refresh_feedback();
        self.write_tensors(&pending_best(epoch))?;
        if let Some(before) = self.pending_best.replace(epoch) {
            self.folder.remove(&pending_best(before))?;
        }
        for (range, values) in ranges.into_iter().zip(kept) {
            self.trainer.state_mut()[range].copy_from_slice(&values);
        }
        Ok(())
    }

    /// Makes the weights of [`Session::write_best`] those of the best epoch: what a process resumes from has made it.
    pub(super) fn promote_best(&mut self) -> Result<(), Error> {
        let Some(epoch) = self.pending_best.take() else { return Ok(()) };
        let (from, to) = (self.folder.file(&pending_best(epoch)), self.folder.file(BEST));
        std::fs::rename(from, &to).map_err(Error::io("write", &to))
    }

    fn write_tensors(&self, name: &str) -> Result<(), Error> {
        let (file, training) = (self.folder.file(name), self.request.config.training());
        let standard = self.request.config.standard.as_ref();
        tensors::write(&file, &self.trainer.network(), &training, self.trainer.state(), standard)
            .map_err(Error::io("write", &file))
    }

    pub(super) fn write_confusion(&mut self) -> Result<(), Error> {
        match confusion_of(&mut self.trainer, &self.dataset.test, &self.gather.pixels)? {
            Some(counts) => write_confusion(&self.folder.file(CONFUSION), &counts),
            None => Ok(()),
        }
    }

    pub(super) fn save_if_due(&mut self, pause: Duration) -> Result<(), Error> {
        if self.clock.flush.elapsed() > FLUSH_PAUSE {
            self.logs.flush()?;
            self.clock.flush = Instant::now();
        }
        let counted =
            self.request.checkpoint_every.is_some_and(|steps| self.at.step > 0 && self.at.step.is_multiple_of(steps));
        if counted || self.clock.checkpoint.elapsed() > pause { self.save() } else { Ok(()) }
    }

    /// The checkpoint from which a run that has ended can be extended.
    pub(super) fn save_last(&mut self) -> Result<(), Error> {
        if self.request.keep_weights { self.save() } else { Ok(()) }
    }

    pub(super) fn save(&mut self) -> Result<(), Error> {
        self.folder.check_lock()?;
        self.dataset.check_unchanged()?;
        self.at.logs = self.logs.sync()?;
        let file = self.folder.file(CHECKPOINT);
        self.at.write(&file, self.trainer.state()).map_err(Error::io("write", &file))?;
        self.clock.checkpoint = Instant::now();
        self.promote_best()
    }
}
