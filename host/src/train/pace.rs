//! How fast a training goes on this machine.

use std::time::{Duration, Instant};

use asymgrad_core::{StepError, Trainer};

use super::batches::{Gather, generator};
use super::request::Request;
use super::step::{drive, load};
use crate::dataset::Dataset;
use crate::kernels::HostKernels;
use crate::run::{Error, allocate};

/// A pace is measured no longer than this.
const LONGEST: Duration = Duration::from_millis(500);

/// The seconds that a step takes on this machine: of three at most, after one to warm up, with drawn weights.
///
/// # Errors
/// [`Error`] if the training does not fit into memory, or the network does not take the data.
pub fn pace(request: &Request, dataset: &Dataset) -> Result<f64, Error> {
    let (config, threads) = (&request.config, request.threads);
    let kernels = HostKernels::new(request.kernels, threads)
        .map_err(|error| Error::Threads { threads, reason: error.to_string() })?;
    kernels.install(|| {
        let (architecture, training) = (config.network.architecture(), config.training_on(dataset));
        let mut memory = allocate(architecture.memory(&training))?;
        let mut trainer = Trainer::with_kernels(architecture, training, &mut memory, &kernels)?;
        trainer.initialize(&mut generator(config.seed, 0), config.seed);
        let (gather, mut labels) = (Gather::new(architecture.input(), config.pixels(dataset)), vec![]);
        let samples = config.batch.min(dataset.train.len());
        let chosen: Vec<u32> = (0..u32::try_from(samples).unwrap_or(u32::MAX)).collect();
        let mut step = || {
            let began = Instant::now();
            load(&mut trainer, &mut labels, &gather, &dataset.train, &chosen)?;
            match drive(&mut trainer, &labels) {
                Err(StepError::NonFinite(_)) | Ok(_) => Ok(began.elapsed()),
                Err(error) => Err(Error::from(error)),
            }
        };
        step()?;
        let mut times = vec![];
        while times.len() < 3 && times.iter().sum::<Duration>() < LONGEST {
            times.push(step()?);
        }
        Ok(times.iter().sum::<Duration>().as_secs_f64() / times.len() as f64)
    })
}
