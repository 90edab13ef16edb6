//! Online training as `sgd1`, but from weights that the device draws, as a program of the guide does.
#![no_std]
#![no_main]

use asymgrad_core::random::SplitMix;
use asymgrad_core::{Optimizer, Sgd, Training};

firmware::program!(Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.01 })), |trainer: &mut digits::Trainer| {
    trainer.initialize(&mut SplitMix::new(1), 2);
    Some(())
});
