//! Which images each step trains on: a pure function of the configuration and the step, whatever an epoch is.

use super::batches::shuffled;
use crate::config::Config;
use crate::dataset::Dataset;

/// The images of each step. Pass follows pass, and each has an order of its own.
#[derive(Debug)]
pub(super) struct Sampler<'a> {
    config: &'a Config,
    /// The images to train on.
    train: Vec<u32>,
    steps_per_pass: u64,
    /// The images in the order of the pass, from 1; of no pass yet at 0.
    order: Vec<u32>,
    pass: u64,
}

impl<'a> Sampler<'a> {
    /// That of a run on `dataset`.
    pub(super) fn new(config: &'a Config, dataset: &Dataset) -> Self {
        let (train, _) = config.split(dataset);
        Self { config, train, steps_per_pass: config.steps_per_pass(dataset) as u64, order: vec![], pass: 0 }
    }

    /// The images of step `step`, from 0, which is batch `step` mod s of pass `step` / s + 1, where a pass has s steps; none without images
    /// to train on.
    pub(super) fn batch(&mut self, step: u64) -> &[u32] {
        let steps = self.steps_per_pass.max(1);
        let pass = step / steps + 1;
        if pass != self.pass {
            self.order = self.order_of(pass);
            self.pass = pass;
        }
        let batch = usize::try_from(step % steps).unwrap_or(usize::MAX);
        self.order.chunks(self.config.batch.max(1)).nth(batch).unwrap_or_default()
    }

    fn order_of(&self, pass: u64) -> Vec<u32> {
        if !self.config.shuffle {
            return self.train.clone();
        }
        let samples = u32::try_from(self.train.len()).unwrap_or(u32::MAX);
        shuffled(samples, self.config.seed, pass).into_iter().map(|place| self.train[place as usize]).collect()
    }
}
