//! Mini-batches of 16, plain gradient descent.
#![no_std]
#![no_main]

use asymgrad_core::{Optimizer, Sgd, Training};

firmware::program!(Training::new(16).optimizer(Optimizer::Sgd(Sgd { rate: 0.2 })));
