//! A training for each combination of network, feedback rule and optimizer, and for each loss and optimizer.

use asymgrad_core::arithmetic::Arithmetic;
use asymgrad_core::capabilities::ALL;
use asymgrad_core::feedback::Storage;
use asymgrad_core::random::SplitMix;
use asymgrad_core::{
    Activation, Adam, Architecture, Feedback, Layer, Loss, Optimizer, Padding, RmsProp, Sgd, Shape, Trainer, Training,
};

use crate::{Text, digit, initial_weights, text};

const fn dense(layers: &'static [Layer; 2]) -> Architecture<'static> {
    Architecture::new(Shape::vector(crate::PIXELS), layers)
}

/// The network of the task with a feedback rule on its last layer.
macro_rules! with_rule {
    ($rule:ident) => {
        dense(&[Layer::dense(32), Layer::dense(10).feedback(Feedback::$rule)])
    };
}

const RANDOM: Architecture = with_rule!(Fixed);
/// The seed of R, in every storage.
const SEED: u64 = 2;
const IN_FLASH: Training = Training::new(1).fixed_feedback(Storage::Table);
/// R of `RANDOM`, in flash.
static TABLE: [f32; RANDOM.fixed_feedback(&IN_FLASH)] = match RANDOM.feedback_table(&IN_FLASH, SEED) {
    Some(table) => table,
    None => panic!("the table has another length"),
};

/// The three networks with R have to train to the same weights; `run` compares them.
const NETWORKS: [(&str, Architecture, Storage); 14] = [
    ("dense", with_rule!(Symmetric), Storage::Memory),
    ("dense R", RANDOM, Storage::Memory),
    ("dense R in flash", RANDOM, Storage::Table),
    ("dense R from its seed", RANDOM, Storage::Seed),
    ("dense R*", with_rule!(Updated), Storage::Memory),
    ("dense KP", with_rule!(KolenPollack), Storage::Memory),
    ("dense uSF", with_rule!(UniformSign), Storage::Memory),
    ("dense frSF", with_rule!(FixedSign), Storage::Memory),
    ("dense brSF", with_rule!(BatchSign), Storage::Memory),
    ("dense WM", with_rule!(WeightMirror), Storage::Memory),
    ("dense DFA", with_rule!(Direct), Storage::Memory),
    // DRTP projects the labels, an error that does not decrease: the hidden layer has to saturate.
    (
        "dense tanh DRTP",
        dense(&[Layer::dense(32).activation(Activation::Tanh), Layer::dense(10).feedback(Feedback::Target)]),
        Storage::Memory,
    ),
    (
        "conv untied",
        Architecture::new(
            Shape::image(1, 8, 8),
            &[
                Layer::conv(4, 3),
                Layer::max_pool(3, 2),
                Layer::untied(4, 3).feedback(Feedback::Fixed),
                Layer::dense(10).feedback(Feedback::Updated),
            ],
        ),
        Storage::Memory,
    ),
    (
        "conv untied, strides and sides",
        Architecture::new(
            Shape::image(1, 8, 8),
            &[
                Layer::conv_rect(4, 3, 2).stride(2),
                Layer::untied_rect(8, 2, 3).padding(Padding::Valid).feedback(Feedback::Fixed),
                Layer::global_avg_pool(),
                Layer::dense(10).feedback(Feedback::Updated),
            ],
        ),
        Storage::Memory,
    ),
];

/// Reconstructs its input: the targets are the pixels.
const AUTOENCODER: Architecture = dense(&[Layer::dense(32), Layer::dense(crate::PIXELS).feedback(Feedback::Fixed)]);

const TRAININGS: [(&str, Training); 4] = [
    ("sgd 1", Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.01 }))),
    ("sgd 16", Training::new(16).optimizer(Optimizer::Sgd(Sgd { rate: 0.2 }))),
    ("adam 16", Training::new(16).optimizer(Optimizer::Adam(Adam { rate: 0.003, ..Adam::DEFAULT }))),
    // With the other settings of biases and weight mirrors.
    (
        "rmsprop 16",
        Training::new(16)
            .optimizer(Optimizer::RmsProp(RmsProp { rate: 0.003, ..RmsProp::DEFAULT }))
            .bias_rate(0.5)
            .mirror_noise(0.5)
            .mirror_response(Activation::Tanh),
    ),
];

const LARGEST_BATCH: usize = 16;

/// The length of the largest training's memory.
pub const MEMORY: usize = {
    let mut most = AUTOENCODER.memory(&TRAININGS[2].1.loss(Loss::MeanSquared));
    let mut network = 0;
    while network < NETWORKS.len() {
        let mut training = 0;
        while training < TRAININGS.len() {
            let memory = NETWORKS[network].1.memory(&TRAININGS[training].1);
            if memory > most {
                most = memory;
            }
            training += 1;
        }
        network += 1;
    }
    most
};

/// Trains every combination on the first `samples` digits and prints name, correct digits, loss and checksums; `None` on an error.
pub fn all<A: Arithmetic>(
    arithmetic: A,
    samples: usize,
    epochs: usize,
    memory: &mut [f32],
    print: Text<'_>,
) -> Option<()> {
    for (network_name, network, storage) in &NETWORKS {
        for (training_name, training) in &TRAININGS {
            print(network_name);
            print(" ");
            print(training_name);
            train(arithmetic, *network, training.fixed_feedback(*storage), [samples, epochs], memory, print)?;
        }
    }
    for loss in Loss::ALL {
        for (training_name, training) in &TRAININGS {
            for (name, network) in [("loss ", RANDOM), ("autoencoder ", AUTOENCODER)] {
                if network.classes() == crate::PIXELS && !loss.takes_values() {
                    continue;
                }
                print(name);
                print(loss.name());
                print(" ");
                print(training_name);
                train(arithmetic, network, training.loss(loss), [samples, epochs], memory, print)?;
            }
        }
    }
    Some(())
}

fn train<A: Arithmetic>(
    arithmetic: A,
    network: Architecture<'_>,
    training: Training,
    [samples, epochs]: [usize; 2],
    memory: &mut [f32],
    print: Text<'_>,
) -> Option<()> {
    let memory = memory.get_mut(..network.memory(&training))?;
    let mut trainer = Trainer::<ALL, A>::with_kernels(network, training, memory, arithmetic).ok()?;
    if training.storage() == Storage::Table {
        trainer.set_table(&TABLE).ok()?;
    }
    trainer.initialize(&mut SplitMix::new(1), SEED);
    let reconstructs = network.classes() == crate::PIXELS;
    if network.input().is_vector() && !reconstructs {
        initial_weights(trainer.state_mut())?;
    }
    let batch = training.batch();
    let (mut labels, mut pixels) = ([0; LARGEST_BATCH], [[0.0; crate::PIXELS]; LARGEST_BATCH]);
    let (labels, pixels) = (labels.get_mut(..batch)?, pixels.get_mut(..batch)?);
    for _ in 0..epochs {
        let mut first = 0;
        // An incomplete last batch is left out.
        while first + batch <= samples {
            let input = trainer.input(batch).ok()?;
            for (index, (label, pixels)) in labels.iter_mut().zip(&mut *pixels).enumerate() {
                *label = digit(first + index, &mut *pixels)?;
                let columns = input.get_mut(index..)?.iter_mut().step_by(batch);
                columns.zip(pixels).for_each(|(x, pixel)| *x = *pixel);
            }
            let step = if reconstructs { trainer.start(pixels.as_flattened()) } else { trainer.start(&*labels) };
            step.ok()?.finish().ok()?;
            first += batch;
        }
    }
    let (mut loss, mut correct) = (0.0, 0);
    for index in crate::TRAINED..crate::DIGITS {
        let label = digit(index, trainer.input(1).ok()?)?;
        let [pixels, ..] = &mut *pixels else { return None };
        digit(index, &mut *pixels)?;
        let score = if reconstructs { trainer.evaluate(&*pixels) } else { trainer.evaluate(&[label]) };
        let score = score.ok()?;
        loss += score.loss;
        correct += u32::from(score.correct == Some(1));
    }
    print(": correct ");
    text::integer(correct, print);
    print(", loss ");
    text::bits(loss.to_bits(), print);
    print(", weights ");
    text::bits(checksum(trainer.parameters()), print);
    print(", state ");
    text::bits(checksum(trainer.state()), print);
    print("\n");
    Some(())
}

/// FNV-1a over the bits of all values.
pub(crate) fn checksum(values: &[f32]) -> u32 {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .fold(0x811C_9DC5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
