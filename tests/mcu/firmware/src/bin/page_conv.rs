//! The convolutional network of the core's page, online: what its stack and flash are.
#![no_std]
#![no_main]

use asymgrad_core::{Architecture, Layer, Optimizer, Sgd, Shape, Training};

const NET: Architecture = Architecture::new(
    Shape::image(1, 16, 16),
    &[Layer::conv(4, 3), Layer::max_pool(3, 2), Layer::conv(8, 3), Layer::max_pool(3, 2), Layer::dense(10)],
);
firmware::measured!(NET, Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.01 })));
