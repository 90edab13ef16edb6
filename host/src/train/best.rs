//! The best epoch so far of a run that keeps its weights: the whole epoch with the highest validation accuracy or, in a run without
//! accuracies, the lowest validation loss; of several the first.

use std::fs;
use std::path::Path;

use super::request::Request;
use crate::atomic::{self, PART};
use crate::run::{BEST, EpochLine, Error, pending_best, read_epochs};

/// The best epoch so far.
pub(super) struct Best {
    /// Its [`EpochLine::selection_score`]; below every other without an epoch.
    score: f64,
}

impl Best {
    /// That of a run that has made `epochs` whole epochs; `None` if it is not to keep the weights. A run that has kept some
    /// keeps doing so.
    ///
    /// # Errors
    /// [`Error::NoBest`] if the weights of the best epoch so far were not kept.
    pub(super) fn open(request: &Request, folder: &Path, epochs: u32) -> Result<Option<Self>, Error> {
        let has_file = folder.join(BEST).exists();
        if !request.save_best && !has_file {
            return Ok(None);
        }
        let best = best_of(folder, epochs)?;
        if best.is_some() && !has_file {
            return Err(Error::NoBest { folder: folder.to_owned() });
        }
        Ok(Some(Self { score: best.map_or(f64::NEG_INFINITY, |(score, _)| score) }))
    }

    /// Settles what a killed process has left in a folder whose checkpoint has `epochs` whole epochs: the weights of the best of them take
    /// their place, those of an epoch that is to be made again go.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn settle(folder: &Path, epochs: u32) -> Result<(), Error> {
        let best = best_of(folder, epochs)?;
        for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
            let entry = entry.map_err(Error::io("read", folder))?;
            let name = entry.file_name();
            let Some(epoch) = name.to_str().and_then(pending_epoch) else { continue };
            let file = entry.path();
            if best.is_some_and(|(_, of_best)| of_best == epoch) {
                fs::rename(&file, folder.join(BEST)).map_err(Error::io("rename", &file))?;
            } else {
                atomic::remove(&file).map_err(Error::io("remove", &file))?;
            }
        }
        Ok(())
    }

    /// Whether an epoch that follows is the best now.
    pub(super) fn improves(&mut self, line: &EpochLine) -> bool {
        let better = candidate(line).filter(|score| *score > self.score);
        self.score = better.unwrap_or(self.score);
        better.is_some()
    }
}

/// The highest score among the first `epochs` whole epochs, and the first epoch that has it.
fn best_of(folder: &Path, epochs: u32) -> Result<Option<(f64, u32)>, Error> {
    let mut best = None;
    for line in read_epochs(folder)?.iter().filter(|line| (1..=epochs).contains(&line.epoch)) {
        let score = candidate(line);
        if score > best.map(|(score, _)| score) {
            best = score.map(|score| (score, line.epoch));
        }
    }
    Ok(best)
}

/// The epoch of a file of [`pending_best`].
fn pending_epoch(name: &str) -> Option<u32> {
    let epoch = name.strip_prefix(BEST)?.strip_prefix('.')?.strip_suffix(PART)?.parse().ok()?;
    (name == pending_best(epoch)).then_some(epoch)
}

/// The score by which an epoch is chosen; `None` without a validation split, or if a loss is not finite.
fn candidate(line: &EpochLine) -> Option<f64> {
    (line.validation_loss.is_some() && !line.has_diverged()).then(|| line.selection_score())
}
