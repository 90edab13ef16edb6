//! Baseline: milliseconds of a training step in burn, on its CPU backend Flex.
//!
//!     RAYON_NUM_THREADS=2 cargo run --release --bin burn_step | tee -a ../../../target/baselines.jsonl
//!
//! A step is the forward pass, cross-entropy, the backward pass with the true gradient, and Adam. burn has no locally connected
//! convolution. Its pools are padded on all sides, which changes no size.

mod steps;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{AvgPool2dConfig, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor};
use steps::{BATCHES, DENSE, measure};

#[derive(Module, Debug)]
struct Network {
    convolutions: Vec<Conv2d>,
    dense: Vec<Linear>,
}

impl Network {
    fn new(convolutions: &[[usize; 2]], widths: &[usize], device: &Device) -> Self {
        let convolution = |channels: &[usize; 2]| {
            Conv2dConfig::new(*channels, [5, 5]).with_padding(PaddingConfig2d::Explicit(2, 2, 2, 2)).init(device)
        };
        let dense = |pair: &[usize]| LinearConfig::new(pair[0], pair[1]).init(device);
        Self {
            convolutions: convolutions.iter().map(convolution).collect(),
            dense: widths.windows(2).map(dense).collect(),
        }
    }

    fn forward(&self, mut images: Tensor<4>) -> Tensor<2> {
        let padding = PaddingConfig2d::Explicit(1, 1, 1, 1);
        for (index, convolution) in self.convolutions.iter().enumerate() {
            images = relu(convolution.forward(images));
            images = if index == 0 {
                MaxPool2dConfig::new([3, 3]).with_strides([2, 2]).with_padding(padding.clone()).init().forward(images)
            } else {
                AvgPool2dConfig::new([3, 3]).with_strides([2, 2]).with_padding(padding.clone()).init().forward(images)
            };
        }
        let mut values: Tensor<2> = images.flatten(1, 3);
        for (index, dense) in self.dense.iter().enumerate() {
            values = dense.forward(values);
            if index + 1 < self.dense.len() {
                values = relu(values);
            }
        }
        values
    }
}

fn time(name: &str, convolutions: &[[usize; 2]], widths: &[usize], steps: usize) {
    let device = Device::flex().autodiff();
    for batch in BATCHES {
        let mut network = Network::new(convolutions, widths, &device);
        let mut optimizer = AdamConfig::new().with_epsilon(1e-8).init();
        let loss = CrossEntropyLossConfig::new().init(&device);
        let images: Tensor<4> = Tensor::random([batch, 3, 32, 32], Distribution::Uniform(0.0, 1.0), &device);
        let labels: Tensor<1, Int> = Tensor::random([batch], Distribution::Uniform(0.0, 10.0), &device);
        measure("burn", name, batch, steps, || {
            let loss = loss.forward(network.forward(images.clone()), labels.clone());
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            network = optimizer.step(1e-3, network.clone(), gradients);
        });
    }
}

fn main() {
    for (name, widths) in DENSE {
        time(name, &[], widths, 10);
    }
    time("PG", &[[3, 32], [32, 64], [64, 64]], &[1024, 128, 10], 3);
}
