//! Baseline: milliseconds of a training step of the dense networks in candle on the CPU.
//!
//!     RAYON_NUM_THREADS=2 cargo run --release --bin candle_step | tee -a ../../../target/baselines.jsonl
//!
//! A step is the forward pass, cross-entropy, the backward pass with the true gradient, and Adam (AdamW without decay). candle has no
//! gradient of pools whose windows overlap, as those of Poggio's net do.

mod steps;

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW, VarBuilder, VarMap, linear, loss};
use steps::{BATCHES, DENSE, measure};

fn forward(layers: &[Linear], images: &Tensor) -> Result<Tensor> {
    let mut values = images.clone();
    for (index, layer) in layers.iter().enumerate() {
        values = layer.forward(&values)?;
        if index + 1 < layers.len() {
            values = values.relu()?;
        }
    }
    Ok(values)
}

fn main() -> Result<()> {
    let device = Device::Cpu;
    for (name, widths) in DENSE {
        for batch in BATCHES {
            let variables = VarMap::new();
            let builder = VarBuilder::from_varmap(&variables, DType::F32, &device);
            let layers: Vec<Linear> = widths
                .windows(2)
                .enumerate()
                .map(|(index, pair)| linear(pair[0], pair[1], builder.pp(index)))
                .collect::<Result<_>>()?;
            let parameters = ParamsAdamW { lr: 1e-3, weight_decay: 0.0, ..ParamsAdamW::default() };
            let mut optimizer = AdamW::new(variables.all_vars(), parameters)?;
            let images = Tensor::rand(0_f32, 1.0, (batch, 3072), &device)?;
            let labels: Vec<u32> = (0..batch as u32).map(|sample| sample % 10).collect();
            let labels = Tensor::new(labels, &device)?;
            measure("candle", name, batch, 10, || {
                let step = forward(&layers, &images)
                    .and_then(|logits| loss::cross_entropy(&logits, &labels))
                    .and_then(|loss| optimizer.backward_step(&loss));
                step.expect("shapes fit");
            });
        }
    }
    Ok(())
}
