//! Mini-batches of 16, Adam.
#![no_std]
#![no_main]

use asymgrad_core::{Adam, Optimizer, Training};

firmware::program!(Training::new(16).optimizer(Optimizer::Adam(Adam { rate: 0.003, ..Adam::DEFAULT })));
