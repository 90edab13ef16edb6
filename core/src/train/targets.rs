//! The targets of a step: how many samples they are for, their checks, and how they are stored.

use super::buffers::targets_and_activations;
use super::error::StepError;
use super::pass::has_values;
use super::trainer::{NOT_COUNTED, Trainer};
use crate::capabilities::{self, enabled};
use crate::kernels::Kernels;
use crate::network::{Loss, Targets};

impl<const CAPS: u32, K: Kernels> Trainer<'_, CAPS, K> {
    /// The number of samples that targets are for, rounded down.
    pub(super) fn samples_of(&self, targets: Targets<'_>) -> usize {
        match targets {
            Targets::Classes(classes) => classes.len(),
            Targets::Values(values) => values.len() / self.network.classes().max(1),
        }
    }

    /// Refuses targets of another number of samples than was loaded, and those that the loss does not take.
    #[inline(never)]
    pub(super) fn check_targets(&self, targets: Targets<'_>) -> Result<(), StepError> {
        let outputs = self.network.classes();
        match targets {
            Targets::Classes(classes) => {
                if classes.len() != self.samples {
                    return Err(StepError::Labels { expected: self.samples, found: classes.len() });
                }
                let count = if has_values::<CAPS>(&self.training) { self.training.classes(outputs) } else { outputs };
                let wrong = classes.iter().enumerate().find(|(_, class)| **class >= count);
                wrong.map_or(Ok(()), |(sample, found)| Err(StepError::Label { sample, classes: count, found: *found }))
            }
            Targets::Values(values) => {
                if !has_values::<CAPS>(&self.training) {
                    return Err(StepError::ValuesNotTaken { loss: self.training.loss });
                }
                let expected = outputs.saturating_mul(self.samples);
                if values.len() != expected {
                    return Err(StepError::Values { expected, found: values.len() });
                }
                let bounded = self.training.loss == Loss::BinaryCrossEntropy;
                let valid = |value: f32| if bounded { (0.0..=1.0).contains(&value) } else { value.is_finite() };
                let wrong = values.iter().enumerate().find(|(_, value)| !valid(**value));
                wrong.map_or(Ok(()), |(index, found)| {
                    let (sample, output) = (index / outputs.max(1), index % outputs.max(1));
                    Err(StepError::Value { sample, output, found: *found })
                })
            }
        }
    }

    /// Stores checked targets: classes as their index; for a loss that takes values, batch × outputs, column-major.
    pub(super) fn store(&mut self, targets: Targets<'_>) {
        let (samples, outputs) = (self.samples(), self.network.classes());
        if enabled::<CAPS>(capabilities::VALUES) {
            self.correct = if matches!(targets, Targets::Classes(_)) { 0 } else { NOT_COUNTED };
        }
        let (stored, _) = targets_and_activations::<CAPS>(self.work.forward, &self.training, outputs);
        if !has_values::<CAPS>(&self.training) {
            if let Targets::Classes(classes) = targets {
                stored.iter_mut().zip(classes).for_each(|(stored, class)| *stored = *class as f32);
            }
            return;
        }
        for (output, column) in stored.chunks_exact_mut(samples.max(1)).take(outputs).enumerate() {
            match targets {
                Targets::Classes(classes) => {
                    // One output is the probability of class 1.
                    let class = if outputs == 1 { 1 } else { output };
                    for (stored, target) in column.iter_mut().zip(classes) {
                        *stored = if *target == class { 1.0 } else { 0.0 };
                    }
                }
                Targets::Values(values) => {
                    for (stored, values) in column.iter_mut().zip(values.chunks_exact(outputs.max(1))) {
                        *stored = values.get(output).copied().unwrap_or(0.0);
                    }
                }
            }
        }
    }
}
