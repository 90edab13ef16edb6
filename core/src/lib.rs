// The modules by level; a module imports only from the levels below its own, and no two files import each other.
//
// | level | module | what it holds |
// |---|---|---|
// | 7 | `snapshot` | a training's state in NOR flash |
// | 7 | `predictor` | prediction with borrowed parameters |
// | 6 | `train` | the trainer: one step as a loop over layers, forward, backward and update |
// | 5 | `kernels` | the passes over one layer, and the function that selects a kernel |
// | 4 | `plan` | the memory plan: offsets, sizes, named tensors |
// | 4 | `running` | running means of loss and accuracy |
// | 3 | `network` | networks and training settings as values: layers, activations, feedback rules, losses, optimizers |
// | 2 | `random` | initial distributions, feedback as a function of seed and index, a generator |
// | 1 | `arithmetic` | multiply-add, square root and other operations that depend on the target |
// | 1 | `capabilities` | bits for the code that an image holds |
// | 1 | `checks` | ranges of coefficients |
// | 1 | `slices` | slices by offset and length |
#![no_std]
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]

#[cfg(test)]
extern crate std;

pub mod arithmetic;
pub mod capabilities;
mod checks;
pub mod kernels;
pub mod network;
mod plan;
mod predictor;
pub mod random;
mod running;
mod slices;
#[cfg(feature = "embedded-storage")]
pub mod snapshot;
mod train;

// The crates whose types and traits are part of the API: `NorFlash`, `MatrixView`, `Rng`.
#[cfg(feature = "embedded-storage")]
pub use embedded_storage;
#[cfg(feature = "nalgebra")]
pub use nalgebra;
pub use rand_core;
#[cfg(feature = "static-cell")]
pub use static_cell;

pub use checks::CoefficientError;
pub use kernels::{StepCoefficients, Update};
pub use network::{
    Activation, Adam, Architecture, ArchitectureError, Feedback, Kernel, Layer, Loss, Momentum, Operation, Optimizer,
    Padding, ParseError, Problem, RmsProp, Score, Sgd, Shape, Targets, Training, feedback,
};
pub use plan::{Region, Tensor, TensorRole};
pub use predictor::Predictor;
pub use random::Initial;
pub use running::Running;
#[doc(hidden)]
pub use train::Declaration;
pub use train::{ErrorSignal, Step, StepError, Trainer, TrainerError};

/// The RAM table of `README.md`.
#[cfg(test)]
mod tests {
    use std::string::{String, ToString};

    use crate::network::feedback::Storage;
    use crate::{Adam, Architecture, Layer, Momentum, Optimizer, Sgd, Training};

    fn with_commas(number: usize) -> String {
        match number / 1000 {
            0 => number.to_string(),
            thousands => std::format!("{},{:03}", with_commas(thousands), number % 1000),
        }
    }

    #[test]
    fn the_readme_s_ram_table_equals_the_memory_plan() {
        let optimizers = [
            (Optimizer::Sgd(Sgd::DEFAULT), 1),
            (Optimizer::Momentum(Momentum::DEFAULT), 1),
            (Optimizer::Adam(Adam::DEFAULT), 1),
            (Optimizer::Adam(Adam::DEFAULT), 16),
        ];
        let rows = include_str!("../README.md")
            .lines()
            .filter(|line| line.starts_with("| `input") || line.starts_with("| the same"));
        let (mut text, mut count) = ("", 0);
        for row in rows {
            let cells: std::vec::Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let storage = if cells[0].starts_with('`') { Storage::Memory } else { Storage::Table };
            if storage == Storage::Memory {
                text = cells[0].trim_matches('`');
            }
            let mut layers = [Layer::dense(1); 10];
            let network = Architecture::parse(text, &mut layers).unwrap();
            let memory = optimizers.map(|(optimizer, batch)| {
                network.memory(&Training::new(batch).optimizer(optimizer).fixed_feedback(storage))
            });
            let found: std::vec::Vec<String> =
                memory.into_iter().chain([network.prediction_memory(1)]).map(|len| with_commas(4 * len)).collect();
            assert_eq!(cells[1..], found, "{row}");
            count += 1;
        }
        assert_eq!(count, 8);
    }
}
