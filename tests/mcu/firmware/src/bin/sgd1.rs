//! Online training: a step for each digit with plain gradient descent.
#![no_std]
#![no_main]

use asymgrad_core::{Optimizer, Sgd, Training};

firmware::program!(Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.01 })));
