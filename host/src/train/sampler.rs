//! Which images each step trains on: a pure function of the configuration and the step, whatever an epoch is.

use std::sync::Arc;

use super::batches::{shuffled, with_replacement};
use crate::config::Config;
use crate::dataset::{Dataset, IndexFile};
use crate::run::Error;

/// The images of each step: the rows of a file, which repeat, or pass after pass, each with an order of its own.
#[derive(Debug)]
pub(super) struct Sampler<'a> {
    config: &'a Config,
    file: Option<&'a IndexFile>,
    /// The images to train on.
    train: Vec<u32>,
    steps_per_pass: u64,
    /// The images in the order of the pass, from 1; of no pass yet at 0.
    order: Vec<u32>,
    pass: u64,
}

impl<'a> Sampler<'a> {
    /// That of a run on `dataset`, of which `train` are the images to train on.
    pub(super) fn new(config: &'a Config, dataset: &'a Dataset, train: Vec<u32>) -> Self {
        let (file, steps_per_pass) = (dataset.batches.as_deref(), config.steps_per_pass(dataset) as u64);
        Self { config, file, train, steps_per_pass, order: vec![], pass: 0 }
    }

    /// The images of step `step`, from 0, which is batch `step` mod s of pass `step` / s + 1, where a pass has s steps; none without images
    /// to train on.
    pub(super) fn batch(&mut self, step: u64) -> &[u32] {
        let steps = self.steps_per_pass.max(1);
        let (pass, batch) = (step / steps + 1, usize::try_from(step % steps).unwrap_or(usize::MAX));
        if let Some(file) = self.file {
            return file.rows().nth(batch).unwrap_or_default();
        }
        if pass != self.pass {
            self.order = self.order_of(pass);
            self.pass = pass;
        }
        self.order.chunks(self.config.batch.max(1)).nth(batch).unwrap_or_default()
    }

    /// The images to train on.
    pub(super) fn train(&self) -> &[u32] {
        &self.train
    }

    fn order_of(&self, pass: u64) -> Vec<u32> {
        let Config { seed, shuffle, replacement, .. } = *self.config;
        if !shuffle {
            return self.train.clone();
        }
        let samples = u32::try_from(self.train.len()).unwrap_or(u32::MAX);
        let order = if replacement { with_replacement } else { shuffled };
        order(samples, seed, pass).into_iter().map(|place| self.train[place as usize]).collect()
    }
}

/// The options that say which images a step trains on must not contradict each other, and a file of batches names images to train on.
///
/// # Errors
/// [`Error`] that names the options, or the file, the place in it and the image.
pub fn check_sampling(config: &Config, dataset: &Dataset) -> Result<(), Error> {
    let wrong = |problem: String| Err(Error::Sampling { problem });
    let checksum = |file: Option<&Arc<IndexFile>>| file.map(|file| file.checksum.clone());
    for (option, of_run, of_data) in [
        ("--batches", &config.batches, checksum(dataset.batches.as_ref())),
        ("--test-indices", &config.test_indices, checksum(dataset.test_indices.as_ref())),
    ] {
        if *of_run != of_data {
            let of_run = of_run.as_deref().unwrap_or("none");
            return wrong(format!("the SHA-256 of the file of {option} is {of_run}; open the data set with this file"));
        }
    }
    if config.replacement && !config.shuffle {
        return wrong(
            "--replacement draws the images, and --no-shuffle keeps their order; leave one of them out".into(),
        );
    }
    let Some(file) = dataset.batches.as_deref() else { return check_drop_last(config, dataset) };
    let (name, cols) = (file.file.display(), file.cols());
    for (is_given, option) in
        [(!config.shuffle, "--no-shuffle"), (config.replacement, "--replacement"), (config.drop_last, "--drop-last")]
    {
        if is_given {
            return wrong(format!(
                "--batches says which images each step trains on, and so does {option}; leave one of them out"
            ));
        }
    }
    if config.batch != cols {
        let batch = config.batch;
        return wrong(format!("--batch is {batch}, but each row of {name} has {cols} images; leave --batch out"));
    }
    let (mut is_trained_on, train) = (vec![false; dataset.train.len()], config.split(dataset).0);
    for image in &train {
        is_trained_on[*image as usize] = true;
    }
    match file.indices.iter().position(|image| !is_trained_on[*image as usize]) {
        Some(at) => wrong(format!(
            "{name}: row {}, column {} is {}, but --validation, --train-images and --anomaly-class leave {} of the {} training images to \
             train on, without this one",
            at / cols,
            at % cols,
            file.indices[at],
            train.len(),
            dataset.train.len()
        )),
        None => Ok(()),
    }
}

/// `--drop-last` has to leave a batch.
fn check_drop_last(config: &Config, dataset: &Dataset) -> Result<(), Error> {
    let (images, batch) = (config.train_images(dataset), config.batch);
    if !config.drop_last || images >= batch {
        return Ok(());
    }
    Err(Error::Sampling {
        problem: format!(
            "--drop-last leaves no batch of {batch}: there are {images} images to train on; choose a smaller --batch"
        ),
    })
}
