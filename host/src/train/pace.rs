//! The time that a step takes on this machine.

use std::time::{Duration, Instant};

use asymgrad_core::{Step, StepError, Trainer};

use super::batches::Gather;
use super::initial::initialize;
use super::request::Request;
use super::sampler::Sampler;
use super::step::load;
use super::targets::BatchTargets;
use crate::dataset::Dataset;
use crate::kernels::HostKernels;
use crate::run::{Error, allocate};

/// A pace is measured no longer than this.
const LONGEST: Duration = Duration::from_millis(500);

/// What the parts of a run take on this machine, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// A step.
    pub step: f64,
    /// A warm-up round of weight mirrors; 0 without any.
    pub warm_up_round: f64,
}

/// The pace of a run: the mean of three steps at most, after one that is not counted, with drawn weights.
///
/// # Errors
/// [`Error`] if the training does not fit into memory, or the network does not take the data.
pub fn pace(request: &Request, dataset: &Dataset) -> Result<Pace, Error> {
    let (config, threads) = (&request.config, request.threads);
    let kernels = HostKernels::new(request.kernels, threads)
        .map_err(|error| Error::Threads { threads, reason: error.to_string() })?;
    kernels.install(|| {
        let (architecture, training) = (config.network.architecture(), config.training_on(dataset));
        let mut memory = allocate(architecture.memory(&training))?;
        let mut trainer = Trainer::with_kernels(architecture, training, &mut memory, &kernels)?;
        initialize(&mut trainer, config)?;
        let mut gather = Gather::new(architecture.input(), config.pixels(dataset));
        let mut targets = BatchTargets::new(config.target);
        let mut sampler = Sampler::new(config, dataset, config.split(dataset).0);
        let chosen = sampler.batch(0);
        let mut step = || {
            let began = Instant::now();
            load(&mut trainer, &mut targets, &mut gather, &dataset.train, chosen)?;
            match trainer.start(targets.get()).and_then(Step::finish) {
                Err(StepError::NonFinite(_)) | Ok(_) => Ok(began.elapsed()),
                Err(error) => Err(Error::from(error)),
            }
        };
        step()?;
        let mut times = vec![];
        while times.len() < 3 && times.iter().sum::<Duration>() < LONGEST {
            times.push(step()?);
        }
        let step = times.iter().sum::<Duration>().as_secs_f64() / times.len() as f64;
        if config.mirror_first == 0 {
            return Ok(Pace { step, warm_up_round: 0.0 });
        }
        let began = Instant::now();
        trainer.warm_up_mirrors_once(0)?;
        Ok(Pace { step, warm_up_round: began.elapsed().as_secs_f64() })
    })
}
