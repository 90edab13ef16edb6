//! The network of the core's page, 12-16-3 with (R), online: what its stack and flash are.
#![no_std]
#![no_main]

use asymgrad_core::{Architecture, Feedback, Layer, Optimizer, Sgd, Shape, Training};

const NET: Architecture =
    Architecture::new(Shape::vector(12), &[Layer::dense(16), Layer::dense(3).feedback(Feedback::Fixed)]);
firmware::measured!(NET, Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.05 })));
