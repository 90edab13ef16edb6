//! The logits of a trained network, and the confusion matrix.

use std::fs;
use std::path::Path;

use asymgrad_core::Trainer;
use asymgrad_core::capabilities::ALL;
use asymgrad_core::kernels::Kernels;

use crate::atomic;
use crate::config::Config;
use crate::dataset::{Dataset, Images, Pixels};
use crate::kernels::{HostKernels, InstructionSet};
use crate::run::{CONFUSION, Error, allocate};

/// The logits of all images, \[image\]\[class\].
///
/// # Errors
/// [`Error`] if a file of images cannot be read, or the network does not take them.
pub fn logits<K: Kernels>(
    trainer: &mut Trainer<'_, ALL, K>,
    images: &Images,
    pixels: &Pixels,
) -> Result<Vec<f32>, Error> {
    let (classes, batch) = (trainer.network().classes(), trainer.training().batch());
    let mut logits = vec![0.0; images.len() * classes];
    let mut inputs = vec![];
    for (first, rows) in (0..images.len()).step_by(batch).zip(logits.chunks_mut(batch * classes)) {
        let samples = rows.len() / classes;
        inputs.clear();
        for image in first..first + samples {
            inputs.extend(pixels.numbers(&images.image(image)?));
        }
        let columns = trainer.predict(&inputs)?;
        for (sample, row) in rows.chunks_mut(classes).enumerate() {
            for (class, logit) in row.iter_mut().enumerate() {
                *logit = columns[class * samples + sample];
            }
        }
    }
    Ok(logits)
}

/// The logits that a saved state gives all test images, \[image\]\[class\], in the numeric mode that it was trained in; where this
/// CPU has no kernels of it, in that of its fastest.
///
/// # Errors
/// [`Error`] if there is not enough memory, or the network does not take these images.
pub fn predict(config: &Config, state: &[f32], dataset: &Dataset) -> Result<Vec<f32>, Error> {
    let set = InstructionSet::of(config.class);
    let kernels = HostKernels::new(set, 1).map_err(|error| Error::Threads { threads: 1, reason: error.to_string() })?;
    kernels.install(|| {
        let network = config.network.architecture();
        let training = config.training_on(dataset);
        let mut memory = allocate(network.memory(&training))?;
        let mut trainer = Trainer::<ALL, _>::with_kernels(network, training, &mut memory, &kernels)?;
        trainer.state_mut().copy_from_slice(state);
        let logits = logits(&mut trainer, &dataset.test, &config.pixels(dataset))?;
        dataset.check_unchanged()?;
        Ok(logits)
    })
}

/// The [`confusion`] matrix of a network on images; `None` if a logit is not finite, as that is no answer.
pub(super) fn confusion_of<K: Kernels>(
    trainer: &mut Trainer<'_, ALL, K>,
    images: &Images,
    pixels: &Pixels,
) -> Result<Option<Vec<Vec<u32>>>, Error> {
    let logits = logits(trainer, images, pixels)?;
    let is_finite = logits.iter().all(|logit| logit.is_finite());
    Ok(is_finite.then(|| confusion(&logits, &images.labels, trainer.network().classes())))
}

/// Counts, for images of each class, what the network takes them for: the class of the first largest logit; of one logit class 1 above
/// 0, else class 0.
pub fn confusion(logits: &[f32], labels: &[u8], outputs: usize) -> Vec<Vec<u32>> {
    let answers = if outputs == 1 { 2 } else { outputs };
    let classes = labels.iter().max().map_or(0, |most| usize::from(*most) + 1).max(answers);
    let mut counts = vec![vec![0; answers]; classes];
    for (row, label) in logits.chunks(outputs.max(1)).zip(labels) {
        let largest = (1..outputs).fold(0, |best, class| if row[class] > row[best] { class } else { best });
        let answer = if outputs == 1 { usize::from(row[0] > 0.0) } else { largest };
        counts[usize::from(*label)][answer] += 1;
    }
    counts
}

/// Writes `confusion.json`.
pub(crate) fn write_confusion(file: &Path, counts: &[Vec<u32>]) -> Result<(), Error> {
    atomic::write(file, |out| {
        serde_json::to_writer(&mut *out, counts)?;
        out.write_all(b"\n")
    })
    .map_err(Error::io("write", file))
}

/// Reads a run's `confusion.json`; `None` if the run has not ended, or was trained before there was such a file.
pub fn read_confusion(folder: &Path) -> Option<Vec<Vec<u32>>> {
    serde_json::from_slice(&fs::read(folder.join(CONFUSION)).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_largest_score_is_the_answer() {
        let logits = [0.5, 0.5, -1.0, /**/ -3.0, -2.0, -2.5, /**/ 0.0, 1.0, 2.0];
        assert_eq!(confusion(&logits, &[0, 2, 2], 3), [vec![1, 0, 0], vec![0, 0, 0], vec![0, 1, 1]]);
        assert_eq!(confusion(&[-0.5, 0.0, 0.5, 2.0], &[0, 1, 1, 0], 1), [vec![1, 1], vec![1, 1]]);
    }
}
