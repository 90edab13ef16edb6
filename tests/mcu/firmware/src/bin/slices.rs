//! The longest slice of a step by kind of layer, rule and optimizer, beside its bound, `Architecture::longest_slice`.
#![no_std]
#![no_main]

use asymgrad_core::arithmetic::Portable;
use asymgrad_core::feedback::Storage;
use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{
    Activation, Adam, Architecture, Feedback, Layer, Loss, Momentum, Optimizer, RmsProp, Sgd, Shape, Trainer, Training,
};
use firmware::board::{self, Clock};
use firmware::task;
use rand_core::Rng;
use static_cell::ConstStaticCell;

const SGD: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.01 }));
const MOMENTUM: Training = SGD.optimizer(Optimizer::Momentum(Momentum { rate: 0.01, momentum: 0.9 }));
const ADAM: Training = SGD.optimizer(Optimizer::Adam(Adam::DEFAULT));
const DENSE: Architecture = Architecture::new(Shape::vector(64), &[Layer::dense(32), Layer::dense(10)]);
const NARROW: Architecture = Architecture::new(Shape::vector(8), &[Layer::dense(6), Layer::dense(3)]);
const TANH: Architecture =
    Architecture::new(Shape::vector(64), &[Layer::dense(32).activation(Activation::Tanh), Layer::dense(10)]);
const POOLS: Architecture = Architecture::new(
    Shape::image(4, 16, 16),
    &[Layer::max_pool(3, 2), Layer::avg_pool(3, 1), Layer::max_pool(2, 2), Layer::dense(4)],
);
const MANY_CLASSES: Architecture = Architecture::new(Shape::vector(2), &[Layer::dense(100)]);

const fn conv(second: Layer) -> [Layer; 5] {
    [Layer::conv(4, 3), Layer::max_pool(3, 2), second, Layer::avg_pool(3, 2), Layer::dense(10)]
}
const CONV: Architecture = Architecture::new(Shape::image(1, 16, 16), &conv(Layer::conv(8, 3)));
const UNTIED: Architecture = Architecture::new(Shape::image(1, 8, 8), &conv(Layer::untied(8, 3)));
const ONE_DIMENSION: Architecture = Architecture::new(
    Shape::image(3, 1, 64),
    &[
        Layer::conv_rect(8, 1, 5).stride(2),
        Layer::conv_rect(12, 1, 5).stride(2).feedback(Feedback::Fixed),
        Layer::global_avg_pool(),
        Layer::dense(3),
    ],
);
const ONE_COLUMN: Architecture = Architecture::new(
    Shape::image(2, 24, 1),
    &[Layer::conv_rect(6, 5, 1), Layer::max_pool(3, 2), Layer::conv_rect(5, 4, 1).stride(2), Layer::dense(3)],
);
/// Most of the taps lie on padding.
const EDGES: Architecture =
    Architecture::new(Shape::image(1, 4, 4), &[Layer::conv(3, 5), Layer::conv(3, 5), Layer::dense(3)]);

macro_rules! with_rule {
    ($rule:ident) => {
        Architecture::new(
            Shape::vector(64),
            &[Layer::dense(32), Layer::dense(48).feedback(Feedback::$rule), Layer::dense(10)],
        )
    };
}

const LARGEST: usize = {
    let largest = CONV.memory(&ADAM_BATCH);
    assert!(largest >= UNTIED.memory(&ADAM_BATCH) && largest >= DENSE.memory(&ADAM_BATCH));
    largest
};
const ADAM_BATCH: Training = Training::new(8).optimizer(Optimizer::Adam(Adam::DEFAULT));
static MEMORY: ConstStaticCell<[f32; LARGEST]> = ConstStaticCell::new([0.0; LARGEST]);

/// Measures a training in an image of its own capabilities.
macro_rules! measure {
    ($memory:expr, $clock:expr, $($name:literal: $network:expr, $training:expr;)+) => {
        $({
            const NET: Architecture = $network;
            const TRAINING: Training = $training;
            let memory = $memory.get_mut(..NET.memory(&TRAINING))?;
            let trainer = Trainer::<{ NET.capabilities(&TRAINING) }>::new(NET, TRAINING, memory);
            measure($name, &mut trainer.ok()?, $clock)?;
        })+
    };
}

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

fn run() -> Option<()> {
    let (memory, clock) = (MEMORY.try_take()?, &mut Clock::new()?);
    measure!(memory, clock,
        "dense sgd": DENSE, SGD;
        "dense momentum": DENSE, MOMENTUM;
        "dense adam": DENSE, ADAM;
        "dense rmsprop": DENSE, SGD.optimizer(Optimizer::RmsProp(RmsProp::DEFAULT));
        "dense clip decay": DENSE, SGD.clip(0.1).decay(1e-3);
        "dense sgd 8": DENSE, ADAM_BATCH.optimizer(Optimizer::Sgd(Sgd { rate: 0.01 }));
        "dense adam 8": DENSE, ADAM_BATCH;
        "dense narrow": NARROW, SGD;
        "dense tanh": TANH, SGD;
        "dense hinge 100": MANY_CLASSES, SGD.loss(Loss::Hinge);
        "dense crammer-singer 100": MANY_CLASSES, SGD.loss(Loss::CrammerSinger);
        "dense ce 100": MANY_CLASSES, SGD;
        "pools": POOLS, SGD;
        "conv sgd": CONV, SGD;
        "conv adam": CONV, ADAM;
        "conv adam 8": CONV, ADAM_BATCH;
        "untied sgd": UNTIED, SGD;
        "untied adam 8": UNTIED, ADAM_BATCH;
        "edges sgd": EDGES, SGD;
        "one dimension sgd": ONE_DIMENSION, SGD;
        "one dimension adam": ONE_DIMENSION, ADAM;
        "one column sgd": ONE_COLUMN, SGD;
        "dense mse": DENSE, SGD.loss(Loss::MeanSquared);
        "dense bce": DENSE, SGD.loss(Loss::BinaryCrossEntropy);
        "R sgd": with_rule!(Fixed), SGD;
        "R seed sgd": with_rule!(Fixed), SGD.fixed_feedback(Storage::Seed);
        "R* sgd": with_rule!(Updated), SGD;
        "uSF sgd": with_rule!(UniformSign), SGD;
        "brSF sgd": with_rule!(BatchSign), SGD;
        "WM sgd": with_rule!(WeightMirror), SGD;
        "WM tanh sgd": with_rule!(WeightMirror), SGD.mirror_response(Activation::Tanh);
        "KP sgd": with_rule!(KolenPollack), SGD;
        "DRTP sgd": with_rule!(Target), SGD;
        "DFA sgd": with_rule!(Direct), SGD;
        "dense sgd in slices of 1": DENSE, SGD.slice(1);
        "dense sgd in slices of 200": DENSE, SGD.slice(200);
        "dense sgd in slices of 600": DENSE, SGD.slice(600);
        "dense adam in slices of 200": DENSE, ADAM.slice(200);
        "dense adam 8 in slices of 2000": DENSE, ADAM_BATCH.slice(2000);
        "conv sgd in slices of 1": CONV, SGD.slice(1);
        "conv sgd in slices of 500": CONV, SGD.slice(500);
        "conv sgd in slices of 2000": CONV, SGD.slice(2000);
        "conv sgd in slices of 4000": CONV, SGD.slice(4000);
        "conv adam in slices of 500": CONV, ADAM.slice(500);
        "conv adam 8 in slices of 5000": CONV, ADAM_BATCH.slice(5000);
        "untied sgd in slices of 500": UNTIED, SGD.slice(500);
        "untied adam 8 in slices of 5000": UNTIED, ADAM_BATCH.slice(5000);
        "pools in slices of 500": POOLS, SGD.slice(500);
        "edges sgd in slices of 200": EDGES, SGD.slice(200);
        "one dimension sgd in slices of 300": ONE_DIMENSION, SGD.slice(300);
        "one dimension adam in slices of 300": ONE_DIMENSION, ADAM.slice(300);
        "one column sgd in slices of 100": ONE_COLUMN, SGD.slice(100);
        "R seed sgd in slices of 200": with_rule!(Fixed), SGD.fixed_feedback(Storage::Seed).slice(200);
        "R* sgd in slices of 200": with_rule!(Updated), SGD.slice(200);
        "brSF sgd in slices of 200": with_rule!(BatchSign), SGD.slice(200);
        "WM sgd in slices of 200": with_rule!(WeightMirror), SGD.slice(200);
        "DFA sgd in slices of 100": with_rule!(Direct), SGD.slice(100);
    );
    Some(())
}

/// Prints the longest slices of a training's steps, forward and backward, and the bound.
fn measure<const CAPS: u32>(name: &str, trainer: &mut Trainer<'_, CAPS, Portable>, clock: &mut Clock) -> Option<()> {
    trainer.initialize(&mut SplitMix::new(1), 2);
    let (batch, classes) = (trainer.training().batch(), trainer.network().classes());
    let mut generator = SplitMix::new(5);
    let mut labels = [0; 8];
    let labels = labels.get_mut(..batch)?;
    let mut longest = 0;
    for _ in 0..3 {
        trainer.input(batch).ok()?.iter_mut().for_each(|x| *x = symmetric(generator.next_u32()));
        labels.iter_mut().for_each(|label| *label = generator.next_u32() as usize % classes.max(1));
        let mut step = trainer.start(&*labels).ok()?;
        loop {
            let before = clock.instructions();
            clock.start();
            let polled = step.poll().ok()?;
            clock.stop();
            let taken = u32::try_from(clock.instructions() - before).ok()?;
            longest = longest.max(taken);
            if polled.is_ready() {
                break;
            }
        }
    }
    board::print("slice of ");
    board::print(name);
    board::print(" ");
    board::print_integer(longest);
    task::line(" at most", u32::try_from(trainer.network().longest_slice(trainer.training())).ok()?);
    Some(())
}
