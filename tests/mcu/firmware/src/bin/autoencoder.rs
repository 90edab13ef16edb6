//! The anomaly detector of MLPerf Tiny (Banbury et al. 2021) without its batch normalisation, online: a dense autoencoder.
#![no_std]
#![no_main]

use asymgrad_core::{Architecture, Layer, Loss, Optimizer, Sgd, Shape, Training};

const NET: Architecture = Architecture::new(
    Shape::vector(640),
    &[
        Layer::dense(128),
        Layer::dense(128),
        Layer::dense(128),
        Layer::dense(128),
        Layer::dense(8),
        Layer::dense(128),
        Layer::dense(128),
        Layer::dense(128),
        Layer::dense(128),
        Layer::dense(640),
    ],
);
firmware::measured!(
    NET,
    Training::new(1).loss(Loss::MeanSquared).optimizer(Optimizer::Sgd(Sgd { rate: 0.01 })),
    |sample, _| &*sample
);
