//! The values that a training begins with.

use std::collections::BTreeMap;

use asymgrad_core::{Feedback, Initial, TensorRole};

use super::batches::generator;
use super::step::HostTrainer;
use crate::config::{Config, Initials};
use crate::run::Error;

/// The first stream of the generator whose draws are the biases of layer 0, 1, …
const BIASES: u64 = 1 << 32;
/// The first stream of the generator whose draws are the weights of layer 0, 1, … with distributions of their own.
const WEIGHTS: u64 = 2 << 32;

/// Draws weights, feedback and biases. What a layer has of its own leaves the draws of the others as they are without it.
pub(super) fn initialize(trainer: &mut HostTrainer<'_>, config: &Config) -> Result<(), Error> {
    trainer.initialize(&mut generator(config.seed, 0), config.seed);
    for (number, initial) in &config.weights_init.layers {
        let layer = number - 1;
        trainer.draw_weights(layer, *initial, &mut generator(config.seed, WEIGHTS + layer as u64))?;
    }
    for (number, initial) in &config.feedback_init.layers {
        trainer.draw_feedback(number - 1, *initial, config.seed)?;
    }
    for layer in 0..trainer.network().layers().len() {
        let initial = config.bias_init.of(layer + 1);
        if initial != Initial::Zero {
            trainer.draw_biases(layer, initial, &mut generator(config.seed, BIASES + layer as u64))?;
        }
    }
    Ok(())
}

/// Every layer with a distribution of its own has to exist and to have such values.
///
/// # Errors
/// [`Error::Initial`], which names the option, the layer, and the layers that there are.
pub(super) fn check_initial(config: &Config) -> Result<(), Error> {
    let (network, training) = (config.network.architecture(), config.training());
    for (option, initials, role) in [
        ("--weights-init", &config.weights_init, TensorRole::Weight),
        ("--feedback-init", &config.feedback_init, TensorRole::Feedback),
        ("--bias-init", &config.bias_init, TensorRole::Bias),
    ] {
        let tensors = network.tensors(&training).filter(|tensor| tensor.role() == role);
        let known: BTreeMap<usize, String> =
            tensors.map(|tensor| (tensor.layer() + 1, network.layers()[tensor.layer()].to_string())).collect();
        check_layers(option, initials, &known)?;
    }
    let layers = config.feedback_init.layers.keys();
    match layers.copied().find(|number| network.layers()[number - 1].feedback == Feedback::BatchSign) {
        Some(layer) => Err(Error::Initial {
            option: "--feedback-init",
            layer,
            problem: "(brSF) draws new magnitudes in each step, all layers' with the first distribution".into(),
        }),
        None => Ok(()),
    }
}

fn check_layers(option: &'static str, initials: &Initials, known: &BTreeMap<usize, String>) -> Result<(), Error> {
    let Some(layer) = initials.layers.keys().copied().find(|layer| !known.contains_key(layer)) else { return Ok(()) };
    let known: Vec<String> = known.iter().map(|(number, layer)| format!("{number} ({layer})")).collect();
    let problem = if known.is_empty() { "no layer has some".into() } else { format!("there are {}", known.join(", ")) };
    let problem = format!("the network has no such layer with values of that kind; {problem}");
    Err(Error::Initial { option, layer, problem })
}
